/* SPDX-License-Identifier: MIT */
/*
 * pmm_report.c - what the PMM knows about itself: statistics, and the story of one frame.
 *
 * Nothing is counted while frames come and go; whoever asks pays. Free frames are the sum of the counters and of what
 * CPUs have claimed; frames by owner are found in the tags. The calling CPU first puts back what it has claimed (not
 * what it has filled with zeros), so that on one CPU all figures are exact; beside other CPUs at work they are of some
 * moment in between. Who asks is often looking for what went wrong, so a magazine that was overwritten is left as it
 * is; putting it back would panic.
 */
#include "pmm/pmm_private.h"

const char *quire_owner_name(quire_owner_t owner)
{
    switch (owner) {
    case QUIRE_OWNER_NONE:
        return "none";
    case QUIRE_OWNER_KERNEL:
        return "kernel";
    case QUIRE_OWNER_TABLE:
        return "page table";
    case QUIRE_OWNER_USER:
        return "user";
    case QUIRE_OWNER_HEAP:
        return "heap";
    case QUIRE_OWNER_DEVICE:
        return "device";
    case QUIRE_OWNER_TEST:
        return "test";
    case QUIRE_OWNERS:
        break;
    }
    return "unknown";
}

size_t pmm_block_start(const quire_pmm_t *pmm, size_t index)
{
    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        size_t start = index >> order << order;
        unsigned code = tag_of(pmm, start) & TAG_CODE;
        if (code != TAG_FREE && code != TAG_UNMANAGED && start + ((size_t)1 << (code - 1)) > index)
            return start;
    }
    return NONE;
}

quire_frame_info_t quire_pmm_frame_info(const quire_pmm_t *pmm, quire_frame_t frame)
{
    quire_frame_info_t info = {0};

    size_t index = frame_index(pmm, frame);
    if (index == NONE)
        return info;
    uint8_t tag = tag_of(pmm, index);
    if ((tag & TAG_CODE) == TAG_UNMANAGED)
        return info;
    size_t start = pmm_block_start(pmm, index);
    info.managed = true;
    info.allocated = start != NONE;
    info.owner = (quire_owner_t)((info.allocated ? tag_of(pmm, start) : tag) >> TAG_OWNER_SHIFT);
    if (start == index) {
        info.references = quire_pmm_references(pmm, frame);
        info.order = (tag & TAG_CODE) - 1u;
    }
    return info;
}

static unsigned largest_order(const quire_pmm_t *pmm)
{
    unsigned best = 0;

    for (size_t field = 0; field < pmm->field_count; field++) {
        uint32_t count = load_relaxed(&pmm->fields[field]) & FIELD_COUNT;
        unsigned order = 0;
        if (count == FIELD_FRAMES) {
            bool pair = (load_relaxed(&pmm->fields[field ^ 1]) & FIELD_COUNT) == FIELD_FRAMES;
            order = pair ? QUIRE_PMM_ORDER_MAX : FIELD_ORDER;
        } else if (best < FIELD_ORDER && count >= 2u << best) {
            order = pmm_run_best(pmm, field);
        }
        best = order > best ? order : best;
    }
    return best;
}

static void count_owners(const quire_pmm_t *pmm, size_t field, quire_pmm_stats_t *stats)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);
    size_t start = field << FIELD_ORDER;
    size_t end = start + ((state & FIELD_HUGE) ? 1 : FIELD_FRAMES);

    if ((state & (FIELD_ABSENT | FIELD_TAIL)) || (state & FIELD_COUNT) == FIELD_FRAMES)
        return;
    for (size_t index = start; index < end; index++) {
        uint8_t tag = tag_of(pmm, index);
        unsigned code = tag & TAG_CODE;
        if (code != TAG_FREE && code != TAG_UNMANAGED && tag >> TAG_OWNER_SHIFT < QUIRE_OWNERS)
            stats->owner_frames[tag >> TAG_OWNER_SHIFT] += (size_t)1 << (code - 1);
    }
}

static void count_free(const quire_pmm_t *pmm, size_t field, size_t frames, quire_pmm_stats_t *stats)
{
    size_t huge = frames >> FIELD_ORDER;

    stats->free_frames += frames;
    stats->free_huge_frames += huge;
    for (int zone = 0; zone < QUIRE_ZONES; zone++) {
        bool inside = field < pmm->zone_fields[zone];
        stats->zone_free_frames[zone] += inside ? frames : 0;
        stats->zone_free_huge_frames[zone] += inside ? huge : 0;
    }
}

static void count_claimed(const quire_pmm_t *pmm, size_t field, size_t frames, unsigned cpu, quire_pmm_stats_t *stats)
{
    stats->claimed_frames += frames;
    stats->cpu_claimed_frames[cpu] += frames;
    count_free(pmm, field, frames, stats);
}

/* What CPUs have claimed is free as well. */
static void count_slot(const quire_pmm_t *pmm, unsigned cpu, quire_pmm_stats_t *stats)
{
    for (unsigned number = 0; number < MAGAZINES; number++) {
        const magazine_t *magazine = magazine_of(pmm, cpu, number);
        uint32_t count = load_relaxed(&magazine->count);
        /* A magazine that was overwritten: nothing is known of it. */
        count = count > MAGAZINE_FRAMES ? 0 : count;
        for (uint32_t at = 0; at < count; at++)
            count_claimed(pmm, load_relaxed(&magazine->entries[at]) >> FIELD_ORDER, 1, cpu, stats);
        stats->zeroed_frames += number >= CLASSES ? count : 0;
        word_t mask = load_relaxed(&magazine->mask);
        if (mask != 0)
            count_claimed(pmm, load_relaxed(&magazine->base) >> FIELD_ORDER, count_bits(mask), cpu, stats);
    }
}

static unsigned fragmentation(size_t free, size_t huge)
{
    size_t scattered = free - (huge << FIELD_ORDER);

    if (free == 0)
        return 0;
    /* The product must fit into 32 bits there. */
    for (; scattered > SIZE_MAX / 1000; scattered >>= 1)
        free >>= 1;
    return (unsigned)(scattered * 1000 / free);
}

void quire_pmm_stats(const quire_pmm_t *pmm, quire_pmm_stats_t *stats)
{
    pmm_slot_drain(pmm);
    *stats = (quire_pmm_stats_t){.total_frames = pmm->total_frames, .metadata_bytes = pmm->metadata_bytes};
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        stats->zone_total_frames[zone] = pmm->zone_total_frames[zone];
    for (size_t field = 0; field < pmm->field_count; field++) {
        uint32_t state = load_relaxed(&pmm->fields[field]);
        /* What is being written is free, and counts once it is. */
        unsigned unwritten = count_bits((state & FIELD_UNWRITTEN) >> FIELD_UNWRITTEN_SHIFT) * UNIT_FRAMES;
        count_free(pmm, field, (state & FIELD_COUNT) + unwritten, stats);
        count_owners(pmm, field, stats);
    }
    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++)
        count_slot(pmm, cpu, stats);
    /* Metadata that were overwritten may count more than there is. */
    if (stats->free_frames > stats->total_frames)
        stats->free_frames = stats->total_frames;
    stats->used_frames = stats->total_frames - stats->free_frames;
    stats->largest_free_order = largest_order(pmm);
    stats->fragmentation_per_thousand = fragmentation(stats->free_frames, stats->free_huge_frames);
}
