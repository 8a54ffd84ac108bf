/* SPDX-License-Identifier: MIT */
/*
 * prune.c - empty tables are given back.
 *
 * Problem. A table that holds nothing is a frame lost; knowing that it holds nothing takes a count per table, or a
 * look.
 *
 * Idea. A look, but only where something became empty while the cursor was open (or where a table was made and may not
 * have been used). The search for an entry that is not empty begins where the work was done, so that it usually ends at
 * the first word.
 *
 * Root entries that are pinned, and all root entries of a format that cannot change them, keep their tables.
 *
 * Rejected: a count of entries in the entry above (three spare bits in a 32-bit entry), or in the frame's record (the
 * PMM's, and every map and unmap would touch one more cache line).
 */
#include "paging.h"

static bool is_empty(const quire_format_t *format, const void *window, unsigned level, unsigned from)
{
    unsigned entries = format_entries(format, level);

    for (unsigned i = 0; i < entries; i++)
        if (word_read(format, window, (from + i) & (entries - 1)) != 0)
            return false;
    return true;
}

static void unlink_table(quire_cursor_t *cursor, const entry_t *entry, uint64_t raw)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = entry_table(format, raw);
    quire_va_t va = format_first(format, entry->level, entry->va);

    (void)entry_replace(table, entry, raw, 0);
    quire_paging_table_leaves(table, frame, entry->level - 1, va);
    cursor->leaf = quire_frame(0);
    quire_paging_flush_add(cursor, va, va | QUIRE_PAGE_MASK);
    quire_paging_gather(cursor, frame, GATHER_FRAME);
}

/* Whether the table is empty, once the empty tables below it have gone. */
static bool prune_table(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(cursor->table);
    void *window = quire_port_window_open(frame);

    for (quire_va_t va = first, stop; level > 1; va = stop + 1) {
        entry_t entry = entry_at(format, window, frame, level, va);
        uint64_t raw = entry_read(format, &entry);

        stop = piece_last(format, level, va, last);
        if (entry_is_table(format, level, raw) && prune_table(cursor, entry_table(format, raw), level - 1, va, stop) &&
            !entry_is_kept(format, level, raw))
            unlink_table(cursor, &entry, raw);
        if (stop == last)
            break;
    }
    bool empty = level < format->levels && is_empty(format, window, level, format_index(format, level, first));
    quire_port_window_close(window);
    return empty;
}

void quire_paging_prune(quire_cursor_t *cursor)
{
    quire_table_t *table = cursor->table;

    (void)prune_table(cursor, table->root, format_of(table)->levels, cursor->prune_start, cursor->prune_end - 1);
}
