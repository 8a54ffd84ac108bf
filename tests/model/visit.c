/* SPDX-License-Identifier: MIT */
/*
 * visit.c - every present entry that a CPU's current tables hold.
 *
 * Problem: two questions concern all of an address space: does any entry lead to this frame, and what might the
 * processor have translated ahead of any access? Idea: one recursion over memory as it is now. An entry with a reserved
 * bit leads nowhere and is passed over. Depth is bounded by the format, so tables that contain themselves end too.
 */
#include "internal.h"

typedef struct tour {
    cpu_t *cpu;
    model_paging_t paging;
    visit_t visit;
    void *context;
} tour_t;

static uint64_t sign_extended(model_paging_t paging, uint64_t va)
{
    unsigned unused = paging == MODEL_PAGING_4_LEVEL ? 16 : 7;

    return paging < MODEL_PAGING_4_LEVEL ? va : (uint64_t)((int64_t)(va << unused) >> unused);
}

static void visit_table(const tour_t *tour, uint64_t table, unsigned level, uint64_t va)
{
    const format_t *format = machine_format_of(tour->paging);
    const unsigned char *bytes = machine_ram_frame(tour->cpu->machine->ram, table >> PAGE_SHIFT);

    for (uint64_t i = 0; bytes && i < UINT64_C(1) << format->bits[level]; i++) {
        const void *slot = bytes + i * format->entry_bytes;
        uint64_t entry = format->entry_bytes == 4 ? __atomic_load_n((const uint32_t *)slot, __ATOMIC_ACQUIRE)
                                                  : __atomic_load_n((const entry_t *)slot, __ATOMIC_ACQUIRE);
        uint64_t at = va | i << format->shift[level];

        if (!(entry & MODEL_ENTRY_P) || (entry & machine_reserved_bits(tour->cpu, tour->paging, level, entry)))
            continue;
        bool page = machine_maps_page(tour->cpu, tour->paging, level, entry);
        tour->visit(tour->context, level, sign_extended(tour->paging, at), entry, page);
        if (!page)
            visit_table(tour, machine_table_address(tour->cpu, tour->paging, entry), level - 1, at);
    }
}

void machine_visit_tables(cpu_t *cpu, visit_t visit, void *context)
{
    tour_t tour = {.cpu = cpu, .paging = machine_paging_of(cpu), .visit = visit, .context = context};

    if (tour.paging == MODEL_PAGING_OFF)
        return;
    if (tour.paging != MODEL_PAGING_PAE) {
        uint64_t root = machine_table_address(cpu, tour.paging, cpu->registers.cr3);
        visit_table(&tour, root, machine_format_of(tour.paging)->levels, 0);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        uint64_t pdpte = cpu->registers.pdpte[i];
        if (pdpte & MODEL_ENTRY_P)
            visit_table(&tour, machine_table_address(cpu, tour.paging, pdpte), 2, (uint64_t)i << 30);
    }
}
