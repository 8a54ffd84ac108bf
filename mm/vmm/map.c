/* SPDX-License-Identifier: MIT */
/*
 * map.c - reserve, unmap, protect, discard: what a space promises.
 *
 * Problem: a process asks for a terabyte and touches three pages of it; it cuts areas in the middle, joins them,
 * changes their rights, and any argument may be hostile.
 *
 * Idea: each call is one range of the page table, rewritten under one cursor. A promise is written as coarsely as it
 * fits, so that the price follows the shape of the range and not its length. The cursor acquires, when it is opened,
 * the few tables that the two ends of the range may need; afterwards nothing can fail. What the caller may not do is
 * found out between the two, before the first change.
 *
 * Invariants: reserved_pages follows each change from EMPTY to anything else and back, counted under the same
 * lock that makes it. Frames are released by the close of the cursor, after the flush, never here.
 *
 * Rejected: rolling back after a failure. It is the part of such code that is never run; acquiring first needs none.
 */
#include "space.h"

/* The cursor is open on the very range. What is to be replaced is unmapped by this. */
static void promise_range(quire_space_t *space, quire_cursor_t *cursor, quire_va_t start, quire_va_t end,
                          const quire_page_t *promise)
{
    quire_event(.kind = QUIRE_EVENT_RESERVE, .space = space->table.space, .address = start, .bytes = end - start,
                .detail = promise->prot);
    space->reserved_pages += pages_between(start, end) - quire_cursor_mark(cursor, start, end, promise);
}

/* QUIRE_EXISTS: something is there and may not be replaced. */
static quire_status_t place(quire_space_t *space, quire_va_t start, quire_va_t end, const quire_page_t *promise,
                            bool replace)
{
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, &space->table, start, end, QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    if (!replace && quire_cursor_taken(&cursor, start, end) != 0) {
        status = QUIRE_EXISTS;
    } else {
        promise_range(space, &cursor, start, end, promise);
        /* What stands where the next search would begin is not looked at again, entry by entry. */
        if (start < space->search && space->search <= end)
            space->search = start;
        if (start < space->search_large && space->search_large <= end)
            space->search_large = start;
    }
    quire_cursor_close(&cursor);
    return status;
}

/* A hole is found and filled under one lock: nobody else can take it in between. */
static quire_status_t place_in_hole(quire_space_t *space, quire_va_t bytes, const quire_page_t *promise, quire_va_t *va)
{
    quire_cursor_t cursor;
    quire_va_t start = 0;
    quire_status_t status = quire_cursor_open(&cursor, &space->table, space->start, space->end, QUIRE_CURSOR_READ);

    if (status != QUIRE_OK)
        return status;
    status = quire_vmm_find_hole(space, &cursor, bytes, &start);
    if (status == QUIRE_OK)
        status = quire_cursor_reopen(&cursor, start, start + bytes, QUIRE_CURSOR_EDGES);
    if (status == QUIRE_OK) {
        promise_range(space, &cursor, start, start + bytes, promise);
        *quire_vmm_search_point(space, bytes) = start;
        *va = start;
    }
    quire_cursor_close(&cursor);
    return status;
}

/* The hint if it is a place that could be, otherwise a hole. */
static quire_status_t place_anywhere(quire_space_t *space, quire_va_t hint, size_t bytes, const quire_page_t *promise,
                                     quire_va_t *va)
{
    quire_va_t start = quire_page_down(hint);
    quire_status_t status = QUIRE_EXISTS;
    quire_va_t end;

    if (hint != 0 && quire_vmm_round_range(space, start, bytes, &end) == QUIRE_OK)
        status = place(space, start, end, promise, false);
    if (status == QUIRE_OK)
        *va = start;
    if (status != QUIRE_EXISTS)
        return status;
    if (bytes > space->end - space->start)
        return QUIRE_NO_SPACE;
    return place_in_hole(space, quire_page_up((quire_va_t)bytes), promise, va);
}

quire_status_t quire_vmm_reserve(quire_space_t *space, quire_va_t at, size_t bytes, unsigned prot, unsigned flags,
                                 quire_va_t *va)
{
    bool guard = (flags & QUIRE_RESERVE_GUARD) != 0;
    quire_page_t promise = {.kind = guard ? QUIRE_PAGE_GUARD : QUIRE_PAGE_RESERVED};
    quire_status_t status = quire_vmm_round_prot(space, guard ? QUIRE_PROT_NONE : prot, &promise.prot);
    quire_va_t end;

    if (status != QUIRE_OK)
        return status;
    if (bytes == 0 || (flags & ~(unsigned)(QUIRE_RESERVE_FIXED | QUIRE_RESERVE_REPLACE | QUIRE_RESERVE_GUARD)) != 0)
        return QUIRE_INVALID;
    if ((flags & (QUIRE_RESERVE_FIXED | QUIRE_RESERVE_REPLACE)) == 0)
        return place_anywhere(space, at, bytes, &promise, va);
    status = quire_vmm_round_range(space, at, bytes, &end);
    if (status == QUIRE_OK)
        status = place(space, at, end, &promise, (flags & QUIRE_RESERVE_REPLACE) != 0);
    if (status == QUIRE_OK)
        *va = at;
    return status;
}

quire_status_t quire_vmm_unmap(quire_space_t *space, quire_va_t va, size_t bytes)
{
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    quire_cursor_t cursor;
    quire_va_t end;
    quire_status_t status = quire_vmm_round_range(space, va, bytes, &end);

    if (status == QUIRE_OK)
        status = quire_cursor_open(&cursor, &space->table, va, end, QUIRE_CURSOR_EDGES);
    if (status != QUIRE_OK)
        return status;
    quire_event(.kind = QUIRE_EVENT_UNMAP, .space = space->table.space, .address = va, .bytes = end - va);
    space->reserved_pages -= quire_cursor_mark(&cursor, va, end, &empty);
    if (va <= space->search && space->search < end)
        space->search = end;
    if (va <= space->search_large && space->search_large < end)
        space->search_large = end;
    quire_cursor_close(&cursor);
    return QUIRE_OK;
}

#define KEY_KEPT QUIRE_KEYS

static quire_status_t protect(quire_space_t *space, quire_va_t va, size_t bytes, unsigned prot, unsigned key)
{
    quire_cursor_t cursor;
    uint8_t stored;
    quire_va_t end;
    quire_status_t status = quire_vmm_round_prot(space, prot, &stored);

    if (status == QUIRE_OK)
        status = quire_vmm_round_range(space, va, bytes, &end);
    if (status == QUIRE_OK)
        status = quire_cursor_open(&cursor, &space->table, va, end, QUIRE_CURSOR_EDGES);
    if (status != QUIRE_OK)
        return status;
    if (quire_cursor_taken(&cursor, va, end) == pages_between(va, end)) {
        quire_event(.kind = QUIRE_EVENT_PROTECT, .space = space->table.space, .address = va, .bytes = end - va,
                    .detail = stored);
        if (key == KEY_KEPT)
            quire_cursor_protect(&cursor, va, end, stored);
        else
            status = quire_cursor_protect_key(&cursor, va, end, stored, key);
    } else {
        status = QUIRE_NOT_FOUND;
    }
    quire_cursor_close(&cursor);
    return status;
}

quire_status_t quire_vmm_protect(quire_space_t *space, quire_va_t va, size_t bytes, unsigned prot)
{
    return protect(space, va, bytes, prot, KEY_KEPT);
}

quire_status_t quire_vmm_protect_key(quire_space_t *space, quire_va_t va, size_t bytes, unsigned prot, unsigned key)
{
    if (key >= QUIRE_KEYS)
        return QUIRE_INVALID;
    if (key != 0 && (is_kernel(space) || quire_format_keys(space->table.format) == 1))
        return QUIRE_UNSUPPORTED;
    return protect(space, va, bytes, prot, key);
}

/* What discarding makes of a page; false if it has nothing to discard. A promise is left as it is, but may stand inside
   a run of pages that become the same promise, so that the run is written at once. */
static bool discarded(const quire_page_t *page, quire_page_t *promise)
{
    if (page->kind != QUIRE_PAGE_RESERVED && !has_frame(page))
        return false;
    *promise = (quire_page_t){.kind = QUIRE_PAGE_RESERVED, .prot = page->prot, .key = page->key};
    return true;
}

quire_status_t quire_vmm_discard(quire_space_t *space, quire_va_t va, size_t bytes)
{
    quire_cursor_t cursor;
    quire_va_t end;
    quire_status_t status = quire_vmm_round_range(space, va, bytes, &end);

    if (status == QUIRE_OK)
        status = quire_cursor_open(&cursor, &space->table, va, end, QUIRE_CURSOR_EDGES);
    if (status != QUIRE_OK)
        return status;
    for (quire_va_t at = va; at < end;) {
        quire_extent_t extent = quire_vmm_run(&cursor, at, end);
        quire_va_t run = at;
        quire_page_t first;
        quire_page_t next;

        at = extent.end;
        if (!discarded(&extent.page, &first))
            continue;
        while (at < end) {
            extent = quire_vmm_run(&cursor, at, end);
            if (!discarded(&extent.page, &next) || next.prot != first.prot || next.key != first.key)
                break;
            at = extent.end;
        }
        (void)quire_cursor_mark(&cursor, run, at, &first);
    }
    quire_cursor_close(&cursor);
    return QUIRE_OK;
}
