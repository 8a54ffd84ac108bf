/* SPDX-License-Identifier: MIT */
/*
 * bank.c - which frames the metadata cover: stretches of RAM, however far apart, counted through by one index.
 *
 * Problem: RAM has holes. A machine may have a gibibyte at 0 and the next at 20 TiB; metadata for all between would be
 * larger than either.
 *
 * Idea: metadata are laid out by an *index* that counts the frames of banks, in order of address. A bank is a stretch
 * of the map that holds RAM: what is usable, and what can become so (boot information, modules, ACPI tables), since
 * quire_pmm_add() wants room for it. Each bank begins, in memory and in the index, at a multiple of the largest block,
 * so that alignment in the bitmap is alignment in memory, and no chunk, no pair of chunks and no block crosses a
 * border. Because the order is that of addresses, the frames below a zone's end are those below an index.
 *
 * The way from a frame's number to its index and back is one subtraction in the first bank, and the test whether it is
 * the first takes the place of the test whether there is such a frame at all: so a machine with one bank pays nothing.
 * The others are found by bisection. So that an ordinary machine has one, a hole is covered like RAM as long as all
 * holes so covered are together no larger than the RAM is, nor than 4 GiB: a PC's devices lie in such a hole, below 4
 * GiB. That costs at most 5 MiB, and never more than the RAM's own metadata.
 *
 * The map's usable regions shrink when the metadata are taken out of them; the sum of all RAM does not. So the plan is
 * the same before and after.
 *
 * Rejected: a table of offsets by gibibyte (a dependent load in every call, and a page of table for each TiB); a bank
 * for each region (nearly every machine would have several, and none of them large).
 */
#include "pmm.h"

#define BRIDGES_MIN ((uint64_t)4 * BLOCK_FRAMES)    /* 16 MiB: what costs next to nothing is always covered */
#define BRIDGES_MAX ((uint64_t)1024 * BLOCK_FRAMES) /* 4 GiB */

static size_t block_up(size_t frames)
{
    return (frames + BLOCK_FRAMES - 1) & ~(BLOCK_FRAMES - 1);
}

/* Kinds that are RAM, and not the firmware's for good. */
static bool is_ram(quire_memory_kind_t kind)
{
    return kind >= QUIRE_MEMORY_USABLE && kind <= QUIRE_MEMORY_METADATA;
}

/* The frames of a region below the limit, if it is RAM. */
static uint64_t ram_frames(const quire_memory_region_t *region, uint64_t top, uint64_t *first)
{
    const quire_memory_region_t as_usable = {region->start, region->end, QUIRE_MEMORY_USABLE};

    if (!is_ram(region->kind))
        return 0;
    uint64_t frames = quire_memory_map_frames(&as_usable, first);
    if (frames == 0 || *first >= top)
        return 0;
    return *first + frames > top ? top - *first : frames;
}

void quire_pmm_survey_begin(pmm_survey_t *survey, const quire_memory_map_t *map, quire_pa_t limit)
{
    uint64_t first;

    *survey = (pmm_survey_t){.map = map, .top = limit.value >> QUIRE_PAGE_SHIFT};
    for (size_t at = 0; at < map->count; at++)
        survey->bridges += ram_frames(&map->regions[at], survey->top, &first);
    if (survey->bridges < BRIDGES_MIN)
        survey->bridges = BRIDGES_MIN;
    if (survey->bridges > BRIDGES_MAX)
        survey->bridges = BRIDGES_MAX;
}

/* The first RAM from `survey->at` on. */
static bool next_ram(pmm_survey_t *survey, uint64_t *first, uint64_t *end)
{
    for (; survey->at < survey->map->count; survey->at++) {
        uint64_t frames = ram_frames(&survey->map->regions[survey->at], survey->top, first);
        if (frames == 0)
            continue;
        *end = *first + frames;
        return true;
    }
    return false;
}

pmm_found_t quire_pmm_survey_next(pmm_survey_t *survey, pmm_bank_t *bank)
{
    const uint64_t mask = BLOCK_FRAMES - 1;
    uint64_t start;
    uint64_t end;
    uint64_t first;
    uint64_t next;

    if (!next_ram(survey, &start, &next))
        return PMM_FOUND_NONE;
    start &= ~mask;
    do {
        end = next;
        survey->at++;
        if (!next_ram(survey, &first, &next))
            break;
        uint64_t hole = (first | mask) > (end | mask) ? (first & ~mask) - ((end + mask) & ~mask) : 0;
        if (hole > survey->bridges)
            break;
        survey->bridges -= hole;
    } while (true);
    if (end > SIZE_MAX - mask || end - start > FRAMES_MAX - survey->base)
        return PMM_FOUND_TOO_MUCH;
    *bank = (pmm_bank_t){.first = (size_t)start, .base = survey->base, .frames = (size_t)(end - start)};
    survey->base += block_up(bank->frames);
    return PMM_FOUND_BANK;
}

/* The last bank that begins at or before an index. */
static const pmm_bank_t *bank_at(const quire_pmm_t *pmm, size_t index)
{
    size_t low = 0;
    size_t high = pmm->bank_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (pmm->banks[middle].base <= index)
            low = middle;
        else
            high = middle;
    }
    return &pmm->banks[low];
}

size_t quire_pmm_bank_number(const quire_pmm_t *pmm, size_t index)
{
    const pmm_bank_t *bank = bank_at(pmm, index);

    return bank->first + (index - bank->base);
}

size_t quire_pmm_bank_index(const quire_pmm_t *pmm, size_t number)
{
    size_t low = 0;
    size_t high = pmm->bank_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const pmm_bank_t *bank = &pmm->banks[middle];
        if (number < bank->first)
            high = middle;
        else if (number - bank->first < bank->frames)
            return bank->base + (number - bank->first);
        else
            low = middle + 1;
    }
    return NONE;
}

size_t quire_pmm_bank_rest(const quire_pmm_t *pmm, size_t index)
{
    const pmm_bank_t *bank = bank_at(pmm, index);
    size_t offset = index - bank->base;

    return offset < bank->frames ? bank->frames - offset : 0;
}

void quire_pmm_bounds(const quire_pmm_t *pmm, quire_frame_t *first, quire_frame_t *end)
{
    const pmm_bank_t *last = &pmm->banks[pmm->bank_count - 1];

    *first = quire_frame(pmm->banks[0].first);
    *end = quire_frame(last->first + last->frames);
}
