/* SPDX-License-Identifier: MIT */
/*
 * tables.c - the frames that tables are made of.
 *
 * Problem. A change of many pages may need many tables, and must not fail after the first of them has been linked.
 *
 * Idea. All are taken before the first is linked, and wait in a chain that runs through their own first words: any
 * number of them costs no memory but their own. They come zeroed; the word is cleared again on leaving the chain.
 *
 * Subtrees. A range that covers a whole table is taken out by overwriting one entry above it. What hangs below is
 * counted at once and released after the flush, by walking it once more: no entry of it is written at all.
 *
 * Invariants: table->table_frames counts the tables linked below the root, and the root; a table's frame has one
 * reference and the owner QUIRE_OWNER_TABLE.
 *
 * Rejected: an array of frames in the cursor (it bounds what one call can populate).
 */
#include "paging.h"

#define TABLES_TAKEN_UNASKED 64

static quire_pmm_request_t table_request(unsigned zone)
{
    return (quire_pmm_request_t){
        .zone = (uint8_t)zone, .owner = QUIRE_OWNER_TABLE, .lifetime = QUIRE_LIFETIME_TABLE, .zeroed = true};
}

quire_status_t quire_paging_root_take(quire_pmm_t *pmm, const quire_format_t *format, unsigned zone,
                                      quire_frame_t *root)
{
    /* The zones are numbered from wide to narrow. */
    return quire_pmm_alloc(pmm, table_request(zone > format->root_zone ? zone : format->root_zone), root);
}

quire_frame_t quire_paging_tables_next(quire_frame_t *chain)
{
    quire_frame_t frame = *chain;
    size_t *window = quire_port_window_open(frame);

    *chain = quire_frame(window[0]);
    window[0] = 0;
    quire_port_window_close(window);
    return frame;
}

static void chain_release(quire_pmm_t *pmm, quire_frame_t chain)
{
    while (chain.number != 0)
        quire_paging_frames_release(pmm, quire_paging_tables_next(&chain), 1);
}

/* A hopeless request should not take the machine's last frames first, even for a moment. */
static bool may_succeed(const quire_pmm_t *pmm, size_t count)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(pmm, &stats);
    return stats.free_frames >= count;
}

quire_status_t quire_paging_tables_take(quire_table_t *table, size_t count, quire_frame_t *chain)
{
    quire_frame_t head = quire_frame(0);

    if (count > TABLES_TAKEN_UNASKED && !may_succeed(table->pmm, count))
        return QUIRE_NO_MEMORY;
    for (; count > 0; count--) {
        quire_frame_t frame;
        quire_status_t status = quire_pmm_alloc(table->pmm, table_request(table->table_zone), &frame);

        if (status != QUIRE_OK) {
            chain_release(table->pmm, head);
            return status;
        }
        size_t *window = quire_port_window_open(frame);
        window[0] = head.number;
        quire_port_window_close(window);
        head = frame;
    }
    *chain = head;
    return QUIRE_OK;
}

void quire_paging_table_joins(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va)
{
    (void)frame;
    (void)level;
    (void)va;
    table->table_frames++;
    quire_event(.kind = QUIRE_EVENT_TABLE_ALLOC, .level = (uint8_t)level, .space = table->space, .address = va,
                .frame = frame.number);
}

void quire_paging_table_leaves(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va)
{
    (void)frame;
    (void)level;
    (void)va;
    table->table_frames--;
    quire_event(.kind = QUIRE_EVENT_TABLE_FREE, .level = (uint8_t)level, .space = table->space, .address = va,
                .frame = frame.number);
}

uint64_t quire_paging_subtree_leaves(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(frame);
    uint64_t pages = 0;

    for (unsigned i = 0; i < format_entries(format, level); i++) {
        uint64_t raw = word_read(format, window, i);
        quire_va_t start = va + ((quire_va_t)i << format_shift(format, level));

        if (entry_is_table(format, level, raw))
            pages += quire_paging_subtree_leaves(table, entry_table(format, raw), level - 1, start);
        else if (entry_present(raw))
            pages += format_pages(format, level);
    }
    quire_port_window_close(window);
    quire_paging_table_leaves(table, frame, level, va);
    return pages;
}

void quire_paging_frames_release(quire_pmm_t *pmm, quire_frame_t frame, uint64_t count)
{
    while (count > 0) {
        unsigned order = count == 1 ? 0 : quire_pmm_frame_info(pmm, frame).order;

        if (quire_pmm_release(pmm, frame, NULL) != QUIRE_OK)
            quire_port_panic("paging: a frame in a page table was not the PMM's to take back");
        if ((uint64_t)1 << order >= count)
            return;
        count -= (uint64_t)1 << order;
        frame.number += (size_t)1 << order;
    }
}

/* Only one window is open at a time: the caller may hold one a level. */
void quire_paging_subtree_release(quire_table_t *table, quire_frame_t frame, unsigned level)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(frame);

    for (unsigned i = 0; i < format_entries(format, level); i++) {
        uint64_t raw = word_read(format, window, i);

        if (raw == 0)
            continue;
        quire_page_t page = entry_decode(format, level, raw);
        if (page.kind == QUIRE_PAGE_TABLE) {
            quire_port_window_close(window);
            quire_paging_subtree_release(table, quire_frame((size_t)page.payload), level - 1);
            window = quire_port_window_open(frame);
        } else if ((page.kind == QUIRE_PAGE_MAPPED || page.kind == QUIRE_PAGE_HIDDEN) &&
                   !(page.flags & QUIRE_PAGE_FOREIGN)) {
            quire_paging_frames_release(table->pmm, quire_frame((size_t)page.payload), format_pages(format, level));
        }
    }
    quire_port_window_close(window);
    quire_paging_frames_release(table->pmm, frame, 1);
}
