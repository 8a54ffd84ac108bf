/* SPDX-License-Identifier: MIT */
/*
 * word.h - the four accesses to a word of a table: a read, a store (in one or two halves), an exchange.
 *
 * Between any two of them the MMU, or another CPU, may do what it likes. A test that wants to be that CPU builds with
 * -DQUIRE_PAGING_STEPS and is called before each access; otherwise there is nothing of it.
 *
 * The locked 64-bit exchange exists on every processor with PAE.
 */
#ifndef QUIRE_PAGING_WORD_H
#define QUIRE_PAGING_WORD_H

#include "paging/format/format.h"

#ifdef QUIRE_PAGING_STEPS
extern void (*quire_paging_step)(bool writes); /* NULL: nobody asks */

static inline void paging_step(bool writes)
{
    if (quire_paging_step != NULL)
        quire_paging_step(writes);
}
#else
static inline void paging_step(bool writes)
{
    (void)writes;
}
#endif

static inline uint64_t word_read(const quire_format_t *format, const void *window, size_t index)
{
    paging_step(false);
    if (format->entry_bytes == 4)
        return ((const volatile uint32_t *)window)[index];
    return ((const volatile uint64_t *)window)[index];
}

/* Only over a word that is not present, or that no MMU can reach. */
static inline void word_store(const quire_format_t *format, void *window, size_t index, uint64_t value)
{
    paging_step(true);
    if (format->entry_bytes == 4) {
        ((volatile uint32_t *)window)[index] = (uint32_t)value;
    } else if (sizeof(uintptr_t) == sizeof(uint64_t)) {
        ((volatile uint64_t *)window)[index] = value;
    } else {
        volatile uint32_t *halves = (volatile uint32_t *)window + 2 * index;

        halves[1] = (uint32_t)(value >> 32);
        paging_step(true);
        halves[0] = (uint32_t)value;
    }
}

/* Returns what was there: equal to `before` if and only if it was exchanged. */
static inline uint64_t word_exchange(const quire_format_t *format, void *window, size_t index, uint64_t before,
                                     uint64_t after)
{
    paging_step(true);
    if (format->entry_bytes == 4)
        return __sync_val_compare_and_swap((uint32_t *)window + index, (uint32_t)before, (uint32_t)after);
    return __sync_val_compare_and_swap((uint64_t *)window + index, before, after);
}

/* Runs of words are looked through four at a time: most of them are long, and say the same. */

/* The first index from `from` on whose word differs from `like` in a bit of `mask`; `end` if none below it does. */
static inline size_t words_alike(const quire_format_t *format, const void *window, size_t from, size_t end,
                                 uint64_t like, uint64_t mask)
{
    size_t at = from;

    if (like == 0 && mask == ~(uint64_t)0) {
        for (; end - at >= 4; at += 4) {
            if ((word_read(format, window, at) | word_read(format, window, at + 1) | word_read(format, window, at + 2) |
                 word_read(format, window, at + 3)) != 0)
                break;
        }
    } else {
        for (; end - at >= 4; at += 4) {
            uint64_t differ = (word_read(format, window, at) ^ like) | (word_read(format, window, at + 1) ^ like) |
                              (word_read(format, window, at + 2) ^ like) | (word_read(format, window, at + 3) ^ like);

            if ((differ & mask) != 0)
                break;
        }
    }
    while (at < end && ((word_read(format, window, at) ^ like) & mask) == 0)
        at++;
    return at;
}

/* From there up to `end` all words are zeros: the lowest such index that is not below `from`. */
static inline size_t words_empty_from(const quire_format_t *format, const void *window, size_t from, size_t end)
{
    size_t at = end;

    for (; at - from >= 4; at -= 4) {
        if ((word_read(format, window, at - 1) | word_read(format, window, at - 2) | word_read(format, window, at - 3) |
             word_read(format, window, at - 4)) != 0)
            break;
    }
    while (at > from && word_read(format, window, at - 1) == 0)
        at--;
    return at;
}

#endif
