/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the machine in software plays the host of the library: RAM, two CPUs, the eight hooks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "machine.h"

machine_t machine;

_Noreturn void found(const char *sentence)
{
    fprintf(stderr, "found: %s\n", sentence);
    abort();
}

static void on_violation(void *context, const model_violation_t *violation)
{
    (void)context;
    found(violation->sentence);
}

/* --- the hooks --- */

void *quire_port_window_open(quire_frame_t frame)
{
    void *window = model_physical(machine.model, frame.number);

    if (window == NULL)
        found("a window on a frame that is not RAM");
    return window;
}

void quire_port_window_close(void *window)
{
    (void)window;
}

void quire_port_lock(quire_lock_t *lock)
{
    if (lock->word != 0)
        found("a lock was taken twice");
    lock->word = 1;
}

/* Tells the machine which frames were freed. Called before whatever might excuse it: a flush, and the next event. */
static void tell_freed_frames(void)
{
    quire_event_t event;

    while (quire_event_read(&machine.events_read, &event)) {
        for (uint64_t i = 0; event.kind == QUIRE_EVENT_FRAME_FREE && i < event.bytes / QUIRE_PAGE_BYTES; i++)
            (void)model_frame_freed(machine.model, event.frame + i);
    }
}

void quire_port_unlock(quire_lock_t *lock)
{
    lock->word = 0;
    tell_freed_frames();
}

unsigned quire_port_cpu(void)
{
    return machine.cpu;
}

_Noreturn void quire_port_panic(const char *sentence)
{
    found(sentence);
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    (void)level;
    fprintf(stderr, "%s\n", line);
}

static void flush_all(unsigned cpu, bool global)
{
    model_registers_t registers = model_registers(machine.model, cpu);

    if (global) {
        (void)model_mov_cr4(machine.model, cpu, registers.cr4 & ~(uint64_t)MODEL_CR4_PGE);
        (void)model_mov_cr4(machine.model, cpu, registers.cr4);
    } else {
        (void)model_mov_cr3(machine.model, cpu, registers.cr3);
    }
}

/* A CPU that has another tree loaded holds nothing of this one, or drops it when it loads it again. */
void quire_port_shootdown(const quire_shootdown_t *request)
{
    unsigned other = 1 - machine.cpu;

    tell_freed_frames();
    if (request->space != 0 && machine.trees[machine.loaded[other]].space != request->space)
        return;
    if (request->start == 0 && request->end == 0)
        flush_all(other, request->space == 0);
    for (quire_va_t va = request->start; va != request->end; va += PAGE)
        (void)model_invlpg(machine.model, other, va);
}

void quire_cpu_flush_page(quire_va_t va)
{
    tell_freed_frames();
    (void)model_invlpg(machine.model, machine.cpu, va);
}

void quire_cpu_flush_all(bool global)
{
    tell_freed_frames();
    flush_all(machine.cpu, global);
}

void quire_cpu_load_root(quire_pa_t root, unsigned tag, bool keep)
{
    (void)model_mov_cr3(machine.model, machine.cpu, root.value | tag | (keep ? MODEL_CR3_NO_FLUSH : 0));
}

bool quire_cpu_offers_asids(void)
{
    return sizeof(uintptr_t) == 8;
}

bool quire_cpu_uses_asids(void)
{
    return (model_registers(machine.model, machine.cpu).cr4 & MODEL_CR4_PCIDE) != 0;
}

bool quire_cpu_keeps_global(void)
{
    return (model_registers(machine.model, machine.cpu).cr4 & MODEL_CR4_PGE) != 0;
}

/* Asked once for each event. */
uint64_t quire_cpu_timestamp(void)
{
    tell_freed_frames();
    return 0;
}

void machine_load(unsigned cpu, unsigned tree)
{
    unsigned running = machine.cpu;

    machine.cpu = cpu;
    quire_table_load(&machine.trees[tree]);
    machine.loaded[cpu] = tree;
    machine.cpu = running;
}

/* --- the machine --- */

static void start_model(void)
{
    static const model_range_t ram[] = {{PMM_FIRST * QUIRE_PAGE_BYTES, PMM_FRAMES * QUIRE_PAGE_BYTES},
                                        {FOREIGN_FIRST * QUIRE_PAGE_BYTES, (uint64_t)2 << 30}};
    const model_config_t config = {.ram = ram,
                                   .ram_ranges = 2,
                                   .cpus = 2,
                                   .features = MODEL_HAS_EVERYTHING,
                                   .caching = MODEL_KEEP,
                                   .large_page_fragments = true,
                                   .walks_again_before_faults = false,
                                   .check_live = true,
                                   .freed_by_load = true,
                                   .check_use = true,
                                   .on_violation = on_violation};

    machine.model = model_create(&config);
    if (machine.model == NULL)
        found("no machine");
    machine.cpu = 0;
}

static void start_pmm(void)
{
    static uint64_t metadata[64 * 1024 / 8] __attribute__((aligned(4096)));
    static quire_memory_region_t regions[8];
    static quire_memory_map_t map_of_ram;
    quire_pa_t limit = quire_pa(UINT64_MAX);

    memset(&machine.pmm, 0, sizeof(machine.pmm));
    quire_memory_map_init(&map_of_ram, regions, 8);
    if (quire_memory_map_add(&map_of_ram, quire_pa_of_frame(quire_frame(PMM_FIRST)), PMM_FRAMES * QUIRE_PAGE_BYTES,
                             QUIRE_MEMORY_USABLE) != QUIRE_OK ||
        quire_pmm_metadata_bytes(&map_of_ram, limit) > sizeof(metadata) ||
        quire_pmm_init(&machine.pmm, &map_of_ram, limit, metadata, quire_pmm_metadata_bytes(&map_of_ram, limit)) !=
            QUIRE_OK)
        found("no PMM");
}

void machine_start(unsigned which)
{
    static const quire_format_t *const formats[] = {&quire_format_x86_32, &quire_format_x86_pae,
                                                    &quire_format_x86_4level, &quire_format_x86_5level};
    static const model_paging_t pagings[] = {MODEL_PAGING_32, MODEL_PAGING_PAE, MODEL_PAGING_4_LEVEL,
                                             MODEL_PAGING_5_LEVEL};
    static const uint64_t starts[] = {0xc0000000u, 0xc0000000u, 0xffff800000000000u, 0xff00000000000000u};
    static quire_event_t ring[4096];

    machine.format = formats[which];
    machine.shared_start = (quire_va_t)starts[which];
    machine.kernel_area = machine.shared_start;
    start_model();
    start_pmm();
    machine.events_read = quire_event_count();
    quire_va_t span = (quire_va_t)quire_format_span(machine.format, quire_format_levels(machine.format));
    quire_va_t end = which == 1 ? machine.kernel_area + PAGE : machine.kernel_area + 2 * span;
    if (quire_event_start(ring, 4096) != QUIRE_OK ||
        quire_table_create_kernel(&machine.trees[0], machine.format, &machine.pmm, QUIRE_ZONE_ANY,
                                  machine.shared_start) != QUIRE_OK ||
        quire_table_pin(&machine.trees[0], machine.kernel_area, end) != QUIRE_OK)
        found("no kernel");
    machine.events_read = quire_event_count();
    quire_table_seal(&machine.trees[0]);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        if (model_start(machine.model, cpu, pagings[which], quire_table_root(&machine.trees[0]).value).raised)
            found("a CPU does not start");
        if (pagings[which] == MODEL_PAGING_5_LEVEL) /* tags, on one kind of the two that can have them */
            (void)model_mov_cr4(machine.model, cpu, model_registers(machine.model, cpu).cr4 | MODEL_CR4_PCIDE);
        if (quire_format_keys(machine.format) > 1 &&
            model_mov_cr4(machine.model, cpu, model_registers(machine.model, cpu).cr4 | MODEL_CR4_PKE).raised)
            found("a CPU has no protection keys");
        model_set_pkru(machine.model, cpu, PKRU);
        machine.loaded[cpu] = 0;
    }
    for (unsigned tree = 1; tree < TREES; tree++) {
        machine.trees[tree] = (quire_table_t){.space = tree};
        if (quire_table_create(&machine.trees[tree], &machine.trees[0], tree) != QUIRE_OK)
            found("no process");
    }
}

void machine_end(void)
{
    quire_pmm_stats_t stats;

    for (unsigned tree = 0; tree < TREES; tree++) {
        if (machine.trees[tree].root.number != 0 && quire_table_check(&machine.trees[tree]) != QUIRE_OK)
            found("a tree is broken");
    }
    /* The CPUs need a root until they are switched off: the kernel's tree goes with them. */
    machine_load(0, 0);
    machine_load(1, 0);
    for (unsigned tree = 1; tree < TREES; tree++) {
        if (machine.trees[tree].root.number != 0)
            quire_table_destroy(&machine.trees[tree]);
    }
    quire_event_stop();
    quire_table_destroy(&machine.trees[0]);
    quire_pmm_stats(&machine.pmm, &stats);
    if (stats.used_frames != 0 || quire_pmm_check(&machine.pmm) != QUIRE_OK)
        found("frames were lost");
    model_destroy(machine.model);
}
