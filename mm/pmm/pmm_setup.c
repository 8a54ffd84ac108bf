/* SPDX-License-Identifier: MIT */
/*
 * pmm_setup.c - from the firmware's map to a PMM, and what joins it later.
 *
 * The metadata cover one unbroken range of frames, from the lowest usable one (rounded down to a block of the largest
 * order, so that alignment in the bitmap is alignment in memory) to the highest. Holes inside cost their metadata and
 * are marked as not managed; they can be added later.
 */
#include "pmm/pmm_private.h"

#include "string.h"

#define BLOCK_FRAMES ((size_t)1 << QUIRE_PMM_ORDER_MAX)

typedef struct layout {
    size_t first;
    size_t end;
    size_t fields;
    size_t bytes; /* 0: nothing usable */
} layout_t;

/* The usable frames of a region below the limit. */
static uint64_t usable_frames(const quire_memory_region_t *region, quire_pa_t limit, uint64_t *first)
{
    uint64_t top = limit.value >> QUIRE_PAGE_SHIFT;

    if (region->kind != QUIRE_MEMORY_USABLE)
        return 0;
    uint64_t frames = quire_memory_map_frames(region, first);
    if (frames == 0 || *first >= top)
        return 0;
    return *first + frames > top ? top - *first : frames;
}

static layout_t plan(const quire_memory_map_t *map, quire_pa_t limit)
{
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    layout_t layout = {0};

    for (size_t at = 0; at < map->count; at++) {
        uint64_t first = 0;
        uint64_t frames = usable_frames(&map->regions[at], limit, &first);
        if (frames == 0)
            continue;
        low = first < low ? first : low;
        high = first + frames > high ? first + frames : high;
    }
    if (high == 0)
        return layout;
    low &= ~(uint64_t)(BLOCK_FRAMES - 1);
    /* Metadata whose size cannot be counted cannot be had: what is too high is left out. */
    if (high - low > SIZE_MAX / 16)
        high = low + SIZE_MAX / 16;
    layout.first = (size_t)low;
    layout.end = (size_t)high;
    size_t covered = (size_t)((high - low + BLOCK_FRAMES - 1) & ~(uint64_t)(BLOCK_FRAMES - 1));
    layout.fields = covered >> FIELD_ORDER;
    layout.bytes = covered / 8 + layout.fields * sizeof(uint16_t) + (layout.end - layout.first) * sizeof(uint32_t);
    layout.bytes = (layout.bytes + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK;
    return layout;
}

size_t quire_pmm_metadata_bytes(const quire_memory_map_t *map, quire_pa_t limit)
{
    return plan(map, limit).bytes;
}

static void add_frame(quire_pmm_t *pmm, size_t index)
{
    pmm->records[index] |= RECORD_MANAGED;
    pmm_mark(pmm, index, 0, true);
    pmm->total_frames++;
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        pmm->zone_total_frames[zone] += pmm->first_frame + index < zone_end((quire_zone_t)zone);
}

quire_status_t quire_pmm_init(quire_pmm_t *pmm, quire_memory_map_t *map, quire_pa_t limit, void *metadata,
                              size_t metadata_bytes)
{
    layout_t layout = plan(map, limit);

    if (layout.bytes == 0 || metadata_bytes < layout.bytes || ((uintptr_t)metadata & QUIRE_PAGE_MASK) != 0)
        return QUIRE_INVALID;
    memset(metadata, 0, layout.bytes);
    *pmm = (quire_pmm_t){.first_frame = layout.first, .end_frame = layout.end, .metadata_bytes = layout.bytes};
    pmm->bitmap = metadata;
    pmm->records = (uint32_t *)(pmm->bitmap + layout.fields * FIELD_WORDS);
    pmm->field_free = (uint16_t *)(pmm->records + (layout.end - layout.first));
    for (size_t at = 0; at < map->count; at++) {
        uint64_t first = 0;
        uint64_t frames = usable_frames(&map->regions[at], limit, &first);
        for (uint64_t number = first; number < first + frames && number < layout.end; number++)
            add_frame(pmm, (size_t)number - layout.first);
    }
    map->sealed = true;
    return QUIRE_OK;
}

quire_status_t quire_pmm_add(quire_pmm_t *pmm, quire_pa_t start, uint64_t bytes)
{
    uint64_t end = bytes > UINT64_MAX - start.value ? UINT64_MAX : start.value + bytes;
    quire_memory_region_t region = {start.value, end, QUIRE_MEMORY_USABLE};
    uint64_t first = 0;
    quire_status_t status = QUIRE_OK;

    uint64_t frames = quire_memory_map_frames(&region, &first);
    if (frames == 0)
        return QUIRE_OK;
    if (first < pmm->first_frame || first + frames > pmm->end_frame)
        return QUIRE_INVALID;

    size_t index = (size_t)first - pmm->first_frame;
    quire_port_lock(&pmm->lock);
    for (size_t at = 0; at < frames && status == QUIRE_OK; at++) {
        if (pmm->records[index + at] & RECORD_MANAGED)
            status = QUIRE_EXISTS;
    }
    for (size_t at = 0; at < frames && status == QUIRE_OK; at++)
        add_frame(pmm, index + at);
    quire_port_unlock(&pmm->lock);
    return status;
}
