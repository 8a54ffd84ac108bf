/* SPDX-License-Identifier: MIT */
/*
 * chunk.c - 512 frames: one counter, and one cache line of bitmap.
 *
 * Problem: several CPUs take and free frames of one chunk at once, and one may be stopped anywhere.
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
 * A counter of 512 means by (1) that all bits are set and nothing is under way, so the whole chunk can be taken by
 * exchanging the counter alone: a huge frame costs one locked operation and leaves the bitmap as it is.
 *
 * A CPU that is stopped between the two steps hides what it was about to take or to free, at most a word, until it goes
 * on. It hides nothing else.
 *
 * A chunk that nobody has used yet is *fresh*: its bitmap, tags and counts of references have not been written, so that
 * starting on a large machine costs a few bytes for each 2 MiB. Who takes frames of it sees to it first that they are
 * (chunk_init.c); a chunk that is taken whole stays fresh. What is reserved has been written: (1) holds of the parts
 * that are, and of bits that are not written yet nobody takes any.
 *
 * Rejected: bits first, counter afterwards when taking. A huge frame would then need all eight words of the chunk
 * emptied one by one, and a way back when the last is not full.
 */
#include "pmm.h"

#include "string.h"

/* --- the counter --- */

unsigned quire_pmm_chunk_reserve(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime, unsigned least, unsigned most)
{
    uint32_t state = quire_pmm_chunk_ready(pmm, chunk, lifetime);

    for (;;) {
        unsigned count = state & CHUNK_COUNT;
        unsigned taken = count < most ? count : most;
        uint32_t next = state - taken;
        if (count < least)
            return 0;
        if (UNLIKELY(state & CHUNK_FRESH)) {
            state = quire_pmm_chunk_ready(pmm, chunk, lifetime);
            continue;
        }
        if (count == CHUNK_FRAMES)
            next = (next & ~CHUNK_CLASS) | class_for(pmm, chunk, lifetime) << CHUNK_CLASS_SHIFT;
        if (!replace(&pmm->chunks[chunk], &state, next))
            continue;
        if (count == CHUNK_FRAMES) {
            quire_pmm_chunk_move(pmm, chunk, state, next);
            quire_pmm_run_hint(pmm, chunk, RUN_ORDER_MAX);
        } else if (UNLIKELY(count == taken)) {
            quire_pmm_chunk_leave(pmm, chunk, class_of(state));
        }
        return taken;
    }
}

void quire_pmm_chunk_add(const quire_pmm_t *pmm, size_t chunk, unsigned frames)
{
    uint32_t before = fetch_add(&pmm->chunks[chunk], frames);
    unsigned count = before & CHUNK_COUNT;

    /* Between the borders nothing has to be told. */
    if (UNLIKELY(count == 0 || count + frames == CHUNK_FRAMES || (count < CHUNK_MANY && count + frames >= CHUNK_MANY)))
        quire_pmm_chunk_move(pmm, chunk, before, before + frames);
}

/* --- freeing --- */

void quire_pmm_chunk_put(const quire_pmm_t *pmm, size_t base, word_t bits)
{
    size_t chunk = base >> CHUNK_ORDER;
    word_t *word = pmm->frame_bits + base / WORD_FRAMES;
    bool one = (bits & (bits - 1)) == 0;

    quire_pmm_set_bits(word, bits);
    quire_pmm_chunk_add(pmm, chunk, one ? 1 : count_bits(bits));
    /* The hint last: who finds the counter too low for a run takes the hint away. */
    word_t now = load_relaxed(word);
    if ((now & now >> 1 & WORD_FULL / 3) && !quire_pmm_bitmap_test(pmm, BITMAP_ORDER + RUN_ORDER_MAX, chunk))
        quire_pmm_run_hint(pmm, chunk, quire_pmm_run_largest(pmm, chunk, (unsigned)(base / WORD_FRAMES % CHUNK_WORDS)));
}

void quire_pmm_chunk_unreserve(const quire_pmm_t *pmm, size_t chunk, unsigned frames)
{
    quire_pmm_chunk_add(pmm, chunk, frames);
    /* Somebody may have looked for a run meanwhile and given up because the counter was low. */
    quire_pmm_run_hint(pmm, chunk, quire_pmm_run_best(pmm, chunk));
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
static bool claim_word(const quire_pmm_t *pmm, size_t chunk, unsigned at, word_t word, pmm_claim_t *claim)
{
    unsigned reserved = quire_pmm_chunk_reserve(pmm, chunk, claim->lifetime, count_bits(word), count_bits(word));

    if (reserved == 0)
        return false;
    if (!replace(chunk_words(pmm, chunk) + at, &word, 0)) {
        quire_pmm_chunk_unreserve(pmm, chunk, reserved);
        return false;
    }
    claim->mask = word;
    claim->base = chunk * CHUNK_FRAMES + at * WORD_FRAMES;
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
    while (at < CHUNK_WORDS && chunk_word(words, state, at) == 0)
        at++;
    return at < CHUNK_WORDS ? at : 0;
}

/* What is reserved is there: a round over the words that does not find all of it has been overtaken by others. */
static void claim_reserved(const quire_pmm_t *pmm, size_t chunk, unsigned wanted, pmm_claim_t *claim)
{
    word_t *words = chunk_words(pmm, chunk);
    uint32_t *end = claim->entries + claim->count + wanted;
    uint32_t state = load_acquire(&pmm->chunks[chunk]);

    claim->count += wanted;
    for (size_t at = first_set(words, state, 0);; at = first_set(words, state, at + 1)) {
        unsigned got = claim_bits(words + at, (uint32_t)(chunk * CHUNK_FRAMES + at * WORD_FRAMES), wanted, end);
        end -= got;
        wanted -= got;
        if (wanted == 0)
            return;
    }
}

/* All of the first word that has any, if it has many. */
static bool claim_dense(const quire_pmm_t *pmm, size_t chunk, uint32_t state, pmm_claim_t *claim)
{
    const word_t *words = chunk_words(pmm, chunk);

    for (unsigned at = 0; at < CHUNK_WORDS; at++) {
        word_t word = chunk_word(words, state, at);
        if (word != 0)
            return count_bits(word) >= MAGAZINE_REFILL && claim_word(pmm, chunk, at, word, claim);
    }
    return false;
}

bool quire_pmm_chunk_claim(const quire_pmm_t *pmm, size_t chunk, pmm_claim_t *claim)
{
    uint32_t state = quire_pmm_chunk_ready(pmm, chunk, claim->lifetime);
    unsigned count = state & CHUNK_COUNT;

    claim->chunk = chunk;
    if (count >= CHUNK_MANY && claim->most > 1 && claim->count == 0 && !UNLIKELY(state & CHUNK_FRESH) &&
        claim_dense(pmm, chunk, state, claim))
        return true;
    unsigned wanted = claim->most - claim->count;
    if (count != 0)
        wanted = quire_pmm_chunk_reserve(pmm, chunk, claim->lifetime, 1, wanted);
    if (count == 0 || wanted == 0)
        return false;
    claim_reserved(pmm, chunk, wanted, claim);
    return true;
}
