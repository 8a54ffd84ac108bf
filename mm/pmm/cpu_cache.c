/* SPDX-License-Identifier: MIT */
/*
 * cpu_cache.c - what one CPU has claimed, used without locked instructions, and taken back when it is needed elsewhere.
 *
 * Problem: a locked instruction costs about twenty cycles even when nobody else is there; a frame should cost less than
 * one. But what a CPU keeps to itself must not be lost to the others.
 *
 * Idea: a CPU claims a whole word of bitmap with two locked operations, and keeps the frames in a small magazine, one
 * for each lifetime class; frames it frees go into the magazine of the class of their chunk. Only the owner touches a
 * CPU cache, with ordinary instructions.
 *
 * Interrupts of the owner. `inside` is set before and cleared after every change. A handler that finds it set goes to
 * the shared chunks instead. A handler that comes just before it is set runs to its end and leaves the CPU cache
 * consistent; so no instruction has to be atomic. This needs that the interrupted call goes on on the same CPU, and
 * nobody else in between: the contract in pmm.h.
 *
 * Other CPUs. Taking back from an owner that uses no fence is impossible without the owner's help or a fence made from
 * outside (Attiya and others, "Laws of Order", 2011). The fence is the port's shootdown, which interrupts every
 * other CPU. The taker announces itself (`floor`, `limit`), asks for the fence, and then looks at
 * `inside`. The owner sets `inside` and then looks at `floor` or `limit`, which it reads anyway to see whether its
 * magazine is empty or full. After the fence either the taker sees `inside` set and waits, or the owner sees the
 * announcement and stays out. An owner that is stopped inside keeps what it has: at most one CPU cache. The taker gives
 * up on it after a while and waits for nobody.
 *
 * An owner may also be stopped, or simply be, between claiming and filling its magazine: `inside` is set then, so the
 * taker waits for it as well, and finds the claim in the magazine afterwards.
 *
 * The chunk that an owner claims from does not stand in its class's hierarchical bitmap, so that others claim
 * elsewhere. The last resort puts it back.
 *
 * Rejected: a lock for each CPU cache (a locked operation a call, and a stopped owner stops the taker); disabling
 * interrupts (costs more than the guard, and is not possible on a host).
 */
#include "pmm.h"

#ifndef PATIENCE
#define PATIENCE 20000 /* looks at an owner that is inside before giving up on it */
#endif

void quire_pmm_cpu_cache_init(const quire_pmm_t *pmm, unsigned cpu)
{
    for (unsigned number = 0; number < MAGAZINES; number++) {
        bool shut = number == CLASS_LOW;
        *magazine_of(pmm, cpu, number) =
            (magazine_t){.chunk = CHUNK_NONE, .floor = shut ? SHUT : 0, .limit = shut ? 0 : MAGAZINE_FRAMES};
    }
}

/* --- from a magazine to the chunks --- */

void quire_pmm_cpu_cache_put_entries(const quire_pmm_t *pmm, const uint32_t *entries, unsigned count)
{
    const uint32_t *end = entries + count;

    while (entries < end) {
        uint32_t index = load_relaxed(entries);
        uint32_t base = index & ~(uint32_t)(WORD_FRAMES - 1);
        word_t bits = 0;
        do {
            bits |= (word_t)1 << (index % WORD_FRAMES);
            if (++entries == end)
                break;
            index = load_relaxed(entries);
        } while (index - base < WORD_FRAMES);
        quire_pmm_chunk_put(pmm, base, bits);
    }
}

static void empty_magazine(const quire_pmm_t *pmm, magazine_t *magazine)
{
    unsigned count = load_relaxed(&magazine->count);
    word_t mask = load_relaxed(&magazine->mask);

    store_relaxed(&magazine->count, 0);
    store_relaxed(&magazine->mask, 0);
    quire_pmm_cpu_cache_put_entries(pmm, magazine->entries, count);
    if (mask != 0)
        quire_pmm_chunk_put(pmm, load_relaxed(&magazine->base), mask);
}

/* Half of a full magazine goes, the half that has been there longest. */
static void make_room(const quire_pmm_t *pmm, magazine_t *magazine)
{
    const unsigned half = MAGAZINE_FRAMES / 2;

    quire_pmm_cpu_cache_put_entries(pmm, magazine->entries, half);
    for (unsigned at = half; at < MAGAZINE_FRAMES; at++)
        store_relaxed(&magazine->entries[at - half], load_relaxed(&magazine->entries[at]));
    store_relaxed(&magazine->count, MAGAZINE_FRAMES - half);
}

void quire_pmm_cpu_cache_put(const quire_pmm_t *pmm, size_t index)
{
    magazine_t *magazine = magazine_enter(pmm, class_of(load_relaxed(&pmm->chunks[index >> CHUNK_ORDER])));

    if (magazine == NULL) {
        quire_pmm_chunk_put(pmm, index & ~(size_t)(WORD_FRAMES - 1), (word_t)1 << (index % WORD_FRAMES));
        return;
    }
    if (load_relaxed(&magazine->count) == MAGAZINE_FRAMES)
        make_room(pmm, magazine);
    unsigned count = load_relaxed(&magazine->count);
    store_relaxed(&magazine->entries[count], (uint32_t)index);
    store_relaxed(&magazine->count, count + 1);
    magazine_leave(magazine);
}

/* --- from the chunks to a magazine --- */

/* The chunk is ours alone from now on, if it is of our class: one that serves others stays where they find it, and one
   that has nothing left is in no hierarchical bitmap. */
static void adopt(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime)
{
    unsigned class = class_for(pmm, chunk, lifetime);
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);

    if (class_of(state) != class || (state & CHUNK_COUNT) == 0)
        return;
    if (quire_pmm_bitmap_test(pmm, BITMAP_MANY + class, chunk))
        quire_pmm_bitmap_clear(pmm, BITMAP_MANY + class, chunk);
    if (quire_pmm_bitmap_test(pmm, BITMAP_FEW + class, chunk))
        quire_pmm_bitmap_clear(pmm, BITMAP_FEW + class, chunk);
}

/* Moves frames of the claimed word into the empty magazine, so that the lowest comes out first. */
static void spread_mask(magazine_t *magazine)
{
    word_t mask = load_relaxed(&magazine->mask);
    uint32_t base = (uint32_t)load_relaxed(&magazine->base);
    unsigned count = MAGAZINE_REFILL;

    if (mask != WORD_FULL) {
        count = count_bits(mask);
        count = count < MAGAZINE_REFILL ? count : MAGAZINE_REFILL;
    }
    for (unsigned at = count; at > 0; at--) {
        store_relaxed(&magazine->entries[at - 1], base + lowest_bit(mask));
        mask &= mask - 1;
    }
    store_relaxed(&magazine->mask, mask);
    store_relaxed(&magazine->count, count);
}

/* Claims frames: from the same chunk as long as it has any, else from the next that the search finds. */
static void claim_frames(const quire_pmm_t *pmm, magazine_t *magazine, unsigned lifetime)
{
    size_t chunk = load_relaxed(&magazine->chunk);
    pmm_claim_t claim = {
        .lifetime = lifetime, .most = MAGAZINE_REFILL, .start = chunk + 1, .entries = magazine->entries};
    bool found = false;

    if (chunk == CHUNK_NONE)
        claim.start = pmm->stride * quire_port_cpu();
    else if (class_of(load_relaxed(&pmm->chunks[chunk])) == class_for(pmm, chunk, lifetime))
        found = quire_pmm_chunk_claim(pmm, chunk, &claim);
    if (!found && !quire_pmm_search_frames(pmm, QUIRE_ZONE_ANY, &claim))
        return;
    if (claim.chunk != chunk) {
        /* The last resort finds chunks by this: it must be there before the chunk leaves its hierarchical bitmap. */
        store_release(&magazine->chunk, (uint32_t)claim.chunk);
        adopt(pmm, claim.chunk, lifetime);
    }
    if (claim.mask == 0) {
        store_relaxed(&magazine->count, claim.count);
        return;
    }
    store_relaxed(&magazine->base, claim.base);
    store_relaxed(&magazine->mask, claim.mask);
    spread_mask(magazine);
}

size_t quire_pmm_cpu_cache_refill(const quire_pmm_t *pmm, unsigned lifetime)
{
    magazine_t *magazine = magazine_enter(pmm, lifetime);

    if (magazine == NULL)
        return quire_pmm_search_one(pmm, QUIRE_ZONE_ANY, lifetime);
    if (load_relaxed(&magazine->count) == 0) {
        if (load_relaxed(&magazine->mask) != 0)
            spread_mask(magazine);
        else
            claim_frames(pmm, magazine, lifetime);
    }
    size_t index = magazine_pop(magazine);
    magazine_leave(magazine);
    return index;
}

/* --- taking back --- */

/* `doubt`: what is not sound stays where it is. */
static void drain(const quire_pmm_t *pmm, unsigned magazines, bool doubt)
{
    unsigned cpu = quire_port_cpu();

    for (unsigned number = 0; number < magazines && cpu < pmm->cpu_count; number++) {
        if (magazine_is_empty(magazine_of(pmm, cpu, number)))
            continue;
        magazine_t *magazine = magazine_enter(pmm, number);
        if (magazine == NULL)
            continue;
        if (!doubt || quire_pmm_may_go_back(pmm, magazine))
            empty_magazine(pmm, magazine);
        magazine_leave(magazine);
    }
}

void quire_pmm_cpu_cache_drain(const quire_pmm_t *pmm)
{
    drain(pmm, CLASSES, true);
}

/* Keeps the owner out; false if another CPU is at it already, or there is nothing to be had. An owner that is inside
   an empty magazine may be about to fill it: with what it has claimed, and nobody else finds meanwhile. */
static bool shut(magazine_t *magazine)
{
    if ((magazine_is_empty(magazine) && load_acquire(&magazine->inside) == 0) || exchange(&magazine->floor, SHUT) != 0)
        return false;
    store_release(&magazine->limit, 0);
    return true;
}

static bool wait_for_zero(const uint32_t *word)
{
    for (unsigned left = PATIENCE; left > 0; left--) {
        if (load_acquire(word) == 0)
            return true;
    }
    return false;
}

static void empty_shut(const quire_pmm_t *pmm, magazine_t *magazine)
{
    if (wait_for_zero(&magazine->inside))
        empty_magazine(pmm, magazine);
    store_release(&magazine->limit, MAGAZINE_FRAMES);
    store_release(&magazine->floor, 0);
}

/* An empty range: no translation is meant, only the fence. */
void quire_pmm_cpu_cache_fence(void)
{
    const quire_shootdown_t fence = {.space = 0, .start = QUIRE_PAGE_BYTES, .end = QUIRE_PAGE_BYTES};

    quire_port_shootdown(&fence);
}

/* The magazines of one number of all other CPUs. */
static void revoke_number(const quire_pmm_t *pmm, unsigned number)
{
    unsigned own = quire_port_cpu();
    bool mine[QUIRE_PMM_CPUS] = {false};
    bool any = false;

    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++) {
        mine[cpu] = cpu != own && shut(magazine_of(pmm, cpu, number));
        any |= mine[cpu];
    }
    if (any)
        quire_pmm_cpu_cache_fence();
    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++) {
        magazine_t *magazine = magazine_of(pmm, cpu, number);
        if (mine[cpu])
            empty_shut(pmm, magazine);
        else if (cpu != own)
            (void)wait_for_zero(&magazine->floor);
    }
}

void quire_pmm_cpu_cache_share(const quire_pmm_t *pmm)
{
    drain(pmm, MAGAZINES, false);
    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++) {
        for (unsigned class = 0; class < CLASSES; class ++) {
            uint32_t chunk = load_relaxed(&magazine_of(pmm, cpu, class)->chunk);
            if (chunk != CHUNK_NONE)
                quire_pmm_chunk_reindex(pmm, chunk);
        }
    }
}

void quire_pmm_cpu_cache_revoke(const quire_pmm_t *pmm)
{
    for (unsigned number = 0; number < MAGAZINES; number++)
        revoke_number(pmm, number);
    quire_pmm_cpu_cache_share(pmm);
}
