/* SPDX-License-Identifier: MIT */
/*
 * range.c - mark and protect: the work on many pages at once.
 *
 * Problem. A range of a terabyte and one of a page are the same call, and must cost what they touch.
 *
 * Idea. Recursion over the tables of the range. An entry that the range covers whole is changed where it stands,
 * however large; only the two ends are followed down, and opening has split them. A table that is covered whole by a
 * promise is overwritten as one entry in the table above, and released with all below it after the flush (node.c). So
 * the cost per page falls with the length of the range. Entries that say the same and name nothing are overwritten as a
 * run of words; single pages are level1.c's. A range in the level-1 table that the cursor stands in needs no way down.
 *
 * Marking tells how many pages were not empty: it sees each word anyway, and who keeps count of promises need not look
 * at the range a second time.
 *
 * In POPULATE mode nothing is coarse: the level-1 tables must stay for the steps that follow.
 *
 * Invariants: table->mapped_pages follows each change. An entry that the range cuts and that would have to change is
 * the caller's error (it opened the cursor on another range): panic, because there is no table to split it with.
 *
 * Rejected: joining equal neighbours into one coarse promise on every mark (512 reads per call for a gain that the next
 * whole-range mark brings for nothing).
 */
#include "cursor.h"

static const char cut_sentence[] = "paging: a range cuts a coarse entry: open the cursor on this range";

typedef struct mark {
    quire_cursor_t *cursor;
    const quire_page_t *page;
    uint64_t after; /* the word for it: a promise's does not depend on the level */
    uint64_t taken; /* pages that were not empty */
} mark_t;

uint64_t quire_paging_subtree_gather(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t va)
{
    quire_table_t *table = cursor->table;
    subtree_count_t count = {0, 0};

    stands_nowhere(cursor);
    quire_paging_subtree_leaves(table, frame, level, va, &count);
    table->mapped_pages -= (size_t)count.mapped;
    quire_paging_flush_add(cursor, va,
                           count.mapped == 0 ? va | QUIRE_PAGE_MASK : format_last(format_of(table), level + 1, va));
    quire_paging_gather(cursor, frame, level);
    return count.taken;
}

/* What stood at an entry has been overwritten: flush and release. Returns how many of its pages were not empty. */
static uint64_t dispose(quire_cursor_t *cursor, const entry_t *entry, uint64_t raw)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_va_t first = format_first(format, entry->level, entry->va);
    quire_page_t page = entry_decode(format, entry->level, raw);

    if (page.kind == QUIRE_PAGE_TABLE)
        return quire_paging_subtree_gather(cursor, entry_table(format, raw), entry->level - 1, first);
    if (page.kind == QUIRE_PAGE_HIDDEN)
        quire_paging_gather_page(cursor, entry->level, &page);
    if (page.kind == QUIRE_PAGE_MAPPED) {
        quire_paging_flush_add(cursor, first, format_last(format, entry->level, first));
        cursor->table->mapped_pages -= (size_t)format_pages(format, entry->level);
        quire_paging_gather_page(cursor, entry->level, &page);
    }
    return page.kind == QUIRE_PAGE_EMPTY ? 0 : format_pages(format, entry->level);
}

/* Of the entries that begin at va, those up to this index are covered whole by [va, last]. */
static unsigned whole_end(const quire_format_t *format, unsigned level, quire_va_t last)
{
    return format_index(format, level, last) + (last == format_last(format, level, last) ? 1 : 0);
}

static void mark_table(mark_t *mark, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last);

/* Whether the entry can take the promise as it stands, whatever hangs below it. */
static bool takes_whole(const mark_t *mark, const entry_t *entry, uint64_t raw, quire_va_t last)
{
    const quire_format_t *format = format_of(mark->cursor->table);

    if (!part_is_whole(format, entry->level, entry->va, last) || !entry_encodable(format, entry->level, mark->page))
        return false;
    if (!entry_is_table(format, entry->level, raw))
        return true;
    return mark->cursor->mode == QUIRE_CURSOR_EDGES && !entry_is_pinned(format, entry->level, raw);
}

/* [entry->va, last] lies in one entry above level 1. */
static void mark_entry(mark_t *mark, const entry_t *entry, quire_va_t last, uint64_t raw)
{
    quire_cursor_t *cursor = mark->cursor;
    const quire_format_t *format = format_of(cursor->table);

    if (raw == mark->after) {
        mark->taken += raw == 0 ? 0 : ((last - entry->va) >> QUIRE_PAGE_SHIFT) + 1;
        return;
    }
    if (!takes_whole(mark, entry, raw, last)) {
        if (!entry_is_table(format, entry->level, raw))
            quire_panic_at(cut_sentence, entry->va, cursor->table->space);
        mark_table(mark, entry_table(format, raw), entry->level - 1, entry->va, last);
        return;
    }
    raw = entry_replace(cursor->table, entry, raw, mark->after);
    if (mark->after == 0)
        quire_paging_prune_add(cursor, entry->va, last);
    mark->taken += dispose(cursor, entry, raw);
}

/* Entries from this one on that say the same, name nothing, and can take the promise whole. Returns the last byte that
   they cover; the byte before this entry, if it is no such entry. */
static quire_va_t mark_run(mark_t *mark, const entry_t *entry, quire_va_t last, uint64_t raw)
{
    quire_cursor_t *cursor = mark->cursor;
    const quire_format_t *format = format_of(cursor->table);
    unsigned end = whole_end(format, entry->level, last);

    if (entry_present(raw) || promise_is_hidden(raw) || entry->index >= end ||
        entry->va != format_first(format, entry->level, entry->va) ||
        !entry_encodable(format, entry->level, mark->page))
        return entry->va - 1;
    unsigned count = words_fill(cursor->table, entry, end, raw, mark->after) - entry->index;
    quire_va_t stop = entry->va + (((quire_va_t)count << format_shift(format, entry->level)) - 1);
    if (mark->after == 0 && raw != 0)
        quire_paging_prune_add(cursor, entry->va, stop);
    mark->taken += raw == 0 ? 0 : count * format_pages(format, entry->level);
    return stop;
}

static void mark_table(mark_t *mark, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(mark->cursor->table);

    if (level == 1) {
        mark->taken += quire_paging_level1_mark(mark->cursor, frame, first, last, mark->after);
        return;
    }
    void *window = quire_port_window_open(frame);
    for (quire_va_t va = first, stop;; va = stop + 1) {
        entry_t entry = entry_at(format, window, frame, level, va);
        uint64_t raw = entry_read(format, &entry);

        stop = mark_run(mark, &entry, last, raw);
        if (stop == va - 1) {
            stop = part_last(format, level, va, last);
            mark_entry(mark, &entry, stop, raw);
        }
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
}

/* The one level-1 table that a mark of the range stays in; 0 if it does not, or may take the table's place. */
static quire_frame_t mark_level1(const quire_cursor_t *cursor, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(cursor->table);

    if (!in_one_level1(format, first, last))
        return quire_frame(0);
    if (cursor->mode == QUIRE_CURSOR_EDGES && part_is_whole(format, 2, first, last))
        return quire_frame(0);
    return level1_known(cursor, first);
}

size_t quire_cursor_mark(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    mark_t mark = {.cursor = cursor, .page = page, .after = entry_encode(format, 1, page)};

    quire_paging_check_change(cursor, start, end);
    if (page->kind != QUIRE_PAGE_EMPTY && page->kind != QUIRE_PAGE_RESERVED && page->kind != QUIRE_PAGE_GUARD &&
        page->kind != QUIRE_PAGE_OBJECT)
        quire_panic_at("paging: a range is marked with what only a single page can be", start, table->space);
    if (!entry_encodable(format, 1, page))
        quire_panic_at("paging: an entry of this format cannot say that", start, table->space);
    quire_frame_t level1 = mark_level1(cursor, start, end - 1);
    if (level1.number != 0)
        return (size_t)quire_paging_level1_mark(cursor, level1, start, end - 1, mark.after);
    mark_table(&mark, table->root, format->levels, start, end - 1);
    return (size_t)mark.taken;
}

/* One entry above level 1, covered whole by [entry->va, last] or not to be changed at all. */
static void protect_entry(quire_cursor_t *cursor, const entry_t *entry, quire_va_t last, uint64_t raw, unsigned rights)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    uint64_t after;

    do {
        after = quire_paging_protected(table, entry->level, raw, rights);
        if (after == raw)
            return;
        if (!part_is_whole(format, entry->level, entry->va, last))
            quire_panic_at(cut_sentence, entry->va, table->space);
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

    if (level == 1) {
        quire_paging_level1_protect(cursor, frame, first, last, rights);
        return;
    }
    void *window = quire_port_window_open(frame);
    for (quire_va_t va = first, stop;; va = stop + 1) {
        entry_t entry = entry_at(format, window, frame, level, va);
        uint64_t raw = entry_read(format, &entry);

        stop = part_last(format, level, va, last);
        if (entry_is_table(format, level, raw))
            protect_table(cursor, entry_table(format, raw), level - 1, va, stop, rights);
        else if (raw != 0)
            protect_entry(cursor, &entry, stop, raw, rights);
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
}

static void protect_range(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned rights)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);

    quire_paging_check_change(cursor, start, end);
    if (start >= table->shared_start && (rights & QUIRE_PROT_USER))
        quire_panic_at("paging: ring 3 is let into the kernel's half", start, table->space);
    quire_frame_t level1 = in_one_level1(format, start, end - 1) ? level1_known(cursor, start) : quire_frame(0);
    if (level1.number != 0)
        quire_paging_level1_protect(cursor, level1, start, end - 1, rights);
    else
        protect_table(cursor, table->root, format->levels, start, end - 1, rights);
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
