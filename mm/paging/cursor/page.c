/* SPDX-License-Identifier: MIT */
/*
 * page.c - the work on one page: map, fill, take, put.
 *
 * Problem. A page is changed while the MMU uses the entry and notes in it that it was read or written.
 *
 * Idea. The cursor stands in the level-1 table, which opening with POPULATE has put there; the entry is read once and
 * written by one store, or by one exchange where it was present, so that no bit the MMU sets in between is lost. What
 * is present and changes is flushed by close.
 *
 * A promise is kept without being decoded where it is the same word as the last one: quire_cursor_fill().
 */
#include "cursor.h"

static bool is_owned_rightly(const quire_cursor_t *cursor, const quire_page_t *page)
{
    const quire_table_t *table = cursor->table;

    if (cursor->start >= table->shared_start)
        return !(page->prot & QUIRE_PROT_USER);
    return !(page->flags & QUIRE_PAGE_GLOBAL) || table->kernel == NULL;
}

static quire_status_t check_page(const quire_cursor_t *cursor, unsigned level, const quire_page_t *page)
{
    const quire_format_t *format = format_of(cursor->table);

    if (!(page->prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)) || !is_owned_rightly(cursor, page))
        return QUIRE_INVALID;
    if ((page->flags & QUIRE_PAGE_FOREIGN) && (page->flags & QUIRE_PAGE_COPY_ON_WRITE))
        return QUIRE_INVALID;
    if (level < 1 || level > format->levels || !entry_encodable(format, level, page))
        return QUIRE_UNSUPPORTED;
    return QUIRE_OK;
}

/* The level-1 table over va, which POPULATE has put there. */
static quire_frame_t level1_of(quire_cursor_t *cursor, quire_va_t va)
{
    check_within(cursor, va);
    if (va & QUIRE_PAGE_MASK)
        quire_panic_at("paging: an address that is not a page's", va, cursor->table->space);
    return level1_over(cursor, va);
}

/* Something stands at va now: if this page was all that might have left a table empty, none is. */
static void fills(quire_cursor_t *cursor, quire_va_t va)
{
    if (cursor->prune_end[0] == va + QUIRE_PAGE_BYTES && cursor->prune_start[0] == va)
        cursor->prune_end[0] = 0;
}

static quire_status_t map_page(quire_cursor_t *cursor, quire_va_t va, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = level1_of(cursor, va);

    if (frame.number == 0)
        quire_panic_at("paging: a page is mapped where no table is: open the cursor with POPULATE", va, table->space);
    void *window = quire_port_window_open(frame);
    entry_t entry = entry_at(format, window, frame, 1, va);
    uint64_t raw = entry_read(format, &entry);
    bool taken = entry_present(raw) || entry_kind(format, 1, raw) == QUIRE_PAGE_HIDDEN;
    if (!taken)
        (void)entry_replace(table, &entry, raw, entry_encode(format, 1, page));
    quire_port_window_close(window);
    if (taken)
        return QUIRE_EXISTS;
    table->mapped_pages++;
    fills(cursor, va);
    return QUIRE_OK;
}

quire_status_t quire_cursor_map(quire_cursor_t *cursor, quire_va_t va, unsigned level, quire_frame_t frame,
                                unsigned prot, unsigned flags)
{
    quire_page_t page = {
        .kind = QUIRE_PAGE_MAPPED, .prot = (uint8_t)prot, .flags = (uint16_t)flags, .payload = frame.number};
    quire_status_t status = check_page(cursor, level, &page);

    if (status != QUIRE_OK)
        return status;
    if (QUIRE_CHECKS && !(flags & QUIRE_PAGE_FOREIGN) && quire_pmm_references(cursor->table->pmm, frame) == 0)
        quire_panic_frame("paging: a frame is mapped that the PMM has not given out: it was freed, or was never taken",
                          frame, va, cursor->table->space);
    note_mapped(cursor->table, flags);
    return level == 1 ? map_page(cursor, va, &page) : quire_paging_map_large(cursor, va, level, &page);
}

quire_page_t quire_cursor_take(quire_cursor_t *cursor, quire_va_t va)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = level1_of(cursor, va);

    if (frame.number == 0)
        return (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
    void *window = quire_port_window_open(frame);
    entry_t entry = entry_at(format, window, frame, 1, va);
    uint64_t raw = entry_read(format, &entry);
    if (raw != 0) {
        raw = entry_replace(table, &entry, raw, 0);
        quire_paging_prune_add(cursor, va, va | QUIRE_PAGE_MASK);
    }
    quire_port_window_close(window);
    if (entry_present(raw)) {
        table->mapped_pages--;
        quire_paging_flush_add(cursor, va, va | QUIRE_PAGE_MASK);
    }
    return entry_decode(format, 1, raw);
}

quire_resolved_t quire_cursor_resolves(const quire_cursor_t *cursor, const quire_page_t *page)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_page_t wanted = *page;

    wanted.payload = 0;
    if (page->kind != QUIRE_PAGE_MAPPED || entry_kind(format, 1, cursor->first) != QUIRE_PAGE_RESERVED ||
        !entry_encodable(format, 1, &wanted))
        return (quire_resolved_t){0, 0};
    return (quire_resolved_t){cursor->first, entry_encode(format, 1, &wanted)};
}

void quire_cursor_fill(quire_cursor_t *cursor, const quire_resolved_t *resolved, quire_frame_t frame)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_va_t va = cursor->start;
    uint64_t after = resolved->page | quire_pa_of_frame(frame).value;
    void *window = quire_port_window_open(cursor->level1);

    word_store(format, window, format_index(format, 1, va), after);
    if (entries_are_recorded()) {
        entry_t entry = entry_at(format, window, cursor->level1, 1, va);

        entry_record(table, &entry, resolved->promise, after);
    }
    quire_port_window_close(window);
    table->mapped_pages++;
    cursor->first = 0;
}

/* Writes the page over a present entry. Accessed and dirty bits that this has, or that the MMU sets meanwhile, stay: a
   caller that has read the entry before knows no others, and what it does not know it must not clear. That nothing but
   such bits is added leaves no translation with too many rights. Returns the flags as they are then. */
static unsigned put_over(quire_cursor_t *cursor, const entry_t *entry, uint64_t raw, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_page_t wanted = *page;
    uint64_t after;

    do {
        wanted.flags |= (uint16_t)decode_mmu(raw);
        after = entry_encode(format, 1, &wanted);
    } while (!entry_try(table, entry, &raw, after));
    table->mapped_pages--;
    if (((raw ^ after) & ~(X86_ACCESSED | X86_DIRTY)) != 0)
        quire_paging_flush_add(cursor, entry->va, entry->va | QUIRE_PAGE_MASK);
    return wanted.flags;
}

unsigned quire_cursor_put(quire_cursor_t *cursor, quire_va_t va, const quire_page_t *page)
{
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = level1_of(cursor, va);
    unsigned flags = page->flags;

    if (frame.number == 0 || cursor->mode == QUIRE_CURSOR_READ)
        quire_panic_at("paging: an entry is put where no table is: open the cursor with POPULATE", va, table->space);
    if (!entry_encodable(format, 1, page) || !is_owned_rightly(cursor, page))
        quire_panic_at("paging: an entry of this format cannot say that", va, table->space);
    void *window = quire_port_window_open(frame);
    entry_t entry = entry_at(format, window, frame, 1, va);
    uint64_t raw = entry_read(format, &entry);
    if ((entry_present(raw) || promise_is_hidden(raw)) &&
        !(has_frame(page) && entry_frame(format, 1, raw) == page->payload))
        quire_panic_at("paging: an entry that holds a frame was overwritten: take it first", va, table->space);
    if (has_frame(page))
        note_mapped(table, page->flags);
    if (entry_present(raw))
        flags = put_over(cursor, &entry, raw, page);
    else
        (void)entry_replace(table, &entry, raw, entry_encode(format, 1, page));
    quire_port_window_close(window);
    table->mapped_pages += page->kind == QUIRE_PAGE_MAPPED;
    if (page->kind == QUIRE_PAGE_EMPTY)
        quire_paging_prune_add(cursor, va, va | QUIRE_PAGE_MASK);
    else
        fills(cursor, va);
    return flags;
}
