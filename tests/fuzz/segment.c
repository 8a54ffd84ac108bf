/* SPDX-License-Identifier: MIT */
/*
 * segment.c - any sixteen bytes as a descriptor, a gate and a table: what decodes and is not refused encodes to
 * something that decodes the same, and every load and access is answered.
 */
#include <stdlib.h>
#include <string.h>

#include <quire/segmentation.h>

#define WORDS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_segment(const uint64_t words[2], bool long_mode)
{
    quire_segment_t segment;
    quire_segment_t again;
    uint64_t encoded[2] = {0, 0};
    unsigned count;

    if (quire_segment_decode(words, long_mode, &segment) != QUIRE_OK || quire_segment_refusal(&segment) != NULL)
        return;
    if (quire_segment_encode(&segment, encoded, &count) != QUIRE_OK ||
        quire_segment_decode(encoded, long_mode, &again) != QUIRE_OK)
        abort();
    if (again.kind != segment.kind || again.base != segment.base || again.limit_bytes != segment.limit_bytes ||
        again.privilege != segment.privilege || again.wide != segment.wide || again.busy != segment.busy ||
        again.writable != segment.writable || again.readable != segment.readable)
        abort();
}

static void check_gate(const uint64_t words[2], bool long_mode)
{
    quire_gate_t gate;
    quire_gate_t again;
    uint64_t encoded[2] = {0, 0};
    unsigned count;

    if (quire_gate_decode(words, long_mode, &gate) != QUIRE_OK || quire_gate_refusal(&gate) != NULL)
        return;
    if (quire_gate_encode(&gate, encoded, &count) != QUIRE_OK ||
        quire_gate_decode(encoded, long_mode, &again) != QUIRE_OK)
        abort();
    if (again.kind != gate.kind || again.offset != gate.offset || again.selector != gate.selector ||
        again.parameters != gate.parameters || again.interrupt_stack != gate.interrupt_stack)
        abort();
}

static void check_load(const uint64_t *words, size_t bytes, uint16_t selector, uint32_t offset)
{
    const quire_segment_tables_t tables = {words, bytes / 2, words + WORDS / 2, bytes / 2};

    for (unsigned use = QUIRE_REGISTER_CODE; use <= QUIRE_REGISTER_STACK; use++) {
        quire_segment_fault_t fault = {0};
        quire_segment_t segment;
        uint32_t linear;
        quire_status_t status =
            quire_segment_load(&tables, selector, (quire_segment_register_t)use, selector >> 13 & 3, &segment, &fault);

        if (status == QUIRE_OK)
            status = quire_segment_translate(&segment, (quire_segment_register_t)use, offset, 4, offset % 3, &linear,
                                             &fault);
        if (status != QUIRE_OK && (fault.vector == 0 || fault.reason == NULL))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t words[WORDS] = {0};
    uint16_t selector = 0;
    uint32_t offset = 0;

    memcpy(words, data, size < sizeof(words) ? size : sizeof(words));
    if (size >= sizeof(words) + sizeof(selector) + sizeof(offset)) {
        memcpy(&selector, data + sizeof(words), sizeof(selector));
        memcpy(&offset, data + sizeof(words) + sizeof(selector), sizeof(offset));
    }
    for (unsigned long_mode = 0; long_mode < 2; long_mode++) {
        check_segment(words, long_mode != 0);
        check_gate(words, long_mode != 0);
    }
    check_load(words, sizeof(words), selector, offset);
    return 0;
}
