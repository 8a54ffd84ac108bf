/* SPDX-License-Identifier: MIT */
/*
 * scan.c - questions about a whole range: how much of it is taken, where it is empty, how far it says the same.
 *
 * Problem. All can be answered page by page with quire_cursor_query(), at the price of a decoding, and often a
 * way down, for each page of each range that is reserved, unmapped or searched for room.
 *
 * Idea. Recursion over the tables, as in range.c, looking only at whether a word is zero. A coarse entry is one word,
 * whatever it covers; a full table costs one comparison per page. Where the cursor stands in a level-1 table, the work
 * starts in it: a search goes through it first, and on below it only if it has no room.
 *
 * A hole for a large request is wanted at a multiple of a large entry's size, so that it is few entries. That is one
 * more condition on where the hole may begin, not another search.
 */
#include "cursor.h"

static uint64_t taken_in_level1(const quire_format_t *format, quire_frame_t frame, quire_va_t first, quire_va_t last)
{
    const void *window = quire_port_window_open(frame);
    unsigned end = format_index(format, 1, last) + 1;
    unsigned from = format_index(format, 1, first);
    size_t empty = 0;

#pragma GCC unroll 8
    for (unsigned i = from; i < end; i++)
        empty += word_read(format, window, i) == 0;
    quire_port_window_close((void *)window);
    return end - from - empty;
}

static uint64_t taken_in_table(const quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t first,
                               quire_va_t last)
{
    const quire_format_t *format = format_of(table);
    uint64_t pages = 0;

    if (level == 1)
        return taken_in_level1(format, frame, first, last);
    void *window = quire_port_window_open(frame);
    for (quire_va_t va = first, stop;; va = stop + 1) {
        uint64_t raw = word_read(format, window, format_index(format, level, va));

        stop = part_last(format, level, va, last);
        if (entry_is_table(format, level, raw))
            pages += taken_in_table(table, entry_table(format, raw), level - 1, va, stop);
        else if (raw != 0)
            pages += ((stop - va) >> QUIRE_PAGE_SHIFT) + 1;
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
    return pages;
}

static void check_inside(const quire_cursor_t *cursor, quire_va_t start, quire_va_t end)
{
    if (start >= end || start < cursor->start || end > cursor->end || ((start | end) & QUIRE_PAGE_MASK))
        quire_panic_at("paging: a range outside the cursor's", start, cursor->table->space);
}

size_t quire_cursor_taken(quire_cursor_t *cursor, quire_va_t start, quire_va_t end)
{
    const quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);

    check_inside(cursor, start, end);
    quire_frame_t level1 = in_one_level1(format, start, end - 1) ? level1_known(cursor, start) : quire_frame(0);
    if (level1.number != 0)
        return (size_t)taken_in_level1(format, level1, start, end - 1);
    return (size_t)taken_in_table(table, table->root, format->levels, start, end - 1);
}

typedef struct search {
    const quire_table_t *table;
    quire_va_t bytes;     /* wanted */
    quire_va_t alignment; /* of where it begins */
    quire_va_t hole_end;  /* all from here down to where the search has come is empty */
} search_t;

/* Where the hole would begin, if it reached down to `start`; false if that is not far enough. */
static inline bool fits(const search_t *search, quire_va_t start, quire_va_t *va)
{
    if (search->hole_end - start < search->bytes)
        return false;
    *va = (search->hole_end - search->bytes) & ~(search->alignment - 1);
    return *va >= start;
}

/* From the top down. True: a hole begins at *va. No word is looked at below the place where it would begin. */
static bool search_level1(search_t *search, quire_frame_t frame, quire_va_t first, quire_va_t last, quire_va_t *va)
{
    const quire_format_t *format = format_of(search->table);
    const void *window = quire_port_window_open(frame);
    size_t from = format_index(format, 1, first);
    size_t end = format_index(format, 1, last) + 1;
    bool found = false;

    while (end > from && !found) {
        bool reaches = fits(search, first, va);
        size_t stop = !reaches ? from : *va > last ? end : format_index(format, 1, *va);
        size_t empty = words_empty_from(format, window, stop, end);

        found = reaches && empty == stop;
        if (empty == stop)
            break;
        for (end = empty - 1; end > from && word_read(format, window, end - 1) != 0; end--)
            continue;
        search->hole_end = first + ((quire_va_t)(end - from) << QUIRE_PAGE_SHIFT);
    }
    quire_port_window_close((void *)window);
    return found;
}

/* Where the run of empty entries begins that ends with the one of `at`, or where it need not go on: the hole would
   begin there. */
static quire_va_t empty_from(const search_t *search, const void *window, unsigned level, quire_va_t first,
                             quire_va_t at)
{
    const quire_format_t *format = format_of(search->table);
    unsigned index = format_index(format, level, at);
    quire_va_t va;
    quire_va_t least = fits(search, first, &va) && va <= at ? va : first;
    size_t empty = words_empty_from(format, window, format_index(format, level, least), index + 1);
    quire_va_t above = ((quire_va_t)index - empty) << format_shift(format, level);
    quire_va_t start = format_first(format, level, at) - above;

    return start < first ? first : start;
}

static bool search_table(search_t *search, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last,
                         quire_va_t *va)
{
    const quire_format_t *format = format_of(search->table);
    bool found = false;

    if (level == 1)
        return search_level1(search, frame, first, last, va);
    void *window = quire_port_window_open(frame);
    for (quire_va_t at = last, start;; at = start - 1) {
        uint64_t raw = word_read(format, window, format_index(format, level, at));

        start = format_first(format, level, at);
        if (start < first)
            start = first;
        if (entry_is_table(format, level, raw)) {
            found = search_table(search, entry_table(format, raw), level - 1, start, at, va);
        } else if (raw != 0) {
            search->hole_end = start;
        } else {
            found = fits(search, start, va);
            if (!found && start != first) {
                start = empty_from(search, window, level, first, start - 1);
                found = fits(search, start, va);
            }
        }
        if (found || start == first)
            break;
    }
    quire_port_window_close(window);
    return found;
}

bool quire_cursor_find_empty(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, quire_va_t bytes,
                             quire_va_t alignment, quire_va_t *va)
{
    const quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    search_t search = {.table = table, .bytes = bytes, .alignment = alignment, .hole_end = end};
    quire_va_t last = end - 1;
    quire_va_t hole;
    bool found = false;

    check_inside(cursor, start, end);
    quire_frame_t level1 = level1_known(cursor, last);
    if (level1.number != 0) {
        quire_va_t first = format_first(format, 2, last);

        found = search_level1(&search, level1, first > start ? first : start, last, &hole);
        if (!found && first <= start)
            return false;
        last = first - 1;
    }
    if (!found && !search_table(&search, table->root, format->levels, start, last, &hole))
        return false;
    *va = hole;
    return true;
}

quire_extent_t quire_cursor_run(quire_cursor_t *cursor, quire_va_t va, quire_va_t end)
{
    quire_extent_t run = quire_cursor_query(cursor, va);
    const quire_format_t *format = format_of(cursor->table);

    if (run.level > 1 || run.end >= end)
        return run;
    const void *window = quire_port_window_open(cursor->level1);
    unsigned index = format_index(format, 1, va);
    unsigned stop =
        in_one_level1(format, va, end - 1) ? format_index(format, 1, end - 1) + 1 : format_entries(format, 1);
    uint64_t first = word_read(format, window, index);
    uint64_t alike = ~format->address_mask & ~(entry_present(first) ? X86_ACCESSED | X86_DIRTY : 0);
    size_t at = words_alike(format, window, index + 1, stop, first, alike);

    quire_port_window_close((void *)window);
    run.end = run.start + ((quire_va_t)(at - index) << QUIRE_PAGE_SHIFT);
    return run;
}
