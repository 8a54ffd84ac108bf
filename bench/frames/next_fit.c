/* SPDX-License-Identifier: MIT */
/*
 * next_fit.c - the simplest thing that works: a bitmap, a place where the last search ended, one lock.
 *
 * One bit a frame, 1 = free. Hard to beat on one CPU while memory is not full; a second CPU waits for the lock. Single
 * frames have a way of their own, since an opponent is to be as good as it can be.
 */
#include "subject.h"

#define WORD_BITS 64u

static uint64_t *bitmap;
static size_t words;
static size_t hint;
static spin_t lock;

static size_t record_bytes(size_t frames)
{
    return frames / 8;
}

static void start(void *records, size_t frames)
{
    bitmap = records;
    words = frames / WORD_BITS;
    hint = 0;
    for (size_t at = 0; at < words; at++)
        bitmap[at] = UINT64_MAX;
}

static uint64_t run_starts(uint64_t word, unsigned order)
{
    static const uint64_t aligned[] = {UINT64_MAX,        UINT64_MAX / 0x3,    UINT64_MAX / 0xf,
                                       UINT64_MAX / 0xff, UINT64_MAX / 0xffff, UINT64_MAX / 0xffffffff};

    for (unsigned step = 0; step < order; step++)
        word &= word >> (1u << step);
    return word & (order < 6 ? aligned[order] : 1);
}

static __attribute__((noinline)) size_t take_in_word(unsigned order)
{
    uint64_t ones = order == 6 ? UINT64_MAX : ((uint64_t)1 << (1u << order)) - 1;

    for (size_t looked = 0; looked < words; looked++) {
        uint64_t starts = bitmap[hint] == 0 ? 0 : run_starts(bitmap[hint], order);
        if (starts != 0) {
            unsigned bit = (unsigned)__builtin_ctzll(starts);
            bitmap[hint] &= ~(ones << bit);
            return FIRST_FRAME + hint * WORD_BITS + bit;
        }
        hint = hint + 1 < words ? hint + 1 : 0;
    }
    return NO_FRAME;
}

static __attribute__((noinline)) size_t take_words(unsigned order)
{
    size_t step = (size_t)1 << (order - 6);

    hint &= ~(step - 1);
    for (size_t looked = 0; looked < words; looked += step) {
        size_t at = 0;
        while (at < step && bitmap[hint + at] == UINT64_MAX)
            at++;
        size_t found = hint;
        hint = hint + step < words ? hint + step : 0;
        if (at < step)
            continue;
        for (at = 0; at < step; at++)
            bitmap[found + at] = 0;
        return FIRST_FRAME + found * WORD_BITS;
    }
    return NO_FRAME;
}

static size_t next_fit_take(unsigned order, unsigned lifetime)
{
    size_t frame;

    (void)lifetime;
    spin_lock(&lock);
    if (order == 0 && bitmap[hint] != 0) {
        frame = FIRST_FRAME + hint * WORD_BITS + (unsigned)__builtin_ctzll(bitmap[hint]);
        bitmap[hint] &= bitmap[hint] - 1;
    } else {
        frame = order <= 6 ? take_in_word(order) : take_words(order);
    }
    spin_unlock(&lock);
    return frame;
}

static void next_fit_give(size_t frame, unsigned order)
{
    size_t index = frame - FIRST_FRAME;

    spin_lock(&lock);
    if (order == 0) {
        bitmap[index / WORD_BITS] |= (uint64_t)1 << index % WORD_BITS;
    } else if (order <= 6) {
        uint64_t ones = order == 6 ? UINT64_MAX : ((uint64_t)1 << (1u << order)) - 1;
        bitmap[index / WORD_BITS] |= ones << (index % WORD_BITS);
    } else {
        for (size_t at = 0; at < (size_t)1 << (order - 6); at++)
            bitmap[index / WORD_BITS + at] = UINT64_MAX;
    }
    spin_unlock(&lock);
}

const subject_t subject_next_fit = {"bitmap, next fit, lock", record_bytes, start, next_fit_take, next_fit_give};
