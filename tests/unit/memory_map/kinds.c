/* SPDX-License-Identifier: MIT */
/* kinds.c - the numbers of firmware and loaders: usable is what its source calls so, and nothing else ever. */
#include "test.h"

#define WB      ((uint64_t)1 << 3)
#define RUNTIME ((uint64_t)1 << 63)

TEST(memory_map, kinds_of_e820)
{
    static const quire_memory_kind_t known[] = {QUIRE_MEMORY_NONE,     QUIRE_MEMORY_USABLE,
                                                QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_ACPI_RECLAIMABLE,
                                                QUIRE_MEMORY_ACPI_NVS, QUIRE_MEMORY_BAD};

    for (uint32_t type = 0; type < 6; type++)
        CHECK_EQUAL(quire_memory_kind_of_e820(type), known[type]);
    for (uint32_t type = 6; type < 300; type++)
        CHECK_EQUAL(quire_memory_kind_of_e820(type), QUIRE_MEMORY_RESERVED);
    for (unsigned bit = 3; bit < 32; bit++) {
        for (uint32_t low = 0; low < 6; low++)
            CHECK_EQUAL(quire_memory_kind_of_e820((uint32_t)1 << bit | low), QUIRE_MEMORY_RESERVED);
    }
}

/* A map of Limine's given to the wrong function does not get as far as a PMM. */
TEST(memory_map, limine_numbers_are_not_e820s)
{
    quire_memory_region_t storage[8];
    quire_memory_map_t map;

    quire_memory_map_init(&map, storage, 8);
    CHECK_EQUAL(quire_memory_map_add(&map, quire_pa(0x100000), 0x7f00000, quire_memory_kind_of_e820(0)), QUIRE_INVALID);
    CHECK_EQUAL(map.count, 0);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0x100000), 0x7f00000, quire_memory_kind_of_limine(0)));
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0x200000), 0x1000, quire_memory_kind_of_limine(1)));
    CHECK_EQUAL(quire_memory_map_bytes(&map, 0, UINT64_MAX, QUIRE_MEMORY_USABLE), 0x7f00000 - 0x1000);
}

TEST(memory_map, kinds_of_limine)
{
    static const quire_memory_kind_t known[] = {
        QUIRE_MEMORY_USABLE,   QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_ACPI_RECLAIMABLE,
        QUIRE_MEMORY_ACPI_NVS, QUIRE_MEMORY_BAD,      QUIRE_MEMORY_LOADER,
        QUIRE_MEMORY_KERNEL};

    for (uint64_t type = 0; type < 7; type++)
        CHECK_EQUAL(quire_memory_kind_of_limine(type), known[type]);
    for (uint64_t type = 7; type < 300; type++)
        CHECK_EQUAL(quire_memory_kind_of_limine(type), QUIRE_MEMORY_RESERVED);
    CHECK_EQUAL(quire_memory_kind_of_limine((uint64_t)1 << 32), QUIRE_MEMORY_RESERVED);
}

TEST(memory_map, kinds_of_efi)
{
    static const quire_memory_kind_t known[] = {
        QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_LOADER,           QUIRE_MEMORY_LOADER,   QUIRE_MEMORY_LOADER,
        QUIRE_MEMORY_LOADER,   QUIRE_MEMORY_RESERVED,         QUIRE_MEMORY_RESERVED, QUIRE_MEMORY_USABLE,
        QUIRE_MEMORY_BAD,      QUIRE_MEMORY_ACPI_RECLAIMABLE, QUIRE_MEMORY_ACPI_NVS};
    /* Everything but what takes memory away: how it may be cached or protected says nothing about whose it is. */
    static const uint64_t harmless[] = {WB,           WB | 0x7,     WB | 0x1000,  WB | 0x2000, WB | 0x4000,
                                        WB | 0x10000, WB | 0x20000, WB | 0x80000, WB | 0x3700f};
    static const uint64_t harmful[] = {0,         0x7, WB | (uint64_t)1 << 15, WB | (uint64_t)1 << 18, WB | RUNTIME,
                                       UINT64_MAX};

    for (uint32_t type = 0; type < 11; type++) {
        for (unsigned at = 0; at < sizeof(harmless) / sizeof(harmless[0]); at++)
            CHECK_EQUAL(quire_memory_kind_of_efi(type, harmless[at]), known[type]);
        for (unsigned at = 0; at < sizeof(harmful) / sizeof(harmful[0]); at++)
            CHECK(quire_memory_kind_of_efi(type, harmful[at]) >= QUIRE_MEMORY_ACPI_NVS);
    }
    /* Devices, ports, the processor's own, persistent, unaccepted, and what is not known. */
    for (uint32_t type = 11; type < 300; type++)
        CHECK_EQUAL(quire_memory_kind_of_efi(type, WB), QUIRE_MEMORY_RESERVED);
    CHECK_EQUAL(quire_memory_kind_of_efi(0x70000007, WB), QUIRE_MEMORY_RESERVED);
    CHECK_EQUAL(quire_memory_kind_of_efi(UINT32_MAX, WB), QUIRE_MEMORY_RESERVED);
}
