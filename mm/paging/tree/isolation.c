/* SPDX-License-Identifier: MIT */
/*
 * isolation.c - the second root of a process: the lower half as it is, and of the kernel no more than ring 3 enters by.
 *
 * Problem. A processor that lets ring 3 read, in speculation, what its page tables map for ring 0 (Meltdown, RDCL)
 * leaks the kernel's half. The cure is not to map it while ring 3 runs (kernel page-table isolation). But the way into
 * the kernel begins on the tables of ring 3, and both sets must show the same lower half at all times.
 *
 * Idea. The sets differ in their root alone. The second root holds the lower half's entries as the first does, so that
 * everything below them is shared and exists once; above stand the entries of the isolation tree, a small tree that the
 * kernel's author builds once. The one place where the cursors write entries writes a root entry of the lower half
 * twice.
 *
 * Invariants, which quire_table_check() walks: below, the two roots differ in accessed bits only; above, the second one
 * differs from the isolation tree's root in accessed bits only. That tree is final when the first process is made.
 *
 * A root entry that maps a page would have its dirty bit in one root or the other, as the MMU pleases: two roots hold
 * no large pages (only the 32-bit format could). PAE's root entries never change after creation, and are copied once.
 *
 * The copy needs no exchange: the MMU sets accessed bits in it by a locked operation of its own, which cannot undo a
 * store. A CPU in ring 3 that meets a root entry before its copy is there faults, and finds all well.
 *
 * Rejected: a second tree (twice the tables, twice the work, and two truths); the kernel's tree with supervisor pages
 * taken out on each way to ring 3 (a change of shared tables, on all CPUs); letting the author copy root entries in a
 * hook (forgotten once, it shows as a fault that comes back for ever).
 */
#include "tree.h"

void quire_paging_root_copy(const quire_table_t *table, quire_frame_t to, quire_frame_t from, unsigned first,
                            unsigned end)
{
    const quire_format_t *format = format_of(table);
    void *target = quire_port_window_open(to);
    void *source = quire_port_window_open(from);

    for (unsigned i = first; i < end; i++) {
        uint64_t raw = word_read(format, source, i);

        word_store(format, target, i, entry_present(raw) ? raw & ~(X86_ACCESSED | X86_DIRTY) : raw);
    }
    quire_port_window_close(source);
    quire_port_window_close(target);
}

static bool is_empty(const quire_table_t *table, quire_frame_t frame, unsigned level, unsigned end)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(frame);
    bool empty = true;

    for (unsigned i = 0; i < end && empty; i++) {
        uint64_t raw = word_read(format, window, i);

        empty = raw == 0 || (format->fixed_root && level == format->levels &&
                             is_empty(table, entry_table(format, raw), level - 1, format_entries(format, level - 1)));
    }
    quire_port_window_close(window);
    return empty;
}

quire_status_t quire_table_use_isolation(quire_table_t *kernel, quire_table_t *isolation)
{
    const quire_format_t *format = format_of(kernel);
    unsigned shared = format_index(format, format->levels, kernel->shared_start);

    if (kernel == isolation || kernel->kernel != NULL || isolation->kernel != NULL || !isolation->sealed ||
        kernel->isolation != NULL)
        return QUIRE_INVALID;
    if (isolation->format != kernel->format || isolation->shared_start != kernel->shared_start)
        return QUIRE_INVALID;
    if (!is_empty(isolation, isolation->root, format->levels, shared))
        return QUIRE_INVALID;
    kernel->isolation = isolation;
    return QUIRE_OK;
}

quire_status_t quire_paging_user_root_take(quire_table_t *table)
{
    const quire_format_t *format = format_of(table);

    if (table->kernel->isolation == NULL)
        return QUIRE_OK;
    quire_status_t status = quire_paging_root_take(table->pmm, format, QUIRE_ZONE_ANY, &table->user_root);
    if (status == QUIRE_OK)
        quire_paging_table_joins(table, table->user_root, format->levels, 0);
    return status;
}

void quire_paging_user_root_fill(quire_table_t *table)
{
    const quire_format_t *format = format_of(table);
    unsigned shared = format_index(format, format->levels, table->shared_start);

    if (table->user_root.number == 0)
        return;
    quire_paging_root_copy(table, table->user_root, table->root, 0, shared);
    quire_paging_root_copy(table, table->user_root, table->kernel->isolation->root, shared,
                           format_entries(format, format->levels));
}

void quire_paging_user_root_release(quire_table_t *table)
{
    if (table->user_root.number == 0)
        return;
    quire_paging_table_leaves(table, table->user_root, format_of(table)->levels, 0);
    quire_paging_frames_release(table, table->user_root, 1, 0);
    table->user_root = quire_frame(0);
}

bool quire_paging_root_is_copy(const quire_table_t *table, quire_frame_t copy, quire_frame_t of, unsigned first,
                               unsigned end)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(copy);
    void *original = quire_port_window_open(of);
    bool same = true;

    for (unsigned i = first; i < end; i++) {
        uint64_t raw = word_read(format, original, i);
        uint64_t mmu_bits = entry_present(raw) ? X86_ACCESSED | X86_DIRTY : 0;

        same = same && ((word_read(format, window, i) ^ raw) & ~mmu_bits) == 0;
    }
    quire_port_window_close(original);
    quire_port_window_close(window);
    return same;
}

const char *quire_paging_user_root_check(const quire_table_t *table)
{
    const quire_format_t *format = format_of(table);
    unsigned shared = format_index(format, format->levels, table->shared_start);
    quire_frame_info_t info = quire_pmm_frame_info(table->pmm, table->user_root);

    if (!info.allocated || info.owner != QUIRE_OWNER_TABLE || info.references != 1)
        return "paging: the second root stands in a frame that is not a table's";
    if (!quire_paging_root_is_copy(table, table->user_root, table->root, 0, shared))
        return "paging: the second root differs from the first in the lower half";
    if (!quire_paging_root_is_copy(table, table->user_root, table->kernel->isolation->root, shared,
                                   format_entries(format, format->levels)))
        return "paging: the second root differs from the isolation tree's in the upper half";
    return NULL;
}
