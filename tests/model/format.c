/* SPDX-License-Identifier: MIT */
/*
 * format.c - the shapes of page tables, and the bits that must be 0.
 *
 * Problem: five paging modes that differ in depth, entry size, address fields and reserved bits.
 * Idea: geometry is a table; the few irregular fields (PSE-36 addresses, the bits that exist only with a feature) are
 * computed here and nowhere else. Levels count from the bottom: 1 maps 4 KiB, 2 is a directory.
 * Sources: SDM 4.3 with table 4-3 (PSE-36), 4.4.2, 4.5.4 (4-level and 5-level), and the footnotes on the PAT there.
 */
#include "internal.h"

const format_t *machine_format_of(model_paging_t paging)
{
    static const format_t two = {2, 4, {0, 12, 22}, {0, 10, 10}};
    static const format_t pae = {3, 8, {0, 12, 21, 30}, {0, 9, 9, 2}};
    static const format_t four = {4, 8, {0, 12, 21, 30, 39}, {0, 9, 9, 9, 9}};
    static const format_t five = {5, 8, {0, 12, 21, 30, 39, 48}, {0, 9, 9, 9, 9, 9}};

    switch (paging) {
    case MODEL_PAGING_OFF:
        return NULL;
    case MODEL_PAGING_32:
        return &two;
    case MODEL_PAGING_PAE:
        return &pae;
    case MODEL_PAGING_4_LEVEL:
        return &four;
    case MODEL_PAGING_5_LEVEL:
        return &five;
    }
    return NULL;
}

/* Bits high:low, both included. */
static uint64_t field(unsigned high, unsigned low)
{
    return high < low ? 0 : (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

bool machine_maps_page(const cpu_t *cpu, model_paging_t paging, unsigned level, uint64_t entry)
{
    if (level == 1)
        return true;
    if (!(entry & MODEL_ENTRY_PS))
        return false;
    if (paging == MODEL_PAGING_32)
        return (cpu->registers.cr4 & MODEL_CR4_PSE) != 0; /* otherwise PS is ignored: SDM table 4-5 */
    return level == 2 || (level == 3 && machine_has(cpu, MODEL_HAS_1GIB_PAGES));
}

/* How many physical address bits a 4 MiB page can have: 40 with PSE-36, as far as MAXPHYADDR goes; otherwise 32. */
static unsigned pse_bits(const cpu_t *cpu)
{
    unsigned bits = cpu->machine->config.physical_bits;

    if (!machine_has(cpu, MODEL_HAS_PSE36))
        return 32;
    return bits < 40 ? bits : 40;
}

static uint64_t reserved_32(const cpu_t *cpu, unsigned level, uint64_t entry)
{
    uint64_t reserved = 0;

    if (level == 1)
        return machine_has(cpu, MODEL_HAS_PAT) ? 0 : MODEL_ENTRY_PAT;
    if (machine_maps_page(cpu, MODEL_PAGING_32, level, entry)) {
        reserved = field(21, pse_bits(cpu) - 32 + 13);
        if (!machine_has(cpu, MODEL_HAS_PAT))
            reserved |= MODEL_ENTRY_PAT_LARGE;
    }
    return reserved;
}

uint64_t machine_reserved_bits(const cpu_t *cpu, model_paging_t paging, unsigned level, uint64_t entry)
{
    if (paging == MODEL_PAGING_32)
        return reserved_32(cpu, level, entry);

    /* PAE reserves bits 62:52 as well, the longer formats ignore them. */
    uint64_t reserved = field(paging == MODEL_PAGING_PAE ? 62 : 51, cpu->machine->config.physical_bits);
    if (!(cpu->registers.efer & MODEL_EFER_NXE))
        reserved |= MODEL_ENTRY_NX;
    if (level >= 4 || (level == 3 && !machine_has(cpu, MODEL_HAS_1GIB_PAGES)))
        reserved |= MODEL_ENTRY_PS;
    if (level == 3 && machine_maps_page(cpu, paging, level, entry))
        reserved |= field(29, 13);
    if (level == 2 && machine_maps_page(cpu, paging, level, entry))
        reserved |= field(20, 13);
    if (!machine_has(cpu, MODEL_HAS_PAT) && machine_maps_page(cpu, paging, level, entry))
        reserved |= level == 1 ? MODEL_ENTRY_PAT : MODEL_ENTRY_PAT_LARGE;
    return reserved;
}

uint64_t machine_page_address(const cpu_t *cpu, model_paging_t paging, unsigned level, uint64_t entry)
{
    unsigned shift = machine_format_of(paging)->shift[level];

    if (paging == MODEL_PAGING_32 && level == 2) /* bits 39:32 of the address are in 20:13 */
        return (entry & UINT32_C(0xFFC00000)) | (entry & field(pse_bits(cpu) - 32 + 12, 13)) << 19;
    return entry & machine_physical_mask(cpu) & (UINT64_MAX << shift);
}

uint64_t machine_table_address(const cpu_t *cpu, model_paging_t paging, uint64_t entry)
{
    uint64_t mask = paging == MODEL_PAGING_32 ? UINT32_MAX : machine_physical_mask(cpu);

    return entry & mask & ~(PAGE_BYTES - 1);
}
