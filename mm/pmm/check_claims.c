/* SPDX-License-Identifier: MIT */
/*
 * check_claims.c - are the magazines such as they can be, and is every frame that is claimed in exactly one of them?
 *
 * Part of quire_pmm_check(); how the two sides are compared is told in check.c. The calling CPU's magazines are
 * judged as they are: putting their contents back first would write what may be corrupt into the bitmap.
 */
#include "pmm.h"

static bool unsound(const char *rule)
{
    quire_port_log(QUIRE_LOG_ERROR, rule);
    return false;
}

static bool knows_chunk(const quire_pmm_t *pmm, unsigned number, uint32_t chunk)
{
    if (chunk == CHUNK_NONE)
        return true;
    /* The first pool's tells only whether there may be something in the pools. */
    return number < CLASSES ? chunk < pmm->chunk_count : number == CLASSES && chunk == 0;
}

static bool is_sound(const quire_pmm_t *pmm, unsigned cpu, unsigned number)
{
    const magazine_t *magazine = magazine_of(pmm, cpu, number);
    bool low = number == CLASS_LOW;
    uint32_t floor = low ? SHUT : 0;
    uint32_t limit = low ? 0 : MAGAZINE_FRAMES;

    if (load_relaxed(&magazine->inside) != 0)
        return unsound("pmm: a CPU is in the middle of a change, or its magazine was overwritten");
    if (load_relaxed(&magazine->count) > limit)
        return unsound("pmm: a CPU's magazine holds more than it has room for");
    if (load_relaxed(&magazine->floor) != floor || load_relaxed(&magazine->limit) != limit)
        return unsound("pmm: a CPU's magazine is shut, and nobody is taking it back");
    if (!knows_chunk(pmm, number, load_relaxed(&magazine->chunk)))
        return unsound("pmm: a CPU claims from a chunk that there is not");
    if (load_relaxed(&magazine->mask) != 0 && (load_relaxed(&magazine->base) & (WORD_FRAMES - 1)) != 0)
        return unsound("pmm: a CPU has claimed a word that there is not");
    return true;
}

bool quire_pmm_cpu_caches_are_sound(const quire_pmm_t *pmm)
{
    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++) {
        for (unsigned number = 0; number < MAGAZINES; number++) {
            if (!is_sound(pmm, cpu, number))
                return false;
        }
    }
    return true;
}

/* Free, though its bit says otherwise. */
static bool is_claimed(const quire_pmm_t *pmm, size_t index)
{
    if (index >= pmm->frame_count || (tag_of(pmm, index) & TAG_CODE) != TAG_FREE)
        return false;
    if (load_relaxed(&pmm->chunks[index >> CHUNK_ORDER]) & CHUNK_SPECIAL)
        return false;
    return !(load_relaxed(pmm->frame_bits + index / WORD_FRAMES) >> (index % WORD_FRAMES) & 1) &&
           quire_pmm_block_start(pmm, index) == NONE;
}

/* Counts a frame that a magazine holds; false: it cannot hold that. */
static bool count_one(const quire_pmm_t *pmm, size_t index, size_t *claimed, uint32_t *marks)
{
    if (!is_claimed(pmm, index)) {
        quire_pmm_report(pmm, index, "is claimed by a CPU and is not free", false);
        return false;
    }
    ++*claimed;
    *marks += claim_mark(index);
    return true;
}

static bool count_magazine(const quire_pmm_t *pmm, const magazine_t *magazine, size_t *claimed, uint32_t *marks)
{
    size_t base = load_relaxed(&magazine->base);

    for (uint32_t count = load_relaxed(&magazine->count); count > 0; count--) {
        if (!count_one(pmm, load_relaxed(&magazine->entries[count - 1]), claimed, marks))
            return false;
    }
    for (word_t mask = load_relaxed(&magazine->mask); mask != 0; mask &= mask - 1) {
        if (!count_one(pmm, base + lowest_bit(mask), claimed, marks))
            return false;
    }
    return true;
}

/* How often a frame is in a magazine. */
static unsigned holds(const magazine_t *magazine, size_t index)
{
    size_t offset = index - load_relaxed(&magazine->base);
    unsigned times = 0;

    for (uint32_t count = load_relaxed(&magazine->count); count > 0; count--)
        times += load_relaxed(&magazine->entries[count - 1]) == index;
    return times + (offset < WORD_FRAMES && (load_relaxed(&magazine->mask) >> offset & 1));
}

bool quire_pmm_may_go_back(const quire_pmm_t *pmm, const magazine_t *magazine)
{
    uint32_t count = load_relaxed(&magazine->count);
    size_t base = load_relaxed(&magazine->base);

    if (count > MAGAZINE_FRAMES || (base & (WORD_FRAMES - 1)) != 0)
        return false;
    for (word_t mask = load_relaxed(&magazine->mask); mask != 0; mask &= mask - 1) {
        size_t index = base + lowest_bit(mask);
        if (index < base || !is_claimed(pmm, index) || holds(magazine, index) != 1)
            return false;
    }
    while (count-- > 0) {
        size_t index = load_relaxed(&magazine->entries[count]);
        if (!is_claimed(pmm, index) || holds(magazine, index) != 1)
            return false;
    }
    return true;
}

/* Names a frame that no magazine holds, or more than one. */
static bool name_one(const quire_pmm_t *pmm, size_t index)
{
    unsigned times = 0;

    if (!is_claimed(pmm, index))
        return false;
    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++) {
        for (unsigned number = 0; number < MAGAZINES; number++)
            times += holds(magazine_of(pmm, cpu, number), index);
    }
    if (times != 1)
        quire_pmm_report(pmm, index, times == 0 ? "is neither in use nor anywhere to be found" : "is claimed twice",
                         false);
    return times != 1;
}

bool quire_pmm_claims_match(const quire_pmm_t *pmm, size_t expected, uint32_t expected_marks)
{
    size_t claimed = 0;
    uint32_t marks = 0;

    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++) {
        for (unsigned number = 0; number < MAGAZINES; number++) {
            if (!count_magazine(pmm, magazine_of(pmm, cpu, number), &claimed, &marks))
                return false;
        }
    }
    if (claimed == expected && marks == expected_marks)
        return true;
    for (size_t index = 0; index < pmm->frame_count; index++) {
        if (name_one(pmm, index))
            return false;
    }
    return unsound("pmm: frames have been lost, or are claimed twice");
}
