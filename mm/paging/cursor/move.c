/* SPDX-License-Identifier: MIT */
/*
 * move.c - what stands in one range goes to another of the same tree, as it is.
 *
 * Problem. An area that grows may have to move. Taking out each page and putting it in elsewhere costs two ways down,
 * two decodings and two encodings a page, for a word that is the same in the end: an entry does not say its address.
 *
 * Idea. Words are carried, one level-1 table after the other: read and cleared in one exchange at the old place,
 * written at the new one. Coarse promises are written anew. Two passes: the first makes the tables that the new place
 * lacks and may fail; then nothing has changed. The second cannot fail.
 *
 * For a moment a page stands in neither place. Nobody sees that: the tree is locked, and a processor that faults on it
 * waits. One that still has the old translation uses the page until the flush at close, as before.
 *
 * What the new place held goes the way of all that is unmapped.
 */
#include "cursor.h"

typedef struct move {
    quire_cursor_t *cursor;
    quire_va_t offset; /* from the old place to the new one; may wrap */
    bool leaves;       /* promises stay at the old place */
} move_t;

/* Some pages of one level-1 table, or one coarse entry; cut off at the end of what is moved. */
typedef struct part {
    quire_frame_t frame; /* the table */
    unsigned level;
    uint64_t raw; /* of the first entry */
    quire_va_t last;
} part_t;

static part_t part_at(const move_t *move, quire_va_t va, quire_va_t last)
{
    quire_table_t *table = move->cursor->table;
    part_t part;

    part.level = quire_paging_walk(move->cursor, va, &part.frame, &part.raw);
    part.last = part_last(format_of(table), part.level == 1 ? 2 : part.level, va, last);
    return part;
}

/* The first pass: level-1 tables for single pages, and for coarse promises those that their ends cut. */
static quire_status_t acquire(const move_t *move, quire_va_t first, quire_va_t last)
{
    for (quire_va_t va = first;;) {
        part_t part = part_at(move, va, last);
        quire_status_t status =
            quire_paging_split(move->cursor, va + move->offset, part.last + move->offset, 1, part.level > 1);

        if (status != QUIRE_OK || part.last == last)
            return status;
        va = part.last + 1;
    }
}

/* What stays of a page at the old place: the promise that it was made of. */
static uint64_t left_of(const quire_format_t *format, uint64_t raw)
{
    quire_page_t page = entry_decode(format, 1, raw);
    quire_page_t left = {.kind = page.kind, .prot = page.prot, .key = page.key};

    if (page.kind == QUIRE_PAGE_EMPTY || page.kind == QUIRE_PAGE_OBJECT)
        return raw;
    if (page.kind == QUIRE_PAGE_MAPPED || page.kind == QUIRE_PAGE_HIDDEN || page.kind == QUIRE_PAGE_SWAPPED)
        left.kind = QUIRE_PAGE_RESERVED;
    return entry_encode(format, 1, &left);
}

/* Some pages that stand in one level-1 table at both places. */
typedef struct words {
    void *from;
    void *to;
    quire_frame_t old; /* the tables */
    quire_frame_t new;
    size_t index; /* of the first, at the old place */
    size_t count;
    size_t to_index;
} words_t;

/* What the new place held goes. */
static __attribute__((noinline)) void clear_place(const move_t *move, const words_t *words, quire_va_t first)
{
    quire_va_t to = first + move->offset;

    (void)quire_paging_level1_mark(move->cursor, words->new, to,
                                   to + ((quire_va_t)words->count << QUIRE_PAGE_SHIFT) - 1, 0);
}

static __attribute__((noinline)) void record(const move_t *move, const words_t *words, quire_va_t first)
{
    const quire_table_t *table = move->cursor->table;

    for (unsigned i = 0; i < words->count; i++) {
        quire_va_t va = first + ((quire_va_t)i << QUIRE_PAGE_SHIFT);
        entry_t from = {words->from, words->old, 1, (unsigned)words->index + i, va};
        entry_t to = {words->to, words->new, 1, (unsigned)words->to_index + i, va + move->offset};
        uint64_t raw = entry_read(format_of(table), &to);

        entry_record(table, &from, raw, entry_read(format_of(table), &from));
        entry_record(table, &to, 0, raw);
    }
}

/* Returns the bits that were set in any of the words. */
static inline uint64_t carry_words(const quire_format_t *format, const words_t *words, bool leaves)
{
    void *const from = words->from;
    void *const to = words->to;
    size_t at = words->index;
    size_t there = words->to_index;
    uint64_t any = 0;

    for (size_t stop = at + words->count; at < stop; at++, there++) {
        uint64_t raw = word_read(format, from, at);
        uint64_t after = leaves ? left_of(format, raw) : 0;

        if (entry_present(raw))
            raw = word_replace(format, from, at, raw, after);
        else
            word_store(format, from, at, after);
        word_store(format, to, there, raw);
        any |= raw;
    }
    return any;
}

static void carry_part(const move_t *move, quire_frame_t old, quire_frame_t new, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(move->cursor->table);
    words_t words = {
        .from = quire_port_window_open(old),
        .to = quire_port_window_open(new),
        .old = old,
        .new = new,
        .index = format_index(format, 1, first),
        .count = (size_t)((last - first) >> QUIRE_PAGE_SHIFT) + 1,
        .to_index = format_index(format, 1, first + move->offset),
    };
    size_t to_end = words.to_index + words.count;
    uint64_t any;

    if (words_empty_from(format, words.to, words.to_index, to_end) != words.to_index)
        clear_place(move, &words, first);
    any = move->leaves ? carry_words(format, &words, true) : carry_words(format, &words, false);
    if (entries_are_recorded())
        record(move, &words, first);
    quire_port_window_close(words.to);
    quire_port_window_close(words.from);
    if (entry_present(any))
        quire_paging_flush_add(move->cursor, first, last);
}

static void carry_pages(const move_t *move, quire_frame_t old, quire_va_t first, quire_va_t last)
{
    quire_table_t *table = move->cursor->table;
    const quire_format_t *format = format_of(table);

    for (quire_va_t va = first;;) {
        quire_va_t to = va + move->offset;
        quire_va_t stop = part_last(format, 2, to, last + move->offset) - move->offset;

        carry_part(move, old, level1_over(move->cursor, to), va, stop);
        if (stop == last)
            break;
        va = stop + 1;
    }
    if (!move->leaves)
        quire_paging_prune_add(move->cursor, first, last);
}

static void mark(quire_cursor_t *cursor, quire_va_t first, quire_va_t last, const quire_page_t *page)
{
    cursor->start = first;
    cursor->end = last + 1;
    cursor->mode = QUIRE_CURSOR_EDGES;
    (void)quire_cursor_mark(cursor, first, last + 1, page);
}

static void carry_promise(const move_t *move, const part_t *part, quire_va_t first)
{
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    quire_page_t page = entry_decode(format_of(move->cursor->table), part->level, part->raw);

    if (page.kind == QUIRE_PAGE_MAPPED || page.kind == QUIRE_PAGE_HIDDEN)
        quire_panic_at("paging: a large page is moved", first, move->cursor->table->space);
    mark(move->cursor, first + move->offset, part->last + move->offset, &page);
    if (!move->leaves)
        mark(move->cursor, first, part->last, &empty);
}

quire_status_t quire_cursor_move(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, quire_va_t to, bool leave)
{
    const move_t move = {cursor, to - start, leave};
    const quire_va_t old_start = cursor->start;
    const quire_va_t old_end = cursor->end;
    quire_status_t status;

    quire_paging_check_change(cursor, start, end);
    if ((to & QUIRE_PAGE_MASK) != 0 || (to < end && start < to + (end - start)) ||
        (to >= cursor->table->shared_start) != (start >= cursor->table->shared_start))
        quire_panic_at("paging: pages are moved to where they cannot be", to, cursor->table->space);
    status = acquire(&move, start, end - 1);
    if (status != QUIRE_OK)
        return status;
    for (quire_va_t va = start; va != end;) {
        part_t part = part_at(&move, va, end - 1);

        if (part.level == 1)
            carry_pages(&move, part.frame, va, part.last);
        else
            carry_promise(&move, &part, va);
        va = part.last + 1;
    }
    cursor->start = old_start;
    cursor->end = old_end;
    return QUIRE_OK;
}
