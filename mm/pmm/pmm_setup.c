/* SPDX-License-Identifier: MIT */
/*
 * pmm_setup.c - from the firmware's map to a PMM, and what joins it later.
 *
 * The metadata cover the frames that are RAM or can become it; bank.c finds the stretches of them. What is not usable
 * yet can be added later.
 *
 * Starting must not touch metadata in proportion to memory. A field that is usable as a whole is marked fresh: one
 * word. A field without any usable frame is marked absent: one word. Only fields at the border of a region get their
 * bitmap and tags written here; a fresh one gets them when its first frame is taken.
 *
 * Layout of the metadata, each part aligned to a cache line: slots, banks, bitmap, counters, trees, tags, references.
 */
#include "pmm/pmm_private.h"

#include "string.h"

#define SLOT_BYTES (MAGAZINES * sizeof(magazine_t))
#define LINE_BYTES ((size_t)64)
/* Slots take memory too: not more than so many bytes a frame on a small machine. */
#define SLOT_BYTES_A_FRAME 2

typedef struct layout {
    size_t banks_count;
    size_t end; /* indices, up to the last frame */
    size_t fields;
    unsigned slots;
    quire_pmm_shape_t shape;
    size_t banks; /* offsets in bytes */
    size_t bitmap;
    size_t states;
    size_t trees;
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

    pmm_survey_begin(&survey, map, limit);
    while ((found = pmm_survey_next(&survey, &bank)) == PMM_FOUND_BANK) {
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
    layout.fields = covered >> FIELD_ORDER;
    layout.slots = 1;
    while (layout.slots < QUIRE_PMM_CPUS && (layout.slots + 1) * SLOT_BYTES <= covered * SLOT_BYTES_A_FRAME)
        layout.slots++;
    (void)place(&offset, layout.slots * SLOT_BYTES);
    layout.banks = place(&offset, layout.banks_count * sizeof(pmm_bank_t));
    layout.bitmap = place(&offset, covered / 8);
    layout.states = place(&offset, layout.fields * sizeof(uint32_t));
    layout.trees = place(&offset, pmm_tree_shape(&layout.shape, layout.fields) * sizeof(word_t));
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

/* Writes the metadata of a field without managed frames. */
static void write_absent(const quire_pmm_t *pmm, size_t field)
{
    memset(pmm->tags + field * FIELD_FRAMES, TAG_UNMANAGED, FIELD_FRAMES);
    memset(pmm->extra + field * FIELD_FRAMES, 0, FIELD_FRAMES * sizeof(pmm->extra[0]));
    memset(pmm->bitmap + field * FIELD_WORDS, 0, FIELD_FRAMES / 8);
    fetch_and(&pmm->fields[field], ~FIELD_ABSENT);
}

/* Whole fields from `index` on that have no managed frame yet; returns how many frames it added. */
static size_t add_fresh(const quire_pmm_t *pmm, size_t index, size_t end)
{
    size_t low = index >> FIELD_ORDER;
    size_t high = end >> FIELD_ORDER;
    size_t at = low;

    if ((index & (FIELD_FRAMES - 1)) != 0)
        return 0;
    while (at < high && (load_relaxed(&pmm->fields[at]) & FIELD_ABSENT))
        store_release(&pmm->fields[at++], FIELD_FRESH | FIELD_FRAMES);
    if (at == low)
        return 0;
    pmm_tree_fill(pmm, TREE_WHOLE, low, at, WORD_FULL);
    pmm_tree_fill(pmm, TREE_PAIR, (low + 1) & ~(size_t)1, at & ~(size_t)1, WORD_FULL / 3);
    /* The ends may make pairs with fields that were there before. */
    pmm_field_whole(pmm, low, true);
    pmm_field_whole(pmm, at - 1, true);
    return (at - low) << FIELD_ORDER;
}

/* Frames [index, end) lie in one field. */
static void add_to_field(const quire_pmm_t *pmm, size_t index, size_t end)
{
    size_t field = index >> FIELD_ORDER;
    uint32_t state = load_relaxed(&pmm->fields[field]);

    if (state & FIELD_ABSENT) {
        write_absent(pmm, field);
        fetch_or(&pmm->fields[field], class_for(pmm, field, QUIRE_LIFETIME_MOVABLE) << FIELD_CLASS_SHIFT);
    }
    for (; index < end; index++) {
        store_relaxed(&pmm->tags[index], TAG_FREE);
        pmm_field_put(pmm, index & ~(size_t)(WORD_FRAMES - 1), (word_t)1 << (index % WORD_FRAMES));
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
        pmm->zone_total_frames[zone] += count_below(first, first + (end - index), pmm_zone_end((quire_zone_t)zone));
    while (index < end) {
        size_t next = index + add_fresh(pmm, index, end);
        if (next == index) {
            next = (index | (FIELD_FRAMES - 1)) + 1;
            next = next < end ? next : end;
            add_to_field(pmm, index, next);
        }
        index = next;
    }
}

size_t pmm_zone_end(quire_zone_t zone)
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

    pmm_survey_begin(&survey, map, limit);
    for (size_t at = 0; pmm_survey_next(&survey, &bank) == PMM_FOUND_BANK; at++) {
        size_t end = bank.first + (survey.base - bank.base);
        pmm->banks[at] = bank;
        /* All fields of lower banks are below the zone's end if one of this bank is. */
        for (int zone = 0; zone < QUIRE_ZONES; zone++)
            pmm->zone_fields[zone] += count_below(bank.first, end, pmm_zone_end((quire_zone_t)zone)) >> FIELD_ORDER;
    }
    pmm->first_frame = pmm->banks[0].first;
    pmm->near_frames = pmm->banks[0].frames;
}

static void lay_out(quire_pmm_t *pmm, const layout_t *layout, unsigned char *metadata)
{
    *pmm = (quire_pmm_t){
        .magazines = (magazine_t *)metadata,
        .slot_count = layout->slots,
        .banks = (pmm_bank_t *)(metadata + layout->banks),
        .bank_count = layout->banks_count,
        .frame_count = layout->end,
        .bitmap = (word_t *)(metadata + layout->bitmap),
        .fields = (uint32_t *)(metadata + layout->states),
        .trees = (word_t *)(metadata + layout->trees),
        .tags = metadata + layout->tags,
        .extra = (uint32_t *)(metadata + layout->extra),
        .shape = layout->shape,
        .field_count = layout->fields,
        .stride = layout->fields / layout->slots,
        .metadata_bytes = layout->bytes,
    };
    for (unsigned cpu = 0; cpu < layout->slots; cpu++)
        pmm_slot_init(pmm, cpu);
    for (size_t field = 0; field < layout->fields; field++)
        pmm->fields[field] = FIELD_ABSENT;
    memset(pmm->trees, 0, layout->tags - layout->trees);
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
    if (index == NONE || frames > pmm_bank_rest(pmm, index))
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
