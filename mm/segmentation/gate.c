/* SPDX-License-Identifier: MIT */
/*
 * gate.c - gates: the doors between rings, in the IDT, the GDT and an LDT.
 *
 * Problem: a bad gate is not noticed when the table is loaded but at the first interrupt or call that uses it, where it
 * turns into a double fault. Idea: as in segment.c, refuse beforehand, in words, what the CPU would refuse then.
 *
 * Layout (SDM volume 3, figures 5-8, 5-9, 6-2 and 6-8): offset 15:0 in bits 0-15, selector 16-31, then parameters of a
 * call gate 32-36 or IST 32-34 (long mode), type 40-43, DPL 45-46, P 47, offset 31:16 in 48-63; in long mode offset
 * 63:32 follows, then zeros. A task gate has a selector only, of a TSS in the GDT, and does not exist in long mode. The
 * 16-bit forms have bit 3 of the type clear and an offset of 16 bits.
 *
 * Invariant: decode(encode(x)) == x for all x that encode accepts.
 */
#include <quire/segmentation.h>

#define TYPE_CALL      0xcu
#define TYPE_TASK      0x5u
#define TYPE_INTERRUPT 0xeu
#define TYPE_TRAP      0xfu
#define TYPE_BROAD     0x8u /* the bit that tells the 32- and 64-bit forms from the 16-bit ones */

#define BIT_TYPE    40
#define BIT_MEMORY  44
#define BIT_PRESENT 47

#define PARAMETERS_MOST      31
#define INTERRUPT_STACK_MOST 7

static const char *offset_refusal(const quire_gate_t *gate)
{
    uint64_t upper = gate->offset >> 47;

    if (gate->kind == QUIRE_GATE_TASK)
        return gate->offset == 0 ? NULL : "a task gate has no offset: the TSS says where the task goes on";
    if (gate->long_mode)
        return upper == 0 || upper == 0x1ffff ? NULL : "the offset is not canonical";
    return gate->offset >> (gate->narrow ? 16 : 32) == 0 ? NULL : "the offset is wider than the gate";
}

static const char *task_refusal(const quire_gate_t *gate)
{
    if (gate->long_mode)
        return "long mode has no task gates";
    if (gate->narrow)
        return "a task gate has one form only";
    return gate->selector & QUIRE_SELECTOR_LOCAL ? "a TSS stands in the GDT, never in an LDT" : NULL;
}

const char *quire_gate_refusal(const quire_gate_t *gate)
{
    if (gate->privilege > 3)
        return "privilege goes from 0 to 3";
    if (gate->selector < 4)
        return "the null selector leads nowhere";
    if (gate->interrupt_stack > INTERRUPT_STACK_MOST)
        return "there are seven interrupt stacks";
    if (gate->interrupt_stack != 0 && (!gate->long_mode || gate->kind == QUIRE_GATE_CALL))
        return "only interrupt and trap gates of long mode have interrupt stacks";
    if (gate->parameters > PARAMETERS_MOST)
        return "a call gate copies at most 31 parameters";
    if (gate->parameters != 0 && (gate->kind != QUIRE_GATE_CALL || gate->long_mode))
        return "only call gates outside long mode copy parameters";
    if (gate->narrow && gate->long_mode)
        return "long mode has no 16-bit gates";
    if (gate->kind == QUIRE_GATE_TASK && task_refusal(gate) != NULL)
        return task_refusal(gate);
    return offset_refusal(gate);
}

static uint64_t gate_type(const quire_gate_t *gate)
{
    uint64_t form = gate->narrow ? ~(uint64_t)TYPE_BROAD : UINT64_MAX;

    switch (gate->kind) {
    case QUIRE_GATE_INTERRUPT:
        return TYPE_INTERRUPT & form;
    case QUIRE_GATE_TRAP:
        return TYPE_TRAP & form;
    case QUIRE_GATE_TASK:
        return TYPE_TASK;
    case QUIRE_GATE_CALL:
        return TYPE_CALL & form;
    }
    return 0;
}

quire_status_t quire_gate_encode(const quire_gate_t *gate, uint64_t words[2], unsigned *count)
{
    uint64_t type = gate_type(gate);
    uint64_t word;

    if (type == 0 || quire_gate_refusal(gate) != NULL)
        return QUIRE_INVALID;
    word = gate->offset & 0xffff;
    word |= (uint64_t)gate->selector << 16;
    word |= (uint64_t)(gate->interrupt_stack | gate->parameters) << 32;
    word |= type << BIT_TYPE;
    word |= (uint64_t)gate->privilege << 45;
    word |= (uint64_t)1 << BIT_PRESENT;
    word |= (gate->offset >> 16 & 0xffff) << 48;
    words[0] = word;
    if (gate->long_mode)
        words[1] = gate->offset >> 32;
    *count = gate->long_mode ? 2 : 1;
    return QUIRE_OK;
}

static bool decode_kind(uint64_t type, bool long_mode, quire_gate_t *gate)
{
    gate->narrow = type != TYPE_TASK && (type & TYPE_BROAD) == 0;
    if (type == TYPE_TASK)
        gate->kind = QUIRE_GATE_TASK;
    else if ((type | TYPE_BROAD) == TYPE_CALL)
        gate->kind = QUIRE_GATE_CALL;
    else if ((type | TYPE_BROAD) == TYPE_INTERRUPT)
        gate->kind = QUIRE_GATE_INTERRUPT;
    else if ((type | TYPE_BROAD) == TYPE_TRAP)
        gate->kind = QUIRE_GATE_TRAP;
    else
        return false;
    return !long_mode || (!gate->narrow && gate->kind != QUIRE_GATE_TASK);
}

quire_status_t quire_gate_decode(const uint64_t words[2], bool long_mode, quire_gate_t *gate)
{
    uint64_t word = words[0];
    quire_gate_t decoded = {
        .selector = (uint16_t)(word >> 16),
        .privilege = (uint8_t)(word >> 45 & 3),
        .long_mode = long_mode,
    };

    if (!(word >> BIT_PRESENT & 1))
        return QUIRE_NOT_FOUND;
    if ((word >> BIT_MEMORY & 1) || !decode_kind(word >> BIT_TYPE & 0xf, long_mode, &decoded))
        return QUIRE_UNSUPPORTED;
    if (decoded.kind == QUIRE_GATE_CALL && !long_mode)
        decoded.parameters = (uint8_t)(word >> 32 & PARAMETERS_MOST);
    if (decoded.kind != QUIRE_GATE_CALL && long_mode)
        decoded.interrupt_stack = (uint8_t)(word >> 32 & INTERRUPT_STACK_MOST);
    if (decoded.kind != QUIRE_GATE_TASK)
        decoded.offset = (word & 0xffff) | (decoded.narrow ? 0 : (word >> 48) << 16);
    if (long_mode)
        decoded.offset |= words[1] << 32;
    *gate = decoded;
    return QUIRE_OK;
}
