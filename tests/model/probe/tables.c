/* SPDX-License-Identifier: MIT */
/*
 * tables.c - the memory in which a scenario begins, the same on every machine.
 *
 * TEST_VA is mapped down to an empty page table, by entries that allow everything; the tables of the probe itself are
 * as they were. CR0.WP, CR4.PSE, CR4.PGE and EFER.NXE are set where the mode has them; SMEP, SMAP, PKE, PCIDE and
 * EFLAGS.AC are clear.
 */
#include "scenario.h"

#define P   UINT64_C(0x001)
#define W   UINT64_C(0x002)
#define U   UINT64_C(0x004)
#define A   UINT64_C(0x020)
#define D   UINT64_C(0x040)
#define PS  UINT64_C(0x080)
#define PWU (P | W | U)

/* A descriptor: base, limit, access byte, flags (SDM figure 3-8). */
#define SEGMENT(base, limit, access, flags)                                                                            \
    (((limit)&UINT64_C(0xFFFF)) | ((base)&UINT64_C(0xFFFFFF)) << 16 | UINT64_C(access) << 40 |                         \
     ((limit)&UINT64_C(0xF0000)) << 32 | UINT64_C(flags) << 52 | ((base)&UINT64_C(0xFF000000)) << 32)

uint64_t test_va(unsigned mode)
{
    if (mode == MODE_5_LEVEL)
        return UINT64_C(0x1000000000000);
    return mode == MODE_4_LEVEL ? UINT64_C(0x8000000000) : 0x40000000;
}

unsigned entry_bytes(unsigned mode)
{
    return mode == MODE_32 ? 4 : 8;
}

uint32_t entry_address(entry_t entry, unsigned mode)
{
    uint32_t bytes = entry_bytes(mode);

    switch (entry) {
    case E1:
        return TEST_PT;
    case E1N:
        return TEST_PT + bytes;
    case E2:
        return mode == MODE_32 ? ROOT + 4 * 0x100 : TEST_PD;
    case E2N:
        return mode == MODE_32 ? ROOT + 4 * 0x101 : TEST_PD + 8;
    case E3:
        if (mode == MODE_32)
            return 0;
        return mode == MODE_PAE ? ROOT + 8 : TEST_PDPT;
    case E4:
        if (mode == MODE_5_LEVEL)
            return TEST_PML4;
        return mode == MODE_4_LEVEL ? ROOT + 8 : 0;
    case E5:
        return mode == MODE_5_LEVEL ? ROOT + 8 : 0;
    case ENTRIES:
        break;
    }
    return 0;
}

/* Every 16 bytes: an instruction that ends the access, and the number of the frame. The last byte begins an
 * instruction that needs the next page. */
static void fill_frame(uint32_t pa, uint64_t number)
{
    for (uint32_t at = 0; at < 0x1000; at += 16) {
        backend_poke(pa + at, UINT64_C(0xF4F4F4F4F4F480CD), 8);
        backend_poke(pa + at + 8, number * UINT64_C(0x0101010101010101), 8);
    }
    backend_poke(pa + 0xFFF, 0xCD, 1);
}

static void fill_memory(void)
{
    for (uint32_t pa = TEST_PML4; pa < TEST_GDT; pa += 8)
        backend_poke(pa, 0, 8);
    for (uint32_t selector = 0x40; selector < GDT_LIMIT; selector += 8)
        backend_poke(TEST_GDT + selector, 0, 8);
    for (uint32_t i = 0; i < 3; i++)
        fill_frame(DATA0 + 0x1000 * i, 0x10 + i);
    for (uint32_t i = 0; i < 2; i++) {
        fill_frame(BIG0 + 0x400000 * i, 0x20 + 4 * i);
        fill_frame(BIG0 + 0x400000 * i + 0x1000, 0x21 + 4 * i);
        fill_frame(BIG0 + 0x400000 * i + 0x200000, 0x22 + 4 * i);
    }
}

/* 32 MiB one to one in large pages, for the supervisor; the one at USER_AREA for the user too. */
static void map_low_memory(unsigned mode)
{
    uint32_t bytes = entry_bytes(mode), table = mode == MODE_32 ? ROOT : LOW_PD;
    uint32_t page = mode == MODE_32 ? 0x400000 : 0x200000;

    for (uint32_t pa = 0, i = 0; pa < 0x2000000; pa += page, i++)
        backend_poke(table + i * bytes, pa | P | W | A | D | PS | (pa == USER_AREA ? U : 0), bytes);
    if (mode == MODE_PAE)
        backend_poke(ROOT, LOW_PD | P, 8);
    if (mode == MODE_5_LEVEL)
        backend_poke(ROOT, LOW_PML4 | PWU | A, 8);
    if (mode & MODE_LONG) {
        backend_poke(mode == MODE_5_LEVEL ? LOW_PML4 : ROOT, LOW_PDPT | PWU | A, 8);
        backend_poke(LOW_PDPT, LOW_PD | PWU | A, 8);
    }
}

void put_entry(entry_t entry, unsigned mode, uint64_t value)
{
    if (entry_address(entry, mode) != 0)
        backend_poke(entry_address(entry, mode), value, entry_bytes(mode));
}

static void put_descriptors(unsigned mode)
{
    bool wide = (mode & MODE_LONG) != 0;

    backend_poke(TEST_GDT, 0, 8);
    backend_poke(TEST_GDT + KERNEL_CODE, wide ? SEGMENT(0, 0xFFFFF, 0x9B, 0xA) : SEGMENT(0, 0xFFFFF, 0x9B, 0xC), 8);
    backend_poke(TEST_GDT + KERNEL_DATA, SEGMENT(0, 0xFFFFF, 0x93, 0xC), 8);
    backend_poke(TEST_GDT + (USER_CODE & ~7), wide ? SEGMENT(0, 0xFFFFF, 0xFB, 0xA) : SEGMENT(0, 0xFFFFF, 0xFB, 0xC),
                 8);
    backend_poke(TEST_GDT + (USER_DATA & ~7), SEGMENT(0, 0xFFFFF, 0xF3, 0xC), 8);
}

void begin_scenario(unsigned mode)
{
    fill_memory();
    put_descriptors(mode);
    map_low_memory(mode);
    put_entry(E5, mode, TEST_PML4 | PWU);
    put_entry(E4, mode, TEST_PDPT | PWU);
    put_entry(E3, mode, mode == MODE_PAE ? TEST_PD | P : TEST_PD | PWU);
    put_entry(E2, mode, TEST_PT | PWU);
    put_entry(E2N, mode, 0);
    backend_reset(mode);
}
