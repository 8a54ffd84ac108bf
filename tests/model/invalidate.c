/* SPDX-License-Identifier: MIT */
/*
 * invalidate.c - what removes cached translations, and nothing else.
 *
 * Problem: the manual lists what each operation must invalidate and allows it to do more. Relying on the more is the
 * bug this model exists to find. Idea: each operation removes the required set, entry by entry. SDM 4.10.4.1
 * throughout: INVLPG        the page under the current PCID, or global; all tables of the current PCID, whatever their
 * address INVPCID 0     the page and the tables above it, under the given PCID, but not global pages INVPCID 1, 3  all
 * of one PCID, or of all, but not global pages INVPCID 2     everything MOV CR3       all of one PCID but not global
 * pages; nothing if bit 63 is set page fault    the page and the tables above it under the current PCID. Global pages
 * too: the manual promises that the fault does not recur, which a surviving global page would break. Large pages cached
 * in fragments (4.10.2.3): an address operand takes all fragments of a page with it only if the tables in memory, at
 * that moment, map the address by a page of that size; the promise is worded so.
 */
#include "internal.h"

#include <stdio.h>

static void remember(cpu_t *cpu, const char *by, const char *detail, uint64_t number)
{
    snprintf(cpu->last_invalidation, sizeof cpu->last_invalidation, "%s%s%#llx after access #%llu", by, detail,
             (unsigned long long)number, (unsigned long long)cpu->access);
}

static void drop_list(cache_t *cache, cached_t *list, bool all_pcids, uint16_t pcid, bool globals)
{
    for (cached_t *entry = list, *next; entry; entry = next) {
        next = entry->next;
        if (entry->global ? globals : all_pcids || entry->pcid == pcid)
            machine_cache_remove(cache, entry);
    }
}

static void drop(cpu_t *cpu, bool all_pcids, uint16_t pcid, bool globals)
{
    drop_list(&cpu->cache, cpu->cache.pages, all_pcids, pcid, globals);
    drop_list(&cpu->cache, cpu->cache.tables, all_pcids, pcid, globals);
}

void machine_flush_everything(cpu_t *cpu, const char *by)
{
    drop(cpu, true, 0, true);
    cpu->statistics.all_flushed++;
    remember(cpu, by, ", PCID ", machine_current_pcid(cpu));
}

void machine_flush_pcid(cpu_t *cpu, uint16_t pcid, const char *by)
{
    drop(cpu, false, pcid, false);
    cpu->statistics.spaces_flushed++;
    remember(cpu, by, ", PCID ", pcid);
}

void machine_flush_current_with_globals(cpu_t *cpu, const char *by)
{
    drop(cpu, false, machine_current_pcid(cpu), true);
    cpu->statistics.all_flushed++;
    remember(cpu, by, ", PCID ", machine_current_pcid(cpu));
}

/* How large a page memory maps the address by, or 0: see the rule on fragments above. */
static unsigned mapped_shift(cpu_t *cpu, uint64_t va)
{
    cached_t page;
    uint64_t value;

    if (machine_paging_of(cpu) == MODEL_PAGING_OFF || machine_walk(cpu, va, true, &page, &value) != WALK_FOUND)
        return 0;
    return page.page_shift;
}

static void drop_page(cpu_t *cpu, uint64_t va, uint16_t pcid, bool globals)
{
    unsigned now = cpu->machine->config.large_page_fragments ? mapped_shift(cpu, va) : 0;
    static const uint8_t shifts[] = {12, 21, 22, 30};

    for (cached_t *entry = cpu->cache.pages, *next; now > PAGE_SHIFT && entry; entry = next) {
        next = entry->next;
        if (entry->page_shift == now && entry->va >> now == va >> now &&
            (entry->global ? globals : entry->pcid == pcid))
            machine_cache_remove(&cpu->cache, entry);
    }
    for (unsigned i = 0; i < sizeof shifts; i++)
        machine_cache_remove_page(&cpu->cache, va, shifts[i], pcid, globals);
}

/* Tables above one address: at most one a level. */
static void drop_tables_above(cpu_t *cpu, uint64_t va, uint16_t pcid)
{
    static const uint8_t shifts[] = {21, 22, 30, 39, 48};

    for (unsigned i = 0; i < sizeof shifts; i++) {
        cached_t *entry = machine_cache_find_table(&cpu->cache, va, shifts[i], pcid);
        if (entry)
            machine_cache_remove(&cpu->cache, entry);
    }
}

void machine_flush_after_page_fault(cpu_t *cpu, uint64_t va)
{
    drop_page(cpu, va, machine_current_pcid(cpu), true);
    drop_tables_above(cpu, va, machine_current_pcid(cpu));
}

static model_fault_t invalidate_page(cpu_t *cpu, uint64_t va)
{
    if (cpu->registers.cpl != 0)
        return machine_fault_of(MODEL_GP, 0, "INVLPG above CPL 0");
    if (machine_is_64_bit(cpu) && !machine_is_canonical(cpu, va))
        return machine_no_fault(); /* SDM volume 2, INVLPG: a non-canonical operand does nothing */
    drop_page(cpu, va, machine_current_pcid(cpu), true);
    drop_list(&cpu->cache, cpu->cache.tables, false, machine_current_pcid(cpu), false);
    cpu->statistics.pages_flushed++;
    remember(cpu, "INVLPG", " ", va);
    return machine_no_fault();
}

model_fault_t model_invlpg(model_t *machine, unsigned index, uint64_t va)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = invalidate_page(cpu, va);

    machine_cpu_unlock(cpu);
    return fault;
}

static const char *invpcid_refusal(const cpu_t *cpu, uint64_t type, uint64_t pcid, uint64_t va)
{
    if (cpu->registers.cpl != 0)
        return "INVPCID above CPL 0";
    if (type > 3)
        return "an INVPCID type above 3";
    if (pcid >> 12 != 0)
        return "reserved bits of the INVPCID descriptor";
    if (type == 0 && machine_is_64_bit(cpu) && !machine_is_canonical(cpu, va))
        return "a non-canonical address in the INVPCID descriptor";
    if (type <= 1 && pcid != 0 && !(cpu->registers.cr4 & MODEL_CR4_PCIDE))
        return "a PCID other than 0 while CR4.PCIDE is clear";
    return NULL;
}

/* SDM volume 2, INVPCID. */
static model_fault_t invalidate_pcid(cpu_t *cpu, uint64_t type, uint64_t pcid, uint64_t va)
{
    if (!machine_has(cpu, MODEL_HAS_INVPCID))
        return machine_fault_of(MODEL_UD, 0, "INVPCID is not there");
    const char *refusal = invpcid_refusal(cpu, type, pcid, va);
    if (refusal)
        return machine_fault_of(MODEL_GP, 0, refusal);

    if (type == 0) {
        drop_page(cpu, va, (uint16_t)pcid, false);
        drop_tables_above(cpu, va, (uint16_t)pcid);
        cpu->statistics.pages_flushed++;
        remember(cpu, "INVPCID type 0", " ", va);
    } else if (type == 1) {
        machine_flush_pcid(cpu, (uint16_t)pcid, "INVPCID type 1");
    } else if (type == 2) {
        machine_flush_everything(cpu, "INVPCID type 2");
    } else {
        drop(cpu, true, 0, false);
        cpu->statistics.all_flushed++;
        remember(cpu, "INVPCID type 3", ", PCID ", machine_current_pcid(cpu));
    }
    return machine_no_fault();
}

model_fault_t model_invpcid(model_t *machine, unsigned index, uint64_t type, uint64_t pcid, uint64_t va)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = invalidate_pcid(cpu, type, pcid, va);

    machine_cpu_unlock(cpu);
    return fault;
}
