/* SPDX-License-Identifier: MIT */
/*
 * scan.c - questions about a whole range: how much of it is taken, and where it is empty.
 *
 * Problem. Both can be answered page by page with quire_cursor_query(), at the price of a decoding, and often a
 * descent, for each page of each range that is reserved, unmapped or searched for room.
 *
 * Idea. Recursion over the tables, as in range.c, looking only at whether a word is zero. A coarse entry is one word,
 * whatever it covers; a full table costs one comparison per page.
 */
#include "paging.h"

static uint64_t taken_in_table(const quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t first,
                               quire_va_t last)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(frame);
    uint64_t pages = 0;

    for (quire_va_t va = first, stop;; va = stop + 1) {
        uint64_t raw = word_read(format, window, format_index(format, level, va));

        stop = piece_last(format, level, va, last);
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
        quire_port_panic("paging: a range outside the cursor's");
}

size_t quire_cursor_taken(quire_cursor_t *cursor, quire_va_t start, quire_va_t end)
{
    const quire_table_t *table = cursor->table;

    check_inside(cursor, start, end);
    return (size_t)taken_in_table(table, table->root, format_of(table)->levels, start, end - 1);
}

typedef struct search {
    const quire_table_t *table;
    quire_va_t bytes;    /* wanted */
    quire_va_t hole_end; /* all from here down to where the search has come is empty */
} search_t;

/* From the top down. True: [hole_end - bytes, hole_end) is empty. */
static bool search_table(search_t *search, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(search->table);
    void *window = quire_port_window_open(frame);
    bool found = false;

    for (quire_va_t va = last, start;; va = start - 1) {
        uint64_t raw = word_read(format, window, format_index(format, level, va));

        start = format_first(format, level, va);
        if (start < first)
            start = first;
        if (entry_is_table(format, level, raw))
            found = search_table(search, entry_table(format, raw), level - 1, start, va);
        else if (raw != 0)
            search->hole_end = start;
        else
            found = search->hole_end - start >= search->bytes;
        if (found || start == first)
            break;
    }
    quire_port_window_close(window);
    return found;
}

bool quire_cursor_find_empty(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, quire_va_t bytes, quire_va_t *va)
{
    const quire_table_t *table = cursor->table;
    search_t search = {.table = table, .bytes = bytes, .hole_end = end};

    check_inside(cursor, start, end);
    if (!search_table(&search, table->root, format_of(table)->levels, start, end - 1))
        return false;
    *va = search.hole_end - bytes;
    return true;
}
