/* SPDX-License-Identifier: MIT */
/*
 * syscall_advice.c - madvise, mincore, mremap: calls about memory that is mapped already.
 *
 * As in syscall_memory.c, here are Linux's corners: which error comes first, and what a call has done when it meets a
 * hole half way. What is asked of an area is asked of the first page's only, where Linux does so.
 */
#include "arch/arch.h"
#include "breathe.h"
#include "calls.h"
#include "limits.h"
#include "memory.h"

static bool is_aligned(uintptr_t address)
{
    return (address & QUIRE_PAGE_MASK) == 0;
}

/* False: no such advice. */
static bool is_advice(uintptr_t advice)
{
    return advice <= MADV_DONTNEED || (advice >= MADV_FREE && advice <= MADV_DONTNEED_LOCKED);
}

static quire_status_t discard_step(quire_space_t *space, quire_va_t start, size_t bytes, const void *context)
{
    (void)context;
    return quire_vmm_discard(space, start, bytes);
}

static quire_status_t populate_step(quire_space_t *space, quire_va_t start, size_t bytes, const void *context)
{
    (void)context;
    return quire_vmm_populate(space, start, bytes);
}

static bool populates(uintptr_t advice)
{
    return advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
}

/* One area, or a part of it. */
static call_result_t advise_area(process_t *process, const quire_vmm_range_t *range, uintptr_t advice)
{
    unsigned needed = advice == MADV_POPULATE_WRITE ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;

    if (advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_DONTNEED_LOCKED)
        return call_error(breathe_over_present(process, range->start, range->end, discard_step, NULL));
    if (advice == MADV_REMOVE) /* there is no file to remove it from */
        return -EINVAL;
    if (!populates(advice))
        return 0;
    if ((range->prot & needed) == 0)
        return -EINVAL;
    return call_error(breathe_over(process, range->start, range->end, populate_step, NULL));
}

/* A hole makes the call fail, after what lies behind it has had its advice; populating stops there. */
CALL(madvise)
{
    quire_va_t at = argument[0];
    uintptr_t bytes = argument[1];
    uintptr_t advice = argument[2] & UINT32_MAX;
    quire_va_t end;
    quire_vmm_range_t range;
    bool whole = true;

    if (!is_advice(advice) || !is_aligned(at) || !round_length(&bytes) || at + bytes < at)
        return -EINVAL;
    for (end = at + bytes; at < end && next_area(process, at, end, &range); at = range.end) {
        call_result_t result;

        if (range.start > at && populates(advice) && at != argument[0])
            return -ENOMEM;
        whole &= range.start <= at;
        result = advise_area(process, &range, advice);
        if (result != 0)
            return result;
    }
    return whole && at >= end ? 0 : -ENOMEM;
}

static bool is_resident(quire_space_t *space, quire_va_t va)
{
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    unsigned count = quire_table_walk(&space->table, va, steps);
    quire_page_kind_t kind = count != 0 ? steps[count - 1].page.kind : QUIRE_PAGE_EMPTY;

    return kind == QUIRE_PAGE_MAPPED || kind == QUIRE_PAGE_HIDDEN;
}

/* A byte a page. What lies before a hole is told. */
CALL(mincore)
{
    uint8_t *bounce = linux_of(process)->bounce;
    quire_va_t at = argument[0];
    uintptr_t pages = (argument[1] >> QUIRE_PAGE_SHIFT) + ((argument[1] & QUIRE_PAGE_MASK) != 0);
    uintptr_t to = argument[2];

    if (!is_aligned(at))
        return -EINVAL;
    if (!range_is_user(at, argument[1]))
        return -ENOMEM;
    if (!range_is_user(to, pages))
        return -EFAULT;
    while (pages > 0) {
        quire_vmm_range_t range;
        uintptr_t count = pages < 256 ? pages : 256;

        if (!next_area(process, at, at + count * QUIRE_PAGE_BYTES, &range) || range.start > at)
            return -ENOMEM;
        count = (range.end - at) >> QUIRE_PAGE_SHIFT;
        for (uintptr_t i = 0; i < count; i++)
            bounce[i] = is_resident(&process->space, at + i * QUIRE_PAGE_BYTES);
        if (copy_out(process, to, bounce, count) != 0)
            return -EFAULT;
        at = range.end;
        to += count;
        pages -= count;
        breathe(process, BREATH_BYTES / 4);
    }
    return 0;
}

static bool overlap(quire_va_t a, uintptr_t a_bytes, quire_va_t b, uintptr_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

typedef struct move {
    quire_va_t from;
    uintptr_t old_bytes;
    uintptr_t new_bytes;
    unsigned flags;
    quire_va_t to;
} move_t;

/* The part of the old area that is moved is one area, and what is new is allowed. */
static call_result_t check_source(process_t *process, const move_t *move)
{
    bool leaves = (move->flags & MREMAP_DONTUNMAP) != 0;
    uintptr_t more = leaves ? move->new_bytes : move->new_bytes - move->old_bytes;
    quire_vmm_range_t range;
    bool writable;

    uintptr_t looked_at = move->old_bytes != 0 ? move->old_bytes : QUIRE_PAGE_BYTES;

    if (!next_area(process, move->from, move->from + looked_at, &range) || range.start > move->from ||
        range.end - move->from < move->old_bytes)
        return -EFAULT;
    if (move->old_bytes == 0)
        return -EINVAL;
    writable = (range.prot & QUIRE_PROT_WRITE) != 0;
    if (more != 0 && ((writable && too_much(more)) || !limits_allow(process, more, writable, 0, 0)))
        return -ENOMEM;
    return 0;
}

static call_result_t relocate(process_t *process, const move_t *move)
{
    bool fixed = (move->flags & MREMAP_FIXED) != 0;
    unsigned flags = ((move->flags & MREMAP_MAYMOVE) != 0 ? QUIRE_MOVE_ALLOWED : 0) | (fixed ? QUIRE_MOVE_FIXED : 0) |
                     ((move->flags & MREMAP_DONTUNMAP) != 0 ? QUIRE_MOVE_LEAVE : 0);
    call_result_t result = check_source(process, move);
    quire_status_t status;
    quire_va_t va;

    if (result != 0)
        return result;
    status =
        quire_vmm_move(&process->space, move->from, move->old_bytes, move->new_bytes, flags, fixed ? move->to : 0, &va);
    return status == QUIRE_OK ? (call_result_t)va : call_error(status);
}

/* To a place that the caller has chosen, or with the old one left behind. What is too much of the old area goes first,
   as on Linux; it may be anything, and have holes. */
static call_result_t move_to(process_t *process, move_t *move)
{
    uintptr_t kept = move->old_bytes < move->new_bytes ? move->old_bytes : move->new_bytes;
    bool fixed = (move->flags & MREMAP_FIXED) != 0;
    call_result_t result;

    if (!is_aligned(move->to) || !range_is_user(move->to, move->new_bytes) ||
        overlap(move->from, move->old_bytes, move->to, move->new_bytes))
        return -EINVAL;
    if (fixed && move->to < ARCH_USER_START)
        return -EPERM;
    if (move->old_bytes > kept) {
        const move_t part = {move->from, kept, move->new_bytes, move->flags, move->to};

        result = check_source(process, &part);
        if (result == 0)
            result = call_error(unmap_memory(process, move->from + kept, move->from + move->old_bytes));
        if (result != 0)
            return result;
        move->old_bytes = kept;
    }
    return relocate(process, move);
}

CALL(mremap)
{
    const uintptr_t known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    move_t move = {argument[0], argument[1], argument[2], (unsigned)argument[3], argument[4]};
    bool may_move = (argument[3] & MREMAP_MAYMOVE) != 0;
    quire_vmm_range_t range;

    if ((argument[3] & ~known) != 0 || ((argument[3] & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0 && !may_move) ||
        ((argument[3] & MREMAP_DONTUNMAP) != 0 && argument[1] != argument[2]) || !is_aligned(move.from))
        return -EINVAL;
    if (!round_length(&move.old_bytes) || !round_length(&move.new_bytes) || move.new_bytes == 0)
        return -EINVAL;
    if (!range_is_user(move.from, QUIRE_PAGE_BYTES) ||
        !next_area(process, move.from, move.from + QUIRE_PAGE_BYTES, &range))
        return -EFAULT;
    if (!range_is_user(move.from, move.old_bytes))
        return -EINVAL;
    if ((argument[3] & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0)
        return move_to(process, &move);
    if (move.old_bytes < move.new_bytes)
        return relocate(process, &move);
    if (move.old_bytes > move.new_bytes) {
        quire_status_t status = unmap_memory(process, move.from + move.new_bytes, move.from + move.old_bytes);

        if (status != QUIRE_OK)
            return call_error(status);
    }
    return (call_result_t)move.from;
}
