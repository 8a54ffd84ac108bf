/* SPDX-License-Identifier: MIT */
/*
 * run.c - blocks of order 1 to 8: aligned runs of bits inside one field.
 *
 * A run is taken as any frames are: its length reserved in the counter, then its bits. Who finds no run reserves
 * nothing: a reservation that goes back has hidden frames from those who want less. If the run is lost to somebody
 * faster and there is no other, it does go back.
 *
 * A tree for each order holds the fields that may have a run of that order. Whoever frees frames looks which runs the
 * freed word now has, and sets these bits; whoever looks for a run and is disappointed clears them, and looks once
 * more, because a free may have come between. So a set bit costs at most one vain look, which a free has paid for.
 *
 * A run of several words is taken word by word; when one is not full, the ones before are put back. Nobody else can be
 * misled meanwhile, because the frames are reserved.
 */
#include "pmm/pmm_private.h"

/* Where a bit is set, those of the lower orders are. */
void pmm_run_hint(const quire_pmm_t *pmm, size_t field, unsigned order)
{
    for (; order >= 1 && !pmm_tree_test(pmm, TREE_ORDER + order, field); order--)
        pmm_tree_set(pmm, TREE_ORDER + order, field);
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
        if (pmm_word(words, state, at++) != WORD_FULL)
            return false;
    }
    return true;
}

/* Where a free run starts in a field of this state, counted from its first frame; FIELD_FRAMES if there is none. */
static unsigned find_run(const word_t *words, uint32_t state, unsigned order)
{
    unsigned step = order > WORD_ORDER ? 1u << (order - WORD_ORDER) : 1;

    for (unsigned at = 0; at < FIELD_WORDS; at += step) {
        if (order >= WORD_ORDER) {
            if (words_full(words, state, at, step))
                return at * WORD_FRAMES;
            continue;
        }
        unsigned bit = find_in_word(pmm_word(words, state, at), order);
        if (bit < WORD_FRAMES)
            return at * WORD_FRAMES + bit;
    }
    return FIELD_FRAMES;
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

unsigned pmm_run_largest(const quire_pmm_t *pmm, size_t field, unsigned at)
{
    return largest_run(pmm_field_words(pmm, field), at);
}

unsigned pmm_run_best(const quire_pmm_t *pmm, size_t field)
{
    unsigned best = 0;

    for (unsigned at = 0; at < FIELD_WORDS; at++) {
        unsigned order = pmm_run_largest(pmm, field, at);
        best = order > best ? order : best;
    }
    return best;
}

void pmm_set_bits(word_t *word, word_t bits)
{
    if (UNLIKELY(fetch_or(word, bits) & bits))
        quire_port_panic("pmm: a frame was freed by two CPUs at once, or the bitmap was overwritten");
}

void pmm_run_put(const quire_pmm_t *pmm, size_t index, unsigned order)
{
    size_t field = index >> FIELD_ORDER;
    word_t *word = pmm->bitmap + index / WORD_FRAMES;

    if (order < WORD_ORDER) {
        word_t ones = ((word_t)1 << (1u << order)) - 1;
        pmm_field_put(pmm, index & ~(size_t)(WORD_FRAMES - 1), ones << (index % WORD_FRAMES));
        return;
    }
    for (unsigned left = 1u << (order - WORD_ORDER); left > 0; left--)
        pmm_set_bits(word++, WORD_FULL);
    pmm_field_add(pmm, field, 1u << order);
    pmm_run_hint(pmm, field,
                 largest_run(pmm_field_words(pmm, field), (unsigned)(index & (FIELD_FRAMES - 1)) / WORD_FRAMES));
}

/* Takes the run that was found at `start`; false if somebody was faster. */
static bool take_bits(word_t *words, unsigned start, unsigned order)
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
            pmm_set_bits(word + at, WORD_FULL);
        return false;
    }
    return true;
}

/* The field has no run of this order: says so, and looks once more, because one may have come meanwhile. */
static void forget_orders(const quire_pmm_t *pmm, size_t field, unsigned order)
{
    for (unsigned higher = order; higher <= RUN_ORDER_MAX; higher++) {
        if (pmm_tree_test(pmm, TREE_ORDER + higher, field))
            pmm_tree_clear(pmm, TREE_ORDER + higher, field);
    }
    uint32_t state = load_acquire(&pmm->fields[field]);
    if ((state & FIELD_COUNT) < 1u << order)
        return;
    for (unsigned higher = RUN_ORDER_MAX; higher >= order; higher--) {
        if (find_run(pmm_field_words(pmm, field), state, higher) < FIELD_FRAMES) {
            pmm_run_hint(pmm, field, higher);
            return;
        }
    }
}

bool pmm_run_take(const quire_pmm_t *pmm, size_t field, unsigned lifetime, unsigned order, size_t *index)
{
    word_t *words = pmm_field_words(pmm, field);
    uint32_t state = pmm_field_ready(pmm, field, lifetime);
    bool enough = (state & FIELD_COUNT) >= 1u << order && !(state & FIELD_FRESH);
    unsigned start = enough ? find_run(words, state, order) : FIELD_FRAMES;

    if (start < FIELD_FRAMES && pmm_field_reserve(pmm, field, lifetime, 1u << order, 1u << order) != 0) {
        while (start < FIELD_FRAMES) {
            if (take_bits(words, start, order)) {
                *index = field * FIELD_FRAMES + start;
                return true;
            }
            start = find_run(words, state, order);
        }
        pmm_field_add(pmm, field, 1u << order);
    }
    forget_orders(pmm, field, order);
    return false;
}
