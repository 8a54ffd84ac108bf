/* SPDX-License-Identifier: MIT */
/*
 * bitmap.c - sets of chunks, with summaries, so that a search costs a few words however large the set is.
 *
 * Problem: 1 TiB has half a million chunks. Finding one with a property must not read half a million counters.
 *
 * Idea: a bit a chunk; above each word of bits one bit that says whether the word has any; and so on until one word is
 * left: at most four levels. All sets have the same shape.
 *
 * A set is a hint and never the truth: a bit may be set although the chunk has lost the property (the searcher then
 * finds out and clears it). The other way round must not happen for long, or memory would be lost. Two rules see to it.
 * Whoever gives a chunk the property changes the chunk first and sets the bits afterwards, on every level, even where
 * the level below looks as if somebody had done it. Whoever clears a bit looks again afterwards at what the bit stands
 * for, and sets it again if need be. Each does its write before its read, so of two who meet at least one sees the
 * other, and one stopped CPU cannot hide a chunk.
 *
 * Rejected: exact sets under a lock (the lock is what this avoids); counters in the summaries (every operation would
 * write them, here only a word's first and last bit does).
 */
#include "pmm.h"

static word_t *level_of(const quire_pmm_t *pmm, unsigned bitmap, unsigned level)
{
    return pmm->bitmaps + bitmap * pmm->shape.words + pmm->shape.offset[level];
}

size_t quire_pmm_bitmap_shape(quire_pmm_shape_t *shape, size_t chunks)
{
    size_t bits = chunks;

    *shape = (quire_pmm_shape_t){0};
    do {
        size_t words = (bits + WORD_FRAMES - 1) / WORD_FRAMES;
        shape->offset[shape->levels] = (uint32_t)shape->words;
        shape->bits[shape->levels++] = (uint32_t)bits;
        shape->words += words;
        bits = words;
    } while (bits > 1);
    return shape->words * (BITMAP_ORDER + CHUNK_ORDER);
}

static void set_from(const quire_pmm_t *pmm, unsigned bitmap, unsigned level, size_t at)
{
    for (; level < pmm->shape.levels; level++) {
        word_t *word = level_of(pmm, bitmap, level) + at / WORD_FRAMES;
        word_t bit = (word_t)1 << (at % WORD_FRAMES);
        if (!(load_ordered(word) & bit))
            fetch_or(word, bit);
        at /= WORD_FRAMES;
    }
}

void quire_pmm_bitmap_set(const quire_pmm_t *pmm, unsigned bitmap, size_t chunk)
{
    set_from(pmm, bitmap, 0, chunk);
}

/* The word at `at` of level - 1 has become empty: clears its bit, and those above that then stand for nothing. */
static __attribute__((noinline)) void clear_from(const quire_pmm_t *pmm, unsigned bitmap, unsigned level, size_t at)
{
    for (; level < pmm->shape.levels; level++) {
        word_t bit = (word_t)1 << (at % WORD_FRAMES);
        word_t rest = fetch_and(level_of(pmm, bitmap, level) + at / WORD_FRAMES, ~bit) & ~bit;
        /* A bit below may have come while this one was being cleared. */
        if (load_relaxed(level_of(pmm, bitmap, level - 1) + at) != 0) {
            set_from(pmm, bitmap, level, at);
            return;
        }
        if (rest != 0)
            return;
        at /= WORD_FRAMES;
    }
}

void quire_pmm_bitmap_clear(const quire_pmm_t *pmm, unsigned bitmap, size_t chunk)
{
    word_t bit = (word_t)1 << (chunk % WORD_FRAMES);

    if ((fetch_and(level_of(pmm, bitmap, 0) + chunk / WORD_FRAMES, ~bit) & ~bit) == 0)
        clear_from(pmm, bitmap, 1, chunk / WORD_FRAMES);
}

void quire_pmm_bitmap_fill(const quire_pmm_t *pmm, unsigned bitmap, size_t low, size_t high, word_t pattern)
{
    for (unsigned level = 0; level < pmm->shape.levels && low < high; level++) {
        for (size_t at = low; at < high; at = (at | (WORD_FRAMES - 1)) + 1) {
            size_t base = at & ~(size_t)(WORD_FRAMES - 1);
            word_t bits = WORD_FULL << (at % WORD_FRAMES);
            if (high - base < WORD_FRAMES)
                bits &= ((word_t)1 << (high - base)) - 1;
            fetch_or(level_of(pmm, bitmap, level) + at / WORD_FRAMES, bits & pattern);
        }
        low /= WORD_FRAMES;
        high = (high + WORD_FRAMES - 1) / WORD_FRAMES;
        pattern = WORD_FULL;
    }
}

bool quire_pmm_bitmap_empty(const quire_pmm_t *pmm, unsigned bitmap)
{
    return load_relaxed(level_of(pmm, bitmap, pmm->shape.levels - 1)) == 0;
}

/* Nothing is left in the word of level 0: up to where there is more, and down again. */
static __attribute__((noinline)) size_t next_word(const quire_pmm_t *pmm, const word_t *words, size_t at, size_t end)
{
    unsigned level = 1;

    while (at < pmm->shape.bits[level]) {
        word_t rest = load_relaxed(words + pmm->shape.offset[level] + at / WORD_FRAMES) & WORD_FULL
                                                                                              << (at % WORD_FRAMES);
        if (rest != 0) {
            at = (at & ~(size_t)(WORD_FRAMES - 1)) + lowest_bit(rest);
            if (level == 0)
                return at < end ? at : NONE;
            level--;
            at *= WORD_FRAMES;
            continue;
        }
        if (++level == pmm->shape.levels)
            return NONE;
        at = at / WORD_FRAMES + 1;
    }
    return NONE;
}

size_t quire_pmm_bitmap_next(const quire_pmm_t *pmm, unsigned bitmap, size_t from, size_t end)
{
    const word_t *words = pmm->bitmaps + bitmap * pmm->shape.words;

    if (from >= end)
        return NONE;
    word_t rest = load_relaxed(words + from / WORD_FRAMES) & WORD_FULL << (from % WORD_FRAMES);
    if (rest == 0)
        return pmm->shape.levels > 1 ? next_word(pmm, words, from / WORD_FRAMES + 1, end) : NONE;
    from = (from & ~(size_t)(WORD_FRAMES - 1)) + lowest_bit(rest);
    return from < end ? from : NONE;
}
