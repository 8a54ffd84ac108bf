/* SPDX-License-Identifier: MIT */
/*
 * gate.c - gates of the interrupt descriptor table.
 *
 * Problem: a bad gate is not noticed when the table is loaded but at the first interrupt that uses it, where it turns
 * into a double fault. Idea: as in segment.c, refuse beforehand what the CPU would refuse then.
 *
 * Layout (SDM volume 3, figures 6-2 and 6-8): offset 15:0 in bits 0-15, selector 16-31, IST 32-34 (long mode), type
 * 40-43, DPL 45-46, P 47, offset 31:16 in 48-63; in long mode offset 63:32 follows, then zeros. A task gate has a
 * selector only, of a TSS in the GDT, and does not exist in long mode.
 */
#include <quire/segmentation.h>

#define TYPE_TASK      0x5u
#define TYPE_INTERRUPT 0xeu
#define TYPE_TRAP      0xfu

#define SELECTOR_LOCAL 4u

static bool offset_is_valid(const quire_gate_t *gate)
{
    uint64_t upper = gate->offset >> 47;

    if (gate->kind == QUIRE_GATE_TASK)
        return gate->offset == 0;
    if (gate->long_mode)
        return upper == 0 || upper == 0x1ffff;
    return gate->offset >> 32 == 0;
}

static bool is_valid(const quire_gate_t *gate)
{
    /* Selectors 0 to 3 are the null selector. */
    if (gate->selector < 4 || gate->privilege > 3 || gate->interrupt_stack > 7 || !offset_is_valid(gate))
        return false;
    if (gate->interrupt_stack != 0 && !gate->long_mode)
        return false;
    return gate->kind != QUIRE_GATE_TASK || (!gate->long_mode && !(gate->selector & SELECTOR_LOCAL));
}

static uint64_t gate_type(quire_gate_kind_t kind)
{
    switch (kind) {
    case QUIRE_GATE_INTERRUPT:
        return TYPE_INTERRUPT;
    case QUIRE_GATE_TRAP:
        return TYPE_TRAP;
    case QUIRE_GATE_TASK:
        return TYPE_TASK;
    }
    return 0;
}

quire_status_t quire_gate_encode(const quire_gate_t *gate, uint64_t words[2], unsigned *count)
{
    uint64_t type = gate_type(gate->kind);
    uint64_t word;

    if (type == 0 || !is_valid(gate))
        return QUIRE_INVALID;
    word = gate->offset & 0xffff;
    word |= (uint64_t)gate->selector << 16;
    word |= (uint64_t)gate->interrupt_stack << 32;
    word |= type << 40;
    word |= (uint64_t)gate->privilege << 45;
    word |= (uint64_t)1 << 47;
    word |= (gate->offset >> 16 & 0xffff) << 48;
    words[0] = word;
    if (gate->long_mode)
        words[1] = gate->offset >> 32;
    *count = gate->long_mode ? 2 : 1;
    return QUIRE_OK;
}
