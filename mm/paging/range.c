/* SPDX-License-Identifier: MIT */
/*
 * range.c - mark, protect, and large pages: the work on many pages at once.
 *
 * Problem. A range of a terabyte and one of a page are the same call, and must cost what they touch.
 *
 * Idea. Recursion over the tables of the range. An entry that the range covers whole is changed where it stands,
 * however large; only the two ends are followed down, and opening has split them. A table that is covered whole by a
 * promise is overwritten as one entry in the table above, and released with all below it after the flush (tables.c). So
 * the cost per page falls with the length of the range.
 *
 * In POPULATE mode nothing is coarse: the level-1 tables must stay for the steps that follow.
 *
 * Invariants: table->mapped_pages follows each change. An entry that the range cuts and that would have to change is
 * the caller's error (it opened the cursor on another range): panic, because there is no table to split it with.
 *
 * Rejected: joining equal neighbours into one coarse promise on every mark (512 reads per call for a gain that the next
 * whole-range mark brings for nothing).
 */
#include "paging.h"

static const char cut_sentence[] = "paging: a range cuts a coarse entry: open the cursor on this range";

uint64_t quire_paging_subtree_gather(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t va)
{
    quire_table_t *table = cursor->table;
    uint64_t pages = quire_paging_subtree_leaves(table, frame, level, va);
    quire_va_t last = pages == 0 ? va | QUIRE_PAGE_MASK : format_last(format_of(table), level + 1, va);

    table->mapped_pages -= (size_t)pages;
    cursor->leaf = quire_frame(0);
    quire_paging_flush_add(cursor, va, last);
    quire_paging_gather(cursor, frame, level);
    return pages;
}

/* What stood at [first, last], a whole entry, has been overwritten: flush and release. Returns the pages it mapped. */
static uint64_t dispose(quire_cursor_t *cursor, const entry_t *entry, uint64_t raw)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_va_t first = format_first(format, entry->level, entry->va);
    quire_page_t page = entry_decode(format, entry->level, raw);

    if (page.kind == QUIRE_PAGE_TABLE)
        return quire_paging_subtree_gather(cursor, entry_table(format, raw), entry->level - 1, first);
    if (page.kind == QUIRE_PAGE_HIDDEN)
        quire_paging_gather_page(cursor, entry->level, &page);
    if (page.kind != QUIRE_PAGE_MAPPED)
        return 0;
    quire_paging_flush_add(cursor, first, format_last(format, entry->level, first));
    cursor->table->mapped_pages -= (size_t)format_pages(format, entry->level);
    quire_paging_gather_page(cursor, entry->level, &page);
    return format_pages(format, entry->level);
}

static uint64_t mark_table(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t first,
                           quire_va_t last, const quire_page_t *page);

/* Whether the entry can take the promise as it stands, whatever hangs below it. */
static bool takes_whole(const quire_cursor_t *cursor, const entry_t *entry, uint64_t raw, quire_va_t last,
                        const quire_page_t *page)
{
    const quire_format_t *format = format_of(cursor->table);

    if (entry->level == 1)
        return true;
    if (!piece_is_whole(format, entry->level, entry->va, last) || !entry_encodable(format, entry->level, page))
        return false;
    if (!entry_is_table(format, entry->level, raw))
        return true;
    return cursor->mode == QUIRE_CURSOR_EDGES && !entry_is_kept(format, entry->level, raw);
}

static uint64_t mark_entry(quire_cursor_t *cursor, const entry_t *entry, quire_va_t last, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    uint64_t raw = entry_read(format, entry);
    uint64_t after = entry_encode(format, entry->level, page);

    if (raw == after)
        return 0;
    if (!takes_whole(cursor, entry, raw, last, page)) {
        if (!entry_is_table(format, entry->level, raw))
            quire_port_panic(cut_sentence);
        return mark_table(cursor, entry_table(format, raw), entry->level - 1, entry->va, last, page);
    }
    raw = entry_replace(table, entry, raw, after);
    if (after == 0)
        quire_paging_prune_add(cursor, entry->va, last);
    return dispose(cursor, entry, raw);
}

static uint64_t mark_table(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t first,
                           quire_va_t last, const quire_page_t *page)
{
    const quire_format_t *format = format_of(cursor->table);
    void *window = quire_port_window_open(frame);
    uint64_t pages = 0;

    for (quire_va_t va = first, stop;; va = stop + 1) {
        entry_t entry = entry_at(format, window, frame, level, va);

        stop = piece_last(format, level, va, last);
        pages += mark_entry(cursor, &entry, stop, page);
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
    return pages;
}

static void check_range(const quire_cursor_t *cursor, quire_va_t start, quire_va_t end)
{
    if (cursor->mode == QUIRE_CURSOR_READ)
        quire_port_panic("paging: a change through a cursor opened for reading");
    if (start >= end || start < cursor->start || end > cursor->end || ((start | end) & QUIRE_PAGE_MASK))
        quire_port_panic("paging: a range outside the cursor's");
}

size_t quire_cursor_mark(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);

    check_range(cursor, start, end);
    if (page->kind != QUIRE_PAGE_EMPTY && page->kind != QUIRE_PAGE_RESERVED && page->kind != QUIRE_PAGE_GUARD &&
        page->kind != QUIRE_PAGE_OBJECT)
        quire_port_panic("paging: a range is marked with what only a single page can be");
    if (!entry_encodable(format, 1, page))
        quire_port_panic("paging: an entry of this format cannot say that");
    return (size_t)mark_table(cursor, table->root, format->levels, start, end - 1, page);
}

/* What protecting is to make of a page, in one word: its protection, and its key if that is to change. */
#define RIGHTS_PROT    ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER)
#define RIGHTS_HAS_KEY 0x100u
#define RIGHTS_SHIFT   4 /* of the key */

static quire_page_t protected_page(const quire_page_t *page, unsigned rights)
{
    quire_page_t result = *page;
    bool reachable = (rights & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)) != 0;

    if (page->kind == QUIRE_PAGE_MAPPED && !reachable)
        result.kind = QUIRE_PAGE_HIDDEN;
    if (page->kind == QUIRE_PAGE_HIDDEN && reachable)
        result.kind = QUIRE_PAGE_MAPPED;
    if (rights & RIGHTS_HAS_KEY)
        result.key = (uint8_t)(rights >> RIGHTS_SHIFT & (QUIRE_KEYS - 1));
    if (!(rights & QUIRE_PROT_USER))
        result.key = 0;
    result.prot = (uint8_t)(rights & RIGHTS_PROT);
    return result;
}

/* One entry, covered whole by [entry->va, last] or not to be changed at all. */
static void protect_page(quire_cursor_t *cursor, const entry_t *entry, quire_va_t last, uint64_t raw, unsigned rights)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_page_t page;
    quire_page_t result;
    uint64_t after;

    do {
        page = entry_decode(format, entry->level, raw);
        result = protected_page(&page, rights);
        after = entry_encode(format, entry->level, &result);
        if (after == raw)
            return;
        if (!piece_is_whole(format, entry->level, entry->va, last))
            quire_port_panic(cut_sentence);
    } while (!entry_try(table, entry, &raw, after));
    if (entry_present(raw)) {
        quire_paging_flush_add(cursor, entry->va, last);
        table->mapped_pages -= (size_t)format_pages(format, entry->level);
    }
    if (entry_present(after))
        table->mapped_pages += (size_t)format_pages(format, entry->level);
}

static void protect_table(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t first,
                          quire_va_t last, unsigned rights)
{
    const quire_format_t *format = format_of(cursor->table);
    void *window = quire_port_window_open(frame);

    for (quire_va_t va = first, stop;; va = stop + 1) {
        entry_t entry = entry_at(format, window, frame, level, va);
        uint64_t raw = entry_read(format, &entry);

        stop = piece_last(format, level, va, last);
        if (entry_is_table(format, level, raw))
            protect_table(cursor, entry_table(format, raw), level - 1, va, stop, rights);
        else if (raw != 0)
            protect_page(cursor, &entry, stop, raw, rights);
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
}

static void protect_range(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned rights)
{
    quire_table_t *table = cursor->table;

    check_range(cursor, start, end);
    if (start >= table->shared_start && (rights & QUIRE_PROT_USER))
        quire_port_panic("paging: ring 3 is let into the kernel's half");
    protect_table(cursor, table->root, format_of(table)->levels, start, end - 1, rights);
}

void quire_cursor_protect(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned prot)
{
    protect_range(cursor, start, end, prot & RIGHTS_PROT);
}

quire_status_t quire_cursor_protect_key(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned prot,
                                        unsigned key)
{
    if (key >= QUIRE_KEYS)
        return QUIRE_INVALID;
    if (!key_encodable(format_of(cursor->table), key, prot))
        return QUIRE_UNSUPPORTED;
    protect_range(cursor, start, end, (prot & RIGHTS_PROT) | RIGHTS_HAS_KEY | key << RIGHTS_SHIFT);
    return QUIRE_OK;
}
