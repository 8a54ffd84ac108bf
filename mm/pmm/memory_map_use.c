/* SPDX-License-Identifier: MIT */
/*
 * memory_map_use.c - what the finished map answers, and the boot allocator that lives in it.
 *
 * Problem: the PMM needs memory for its metadata before there is a PMM.
 *
 * Idea: quire_memory_map_take() finds room in a usable region and says so by inserting a METADATA region there; the map
 * is the only record, so nothing taken can be given to the PMM later. It searches from the top, to spare low memory for
 * devices that can reach nothing else. The PMM seals the map when it takes over: from then on there is one allocator.
 *
 * Frames: a usable region gives only the frames that lie in it whole; any other region touches every frame it reaches
 * into. Both roundings lose memory and never gain any. Frame 0 is never usable: null pointers and firmware live there.
 */
#include <quire/memory_map.h>

quire_status_t quire_memory_map_take(quire_memory_map_t *map, uint64_t bytes, uint64_t align, quire_pa_t limit,
                                     quire_pa_t *pa)
{
    if (bytes == 0 || bytes > UINT64_MAX - QUIRE_PAGE_MASK || align < QUIRE_PAGE_BYTES || (align & (align - 1)) != 0)
        return QUIRE_INVALID;
    if (map->sealed)
        return QUIRE_DENIED;

    uint64_t whole = (bytes + QUIRE_PAGE_MASK) & ~(uint64_t)QUIRE_PAGE_MASK;
    for (size_t index = map->count; index-- > 0;) {
        const quire_memory_region_t *region = &map->regions[index];
        uint64_t low = region->start < QUIRE_PAGE_BYTES ? QUIRE_PAGE_BYTES : region->start;
        uint64_t high = region->end < limit.value ? region->end : limit.value;
        if (region->kind != QUIRE_MEMORY_USABLE || high < low || high - low < whole)
            continue;
        uint64_t base = (high - whole) & ~(align - 1);
        if (base < low)
            continue;
        /* A full array can make the region larger than asked for, never smaller: both answers are good. */
        quire_status_t status = quire_memory_map_add(map, quire_pa(base), whole, QUIRE_MEMORY_METADATA);
        if (status != QUIRE_OK && status != QUIRE_NO_MEMORY)
            return status;
        *pa = quire_pa(base);
        return QUIRE_OK;
    }
    return QUIRE_NO_MEMORY;
}

static uint64_t frames_down(uint64_t address)
{
    return address == UINT64_MAX ? (uint64_t)1 << (64 - QUIRE_PAGE_SHIFT) : address >> QUIRE_PAGE_SHIFT;
}

static uint64_t frames_up(uint64_t address)
{
    return (address >> QUIRE_PAGE_SHIFT) + ((address & QUIRE_PAGE_MASK) != 0);
}

uint64_t quire_memory_map_frames(const quire_memory_region_t *region, uint64_t *first)
{
    bool usable = region->kind == QUIRE_MEMORY_USABLE;
    uint64_t start = usable ? frames_up(region->start) : region->start >> QUIRE_PAGE_SHIFT;
    uint64_t end = usable ? frames_down(region->end) : frames_up(region->end);

    if (usable && start == 0)
        start = 1;
    if (end <= start)
        return 0;
    *first = start;
    return end - start;
}

uint64_t quire_memory_map_bytes(const quire_memory_map_t *map, uint64_t start, uint64_t end, quire_memory_kind_t kind)
{
    uint64_t bytes = 0;

    for (size_t index = 0; index < map->count; index++) {
        const quire_memory_region_t *region = &map->regions[index];
        uint64_t low = region->start > start ? region->start : start;
        uint64_t high = region->end < end ? region->end : end;
        if (region->kind == kind && low < high)
            bytes += high - low;
    }
    return bytes;
}

quire_status_t quire_memory_map_check(const quire_memory_map_t *map)
{
    if (map->count > map->capacity)
        return QUIRE_CORRUPT;
    for (size_t index = 0; index < map->count; index++) {
        const quire_memory_region_t *region = &map->regions[index];
        if (region->start >= region->end || region->kind < QUIRE_MEMORY_USABLE || region->kind >= QUIRE_MEMORY_KINDS)
            return QUIRE_CORRUPT;
        if (index == 0)
            continue;
        if (region[-1].end > region->start || (region[-1].end == region->start && region[-1].kind == region->kind))
            return QUIRE_CORRUPT;
    }
    return QUIRE_OK;
}
