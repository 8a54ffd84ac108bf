/* SPDX-License-Identifier: MIT */
/*
 * search.c - where to look for frames, and in which order.
 *
 * Zones. Memory is divided at 16 MiB and at 4 GiB. A request searches the highest range it may use first, so that low
 * memory is left for those who can use nothing else. Both borders are borders of chunks.
 *
 * Lifetimes. In a range a single frame comes, in this order, from a partly free chunk of its own lifetime class; from a
 * wholly free chunk, which then serves this class; from any other chunk. So frames of one class lie together, and when
 * the short-lived ones are gone, whole chunks are free again. A hint is never an obligation: the last frame serves
 * anyone.
 *
 * Each CPU begins where it last found something, and first of all at a place of its own, so that CPUs meet seldom.
 */
#include "pmm.h"

#define GATHER_CHUNKS 8 /* chunks that one search takes single frames from */

bool quire_pmm_zone_range(const quire_pmm_t *pmm, quire_zone_t zone, unsigned *step, size_t *low, size_t *high)
{
    for (unsigned at = (unsigned)zone + *step; at < QUIRE_ZONES; at++) {
        ++*step;
        *high = pmm->zone_chunks[at];
        *low = at + 1 < QUIRE_ZONES ? pmm->zone_chunks[at + 1] : 0;
        if (*low < *high)
            return true;
    }
    return false;
}

/* Claims from the chunks of one hierarchical bitmap in [low, high), beginning at `start`; from several, if one has too
   little: when memory is nearly full, the way here is what costs. */
static bool claim_in_bitmap(const quire_pmm_t *pmm, unsigned bitmap, size_t low, size_t high, pmm_claim_t *claim)
{
    size_t start = claim->start >= low && claim->start < high ? claim->start : low;
    unsigned left = GATHER_CHUNKS;

    for (unsigned pass = 0; pass < 2; pass++) {
        size_t end = pass == 0 ? high : start;
        size_t chunk = quire_pmm_bitmap_next(pmm, bitmap, pass == 0 ? start : low, end);
        while (chunk != NONE) {
            if (!quire_pmm_chunk_claim(pmm, chunk, claim))
                quire_pmm_chunk_reindex(pmm, chunk);
            else if (claim->mask != 0 || claim->count == claim->most || --left == 0)
                return true;
            chunk = quire_pmm_bitmap_next(pmm, bitmap, chunk + 1, end);
        }
    }
    return claim->count > 0;
}

bool quire_pmm_search_frames(const quire_pmm_t *pmm, quire_zone_t zone, pmm_claim_t *claim)
{
    size_t low;
    size_t high;

    for (unsigned step = 0; quire_pmm_zone_range(pmm, zone, &step, &low, &high);) {
        unsigned own = class_for(pmm, low, claim->lifetime);
        const unsigned first[] = {BITMAP_MANY + own, BITMAP_WHOLE, BITMAP_FEW + own};
        for (unsigned at = 0; at < 3; at++) {
            if (!quire_pmm_bitmap_empty(pmm, first[at]) && claim_in_bitmap(pmm, first[at], low, high, claim))
                return true;
        }
        for (unsigned bitmap = BITMAP_MANY; bitmap < BITMAP_WHOLE; bitmap++) {
            if (!quire_pmm_bitmap_empty(pmm, bitmap) && claim_in_bitmap(pmm, bitmap, low, high, claim))
                return true;
        }
    }
    return false;
}

size_t quire_pmm_search_one(const quire_pmm_t *pmm, quire_zone_t zone, unsigned lifetime)
{
    unsigned cpu = quire_port_cpu();
    uint32_t index;
    pmm_claim_t claim = {
        .lifetime = lifetime, .most = 1, .start = cpu < pmm->cpu_count ? pmm->stride * cpu : 0, .entries = &index};

    return quire_pmm_search_frames(pmm, zone, &claim) ? index : NONE;
}
