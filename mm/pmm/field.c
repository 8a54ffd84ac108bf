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
 * starting on a large machine costs a few bytes for each 2 MiB. The first to take a frame writes them (materialise):
 * it takes the counter to 0, which keeps others away, writes, and adds 512.
 *
 * Which trees a field stands in follows from its state; settle() makes them agree and is called by whoever changed the
 * state in a way that matters: from or to none free, from or to all free.
 *
 * Rejected: bits first, counter afterwards when taking. A huge frame would then need all eight words of the field
 * emptied one by one, and a way back when the last is not full.
 */
#include "pmm/pmm_private.h"

#include "string.h"

#define EVERY_ORDER (FIELD_ORDER - 1)
#define NO_PLACE    UINT32_MAX

static word_t *words_of(const quire_pmm_t *pmm, size_t field)
{
    return pmm->bitmap + field * FIELD_WORDS;
}

/* --- which trees a field stands in --- */

static unsigned place_of(uint32_t state)
{
    unsigned count = state & FIELD_COUNT;

    if (count == FIELD_FRAMES)
        return TREE_WHOLE;
    return count > 0 ? TREE_CLASS + class_of(state) : NO_PLACE;
}

static bool pair_whole(const quire_pmm_t *pmm, size_t even)
{
    return (load_relaxed(&pmm->fields[even]) & FIELD_COUNT) == FIELD_FRAMES &&
           (load_relaxed(&pmm->fields[even + 1]) & FIELD_COUNT) == FIELD_FRAMES;
}

static void put_in_tree(const quire_pmm_t *pmm, unsigned tree, size_t field, bool in)
{
    if (in)
        pmm_tree_set(pmm, tree, field);
    else if (pmm_tree_test(pmm, tree, field))
        pmm_tree_clear(pmm, tree, field);
}

void pmm_field_settle(const quire_pmm_t *pmm, size_t field)
{
    size_t even = field & ~(size_t)1;
    unsigned place;
    bool pair;

    do {
        place = place_of(load_relaxed(&pmm->fields[field]));
        pair = pair_whole(pmm, even);
        for (unsigned tree = TREE_CLASS; tree <= TREE_WHOLE; tree++)
            put_in_tree(pmm, tree, field, tree == place);
        put_in_tree(pmm, TREE_PAIR, even, pair);
    } while (place != place_of(__atomic_load_n(&pmm->fields[field], __ATOMIC_SEQ_CST)) ||
             pair != pair_whole(pmm, even));
}

static void hint_orders(const quire_pmm_t *pmm, size_t field, unsigned order)
{
    for (; order >= 1; order--)
        pmm_tree_set(pmm, TREE_ORDER + order, field);
}

/* --- the counter --- */

bool pmm_field_materialise(const quire_pmm_t *pmm, size_t field)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);

    if (!(state & FIELD_FRESH) || (state & FIELD_COUNT) != FIELD_FRAMES)
        return false;
    if (!replace(&pmm->fields[field], &state, state & ~(FIELD_FRESH | FIELD_COUNT)))
        return false;
    memset(pmm->tags + field * FIELD_FRAMES, TAG_FREE, FIELD_FRAMES);
    memset(pmm->extra + field * FIELD_FRAMES, 0, FIELD_FRAMES * sizeof(pmm->extra[0]));
    for (unsigned word = 0; word < FIELD_WORDS; word++)
        store_relaxed(words_of(pmm, field) + word, WORD_FULL);
    fetch_add(&pmm->fields[field], FIELD_FRAMES);
    pmm_field_settle(pmm, field);
    return true;
}

/* The first frame of a whole field is gone: it serves a lifetime from now on. */
static void open_field(const quire_pmm_t *pmm, size_t field)
{
    pmm_field_settle(pmm, field);
    hint_orders(pmm, field, EVERY_ORDER);
}

unsigned pmm_field_reserve(const quire_pmm_t *pmm, size_t field, unsigned lifetime, unsigned least, unsigned most)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);

    for (;;) {
        unsigned count = state & FIELD_COUNT;
        unsigned taken = count < most ? count : most;
        uint32_t next = state - taken;
        if (count < least)
            return 0;
        if (UNLIKELY(state & FIELD_FRESH)) {
            (void)pmm_field_materialise(pmm, field);
            state = load_relaxed(&pmm->fields[field]);
            continue;
        }
        if (count == FIELD_FRAMES)
            next = (next & ~FIELD_CLASS) | class_for(pmm, field, lifetime) << FIELD_CLASS_SHIFT;
        if (!replace(&pmm->fields[field], &state, next))
            continue;
        if (count == FIELD_FRAMES)
            open_field(pmm, field);
        return taken;
    }
}

static void add_count(const quire_pmm_t *pmm, size_t field, unsigned frames)
{
    unsigned before = fetch_add(&pmm->fields[field], frames) & FIELD_COUNT;

    if (before == 0 || before + frames == FIELD_FRAMES)
        pmm_field_settle(pmm, field);
}

/* --- runs of bits --- */

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

static bool words_full(const word_t *words, unsigned count)
{
    for (unsigned at = 0; at < count; at++) {
        if (load_relaxed(words + at) != WORD_FULL)
            return false;
    }
    return true;
}

/* Where a free run starts in the field, counted from its first frame; FIELD_FRAMES if there is none. */
static unsigned find_run(const word_t *words, unsigned order)
{
    unsigned step = order > WORD_ORDER ? 1u << (order - WORD_ORDER) : 1;

    for (unsigned at = 0; at < FIELD_WORDS; at += step) {
        if (order >= WORD_ORDER) {
            if (words_full(words + at, step))
                return at * WORD_FRAMES;
            continue;
        }
        unsigned bit = find_in_word(load_relaxed(words + at), order);
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
    while (order >= WORD_ORDER && order < EVERY_ORDER) {
        unsigned step = 2u << (order - WORD_ORDER);
        if (!words_full(words + (at & ~(step - 1)), step))
            break;
        order++;
    }
    return order;
}

unsigned pmm_field_largest_run(const quire_pmm_t *pmm, size_t field, unsigned at)
{
    return largest_run(words_of(pmm, field), at);
}

/* --- freeing --- */

static void set_bits(word_t *word, word_t bits)
{
    if (UNLIKELY(fetch_or(word, bits) & bits))
        quire_port_panic("pmm: a frame was freed by two CPUs at once, or the bitmap was overwritten");
}

void pmm_field_put(const quire_pmm_t *pmm, size_t base, word_t bits)
{
    size_t field = base >> FIELD_ORDER;
    unsigned at = (unsigned)(base & (FIELD_FRAMES - 1)) / WORD_FRAMES;
    word_t *words = words_of(pmm, field);

    set_bits(words + at, bits);
    word_t now = load_relaxed(words + at);
    if (now & now >> 1 & WORD_FULL / 3)
        hint_orders(pmm, field, largest_run(words, at));
    add_count(pmm, field, count_bits(bits));
}

void pmm_field_put_run(const quire_pmm_t *pmm, size_t index, unsigned order)
{
    size_t field = index >> FIELD_ORDER;
    word_t *word = pmm->bitmap + index / WORD_FRAMES;

    if (order < WORD_ORDER) {
        word_t ones = ((word_t)1 << (1u << order)) - 1;
        pmm_field_put(pmm, index & ~(size_t)(WORD_FRAMES - 1), ones << (index % WORD_FRAMES));
        return;
    }
    for (unsigned left = 1u << (order - WORD_ORDER); left > 0; left--)
        set_bits(word++, WORD_FULL);
    hint_orders(pmm, field, largest_run(words_of(pmm, field), (unsigned)(index & (FIELD_FRAMES - 1)) / WORD_FRAMES));
    add_count(pmm, field, 1u << order);
}

void pmm_field_unreserve(const quire_pmm_t *pmm, size_t field, unsigned frames)
{
    unsigned best = 0;

    add_count(pmm, field, frames);
    /* Somebody may have looked for a run meanwhile and given up because the counter was low. */
    for (unsigned at = 0; at < FIELD_WORDS; at++) {
        unsigned order = largest_run(words_of(pmm, field), at);
        best = order > best ? order : best;
    }
    hint_orders(pmm, field, best);
}

/* --- taking --- */

/* At most `most` of the bits, the lowest first. */
static word_t lowest_bits(word_t bits, unsigned most)
{
    word_t kept = 0;

    if (count_bits(bits) <= most)
        return bits;
    for (; most > 0; most--) {
        kept |= bits & (0 - bits);
        bits &= bits - 1;
    }
    return kept;
}

word_t pmm_field_claim(const quire_pmm_t *pmm, size_t field, unsigned lifetime, unsigned most, size_t *base)
{
    word_t *words = words_of(pmm, field);
    unsigned reserved = 0;

    if (UNLIKELY(load_relaxed(&pmm->fields[field]) & FIELD_FRESH))
        (void)pmm_field_materialise(pmm, field);
    /* Once something is reserved its bits are there; a round that finds none has been overtaken by others. */
    do {
        for (unsigned at = 0; at < FIELD_WORDS; at++) {
            word_t word = load_relaxed(words + at);
            if (word == 0)
                continue;
            word_t bits = lowest_bits(word, reserved > 0 ? reserved : most);
            if (reserved == 0) {
                reserved = pmm_field_reserve(pmm, field, lifetime, 1, count_bits(bits));
                if (reserved == 0)
                    return 0;
                bits = lowest_bits(bits, reserved);
            }
            if (!replace(words + at, &word, word & ~bits))
                continue;
            if (UNLIKELY(count_bits(bits) < reserved))
                pmm_field_unreserve(pmm, field, reserved - count_bits(bits));
            *base = field * FIELD_FRAMES + at * WORD_FRAMES;
            return bits;
        }
    } while (reserved > 0);
    return 0;
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
            set_bits(word + at, WORD_FULL);
        return false;
    }
    return true;
}

/* The field has no run of this order: says so, and looks once more, because one may have come meanwhile. */
static void forget_orders(const quire_pmm_t *pmm, size_t field, unsigned order)
{
    for (unsigned higher = order; higher <= EVERY_ORDER; higher++)
        put_in_tree(pmm, TREE_ORDER + higher, field, false);
    if ((load_relaxed(&pmm->fields[field]) & FIELD_COUNT) < 1u << order)
        return;
    for (unsigned higher = EVERY_ORDER; higher >= order; higher--) {
        if (find_run(words_of(pmm, field), higher) < FIELD_FRAMES) {
            hint_orders(pmm, field, higher);
            return;
        }
    }
}

bool pmm_field_take_run(const quire_pmm_t *pmm, size_t field, unsigned lifetime, unsigned order, size_t *index)
{
    word_t *words = words_of(pmm, field);

    if (pmm_field_reserve(pmm, field, lifetime, 1u << order, 1u << order) != 0) {
        unsigned start = find_run(words, order);
        while (start < FIELD_FRAMES) {
            if (take_bits(words, start, order)) {
                *index = field * FIELD_FRAMES + start;
                return true;
            }
            start = find_run(words, order);
        }
        add_count(pmm, field, 1u << order);
    }
    forget_orders(pmm, field, order);
    return false;
}
