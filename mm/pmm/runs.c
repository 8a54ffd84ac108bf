/* SPDX-License-Identifier: MIT */
/*
 * runs.c - blocks of order 1 to 8: aligned runs of bits inside one chunk.
 *
 * A run is taken as any frames are: its length reserved in the counter, then its bits. Who finds no run reserves
 * nothing: a reservation that goes back has hidden frames from those who want less. If the run is lost to somebody
 * faster and there is no other, it does go back.
 *
 * A hierarchical bitmap for each order holds the chunks that may have a run of that order. Whoever frees frames looks
 * which runs the freed word now has, and sets these bits; whoever looks for a run and is disappointed clears them, and
 * looks once more, because a free may have come between. So a set bit costs at most one vain look, which a free has
 * paid for.
 *
 * A run of several words is taken word by word; when one is not full, the ones before are put back. Nobody else can be
 * misled meanwhile, because the frames are reserved.
 */
#include "pmm.h"

/* Where a bit is set, those of the lower orders are. */
void quire_pmm_run_hint(const quire_pmm_t *pmm, size_t chunk, unsigned order)
{
    for (; order >= 1 && !quire_pmm_bitmap_test(pmm, BITMAP_ORDER + order, chunk); order--)
        quire_pmm_bitmap_set(pmm, BITMAP_ORDER + order, chunk);
}

/* The lowest aligned free run of 2^order inside a word; WORD_FRAMES if there is none. */
static unsigned find_in_word(word_t word, unsigned order)
{
    /* One bit at each multiple of 2^order. */
    static const word_t starts[] = {WORD_FULL,        WORD_FULL / 0x3,    WORD_FULL / 0xf,
                                    WORD_FULL / 0xff, WORD_FULL / 0xffff, WORD_FULL / 0xffffffff};

    for (unsigned step = 0; step < order; step++)
        word &= word >> (1u << step);
    word &= order < 6 ? starts[order] : 1;
    return word == 0 ? WORD_FRAMES : lowest_bit(word);
}

static bool words_full(const word_t *words, uint32_t state, unsigned at, unsigned count)
{
    for (; count > 0; count--) {
        if (chunk_word(words, state, at++) != WORD_FULL)
            return false;
    }
    return true;
}

/* Where a free run starts in a chunk of this state, counted from its first frame; CHUNK_FRAMES if there is none. */
unsigned quire_pmm_run_find(const word_t *words, uint32_t state, unsigned order)
{
    unsigned step = order > WORD_ORDER ? 1u << (order - WORD_ORDER) : 1;

    for (unsigned at = 0; at < CHUNK_WORDS; at += step) {
        if (order >= WORD_ORDER) {
            if (words_full(words, state, at, step))
                return at * WORD_FRAMES;
            continue;
        }
        unsigned bit = find_in_word(chunk_word(words, state, at), order);
        if (bit < WORD_FRAMES)
            return at * WORD_FRAMES + bit;
    }
    return CHUNK_FRAMES;
}

/* The largest run that the word at `at` is part of, as far as a word tells. */
static unsigned largest_run(const word_t *words, unsigned at)
{
    word_t word = load_relaxed(words + at);
    unsigned order = 0;

    while (order < WORD_ORDER && find_in_word(word, order + 1) < WORD_FRAMES)
        order++;
    while (order >= WORD_ORDER && order < RUN_ORDER_MAX) {
        unsigned step = 2u << (order - WORD_ORDER);
        if (!words_full(words, 0, at & ~(step - 1), step))
            break;
        order++;
    }
    return order;
}

unsigned quire_pmm_run_largest(const quire_pmm_t *pmm, size_t chunk, unsigned at)
{
    return largest_run(chunk_words(pmm, chunk), at);
}

unsigned quire_pmm_run_best(const quire_pmm_t *pmm, size_t chunk)
{
    unsigned best = 0;

    for (unsigned at = 0; at < CHUNK_WORDS; at++) {
        unsigned order = quire_pmm_run_largest(pmm, chunk, at);
        best = order > best ? order : best;
    }
    return best;
}

void quire_pmm_set_bits(word_t *word, word_t bits)
{
    if (UNLIKELY(fetch_or(word, bits) & bits))
        quire_port_panic("pmm: a frame was freed by two CPUs at once, or the bitmap was overwritten");
}

/* Takes the run that was found at `start`; false if somebody was faster. */
bool quire_pmm_run_take_bits(word_t *words, unsigned start, unsigned order)
{
    word_t *word = words + start / WORD_FRAMES;
    unsigned count = order > WORD_ORDER ? 1u << (order - WORD_ORDER) : 1;

    if (order < WORD_ORDER) {
        word_t bits = (((word_t)1 << (1u << order)) - 1) << (start % WORD_FRAMES);
        word_t now = load_relaxed(word);
        while ((now & bits) == bits) {
            if (replace(word, &now, now & ~bits))
                return true;
        }
        return false;
    }
    for (unsigned at = 0; at < count; at++) {
        word_t full = WORD_FULL;
        if (replace(word + at, &full, 0))
            continue;
        while (at-- > 0)
            quire_pmm_set_bits(word + at, WORD_FULL);
        return false;
    }
    return true;
}
