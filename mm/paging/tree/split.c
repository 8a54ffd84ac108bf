/* SPDX-License-Identifier: MIT */
/*
 * split.c - the tables that a change will need, before the change.
 *
 * Problem. Splitting a coarse promise or a large page takes a table, and there may be none. A call that has split one
 * end of a range and fails at the other has changed the tree.
 *
 * Idea. Three passes over the range: count the tables that are missing, take them all, link them. Only the second can
 * fail, and it has linked nothing. A new table is filled with what the entry above it said, in 512 (or 1024) parts, and
 * linked by one write: at no moment does any address mean anything else than before.
 *
 * A present large page is split under the MMU's eyes: if it sets the accessed or dirty bit while the parts are written,
 * the exchange fails and they are written again. Attributes are carried by decoding and encoding, because the PAT bit
 * of a large page stands elsewhere than that of a small one. Blocks of the PMM
 * that are larger than the parts are divided first, which needs no memory. A block that others hold too cannot be,
 * since one count cannot become many: QUIRE_UNSUPPORTED.
 *
 * The fill is not recorded as events: it says nothing new. A reader of events copies the entry above, as this does.
 */
#include "tree.h"

typedef struct plan {
    quire_cursor_t *cursor;
    unsigned floor; /* entries of this level need no table below them */
    bool edges;     /* entries that the range covers whole need none either */
    bool refused;   /* it would cut what cannot be cut */
    quire_frame_t chain;
} plan_t;

static bool wants_table(const plan_t *plan, unsigned level, quire_va_t first, quire_va_t last)
{
    return level > plan->floor && !(plan->edges && part_is_whole(format_of(plan->cursor->table), level, first, last));
}

/* The start of the next part: with edges, what lies between the first and the last is covered whole. */
static quire_va_t part_next(const plan_t *plan, unsigned level, quire_va_t stop, quire_va_t last)
{
    quire_va_t final = format_first(format_of(plan->cursor->table), level, last);

    return plan->edges && final > stop ? final : stop + 1;
}

/* Tables missing below one entry that is not a table. */
static size_t count_below(const plan_t *plan, unsigned level, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(plan->cursor->table);
    size_t count = 0;

    if (!wants_table(plan, level, first, last))
        return 0;
    if (!plan->edges) {
        for (; level > plan->floor; level--)
            count += (size_t)((last >> format_shift(format, level)) - (first >> format_shift(format, level))) + 1;
        return count;
    }
    count = 1;
    level--;
    quire_va_t stop = part_last(format, level, first, last);
    count += count_below(plan, level, first, stop);
    if (stop != last)
        count += count_below(plan, level, format_first(format, level, last), last);
    return count;
}

/* Whether the parts of an entry that is split each own their frames: the PMM's blocks must not be larger than a part.
 */
static bool owns_frames(const quire_page_t *page)
{
    return (page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN) && !(page->flags & QUIRE_PAGE_FOREIGN);
}

/* A page with a block of several frames that has several holders, or that does not lie wholly in the page. */
static bool is_uncuttable(const quire_table_t *table, unsigned level, uint64_t raw)
{
    const quire_format_t *format = format_of(table);
    quire_page_t page = entry_decode(format, level, raw);
    size_t pages = (size_t)format_pages(format, level);
    size_t at = 0;

    if (!owns_frames(&page))
        return false;
    while (at < pages) {
        quire_frame_info_t info = quire_pmm_frame_info(table->pmm, quire_frame((size_t)page.payload + at));
        size_t frames = (size_t)1 << info.order;

        if (info.references == 0 || (info.references > 1 && frames > 1))
            return true;
        at += frames;
    }
    return at > pages;
}

/* Divides the blocks that are larger than a part. */
static void divide_blocks(const quire_table_t *table, unsigned level, quire_va_t va, uint64_t raw)
{
    const quire_format_t *format = format_of(table);
    quire_page_t page = entry_decode(format, level, raw);
    size_t at = 0;

    if (!owns_frames(&page))
        return;
    while (at < format_pages(format, level)) {
        quire_frame_t frame = quire_frame((size_t)page.payload + at);
        unsigned order = quire_pmm_frame_info(table->pmm, frame).order;

        at += (size_t)1 << order;
        if ((size_t)1 << order > format_pages(format, level - 1) &&
            quire_pmm_split(table->pmm, frame, order) != QUIRE_OK)
            quire_panic_frame("paging: a block that only this tree holds cannot be divided", frame, va, table->space);
    }
}

static size_t count_table(plan_t *plan, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(plan->cursor->table);
    void *window = quire_port_window_open(frame);
    size_t count = 0;

    for (quire_va_t va = first, stop;; va = part_next(plan, level, stop, last)) {
        stop = part_last(format, level, va, last);
        if (wants_table(plan, level, va, stop)) {
            uint64_t raw = word_read(format, window, format_index(format, level, va));

            if (!entry_is_table(format, level, raw)) {
                count += count_below(plan, level, va, stop);
                plan->refused = plan->refused || is_uncuttable(plan->cursor->table, level, raw);
            } else if (level - 1 > plan->floor) {
                count += count_table(plan, entry_table(format, raw), level - 1, va, stop);
            }
        }
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
    return count;
}

/* Writes the parts of an entry of `level` into the table that will hang below it. */
static void fill(const quire_format_t *format, quire_frame_t frame, unsigned level, uint64_t raw)
{
    quire_page_t page = entry_decode(format, level, raw);
    uint64_t part = entry_encode(format, level - 1, &page);
    uint64_t step = 0;
    void *window = quire_port_window_open(frame);

    if (page.kind == QUIRE_PAGE_MAPPED || page.kind == QUIRE_PAGE_HIDDEN) {
        page.payload += format_pages(format, level - 1);
        step = entry_encode(format, level - 1, &page) - part;
    }
    for (unsigned i = 0; i < format_entries(format, level - 1); i++, part += step)
        word_store(format, window, i, part);
    quire_port_window_close(window);
}

static quire_frame_t link_table(plan_t *plan, const entry_t *entry, uint64_t raw)
{
    quire_cursor_t *cursor = plan->cursor;
    quire_table_t *table = cursor->table;
    const quire_format_t *format = format_of(table);
    quire_frame_t frame = quire_chain_pop(&plan->chain);
    quire_va_t first = format_first(format, entry->level, entry->va);
    uint64_t after = entry_encode_table(format, entry->level, frame, entry->va < table->shared_start);

    divide_blocks(table, entry->level, first, raw);
    do {
        if (raw != 0)
            fill(format, frame, entry->level, raw);
    } while (!entry_try(table, entry, &raw, after));
    quire_paging_table_joins(table, frame, entry->level - 1, first);
    if (!entry_present(raw))
        quire_paging_prune_add(cursor, entry->va, entry->va | QUIRE_PAGE_MASK);
    else
        quire_paging_flush_add(cursor, first, format_last(format, entry->level, first));
    return frame;
}

static void link_tables(plan_t *plan, quire_frame_t frame, unsigned level, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(plan->cursor->table);
    void *window = quire_port_window_open(frame);

    for (quire_va_t va = first, stop;; va = part_next(plan, level, stop, last)) {
        stop = part_last(format, level, va, last);
        if (wants_table(plan, level, va, stop)) {
            entry_t entry = entry_at(format, window, frame, level, va);
            uint64_t raw = entry_read(format, &entry);
            quire_frame_t below =
                entry_is_table(format, level, raw) ? entry_table(format, raw) : link_table(plan, &entry, raw);

            if (level - 1 > plan->floor)
                link_tables(plan, below, level - 1, va, stop);
        }
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
}

quire_status_t quire_paging_split(quire_cursor_t *cursor, quire_va_t first, quire_va_t last, unsigned floor, bool edges)
{
    plan_t plan = {.cursor = cursor, .floor = floor, .edges = edges};
    quire_table_t *table = cursor->table;
    unsigned levels = format_of(table)->levels;
    size_t count = count_table(&plan, table->root, levels, first, last);

    if (plan.refused)
        return QUIRE_UNSUPPORTED;
    if (count == 0)
        return QUIRE_OK;
    quire_status_t status = quire_paging_tables_take(table, count, &plan.chain);
    if (status != QUIRE_OK)
        return status;
    link_tables(&plan, table->root, levels, first, last);
    return QUIRE_OK;
}
