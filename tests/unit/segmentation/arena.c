/* SPDX-License-Identifier: MIT */
/*
 * arena.c - tests of the arena of segments: the three policies, growth, compaction, and random work against real bytes.
 *
 * The arena's linear addresses are offsets into a buffer. Each segment is filled with a byte of its own, so that a move
 * that lost or mixed anything is seen.
 */
#include "test.h"

#define ARENA_BYTES  65536u
#define SEGMENTS_MAX 64
#define OWNERS       24
#define RANDOM_STEPS 500

static quire_arena_segment_t segments[SEGMENTS_MAX];
static quire_arena_t arena;
static uint8_t *memory;

static void move_bytes(void *context, const quire_arena_segment_t *segment, uint32_t new_start)
{
    uint8_t *base = context;

    for (uint32_t i = 0; i < segment->bytes; i++) {
        uint32_t at = new_start < segment->start ? i : segment->bytes - 1 - i;

        base[new_start + at] = base[segment->start + at];
    }
}

static void begin(quire_fit_t fit)
{
    memory = test_memory(ARENA_BYTES);
    quire_arena_init(&arena, 0, ARENA_BYTES, fit, segments, SEGMENTS_MAX);
    arena.move = move_bytes;
    arena.move_context = memory;
}

static uint32_t reserve(uint32_t bytes, uint32_t owner)
{
    uint32_t start = 0;

    CHECK_OK(quire_arena_reserve(&arena, bytes, owner, 0, &start));
    return start;
}

/* Holes of 0x400, 0x100 and 0x800 bytes between segments, and the rest of the arena used up. */
static void make_holes(quire_fit_t fit)
{
    begin(fit);
    for (uint32_t owner = 1; owner <= 7; owner++)
        (void)reserve(owner == 2 ? 0x400 : owner == 4 ? 0x100 : owner == 6 ? 0x800 : 0x40, owner);
    (void)reserve(ARENA_BYTES - 0x400 - 0x100 - 0x800 - 4 * 0x40, 8);
    quire_arena_release(&arena, 2);
    quire_arena_release(&arena, 4);
    quire_arena_release(&arena, 6);
    CHECK_OK(quire_arena_check(&arena));
}

TEST(arena, each_policy_takes_its_hole)
{
    make_holes(QUIRE_FIT_FIRST);
    CHECK_EQUAL(reserve(0x80, 9), 0x40);
    make_holes(QUIRE_FIT_BEST);
    CHECK_EQUAL(reserve(0x80, 9), 0x40 + 0x400 + 0x40);
    make_holes(QUIRE_FIT_WORST);
    CHECK_EQUAL(reserve(0x80, 9), 0x40 + 0x400 + 0x40 + 0x100 + 0x40);
}

TEST(arena, compaction_makes_one_hole_of_many)
{
    quire_arena_stats_t stats;
    uint32_t start = 77;

    make_holes(QUIRE_FIT_FIRST);
    CHECK_EQUAL(quire_arena_reserve(&arena, 0xc00, 9, 0, &start), QUIRE_NO_SPACE);
    CHECK_EQUAL(start, 77);
    quire_arena_stats(&arena, &stats);
    CHECK_EQUAL(stats.free_bytes, 0xd00);
    CHECK_EQUAL(stats.largest_hole_bytes, 0x800);
    CHECK_EQUAL(stats.holes, 3);
    /* Of 3 KiB (in whole KiB) the largest hole has 2. */
    CHECK_EQUAL(stats.external_per_thousand, 1000 - 2000 / 3);
    CHECK(quire_arena_compact(&arena, 0xc00) != 0);
    CHECK_OK(quire_arena_check(&arena));
    CHECK_OK(quire_arena_reserve(&arena, 0xc00, 9, 0, &start));
    CHECK_EQUAL(quire_arena_reserve(&arena, 0x200, 10, 0, &start), QUIRE_NO_MEMORY);
}

TEST(arena, compaction_moves_no_more_than_it_must)
{
    make_holes(QUIRE_FIT_FIRST);
    CHECK_EQUAL(quire_arena_compact(&arena, 0x800), 0);
    /* Sliding owner 3 down joins 0x400 and 0x100. */
    CHECK_EQUAL(quire_arena_compact(&arena, 0x900), 2 * 0x40);
}

TEST(arena, absurd_sizes_are_refused)
{
    uint32_t start = 77;

    begin(QUIRE_FIT_BEST);
    CHECK_EQUAL(quire_arena_reserve(&arena, 0, 1, 0, &start), QUIRE_INVALID);
    CHECK_EQUAL(quire_arena_reserve(&arena, UINT32_MAX, 1, 0, &start), QUIRE_NO_MEMORY);
    CHECK_EQUAL(quire_arena_reserve(&arena, ARENA_BYTES + 1, 1, 0, &start), QUIRE_NO_MEMORY);
    (void)reserve(ARENA_BYTES, 1);
    CHECK_EQUAL(quire_arena_resize(&arena, 1, 0, ARENA_BYTES + 1, &start), QUIRE_NO_SPACE);
    CHECK_EQUAL(quire_arena_resize(&arena, 1, 0, UINT32_MAX, &start), QUIRE_INVALID);
    CHECK_EQUAL(quire_arena_resize(&arena, 2, 0, 5, &start), QUIRE_NOT_FOUND);
    CHECK_EQUAL(start, 77);
}

static void fill(uint32_t owner)
{
    const quire_arena_segment_t *segment = quire_arena_find(&arena, owner, 0);

    for (uint32_t i = 0; i < segment->asked_bytes; i++)
        memory[segment->start + i] = (uint8_t)(owner * 7 + i);
}

static void verify(uint32_t owner, uint32_t bytes)
{
    const quire_arena_segment_t *segment = quire_arena_find(&arena, owner, 0);

    CHECK(segment != NULL);
    for (uint32_t i = 0; i < bytes; i++)
        CHECK_EQUAL(memory[segment->start + i], (uint8_t)(owner * 7 + i));
}

static void random_step(uint32_t *sizes)
{
    uint32_t owner = 1 + (uint32_t)test_random_below(OWNERS);
    uint32_t bytes = 1 + (uint32_t)test_random_below(6000);
    uint32_t start;

    if (sizes[owner] == 0) {
        if (quire_arena_reserve(&arena, bytes, owner, 0, &start) != QUIRE_OK)
            return;
        sizes[owner] = bytes;
    } else if (test_random_below(3) == 0) {
        quire_arena_release(&arena, owner);
        sizes[owner] = 0;
        return;
    } else {
        verify(owner, sizes[owner]);
        if (quire_arena_resize(&arena, owner, 0, bytes, &start) != QUIRE_OK)
            return;
        verify(owner, bytes < sizes[owner] ? bytes : sizes[owner]);
        sizes[owner] = bytes;
    }
    fill(owner);
}

TEST(arena, random_work_loses_no_byte)
{
    for (unsigned fit = QUIRE_FIT_FIRST; fit <= QUIRE_FIT_WORST; fit++) {
        uint32_t sizes[OWNERS + 1] = {0};

        begin((quire_fit_t)fit);
        for (unsigned step = 0; step < RANDOM_STEPS; step++) {
            random_step(sizes);
            if (test_random_below(16) == 0)
                (void)quire_arena_compact(&arena, (uint32_t)test_random_below(ARENA_BYTES));
            CHECK_OK(quire_arena_check(&arena));
        }
        for (uint32_t owner = 1; owner <= OWNERS; owner++) {
            if (sizes[owner] != 0)
                verify(owner, sizes[owner]);
        }
    }
}
