/* SPDX-License-Identifier: MIT */
/*
 * level1.c - mark, protect and map_chain in one level-1 table, word by word.
 *
 * Problem. Most work is done on single pages. Decoding each entry into a structure, deciding, encoding it again and
 * opening a window for it costs ten times what the change itself does.
 *
 * Idea. The window stays open over the run, and words are compared as words. A promise is one word, encoded once:
 * marking writes it, and looks at the old word only for a frame to release. For protect, entries that differ in their
 * address alone change alike: the difference between the first word and what it becomes, found by decoding and encoding
 * it, is applied to all words of the same *shape*, that is with the same bits outside the address. The formats allow
 * it, because they store an address or payload in one field, plainly or inverted as a whole, and nothing else in the
 * word depends on it (format/x86.h; only so at level 1, where no attribute lies in the field).
 *
 * What an access may meet half-way is what entry.h says: present words change by compare-and-exchange only. If the MMU
 * sets a bit meanwhile the word is read again, and its shape is found anew.
 *
 * The entries that were present and have changed are remembered as one range of indices, which joins the cursor's flush
 * before anything is released: at the end, and before a full gather array is flushed and freed half-way.
 *
 * Rejected: keeping the last shape over calls (it would have to be right for another protection), and masks worked out
 * from the protection without decoding (a second place that knows what bits mean).
 */
#include "cursor.h"

typedef struct level1 {
    quire_cursor_t *cursor;
    void *window;
    quire_frame_t frame;
    quire_va_t start;    /* what the table's first entry covers */
    unsigned flush_from; /* the changed entries that were present lie in [flush_from, flush_end) */
    unsigned flush_end;
} level1_t;

static inline level1_t level1_open(quire_cursor_t *cursor, quire_frame_t frame, quire_va_t va)
{
    return (level1_t){.cursor = cursor,
                      .window = quire_port_window_open(frame),
                      .frame = frame,
                      .start = format_first(format_of(cursor->table), 2, va)};
}

static inline quire_va_t address_of(const level1_t *level1, unsigned index)
{
    return level1->start + ((quire_va_t)index << QUIRE_PAGE_SHIFT);
}

static void flush_changed(level1_t *level1)
{
    if (level1->flush_from < level1->flush_end)
        quire_paging_flush_add(level1->cursor, address_of(level1, level1->flush_from),
                               address_of(level1, level1->flush_end) - 1);
    level1->flush_from = level1->flush_end;
}

static void level1_close(level1_t *level1)
{
    flush_changed(level1);
    quire_port_window_close(level1->window);
}

static inline void were_present(level1_t *level1, unsigned from, unsigned end)
{
    if (level1->flush_from == level1->flush_end)
        level1->flush_from = from;
    level1->flush_end = end;
}

static inline void record(const level1_t *level1, unsigned index, uint64_t before, uint64_t after)
{
    if (entries_are_recorded()) {
        entry_t entry = {level1->window, level1->frame, 1, index, address_of(level1, index)};

        entry_record(level1->cursor->table, &entry, before, after);
    }
}

static inline void gather(level1_t *level1, quire_frame_t frame)
{
    quire_cursor_t *cursor = level1->cursor;

    if (cursor->gathered == QUIRE_CURSOR_GATHER) {
        flush_changed(level1);
        quire_paging_flush_and_free(cursor);
    }
    cursor->gather[cursor->gathered] = frame;
    cursor->gather_what[cursor->gathered] = GATHER_FRAME;
    cursor->gathered++;
}

/* A present or hidden page gives way to `after`. Returns whether it was present. */
static inline bool replace_page(level1_t *level1, unsigned index, uint64_t raw, uint64_t after)
{
    const quire_format_t *format = format_of(level1->cursor->table);
    bool present = entry_present(raw);

    if (present) {
        raw = word_replace(format, level1->window, index, raw, after);
        were_present(level1, index, index + 1);
    } else {
        word_store(format, level1->window, index, after);
    }
    record(level1, index, raw, after);
    if (page_is_owned(raw))
        gather(level1, quire_frame((size_t)entry_frame(format, 1, raw)));
    return present;
}

uint64_t quire_paging_level1_mark(quire_cursor_t *cursor, quire_frame_t frame, quire_va_t first, quire_va_t last,
                                  uint64_t after)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    level1_t level1 = level1_open(cursor, frame, first);
    unsigned from = format_index(format, 1, first);
    unsigned end = format_index(format, 1, last) + 1;
    size_t mapped = 0;
    size_t empty = 0;

    for (unsigned i = from; i < end;) {
        uint64_t raw = word_read(format, level1.window, i);

        if (entry_present(raw) || promise_is_hidden(raw)) {
            mapped += replace_page(&level1, i++, raw, after);
        } else {
            unsigned stop =
                words_fill(table, &(entry_t){level1.window, frame, 1, i, address_of(&level1, i)}, end, raw, after);
            empty += raw == 0 ? stop - i : 0;
            i = stop;
        }
    }
    level1_close(&level1);
    table->mapped_pages -= mapped;
    if (after == 0 && empty != end - from)
        quire_paging_prune_add(cursor, first, last);
    return end - from - empty;
}

/* What protecting does to words of one shape. */
typedef struct shape {
    uint64_t like;   /* a word of that shape */
    uint64_t change; /* the bits that differ afterwards */
    int mapped;      /* added to the count of mapped pages for each: -1, 0 or 1 */
} shape_t;

static shape_t shape_of(const quire_table_t *table, uint64_t raw, unsigned rights)
{
    uint64_t after = quire_paging_protected(table, 1, raw, rights);

    return (shape_t){raw, raw ^ after, entry_present(after) - entry_present(raw)};
}

static inline bool has_shape(const quire_format_t *format, uint64_t raw, uint64_t like)
{
    return ((raw ^ like) & ~format->address_mask) == 0;
}

/* Changes the words of that shape from one index on. Returns where they end: at another shape, or at a word to which
   the MMU has given another since it was looked at. */
static unsigned protect_run(const level1_t *level1, const shape_t *shape, unsigned from, unsigned end)
{
    const quire_format_t *format = format_of(level1->cursor->table);
    const uint64_t like = shape->like;
    const uint64_t change = shape->change;
    void *const window = level1->window;
    /* Each word that is recorded is a run of its own. */
    const size_t stop = entries_are_recorded() ? from + 1 : end;
    size_t i = from;
    uint64_t raw = like;

    if (entry_present(like)) {
        for (; i < stop && has_shape(format, raw = word_read(format, window, (unsigned)i), like); i++) {
            if (word_exchange(format, window, (unsigned)i, raw, raw ^ change) != raw)
                break;
        }
    } else {
        for (; i < stop && has_shape(format, raw = word_read(format, window, (unsigned)i), like); i++)
            word_store(format, window, (unsigned)i, raw ^ change);
    }
    if (i > from)
        record(level1, from, raw, raw ^ change);
    return (unsigned)i;
}

void quire_paging_level1_protect(quire_cursor_t *cursor, quire_frame_t frame, quire_va_t first, quire_va_t last,
                                 unsigned rights)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    level1_t level1 = level1_open(cursor, frame, first);
    unsigned end = format_index(format, 1, last) + 1;
    ptrdiff_t mapped = 0;

    for (unsigned i = format_index(format, 1, first); i < end;) {
        uint64_t raw = word_read(format, level1.window, i);
        shape_t shape = shape_of(table, raw, rights);
        unsigned stop = i + 1;

        if (shape.change != 0) {
            stop = protect_run(&level1, &shape, i, end);
            mapped += shape.mapped * (ptrdiff_t)(stop - i);
            if (entry_present(raw) && stop > i)
                were_present(&level1, i, stop);
        }
        i = stop;
    }
    level1_close(&level1);
    table->mapped_pages += (size_t)mapped;
}

/* The last promise met, and what it becomes but for the frame; 0 if it stays. */
typedef struct supply {
    uint64_t promise;
    uint64_t kept;
} chain_t;

static chain_t chain_for(const quire_format_t *format, uint64_t raw, unsigned flags)
{
    quire_page_t page = entry_decode(format, 1, raw);
    quire_page_t kept = {.kind = QUIRE_PAGE_MAPPED, .prot = page.prot, .key = page.key, .flags = (uint16_t)flags};

    if (page.kind != QUIRE_PAGE_RESERVED || !entry_encodable(format, 1, &kept))
        return (chain_t){raw, 0};
    return (chain_t){raw, entry_encode(format, 1, &kept)};
}

static size_t chain_level1(quire_cursor_t *cursor, quire_frame_t frame, quire_va_t first, quire_va_t last,
                           unsigned flags, quire_frame_t *chain)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    level1_t level1 = level1_open(cursor, frame, first);
    unsigned end = format_index(format, 1, last) + 1;
    chain_t supply = {0, 0};
    size_t count = 0;

    for (unsigned i = format_index(format, 1, first); i < end; i++) {
        uint64_t raw = word_read(format, level1.window, i);

        if (raw != supply.promise)
            supply = chain_for(format, raw, flags);
        if (supply.kept == 0)
            continue;
        uint64_t after = supply.kept | quire_pa_of_frame(quire_chain_pop(chain)).value;
        word_store(format, level1.window, i, after);
        record(&level1, i, raw, after);
        count++;
    }
    level1_close(&level1);
    table->mapped_pages += count;
    return count;
}

size_t quire_cursor_map_chain(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned flags,
                              quire_frame_t *chain)
{
    const quire_format_t *format = format_of(cursor->table);
    size_t count = 0;

    quire_paging_check_change(cursor, start, end);
    if (cursor->mode != QUIRE_CURSOR_POPULATE)
        quire_panic_at("paging: pages are supplied where no table is: open the cursor with POPULATE", start,
                       cursor->table->space);
    if ((flags & QUIRE_PAGE_GLOBAL) && start < cursor->table->shared_start)
        quire_panic_at("paging: a process's page is made global", start, cursor->table->space);
    note_mapped(cursor->table, flags);
    for (quire_va_t va = start, stop;; va = stop + 1) {
        stop = part_last(format, 2, va, end - 1);
        count += chain_level1(cursor, level1_over(cursor, va), va, stop, flags, chain);
        if (stop == end - 1)
            break;
    }
    return count;
}
