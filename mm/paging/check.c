/* SPDX-License-Identifier: MIT */
/*
 * check.c - a tree's invariants, walked.
 *
 * Every table is an allocated frame owned as a table and, but for those that are kept, not empty; no word is one that
 * the library would not write; the counts agree; the shared half equals the kernel's. The broken rule goes to the log.
 */
#include "paging.h"

typedef struct check {
    const quire_table_t *table;
    const char *broken; /* the first rule found broken */
    uint64_t mapped_pages;
    size_t table_frames;
    bool leaf_found; /* the remembered table */
} check_t;

static void breaks(check_t *check, const char *rule)
{
    if (check->broken == NULL)
        check->broken = rule;
}

static bool has_pmm_frame(const quire_page_t *page)
{
    return (page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN) && !(page->flags & QUIRE_PAGE_FOREIGN);
}

static void check_entry(check_t *check, unsigned level, uint64_t raw)
{
    const quire_format_t *format = format_of(check->table);
    quire_page_t page = entry_decode(format, level, raw);
    uint64_t mmu_bits = entry_present(raw) ? X86_ACCESSED | X86_DIRTY : 0;

    if (quire_paging_reserved_bits(format, level, raw, 52) != 0)
        breaks(check, "paging: a reserved bit is set");
    if (!entry_encodable(format, level, &page) || ((entry_encode(format, level, &page) ^ raw) & ~mmu_bits) != 0)
        breaks(check, "paging: an entry that the library did not write");
    if (has_pmm_frame(&page) && !quire_pmm_frame_info(check->table->pmm, quire_frame((size_t)page.payload)).allocated)
        breaks(check, "paging: a frame is mapped that is not allocated");
    if (page.kind == QUIRE_PAGE_MAPPED)
        check->mapped_pages += format_pages(format, level);
}

static void check_table_entry(check_t *check, unsigned level, uint64_t raw)
{
    const quire_format_t *format = format_of(check->table);
    uint64_t own_bits = X86_ACCESSED | (level == format->levels ? X86_PINNED : 0);
    quire_frame_t frame = entry_table(format, raw);
    uint64_t plain = entry_encode_table(format, level, frame, (raw & X86_USER) != 0);

    /* An emulator may mark a PAE root entry as accessed, where the manual reserves the bit; a CPU does not look again.
     */
    if (quire_paging_reserved_bits(format, level, raw & ~(uint64_t)X86_ACCESSED, 52) != 0)
        breaks(check, "paging: a reserved bit is set");
    if (((plain ^ raw) & ~own_bits) != 0)
        breaks(check, "paging: a table's entry that the library did not write");
}

/* The table that is remembered must be found, at the place that is remembered. */
static void check_leaf(check_t *check, quire_frame_t frame, unsigned level, quire_va_t va)
{
    uint64_t differs = va ^ check->table->leaf_start;

    if (frame.number != check->table->leaf.number)
        return;
    check->leaf_found = true;
    /* Bits above the translated ones are not counted up here. */
    if (level != 1 || (differs & (((uint64_t)1 << format_of(check->table)->va_bits) - 1)) != 0)
        breaks(check, "paging: the remembered table stands elsewhere");
}

/* Entries [first, end) of the table whose first entry covers va. */
static void check_tree(check_t *check, quire_frame_t frame, unsigned level, quire_va_t va, unsigned first, unsigned end)
{
    const quire_format_t *format = format_of(check->table);
    quire_frame_info_t info = quire_pmm_frame_info(check->table->pmm, frame);

    if (!info.allocated || info.owner != QUIRE_OWNER_TABLE || info.references != 1) {
        breaks(check, "paging: a table stands in a frame that is not a table's");
        return;
    }
    void *window = quire_port_window_open(frame);
    bool empty = true;
    check->table_frames++;
    check_leaf(check, frame, level, va);
    for (unsigned i = first; i < end && check->broken == NULL; i++) {
        uint64_t raw = word_read(format, window, i);

        empty = empty && raw == 0;
        if (entry_is_table(format, level, raw)) {
            check_table_entry(check, level, raw);
            check_tree(check, entry_table(format, raw), level - 1, va + ((quire_va_t)i << format_shift(format, level)),
                       0, format_entries(format, level - 1));
        } else if (raw != 0) {
            check_entry(check, level, raw);
        }
    }
    quire_port_window_close(window);
    /* Root entries that keep their tables whatever they hold are all that may lead to an empty one. */
    if (empty && level + 1 < format->levels)
        breaks(check, "paging: an empty table was not given back");
}

/* From root entry `first` on, the tree is the kernel's. */
static void check_shared(check_t *check, unsigned first)
{
    const quire_table_t *table = check->table;
    const quire_format_t *format = format_of(table);

    if (!quire_paging_root_is_copy(table, table->root, table->kernel->root, first,
                                   format_entries(format, format->levels)))
        breaks(check, "paging: the shared half differs from the kernel's");
    if (table->user_root.number == 0)
        return;
    const char *rule = quire_paging_user_root_check(table);
    check->table_frames++;
    if (rule != NULL)
        breaks(check, rule);
}

quire_status_t quire_table_check(quire_table_t *table)
{
    const quire_format_t *format = format_of(table);
    unsigned levels = format->levels;
    unsigned end =
        table->kernel != NULL ? format_index(format, levels, table->shared_start) : format_entries(format, levels);
    check_t check = {.table = table};

    quire_port_lock(&table->lock);
    check_tree(&check, table->root, levels, 0, 0, end);
    if (table->kernel != NULL)
        check_shared(&check, end);
    if (check.mapped_pages != table->mapped_pages)
        breaks(&check, "paging: the count of mapped pages is wrong");
    if (check.table_frames != table->table_frames)
        breaks(&check, "paging: the count of tables is wrong");
    if (table->leaf.number != 0 && !check.leaf_found)
        breaks(&check, "paging: the remembered table is not in the tree");
    quire_port_unlock(&table->lock);
    if (check.broken == NULL)
        return QUIRE_OK;
    quire_port_log(QUIRE_LOG_ERROR, check.broken);
    return QUIRE_CORRUPT;
}
