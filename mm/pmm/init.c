/* SPDX-License-Identifier: MIT */
/*
 * init.c - from the firmware's map to a PMM, and what joins it later.
 *
 * The metadata cover the frames that are RAM or can become it; bank.c finds the stretches of them. What is not usable
 * yet can be added later.
 *
 * Starting must not touch metadata in proportion to memory. A chunk that is usable as a whole is marked fresh: one
 * word. A chunk without any usable frame is marked absent: one word. Only chunks at the border of a region get their
 * bitmap and tags written here; a fresh one gets them when its first frame is taken.
 *
 * Layout of the metadata, each part aligned to a cache line: CPU caches, banks, bitmap, counters, hierarchical bitmaps,
 * tags, references.
 */
#include "pmm.h"

#include "string.h"

#define CPU_CACHE_BYTES (MAGAZINES * sizeof(magazine_t))
#define LINE_BYTES      ((size_t)64)
/* CPU caches take memory too: not more than so many bytes a frame on a small machine. */
#define CPU_CACHE_BYTES_A_FRAME 2

typedef struct layout {
    size_t banks_count;
    size_t end; /* indices, up to the last frame */
    size_t chunks;
    unsigned cpus;
    quire_pmm_shape_t shape;
    size_t banks; /* offsets in bytes */
    size_t frame_bits;
    size_t states;
    size_t bitmaps;
    size_t tags;
    size_t extra;
    size_t bytes; /* 0: nothing usable, or more than can be counted */
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

static bool any_usable(const quire_memory_map_t *map, quire_pa_t limit)
{
    for (size_t at = 0; at < map->count; at++) {
        uint64_t first;
        if (usable_frames(&map->regions[at], limit, &first) != 0)
            return true;
    }
    return false;
}

static bool count_banks(const quire_memory_map_t *map, quire_pa_t limit, layout_t *layout)
{
    pmm_survey_t survey;
    pmm_bank_t bank;
    pmm_found_t found;

    quire_pmm_survey_begin(&survey, map, limit);
    while ((found = quire_pmm_survey_next(&survey, &bank)) == PMM_FOUND_BANK) {
        layout->banks_count++;
        layout->end = bank.base + bank.frames;
    }
    if (found == PMM_FOUND_TOO_MUCH)
        quire_port_log(QUIRE_LOG_ERROR, "pmm: there is more RAM than can be counted here, or at higher addresses; "
                                        "a lower limit is needed");
    return found == PMM_FOUND_NONE && any_usable(map, limit);
}

static size_t place(size_t *offset, size_t bytes)
{
    size_t at = *offset;

    *offset += (bytes + LINE_BYTES - 1) & ~(LINE_BYTES - 1);
    return at;
}

static layout_t plan(const quire_memory_map_t *map, quire_pa_t limit)
{
    layout_t layout = {0};
    size_t offset = 0;

    if (!count_banks(map, limit, &layout))
        return layout;
    size_t covered = (layout.end + BLOCK_FRAMES - 1) & ~(BLOCK_FRAMES - 1);
    layout.chunks = covered >> CHUNK_ORDER;
    layout.cpus = 1;
    while (layout.cpus < QUIRE_PMM_CPUS && (layout.cpus + 1) * CPU_CACHE_BYTES <= covered * CPU_CACHE_BYTES_A_FRAME)
        layout.cpus++;
    (void)place(&offset, layout.cpus * CPU_CACHE_BYTES);
    layout.banks = place(&offset, layout.banks_count * sizeof(pmm_bank_t));
    layout.frame_bits = place(&offset, covered / 8);
    layout.states = place(&offset, layout.chunks * sizeof(uint32_t));
    layout.bitmaps = place(&offset, quire_pmm_bitmap_shape(&layout.shape, layout.chunks) * sizeof(word_t));
    layout.tags = place(&offset, covered);
    layout.extra = place(&offset, covered * sizeof(uint32_t));
    layout.bytes = (offset + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK;
    return layout;
}

size_t quire_pmm_metadata_bytes(const quire_memory_map_t *map, quire_pa_t limit)
{
    return plan(map, limit).bytes;
}

/* --- frames that become managed --- */

/* Writes the metadata of a chunk without managed frames. */
static void write_absent(const quire_pmm_t *pmm, size_t chunk)
{
    memset(pmm->tags + chunk * CHUNK_FRAMES, TAG_UNMANAGED, CHUNK_FRAMES);
    memset(pmm->extra + chunk * CHUNK_FRAMES, 0, CHUNK_FRAMES * sizeof(pmm->extra[0]));
    memset(pmm->frame_bits + chunk * CHUNK_WORDS, 0, CHUNK_FRAMES / 8);
    fetch_and(&pmm->chunks[chunk], ~CHUNK_ABSENT);
}

/* Whole chunks from `index` on that have no managed frame yet; returns how many frames it added. */
static size_t add_fresh(const quire_pmm_t *pmm, size_t index, size_t end)
{
    size_t low = index >> CHUNK_ORDER;
    size_t high = end >> CHUNK_ORDER;
    size_t at = low;

    if ((index & (CHUNK_FRAMES - 1)) != 0)
        return 0;
    while (at < high && (load_relaxed(&pmm->chunks[at]) & CHUNK_ABSENT))
        store_release(&pmm->chunks[at++], CHUNK_FRESH | CHUNK_FRAMES);
    if (at == low)
        return 0;
    quire_pmm_bitmap_fill(pmm, BITMAP_WHOLE, low, at, WORD_FULL);
    quire_pmm_bitmap_fill(pmm, BITMAP_PAIR, (low + 1) & ~(size_t)1, at & ~(size_t)1, WORD_FULL / 3);
    /* The ends may make pairs with chunks that were there before. */
    quire_pmm_chunk_whole(pmm, low, true);
    quire_pmm_chunk_whole(pmm, at - 1, true);
    return (at - low) << CHUNK_ORDER;
}

/* Frames [index, end) lie in one chunk. */
static void add_to_chunk(const quire_pmm_t *pmm, size_t index, size_t end)
{
    size_t chunk = index >> CHUNK_ORDER;
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);

    if (state & CHUNK_ABSENT) {
        write_absent(pmm, chunk);
        fetch_or(&pmm->chunks[chunk], class_for(pmm, chunk, QUIRE_LIFETIME_MOVABLE) << CHUNK_CLASS_SHIFT);
    }
    for (; index < end; index++) {
        store_relaxed(&pmm->tags[index], TAG_FREE);
        quire_pmm_chunk_put(pmm, index & ~(size_t)(WORD_FRAMES - 1), (word_t)1 << (index % WORD_FRAMES));
    }
}

static size_t count_below(size_t first, size_t end, size_t border)
{
    return first >= border ? 0 : (end < border ? end : border) - first;
}

/* Frames that follow each other in memory, too. */
static void add_frames(quire_pmm_t *pmm, size_t index, size_t end)
{
    size_t first = frame_number(pmm, index);

    pmm->total_frames += end - index;
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        pmm->zone_total_frames[zone] +=
            count_below(first, first + (end - index), quire_pmm_zone_end((quire_zone_t)zone));
    while (index < end) {
        size_t next = index + add_fresh(pmm, index, end);
        if (next == index) {
            next = (index | (CHUNK_FRAMES - 1)) + 1;
            next = next < end ? next : end;
            add_to_chunk(pmm, index, next);
        }
        index = next;
    }
}

size_t quire_pmm_zone_end(quire_zone_t zone)
{
    switch (zone) {
    case QUIRE_ZONE_BELOW_16M:
        return ((size_t)16 << 20) >> QUIRE_PAGE_SHIFT;
    case QUIRE_ZONE_BELOW_4G:
        return (size_t)1 << (32 - QUIRE_PAGE_SHIFT);
    case QUIRE_ZONE_ANY:
    case QUIRE_ZONES:
        break;
    }
    return SIZE_MAX;
}

/* --- starting --- */

static void write_banks(quire_pmm_t *pmm, const quire_memory_map_t *map, quire_pa_t limit)
{
    pmm_survey_t survey;
    pmm_bank_t bank;

    quire_pmm_survey_begin(&survey, map, limit);
    for (size_t at = 0; quire_pmm_survey_next(&survey, &bank) == PMM_FOUND_BANK; at++) {
        size_t end = bank.first + (survey.base - bank.base);
        pmm->banks[at] = bank;
        /* All chunks of lower banks are below the zone's end if one of this bank is. */
        for (int zone = 0; zone < QUIRE_ZONES; zone++)
            pmm->zone_chunks[zone] +=
                count_below(bank.first, end, quire_pmm_zone_end((quire_zone_t)zone)) >> CHUNK_ORDER;
    }
    pmm->first_frame = pmm->banks[0].first;
    pmm->near_frames = pmm->banks[0].frames;
}

static void lay_out(quire_pmm_t *pmm, const layout_t *layout, unsigned char *metadata)
{
    *pmm = (quire_pmm_t){
        .magazines = (magazine_t *)metadata,
        .cpu_count = layout->cpus,
        .banks = (pmm_bank_t *)(metadata + layout->banks),
        .bank_count = layout->banks_count,
        .frame_count = layout->end,
        .frame_bits = (word_t *)(metadata + layout->frame_bits),
        .chunks = (uint32_t *)(metadata + layout->states),
        .bitmaps = (word_t *)(metadata + layout->bitmaps),
        .tags = metadata + layout->tags,
        .extra = (uint32_t *)(metadata + layout->extra),
        .shape = layout->shape,
        .chunk_count = layout->chunks,
        .stride = layout->chunks / layout->cpus,
        .metadata_bytes = layout->bytes,
    };
    for (unsigned cpu = 0; cpu < layout->cpus; cpu++)
        quire_pmm_cpu_cache_init(pmm, cpu);
    for (size_t chunk = 0; chunk < layout->chunks; chunk++)
        pmm->chunks[chunk] = CHUNK_ABSENT;
    memset(pmm->bitmaps, 0, layout->tags - layout->bitmaps);
}

quire_status_t quire_pmm_init(quire_pmm_t *pmm, quire_memory_map_t *map, quire_pa_t limit, void *metadata,
                              size_t metadata_bytes)
{
    layout_t layout = plan(map, limit);

    if (layout.bytes == 0 || metadata_bytes < layout.bytes || ((uintptr_t)metadata & QUIRE_PAGE_MASK) != 0)
        return QUIRE_INVALID;
    lay_out(pmm, &layout, metadata);
    write_banks(pmm, map, limit);
    for (size_t at = 0; at < map->count; at++) {
        uint64_t first = 0;
        uint64_t frames = usable_frames(&map->regions[at], limit, &first);
        if (frames == 0)
            continue;
        size_t index = frame_index(pmm, quire_frame((size_t)first));
        add_frames(pmm, index, index + (size_t)frames);
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
    size_t index = first > SIZE_MAX ? NONE : frame_index(pmm, quire_frame((size_t)first));
    if (index == NONE || frames > quire_pmm_bank_rest(pmm, index))
        return QUIRE_INVALID;

    quire_port_lock(&pmm->lock);
    for (size_t at = 0; at < frames && status == QUIRE_OK; at++) {
        if ((tag_of(pmm, index + at) & TAG_CODE) != TAG_UNMANAGED)
            status = QUIRE_EXISTS;
    }
    if (status == QUIRE_OK)
        add_frames(pmm, index, index + (size_t)frames);
    quire_port_unlock(&pmm->lock);
    return status;
}

void quire_pmm_set_shrinker(quire_pmm_t *pmm, quire_pmm_shrinker_t shrinker, void *context)
{
    pmm->shrinker = shrinker;
    pmm->shrinker_context = context;
}
