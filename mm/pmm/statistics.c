/* SPDX-License-Identifier: MIT */
/*
 * statistics.c - what the PMM knows about itself.
 *
 * Nothing is counted while frames come and go; whoever asks pays. Free frames are the sum of the counters and of what
 * CPUs have claimed; frames by owner are found in the tags. The calling CPU first puts back what it has claimed (not
 * what it has filled with zeros), so that on one CPU all figures are exact; beside other CPUs at work they are of some
 * moment in between. Who asks is often looking for what went wrong, so a magazine that was overwritten is left as it
 * is; putting it back would panic.
 */
#include "pmm.h"

static unsigned largest_order(const quire_pmm_t *pmm)
{
    unsigned best = 0;

    for (size_t chunk = 0; chunk < pmm->chunk_count; chunk++) {
        uint32_t count = load_relaxed(&pmm->chunks[chunk]) & CHUNK_COUNT;
        unsigned order = 0;
        if (count == CHUNK_FRAMES) {
            bool pair = (load_relaxed(&pmm->chunks[chunk ^ 1]) & CHUNK_COUNT) == CHUNK_FRAMES;
            order = pair ? QUIRE_PMM_ORDER_MAX : CHUNK_ORDER;
        } else if (best < CHUNK_ORDER && count >= 2u << best) {
            order = quire_pmm_run_best(pmm, chunk);
        }
        best = order > best ? order : best;
    }
    return best;
}

static void count_owners(const quire_pmm_t *pmm, size_t chunk, quire_pmm_stats_t *stats)
{
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);
    size_t start = chunk << CHUNK_ORDER;
    size_t end = start + ((state & CHUNK_HUGE) ? 1 : CHUNK_FRAMES);

    if ((state & (CHUNK_ABSENT | CHUNK_TAIL)) || (state & CHUNK_COUNT) == CHUNK_FRAMES)
        return;
    for (size_t index = start; index < end; index++) {
        uint8_t tag = tag_of(pmm, index);
        unsigned code = tag & TAG_CODE;
        if (code != TAG_FREE && code != TAG_UNMANAGED && tag >> TAG_OWNER_SHIFT < QUIRE_OWNERS)
            stats->owner_frames[tag >> TAG_OWNER_SHIFT] += (size_t)1 << (code - 1);
    }
}

static void count_free(const quire_pmm_t *pmm, size_t chunk, size_t frames, quire_pmm_stats_t *stats)
{
    size_t huge = frames >> CHUNK_ORDER;

    stats->free_frames += frames;
    stats->free_huge_frames += huge;
    for (int zone = 0; zone < QUIRE_ZONES; zone++) {
        bool inside = chunk < pmm->zone_chunks[zone];
        stats->zone_free_frames[zone] += inside ? frames : 0;
        stats->zone_free_huge_frames[zone] += inside ? huge : 0;
    }
}

static void count_claimed(const quire_pmm_t *pmm, size_t chunk, size_t frames, unsigned cpu, quire_pmm_stats_t *stats)
{
    stats->claimed_frames += frames;
    stats->cpu_claimed_frames[cpu] += frames;
    count_free(pmm, chunk, frames, stats);
}

/* What CPUs have claimed is free as well. */
static void count_cpu_cache(const quire_pmm_t *pmm, unsigned cpu, quire_pmm_stats_t *stats)
{
    for (unsigned number = 0; number < MAGAZINES; number++) {
        const magazine_t *magazine = magazine_of(pmm, cpu, number);
        uint32_t count = load_relaxed(&magazine->count);
        /* A magazine that was overwritten: nothing is known of it. */
        count = count > MAGAZINE_FRAMES ? 0 : count;
        for (uint32_t at = 0; at < count; at++)
            count_claimed(pmm, load_relaxed(&magazine->entries[at]) >> CHUNK_ORDER, 1, cpu, stats);
        stats->zeroed_frames += number >= CLASSES ? count : 0;
        word_t mask = load_relaxed(&magazine->mask);
        if (mask != 0)
            count_claimed(pmm, load_relaxed(&magazine->base) >> CHUNK_ORDER, count_bits(mask), cpu, stats);
    }
}

static unsigned fragmentation(size_t free, size_t huge)
{
    size_t scattered = free - (huge << CHUNK_ORDER);

    if (free == 0)
        return 0;
    /* The product must fit into 32 bits there. */
    for (; scattered > SIZE_MAX / 1000; scattered >>= 1)
        free >>= 1;
    return (unsigned)(scattered * 1000 / free);
}

void quire_pmm_stats(const quire_pmm_t *pmm, quire_pmm_stats_t *stats)
{
    quire_pmm_cpu_cache_drain(pmm);
    *stats = (quire_pmm_stats_t){.total_frames = pmm->total_frames, .metadata_bytes = pmm->metadata_bytes};
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        stats->zone_total_frames[zone] = pmm->zone_total_frames[zone];
    for (size_t chunk = 0; chunk < pmm->chunk_count; chunk++) {
        uint32_t state = load_relaxed(&pmm->chunks[chunk]);
        /* What is being written is free, and counts once it is. */
        unsigned unwritten = count_bits((state & CHUNK_UNWRITTEN) >> CHUNK_UNWRITTEN_SHIFT) * PART_FRAMES;
        count_free(pmm, chunk, (state & CHUNK_COUNT) + unwritten, stats);
        count_owners(pmm, chunk, stats);
    }
    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++)
        count_cpu_cache(pmm, cpu, stats);
    /* Metadata that were overwritten may count more than there is. */
    if (stats->free_frames > stats->total_frames)
        stats->free_frames = stats->total_frames;
    stats->used_frames = stats->total_frames - stats->free_frames;
    stats->largest_free_order = largest_order(pmm);
    stats->fragmentation_per_thousand = fragmentation(stats->free_frames, stats->free_huge_frames);
}
