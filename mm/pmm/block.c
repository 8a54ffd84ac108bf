/* SPDX-License-Identifier: MIT */
/*
 * block.c - blocks of more than one frame, requests that the fast path cannot serve, and the last resort.
 *
 * Order 1 to 8: a run of bits in one field. A tree for each order holds the fields that may have such a run; freeing
 * sets the bits that the freed run makes true, a search that is disappointed clears them. So every disappointment has
 * been paid for by a free. Order 9: a whole field, taken by exchanging its counter, whether its metadata have been
 * written or not. Order 10: two whole fields; the second is marked as a tail.
 *
 * Before anyone is told that there is no memory: what others have claimed goes back, then what this CPU has claimed,
 * and the fields that CPUs had to themselves are put back into the trees. Then every counter is read: a tree is a hint,
 * and a CPU that is stopped between clearing a bit and looking again hides what the bit stood for. Last the host's
 * shrinker is asked; while another CPU is asking it, this one waits for what that brings, for a while. Who must not
 * wait asks neither other CPUs nor the shrinker.
 *
 * Rejected: reading the counters of a terabyte at every failure (it is done once, where failing costs a message to
 * every CPU anyway); waiting for another CPU's shrinker without an end (it may want a lock that the caller holds).
 */
#include "pmm/pmm_private.h"

#ifndef SHRINKER_PATIENCE
#define SHRINKER_PATIENCE 1000 /* fences asked for while another CPU asks the shrinker */
#endif

#define CHOOSY 8 /* fields of another lifetime passed over before a fresh one is opened */

/* --- runs --- */

static bool suits(const quire_pmm_t *pmm, size_t field, unsigned lifetime)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);

    return (state & FIELD_COUNT) < FIELD_FRAMES && class_of(state) == class_for(pmm, field, lifetime);
}

/* `choosy`: only partly used fields of the same lifetime, and not too long a search for them. */
static bool run_in_range(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, bool choosy,
                         size_t *index)
{
    unsigned tree = TREE_ORDER + request.order;
    unsigned looked = 0;

    for (size_t field = pmm_tree_next(pmm, tree, low, high); field != NONE;
         field = pmm_tree_next(pmm, tree, field + 1, high)) {
        if (choosy && ++looked > CHOOSY)
            return false;
        if (choosy && !suits(pmm, field, request.lifetime))
            continue;
        if (pmm_run_take(pmm, field, request.lifetime, request.order, index))
            return true;
    }
    return false;
}

static bool run_in_whole(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, size_t *index)
{
    for (size_t field = pmm_tree_next(pmm, TREE_WHOLE, low, high); field != NONE;
         field = pmm_tree_next(pmm, TREE_WHOLE, field + 1, high)) {
        if (pmm_run_take(pmm, field, request.lifetime, request.order, index))
            return true;
        pmm_field_settle(pmm, field);
    }
    return false;
}

/* --- whole fields --- */

static bool take_state(quire_pmm_t *pmm, size_t field, uint32_t mark)
{
    /* Poison is told by the tags of all frames. */
    if (QUIRE_PMM_POISON)
        (void)pmm_field_materialise(pmm, field, QUIRE_LIFETIME_MOVABLE);
    uint32_t state = load_relaxed(&pmm->fields[field]);
    while ((state & FIELD_COUNT) == FIELD_FRAMES) {
        if (replace(&pmm->fields[field], &state, (state & ~(FIELD_COUNT | FIELD_CLASS)) | mark))
            return true;
    }
    return false;
}

static void put_state(const quire_pmm_t *pmm, size_t field, uint32_t mark)
{
    fetch_add(&pmm->fields[field], FIELD_FRAMES - mark);
    pmm_field_whole(pmm, field, true);
}

static bool take_whole(quire_pmm_t *pmm, size_t field, unsigned order)
{
    /* Takes nothing that it would have to put back: others want one field. */
    if (order > FIELD_ORDER && !is_whole(pmm, field + 1))
        return false;
    if (!take_state(pmm, field, FIELD_HUGE))
        return false;
    if (order > FIELD_ORDER) {
        if (!take_state(pmm, field + 1, FIELD_HUGE | FIELD_TAIL)) {
            put_state(pmm, field, FIELD_HUGE);
            return false;
        }
        pmm_field_whole(pmm, field + 1, false);
    }
    pmm_field_whole(pmm, field, false);
    store_relaxed(&pmm->extra[field << FIELD_ORDER], 0);
    return true;
}

/* The bit that led here is stale. A pair's is cleared here only, not whenever one of the two is taken. */
static void disappointed(quire_pmm_t *pmm, unsigned tree, size_t field)
{
    if (tree == TREE_PAIR)
        pmm_tree_clear(pmm, tree, field);
    pmm_field_settle(pmm, field);
    pmm_field_settle(pmm, field + (tree == TREE_PAIR));
}

static bool whole_in_range(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, size_t *index)
{
    unsigned tree = request.order > FIELD_ORDER ? TREE_PAIR : TREE_WHOLE;
    unsigned cpu = quire_port_cpu();
    size_t start = cpu < pmm->slot_count ? pmm->stride * cpu : 0;

    if (start < low || start >= high)
        start = low;
    for (unsigned pass = 0; pass < 2; pass++) {
        size_t end = pass == 0 ? high : start;
        size_t field = pmm_tree_next(pmm, tree, pass == 0 ? start : low, end);
        while (field != NONE) {
            if (take_whole(pmm, field, request.order)) {
                *index = field << FIELD_ORDER;
                return true;
            }
            disappointed(pmm, tree, field);
            field = pmm_tree_next(pmm, tree, field + 1, end);
        }
    }
    return false;
}

/* --- any request --- */

static bool block_in_range(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, size_t *index)
{
    if (request.order >= FIELD_ORDER)
        return whole_in_range(pmm, request, low, high, index);
    return run_in_range(pmm, request, low, high, true, index) || run_in_whole(pmm, request, low, high, index) ||
           run_in_range(pmm, request, low, high, false, index);
}

static bool find_block(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index)
{
    quire_zone_t zone = (quire_zone_t)request.zone;
    size_t low;
    size_t high;

    if (request.order == 0) {
        size_t found = zone == QUIRE_ZONE_ANY ? pmm_slot_refill(pmm, request.lifetime)
                                              : pmm_search_one(pmm, zone, request.lifetime);
        if (found != NONE)
            *index = found;
        return found != NONE;
    }
    for (unsigned step = 0; pmm_range(pmm, zone, &step, &low, &high);) {
        if (block_in_range(pmm, request, low, high, index))
            return true;
    }
    return false;
}

/* --- the last resort --- */

static bool take_in_field(quire_pmm_t *pmm, quire_pmm_request_t request, size_t field, size_t *index)
{
    uint32_t single;
    pmm_claim_t claim = {.lifetime = request.lifetime, .most = 1, .entries = &single};

    if (request.order >= FIELD_ORDER) {
        *index = field << FIELD_ORDER;
        return is_whole(pmm, field) && (request.order == FIELD_ORDER || (field & 1) == 0) &&
               take_whole(pmm, field, request.order);
    }
    if (request.order > 0)
        return pmm_run_take(pmm, field, request.lifetime, request.order, index);
    if (!pmm_field_claim(pmm, field, &claim))
        return false;
    *index = single;
    return true;
}

/* Looks into every field, whatever the trees say. */
static bool scan(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index)
{
    const uint32_t any = FIELD_COUNT | FIELD_UNWRITTEN;
    size_t low;
    size_t high;

    for (unsigned step = 0; pmm_range(pmm, (quire_zone_t)request.zone, &step, &low, &high);) {
        for (size_t field = low; field < high; field++) {
            size_t found;
            if ((load_acquire(&pmm->fields[field]) & any) && take_in_field(pmm, request, field, &found)) {
                *index = found;
                pmm_field_settle(pmm, field);
                return true;
            }
        }
    }
    return false;
}

/* Another CPU asks the shrinker: true when it has come back. */
static bool wait_for_shrinker(const quire_pmm_t *pmm)
{
    for (unsigned left = SHRINKER_PATIENCE; left > 0; left--) {
        pmm_slot_fence();
        if (load_acquire(&pmm->shrinking) == 0)
            return true;
    }
    return false;
}

/* Asks the host for frames. False: it has none to give, or is being asked by a call that this one interrupts. */
static bool shrink(quire_pmm_t *pmm, unsigned order)
{
    unsigned mine = quire_port_cpu() + 1;
    unsigned who = 0;

    if (pmm->shrinker == NULL)
        return false;
    if (!replace(&pmm->shrinking, &who, mine))
        return who != mine && wait_for_shrinker(pmm);
    bool gave = pmm->shrinker(pmm->shrinker_context, order);
    store_release(&pmm->shrinking, 0);
    return gave;
}

quire_status_t pmm_block_alloc(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index)
{
    if (find_block(pmm, request, index))
        return QUIRE_OK;
    if (request.no_wait) {
        pmm_slot_share(pmm);
        return find_block(pmm, request, index) || scan(pmm, request, index) ? QUIRE_OK : QUIRE_NO_MEMORY;
    }
    do {
        pmm_slot_revoke(pmm);
        if (find_block(pmm, request, index) || scan(pmm, request, index))
            return QUIRE_OK;
    } while (shrink(pmm, request.order));
    return QUIRE_NO_MEMORY;
}

/* What is added to the state of a fresh field that is freed for the first time: the tag of its first frame counts now,
   for it tells the last owner. */
static uint32_t newly_named(const quire_pmm_t *pmm, size_t field)
{
    return (load_relaxed(&pmm->fields[field]) & (FIELD_FRESH | FIELD_NAMED)) == FIELD_FRESH ? FIELD_NAMED : 0;
}

void pmm_block_free(quire_pmm_t *pmm, size_t index, unsigned order)
{
    if (order < FIELD_ORDER) {
        pmm_run_put(pmm, index, order);
        return;
    }
    if (order > FIELD_ORDER)
        put_state(pmm, (index >> FIELD_ORDER) + 1, FIELD_HUGE | FIELD_TAIL);
    put_state(pmm, index >> FIELD_ORDER, FIELD_HUGE - newly_named(pmm, index >> FIELD_ORDER));
}
