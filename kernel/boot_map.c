/* SPDX-License-Identifier: MIT */
/*
 * boot_map.c - what must be kept out of the firmware's map, and which modules can be trusted to lie in RAM.
 *
 * Problem: the loader says where it put the modules, the firmware what is RAM, the CPU how far it reaches, and they
 * need not agree. A module that a reserved page touches would be read through a translation that is not there; a usable
 * page that the CPU cannot address would be a reserved bit in a page table.
 *
 * Idea: the map as the firmware has it is asked first. A module is used if all of it is usable there, below the limit,
 * and apart from the kernel and from the modules before it; else it is refused, with the reason. Only then do image and
 * modules enter the map. All that lies at or above the limit becomes one reserved region, so that nobody after this has
 * to think of it.
 *
 * Above 4 GiB RAM comes in large pieces. A usable entry there that is small, and far from all that the map names, is a
 * mistake of somebody's, and there is probably nothing behind it: it is skipped.
 *
 * The kernel's image cannot be refused: it runs. Where the firmware calls part of it reserved, that is reported, and
 * the image is mapped all the same.
 */
#include "boot.h"

#define LEGACY_START ((uint64_t)0xa0000) /* video memory and firmware */
#define LEGACY_END   ((uint64_t)0x100000)
#define STRAY_START  ((uint64_t)1 << 32)
#define STRAY_BYTES  ((uint64_t)1 << 20) /* less than this, */
#define STRAY_GAP    ((uint64_t)1 << 30) /* with so much of nothing on both sides */

/* A map that is full stays safe, and says of itself that it is. There is no other way to fail here. */
static void add(quire_memory_map_t *map, uint64_t start, uint64_t end, quire_memory_kind_t kind)
{
    if (start < end)
        (void)!quire_memory_map_add(map, quire_pa(start), end - start, kind);
}

static bool overlap(uint64_t start, uint64_t end, uint64_t other_start, uint64_t other_end)
{
    return start < other_end && other_start < end;
}

/* Bytes of [start, end) that the map says anything of. */
static uint64_t named_bytes(const quire_memory_map_t *map, uint64_t start, uint64_t end)
{
    uint64_t bytes = 0;

    for (unsigned kind = QUIRE_MEMORY_USABLE; kind < QUIRE_MEMORY_KINDS; kind++)
        bytes += quire_memory_map_bytes(map, start, end, (quire_memory_kind_t)kind);
    return bytes;
}

static bool is_stray(const quire_memory_map_t *map, size_t number)
{
    const quire_memory_region_t *region = &map->regions[number];

    if (region->kind != QUIRE_MEMORY_USABLE || region->start < STRAY_START ||
        region->end - region->start >= STRAY_BYTES || map->count < 2)
        return false;
    return (number == 0 || region->start - region[-1].end >= STRAY_GAP) &&
           (number + 1 == map->count || region[1].start - region->end >= STRAY_GAP);
}

/* They touch nothing, so that no region joins another. */
static uint64_t skip_strays(quire_memory_map_t *map)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < map->count; i++) {
        if (!is_stray(map, i))
            continue;
        bytes += map->regions[i].end - map->regions[i].start;
        add(map, map->regions[i].start, map->regions[i].end, QUIRE_MEMORY_RESERVED);
    }
    return bytes;
}

static boot_refusal_t judge(const boot_info_t *info, size_t number, const boot_machine_t *machine,
                            const quire_memory_map_t *map)
{
    uint64_t start = info->modules[number].start.value;
    uint64_t bytes = info->modules[number].bytes;
    uint64_t end = start + bytes;

    if (end < start || end > machine->limit)
        return BOOT_OUT_OF_REACH;
    if (overlap(start, end, machine->image_start, machine->image_end))
        return BOOT_OVER_KERNEL;
    for (size_t i = 0; i < number; i++) {
        const boot_module_t *other = &info->modules[i];

        if (other->refused == BOOT_NOT_REFUSED &&
            overlap(start, end, other->start.value, other->start.value + other->bytes))
            return BOOT_OVER_MODULE;
    }
    if (quire_memory_map_bytes(map, start, end, QUIRE_MEMORY_USABLE) == bytes)
        return BOOT_NOT_REFUSED;
    return named_bytes(map, start, end) == bytes ? BOOT_RESERVED : BOOT_NO_RAM;
}

boot_findings_t boot_complete_map(boot_info_t *info, const boot_machine_t *machine, quire_memory_map_t *map)
{
    boot_findings_t findings;

    findings.out_of_reach_bytes = quire_memory_map_bytes(map, machine->limit, UINT64_MAX, QUIRE_MEMORY_USABLE);
    findings.stray_bytes = skip_strays(map);
    add(map, machine->limit, UINT64_MAX, QUIRE_MEMORY_RESERVED);
    add(map, LEGACY_START, LEGACY_END, QUIRE_MEMORY_RESERVED);
    for (size_t i = 0; i < info->module_count; i++)
        info->modules[i].refused = judge(info, i, machine, map);
    findings.image_bytes = machine->image_end - machine->image_start -
                           quire_memory_map_bytes(map, machine->image_start, machine->image_end, QUIRE_MEMORY_USABLE);
    add(map, machine->image_start, machine->image_end, QUIRE_MEMORY_KERNEL);
    for (size_t i = 0; i < info->module_count; i++) {
        const boot_module_t *module = &info->modules[i];

        if (module->refused == BOOT_NOT_REFUSED)
            add(map, module->start.value, module->start.value + module->bytes, QUIRE_MEMORY_MODULE);
    }
    return findings;
}
