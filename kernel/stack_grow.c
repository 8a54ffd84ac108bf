/* SPDX-License-Identifier: MIT */
/*
 * stack_grow.c - a process's stack grows down as it is touched.
 *
 * Problem: how far a stack may grow is a limit that a program can change while it runs (RLIMIT_STACK), and what it has
 * grown to counts against another (RLIMIT_AS). So it cannot be promised once and for all. Idea: only its top is
 * promised; the room for it below is a guard, which nobody is given. A touch there, if the limits allow it, turns the
 * guard above it into stack.
 *
 * As on Linux, a megabyte below the stack must be free, or closed to all access; what is mapped higher than that stops
 * it. New pages are what the lowest page of the stack is, rights and key.
 */
#include "stack_grow.h"

#include "calls.h"
#include "limits.h"
#include "stack.h"

/* Whether [low, end) is free or guard, and nothing that can be touched lies in the gap below. */
static bool is_room(quire_space_t *space, quire_va_t low, quire_va_t end)
{
    quire_va_t at = low - space->start > STACK_GUARD_BYTES ? low - STACK_GUARD_BYTES : space->start;
    quire_vmm_range_t range;

    for (; at < end; at = range.end) {
        if (quire_vmm_next_range_within(space, at, end, &range) != QUIRE_OK)
            return true;
        if (!range.guard && (range.end > low || (range.prot & ~(unsigned)QUIRE_PROT_USER) != 0))
            return false;
    }
    return true;
}

/* So that nobody is placed close below the stack. Where something is already, nothing is added. */
static void move_guard(process_t *process, quire_va_t low)
{
    quire_va_t bottom = low - process->space.start > STACK_GUARD_BYTES ? low - STACK_GUARD_BYTES : process->space.start;
    quire_va_t va;

    if (bottom < process->stack_guard &&
        quire_vmm_reserve(&process->space, bottom, process->stack_guard - bottom, QUIRE_PROT_NONE,
                          QUIRE_RESERVE_FIXED | QUIRE_RESERVE_GUARD, &va) == QUIRE_OK)
        process->stack_guard = bottom;
}

bool stack_grow(process_t *process, quire_va_t va)
{
    quire_space_t *space = &process->space;
    quire_va_t low = quire_page_down(va);
    quire_va_t end = process->stack_low;
    quire_vmm_range_t range;
    unsigned prot;

    if (process->segments != NULL || va >= end || low < space->start ||
        space->end - low > linux_of(process)->limits[RLIMIT_STACK].soft)
        return false;
    if (quire_vmm_next_range_within(space, end, end + QUIRE_PAGE_BYTES, &range) != QUIRE_OK || range.guard ||
        !is_room(space, low, end) || !limits_allow(process, end - low, false, 0, 0))
        return false;
    prot = range.prot & ~(unsigned)QUIRE_PROT_USER;
    if (quire_vmm_reserve(space, low, end - low, prot, QUIRE_RESERVE_REPLACE, &va) != QUIRE_OK)
        return false;
    if (range.key != 0 && quire_vmm_protect_key(space, low, end - low, prot, range.key) != QUIRE_OK)
        quire_port_panic("stack: pages that were just promised cannot get their key");
    process->stack_low = low;
    move_guard(process, low);
    return true;
}
