/* SPDX-License-Identifier: MIT */
/*
 * large.c - mapping a large page: 2 or 4 MiB, 1 GiB.
 *
 * The tables above it are made first, if any are missing (split.c), then one entry is written. What stands there may
 * be a promise, or a table that holds only promises: that table goes the way of all tables that are taken out.
 */
#include "cursor.h"

/* Whether a frame is mapped or hidden anywhere below. */
static bool holds_frames(const quire_format_t *format, quire_frame_t frame, unsigned level)
{
    void *window = quire_port_window_open(frame);
    bool found = false;

    for (unsigned i = 0; i < format_entries(format, level) && !found; i++) {
        uint64_t raw = word_read(format, window, i);

        if (entry_is_table(format, level, raw))
            found = holds_frames(format, entry_table(format, raw), level - 1);
        else
            found = entry_present(raw) || entry_kind(format, level, raw) == QUIRE_PAGE_HIDDEN;
    }
    quire_port_window_close(window);
    return found;
}

/* The frame of the table of `level` over va; 0 if the way down ends above it, with the last word in *raw. */
static quire_frame_t table_over(const quire_table_t *table, unsigned level, quire_va_t va, uint64_t *raw)
{
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = table->root;

    for (unsigned above = format->levels; above > level; above--) {
        void *window = quire_port_window_open(frame);

        *raw = word_read(format, window, format_index(format, above, va));
        quire_port_window_close(window);
        if (!entry_is_table(format, above, *raw))
            return quire_frame(0);
        frame = entry_table(format, *raw);
    }
    return frame;
}

static quire_status_t write_large(quire_cursor_t *cursor, const entry_t *entry, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    uint64_t raw = entry_read(format, entry);
    bool is_table = entry_is_table(format, entry->level, raw);

    if (is_table && entry_is_pinned(format, entry->level, raw))
        return QUIRE_UNSUPPORTED;
    if (is_table ? holds_frames(format, entry_table(format, raw), entry->level - 1)
                 : entry_present(raw) || entry_kind(format, entry->level, raw) == QUIRE_PAGE_HIDDEN)
        return QUIRE_EXISTS;
    (void)entry_replace(table, entry, raw, entry_encode(format, entry->level, page));
    table->mapped_pages += (size_t)format_pages(format, entry->level);
    if (is_table)
        (void)quire_paging_subtree_gather(cursor, entry_table(format, raw), entry->level - 1, entry->va);
    return QUIRE_OK;
}

quire_status_t quire_paging_map_large(quire_cursor_t *cursor, quire_va_t va, unsigned level, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_va_t last = format_last(format, level, va);
    uint64_t raw = 0;

    if (va != format_first(format, level, va) || va < cursor->start || last > cursor->end - 1)
        quire_panic_at("paging: a large page outside the cursor's range, or not aligned", va, table->space);
    if (cursor->mode != QUIRE_CURSOR_EDGES)
        quire_panic_at("paging: a large page needs a cursor opened with EDGES", va, table->space);
    if (root_has_copy(table, level))
        return QUIRE_UNSUPPORTED;
    quire_frame_t frame = table_over(table, level, va, &raw);
    if (frame.number == 0) {
        if (entry_present(raw) || X86_PROMISE_CODE(raw) == promise_code(QUIRE_PAGE_HIDDEN))
            return QUIRE_EXISTS;
        quire_status_t status = quire_paging_split(cursor, va, last, level, false);
        if (status != QUIRE_OK)
            return status;
        frame = table_over(table, level, va, &raw);
    }
    void *window = quire_port_window_open(frame);
    entry_t entry = entry_at(format, window, frame, level, va);
    quire_status_t status = write_large(cursor, &entry, page);
    quire_port_window_close(window);
    return status;
}
