/* SPDX-License-Identifier: MIT */
/*
 * zeroed.c - frames filled with zeros ahead of need.
 *
 * Problem: most of what a page fault costs is filling its frame with zeros, and most CPUs are idle most of the time.
 *
 * Idea: an idle CPU claims a word of frames, fills them one at a time, and keeps them in magazines of their own, the
 * pools. They are claimed frames like any others (cpu_cache.c): free, counted as free, taken back when memory is short.
 * One call fills one frame, so that an idle CPU that is woken is not kept waiting.
 *
 * Only words with many free frames are claimed: where memory is so short that it comes in single frames, nothing is
 * hoarded. Only frames for QUIRE_LIFETIME_MOVABLE are kept, because pages of processes are what is wanted zeroed.
 *
 * Rejected: one pool for all CPUs (a locked operation for each frame); linking the frames through their first words (a
 * window for each, and the word must be zeroed again).
 */
#include "pmm.h"

#include <quire/event.h>

#include "string.h"

void quire_pmm_zero(const quire_pmm_t *pmm, size_t index, unsigned order)
{
    size_t number = frame_number(pmm, index);

    for (size_t at = 0; at < (size_t)1 << order; at++) {
        word_t *window = quire_port_window_open(quire_frame(number + at));
        fill_zero(window, QUIRE_PAGE_BYTES / sizeof(*window));
        quire_port_window_close(window);
    }
    quire_event(.kind = QUIRE_EVENT_FRAME_ZERO, .frame = number, .bytes = QUIRE_PAGE_BYTES << order);
}

size_t quire_pmm_zeroed_take(const quire_pmm_t *pmm)
{
    unsigned cpu = quire_port_cpu();
    magazine_t *first = magazine_of(pmm, cpu, CLASSES);

    if (cpu >= pmm->cpu_count || load_relaxed(&first->chunk) == CHUNK_NONE)
        return NONE;
    for (unsigned pool = 0; pool < POOLS; pool++) {
        if (load_relaxed(&magazine_of(pmm, cpu, CLASSES + pool)->count) == 0)
            continue;
        magazine_t *magazine = magazine_enter(pmm, CLASSES + pool);
        if (magazine == NULL)
            continue;
        size_t index = magazine_pop(magazine);
        magazine_leave(magazine);
        if (index != NONE)
            return index;
    }
    store_relaxed(&first->chunk, CHUNK_NONE);
    return NONE;
}

/* What the pool before had no room for. */
static void take_over(const quire_pmm_t *pmm, magazine_t *magazine, unsigned pool)
{
    magazine_t *before = pool == 0 ? NULL : magazine_enter(pmm, CLASSES + pool - 1);

    if (before == NULL)
        return;
    store_relaxed(&magazine->base, load_relaxed(&before->base));
    store_relaxed(&magazine->mask, load_relaxed(&before->mask));
    store_relaxed(&before->mask, 0);
    magazine_leave(before);
}

/* Claims a word of frames to be filled, where memory is plentiful enough to have one. */
static void claim_for_pool(const quire_pmm_t *pmm, magazine_t *magazine)
{
    uint32_t singles[MAGAZINE_REFILL];
    pmm_claim_t claim = {.lifetime = QUIRE_LIFETIME_MOVABLE,
                         .most = MAGAZINE_REFILL,
                         .start = pmm->stride * quire_port_cpu(),
                         .entries = singles};

    if (!quire_pmm_search_frames(pmm, QUIRE_ZONE_ANY, &claim))
        return;
    if (claim.mask == 0) {
        quire_pmm_cpu_cache_put_entries(pmm, singles, claim.count);
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
    quire_pmm_zero(pmm, index, 0);
    store_relaxed(&magazine->entries[count], (uint32_t)index);
    store_relaxed(&magazine->mask, mask & (mask - 1));
    store_relaxed(&magazine->count, count + 1);
    return true;
}

bool quire_pmm_zero_ahead(quire_pmm_t *pmm)
{
    unsigned cpu = quire_port_cpu();

    /* With poison a free frame holds the pattern until somebody needs it. */
    for (unsigned pool = 0; pool < POOLS && cpu < pmm->cpu_count && !QUIRE_PMM_POISON; pool++) {
        if (load_relaxed(&magazine_of(pmm, cpu, CLASSES + pool)->count) == MAGAZINE_FRAMES)
            continue;
        magazine_t *magazine = magazine_enter(pmm, CLASSES + pool);
        if (magazine == NULL)
            return false;
        bool filled = fill_one(pmm, magazine, pool);
        magazine_leave(magazine);
        store_relaxed(&magazine_of(pmm, cpu, CLASSES)->chunk, 0);
        return filled;
    }
    return false;
}
