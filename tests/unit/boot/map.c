/* SPDX-License-Identifier: MIT */
/* map.c - what is kept out of the firmware's map, and which modules are believed to lie in RAM. */
#include "test.h"

#include "boot.h"

#define MIB ((uint64_t)1 << 20)

static quire_memory_region_t storage[64];
static quire_memory_map_t map;
static boot_info_t *info;
static const boot_machine_t machine = {(uint64_t)1 << 36, MIB, 3 * MIB};

static void fresh(void)
{
    info = test_memory((sizeof(*info) + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK);
    *info = (boot_info_t){0};
    quire_memory_map_init(&map, storage, 64);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0), 0x9f000, QUIRE_MEMORY_USABLE));
    CHECK_OK(quire_memory_map_add(&map, quire_pa(MIB), 63 * MIB, QUIRE_MEMORY_USABLE));
}

static void module(uint64_t start, uint64_t bytes)
{
    info->modules[info->module_count++] = (boot_module_t){.start = quire_pa(start), .bytes = bytes};
}

static uint64_t bytes_of(quire_memory_kind_t kind)
{
    return quire_memory_map_bytes(&map, 0, UINT64_MAX, kind);
}

TEST(boot, modules_in_ram_are_used)
{
    fresh();
    module(4 * MIB, MIB + 5);
    module(6 * MIB, 1);
    module(63 * MIB, MIB);
    boot_findings_t findings = boot_complete_map(info, &machine, &map);
    CHECK_EQUAL(findings.image_bytes, 0);
    CHECK_EQUAL(findings.out_of_reach_bytes, 0);
    for (size_t i = 0; i < 3; i++)
        CHECK_EQUAL(info->modules[i].refused, BOOT_NOT_REFUSED);
    CHECK_EQUAL(bytes_of(QUIRE_MEMORY_MODULE), 2 * MIB + 6);
    CHECK_EQUAL(bytes_of(QUIRE_MEMORY_KERNEL), 2 * MIB);
    CHECK_EQUAL(bytes_of(QUIRE_MEMORY_USABLE), 0x9f000 + 59 * MIB - 6);
}

/* A byte of anything else, wherever it lies in the module, also where two usable entries overlap. */
TEST(boot, a_module_that_is_not_all_usable_is_refused)
{
    static const uint64_t places[] = {4 * MIB - 1, 4 * MIB, 4 * MIB + 0x1234, 5 * MIB - 1, 5 * MIB};

    for (unsigned kind = QUIRE_MEMORY_ACPI_RECLAIMABLE; kind < QUIRE_MEMORY_KINDS; kind++) {
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            bool inside = places[i] >= 4 * MIB && places[i] < 5 * MIB;
            fresh();
            CHECK_OK(quire_memory_map_add(&map, quire_pa(4 * MIB), MIB, QUIRE_MEMORY_USABLE));
            CHECK_OK(quire_memory_map_add(&map, quire_pa(places[i]), 1, (quire_memory_kind_t)kind));
            module(4 * MIB, MIB);
            module(8 * MIB, MIB);
            (void)boot_complete_map(info, &machine, &map);
            CHECK_EQUAL(info->modules[0].refused, inside ? BOOT_RESERVED : BOOT_NOT_REFUSED);
            CHECK_EQUAL(info->modules[1].refused, BOOT_NOT_REFUSED);
            CHECK_OK(quire_memory_map_check(&map));
        }
    }
}

TEST(boot, modules_in_impossible_places_are_refused)
{
    static const struct {
        uint64_t start;
        uint64_t bytes;
        boot_refusal_t refused;
    } modules[] = {
        {8 * MIB, MIB, BOOT_NOT_REFUSED},          {9 * MIB - 1, 2, BOOT_OVER_MODULE},
        {63 * MIB, MIB + 1, BOOT_NO_RAM},          {0x90000, 0x18000, BOOT_NO_RAM},
        {0xb0000, 0x1000, BOOT_RESERVED},          {3 * MIB - 1, 1, BOOT_OVER_KERNEL},
        {(uint64_t)1 << 36, 1, BOOT_OUT_OF_REACH}, {UINT64_MAX, 2, BOOT_OUT_OF_REACH},
    };

    fresh();
    for (size_t i = 0; i < 8; i++)
        module(modules[i].start, modules[i].bytes);
    (void)boot_complete_map(info, &machine, &map);
    for (size_t i = 0; i < 8; i++)
        CHECK_EQUAL(info->modules[i].refused, modules[i].refused);
    CHECK_EQUAL(bytes_of(QUIRE_MEMORY_MODULE), MIB);
}

/* What the CPU cannot address is one reserved region; what was usable of it is counted, once. */
TEST(boot, memory_out_of_reach)
{
    fresh();
    CHECK_OK(quire_memory_map_add(&map, quire_pa(machine.limit - MIB), 2 * MIB, QUIRE_MEMORY_USABLE));
    CHECK_OK(quire_memory_map_add(&map, quire_pa(machine.limit + 0x1000), 0x1000, QUIRE_MEMORY_RESERVED));
    CHECK_OK(quire_memory_map_add(&map, quire_pa((uint64_t)1 << 39), 0x1000, QUIRE_MEMORY_USABLE));
    CHECK_OK(quire_memory_map_add(&map, quire_pa((uint64_t)1 << 63), UINT64_MAX, QUIRE_MEMORY_ACPI_NVS));
    boot_findings_t findings = boot_complete_map(info, &machine, &map);
    CHECK_EQUAL(findings.out_of_reach_bytes, MIB);
    CHECK_EQUAL(quire_memory_map_bytes(&map, machine.limit, UINT64_MAX, QUIRE_MEMORY_RESERVED),
                UINT64_MAX - machine.limit);
    CHECK_EQUAL(quire_memory_map_bytes(&map, machine.limit - MIB, machine.limit, QUIRE_MEMORY_USABLE), MIB);
    CHECK_OK(quire_memory_map_check(&map));
}

/* A page far from everything is no RAM; beside other memory, or large, it is. */
TEST(boot, a_stray_page_is_skipped)
{
    for (unsigned bits = 33; bits < 36; bits++) {
        uint64_t start = (uint64_t)1 << bits;
        fresh();
        uint64_t usable = bytes_of(QUIRE_MEMORY_USABLE) - 2 * MIB;
        CHECK_OK(quire_memory_map_add(&map, quire_pa(start), 0x1000, QUIRE_MEMORY_USABLE));
        CHECK_EQUAL(boot_complete_map(info, &machine, &map).stray_bytes, 0x1000);
        CHECK_EQUAL(bytes_of(QUIRE_MEMORY_USABLE), usable);
        fresh();
        CHECK_OK(quire_memory_map_add(&map, quire_pa(start), MIB, QUIRE_MEMORY_USABLE));
        CHECK_OK(quire_memory_map_add(&map, quire_pa(start + 2 * MIB), 0x1000, QUIRE_MEMORY_USABLE));
        CHECK_EQUAL(boot_complete_map(info, &machine, &map).stray_bytes, 0);
        CHECK_EQUAL(bytes_of(QUIRE_MEMORY_USABLE), usable + MIB + 0x1000);
    }
}

TEST(boot, a_kernel_in_reserved_memory_is_told)
{
    fresh();
    CHECK_OK(quire_memory_map_add(&map, quire_pa(2 * MIB), 0x3000, QUIRE_MEMORY_RESERVED));
    boot_findings_t findings = boot_complete_map(info, &machine, &map);
    CHECK_EQUAL(findings.image_bytes, 0x3000);
    CHECK_EQUAL(bytes_of(QUIRE_MEMORY_KERNEL), 2 * MIB - 0x3000);
}
