/* SPDX-License-Identifier: MIT */
/*
 * field.c - 512 frames: one counter, and one cache line of bitmap.
 *
 * Problem: several CPUs take and free frames of one field at once, and one may be stopped anywhere.
 *
 * Idea: two steps. To take frames, first reserve their number in the counter; then take as many bits. To free frames,
 * first set their bits; then add to the counter. So at every moment
 *
 *     bits set  >=  counter + what has been reserved and not yet taken                                         (1)
 *
 * and whoever has reserved finds its bits: it may lose a race for one word, but then there is another. Nobody waits for
 * anybody. A claimer takes the count of bits it sees in a word, reserves just that, and clears the word: two locked
 * operations for up to a word of frames.
 *
 * A counter of 512 means by (1) that all bits are set and nothing is under way, so the whole field can be taken by
 * exchanging the counter alone: a huge frame costs one locked operation and leaves the bitmap as it is.
 *
 * A CPU that is stopped between the two steps hides what it was about to take or to free, at most a word, until it goes
 * on. It hides nothing else.
 *
 * A field that nobody has used yet is *fresh*: its bitmap, tags and counts of references have not been written, so that
 * starting on a large machine costs a few bytes for each 2 MiB. Who takes frames of it sees to it first that they are
 * (fresh.c); a field that is taken whole stays fresh. What is reserved has been written: (1) holds of the units that
 * are, and of bits that are not written yet nobody takes any.
 *
 * Which trees a field stands in follows from its state; settle() makes them agree and is called by whoever changed the
 * state in a way that matters: from or to none free, from or to all free.
 *
 * Rejected: bits first, counter afterwards when taking. A huge frame would then need all eight words of the field
 * emptied one by one, and a way back when the last is not full.
 */
#include "pmm/pmm_private.h"

#include "string.h"

#define NO_PLACE UINT32_MAX

/* --- which trees a field stands in --- */

static unsigned place_of(uint32_t state)
{
    unsigned count = state & FIELD_COUNT;

    if (count == 0)
        return NO_PLACE;
    if (count == FIELD_FRAMES)
        return TREE_WHOLE;
    return (count >= FIELD_MANY ? TREE_MANY : TREE_FEW) + class_of(state);
}

static unsigned place_now(const quire_pmm_t *pmm, size_t field)
{
    return place_of(load_ordered(&pmm->fields[field]));
}

/* The field has left a place. It may have come back while this was being written down. */
static inline void leave_place(const quire_pmm_t *pmm, size_t field, unsigned place)
{
    if (!pmm_tree_test(pmm, place, field))
        return;
    pmm_tree_clear(pmm, place, field);
    if (UNLIKELY(place_now(pmm, field) == place))
        pmm_tree_set(pmm, place, field);
}

void pmm_field_whole(const quire_pmm_t *pmm, size_t field, bool whole)
{
    if (!whole) {
        leave_place(pmm, field, TREE_WHOLE);
        return;
    }
    pmm_tree_set(pmm, TREE_WHOLE, field);
    if (place_now(pmm, field ^ 1) == TREE_WHOLE && !pmm_tree_test(pmm, TREE_PAIR, field & ~(size_t)1))
        pmm_tree_set(pmm, TREE_PAIR, field & ~(size_t)1);
}

static void move_place(const quire_pmm_t *pmm, size_t field, unsigned from, unsigned to)
{
    if (from == to)
        return;
    if (to == TREE_WHOLE)
        pmm_field_whole(pmm, field, true);
    else if (to != NO_PLACE)
        pmm_tree_set(pmm, to, field);
    if (from != NO_PLACE)
        leave_place(pmm, field, from);
}

void pmm_field_settle(const quire_pmm_t *pmm, size_t field)
{
    unsigned place;

    do {
        place = place_now(pmm, field);
        for (unsigned tree = TREE_MANY; tree <= TREE_WHOLE; tree++) {
            if (tree != place)
                leave_place(pmm, field, tree);
        }
        move_place(pmm, field, NO_PLACE, place);
    } while (place != place_now(pmm, field));
}

/* --- the counter --- */

/* The last free frame has been reserved: no search shall come here for nothing. */
static inline void leave_trees(const quire_pmm_t *pmm, size_t field, unsigned class)
{
    leave_place(pmm, field, TREE_FEW + class);
    leave_place(pmm, field, TREE_MANY + class);
}

unsigned pmm_field_reserve(const quire_pmm_t *pmm, size_t field, unsigned lifetime, unsigned least, unsigned most)
{
    uint32_t state = pmm_field_ready(pmm, field, lifetime);

    for (;;) {
        unsigned count = state & FIELD_COUNT;
        unsigned taken = count < most ? count : most;
        uint32_t next = state - taken;
        if (count < least)
            return 0;
        if (UNLIKELY(state & FIELD_FRESH)) {
            state = pmm_field_ready(pmm, field, lifetime);
            continue;
        }
        if (count == FIELD_FRAMES)
            next = (next & ~FIELD_CLASS) | class_for(pmm, field, lifetime) << FIELD_CLASS_SHIFT;
        if (!replace(&pmm->fields[field], &state, next))
            continue;
        if (count == FIELD_FRAMES) {
            move_place(pmm, field, TREE_WHOLE, place_of(next));
            pmm_run_hint(pmm, field, RUN_ORDER_MAX);
        } else if (UNLIKELY(count == taken)) {
            leave_trees(pmm, field, class_of(state));
        }
        return taken;
    }
}

void pmm_field_add(const quire_pmm_t *pmm, size_t field, unsigned frames)
{
    uint32_t before = fetch_add(&pmm->fields[field], frames);
    unsigned count = before & FIELD_COUNT;

    /* Between the borders nothing has to be told. */
    if (UNLIKELY(count == 0 || count + frames == FIELD_FRAMES || (count < FIELD_MANY && count + frames >= FIELD_MANY)))
        move_place(pmm, field, place_of(before), place_of(before + frames));
}

/* --- freeing --- */

void pmm_field_put(const quire_pmm_t *pmm, size_t base, word_t bits)
{
    size_t field = base >> FIELD_ORDER;
    word_t *word = pmm->bitmap + base / WORD_FRAMES;
    bool one = (bits & (bits - 1)) == 0;

    pmm_set_bits(word, bits);
    pmm_field_add(pmm, field, one ? 1 : count_bits(bits));
    /* The hint last: who finds the counter too low for a run takes the hint away. */
    word_t now = load_relaxed(word);
    if ((now & now >> 1 & WORD_FULL / 3) && !pmm_tree_test(pmm, TREE_ORDER + RUN_ORDER_MAX, field))
        pmm_run_hint(pmm, field, pmm_run_largest(pmm, field, (unsigned)(base / WORD_FRAMES % FIELD_WORDS)));
}

void pmm_field_unreserve(const quire_pmm_t *pmm, size_t field, unsigned frames)
{
    pmm_field_add(pmm, field, frames);
    /* Somebody may have looked for a run meanwhile and given up because the counter was low. */
    pmm_run_hint(pmm, field, pmm_run_best(pmm, field));
}

/* --- taking --- */

/* At most `most` of the bits, the lowest first. */
static word_t lowest_bits(word_t bits, unsigned most)
{
    word_t kept = 0;

    /* In a full memory most words have one. */
    if ((bits & (bits - 1)) == 0 || count_bits(bits) <= most)
        return bits;
    for (; most > 0; most--) {
        kept |= bits & (0 - bits);
        bits &= bits - 1;
    }
    return kept;
}

/* All frames of a word that has many; false if somebody was faster. */
static bool claim_word(const quire_pmm_t *pmm, size_t field, unsigned at, word_t word, pmm_claim_t *claim)
{
    unsigned reserved = pmm_field_reserve(pmm, field, claim->lifetime, count_bits(word), count_bits(word));

    if (reserved == 0)
        return false;
    if (!replace(pmm_field_words(pmm, field) + at, &word, 0)) {
        pmm_field_unreserve(pmm, field, reserved);
        return false;
    }
    claim->mask = word;
    claim->base = field * FIELD_FRAMES + at * WORD_FRAMES;
    return true;
}

/* As many as are wanted from one word, for which there is a reservation, to the places before `end`, the lowest last;
   returns how many it got. */
static inline unsigned claim_bits(word_t *place, uint32_t base, unsigned wanted, uint32_t *end)
{
    word_t word = load_relaxed(place);
    word_t bits;
    unsigned count = 0;

    do {
        if (word == 0)
            return 0;
        bits = lowest_bits(word, wanted);
    } while (!replace(place, &word, word & ~bits));
    do {
        store_relaxed(end - ++count, base + lowest_bit(bits));
        bits &= bits - 1;
    } while (bits != 0);
    return count;
}

/* The first word from `at` on that has any bit, or where the next round begins. */
static inline size_t first_set(const word_t *words, uint32_t state, size_t at)
{
    while (at < FIELD_WORDS && pmm_word(words, state, at) == 0)
        at++;
    return at < FIELD_WORDS ? at : 0;
}

/* What is reserved is there: a round over the words that does not find all of it has been overtaken by others. */
static void claim_reserved(const quire_pmm_t *pmm, size_t field, unsigned wanted, pmm_claim_t *claim)
{
    word_t *words = pmm_field_words(pmm, field);
    uint32_t *end = claim->entries + claim->count + wanted;
    uint32_t state = load_acquire(&pmm->fields[field]);

    claim->count += wanted;
    for (size_t at = first_set(words, state, 0);; at = first_set(words, state, at + 1)) {
        unsigned got = claim_bits(words + at, (uint32_t)(field * FIELD_FRAMES + at * WORD_FRAMES), wanted, end);
        end -= got;
        wanted -= got;
        if (wanted == 0)
            return;
    }
}

/* All of the first word that has any, if it has many. */
static bool claim_dense(const quire_pmm_t *pmm, size_t field, uint32_t state, pmm_claim_t *claim)
{
    const word_t *words = pmm_field_words(pmm, field);

    for (unsigned at = 0; at < FIELD_WORDS; at++) {
        word_t word = pmm_word(words, state, at);
        if (word != 0)
            return count_bits(word) >= MAGAZINE_REFILL && claim_word(pmm, field, at, word, claim);
    }
    return false;
}

bool pmm_field_claim(const quire_pmm_t *pmm, size_t field, pmm_claim_t *claim)
{
    uint32_t state = pmm_field_ready(pmm, field, claim->lifetime);
    unsigned count = state & FIELD_COUNT;

    claim->field = field;
    if (count >= FIELD_MANY && claim->most > 1 && claim->count == 0 && !UNLIKELY(state & FIELD_FRESH) &&
        claim_dense(pmm, field, state, claim))
        return true;
    unsigned wanted = claim->most - claim->count;
    if (count != 0)
        wanted = pmm_field_reserve(pmm, field, claim->lifetime, 1, wanted);
    if (count == 0 || wanted == 0)
        return false;
    claim_reserved(pmm, field, wanted, claim);
    return true;
}
