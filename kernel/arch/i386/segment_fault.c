/* SPDX-License-Identifier: MIT */
/*
 * segment_fault.c - which rule of segmentation a process has broken, in words.
 *
 * Problem: the CPU says "general protection" and nothing else. Idea: ask the library what it thinks of each access that
 * the instruction would have made (operand.c), in the segments that the process has. The first that it refuses is the
 * one. If the error code names a selector, the instruction wanted to load it, and the library is asked about that.
 */
#include "../../segments.h"

#include "../../print.h"
#include "linear.h"
#include "local.h"
#include "operand.h"
#include "segment.h"

static quire_segment_tables_t tables_of(const segments_t *segments)
{
    quire_segment_tables_t tables = global_table();

    tables.local = segments->local;
    tables.local_bytes = sizeof(segments->local);
    return tables;
}

static const char *verb(unsigned access)
{
    switch ((enum quire_segment_access)access) {
    case QUIRE_SEGMENT_READ:
        return "read";
    case QUIRE_SEGMENT_WRITE:
        return "write";
    case QUIRE_SEGMENT_EXECUTE:
        return "execute";
    }
    return "use";
}

/* Says why an access is refused; false if it is not. */
static bool judge(const quire_segment_tables_t *tables, uint16_t selector, quire_segment_register_t use,
                  uint32_t offset, uint32_t bytes, unsigned access)
{
    quire_segment_t segment;
    quire_segment_fault_t fault;
    uint32_t linear;

    if (quire_segment_load(tables, selector, use, 3, &segment, &fault) != QUIRE_OK)
        return false;
    if (quire_segment_translate(&segment, use, offset, bytes, access, &linear, &fault) == QUIRE_OK)
        return false;
    print("  it wanted to %s %u byte%s at offset 0x%x of selector 0x%04x, but %s\n", verb(access), bytes,
          bytes == 1 ? "" : "s", offset, selector, fault.reason);
    if (segment.limit_bytes != 0)
        print("  selector 0x%04x: base 0x%08x, limit 0x%08x%s\n", selector, (uint32_t)segment.base,
              (uint32_t)(segment.limit_bytes - 1), segment.expand_down ? ": offsets above it are inside" : "");
    return true;
}

static bool explain_load(const quire_segment_tables_t *tables, uint16_t selector, unsigned segment_register)
{
    quire_segment_register_t use = QUIRE_REGISTER_DATA;
    quire_segment_fault_t fault = {.reason = "it leads nowhere that this instruction may go"};
    quire_segment_t segment;

    if (segment_register == 1 || segment_register == OPERAND_NO_REGISTER)
        use = QUIRE_REGISTER_CODE;
    if (segment_register == 2)
        use = QUIRE_REGISTER_STACK;
    if (quire_segment_load(tables, selector, use, 3, &segment, &fault) == QUIRE_OK)
        fault.reason = "it leads nowhere that this instruction may go";
    print("  it wanted to load selector 0x%04x, but %s\n", selector, fault.reason);
    return true;
}

/* Up to 15 bytes at the instruction; false if its first is beyond the limit. */
static bool fetch(const segments_t *segments, uint32_t at, uint8_t code[INSTRUCTION_BYTES])
{
    const quire_segment_t *segment = &segments->segment[LOCAL_CODE];
    uint64_t left = at < segment->limit_bytes ? segment->limit_bytes - at : 0;

    __builtin_memset(code, 0, INSTRUCTION_BYTES);
    linear_read(code, (uint32_t)segment->base + at, left < INSTRUCTION_BYTES ? (size_t)left : INSTRUCTION_BYTES);
    return left != 0;
}

bool segments_explain(const process_t *process, const trap_frame_t *frame)
{
    const segments_t *segments = process->segments;
    quire_segment_tables_t tables;
    operand_t operands[OPERANDS_MAX];
    uint8_t code[INSTRUCTION_BYTES];
    unsigned segment_register;
    unsigned count;

    if (segments == NULL)
        return false;
    tables = tables_of(segments);
    if (!fetch(segments, frame->eip, code))
        return judge(&tables, (uint16_t)frame->cs, QUIRE_REGISTER_CODE, frame->eip, 1, QUIRE_SEGMENT_EXECUTE);
    count = operand_decode(frame, code, operands, &segment_register);
    if ((frame->error & 3) == 0 && frame->error != 0)
        return explain_load(&tables, (uint16_t)(frame->error | 3), segment_register);
    for (unsigned i = 0; i < count; i++) {
        const operand_t *operand = &operands[i];

        if (judge(&tables, operand->selector, operand->stack ? QUIRE_REGISTER_STACK : QUIRE_REGISTER_DATA,
                  operand->offset, operand->bytes, operand->write ? QUIRE_SEGMENT_WRITE : QUIRE_SEGMENT_READ))
            return true;
    }
    return segment_register == 2 ? explain_load(&tables, 0, segment_register) : false;
}
