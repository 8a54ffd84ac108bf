/* SPDX-License-Identifier: MIT */
/* resize.c - realloc: in place upwards, in place downwards, moving, sliding, and failing without a trace. */
#include "support.h"

#include "string.h"

static quire_heap_stats_t stats_of(heap_home_t *home)
{
    quire_heap_stats_t stats;

    quire_heap_stats(&home->heap, &stats);
    return stats;
}

TEST(heap, resize_grows_into_a_free_upper_neighbour)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 100);
    void *upper = quire_heap_alloc(&home->heap, 100);
    void *wall = quire_heap_alloc(&home->heap, 100);

    CHECK(wall != NULL);
    heap_fill(block, 100, 1);
    quire_heap_free(&home->heap, upper);
    CHECK(quire_heap_realloc(&home->heap, block, 150) == block);
    CHECK(heap_is_filled(block, 100, 1));
    heap_expect_sound(home);
    CHECK(quire_heap_realloc(&home->heap, block, 100 + 100 + HEAP_HEADER_BYTES) == block);
    CHECK(heap_is_filled(block, 100, 1));
    CHECK_EQUAL(stats_of(home).allocs, 3);
    CHECK_EQUAL(stats_of(home).frees, 1);
    heap_expect_sound(home);
}

TEST(heap, resize_shrinks_and_gives_the_tail_to_its_neighbour)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 1000);
    void *wall = quire_heap_alloc(&home->heap, 100);
    size_t largest;

    heap_fill(block, 1000, 2);
    CHECK(quire_heap_realloc(&home->heap, block, 600) == block);
    CHECK_EQUAL(stats_of(home).free_blocks, 2);
    heap_expect_sound(home);
    CHECK(quire_heap_realloc(&home->heap, block, 300) == block);
    CHECK_EQUAL(stats_of(home).free_blocks, 2);
    heap_expect_sound(home);
    CHECK(heap_is_filled(block, 300, 2));
    quire_heap_free(&home->heap, wall);
    largest = stats_of(home).largest_free_bytes;
    CHECK_EQUAL(stats_of(home).free_blocks, 1);
    CHECK(quire_heap_realloc(&home->heap, block, 0) == block);
    CHECK(stats_of(home).largest_free_bytes > largest);
    CHECK_EQUAL(stats_of(home).used_bytes, HEAP_LEAST_BYTES);
    heap_expect_sound(home);
}

TEST(heap, resize_leaves_a_tail_that_is_too_small_for_a_block)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 10 * QUIRE_HEAP_ALIGN);
    void *wall = quire_heap_alloc(&home->heap, 100);

    CHECK(wall != NULL);
    heap_remember(home);
    CHECK(quire_heap_realloc(&home->heap, block, 9 * QUIRE_HEAP_ALIGN) == block);
    heap_expect_unchanged(home);
    CHECK(quire_heap_realloc(&home->heap, block, 8 * QUIRE_HEAP_ALIGN) == block);
    CHECK_EQUAL(quire_heap_usable_bytes(&home->heap, block), 8 * QUIRE_HEAP_ALIGN);
    heap_expect_sound(home);
}

TEST(heap, resize_moves_when_the_neighbour_is_used)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 100);
    void *wall = quire_heap_alloc(&home->heap, 100);
    void *moved;

    heap_fill(block, 100, 3);
    heap_fill(wall, 100, 4);
    moved = quire_heap_realloc(&home->heap, block, 500);
    CHECK(moved != NULL && moved != block);
    CHECK(heap_is_filled(moved, 100, 3) && heap_is_filled(wall, 100, 4));
    heap_expect_sound(home);
}

TEST(heap, realloc_of_null_is_an_allocation)
{
    heap_home_t *home = heap_home();

    CHECK(quire_heap_realloc(&home->heap, NULL, 100) != NULL);
    CHECK(quire_heap_realloc(&home->heap, NULL, 0) != NULL);
    CHECK_EQUAL(stats_of(home).used_blocks, 2);
    heap_expect_sound(home);
}

TEST(heap, resize_refused_the_old_block_stands)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 100);
    void *wall = quire_heap_alloc(&home->heap, 100);

    CHECK(wall != NULL);
    heap_fill(block, 100, 5);
    home->grows_left = 0;
    heap_remember(home);
    CHECK(quire_heap_realloc(&home->heap, block, 2 * HEAP_GROW_BYTES) == NULL);
    heap_expect_unchanged(home);
    CHECK(heap_is_filled(block, 100, 5));
    heap_expect_sound(home);
}

/* With nothing left anywhere else, a block slides down into the free memory below it. */
TEST(heap, resize_slides_down_as_a_last_resort)
{
    for (unsigned upper_free = 0; upper_free < 2; upper_free++) {
        heap_home_t *home = heap_home();
        void *lower = quire_heap_alloc(&home->heap, 300);
        void *block = quire_heap_alloc(&home->heap, 1000);
        void *upper = quire_heap_alloc(&home->heap, 200);
        void *rest = quire_heap_alloc(&home->heap, stats_of(home).largest_free_bytes - HEAP_HEADER_BYTES);
        size_t wanted = 1200 + (upper_free != 0 ? 200 : 0);
        void *moved;

        CHECK(rest != NULL);
        heap_fill(block, 1000, 6);
        quire_heap_free(&home->heap, lower);
        if (upper_free != 0)
            quire_heap_free(&home->heap, upper);
        home->grows_left = 0;
        moved = quire_heap_realloc(&home->heap, block, wanted);
        CHECK(moved == lower);
        CHECK(heap_is_filled(moved, 1000, 6));
        CHECK(quire_heap_usable_bytes(&home->heap, moved) >= wanted);
        heap_expect_sound(home);
        /* The place where the block stood is not taken for a block. */
        heap_fill(moved, 200, 7);
        heap_remember(home);
        quire_heap_free(&home->heap, block);
        heap_expect_report(home, block);
        heap_expect_unchanged(home);
    }
}

/* When the block slides further than it is long, its old header survives the move, and must not look like a block's. */
TEST(heap, resize_leaves_no_header_behind_when_it_slides)
{
    heap_home_t *home = heap_home();
    void *lower = quire_heap_alloc(&home->heap, 1500);
    void *block = quire_heap_alloc(&home->heap, 200);
    void *rest = quire_heap_alloc(&home->heap, stats_of(home).largest_free_bytes - HEAP_HEADER_BYTES);

    CHECK(rest != NULL);
    quire_heap_free(&home->heap, lower);
    home->grows_left = 0;
    CHECK(quire_heap_realloc(&home->heap, block, 1690) == lower);
    heap_remember(home);
    quire_heap_free(&home->heap, block);
    heap_expect_report(home, block);
    heap_expect_unchanged(home);
    heap_expect_sound(home);
}
