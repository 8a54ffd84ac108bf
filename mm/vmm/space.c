/* SPDX-License-Identifier: MIT */
/*
 * space.c - the life of an address space.
 *
 * Problem: every process needs its own view of memory below the kernel, the same view of the kernel above, and must
 * give back all it had when it ends.
 *
 * Idea: a space is a tree of page tables and a few numbers. What a page is stands in its entry and nowhere else, so
 * creating is creating the tree, and destroying is destroying it: there is no second structure that could
 * disagree with the first, and none to free.
 *
 * Invariants, which quire_vmm_check() walks (check.c):
 *   - in a process's half, all that is not EMPTY lies in [start, end) and carries QUIRE_PROT_USER;
 *   - in the kernel's half nothing carries it;
 *   - reserved_pages counts the pages of [start, end) that are not EMPTY.
 *
 * Locks: the tree's lock, held while a cursor is open, also guards `search`, `reserved_pages` and `faults`: they are
 * written only between open and close. Order: a parent's tree, its child's tree (fork only). Frames come and go without
 * a lock.
 *
 * Rejected: a sorted list or tree of regions, as most kernels have. It would be a second truth about the same pages,
 * need memory of its own, and be consulted by each fault.
 */
#include "space.h"

/* Where the lower half ends: with four and five levels the root's upper 256 entries belong to the addresses that are
   sign-extended (SDM volume 1, 3.3.7.1, canonical addressing). */
quire_va_t quire_vmm_lower_top(const quire_table_t *table)
{
    unsigned levels = quire_format_levels(table->format);
    uint64_t half;

    if (levels < 4)
        return table->shared_start;
    half = quire_format_span(table->format, levels) << 8;
    return table->shared_start < half ? table->shared_start : (quire_va_t)half;
}

void quire_vmm_begin_space(quire_space_t *space, quire_va_t start, quire_va_t end, size_t reserved_pages)
{
    space->start = start;
    space->end = end;
    space->search = end;
    space->search_large = end;
    space->reserved_pages = reserved_pages;
    space->faults = 0;
    space->key_rights = 0;
    space->resolved = (quire_resolved_t){0, 0};
    space->repeat_at = 0;
    space->repeats = 0;
    quire_event(.kind = QUIRE_EVENT_SPACE_CREATE, .space = space->table.space, .frame = space->table.root.number);
}

quire_status_t quire_vmm_create_kernel(quire_space_t *space, quire_va_t start, quire_va_t end)
{
    quire_cursor_t cursor;
    quire_status_t status;

    if (!aligned_range(start, end) || start < space->table.shared_start)
        return QUIRE_INVALID;
    status = quire_cursor_open(&cursor, &space->table, start, end, QUIRE_CURSOR_EDGES);
    if (status != QUIRE_OK)
        return status;
    quire_cursor_close(&cursor);
    quire_vmm_begin_space(space, start, end, 0);
    return QUIRE_OK;
}

quire_status_t quire_vmm_create(quire_space_t *space, quire_space_t *kernel, uint32_t id, quire_va_t start,
                                quire_va_t end)
{
    quire_status_t status;

    if (id == 0 || !aligned_range(start, end) || start < QUIRE_PAGE_BYTES || end > quire_vmm_lower_top(&kernel->table))
        return QUIRE_INVALID;
    status = quire_table_create(&space->table, &kernel->table, id);
    if (status != QUIRE_OK)
        return status;
    quire_vmm_begin_space(space, start, end, 0);
    return QUIRE_OK;
}

void quire_vmm_destroy(quire_space_t *space)
{
    quire_event(.kind = QUIRE_EVENT_SPACE_DESTROY, .space = space->table.space, .frame = space->table.root.number);
    quire_table_destroy(&space->table);
    space->reserved_pages = 0;
}

void quire_vmm_activate(quire_space_t *space)
{
    quire_table_load(&space->table);
}

quire_status_t quire_vmm_round_range(const quire_space_t *space, quire_va_t va, size_t bytes, quire_va_t *end)
{
    if (bytes == 0 || (va & QUIRE_PAGE_MASK) != 0 || va < space->start || va >= space->end || bytes > space->end - va)
        return QUIRE_INVALID;
    *end = va + quire_page_up((quire_va_t)bytes);
    return QUIRE_OK;
}

quire_status_t quire_vmm_round_prot(const quire_space_t *space, unsigned prot, uint8_t *stored)
{
    if ((prot & ~(unsigned)(PROT_ACCESS | QUIRE_PROT_USER)) != 0)
        return QUIRE_INVALID;
    if (is_kernel(space) && (prot & QUIRE_PROT_USER) != 0)
        return QUIRE_INVALID;
    *stored = (uint8_t)(is_kernel(space) ? prot : prot | QUIRE_PROT_USER);
    return QUIRE_OK;
}

/* Cuts an extent to [va, end). */
static void cut(quire_extent_t *extent, quire_va_t va, quire_va_t end)
{
    if (has_frame(&extent->page) || extent->page.kind == QUIRE_PAGE_MAPPED)
        extent->page.payload += (va - extent->start) >> QUIRE_PAGE_SHIFT;
    extent->start = va;
    /* An extent that ends at the very top of the address space may have wrapped to 0. */
    if (extent->end > end || extent->end <= va)
        extent->end = end;
}

quire_extent_t quire_vmm_extent(quire_cursor_t *cursor, quire_va_t va, quire_va_t end)
{
    quire_extent_t extent = quire_cursor_query(cursor, va);

    cut(&extent, va, end);
    return extent;
}

quire_extent_t quire_vmm_run(quire_cursor_t *cursor, quire_va_t va, quire_va_t end)
{
    quire_extent_t extent = quire_cursor_run(cursor, va, end);

    cut(&extent, va, end);
    return extent;
}
