/* SPDX-License-Identifier: MIT */
/*
 * pmm_report.c - what the PMM knows about itself: statistics, the story of one frame, and the check of everything.
 *
 * Nothing here changes anything. The check recounts from the bitmap, which is the truth, and says in the log which rule
 * it found broken.
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

/* The first frame of the allocated block that `index` lies in; SIZE_MAX if it lies in none. */
static size_t find_head(const quire_pmm_t *pmm, size_t index)
{
    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        size_t head = index >> order << order;
        uint32_t record = record_read(pmm, head);
        if ((record & RECORD_HEAD) && head + ((size_t)1 << record_order(record)) > index)
            return head;
    }
    return SIZE_MAX;
}

quire_frame_info_t quire_pmm_frame_info(const quire_pmm_t *pmm, quire_frame_t frame)
{
    quire_frame_info_t info = {0};

    if (!covers(pmm, frame))
        return info;
    size_t index = frame.number - pmm->first_frame;
    uint32_t record = record_read(pmm, index);
    if (!(record & RECORD_MANAGED))
        return info;
    size_t head = find_head(pmm, index);
    info.managed = true;
    info.allocated = head != SIZE_MAX;
    info.owner = record_owner(info.allocated ? record_read(pmm, head) : record);
    if (head == index) {
        info.references = record & RECORD_REFERENCES;
        info.order = record_order(record);
    }
    return info;
}

/* The largest aligned free block that lies in one field, or -1. */
static int field_order(const quire_pmm_t *pmm, size_t field)
{
    int best = -1;

    for (size_t at = 0; at < FIELD_FRAMES; at++) {
        size_t index = field * FIELD_FRAMES + at;
        int order = 0;
        if (!bit_free(pmm, index))
            continue;
        while (order < FIELD_ORDER && (at & (((size_t)2 << order) - 1)) == 0) {
            size_t next = index + ((size_t)1 << order);
            size_t end = index + ((size_t)2 << order);
            while (next < end && bit_free(pmm, next))
                next++;
            if (next < end)
                break;
            order++;
        }
        best = order > best ? order : best;
    }
    return best;
}

static unsigned largest_order(const quire_pmm_t *pmm, size_t fields)
{
    int best = 0;

    for (size_t field = 0; field < fields; field++) {
        bool whole = pmm->field_free[field] == FIELD_FRAMES;
        if (whole && (field & 1) == 1 && pmm->field_free[field - 1] == FIELD_FRAMES)
            return QUIRE_PMM_ORDER_MAX;
        int order = whole ? FIELD_ORDER : best;
        if (!whole && best < FIELD_ORDER && pmm->field_free[field] > (1u << best))
            order = field_order(pmm, field);
        best = order > best ? order : best;
    }
    return (unsigned)best;
}

static size_t field_count(const quire_pmm_t *pmm)
{
    return (pmm->end_frame - pmm->first_frame + FIELD_FRAMES - 1) >> FIELD_ORDER;
}

void quire_pmm_stats(const quire_pmm_t *pmm, quire_pmm_stats_t *stats)
{
    size_t fields = field_count(pmm);

    *stats = (quire_pmm_stats_t){.total_frames = pmm->total_frames, .free_frames = pmm->free_frames};
    stats->used_frames = pmm->total_frames - pmm->free_frames;
    stats->metadata_bytes = pmm->metadata_bytes;
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        stats->zone_total_frames[zone] = pmm->zone_total_frames[zone];
    for (size_t field = 0; field < fields; field++) {
        stats->free_huge_frames += pmm->field_free[field] == FIELD_FRAMES;
        for (int zone = 0; zone < QUIRE_ZONES; zone++) {
            if (pmm->first_frame + (field << FIELD_ORDER) < zone_end((quire_zone_t)zone))
                stats->zone_free_frames[zone] += pmm->field_free[field];
        }
    }
    for (int owner = 0; owner < QUIRE_OWNERS; owner++)
        stats->owner_frames[owner] = pmm->owner_frames[owner];
    stats->largest_free_order = largest_order(pmm, fields);
}

void quire_pmm_bounds(const quire_pmm_t *pmm, quire_frame_t *first, quire_frame_t *end)
{
    *first = quire_frame(pmm->first_frame);
    *end = quire_frame(pmm->end_frame);
}

static quire_status_t broken(const char *rule)
{
    quire_port_log(QUIRE_LOG_ERROR, rule);
    return QUIRE_CORRUPT;
}

typedef struct census {
    size_t total;
    size_t free;
    size_t owners[QUIRE_OWNERS];
} census_t;

/* Recounts one field; the sentence of the broken rule, or NULL. */
static const char *count_field(const quire_pmm_t *pmm, size_t field, census_t *census)
{
    size_t before = census->free;
    size_t start = field << FIELD_ORDER;

    for (size_t index = start; index < start + FIELD_FRAMES; index++) {
        if (index >= pmm->end_frame - pmm->first_frame) {
            if (bit_free(pmm, index))
                return "pmm: a frame beyond the end of memory is free";
            continue;
        }
        uint32_t record = pmm->records[index];
        census->total += (record & RECORD_MANAGED) != 0;
        census->free += bit_free(pmm, index);
        if (bit_free(pmm, index) && (!(record & RECORD_MANAGED) || (record & RECORD_REFERENCES) != 0))
            return "pmm: a free frame is not managed or has references";
        bool inside = find_head(pmm, index) != SIZE_MAX;
        if ((record & RECORD_MANAGED) && bit_free(pmm, index) == inside)
            return "pmm: a frame is both free and in a block, or neither";
        if (record & RECORD_HEAD)
            census->owners[record_owner(record)] += (size_t)1 << record_order(record);
    }
    return census->free - before == pmm->field_free[field] ? NULL : "pmm: a field's counter is not its number of bits";
}

quire_status_t quire_pmm_check(const quire_pmm_t *pmm)
{
    census_t census = {0};

    for (size_t field = 0; field < field_count(pmm); field++) {
        const char *rule = count_field(pmm, field, &census);
        if (rule != NULL)
            return broken(rule);
    }
    if (census.free != pmm->free_frames || census.total != pmm->total_frames)
        return broken("pmm: the totals are not the sum of the frames");
    for (int owner = 0; owner < QUIRE_OWNERS; owner++) {
        if (census.owners[owner] != pmm->owner_frames[owner])
            return broken("pmm: an owner's count is not the sum of its blocks");
    }
    return QUIRE_OK;
}
