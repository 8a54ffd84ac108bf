/* SPDX-License-Identifier: MIT */
/*
 * tree.c - the life of a tree: created, pinned, sealed, loaded, destroyed.
 *
 * Problem. The kernel's half must be the same in every address space, at every moment, at no cost when it changes.
 *
 * Idea. It is the same tables: a process's root copies the kernel's root entries once, and those never change again.
 * What will change in the kernel's half changes in tables below the root: quire_table_pin() gives the root entries of
 * such ranges their tables before the first process exists, and marks them in a spare bit of the entry. After sealing,
 * an unpinned root entry of the kernel's half is read-only to everybody.
 *
 * In formats whose root entries cannot change under a running tree (PAE) every root entry has its table from the start;
 * format/x86.h says why.
 *
 * Invariants: a sealed kernel's root entries differ between trees in accessed and dirty bits only. A root lies where
 * CR3 can name it.
 *
 * Rejected: copying kernel entries lazily on a fault (a fault on the kernel's stack cannot be handled), and a list of
 * all trees to update.
 */
#include "tree.h"

#include "string.h"

static bool is_of_this_build(const quire_format_t *format)
{
#ifdef QUIRE_ALL_FORMATS
    return format->levels != 0;
#else
    return format->levels == format_only.levels && format->entry_bytes == format_only.entry_bytes;
#endif
}

/* Root entries [first, end) get empty tables: for formats with a fixed root. */
static quire_status_t fill_root(quire_table_t *table, unsigned first, unsigned end)
{
    const quire_format_t *format = format_of(table);
    quire_frame_t chain;
    quire_status_t status = quire_paging_tables_take(table, end - first, &chain);

    if (status != QUIRE_OK)
        return status;
    void *window = quire_port_window_open(table->root);
    for (unsigned i = first; i < end; i++) {
        quire_va_t va = (quire_va_t)i << format_shift(format, format->levels);
        entry_t entry = entry_at(format, window, table->root, format->levels, va);
        quire_frame_t frame = quire_chain_pop(&chain);
        bool user = va < table->shared_start;

        (void)entry_replace(table, &entry, 0, entry_encode_table(format, format->levels, frame, user));
        quire_paging_table_joins(table, frame, format->levels - 1, va);
    }
    quire_port_window_close(window);
    return QUIRE_OK;
}

/* Takes the root, and fills it up to entry `end` if the format wants that. */
static quire_status_t create_root(quire_table_t *table, unsigned zone, unsigned end)
{
    quire_status_t status = quire_paging_root_take(table->pmm, format_of(table), zone, &table->root);

    if (status != QUIRE_OK)
        return status;
    quire_paging_table_joins(table, table->root, format_of(table)->levels, 0);
    if (!format_of(table)->fixed_root)
        return QUIRE_OK;
    status = fill_root(table, 0, end);
    if (status != QUIRE_OK) {
        quire_paging_table_leaves(table, table->root, format_of(table)->levels, 0);
        quire_paging_frames_release(table, table->root, 1, 0);
    }
    return status;
}

quire_status_t quire_table_create_kernel(quire_table_t *table, const quire_format_t *format, quire_pmm_t *pmm,
                                         quire_zone_t zone, quire_va_t shared_start)
{
    quire_table_t fresh = {.format = format, .pmm = pmm, .table_zone = (uint8_t)zone, .shared_start = shared_start};

    if ((unsigned)zone >= QUIRE_ZONES || !is_of_this_build(format))
        return QUIRE_INVALID;
    if (shared_start != format_first(format, format->levels, shared_start) || !format_canonical(format, shared_start))
        return QUIRE_INVALID;
    quire_status_t status = quire_paging_asids_take(&fresh, zone);
    if (status != QUIRE_OK)
        return status;
    status = create_root(&fresh, zone, format_entries(format, format->levels));
    if (status == QUIRE_OK)
        *table = fresh;
    else
        quire_paging_asids_release(&fresh);
    return status;
}

quire_status_t quire_table_create(quire_table_t *table, quire_table_t *kernel, uint32_t space)
{
    const quire_format_t *format = format_of(kernel);
    quire_table_t fresh = {.format = kernel->format,
                           .pmm = kernel->pmm,
                           .kernel = kernel,
                           .space = space,
                           .table_zone = QUIRE_ZONE_ANY,
                           .shared_start = kernel->shared_start};

    if (!kernel->sealed || kernel->kernel != NULL || space == 0)
        return QUIRE_INVALID;
    unsigned shared = format_index(format, format->levels, kernel->shared_start);
    quire_status_t status = quire_paging_user_root_take(&fresh);
    if (status != QUIRE_OK)
        return status;
    status = create_root(&fresh, QUIRE_ZONE_ANY, shared);
    if (status != QUIRE_OK) {
        quire_paging_user_root_release(&fresh);
        return status;
    }
    quire_paging_root_copy(&fresh, fresh.root, kernel->root, shared, format_entries(format, format->levels));
    quire_paging_user_root_fill(&fresh);
    quire_paging_generation_first(&fresh);
    *table = fresh;
    return QUIRE_OK;
}

/* Marks the root entries over [first, last], which are tables by now. */
static void pin_root(quire_table_t *kernel, quire_va_t first, quire_va_t last)
{
    const quire_format_t *format = format_of(kernel);
    void *window = quire_port_window_open(kernel->root);

    for (quire_va_t va = first, stop;; va = stop + 1) {
        entry_t entry = entry_at(format, window, kernel->root, format->levels, va);
        uint64_t raw = entry_read(format, &entry);

        stop = part_last(format, format->levels, va, last);
        while (!(raw & X86_PINNED) && !entry_try(kernel, &entry, &raw, raw | X86_PINNED)) {
        }
        if (stop == last)
            break;
    }
    quire_port_window_close(window);
}

quire_status_t quire_table_pin(quire_table_t *kernel, quire_va_t start, quire_va_t end)
{
    const quire_format_t *format = format_of(kernel);
    quire_va_t last = end - 1;
    quire_cursor_t cursor;

    if (start >= end || ((start | end) & QUIRE_PAGE_MASK) || !format_range_valid(format, start, last))
        return QUIRE_INVALID;
    if (kernel->kernel != NULL || start < kernel->shared_start)
        return QUIRE_INVALID;
    if (kernel->sealed)
        return QUIRE_DENIED;
    quire_port_lock(&kernel->lock);
    cursor_init(&cursor, kernel, start, end, QUIRE_CURSOR_EDGES);
    quire_status_t status = quire_paging_split(&cursor, start, last, format->levels - 1, false);
    if (status == QUIRE_OK) {
        pin_root(kernel, start, last);
        quire_paging_flush_and_free(&cursor);
    }
    quire_port_unlock(&kernel->lock);
    return status;
}

void quire_table_seal(quire_table_t *kernel)
{
    if (QUIRE_CHECKS)
        quire_paging_must_be_reserved(kernel);
    quire_port_lock(&kernel->lock);
    kernel->sealed = true;
    kernel->table_zone = QUIRE_ZONE_ANY;
    quire_port_unlock(&kernel->lock);
}

void quire_table_destroy(quire_table_t *table)
{
    const quire_format_t *format = format_of(table);
    unsigned level = format->levels;
    unsigned entries = format_entries(format, level);
    unsigned end = table->kernel != NULL ? format_index(format, level, table->shared_start) : entries;
    subtree_count_t count = {0, 0};

    if (QUIRE_CHECKS)
        quire_paging_must_be_unused(table);
    tree_lock(table, 0);
    quire_paging_user_root_release(table);
    if (end < entries) {
        void *window = quire_port_window_open(table->root);

        for (unsigned i = end; i < entries; i++)
            word_store(format, window, i, 0);
        quire_port_window_close(window);
    }
    quire_paging_subtree_leaves(table, table->root, level, 0, &count);
    table->mapped_pages -= (size_t)count.mapped;
    quire_paging_subtree_release(table, table->root, level, 0);
    tree_unlock(table);
    quire_paging_asids_release(table);
    if (table->mapped_pages != 0 || table->table_frames != 0)
        quire_panic_at("paging: a tree's counts did not come to nothing", 0, table->space);
    memset(table, 0, sizeof(*table));
}
