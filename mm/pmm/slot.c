/* SPDX-License-Identifier: MIT */
/*
 * slot.c - what one CPU has claimed, used without locked instructions, and taken back when it is needed elsewhere.
 *
 * Problem: a locked instruction costs about twenty cycles even when nobody else is there; a frame should cost less than
 * one. But what a CPU keeps to itself must not be lost to the others.
 *
 * Idea: a CPU claims a whole word of bitmap with two locked operations, and keeps the frames in a small magazine, one
 * for each lifetime class; frames it frees go into the magazine of the class of their field. Only the owner touches a
 * slot, with ordinary instructions.
 *
 * Interrupts of the owner. `inside` is set before and cleared after every change. A handler that finds it set goes to
 * the shared fields instead. A handler that comes just before it is set runs to its end and leaves the slot consistent;
 * so no instruction has to be atomic. This needs that the interrupted call goes on on the same CPU, and nobody else in
 * between: the contract in pmm.h.
 *
 * Other CPUs. Taking back from an owner that uses no fence is impossible without the owner's help or a fence made from
 * outside (Attiya and others, "Laws of Order", 2011). The fence is the port's shootdown, which interrupts every
 * other CPU. The taker announces itself (`floor`, `limit`), asks for the fence, and then looks at
 * `inside`. The owner sets `inside` and then looks at `floor` or `limit`, which it reads anyway to see whether its
 * magazine is empty or full. After the fence either the taker sees `inside` set and waits, or the owner sees the
 * announcement and stays out. An owner that is stopped inside keeps what it has: at most one slot. The taker gives up
 * on it after a while and waits for nobody.
 *
 * An owner may also be stopped, or simply be, between claiming and filling its magazine: `inside` is set then, so the
 * taker waits for it as well, and finds the claim in the magazine afterwards.
 *
 * The field that an owner claims from does not stand in its class's tree, so that others claim elsewhere. The last
 * resort puts it back.
 *
 * Rejected: a lock for each slot (a locked operation a call, and a stopped owner stops the taker); disabling interrupts
 * (costs more than the guard, and is not possible on a host).
 */
#include "pmm/slot.h"

#ifndef PATIENCE
#define PATIENCE 20000 /* looks at an owner that is inside before giving up on it */
#endif

void pmm_slot_init(const quire_pmm_t *pmm, unsigned cpu)
{
    for (unsigned number = 0; number < MAGAZINES; number++) {
        bool shut = number == CLASS_LOW;
        *magazine_of(pmm, cpu, number) =
            (magazine_t){.field = FIELD_NONE, .floor = shut ? SHUT : 0, .limit = shut ? 0 : MAGAZINE_FRAMES};
    }
}

/* --- from a magazine to the fields --- */

/* Puts back `count` entries; neighbours that lie in one word go together. */
void pmm_slot_put_entries(const quire_pmm_t *pmm, const uint32_t *entries, unsigned count)
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
        pmm_field_put(pmm, base, bits);
    }
}

static void empty_magazine(const quire_pmm_t *pmm, magazine_t *magazine)
{
    unsigned count = load_relaxed(&magazine->count);
    word_t mask = load_relaxed(&magazine->mask);

    store_relaxed(&magazine->count, 0);
    store_relaxed(&magazine->mask, 0);
    pmm_slot_put_entries(pmm, magazine->entries, count);
    if (mask != 0)
        pmm_field_put(pmm, load_relaxed(&magazine->base), mask);
}

/* Half of a full magazine goes, the half that has been there longest. */
static void make_room(const quire_pmm_t *pmm, magazine_t *magazine)
{
    const unsigned half = MAGAZINE_FRAMES / 2;

    pmm_slot_put_entries(pmm, magazine->entries, half);
    for (unsigned at = half; at < MAGAZINE_FRAMES; at++)
        store_relaxed(&magazine->entries[at - half], load_relaxed(&magazine->entries[at]));
    store_relaxed(&magazine->count, MAGAZINE_FRAMES - half);
}

void pmm_slot_put(const quire_pmm_t *pmm, size_t index)
{
    magazine_t *magazine = slot_enter(pmm, class_of(load_relaxed(&pmm->fields[index >> FIELD_ORDER])));

    if (magazine == NULL) {
        pmm_field_put(pmm, index & ~(size_t)(WORD_FRAMES - 1), (word_t)1 << (index % WORD_FRAMES));
        return;
    }
    if (load_relaxed(&magazine->count) == MAGAZINE_FRAMES)
        make_room(pmm, magazine);
    unsigned count = load_relaxed(&magazine->count);
    store_relaxed(&magazine->entries[count], (uint32_t)index);
    store_relaxed(&magazine->count, count + 1);
    slot_leave(magazine);
}

/* --- from the fields to a magazine --- */

/* The field is ours alone from now on, if it is of our class: one that serves others stays where they find it, and one
   that has nothing left is in no tree. */
static void adopt(const quire_pmm_t *pmm, size_t field, unsigned lifetime)
{
    unsigned class = class_for(pmm, field, lifetime);
    uint32_t state = load_relaxed(&pmm->fields[field]);

    if (class_of(state) != class || (state & FIELD_COUNT) == 0)
        return;
    if (pmm_tree_test(pmm, TREE_MANY + class, field))
        pmm_tree_clear(pmm, TREE_MANY + class, field);
    if (pmm_tree_test(pmm, TREE_FEW + class, field))
        pmm_tree_clear(pmm, TREE_FEW + class, field);
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

/* Claims frames: from the same field as long as it has any, else from the next that the search finds. */
static void claim_frames(const quire_pmm_t *pmm, magazine_t *magazine, unsigned lifetime)
{
    size_t field = load_relaxed(&magazine->field);
    pmm_claim_t claim = {
        .lifetime = lifetime, .most = MAGAZINE_REFILL, .start = field + 1, .entries = magazine->entries};
    bool found = false;

    if (field == FIELD_NONE)
        claim.start = pmm->stride * quire_port_cpu();
    else if (class_of(load_relaxed(&pmm->fields[field])) == class_for(pmm, field, lifetime))
        found = pmm_field_claim(pmm, field, &claim);
    if (!found && !pmm_search_frames(pmm, QUIRE_ZONE_ANY, &claim))
        return;
    if (claim.field != field) {
        /* The last resort finds fields by this: it must be there before the field leaves its tree. */
        store_release(&magazine->field, (uint32_t)claim.field);
        adopt(pmm, claim.field, lifetime);
    }
    if (claim.mask == 0) {
        store_relaxed(&magazine->count, claim.count);
        return;
    }
    store_relaxed(&magazine->base, claim.base);
    store_relaxed(&magazine->mask, claim.mask);
    spread_mask(magazine);
}

size_t pmm_slot_refill(const quire_pmm_t *pmm, unsigned lifetime)
{
    magazine_t *magazine = slot_enter(pmm, lifetime);

    if (magazine == NULL)
        return pmm_search_one(pmm, QUIRE_ZONE_ANY, lifetime);
    if (load_relaxed(&magazine->count) == 0) {
        if (load_relaxed(&magazine->mask) != 0)
            spread_mask(magazine);
        else
            claim_frames(pmm, magazine, lifetime);
    }
    size_t index = slot_pop(magazine);
    slot_leave(magazine);
    return index;
}

/* --- taking back --- */

/* `doubt`: what is not sound stays where it is. */
static void drain(const quire_pmm_t *pmm, unsigned magazines, bool doubt)
{
    unsigned cpu = quire_port_cpu();

    for (unsigned number = 0; number < magazines && cpu < pmm->slot_count; number++) {
        if (slot_is_empty(magazine_of(pmm, cpu, number)))
            continue;
        magazine_t *magazine = slot_enter(pmm, number);
        if (magazine == NULL)
            continue;
        if (!doubt || pmm_may_go_back(pmm, magazine))
            empty_magazine(pmm, magazine);
        slot_leave(magazine);
    }
}

void pmm_slot_drain(const quire_pmm_t *pmm)
{
    drain(pmm, CLASSES, true);
}

/* Keeps the owner out; false if another CPU is at it already, or there is nothing to be had. An owner that is inside
   an empty magazine may be about to fill it: with what it has claimed, and nobody else finds meanwhile. */
static bool shut(magazine_t *magazine)
{
    if ((slot_is_empty(magazine) && load_acquire(&magazine->inside) == 0) || exchange(&magazine->floor, SHUT) != 0)
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
void pmm_slot_fence(void)
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

    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++) {
        mine[cpu] = cpu != own && shut(magazine_of(pmm, cpu, number));
        any |= mine[cpu];
    }
    if (any)
        pmm_slot_fence();
    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++) {
        magazine_t *magazine = magazine_of(pmm, cpu, number);
        if (mine[cpu])
            empty_shut(pmm, magazine);
        else if (cpu != own)
            (void)wait_for_zero(&magazine->floor);
    }
}

void pmm_slot_share(const quire_pmm_t *pmm)
{
    drain(pmm, MAGAZINES, false);
    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++) {
        for (unsigned class = 0; class < CLASSES; class ++) {
            uint32_t field = load_relaxed(&magazine_of(pmm, cpu, class)->field);
            if (field != FIELD_NONE)
                pmm_field_settle(pmm, field);
        }
    }
}

void pmm_slot_revoke(const quire_pmm_t *pmm)
{
    for (unsigned number = 0; number < MAGAZINES; number++)
        revoke_number(pmm, number);
    pmm_slot_share(pmm);
}
