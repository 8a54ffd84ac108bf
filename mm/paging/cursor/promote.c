/* SPDX-License-Identifier: MIT */
/*
 * promote.c - a table that one entry can stand for gives way to it.
 *
 * Problem. Pages that were mapped one by one, or split off a large page, may lie in consecutive frames with the same
 * rights; one entry then says the same as a table of them, and one TLB entry holds what took hundreds. A coarse promise
 * that was cut at one page, and is the same promise throughout again, is a table that says one thing 512 times.
 *
 * Idea. Look over the table; if all its entries go on from the first, as split.c would write them, overwrite the
 * entry above. A processor may use the old small translations until the flush, and sets accessed and dirty bits in the
 * old table meanwhile: so flush first, then collect those bits, then release the table. Between the two steps both
 * sizes translate alike (SDM 4.10.2.3 allows either to be used), so that nothing can go wrong. Promises and hidden
 * pages are translated by nobody: their table just goes, after the flush that every freed table needs.
 *
 * Frames of the PMM stay what they were, single blocks with a count each; the large page is released block by block. It
 * can therefore be split again (split.c), unlike one that is mapped from a large block. No memory is taken, so that
 * this works when there is none, and is a way to get some.
 *
 * When. Only when it is asked for, and fork asks (mm/vmm/fork.c), which reads all entries anyway. Rejected: joining at
 * the close of every mark or protect that made a table uniform. A page that is protected and unprotected, or touched
 * and discarded, in turn would take and give back a table each time: cutting
 * a promise and joining it cost many times what the call alone does.
 */
#include "cursor.h"

/* Whether a table of such entries can be one entry, and how far the payloads of its parts are then apart. */
static bool may_be_part(quire_page_kind_t kind, uint64_t pages, uint64_t *step)
{
    switch (kind) {
    case QUIRE_PAGE_MAPPED:
    case QUIRE_PAGE_HIDDEN:
        *step = pages;
        return true;
    case QUIRE_PAGE_RESERVED:
    case QUIRE_PAGE_GUARD:
    case QUIRE_PAGE_OBJECT:
        *step = 0;
        return true;
    case QUIRE_PAGE_EMPTY:
    case QUIRE_PAGE_TABLE:
    case QUIRE_PAGE_SWAPPED:
    case QUIRE_PAGE_BUSY:
        break;
    }
    return false;
}

static quire_page_t read_part(const quire_format_t *format, const void *window, unsigned level, unsigned index,
                              unsigned *mmu_flags)
{
    quire_page_t part = entry_decode(format, level, word_read(format, window, index));

    *mmu_flags |= part.flags & (QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY);
    part.flags &= (uint16_t) ~(QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY);
    return part;
}

/* Whether the table's entries are the parts of one; then `page` is that one, its accessed and dirty bits all parts'
   together. Equal promises are equal words. */
static bool read_parts(const quire_format_t *format, quire_frame_t frame, unsigned level, quire_page_t *page)
{
    void *window = quire_port_window_open(frame);
    uint64_t first = word_read(format, window, 0);
    unsigned mmu_flags = 0;
    quire_page_t whole = read_part(format, window, level, 0, &mmu_flags);
    uint64_t step = 0;
    bool alike = may_be_part(whole.kind, format_pages(format, level), &step);

    for (unsigned i = 1; i < format_entries(format, level) && alike; i++) {
        if (step == 0) {
            alike = word_read(format, window, i) == first;
        } else {
            quire_page_t part = read_part(format, window, level, i, &mmu_flags);

            alike = part.kind == whole.kind && part.prot == whole.prot && part.key == whole.key &&
                    part.flags == whole.flags && part.payload == whole.payload + i * step;
        }
    }
    quire_port_window_close(window);
    whole.flags |= (uint16_t)mmu_flags;
    *page = whole;
    return alike;
}

/* What the MMU has noted in the old table until the flush. */
static void carry_mmu_flags(quire_cursor_t *cursor, const entry_t *entry, quire_frame_t old, uint64_t raw)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_page_t page;

    if (!read_parts(format, old, entry->level - 1, &page))
        quire_panic_at("paging: a table changed while its lock was held", entry->va, table->space);
    uint64_t late = entry_encode(format, entry->level, &page) & (X86_ACCESSED | X86_DIRTY);
    while ((raw & late) != late && !entry_try(table, entry, &raw, raw | late)) {
    }
}

static quire_status_t promote_entry(quire_cursor_t *cursor, const entry_t *entry)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    uint64_t raw = entry_read(format, entry);
    quire_frame_t old = entry_table(format, raw);
    quire_va_t first = format_first(format, entry->level, entry->va);
    quire_page_t page;

    if (!entry_is_table(format, entry->level, raw))
        return raw != 0 ? QUIRE_EXISTS : QUIRE_NOT_FOUND;
    if (!read_parts(format, old, entry->level - 1, &page))
        return QUIRE_NOT_FOUND;
    if (root_has_copy(table, entry->level) || entry_is_pinned(format, entry->level, raw) ||
        !entry_encodable(format, entry->level, &page))
        return QUIRE_UNSUPPORTED;
    uint64_t after = entry_encode(format, entry->level, &page);
    (void)entry_replace(table, entry, raw, after);
    stands_nowhere(cursor);
    quire_paging_table_leaves(table, old, entry->level - 1, first);
    if (entry_present(after)) {
        quire_paging_flush_add(cursor, first, format_last(format, entry->level, first));
        quire_paging_flush_and_free(cursor);
        carry_mmu_flags(cursor, entry, old, after);
    } else {
        quire_paging_flush_add(cursor, first, first | QUIRE_PAGE_MASK);
    }
    quire_paging_gather(cursor, old, GATHER_FRAME);
    return QUIRE_OK;
}

quire_status_t quire_cursor_promote(quire_cursor_t *cursor, quire_va_t va, unsigned level)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_frame_t frame = cursor->table->root;
    quire_status_t status = QUIRE_NOT_FOUND;

    if (level < 2 || level > quire_format_promise_level(format))
        return QUIRE_UNSUPPORTED;
    if (cursor->mode != QUIRE_CURSOR_EDGES || va != format_first(format, level, va) || va < cursor->start ||
        format_last(format, level, va) > cursor->end - 1)
        quire_panic_at("paging: to promote pages, open a cursor with EDGES over all of them", va, cursor->table->space);
    for (unsigned above = format->levels; above >= level; above--) {
        void *window = quire_port_window_open(frame);
        entry_t entry = entry_at(format, window, frame, above, va);
        uint64_t raw = entry_read(format, &entry);

        if (above == level)
            status = promote_entry(cursor, &entry);
        quire_port_window_close(window);
        if (!entry_is_table(format, above, raw))
            break;
        frame = entry_table(format, raw);
    }
    return status;
}
