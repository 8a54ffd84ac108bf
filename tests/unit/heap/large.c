/* SPDX-License-Identifier: MIT */
/* large.c - blocks beyond the growth step: what they keep while they are held, and that nothing else keeps them. */
#include "support.h"

#include "string.h"

#define MANY 40 /* extents, every second of which goes: more runs of memory than a heap remembers */

static quire_heap_stats_t stats_of(heap_home_t *home)
{
    quire_heap_stats_t stats;

    quire_heap_stats(&home->heap, &stats);
    return stats;
}

/* A large block, a small one while it is held, and the large one is freed: eight times, each larger than the last. */
TEST(heap, small_blocks_do_not_keep_large_extents)
{
    heap_home_t *home = heap_home();

    for (unsigned i = 0; i < 8; i++) {
        void *large = quire_heap_alloc(&home->heap, (10 + i) * HEAP_GROW_BYTES);

        CHECK(large != NULL && quire_heap_alloc(&home->heap, 100) != NULL);
        heap_expect_sound(home);
        quire_heap_free(&home->heap, large);
        heap_expect_sound(home);
    }
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(stats_of(home).used_blocks, 8);
    CHECK(stats_of(home).source_bytes <= 8 * HEAP_GROW_BYTES);
}

TEST(heap, a_spare_large_extent_is_not_cut_up_for_small_blocks)
{
    heap_home_t *home = heap_home();
    void *large = quire_heap_alloc(&home->heap, 5 * HEAP_GROW_BYTES);

    quire_heap_free(&home->heap, large);
    CHECK_EQUAL(home->extents, 1);
    CHECK(quire_heap_alloc(&home->heap, 100) != NULL && quire_heap_alloc_aligned(&home->heap, 64, 100) != NULL);
    CHECK_EQUAL(home->extents, 2);
    heap_expect_sound(home);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(stats_of(home).source_bytes, HEAP_GROW_BYTES);
    heap_expect_sound(home);
}

/* Of several spare extents the smallest, and none that would keep more than a growth step beside the block. */
TEST(heap, a_large_block_reuses_what_fits)
{
    heap_home_t *home = heap_home();
    void *six = quire_heap_alloc(&home->heap, 6 * HEAP_GROW_BYTES);
    void *five = quire_heap_alloc(&home->heap, 5 * HEAP_GROW_BYTES);

    quire_heap_free(&home->heap, six);
    quire_heap_free(&home->heap, five);
    CHECK_EQUAL(home->extents, 2);
    CHECK(quire_heap_alloc(&home->heap, 5 * HEAP_GROW_BYTES - 500) == five);
    CHECK_EQUAL(stats_of(home).grows, 2);
    CHECK(quire_heap_alloc(&home->heap, 2 * HEAP_GROW_BYTES) != six);
    CHECK_EQUAL(stats_of(home).grows, 3);
    CHECK(quire_heap_alloc(&home->heap, 6 * HEAP_GROW_BYTES - 2000) == six);
    CHECK_EQUAL(stats_of(home).grows, 3);
    heap_expect_sound(home);
}

/* The gap that an alignment leaves is nobody's; all of it goes back together. */
TEST(heap, an_aligned_block_does_not_share_its_extent)
{
    heap_home_t *home = heap_home();
    const size_t align = 8 * HEAP_GROW_BYTES;
    uint8_t *block = quire_heap_alloc_aligned(&home->heap, align, 100);
    void *small;

    CHECK(block != NULL && ((uintptr_t)block & (align - 1)) == 0);
    heap_fill(block, 100, 1);
    small = quire_heap_alloc(&home->heap, 3000);
    CHECK(small != NULL);
    heap_fill(small, 3000, 2);
    CHECK(heap_is_filled(block, 100, 1));
    heap_expect_sound(home);
    quire_heap_free(&home->heap, block);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(stats_of(home).source_bytes, HEAP_GROW_BYTES);
    heap_expect_sound(home);
}

TEST(heap, a_large_block_that_shrinks_far_moves)
{
    heap_home_t *home = heap_home();
    uint8_t *block = quire_heap_alloc(&home->heap, 12 * HEAP_GROW_BYTES);
    uint8_t *moved;

    heap_fill(block, 100, 1);
    moved = quire_heap_realloc(&home->heap, block, 100);
    CHECK(moved != NULL && moved != block && heap_is_filled(moved, 100, 1));
    heap_expect_sound(home);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(stats_of(home).source_bytes, HEAP_GROW_BYTES);
    CHECK_EQUAL(stats_of(home).used_blocks, 1);
}

TEST(heap, a_large_block_that_shrinks_a_little_stays)
{
    heap_home_t *home = heap_home();
    uint8_t *block = quire_heap_alloc(&home->heap, 12 * HEAP_GROW_BYTES);

    heap_fill(block, 5 * HEAP_GROW_BYTES, 1);
    heap_remember(home);
    CHECK(quire_heap_realloc(&home->heap, block, 12 * HEAP_GROW_BYTES - 3000) == block);
    heap_expect_unchanged(home);
    block = quire_heap_realloc(&home->heap, block, 5 * HEAP_GROW_BYTES);
    CHECK(block != NULL && heap_is_filled(block, 5 * HEAP_GROW_BYTES, 1));
    quire_heap_trim(&home->heap);
    CHECK(stats_of(home).source_bytes <= 6 * HEAP_GROW_BYTES);
    heap_expect_sound(home);
}

/* Nothing to move to: a block that is larger than was wished is better than none. */
TEST(heap, a_large_block_that_cannot_move_stays)
{
    heap_home_t *home = heap_home();
    uint8_t *block = quire_heap_alloc(&home->heap, 12 * HEAP_GROW_BYTES);

    heap_fill(block, 100, 1);
    home->grows_left = 0;
    heap_remember(home);
    CHECK(quire_heap_realloc(&home->heap, block, 100) == block);
    CHECK(quire_heap_realloc(&home->heap, block, 13 * HEAP_GROW_BYTES) == NULL);
    heap_expect_unchanged(home);
    CHECK(heap_is_filled(block, 100, 1));
}

/* With nothing left elsewhere, the gap below an aligned block is room to grow; nothing else gets what is left. */
TEST(heap, a_large_block_slides_within_its_extent)
{
    heap_home_t *home = heap_home();
    uint8_t *block = quire_heap_alloc_aligned(&home->heap, 8 * HEAP_GROW_BYTES, 2000);
    size_t usable = quire_heap_usable_bytes(&home->heap, block);
    uint8_t *moved;

    if ((stats_of(home).free_blocks) == 0)
        test_skip("the memory was aligned by chance");
    heap_fill(block, 2000, 1);
    home->grows_left = 0;
    moved = quire_heap_realloc(&home->heap, block, usable + 100);
    CHECK(moved != NULL && moved < block && heap_is_filled(moved, 2000, 1));
    CHECK_EQUAL(stats_of(home).free_blocks, 0);
    heap_expect_sound(home);
    quire_heap_free(&home->heap, moved);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(home->extents, 0);
}

TEST(heap, where_nothing_goes_back_nothing_is_large)
{
    heap_home_t *home = heap_home();

    home->heap.source.shrink = NULL;
    quire_heap_free(&home->heap, quire_heap_alloc(&home->heap, 20 * HEAP_GROW_BYTES));
    for (unsigned i = 0; i < 100; i++)
        CHECK(quire_heap_alloc(&home->heap, 500) != NULL);
    CHECK_EQUAL(home->extents, 1);
    heap_expect_sound(home);
}

/* A step of a few bytes does not make an extent of each block: a page is the least. */
TEST(heap, a_tiny_growth_step_is_a_page)
{
    heap_home_t *home = heap_home();

    home->heap.source.grow_bytes = 1;
    for (unsigned i = 0; i < 30; i++)
        CHECK(quire_heap_alloc(&home->heap, 90) != NULL);
    CHECK(home->extents <= 5);
    heap_expect_sound(home);
}

/* Islands: a large block each, of which every second is freed again. */
static heap_home_t *home_of_islands(uint8_t *blocks[MANY])
{
    heap_home_t *home = heap_home();

    home->heap.source.keep_bytes = 1;
    for (unsigned i = 0; i < MANY; i++) {
        blocks[i] = quire_heap_alloc(&home->heap, HEAP_GROW_BYTES + 500 * (i % 4));
        CHECK(blocks[i] != NULL);
        heap_fill(blocks[i], 64, i);
    }
    CHECK_EQUAL(home->heap.runs[1].span, 0);
    for (unsigned i = 0; i < MANY; i += 2)
        quire_heap_free(&home->heap, blocks[i]);
    CHECK_EQUAL(home->extents, MANY / 2);
    heap_expect_sound(home);
    return home;
}

TEST(heap, islands_are_told_from_the_holes_between_them)
{
    uint8_t *blocks[MANY];
    heap_home_t *home = home_of_islands(blocks);

    for (unsigned i = 0; i < MANY; i += 2) {
        heap_remember(home);
        quire_heap_free(&home->heap, blocks[i]);
        heap_expect_report(home, blocks[i]);
        CHECK(quire_heap_realloc(&home->heap, blocks[i], 50) == NULL);
        heap_expect_report(home, blocks[i]);
        CHECK_EQUAL(quire_heap_usable_bytes(&home->heap, blocks[i]), 0);
        heap_expect_report(home, blocks[i]);
        heap_expect_unchanged(home);
    }
    for (unsigned i = 1; i < MANY; i += 2) {
        CHECK(heap_is_filled(blocks[i], 64, i));
        CHECK(quire_heap_usable_bytes(&home->heap, blocks[i]) >= HEAP_GROW_BYTES);
        quire_heap_free(&home->heap, blocks[i]);
        heap_expect_sound(home);
        quire_heap_free(&home->heap, blocks[i]);
        heap_expect_report(home, blocks[i]);
    }
    CHECK_EQUAL(home->extents, 0);
}

/* Small blocks on islands: most are outside of the run that the short way knows. */
TEST(heap, blocks_on_islands_join_as_elsewhere)
{
    uint8_t *walls[MANY];
    heap_home_t *home = home_of_islands(walls);
    void *blocks[60];

    for (unsigned i = 0; i < 60; i++) {
        blocks[i] = quire_heap_alloc(&home->heap, 1000);
        CHECK(blocks[i] != NULL);
        heap_fill(blocks[i], 1000, i);
    }
    for (unsigned i = 0; i < 60; i++) {
        unsigned at = i * 7 % 60;

        CHECK(heap_is_filled(blocks[at], 1000, at));
        quire_heap_free(&home->heap, blocks[at]);
        heap_expect_sound(home);
    }
    CHECK_EQUAL(stats_of(home).used_blocks, MANY / 2);
    CHECK_EQUAL(home->extents, MANY / 2);
}

/* The extents' records: every bit is found by the check, and no call follows a wrong one. */
TEST(heap, check_finds_any_flipped_bit_of_an_extent)
{
    uint8_t *blocks[MANY];
    heap_home_t *home = home_of_islands(blocks);

    for (unsigned i = 1; i < MANY; i += 6) {
        size_t *extent = (size_t *)(void *)(blocks[i] - HEAP_HEADER_BYTES - HEAP_EXTENT_BYTES);

        for (unsigned bit = 0; bit < 8 * HEAP_EXTENT_BYTES; bit++) {
            size_t *word = &extent[bit / (8 * sizeof(size_t))];
            size_t flipped = (size_t)1 << bit % (8 * sizeof(size_t));

            *word ^= flipped;
            heap_remember(home);
            CHECK_EQUAL(quire_heap_check(&home->heap), QUIRE_CORRUPT);
            heap_expect_report(home, extent);
            quire_heap_free(&home->heap, blocks[i]);
            CHECK_EQUAL(home->reports, 1);
            home->reports = 0;
            quire_heap_trim(&home->heap);
            heap_expect_unchanged(home);
            *word ^= flipped;
        }
    }
    heap_expect_sound(home);
}

/* What the heap believes about its memory is checked against the extents. */
TEST(heap, check_finds_runs_that_are_wrong)
{
    uint8_t *blocks[MANY];
    heap_home_t *home = home_of_islands(blocks);
    quire_heap_run_t kept;

    for (unsigned at = 0; at < QUIRE_HEAP_RUNS; at++) {
        kept = home->heap.runs[at];
        for (unsigned bit = 4; bit < 20; bit++) {
            home->heap.runs[at].span ^= (uintptr_t)1 << bit;
            CHECK_EQUAL(quire_heap_check(&home->heap), QUIRE_CORRUPT);
            CHECK_EQUAL(home->reports, 1);
            home->reports = 0;
            home->heap.runs[at] = kept;
        }
    }
    heap_expect_sound(home);
}
