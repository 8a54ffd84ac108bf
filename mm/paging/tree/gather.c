/* SPDX-License-Identifier: MIT */
/*
 * gather.c - flush, then free.
 *
 * Problem. A processor may use a translation long after its entry has changed. A frame that is released before every
 * processor has dropped its translations can be written through them by a process that no longer owns it.
 *
 * Idea. The cursor collects what has changed (one range that covers it all) and what has been taken out (the gather
 * array). Both are done with in this order: this CPU's TLB, the other CPUs' in one request, the frames. When the array
 * is full half-way, that happens early; the order is the same, so a caller never notices.
 *
 * What is flushed. Nothing when an entry goes from not-present to present: processors do not cache not-present entries
 * (SDM 4.10.2.3). Up to FLUSH_PAGES_MAX pages one by one, then everything. A freed table needs one flush somewhere,
 * since INVLPG of any page drops all paging-structure caches of the space (SDM 4.10.4.1). A large page that changed is
 * flushed as all its 4 KiB pages: a processor may have cached it in parts. Whatever changed in the kernel's tree
 * flushes global translations too: INVLPG does, and quire_cpu_flush_all(true) does.
 *
 * A tree that is loaded nowhere is flushed just the same. Knowing where it is loaded would take a CPU mask with its own
 * ordering rules against the loading of CR3; the port may keep one and ignore requests for spaces that are not active.
 * What such a CPU still holds under another ASID, the generation makes it drop when it loads the tree again (asid.c).
 *
 * Rejected: a list of ranges instead of one that covers them all (it pays only for scattered changes under one cursor,
 * which are rare), and freeing by epoch (frames would come back late, and running out of memory early).
 *
 * Locks: the tree's is held. Releasing frames takes none.
 */
#include "tree.h"

#include "cpu/cpu.h"

static void widen(quire_va_t *start, quire_va_t *end, quire_va_t first, quire_va_t stop)
{
    bool none = *end == 0;

    if (none || first < *start)
        *start = first;
    if (none || stop > *end)
        *end = stop;
}

void quire_paging_flush_add(quire_cursor_t *cursor, quire_va_t first, quire_va_t last)
{
    widen(&cursor->flush_start, &cursor->flush_end, first, format_end(format_of(cursor->table), last));
}

/* What is far from the first range begins a second one: all that lies between would be looked through. */
void quire_paging_prune_add(quire_cursor_t *cursor, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_va_t reach = format_reach(format, 2);
    bool near = cursor->prune_end[0] == 0 ||
                (first <= (cursor->prune_end[0] - 1) + reach && cursor->prune_start[0] <= last + reach);

    widen(&cursor->prune_start[!near], &cursor->prune_end[!near], first, format_end(format, last));
}

static void flush(quire_cursor_t *cursor)
{
    quire_shootdown_t request = {cursor->table->space, cursor->flush_start, cursor->flush_end};

    if (request.end == 0)
        return;
    quire_paging_generation_next(cursor->table);
    if ((request.end - request.start) >> QUIRE_PAGE_SHIFT > FLUSH_PAGES_MAX) {
        request.start = 0;
        request.end = 0;
        quire_cpu_flush_all(cursor->table->kernel == NULL);
    } else {
        for (quire_va_t va = request.start; va != request.end; va += QUIRE_PAGE_BYTES)
            quire_cpu_flush_page(va);
    }
    quire_event(.kind = QUIRE_EVENT_FLUSH, .space = request.space, .address = request.start,
                .bytes = request.end - request.start);
    quire_port_shootdown(&request);
    cursor->flush_end = 0;
}

void quire_paging_flush_and_free(quire_cursor_t *cursor)
{
    quire_table_t *table = cursor->table;

    flush(cursor);
    for (unsigned i = 0; i < cursor->gathered; i++) {
        unsigned what = cursor->gather_what[i];

        if (what == GATHER_FRAME)
            quire_paging_frame_release(table, cursor->gather[i], cursor->start);
        else if (what & GATHER_LARGE)
            quire_paging_frames_release(table, cursor->gather[i],
                                        format_pages(format_of(table), what & ~(unsigned)GATHER_LARGE), cursor->start);
        else
            quire_paging_subtree_release(table, cursor->gather[i], what, cursor->start);
    }
    cursor->gathered = 0;
}

void quire_paging_gather(quire_cursor_t *cursor, quire_frame_t frame, unsigned what)
{
    if (cursor->gathered == QUIRE_CURSOR_GATHER)
        quire_paging_flush_and_free(cursor);
    cursor->gather[cursor->gathered] = frame;
    cursor->gather_what[cursor->gathered] = (uint8_t)what;
    cursor->gathered++;
}

void quire_paging_gather_page(quire_cursor_t *cursor, unsigned level, const quire_page_t *page)
{
    if (page->flags & QUIRE_PAGE_FOREIGN)
        return;
    quire_paging_gather(cursor, quire_frame((size_t)page->payload),
                        level == 1 ? (unsigned)GATHER_FRAME : GATHER_LARGE | level);
}
