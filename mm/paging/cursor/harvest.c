/* SPDX-License-Identifier: MIT */
/*
 * harvest.c - what the MMU has noted: which pages were used, which were written.
 *
 * Problem. Choosing a page to move out, or writing back what has changed, needs the accessed and dirty bits, and needs
 * them cleared so that they can be asked again. The MMU sets them at any moment, and not at all while it has a
 * translation in which they are set already.
 *
 * Idea. One exchange that reads and clears, so that no bit is lost between the two. A dirty bit that was cleared is
 * flushed by close, on all CPUs: from then on a write sets it anew, and what is written back after close is whole. An
 * accessed bit is not flushed: a CPU that has kept the translation may use the page unseen for a while, which makes
 * the choice of a page a little worse and a harvest of thousands of pages much cheaper (SDM volume 3, 4.10.4.3).
 *
 * Rejected: reading by query and clearing by put (two descents, and a write between the two would go unseen); a visitor
 * called for each page (the caller has a loop anyway, and stops when it has found enough).
 */
#include "cursor.h"

/* The bits of an entry that stand for page flags the MMU sets. */
static uint64_t bits_of(unsigned flags)
{
    return (flags & QUIRE_PAGE_ACCESSED ? X86_ACCESSED : 0) | (flags & QUIRE_PAGE_DIRTY ? X86_DIRTY : 0);
}

quire_extent_t quire_cursor_harvest(quire_cursor_t *cursor, quire_va_t va, unsigned flags)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    uint64_t bits = bits_of(flags);
    quire_frame_t frame;
    uint64_t raw;

    if (va < cursor->start || va >= cursor->end)
        quire_panic_at("paging: an address outside the cursor's range", va, table->space);
    if (cursor->mode == QUIRE_CURSOR_READ)
        quire_panic_at("paging: a change through a cursor opened for reading", va, table->space);
    unsigned level = quire_paging_walk(cursor, va, &frame, &raw);
    quire_extent_t extent = {.level = level,
                             .start = format_first(format, level, va),
                             .end = format_end(format, format_last(format, level, va))};
    if (entry_present(raw) && (raw & bits) != 0) {
        void *window = quire_port_window_open(frame);
        entry_t entry = entry_at(format, window, frame, level, va);

        while (!entry_try(table, &entry, &raw, raw & ~bits)) {
        }
        quire_port_window_close(window);
        if (raw & bits & X86_DIRTY)
            quire_paging_flush_add(cursor, extent.start, format_last(format, level, va));
    }
    extent.page = entry_decode(format, level, raw);
    return extent;
}
