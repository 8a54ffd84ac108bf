/* SPDX-License-Identifier: MIT */
/*
 * search.c - where to look for frames, and in which order.
 *
 * Zones. Memory is divided at 16 MiB and at 4 GiB. A request searches the highest range it may use first, so that low
 * memory is left for those who can use nothing else. Both borders are borders of fields.
 *
 * Lifetimes. In a range a single frame comes, in this order, from a partly free field of its own lifetime class; from a
 * wholly free field, which then serves this class; from any other field. So frames of one class lie together, and when
 * the short-lived ones are gone, whole fields are free again. A hint is never an obligation: the last frame serves
 * anyone.
 *
 * Each CPU begins where it last found something, and first of all at a place of its own, so that CPUs meet seldom.
 */
#include "pmm/pmm_private.h"

#define GATHER_FIELDS 8 /* fields that one search takes single frames from */

bool pmm_range(const quire_pmm_t *pmm, quire_zone_t zone, unsigned *step, size_t *low, size_t *high)
{
    for (unsigned at = (unsigned)zone + *step; at < QUIRE_ZONES; at++) {
        ++*step;
        *high = pmm->zone_fields[at];
        *low = at + 1 < QUIRE_ZONES ? pmm->zone_fields[at + 1] : 0;
        if (*low < *high)
            return true;
    }
    return false;
}

/* Claims from the fields of one tree in [low, high), beginning at `start`; from several, if one has too little: when
   memory is nearly full, the way here is what costs. */
static bool claim_in_tree(const quire_pmm_t *pmm, unsigned tree, size_t low, size_t high, pmm_claim_t *claim)
{
    size_t start = claim->start >= low && claim->start < high ? claim->start : low;
    unsigned left = GATHER_FIELDS;

    for (unsigned pass = 0; pass < 2; pass++) {
        size_t end = pass == 0 ? high : start;
        size_t field = pmm_tree_next(pmm, tree, pass == 0 ? start : low, end);
        while (field != NONE) {
            if (!pmm_field_claim(pmm, field, claim))
                pmm_field_settle(pmm, field);
            else if (claim->mask != 0 || claim->count == claim->most || --left == 0)
                return true;
            field = pmm_tree_next(pmm, tree, field + 1, end);
        }
    }
    return claim->count > 0;
}

bool pmm_search_frames(const quire_pmm_t *pmm, quire_zone_t zone, pmm_claim_t *claim)
{
    size_t low;
    size_t high;

    for (unsigned step = 0; pmm_range(pmm, zone, &step, &low, &high);) {
        unsigned own = class_for(pmm, low, claim->lifetime);
        const unsigned first[] = {TREE_MANY + own, TREE_WHOLE, TREE_FEW + own};
        for (unsigned at = 0; at < 3; at++) {
            if (!pmm_tree_empty(pmm, first[at]) && claim_in_tree(pmm, first[at], low, high, claim))
                return true;
        }
        for (unsigned tree = TREE_MANY; tree < TREE_WHOLE; tree++) {
            if (!pmm_tree_empty(pmm, tree) && claim_in_tree(pmm, tree, low, high, claim))
                return true;
        }
    }
    return false;
}

size_t pmm_search_one(const quire_pmm_t *pmm, quire_zone_t zone, unsigned lifetime)
{
    unsigned cpu = quire_port_cpu();
    uint32_t index;
    pmm_claim_t claim = {
        .lifetime = lifetime, .most = 1, .start = cpu < pmm->slot_count ? pmm->stride * cpu : 0, .entries = &index};

    return pmm_search_frames(pmm, zone, &claim) ? index : NONE;
}
