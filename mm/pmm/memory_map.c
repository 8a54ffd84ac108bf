/* SPDX-License-Identifier: MIT */
/*
 * memory_map.c - the firmware's map of physical memory, kept sorted and disjoint while it is built.
 *
 * Problem: entries come in any order, overlap, wrap and contradict each other, and there is no memory yet to sort
 * them in. Being wrong once means handing out the firmware's own memory.
 *
 * Idea: the array is always in its final form. An entry is inserted part by part: where it meets nothing it becomes
 * a region; where it meets a region of a lower kind it cuts its part out of it; where it meets an equal or higher kind
 * that part is already said. So the result does not depend on the order of the entries.
 *
 * When the array is full, precision is given up and never safety. A usable part is dropped. Any other part swallows
 * what stands beside it: the rest of the region it cuts, or a neighbour with the gap between. Dropping a reserved part
 * would be wrong even though it leaves a gap: a usable entry that comes later would fill the gap.
 *
 * Invariants (quire_memory_map_check): sorted by start, no region empty, no two overlap, neighbours that touch differ
 * in kind, count <= capacity.
 *
 * Rejected: collecting first and sorting afterwards (needs room for every raw entry, and a second array for the
 * result); a linked list (a pointer more for each entry, and harder to check).
 */
#include <quire/memory_map.h>

#include "string.h"

const char *quire_memory_kind_name(quire_memory_kind_t kind)
{
    switch (kind) {
    case QUIRE_MEMORY_USABLE:
        return "usable";
    case QUIRE_MEMORY_ACPI_RECLAIMABLE:
        return "ACPI, reclaimable";
    case QUIRE_MEMORY_LOADER:
        return "boot loader";
    case QUIRE_MEMORY_MODULE:
        return "module";
    case QUIRE_MEMORY_KERNEL:
        return "kernel";
    case QUIRE_MEMORY_METADATA:
        return "metadata";
    case QUIRE_MEMORY_ACPI_NVS:
        return "ACPI, non-volatile";
    case QUIRE_MEMORY_RESERVED:
        return "reserved";
    case QUIRE_MEMORY_BAD:
        return "bad";
    case QUIRE_MEMORY_NONE:
    case QUIRE_MEMORY_KINDS:
        break;
    }
    return "unknown";
}

void quire_memory_map_init(quire_memory_map_t *map, quire_memory_region_t *storage, size_t capacity)
{
    *map = (quire_memory_map_t){.regions = storage, .capacity = capacity};
}

/* The index of the first region that ends above `address`; count if there is none. */
static size_t find_region(const quire_memory_map_t *map, uint64_t address)
{
    size_t low = 0;
    size_t high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->regions[middle].end > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Replaces `removed` regions at `index` by `added` parts. The caller has made sure that they fit. */
static void replace_regions(quire_memory_map_t *map, size_t index, size_t removed, const quire_memory_region_t *parts,
                            size_t added)
{
    quire_memory_region_t *at = map->regions + index;

    memmove(at + added, at + removed, (map->count - index - removed) * sizeof(*at));
    for (size_t part = 0; part < added; part++)
        at[part] = parts[part];
    map->count += added - removed;
}

/* Joins the region at `index` with its right neighbour if they touch and are of one kind. */
static void join_right(quire_memory_map_t *map, size_t index)
{
    if (index + 1 >= map->count)
        return;
    quire_memory_region_t *left = map->regions + index;
    if (left[0].end != left[1].start || left[0].kind != left[1].kind)
        return;
    left[1].start = left[0].start;
    replace_regions(map, index, 1, NULL, 0);
}

static void join_around(quire_memory_map_t *map, size_t index, size_t added)
{
    for (size_t at = index + added; at-- > index;)
        join_right(map, at);
    if (index > 0)
        join_right(map, index - 1);
}

/* What is lost when a region is swallowed. */
static uint64_t usable_bytes(const quire_memory_region_t *region)
{
    return region->kind == QUIRE_MEMORY_USABLE ? region->end - region->start : 0;
}

/* Which neighbour of the gap before `index` a part should join: where the least usable memory is lost, then the
 * nearer. */
static size_t choose_neighbour(const quire_memory_map_t *map, size_t index, const quire_memory_region_t *part)
{
    if (index == 0)
        return 0;
    if (index == map->count)
        return index - 1;
    const quire_memory_region_t *left = &map->regions[index - 1];
    const quire_memory_region_t *right = &map->regions[index];
    if (usable_bytes(left) != usable_bytes(right))
        return usable_bytes(left) < usable_bytes(right) ? index - 1 : index;
    return part->start - left->end < right->start - part->end ? index - 1 : index;
}

/* The array is full and `part` lies in a gap: a neighbour grows over the gap and the part. */
static void swallow_neighbour(quire_memory_map_t *map, size_t index, quire_memory_region_t part)
{
    size_t victim = choose_neighbour(map, index, &part);
    quire_memory_region_t *region = &map->regions[victim];

    if (part.start < region->start)
        region->start = part.start;
    if (part.end > region->end)
        region->end = part.end;
    if (part.kind > region->kind)
        region->kind = part.kind;
    join_around(map, victim, 1);
}

/* Puts a part into the gap before the region at `index`. */
static bool fill_gap(quire_memory_map_t *map, size_t index, quire_memory_region_t part)
{
    bool touches_left =
        index > 0 && map->regions[index - 1].end == part.start && map->regions[index - 1].kind == part.kind;

    if (touches_left) {
        map->regions[index - 1].end = part.end;
        join_right(map, index - 1);
        return true;
    }
    if (index < map->count && map->regions[index].start == part.end && map->regions[index].kind == part.kind) {
        map->regions[index].start = part.start;
        return true;
    }
    if (map->count < map->capacity) {
        replace_regions(map, index, 0, &part, 1);
        return true;
    }
    map->truncated = true;
    if (part.kind != QUIRE_MEMORY_USABLE)
        swallow_neighbour(map, index, part);
    return false;
}

/* If `part` stands at a border of the region at `index`, beside a neighbour of the part's kind, the border moves. */
static bool move_border(quire_memory_map_t *map, size_t index, quire_memory_region_t part)
{
    quire_memory_region_t *region = &map->regions[index];

    if (region->start == part.start && part.end < region->end && index > 0 && region[-1].end == part.start &&
        region[-1].kind == part.kind) {
        region[-1].end = region->start = part.end;
        return true;
    }
    if (region->end == part.end && region->start < part.start && index + 1 < map->count &&
        region[1].start == part.end && region[1].kind == part.kind) {
        region[1].start = region->end = part.start;
        return true;
    }
    return false;
}

/* Cuts `part`, which is of a higher kind and lies inside the region at `index`, out of that region. */
static bool cut_region(quire_memory_map_t *map, size_t index, quire_memory_region_t part)
{
    quire_memory_region_t old = map->regions[index];
    quire_memory_region_t parts[3];
    size_t room = map->capacity - map->count + 1;
    size_t needed = 1 + (size_t)(old.start < part.start) + (size_t)(part.end < old.end);
    bool precise = needed <= room;
    size_t added = 0;

    if (move_border(map, index, part))
        return true;
    if (needed > room && part.end < old.end) {
        part.end = old.end;
        needed--;
    }
    if (needed > room)
        part.start = old.start;
    if (old.start < part.start)
        parts[added++] = (quire_memory_region_t){old.start, part.start, old.kind};
    parts[added++] = part;
    if (part.end < old.end)
        parts[added++] = (quire_memory_region_t){part.end, old.end, old.kind};
    replace_regions(map, index, 1, parts, added);
    join_around(map, index, added);
    map->truncated |= !precise;
    return precise;
}

quire_status_t quire_memory_map_add(quire_memory_map_t *map, quire_pa_t start, uint64_t bytes, quire_memory_kind_t kind)
{
    if (kind < QUIRE_MEMORY_USABLE || kind >= QUIRE_MEMORY_KINDS)
        return QUIRE_INVALID;
    if (map->sealed)
        return QUIRE_DENIED;

    uint64_t at = start.value;
    uint64_t end = bytes > UINT64_MAX - at ? UINT64_MAX : at + bytes;
    bool complete = true;
    while (at < end) {
        size_t index = find_region(map, at);
        uint64_t stop = end;
        if (index == map->count || map->regions[index].start > at) {
            if (index < map->count && map->regions[index].start < end)
                stop = map->regions[index].start;
            complete &= fill_gap(map, index, (quire_memory_region_t){at, stop, kind});
        } else {
            if (map->regions[index].end < end)
                stop = map->regions[index].end;
            if (map->regions[index].kind < kind)
                complete &= cut_region(map, index, (quire_memory_region_t){at, stop, kind});
        }
        at = stop;
    }
    return complete ? QUIRE_OK : QUIRE_NO_MEMORY;
}
