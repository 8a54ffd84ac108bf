/* SPDX-License-Identifier: MIT */
/*
 * place.c - where the CPU runs, and on what.
 *
 * Problem. Some mistakes take the ground away under the code that makes them: a tree is loaded that does not map it,
 * the tree that is loaded is destroyed, the frames it lies in are handed out. What follows is a reset, or a hang much
 * later, and nobody is left to say why.
 *
 * Idea. The code and the stack that run have addresses, and CR3 is a register: all three are compared with the tree
 * before it is too late. It costs a few instructions in calls that are followed by hundreds. Only a process's tree that
 * is loaded by code in the lower half, and the kernel's tree before it is sealed, are walked for it.
 *
 * While paging is off an address is physical, and any tree may be put into CR3.
 */
#include "tree.h"

#include "cpu/cpu.h"
#include "explain/explain.h"

static bool is_mapped(const quire_table_t *table, quire_va_t va, quire_frame_t *frame)
{
    const regime_t regime = {.format = format_of(table), .cr3 = quire_pa_of_frame(table->root).value};
    translation_t found;

    if (!format_canonical(format_of(table), va) || !quire_physical_translate(&regime, va, &found) || !found.present)
        return false;
    *frame = quire_frame_of_pa(quire_pa(found.pa));
    return true;
}

/* The kernel's half is in every tree; what it has is taken on trust once it is sealed. */
static void must_map(const quire_table_t *table, quire_va_t va, const char *what)
{
    const quire_table_t *kernel = table->kernel != NULL ? table->kernel : table;
    quire_frame_t frame;

    if (va == 0 || (va >= table->shared_start && kernel->sealed) || is_mapped(table, va, &frame))
        return;
    quire_panic_at(what, va, table->space);
}

void quire_paging_must_carry(const quire_table_t *table)
{
    quire_va_t code = quire_cpu_code();
    quire_va_t stack = quire_cpu_stack();
    bool trusted = table->kernel != NULL || table->sealed;

    if (trusted && (code >= table->shared_start || code == 0) && (stack >= table->shared_start || stack == 0))
        return;
    if (!quire_cpu_has_paging())
        return;
    must_map(table, code,
             "paging: a tree is loaded that does not map the code that runs (of the lower half, a process's "
             "tree has only what is mapped in it)");
    must_map(table, stack,
             "paging: a tree is loaded that does not map the stack that is used (of the lower half, a "
             "process's tree has only what is mapped in it)");
}

static void must_be_taken(const quire_table_t *kernel, quire_va_t va, const char *what)
{
    quire_frame_t frame = quire_frame_of_pa(quire_pa(va));
    quire_frame_info_t info;

    if (va == 0 || (quire_cpu_has_paging() && !is_mapped(kernel, va, &frame)))
        return;
    info = quire_pmm_frame_info(kernel->pmm, frame);
    if (info.managed && !info.allocated)
        quire_panic_frame(what, frame, va, kernel->space);
}

void quire_paging_must_be_reserved(const quire_table_t *kernel)
{
    must_be_taken(
        kernel, quire_cpu_code(),
        "paging: the code that runs lies in a frame that the PMM would hand out: the kernel's image is missing "
        "from the memory map");
    must_be_taken(kernel, quire_cpu_stack(),
                  "paging: the stack that is used lies in a frame that the PMM would hand out: it is missing from the "
                  "memory map");
}

static bool is_root_of(const quire_table_t *table, uint64_t cr3)
{
    return cr3 == quire_pa_of_frame(table->root).value ||
           (table->user_root.number != 0 && cr3 == quire_pa_of_frame(table->user_root).value);
}

void quire_paging_must_be_unused(const quire_table_t *table)
{
    uint64_t cr3;

    if (quire_cpu_root(&cr3) && quire_cpu_has_paging() && is_root_of(table, cr3))
        quire_panic_frame("paging: the tree that this CPU runs on is destroyed: load another before", table->root, 0,
                          table->space);
}

__attribute__((cold, noinline)) void quire_paging_left_open(const quire_table_t *table)
{
    quire_panic_at("paging: a cursor is opened while this CPU has left one open on the same tree, from",
                   table->opened_at, table->space);
}

bool quire_table_is_loaded(const quire_table_t *table)
{
    const quire_format_t *format = format_of(table);
    uint64_t cr3;

    if (!quire_cpu_has_paging())
        return false;
    if (!quire_cpu_root(&cr3) || is_root_of(table, cr3))
        return true;
    if (table->kernel != NULL)
        return false;
    return quire_paging_root_is_copy(table, quire_frame_of_pa(quire_pa(cr3)), table->root,
                                     format_index(format, format->levels, table->shared_start),
                                     format_entries(format, format->levels));
}
