/* SPDX-License-Identifier: MIT */
/*
 * block.c - blocks of more than one frame, requests that the fast path cannot serve, and the last resort.
 *
 * Order 1 to 8: a run of bits in one chunk. A hierarchical bitmap for each order holds the chunks that may have such a
 * run; freeing sets the bits that the freed run makes true, a search that is disappointed clears them. So every
 * disappointment has been paid for by a free. Order 9: a whole chunk, taken by exchanging its counter, whether its
 * metadata have been written or not. Order 10: two whole chunks; the second is marked as a tail.
 *
 * Before anyone is told that there is no memory: what others have claimed goes back, then what this CPU has claimed,
 * and the chunks that CPUs had to themselves are put back into the hierarchical bitmaps. Then every counter is read: a
 * hierarchical bitmap is a hint, and a CPU that is stopped between clearing a bit and looking again hides what the bit
 * stood for. Last the host's shrinker is asked; while another CPU is asking it, this one waits for what that brings,
 * for a while. Who must not wait asks neither other CPUs nor the shrinker.
 *
 * Rejected: reading the counters of a terabyte at every failure (it is done once, where failing costs a message to
 * every CPU anyway); waiting for another CPU's shrinker without an end (it may want a lock that the caller holds).
 */
#include "pmm.h"

#ifndef SHRINKER_PATIENCE
#define SHRINKER_PATIENCE 1000 /* fences asked for while another CPU asks the shrinker */
#endif

#define CHOOSY 8 /* chunks of another lifetime passed over before a fresh one is opened */

/* --- runs --- */

static void run_put(const quire_pmm_t *pmm, size_t index, unsigned order)
{
    size_t chunk = index >> CHUNK_ORDER;
    word_t *word = pmm->frame_bits + index / WORD_FRAMES;

    if (order < WORD_ORDER) {
        word_t ones = ((word_t)1 << (1u << order)) - 1;
        quire_pmm_chunk_put(pmm, index & ~(size_t)(WORD_FRAMES - 1), ones << (index % WORD_FRAMES));
        return;
    }
    for (unsigned left = 1u << (order - WORD_ORDER); left > 0; left--)
        quire_pmm_set_bits(word++, WORD_FULL);
    quire_pmm_chunk_add(pmm, chunk, 1u << order);
    quire_pmm_run_hint(pmm, chunk,
                       quire_pmm_run_largest(pmm, chunk, (unsigned)(index & (CHUNK_FRAMES - 1)) / WORD_FRAMES));
}

/* The chunk has no run of this order: says so, and looks once more, because one may have come meanwhile. */
static void forget_orders(const quire_pmm_t *pmm, size_t chunk, unsigned order)
{
    for (unsigned higher = order; higher <= RUN_ORDER_MAX; higher++) {
        if (quire_pmm_bitmap_test(pmm, BITMAP_ORDER + higher, chunk))
            quire_pmm_bitmap_clear(pmm, BITMAP_ORDER + higher, chunk);
    }
    uint32_t state = load_acquire(&pmm->chunks[chunk]);
    if ((state & CHUNK_COUNT) < 1u << order)
        return;
    for (unsigned higher = RUN_ORDER_MAX; higher >= order; higher--) {
        if (quire_pmm_run_find(chunk_words(pmm, chunk), state, higher) < CHUNK_FRAMES) {
            quire_pmm_run_hint(pmm, chunk, higher);
            return;
        }
    }
}

static bool run_take(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime, unsigned order, size_t *index)
{
    word_t *words = chunk_words(pmm, chunk);
    uint32_t state = quire_pmm_chunk_ready(pmm, chunk, lifetime);
    bool enough = (state & CHUNK_COUNT) >= 1u << order && !(state & CHUNK_FRESH);
    unsigned start = enough ? quire_pmm_run_find(words, state, order) : CHUNK_FRAMES;

    if (start < CHUNK_FRAMES && quire_pmm_chunk_reserve(pmm, chunk, lifetime, 1u << order, 1u << order) != 0) {
        while (start < CHUNK_FRAMES) {
            if (quire_pmm_run_take_bits(words, start, order)) {
                *index = chunk * CHUNK_FRAMES + start;
                return true;
            }
            start = quire_pmm_run_find(words, state, order);
        }
        quire_pmm_chunk_add(pmm, chunk, 1u << order);
    }
    forget_orders(pmm, chunk, order);
    return false;
}

static bool suits(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime)
{
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);

    return (state & CHUNK_COUNT) < CHUNK_FRAMES && class_of(state) == class_for(pmm, chunk, lifetime);
}

/* `choosy`: only partly used chunks of the same lifetime, and not too long a search for them. */
static bool run_in_range(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, bool choosy,
                         size_t *index)
{
    unsigned bitmap = BITMAP_ORDER + request.order;
    unsigned looked = 0;

    for (size_t chunk = quire_pmm_bitmap_next(pmm, bitmap, low, high); chunk != NONE;
         chunk = quire_pmm_bitmap_next(pmm, bitmap, chunk + 1, high)) {
        if (choosy && ++looked > CHOOSY)
            return false;
        if (choosy && !suits(pmm, chunk, request.lifetime))
            continue;
        if (run_take(pmm, chunk, request.lifetime, request.order, index))
            return true;
    }
    return false;
}

static bool run_in_whole(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, size_t *index)
{
    for (size_t chunk = quire_pmm_bitmap_next(pmm, BITMAP_WHOLE, low, high); chunk != NONE;
         chunk = quire_pmm_bitmap_next(pmm, BITMAP_WHOLE, chunk + 1, high)) {
        if (run_take(pmm, chunk, request.lifetime, request.order, index))
            return true;
        quire_pmm_chunk_reindex(pmm, chunk);
    }
    return false;
}

/* --- whole chunks --- */

static bool take_state(quire_pmm_t *pmm, size_t chunk, uint32_t mark)
{
    /* Poison is told by the tags of all frames. */
    if (QUIRE_PMM_POISON)
        (void)quire_pmm_chunk_init(pmm, chunk, QUIRE_LIFETIME_MOVABLE);
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);
    while ((state & CHUNK_COUNT) == CHUNK_FRAMES) {
        if (replace(&pmm->chunks[chunk], &state, (state & ~(CHUNK_COUNT | CHUNK_CLASS)) | mark))
            return true;
    }
    return false;
}

static void put_state(const quire_pmm_t *pmm, size_t chunk, uint32_t mark)
{
    fetch_add(&pmm->chunks[chunk], CHUNK_FRAMES - mark);
    quire_pmm_chunk_whole(pmm, chunk, true);
}

static bool take_whole(quire_pmm_t *pmm, size_t chunk, unsigned order)
{
    /* Takes nothing that it would have to put back: others want one chunk. */
    if (order > CHUNK_ORDER && !is_whole(pmm, chunk + 1))
        return false;
    if (!take_state(pmm, chunk, CHUNK_HUGE))
        return false;
    if (order > CHUNK_ORDER) {
        if (!take_state(pmm, chunk + 1, CHUNK_HUGE | CHUNK_TAIL)) {
            put_state(pmm, chunk, CHUNK_HUGE);
            return false;
        }
        quire_pmm_chunk_whole(pmm, chunk + 1, false);
    }
    quire_pmm_chunk_whole(pmm, chunk, false);
    store_relaxed(&pmm->extra[chunk << CHUNK_ORDER], 0);
    return true;
}

/* The bit that led here is stale. A pair's is cleared here only, not whenever one of the two is taken. */
static void disappointed(quire_pmm_t *pmm, unsigned bitmap, size_t chunk)
{
    if (bitmap == BITMAP_PAIR)
        quire_pmm_bitmap_clear(pmm, bitmap, chunk);
    quire_pmm_chunk_reindex(pmm, chunk);
    quire_pmm_chunk_reindex(pmm, chunk + (bitmap == BITMAP_PAIR));
}

static bool whole_in_range(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, size_t *index)
{
    unsigned bitmap = request.order > CHUNK_ORDER ? BITMAP_PAIR : BITMAP_WHOLE;
    unsigned cpu = quire_port_cpu();
    size_t start = cpu < pmm->cpu_count ? pmm->stride * cpu : 0;

    if (start < low || start >= high)
        start = low;
    for (unsigned pass = 0; pass < 2; pass++) {
        size_t end = pass == 0 ? high : start;
        size_t chunk = quire_pmm_bitmap_next(pmm, bitmap, pass == 0 ? start : low, end);
        while (chunk != NONE) {
            if (take_whole(pmm, chunk, request.order)) {
                *index = chunk << CHUNK_ORDER;
                return true;
            }
            disappointed(pmm, bitmap, chunk);
            chunk = quire_pmm_bitmap_next(pmm, bitmap, chunk + 1, end);
        }
    }
    return false;
}

/* --- any request --- */

static bool block_in_range(quire_pmm_t *pmm, quire_pmm_request_t request, size_t low, size_t high, size_t *index)
{
    if (request.order >= CHUNK_ORDER)
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
        size_t found = zone == QUIRE_ZONE_ANY ? quire_pmm_cpu_cache_refill(pmm, request.lifetime)
                                              : quire_pmm_search_one(pmm, zone, request.lifetime);
        if (found != NONE)
            *index = found;
        return found != NONE;
    }
    for (unsigned step = 0; quire_pmm_zone_range(pmm, zone, &step, &low, &high);) {
        if (block_in_range(pmm, request, low, high, index))
            return true;
    }
    return false;
}

/* --- the last resort --- */

static bool take_in_chunk(quire_pmm_t *pmm, quire_pmm_request_t request, size_t chunk, size_t *index)
{
    uint32_t single;
    pmm_claim_t claim = {.lifetime = request.lifetime, .most = 1, .entries = &single};

    if (request.order >= CHUNK_ORDER) {
        *index = chunk << CHUNK_ORDER;
        return is_whole(pmm, chunk) && (request.order == CHUNK_ORDER || (chunk & 1) == 0) &&
               take_whole(pmm, chunk, request.order);
    }
    if (request.order > 0)
        return run_take(pmm, chunk, request.lifetime, request.order, index);
    if (!quire_pmm_chunk_claim(pmm, chunk, &claim))
        return false;
    *index = single;
    return true;
}

/* Looks into every chunk, whatever the hierarchical bitmaps say. */
static bool scan(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index)
{
    const uint32_t any = CHUNK_COUNT | CHUNK_UNWRITTEN;
    size_t low;
    size_t high;

    for (unsigned step = 0; quire_pmm_zone_range(pmm, (quire_zone_t)request.zone, &step, &low, &high);) {
        for (size_t chunk = low; chunk < high; chunk++) {
            size_t found;
            if ((load_acquire(&pmm->chunks[chunk]) & any) && take_in_chunk(pmm, request, chunk, &found)) {
                *index = found;
                quire_pmm_chunk_reindex(pmm, chunk);
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
        quire_pmm_cpu_cache_fence();
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

quire_status_t quire_pmm_block_alloc(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index)
{
    if (find_block(pmm, request, index))
        return QUIRE_OK;
    if (request.no_wait) {
        quire_pmm_cpu_cache_share(pmm);
        return find_block(pmm, request, index) || scan(pmm, request, index) ? QUIRE_OK : QUIRE_NO_MEMORY;
    }
    do {
        quire_pmm_cpu_cache_revoke(pmm);
        if (find_block(pmm, request, index) || scan(pmm, request, index))
            return QUIRE_OK;
    } while (shrink(pmm, request.order));
    return QUIRE_NO_MEMORY;
}

/* What is added to the state of a fresh chunk that is freed for the first time: the tag of its first frame counts now,
   for it tells the last owner. */
static uint32_t newly_named(const quire_pmm_t *pmm, size_t chunk)
{
    return (load_relaxed(&pmm->chunks[chunk]) & (CHUNK_FRESH | CHUNK_NAMED)) == CHUNK_FRESH ? CHUNK_NAMED : 0;
}

void quire_pmm_block_free(quire_pmm_t *pmm, size_t index, unsigned order)
{
    if (order < CHUNK_ORDER) {
        run_put(pmm, index, order);
        return;
    }
    if (order > CHUNK_ORDER)
        put_state(pmm, (index >> CHUNK_ORDER) + 1, CHUNK_HUGE | CHUNK_TAIL);
    put_state(pmm, index >> CHUNK_ORDER, CHUNK_HUGE - newly_named(pmm, index >> CHUNK_ORDER));
}
