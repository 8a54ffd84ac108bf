/* SPDX-License-Identifier: MIT */
/*
 * cursor.c - open and close, and the questions about single pages.
 *
 * Problem. Tables are changed by faults, by system calls and by the kernel itself, each with its own mixture of steps;
 * a missing flush, a frame freed too early, or a failure half-way is a bug that shows only later, elsewhere.
 *
 * Idea. One way in. Opening checks the range, locks the tree and takes every table the work will need; the steps cannot
 * fail for want of memory; closing gives back empty tables, flushes, releases and unlocks, in that order.
 *
 * Cost. The fault path is open, fill, close on one page: one way down, one look at the word, one store. The cursor
 * stands in the level-1 table that it reached last, as a frame, and all work on pages of that table finds it there. No
 * window is kept open, because windows close in reverse order and the caller opens its own in between. When a table
 * leaves the tree the cursor stands nowhere.
 *
 * Rejected: remembering the table in the tree, so that the next cursor finds it (readers would write to the tree, and
 * two CPUs would pass its cache line to and fro for a walk of fifty instructions).
 *
 * Invariants. Between open and close the lock is held. In POPULATE mode every level-1 table of the range stays where it
 * is until close. Entries that were present change only by entry_try().
 *
 * Lock order: a tree's lock is the last one; frames are taken and released without any. Two trees (fork): the one with
 * the lower address first, or the caller's own order. Reading the kernel's half takes the kernel tree's lock instead of
 * the process's, never both.
 */
#include "cursor.h"

/* True if the root entries over a range of the kernel's half may not be looked behind for change. */
static bool is_final(const quire_table_t *table, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(table);
    bool final = false;

    if (table->kernel != NULL)
        return true;
    if (!table->sealed)
        return false;
    void *window = quire_port_window_open(table->root);
    unsigned stop = format_index(format, format->levels, last);
    for (unsigned i = format_index(format, format->levels, first); i <= stop; i++) {
        uint64_t raw = word_read(format, window, i);

        if (!entry_is_table(format, format->levels, raw) || !(raw & X86_PINNED))
            final = true;
    }
    quire_port_window_close(window);
    return final;
}

static quire_status_t prepare(quire_cursor_t *cursor, quire_va_t first, quire_va_t last)
{
    quire_table_t *table = cursor->table;

    if (cursor->mode == QUIRE_CURSOR_READ)
        return QUIRE_OK;
    if (first >= table->shared_start && is_final(table, first, last))
        return QUIRE_DENIED;
    if (in_one_level1(format_of(table), first, last)) {
        quire_frame_t frame;

        if (quire_paging_walk(cursor, first, &frame, &cursor->first) == 1)
            return QUIRE_OK;
    }
    quire_status_t status = quire_paging_split(cursor, first, last, 1, cursor->mode == QUIRE_CURSOR_EDGES);
    cursor->first = 0;
    return status;
}

static inline bool is_aligned(quire_va_t start, quire_va_t end)
{
    return start < end && ((start | end) & QUIRE_PAGE_MASK) == 0;
}

/* A range of a process's half. */
static inline bool is_low_range(const quire_table_t *table, quire_va_t start, quire_va_t end)
{
    return is_aligned(start, end) && end - 1 < table->shared_start && format_is_low(format_of(table), end - 1);
}

/* Page aligned, not empty, canonical, and in one of the two halves. */
static bool is_range(const quire_table_t *table, quire_va_t start, quire_va_t end)
{
    return is_aligned(start, end) && format_range_valid(format_of(table), start, end - 1) &&
           (start >= table->shared_start || end - 1 < table->shared_start);
}

/* What is not, in a process's half, only read, or some pages of one table. */
static __attribute__((noinline)) quire_status_t open_slowly(quire_cursor_t *cursor, quire_table_t *table,
                                                            quire_va_t start, quire_va_t end, quire_cursor_mode_t mode)
{
    if (!is_range(table, start, end))
        return QUIRE_INVALID;
    bool borrowed = mode == QUIRE_CURSOR_READ && start >= table->shared_start && table->kernel != NULL;

    if (borrowed)
        table = table->kernel;
    cursor_init(cursor, table, start, end, mode);
    cursor->borrowed = borrowed;
    tree_lock(table, start);
    quire_status_t status = prepare(cursor, start, end - 1);
    if (status != QUIRE_OK)
        tree_unlock(table);
    return status;
}

quire_status_t quire_cursor_open(quire_cursor_t *cursor, quire_table_t *table, quire_va_t start, quire_va_t end,
                                 quire_cursor_mode_t mode)
{
    bool reads = mode == QUIRE_CURSOR_READ;

    if (!is_low_range(table, start, end) || (!reads && !in_one_level1(format_of(table), start, end - 1)))
        return open_slowly(cursor, table, start, end, mode);
    cursor_init(cursor, table, start, end, mode);
    tree_lock(table, start);
    if (reads)
        return QUIRE_OK;
    quire_status_t status = prepare(cursor, start, end - 1);
    if (status != QUIRE_OK)
        tree_unlock(table);
    return status;
}

quire_status_t quire_cursor_open_page(quire_cursor_t *cursor, quire_table_t *table, quire_va_t va)
{
    quire_frame_t frame;
    uint64_t raw;

    if ((va & QUIRE_PAGE_MASK) != 0 || va >= table->shared_start || !format_is_low(format_of(table), va))
        return open_slowly(cursor, table, va, va + QUIRE_PAGE_BYTES, QUIRE_CURSOR_POPULATE);
    cursor_init(cursor, table, va, va + QUIRE_PAGE_BYTES, QUIRE_CURSOR_POPULATE);
    tree_lock(table, va);
    if (__builtin_expect(way_down(table, va, &frame, &raw) == 1, 1)) {
        cursor->level1 = frame;
        cursor->level1_start = format_first(format_of(table), 2, va);
        cursor->first = raw;
        return QUIRE_OK;
    }
    quire_status_t status = quire_paging_split(cursor, va, va | QUIRE_PAGE_MASK, 1, false);
    if (status != QUIRE_OK)
        tree_unlock(table);
    return status;
}

quire_status_t quire_cursor_reopen(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, quire_cursor_mode_t mode)
{
    const quire_table_t *table = cursor->table;
    const quire_va_t old_start = cursor->start;
    const quire_va_t old_end = cursor->end;
    const quire_cursor_mode_t old_mode = cursor->mode;

    if (!is_low_range(table, start, end) && !is_range(table, start, end))
        return QUIRE_INVALID;
    if ((start >= table->shared_start) != (old_start >= table->shared_start))
        return QUIRE_INVALID;
    if (cursor->borrowed && mode != QUIRE_CURSOR_READ)
        return QUIRE_DENIED;
    cursor->start = start;
    cursor->end = end;
    cursor->mode = mode;
    quire_status_t status = prepare(cursor, start, end - 1);
    if (status != QUIRE_OK) {
        cursor->start = old_start;
        cursor->end = old_end;
        cursor->mode = old_mode;
    }
    return status;
}

void quire_cursor_close(quire_cursor_t *cursor)
{
    if ((cursor->prune_end[0] | cursor->prune_end[1]) != 0)
        quire_paging_prune(cursor);
    if (cursor->flush_end != 0 || cursor->gathered != 0)
        quire_paging_flush_and_free(cursor);
    tree_unlock(cursor->table);
}

quire_extent_t quire_cursor_query(quire_cursor_t *cursor, quire_va_t va)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_extent_t extent;
    quire_frame_t frame;
    uint64_t raw;

    check_within(cursor, va);
    extent.level = quire_paging_walk(cursor, va, &frame, &raw);
    extent.page = entry_decode(format, extent.level, raw);
    extent.start = format_first(format, extent.level, va);
    extent.end = format_end(format, format_last(format, extent.level, va));
    return extent;
}

quire_page_t quire_cursor_page(quire_cursor_t *cursor, quire_va_t va)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_frame_t frame = level1_known(cursor, va);

    check_within(cursor, va);
    if (frame.number != 0) {
        void *window = quire_port_window_open(frame);
        uint64_t raw = word_read(format, window, format_index(format, 1, va));

        quire_port_window_close(window);
        return entry_decode(format, 1, raw);
    }
    quire_extent_t extent = quire_cursor_query(cursor, va);
    if (has_frame(&extent.page))
        extent.page.payload += (va - extent.start) >> QUIRE_PAGE_SHIFT;
    return extent.page;
}
