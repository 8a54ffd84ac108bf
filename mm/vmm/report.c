/* SPDX-License-Identifier: MIT */
/*
 * report.c - what a CPU does that has another tree than its caller thinks.
 *
 * Problem. A space that was never activated is a sound data structure. Faults on it are answered, pages are mapped in
 * it, and the instruction faults again, because the CPU looks elsewhere: for ever, without a word. Memory of the
 * kernel's that was reserved while paging is off is an address like any other, of something else.
 *
 * Idea. A fault that finds nothing to mend is right now and then (another CPU was faster, an old translation); the same
 * one 64 times in a row is not. Then the CPU's CR3 is compared with the tree, and it is said, at ever longer intervals.
 * It is no panic, since who calls the handler for a space it does not run, to bring a page in, does no wrong.
 */
#include "space.h"

#include "../cpu/cpu.h"
#include "../panic.h"
#include "../text.h"

#define SENTENCE_BYTES 320

static void add_roots(text_t *text, const quire_space_t *space)
{
    uint64_t cr3 = 0;

    (void)quire_cpu_root(&cr3);
    quire_text_add(text, "CR3 holds ");
    quire_text_hex(text, cr3);
    quire_text_add(text, " and the tree's root is ");
    quire_text_hex(text, quire_table_root(&space->table).value);
}

__attribute__((cold, noinline)) void quire_vmm_tell_repeats(const quire_space_t *space, quire_va_t va, unsigned times)
{
    char sentence[SENTENCE_BYTES];
    text_t text = {sentence, sizeof(sentence), 0};

    quire_text_add(&text, "vmm: the fault at ");
    quire_text_hex(&text, va);
    quire_text_add(&text, " of space ");
    quire_text_decimal(&text, space->table.space);
    quire_text_add(&text, " came ");
    quire_text_decimal(&text, times);
    quire_text_add(&text, " times, and there is nothing to mend: ");
    if (!quire_table_is_loaded(&space->table)) {
        add_roots(&text, space);
        quire_text_add(&text, ": the space is not activated on this CPU");
    } else {
        quire_text_add(&text,
                       "the CPU refuses what the tree allows: a reserved bit, a mode that the handler is not told "
                       "of (SMAP, PKRU), or a handler that does not return to the instruction");
    }
    quire_port_log(QUIRE_LOG_ERROR, sentence);
}

__attribute__((cold, noinline)) void quire_vmm_must_be_in_use(const quire_space_t *kernel, quire_va_t va)
{
    char sentence[SENTENCE_BYTES];
    text_t text = {sentence, sizeof(sentence), 0};

    if (!quire_cpu_has_paging())
        quire_panic_at("vmm: memory of the kernel's space is populated while paging is off (CR0.PG)", va,
                       kernel->table.space);
    if (quire_table_is_loaded(&kernel->table))
        return;
    quire_text_add(&text, "vmm: the kernel's memory at ");
    quire_text_hex(&text, va);
    quire_text_add(&text, " is populated, but this CPU does not see it: ");
    add_roots(&text, kernel);
    quire_text_add(&text, ": was quire_table_load called?");
    quire_port_log(QUIRE_LOG_ERROR, sentence);
}
