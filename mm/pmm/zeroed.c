/* SPDX-License-Identifier: MIT */
/*
 * zeroed.c - frames filled with zeros ahead of need.
 *
 * Problem: most of what a page fault costs is filling its frame with zeros, and most CPUs are idle most of the time.
 *
 * Idea: an idle CPU claims a word of frames, fills them one at a time, and keeps them in magazines of their own, the
 * pools. They are claimed frames like any others (slot.c): free, counted as free, taken back when memory is short. One
 * call fills one frame, so that an idle CPU that is woken is not kept waiting.
 *
 * Only words with many free frames are claimed: where memory is so short that it comes in single frames, nothing is
 * hoarded. Only frames for QUIRE_LIFETIME_MOVABLE are kept, because pages of processes are what is wanted zeroed.
 *
 * Rejected: one pool for all CPUs (a locked operation for each frame); linking the frames through their first words (a
 * window for each, and the word must be zeroed again).
 */
#include "pmm/slot.h"

size_t pmm_zeroed_take(const quire_pmm_t *pmm)
{
    unsigned cpu = quire_port_cpu();
    magazine_t *first = magazine_of(pmm, cpu, CLASSES);

    if (cpu >= pmm->slot_count || load_relaxed(&first->field) == FIELD_NONE)
        return NONE;
    for (unsigned pool = 0; pool < POOLS; pool++) {
        if (load_relaxed(&magazine_of(pmm, cpu, CLASSES + pool)->count) == 0)
            continue;
        magazine_t *magazine = slot_enter(pmm, CLASSES + pool);
        if (magazine == NULL)
            continue;
        size_t index = slot_pop(magazine);
        slot_leave(magazine);
        if (index != NONE)
            return index;
    }
    store_relaxed(&first->field, FIELD_NONE);
    return NONE;
}

/* What the pool before had no room for. */
static void take_over(const quire_pmm_t *pmm, magazine_t *magazine, unsigned pool)
{
    magazine_t *before = pool == 0 ? NULL : slot_enter(pmm, CLASSES + pool - 1);

    if (before == NULL)
        return;
    store_relaxed(&magazine->base, load_relaxed(&before->base));
    store_relaxed(&magazine->mask, load_relaxed(&before->mask));
    store_relaxed(&before->mask, 0);
    slot_leave(before);
}

/* Claims a word of frames to be filled, where memory is plentiful enough to have one. */
static void claim_for_pool(const quire_pmm_t *pmm, magazine_t *magazine)
{
    uint32_t singles[MAGAZINE_REFILL];
    pmm_claim_t claim = {.lifetime = QUIRE_LIFETIME_MOVABLE,
                         .most = MAGAZINE_REFILL,
                         .start = pmm->stride * quire_port_cpu(),
                         .entries = singles};

    if (!pmm_search_frames(pmm, QUIRE_ZONE_ANY, &claim))
        return;
    if (claim.mask == 0) {
        pmm_slot_put_entries(pmm, singles, claim.count);
        return;
    }
    store_relaxed(&magazine->base, claim.base);
    store_relaxed(&magazine->mask, claim.mask);
}

/* Fills the next frame of a pool that is not full. */
static bool fill_one(const quire_pmm_t *pmm, magazine_t *magazine, unsigned pool)
{
    uint32_t count = load_relaxed(&magazine->count);

    if (load_relaxed(&magazine->mask) == 0)
        take_over(pmm, magazine, pool);
    if (load_relaxed(&magazine->mask) == 0)
        claim_for_pool(pmm, magazine);
    word_t mask = load_relaxed(&magazine->mask);
    if (mask == 0)
        return false;
    size_t index = load_relaxed(&magazine->base) + lowest_bit(mask);
    pmm_zero(pmm, index, 0);
    store_relaxed(&magazine->entries[count], (uint32_t)index);
    store_relaxed(&magazine->mask, mask & (mask - 1));
    store_relaxed(&magazine->count, count + 1);
    return true;
}

bool quire_pmm_zero_ahead(quire_pmm_t *pmm)
{
    unsigned cpu = quire_port_cpu();

    /* With poison a free frame holds the pattern until somebody needs it. */
    for (unsigned pool = 0; pool < POOLS && cpu < pmm->slot_count && !QUIRE_PMM_POISON; pool++) {
        if (load_relaxed(&magazine_of(pmm, cpu, CLASSES + pool)->count) == MAGAZINE_FRAMES)
            continue;
        magazine_t *magazine = slot_enter(pmm, CLASSES + pool);
        if (magazine == NULL)
            return false;
        bool filled = fill_one(pmm, magazine, pool);
        slot_leave(magazine);
        store_relaxed(&magazine_of(pmm, cpu, CLASSES)->field, 0);
        return filled;
    }
    return false;
}
