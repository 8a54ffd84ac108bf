/* SPDX-License-Identifier: MIT */
/*
 * freed.c - what happens when a frame is freed too early.
 *
 * Problem: a frame that goes back to the allocator while a processor can still reach it is the worst bug of paging: the
 * next owner's data changes, long after and far away.
 * Idea: at the moment of the free every CPU is asked what it could still use: cached pages and cached tables that lead
 * to the frame, under any PCID; the root in CR3 and the PDPTE registers; and, if wanted, the current tables in memory.
 * Each is reported with the access that cached it and the instruction that would have removed it.
 * What stands under a PCID that is not loaded can be reached by nobody until it is. A program that leaves it there and
 * flushes later asks for freed_by_load: then the entry is marked, and the load of CR3 that keeps it is reported.
 */
#include "internal.h"

#include <stdio.h>

typedef unsigned long long wide_t;

/* The instruction whose absence is the bug. */
static void name_remedy(const cpu_t *cpu, const cached_t *entry, char *text, size_t bytes)
{
    wide_t va = entry->va;

    if (entry->global || entry->pcid == machine_current_pcid(cpu))
        snprintf(text, bytes, "INVLPG %#llx", va);
    else if (entry->table)
        snprintf(text, bytes, "INVPCID type 1, PCID %u", entry->pcid);
    else
        snprintf(text, bytes, "INVPCID type 0, PCID %u, %#llx", entry->pcid, va);
}

static void report_entry(cpu_t *cpu, const cached_t *entry, uint64_t frame)
{
    char remedy[64];
    uint64_t offset = entry->table ? 0 : (frame << PAGE_SHIFT) - entry->pa;
    model_violation_t violation = {.kind = entry->table ? MODEL_STALE_TABLE : MODEL_STALE_TRANSLATION,
                                   .cpu = cpu->index,
                                   .level = entry->level,
                                   .va = entry->va + offset,
                                   .frame = frame,
                                   .access = entry->access};

    name_remedy(cpu, entry, remedy, sizeof remedy);
    machine_report(
        cpu->machine, violation,
        "stale %s: frame %#llx freed; CPU %u, virtual address %#llx, level %u, installed by access #%llu, last "
        "invalidation needed: %s; last invalidation on this CPU: %s",
        entry->table ? "table" : "translation", (wide_t)frame, cpu->index, (wide_t)violation.va, entry->level,
        (wide_t)entry->access, remedy, cpu->last_invalidation);
}

/* Whether nothing but a load of CR3 can bring it back. */
static bool is_out_of_reach(const cpu_t *cpu, const cached_t *entry)
{
    return cpu->machine->config.freed_by_load && !entry->global && entry->pcid != machine_current_pcid(cpu);
}

static unsigned report_cached(cpu_t *cpu, uint64_t frame)
{
    static const uint8_t shifts[] = {12, 21, 22, 30};
    unsigned found = 0;

    for (unsigned table = 0; table < 2; table++) {
        for (unsigned i = 0; i < (table ? 1 : sizeof shifts); i++) {
            cached_t *entry = machine_cache_find_frame(&cpu->cache, table, shifts[i], frame, NULL);
            for (; entry; entry = machine_cache_find_frame(&cpu->cache, table, shifts[i], frame, entry)) {
                if (is_out_of_reach(cpu, entry)) {
                    machine_cache_mark_dead(&cpu->cache, entry, frame);
                    continue;
                }
                report_entry(cpu, entry, frame);
                found++;
            }
        }
    }
    return found;
}

static void report_dead_list(cpu_t *cpu, const cached_t *list)
{
    for (const cached_t *entry = list; entry; entry = entry->next) {
        if (entry->dead == 0 || entry->global || entry->pcid != machine_current_pcid(cpu))
            continue;
        machine_report(cpu->machine,
                       (model_violation_t){.kind = MODEL_STALE_TAG,
                                           .cpu = cpu->index,
                                           .level = entry->level,
                                           .va = entry->va,
                                           .frame = entry->dead,
                                           .access = entry->access},
                       "stale %s brought back: CPU %u loads CR3 with PCID %u and keeps what it holds, virtual address "
                       "%#llx, level %u, installed by access #%llu; frame %#llx has been freed; last invalidation on "
                       "this CPU: %s",
                       entry->table ? "table" : "translation", cpu->index, entry->pcid, (wide_t)entry->va, entry->level,
                       (wide_t)entry->access, (wide_t)entry->dead, cpu->last_invalidation);
    }
}

void machine_report_dead(cpu_t *cpu)
{
    if (cpu->cache.dead_count == 0)
        return;
    report_dead_list(cpu, cpu->cache.pages);
    report_dead_list(cpu, cpu->cache.tables);
}

static unsigned report_root(cpu_t *cpu, uint64_t frame)
{
    model_paging_t paging = machine_paging_of(cpu);
    unsigned found = 0;
    model_violation_t violation = {.kind = MODEL_LIVE_ROOT, .cpu = cpu->index, .frame = frame};

    if (paging == MODEL_PAGING_OFF)
        return 0;
    if (machine_table_address(cpu, paging, cpu->registers.cr3) >> PAGE_SHIFT == frame) {
        machine_report(cpu->machine, violation, "root in use: frame %#llx freed while CR3 of CPU %u holds it",
                       (wide_t)frame, cpu->index);
        found++;
    }
    for (unsigned i = 0; paging == MODEL_PAGING_PAE && i < 4; i++) {
        uint64_t pdpte = cpu->registers.pdpte[i];
        if ((pdpte & MODEL_ENTRY_P) && machine_table_address(cpu, paging, pdpte) >> PAGE_SHIFT == frame) {
            machine_report(
                cpu->machine, violation,
                "table in use: frame %#llx freed while PDPTE register %u of CPU %u holds it; needed: MOV CR3",
                (wide_t)frame, i, cpu->index);
            found++;
        }
    }
    return found;
}

typedef struct search {
    cpu_t *cpu;
    uint64_t frame;
    unsigned found;
} search_t;

static void report_live(void *context, unsigned level, uint64_t va, uint64_t entry, bool page)
{
    search_t *search = context;
    model_paging_t paging = machine_paging_of(search->cpu);
    uint64_t first = machine_table_address(search->cpu, paging, entry) >> PAGE_SHIFT, frames = 1;

    if (page) {
        first = machine_page_address(search->cpu, paging, level, entry) >> PAGE_SHIFT;
        frames = UINT64_C(1) << (machine_format_of(paging)->shift[level] - PAGE_SHIFT);
    }
    if (search->frame - first >= frames)
        return;
    search->found++;
    machine_report(
        search->cpu->machine,
        (model_violation_t){
            .kind = MODEL_LIVE_MAPPING, .cpu = search->cpu->index, .level = level, .va = va, .frame = search->frame},
        "still mapped: frame %#llx freed while the tables of CPU %u %s at virtual address %#llx, level %u",
        (wide_t)search->frame, search->cpu->index, page ? "map it" : "use it as a table", (wide_t)va, level);
}

static unsigned report_mapped(cpu_t *cpu, uint64_t frame)
{
    search_t search = {.cpu = cpu, .frame = frame};

    machine_visit_tables(cpu, report_live, &search);
    return search.found;
}

unsigned model_frame_freed(model_t *machine, uint64_t frame)
{
    unsigned found = 0;

    for (unsigned i = 0; i < machine->cpu_count; i++) {
        cpu_t *cpu = machine_cpu_lock(machine, i);
        found += report_cached(cpu, frame) + report_root(cpu, frame);
        if (machine->config.check_live)
            found += report_mapped(cpu, frame);
        machine_cpu_unlock(cpu);
    }
    return found;
}
