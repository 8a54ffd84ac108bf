/* SPDX-License-Identifier: MIT */
/*
 * cursor.c - open, close, and the work on single entries.
 *
 * Problem. Tables are changed by faults, by system calls and by the kernel itself, each with its own mixture of steps;
 * a missing flush, a frame freed too early, or a failure half-way is a bug that shows only later, elsewhere.
 *
 * Idea. One way in. Opening checks the range, locks the tree and takes every table the work will need; the steps cannot
 * fail for want of memory; closing gives back empty tables, flushes, releases and unlocks, in that order.
 *
 * Cost. The fault path is open, query, map, close on one page. The tree remembers the level-1 table that was used last,
 * as a frame: the descent from the root happens once for a series of faults, calls or pages that meet in one table, not
 * once for each. No window is kept open, because windows close in reverse order and the caller opens its own in
 * between. A table that leaves the tree is forgotten in the one place where it is counted out (node.c).
 *
 * Invariants. Between open and close the lock is held. In POPULATE mode every level-1 table of the range stays where it
 * is until close. Entries that were present change only by entry_try().
 *
 * Lock order: a tree's lock, then the PMM's. Two trees (fork): the one with the lower address first, or the caller's
 * own order. Reading the kernel's half takes the kernel tree's lock instead of the process's, never both.
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
    if (in_one_level1(format_of(table), first, last) && level1_over(table, first).number != 0)
        return QUIRE_OK;
    return quire_paging_split(cursor, first, last, 1, cursor->mode == QUIRE_CURSOR_EDGES);
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
    if (reads || level1_known(table, start).number != 0)
        return QUIRE_OK;
    quire_status_t status = prepare(cursor, start, end - 1);
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

static void check_within(const quire_cursor_t *cursor, quire_va_t va)
{
    if (va < cursor->start || va >= cursor->end)
        quire_panic_at("paging: an address outside the cursor's range", va, cursor->table->space);
}

quire_extent_t quire_cursor_query(quire_cursor_t *cursor, quire_va_t va)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_extent_t extent;
    quire_frame_t frame;
    uint64_t raw;

    check_within(cursor, va);
    extent.level = quire_paging_walk(cursor->table, va, &frame, &raw);
    extent.page = entry_decode(format, extent.level, raw);
    extent.start = format_first(format, extent.level, va);
    extent.end = format_end(format, format_last(format, extent.level, va));
    return extent;
}

static bool has_frame(const quire_page_t *page)
{
    return page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN;
}

quire_page_t quire_cursor_page(quire_cursor_t *cursor, quire_va_t va)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = level1_known(table, va);

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

static bool is_owned_rightly(const quire_cursor_t *cursor, const quire_page_t *page)
{
    const quire_table_t *table = cursor->table;

    if (cursor->start >= table->shared_start)
        return !(page->prot & QUIRE_PROT_USER);
    return !(page->flags & QUIRE_PAGE_GLOBAL) || table->kernel == NULL;
}

static quire_status_t check_page(const quire_cursor_t *cursor, unsigned level, const quire_page_t *page)
{
    const quire_format_t *format = format_of(cursor->table);

    if (!(page->prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)) || !is_owned_rightly(cursor, page))
        return QUIRE_INVALID;
    if ((page->flags & QUIRE_PAGE_FOREIGN) && (page->flags & QUIRE_PAGE_COPY_ON_WRITE))
        return QUIRE_INVALID;
    if (level < 1 || level > format->levels || !entry_encodable(format, level, page))
        return QUIRE_UNSUPPORTED;
    return QUIRE_OK;
}

/* The level-1 table over va, which POPULATE has put there. */
static quire_frame_t level1_of(const quire_cursor_t *cursor, quire_va_t va)
{
    check_within(cursor, va);
    if (va & QUIRE_PAGE_MASK)
        quire_panic_at("paging: an address that is not a page's", va, cursor->table->space);
    return level1_over(cursor->table, va);
}

/* Something stands at va now: if this page was all that might have left a table empty, none is. */
static void fills(quire_cursor_t *cursor, quire_va_t va)
{
    if (cursor->prune_end[0] == va + QUIRE_PAGE_BYTES && cursor->prune_start[0] == va)
        cursor->prune_end[0] = 0;
}

static quire_status_t map_page(quire_cursor_t *cursor, quire_va_t va, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = level1_of(cursor, va);

    if (frame.number == 0)
        quire_panic_at("paging: a page is mapped where no table is: open the cursor with POPULATE", va, table->space);
    void *window = quire_port_window_open(frame);
    entry_t entry = entry_at(format, window, frame, 1, va);
    uint64_t raw = entry_read(format, &entry);
    bool taken = entry_present(raw) || entry_kind(format, 1, raw) == QUIRE_PAGE_HIDDEN;
    if (!taken)
        (void)entry_replace(table, &entry, raw, entry_encode(format, 1, page));
    quire_port_window_close(window);
    if (taken)
        return QUIRE_EXISTS;
    table->mapped_pages++;
    fills(cursor, va);
    return QUIRE_OK;
}

quire_status_t quire_cursor_map(quire_cursor_t *cursor, quire_va_t va, unsigned level, quire_frame_t frame,
                                unsigned prot, unsigned flags)
{
    quire_page_t page = {
        .kind = QUIRE_PAGE_MAPPED, .prot = (uint8_t)prot, .flags = (uint16_t)flags, .payload = frame.number};
    quire_status_t status = check_page(cursor, level, &page);

    if (status != QUIRE_OK)
        return status;
    if (QUIRE_CHECKS && !(flags & QUIRE_PAGE_FOREIGN) && quire_pmm_references(cursor->table->pmm, frame) == 0)
        quire_panic_frame("paging: a frame is mapped that the PMM has not given out: it was freed, or was never taken",
                          frame, va, cursor->table->space);
    note_mapped(cursor->table, flags);
    return level == 1 ? map_page(cursor, va, &page) : quire_paging_map_large(cursor, va, level, &page);
}

quire_page_t quire_cursor_take(quire_cursor_t *cursor, quire_va_t va)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = level1_of(cursor, va);

    if (frame.number == 0)
        return (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
    void *window = quire_port_window_open(frame);
    entry_t entry = entry_at(format, window, frame, 1, va);
    uint64_t raw = entry_read(format, &entry);
    if (raw != 0) {
        raw = entry_replace(table, &entry, raw, 0);
        quire_paging_prune_add(cursor, va, va | QUIRE_PAGE_MASK);
    }
    quire_port_window_close(window);
    if (entry_present(raw)) {
        table->mapped_pages--;
        quire_paging_flush_add(cursor, va, va | QUIRE_PAGE_MASK);
    }
    return entry_decode(format, 1, raw);
}

/* Writes the page over a present entry. Accessed and dirty bits that this has, or that the MMU sets meanwhile, stay: a
   caller that has read the entry before knows no others, and what it does not know it must not clear. That nothing but
   such bits is added leaves no translation with too many rights. Returns the flags as they are then. */
static unsigned put_over(quire_cursor_t *cursor, const entry_t *entry, uint64_t raw, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_page_t wanted = *page;
    uint64_t after;

    do {
        wanted.flags |= (uint16_t)decode_mmu(raw);
        after = entry_encode(format, 1, &wanted);
    } while (!entry_try(table, entry, &raw, after));
    table->mapped_pages--;
    if (((raw ^ after) & ~(X86_ACCESSED | X86_DIRTY)) != 0)
        quire_paging_flush_add(cursor, entry->va, entry->va | QUIRE_PAGE_MASK);
    return wanted.flags;
}

unsigned quire_cursor_put(quire_cursor_t *cursor, quire_va_t va, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = level1_of(cursor, va);
    unsigned flags = page->flags;

    if (frame.number == 0 || cursor->mode == QUIRE_CURSOR_READ)
        quire_panic_at("paging: an entry is put where no table is: open the cursor with POPULATE", va, table->space);
    if (!entry_encodable(format, 1, page) || !is_owned_rightly(cursor, page))
        quire_panic_at("paging: an entry of this format cannot say that", va, table->space);
    void *window = quire_port_window_open(frame);
    entry_t entry = entry_at(format, window, frame, 1, va);
    uint64_t raw = entry_read(format, &entry);
    if ((entry_present(raw) || promise_is_hidden(raw)) &&
        !(has_frame(page) && entry_frame(format, 1, raw) == page->payload))
        quire_panic_at("paging: an entry that holds a frame was overwritten: take it first", va, table->space);
    if (has_frame(page))
        note_mapped(table, page->flags);
    if (entry_present(raw))
        flags = put_over(cursor, &entry, raw, page);
    else
        (void)entry_replace(table, &entry, raw, entry_encode(format, 1, page));
    quire_port_window_close(window);
    table->mapped_pages += page->kind == QUIRE_PAGE_MAPPED;
    if (page->kind == QUIRE_PAGE_EMPTY)
        quire_paging_prune_add(cursor, va, va | QUIRE_PAGE_MASK);
    else
        fills(cursor, va);
    return flags;
}
