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

/* Sets `count` records that are all zero to "managed": each copy doubles what is done, so that no loop runs over
 * frames.
 */
static void mark_managed(uint32_t *records, size_t count)
{
    records[0] = RECORD_MANAGED;
    for (size_t done = 1; done < count; done *= 2)
        memcpy(records + done, records, (done < count - done ? done : count - done) * sizeof(*records));
}

/* Sets bits [index, index + count), which are clear: whole words at once, and what is left at the two ends. */
static void set_bits(uint64_t *bitmap, size_t index, size_t count)
{
    size_t end = index + count;
    size_t first = (index + WORD_FRAMES - 1) / WORD_FRAMES;
    size_t last = end / WORD_FRAMES;
    uint64_t below_index = ((uint64_t)1 << (index % WORD_FRAMES)) - 1;
    uint64_t below_end = ((uint64_t)1 << (end % WORD_FRAMES)) - 1;

    if (first > last) {
        bitmap[last] |= below_end & ~below_index;
        return;
    }
    if (below_index != 0)
        bitmap[first - 1] |= ~below_index;
    memset(bitmap + first, 0xff, (last - first) * sizeof(*bitmap));
    if (below_end != 0)
        bitmap[last] |= below_end;
}

/* The part of [start, start + count) that lies below `end`. */
static size_t count_below(size_t start, size_t count, size_t end)
{
    if (start >= end)
        return 0;
    return count < end - start ? count : end - start;
}

/* Makes frames that were not managed free ones; count is not 0. */
static void add_frames(quire_pmm_t *pmm, size_t index, size_t count)
{
    mark_managed(&pmm->records[index], count);
    set_bits(pmm->bitmap, index, count);
    for (size_t at = index, left = count; left > 0;) {
        size_t part = count_below(at, left, (at | (FIELD_FRAMES - 1)) + 1);

        pmm->field_free[at >> FIELD_ORDER] = (uint16_t)(pmm->field_free[at >> FIELD_ORDER] + part);
        at += part;
        left -= part;
    }
    pmm->total_frames += count;
    pmm->free_frames += count;
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        pmm->zone_total_frames[zone] += count_below(pmm->first_frame + index, count, zone_end((quire_zone_t)zone));
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
        if (frames == 0 || first >= layout.end)
            continue;
        size_t count = (size_t)(frames < layout.end - first ? frames : layout.end - first);
        add_frames(pmm, (size_t)first - layout.first, count);
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
    if (status == QUIRE_OK)
        add_frames(pmm, index, (size_t)frames);
    quire_port_unlock(&pmm->lock);
    return status;
}
