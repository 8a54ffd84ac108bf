/* SPDX-License-Identifier: MIT */
/*
 * prefetch.c - translations that the processor makes for itself.
 *
 * Problem: a processor may translate addresses that no instruction uses, by speculation or ahead of time (SDM 4.10.2.3,
 * 4.10.3.1). A program that flushes only what it knows to have been touched is wrong, yet passes every test.
 * Idea: a test asks for such a translation, of one page or of all. It is like a read that nobody made: accessed bits
 * are set, the caches filled, and no fault is raised, since rights are asked for only at an access.
 */
#include "internal.h"

static bool prefetch(cpu_t *cpu, uint64_t va)
{
    cached_t page;
    uint64_t entry = 0;
    walk_end_t end = WALK_AGAIN;

    if (machine_cache_find_page(&cpu->cache, va, machine_current_pcid(cpu)))
        return true;
    while (end == WALK_AGAIN) {
        end = machine_walk(cpu, va, false, &page, &entry);
        if (end == WALK_FOUND)
            end = machine_fill(cpu, va, MODEL_ENTRY_A, &page, entry);
    }
    return end == WALK_FOUND;
}

bool model_prefetch(model_t *machine, unsigned index, uint64_t va)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    bool usable =
        machine_paging_of(cpu) != MODEL_PAGING_OFF && (!machine_is_64_bit(cpu) || machine_is_canonical(cpu, va));

    cpu->access = ++cpu->statistics.accesses;
    usable = usable && prefetch(cpu, va);
    machine_cpu_unlock(cpu);
    return usable;
}

typedef struct sweep {
    cpu_t *cpu;
    uint64_t pages;
} sweep_t;

static void prefetch_page(void *context, unsigned level, uint64_t va, uint64_t entry, bool page)
{
    sweep_t *sweep = context;

    (void)level;
    (void)entry;
    if (page)
        sweep->pages += prefetch(sweep->cpu, va);
}

uint64_t model_prefetch_everything(model_t *machine, unsigned index)
{
    sweep_t sweep = {.cpu = machine_cpu_lock(machine, index)};

    sweep.cpu->access = ++sweep.cpu->statistics.accesses;
    machine_visit_tables(sweep.cpu, prefetch_page, &sweep);
    machine_cpu_unlock(sweep.cpu);
    return sweep.pages;
}
