/* SPDX-License-Identifier: MIT */
/*
 * memory_type.c - the memory type of an access.
 *
 * Problem: PCD, PWT and the PAT bit choose an entry of the PAT; the MTRRs, which the model does not have, are combined
 * with it.
 * Idea: RAM counts as write-back and everything else as uncacheable in the MTRRs, as firmware leaves them.
 * Sources: SDM 4.9.1 (without PAT), 4.9.2, 11.5.2.2 table 11-7 (combination), 11.12.3.
 */
#include "internal.h"

static model_memory_type_t combine(model_memory_type_t pat, bool ram)
{
    switch (pat) {
    case MODEL_WC:
        return MODEL_WC;
    case MODEL_UC:
    case MODEL_UC_MINUS:
        return MODEL_UC;
    case MODEL_WT:
    case MODEL_WP:
    case MODEL_WB:
        return ram ? pat : MODEL_UC;
    }
    return MODEL_UC;
}

model_memory_type_t machine_page_type(const cpu_t *cpu, unsigned level, uint64_t entry, uint64_t pa)
{
    uint64_t pat_bit = level == 1 ? MODEL_ENTRY_PAT : MODEL_ENTRY_PAT_LARGE;
    unsigned index = (entry & MODEL_ENTRY_PWT ? 1 : 0) | (entry & MODEL_ENTRY_PCD ? 2 : 0);

    if (machine_has(cpu, MODEL_HAS_PAT) && (entry & pat_bit))
        index |= 4;
    return combine((model_memory_type_t)(cpu->registers.pat >> (8 * index) & 7),
                   machine_ram_holds(cpu->machine->ram, pa, 1));
}

model_memory_type_t machine_unpaged_type(const cpu_t *cpu, uint64_t pa)
{
    return machine_ram_holds(cpu->machine->ram, pa, 1) ? MODEL_WB : MODEL_UC;
}
