/* SPDX-License-Identifier: MIT */
/*
 * prune.c - tables that say nothing of their own are given back.
 *
 * Problem. A table that is empty, or that repeats one promise in every entry, is a frame lost; knowing that takes a
 * count per table, or a look.
 *
 * Idea. A look, but only where something became empty while the cursor was open, or where a table was made and may not
 * have been used. The search for an entry that differs begins at the neighbours of where the work was done, below and
 * above, so that it usually ends there, whether pages go from the bottom up or from the top down. If the
 * work was in one level-1 table and that stays, nothing above it can go, and nothing above it is looked at. A promise
 * that was split for nothing is whole again afterwards: an opened cursor that did nothing has changed nothing.
 *
 * Only what became empty, or was split just now, is joined: a range whose content is discarded page by page and touched
 * again would otherwise be joined and split in turn.
 *
 * Root entries that are pinned, and all root entries of a format that cannot change them, keep their tables.
 *
 * Rejected: a count of entries in the entry above (three spare bits in a 32-bit entry), or in the frame's record (the
 * PMM's, and every map and unmap would touch one more cache line).
 */
#include "cursor.h"

/* Whether one promise, or nothing, stands in every entry, and can stand in the entry above: then it is in *raw. Looks
   first at the neighbours of [from, to], where the work was. */
static bool is_uniform(const quire_format_t *format, const void *window, unsigned level, unsigned from, unsigned to,
                       uint64_t *raw)
{
    unsigned entries = format_entries(format, level);
    uint64_t first = word_read(format, window, from);
    quire_page_t page;

    if (entry_present(first) || word_read(format, window, (from - 1) & (entries - 1)) != first ||
        word_read(format, window, (to + 1) & (entries - 1)) != first)
        return false;
    if (words_alike(format, window, 0, entries, first, ~(uint64_t)0) != entries)
        return false;
    page = entry_decode(format, level, first);
    *raw = first;
    return page.kind == QUIRE_PAGE_EMPTY || page.kind == QUIRE_PAGE_RESERVED || page.kind == QUIRE_PAGE_GUARD ||
           page.kind == QUIRE_PAGE_OBJECT;
}

static void unlink_table(quire_cursor_t *cursor, const entry_t *entry, uint64_t raw, uint64_t promise)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = entry_table(format, raw);
    quire_va_t va = format_first(format, entry->level, entry->va);

    (void)entry_replace(table, entry, raw, promise);
    stands_nowhere(cursor);
    quire_paging_table_leaves(table, frame, entry->level - 1, va);
    quire_paging_flush_add(cursor, va, va | QUIRE_PAGE_MASK);
    quire_paging_gather(cursor, frame, GATHER_FRAME);
}

/* The last byte of the entries from this one on that say the same, and of [entry->va, last]. */
static quire_va_t alike_last(const quire_format_t *format, const entry_t *entry, uint64_t raw, quire_va_t last)
{
    size_t end = words_alike(format, entry->window, entry->index, format_index(format, entry->level, last) + 1, raw,
                             ~(uint64_t)0);
    quire_va_t bytes = (quire_va_t)(end - entry->index) << format_shift(format, entry->level);
    quire_va_t stop = format_first(format, entry->level, entry->va) + (bytes - 1);

    return stop < last ? stop : last;
}

/* Whether the table could be one entry, in *promise, once such tables below it have gone. */
static bool prune_table(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last,
                        uint64_t *promise)
{
    const quire_format_t *format = format_of(cursor->table);
    void *window = quire_port_window_open(frame);

    for (quire_va_t va = first, stop; level > 1; va = stop + 1) {
        entry_t entry = entry_at(format, window, frame, level, va);
        uint64_t raw = entry_read(format, &entry);
        uint64_t below = 0;

        stop = part_last(format, level, va, last);
        if (entry_is_table(format, level, raw)) {
            if (prune_table(cursor, entry_table(format, raw), level - 1, va, stop, &below) &&
                !entry_is_pinned(format, level, raw))
                unlink_table(cursor, &entry, raw, below);
        } else if (stop != last) {
            stop = alike_last(format, &entry, raw, last);
        }
        if (stop == last)
            break;
    }
    bool uniform = level < format->levels && is_uniform(format, window, level, format_index(format, level, first),
                                                        format_index(format, level, last), promise);
    quire_port_window_close(window);
    return uniform;
}

/* Whether the work was in one level-1 table, and that has something to say. */
static bool level1_stays(quire_cursor_t *cursor, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_frame_t frame = in_one_level1(format, first, last) ? level1_over(cursor, first) : quire_frame(0);
    uint64_t promise;

    if (frame.number == 0)
        return false;
    void *window = quire_port_window_open(frame);
    bool stays =
        !is_uniform(format, window, 1, format_index(format, 1, first), format_index(format, 1, last), &promise);
    quire_port_window_close(window);
    return stays;
}

void quire_paging_prune(quire_cursor_t *cursor)
{
    quire_table_t *table = cursor->table;

    for (unsigned i = 0; i < 2; i++) {
        quire_va_t first = cursor->prune_start[i];
        quire_va_t last = cursor->prune_end[i] - 1;
        uint64_t promise;

        if (cursor->prune_end[i] != 0 && !level1_stays(cursor, first, last))
            (void)prune_table(cursor, table->root, format_of(table)->levels, first, last, &promise);
    }
}
