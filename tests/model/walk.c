/* SPDX-License-Identifier: MIT */
/*
 * walk.c - from a linear address down the tables to the entry that maps it.
 *
 * Problem: two uses that must agree: the walk a CPU makes, which starts at cached tables and leaves traces, and the
 * walk an observer makes, which trusts memory only and leaves none.
 * Idea: one loop with a flag. A CPU's walk starts at the deepest cached table (SDM 4.10.3.2), sets the accessed bit of
 * each entry that refers to a table as it goes (4.8), and caches that table (4.10.3.1). The entry that maps the page is
 * left to the caller, who alone knows whether the access is allowed, and whether it writes.
 * Choice: accessed bits above are set even if the walk fails further down. The manual leaves it open; software that
 * needs them clear would be wrong on some processor.
 * Invariant: nothing is cached whose entry is not present, has a reserved bit, or is not accessed.
 */
#include "internal.h"

static void *entry_in_ram(cpu_t *cpu, uint64_t pa)
{
    unsigned char *frame = machine_ram_frame(cpu->machine->ram, pa >> PAGE_SHIFT);

    return frame ? frame + pa % PAGE_BYTES : NULL;
}

static uint64_t entry_read(cpu_t *cpu, uint64_t pa, unsigned bytes, bool pure)
{
    void *entry = entry_in_ram(cpu, pa);

    if (!pure)
        cpu->statistics.entries_read++;
    if (!entry) {
        if (!pure)
            machine_report(cpu->machine,
                           (model_violation_t){.kind = MODEL_HOLE, .cpu = cpu->index, .frame = pa >> PAGE_SHIFT},
                           "CPU %u: a page walk reads a table at physical address %#llx, where there is no RAM",
                           cpu->index, (unsigned long long)pa);
        return bytes == 4 ? UINT32_MAX : UINT64_MAX;
    }
    if (bytes == 4)
        return __atomic_load_n((uint32_t *)entry, __ATOMIC_ACQUIRE);
    return __atomic_load_n((entry_t *)entry, __ATOMIC_ACQUIRE);
}

/* SDM 8.1.2.1: accessed and dirty bits are set by a locked operation, hence never over somebody's change. */
bool machine_entry_set(cpu_t *cpu, uint64_t pa, uint64_t value, uint64_t flags)
{
    void *entry = entry_in_ram(cpu, pa);
    uint32_t narrow = (uint32_t)value;

    if (!entry)
        return true; /* a hole swallows the write */
    if (machine_format_of(machine_paging_of(cpu))->entry_bytes == 4)
        return __atomic_compare_exchange_n((uint32_t *)entry, &narrow, narrow | (uint32_t)flags, false,
                                           __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    return __atomic_compare_exchange_n((entry_t *)entry, &value, value | flags, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* Where a walk begins: the state is a cached_t for the table that is read next, whose level is that of the entry that
 * led to it. False: a PDPTE register is not present. */
static bool begin(cpu_t *cpu, model_paging_t paging, uint64_t va, bool pure, cached_t *at)
{
    const format_t *format = machine_format_of(paging);

    *at = (cached_t){.table = true, .writable = true, .user = true, .level = (uint8_t)(format->levels + 1)};
    at->pcid = machine_current_pcid(cpu);
    for (unsigned level = 2; !pure && level <= format->levels; level++) {
        const cached_t *cached = machine_cache_find_table(&cpu->cache, va, format->shift[level], at->pcid);
        if (cached) {
            *at = *cached;
            cpu->statistics.structure_hits++;
            return true;
        }
    }
    if (paging == MODEL_PAGING_PAE) { /* the top level is four registers: SDM 4.4.1 */
        uint64_t pdpte = cpu->registers.pdpte[va >> 30 & 3];
        at->level = 3;
        at->pa = machine_table_address(cpu, paging, pdpte);
        return (pdpte & MODEL_ENTRY_P) != 0;
    }
    at->pa = machine_table_address(cpu, paging, cpu->registers.cr3);
    return true;
}

static void descend(const cpu_t *cpu, model_paging_t paging, uint64_t entry, cached_t *at)
{
    at->writable = at->writable && (entry & MODEL_ENTRY_W);
    at->user = at->user && (entry & MODEL_ENTRY_U);
    at->no_execute = at->no_execute || (paging != MODEL_PAGING_32 && (entry & MODEL_ENTRY_NX));
    at->level--;
    at->access = cpu->access;
}

static void describe_page(const cpu_t *cpu, model_paging_t paging, uint64_t va, uint64_t entry, cached_t *page)
{
    uint8_t shift = machine_format_of(paging)->shift[page->level];

    page->table = false;
    page->shift = shift;
    page->page_shift = shift;
    page->va = va >> shift << shift;
    page->pa = machine_page_address(cpu, paging, page->level, entry);
    page->global = (entry & MODEL_ENTRY_G) && (cpu->registers.cr4 & MODEL_CR4_PGE);
    page->dirty = (entry & MODEL_ENTRY_D) != 0;
    page->key = paging >= MODEL_PAGING_4_LEVEL ? (uint8_t)(entry >> MODEL_ENTRY_KEY_SHIFT & 15) : 0;
    page->type = (uint8_t)machine_page_type(cpu, page->level, entry, page->pa + (va - page->va));
}

/* One entry that refers to a table: marks it accessed and caches the table. */
static bool use_table(cpu_t *cpu, model_paging_t paging, uint64_t va, uint64_t entry, cached_t *at)
{
    if (!(entry & MODEL_ENTRY_A) && !machine_entry_set(cpu, at->entry_pa, entry, MODEL_ENTRY_A))
        return false;
    at->shift = machine_format_of(paging)->shift[at->level];
    at->va = va >> at->shift << at->shift;
    at->pa = machine_table_address(cpu, paging, entry);
    if (cpu->machine->config.caching != MODEL_FORGET)
        machine_cache_insert(&cpu->cache, at);
    return true;
}

walk_end_t machine_walk(cpu_t *cpu, uint64_t va, bool pure, cached_t *page, uint64_t *entry_value)
{
    model_paging_t paging = machine_paging_of(cpu);
    const format_t *format = machine_format_of(paging);

    if (!pure)
        cpu->statistics.walks++;
    if (!begin(cpu, paging, va, pure, page))
        return WALK_NOT_PRESENT;
    for (;;) {
        unsigned level = page->level - 1u;
        uint64_t index = va >> format->shift[level] & ((UINT64_C(1) << format->bits[level]) - 1);
        page->entry_pa = page->pa + index * format->entry_bytes;

        uint64_t entry = entry_read(cpu, page->entry_pa, format->entry_bytes, pure);
        if (!(entry & MODEL_ENTRY_P))
            return WALK_NOT_PRESENT;
        if (entry & machine_reserved_bits(cpu, paging, level, entry))
            return WALK_RESERVED;
        descend(cpu, paging, entry, page);
        if (machine_maps_page(cpu, paging, level, entry)) {
            describe_page(cpu, paging, va, entry, page);
            *entry_value = entry;
            return WALK_FOUND;
        }
        if (pure)
            page->pa = machine_table_address(cpu, paging, entry);
        else if (!use_table(cpu, paging, va, entry, page))
            return WALK_AGAIN;
    }
}

bool model_translate(model_t *machine, unsigned index, uint64_t va, model_translation_t *translation)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    cached_t page;
    uint64_t entry;
    bool found = machine_paging_of(cpu) != MODEL_PAGING_OFF &&
                 (!machine_is_64_bit(cpu) || machine_is_canonical(cpu, va)) &&
                 machine_walk(cpu, va, true, &page, &entry) == WALK_FOUND;

    machine_cpu_unlock(cpu);
    if (found)
        *translation = (model_translation_t){.pa = page.pa + (va - page.va),
                                             .entry_pa = page.entry_pa,
                                             .level = page.level,
                                             .page_shift = page.page_shift,
                                             .writable = page.writable,
                                             .user = page.user,
                                             .no_execute = page.no_execute,
                                             .global = page.global,
                                             .dirty = page.dirty,
                                             .key = page.key,
                                             .type = (model_memory_type_t)page.type};
    return found;
}
