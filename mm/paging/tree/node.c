/* SPDX-License-Identifier: MIT */
/*
 * node.c - the frames that tables are made of.
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
#include "tree.h"

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

static void chain_release(const quire_table_t *table, quire_frame_t chain)
{
    while (chain.number != 0)
        quire_paging_frame_release(table, quire_chain_pop(&chain), 0);
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
            chain_release(table, head);
            return status;
        }
        quire_chain_push(&head, frame);
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
    (void)level;
    (void)va;
    table->table_frames--;
    table->has_lost_tables = true;
    quire_event(.kind = QUIRE_EVENT_TABLE_FREE, .level = (uint8_t)level, .space = table->space, .address = va,
                .frame = frame.number);
}

/* The pages of a level-1 table. */
static void count_pages(const quire_format_t *format, const void *window, subtree_count_t *count)
{
    size_t mapped = 0;
    size_t taken = 0;

    for (unsigned i = 0; i < format_entries(format, 1); i++) {
        uint64_t raw = word_read(format, window, i);

        taken += raw != 0;
        mapped += raw & X86_PRESENT;
    }
    count->mapped += mapped;
    count->taken += taken;
}

void quire_paging_subtree_leaves(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va,
                                 subtree_count_t *count)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(frame);

    if (level == 1)
        count_pages(format, window, count);
    for (unsigned i = 0; level > 1 && i < format_entries(format, level); i++) {
        uint64_t raw = word_read(format, window, i);
        quire_va_t start = va + ((quire_va_t)i << format_shift(format, level));

        if (entry_is_table(format, level, raw)) {
            quire_paging_subtree_leaves(table, entry_table(format, raw), level - 1, start, count);
        } else if (raw != 0) {
            count->taken += format_pages(format, level);
            count->mapped += entry_present(raw) ? format_pages(format, level) : 0;
        }
    }
    quire_port_window_close(window);
    quire_paging_table_leaves(table, frame, level, va);
}

void quire_paging_frames_release(const quire_table_t *table, quire_frame_t frame, uint64_t count, quire_va_t va)
{
    while (count > 0) {
        unsigned order = count == 1 ? 0 : quire_pmm_frame_info(table->pmm, frame).order;

        quire_paging_frame_release(table, frame, va);
        if ((uint64_t)1 << order >= count)
            return;
        count -= (uint64_t)1 << order;
        frame.number += (size_t)1 << order;
    }
}

/* The pages of a level-1 table. */
static void pages_release(const quire_table_t *table, const void *window, quire_va_t va)
{
    const quire_format_t *format = format_of(table);

    for (unsigned i = 0; i < format_entries(format, 1); i++) {
        uint64_t raw = word_read(format, window, i);

        if ((entry_present(raw) || promise_is_hidden(raw)) && page_is_owned(raw))
            quire_paging_frame_release(table, quire_frame((size_t)entry_frame(format, 1, raw)),
                                       va + ((quire_va_t)i << QUIRE_PAGE_SHIFT));
    }
}

/* Only one window is open at a time: the caller may hold one a level. */
void quire_paging_subtree_release(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(frame);

    if (level == 1)
        pages_release(table, window, va);
    for (unsigned i = 0; level > 1 && i < format_entries(format, level); i++) {
        uint64_t raw = word_read(format, window, i);
        quire_va_t start = va + ((quire_va_t)i << format_shift(format, level));

        if (entry_is_table(format, level, raw)) {
            quire_port_window_close(window);
            quire_paging_subtree_release(table, entry_table(format, raw), level - 1, start);
            window = quire_port_window_open(frame);
        } else if ((entry_present(raw) || promise_is_hidden(raw)) && page_is_owned(raw)) {
            quire_paging_frames_release(table, quire_frame((size_t)entry_frame(format, level, raw)),
                                        format_pages(format, level), start);
        }
    }
    quire_port_window_close(window);
    quire_paging_frame_release(table, frame, va);
}
