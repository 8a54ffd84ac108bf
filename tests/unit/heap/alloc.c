/* SPDX-License-Identifier: MIT */
/* alloc.c - allocating, freeing, splitting, joining, growing and shrinking, one property at a time. */
#include "support.h"

#include "string.h"

static bool is_aligned(const void *block, size_t align)
{
    return ((uintptr_t)block & (align - 1)) == 0;
}

static quire_heap_stats_t stats_of(heap_home_t *home)
{
    quire_heap_stats_t stats;

    quire_heap_stats(&home->heap, &stats);
    return stats;
}

/* Blocks of equal size one behind the other, at the start of a fresh heap. */
static void allocate_row(heap_home_t *home, void **blocks, unsigned count, size_t bytes)
{
    for (unsigned i = 0; i < count; i++) {
        blocks[i] = quire_heap_alloc(&home->heap, bytes);
        CHECK(blocks[i] != NULL);
        CHECK(i == 0 || (uintptr_t)blocks[i] > (uintptr_t)blocks[i - 1]);
    }
}

TEST(heap, gives_every_small_size_aligned_and_apart)
{
    heap_home_t *home = heap_home();
    void *blocks[300];

    for (unsigned i = 0; i < 300; i++) {
        blocks[i] = quire_heap_alloc(&home->heap, i);
        CHECK(blocks[i] != NULL);
        CHECK(is_aligned(blocks[i], QUIRE_HEAP_ALIGN));
        CHECK(quire_heap_usable_bytes(&home->heap, blocks[i]) >= i);
        heap_fill(blocks[i], quire_heap_usable_bytes(&home->heap, blocks[i]), i);
    }
    heap_expect_sound(home);
    for (unsigned i = 0; i < 300; i++) {
        CHECK(heap_is_filled(blocks[i], quire_heap_usable_bytes(&home->heap, blocks[i]), i));
        quire_heap_free(&home->heap, blocks[i]);
    }
    heap_expect_sound(home);
    CHECK_EQUAL(stats_of(home).used_blocks, 0);
}

TEST(heap, takes_no_more_than_a_header_and_rounding)
{
    heap_home_t *home = heap_home();

    for (size_t bytes = 0; bytes < 2500; bytes += 11) {
        size_t before = stats_of(home).used_bytes;
        size_t least = bytes + HEAP_HEADER_BYTES < HEAP_LEAST_BYTES ? HEAP_LEAST_BYTES : bytes + HEAP_HEADER_BYTES;

        CHECK(quire_heap_alloc(&home->heap, bytes) != NULL);
        /* A rest that is too small to be a block of its own stays with the block. */
        CHECK(stats_of(home).used_bytes - before <= least + QUIRE_HEAP_ALIGN - 1 + HEAP_LEAST_BYTES);
    }
}

TEST(heap, refuses_absurd_sizes_and_changes_nothing)
{
    static const size_t absurd[] = {SIZE_MAX,          SIZE_MAX - 1,           SIZE_MAX - QUIRE_HEAP_ALIGN,
                                    SIZE_MAX - 4096,   SIZE_MAX / 2 + 1,       SIZE_MAX / 2,
                                    SIZE_MAX / 2 - 64, (SIZE_MAX / 4) * 3 + 1, SIZE_MAX / 2 - 4200};
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 100);

    heap_fill(block, 100, 1);
    heap_remember(home);
    for (unsigned i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
        CHECK(quire_heap_alloc(&home->heap, absurd[i]) == NULL);
        CHECK(quire_heap_realloc(&home->heap, block, absurd[i]) == NULL);
        CHECK(quire_heap_realloc(&home->heap, NULL, absurd[i]) == NULL);
        CHECK(quire_heap_alloc_aligned(&home->heap, 64, absurd[i]) == NULL);
        CHECK(quire_heap_alloc_aligned(&home->heap, SIZE_MAX / 2 + 1, absurd[i]) == NULL);
        CHECK(quire_heap_alloc_zeroed(&home->heap, 1, absurd[i]) == NULL);
        CHECK(quire_heap_alloc_zeroed(&home->heap, absurd[i], 3) == NULL);
    }
    CHECK(quire_heap_alloc_zeroed(&home->heap, (size_t)1 << (sizeof(size_t) * 4), (size_t)1 << (sizeof(size_t) * 4)) ==
          NULL);
    CHECK(quire_heap_alloc_aligned(&home->heap, SIZE_MAX / 2 + 1, 8) == NULL);
    CHECK(quire_heap_alloc_aligned(&home->heap, 0, 8) == NULL);
    CHECK(quire_heap_alloc_aligned(&home->heap, 3, 8) == NULL);
    CHECK(quire_heap_alloc_aligned(&home->heap, 24, 8) == NULL);
    heap_expect_unchanged(home);
    heap_expect_sound(home);
}

TEST(heap, zeroed_memory_is_zero_even_when_reused)
{
    heap_home_t *home = heap_home();
    static const uint8_t zeros[600];

    for (unsigned i = 1; i < 200; i++) {
        uint8_t *block = quire_heap_alloc_zeroed(&home->heap, i, 3);

        CHECK(block != NULL && memcmp(block, zeros, 3 * i) == 0);
        memset(block, 0xff, quire_heap_usable_bytes(&home->heap, block));
        if (i % 3 != 0)
            quire_heap_free(&home->heap, block);
    }
    CHECK(quire_heap_alloc_zeroed(&home->heap, 0, 100) != NULL);
    heap_expect_sound(home);
}

TEST(heap, aligns_to_every_power_of_two)
{
    heap_home_t *home = heap_home();
    void *blocks[64];
    unsigned count = 0;

    for (size_t align = 1; align <= 65536; align *= 2) {
        for (size_t bytes = 1; bytes < 3000; bytes = bytes * 5 + 3) {
            void *block = quire_heap_alloc_aligned(&home->heap, align, bytes);

            CHECK(block != NULL && is_aligned(block, align) && is_aligned(block, QUIRE_HEAP_ALIGN));
            CHECK(quire_heap_usable_bytes(&home->heap, block) >= bytes);
            heap_fill(block, bytes, count);
            heap_expect_sound(home);
            if (count < 64)
                blocks[count++] = block;
            else
                quire_heap_free(&home->heap, block);
        }
    }
    while (count != 0)
        quire_heap_free(&home->heap, blocks[--count]);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(home->extents, 0);
    heap_expect_sound(home);
}

TEST(heap, joins_neighbours_whatever_the_order)
{
    static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    heap_home_t *home = heap_home();

    for (unsigned i = 0; i < 6; i++) {
        void *blocks[3];

        allocate_row(home, blocks, 3, 100);
        CHECK_EQUAL(stats_of(home).free_blocks, 1);
        for (unsigned j = 0; j < 3; j++) {
            quire_heap_free(&home->heap, blocks[orders[i][j]]);
            heap_expect_sound(home);
        }
        CHECK_EQUAL(stats_of(home).free_blocks, 1);
        CHECK_EQUAL(stats_of(home).largest_free_bytes, stats_of(home).free_bytes);
    }
    CHECK_EQUAL(stats_of(home).grows, 1);
}

TEST(heap, reuses_a_hole_before_it_asks_the_source)
{
    heap_home_t *home = heap_home();
    void *blocks[8];
    void *again;

    allocate_row(home, blocks, 8, 400);
    quire_heap_free(&home->heap, blocks[3]);
    again = quire_heap_alloc(&home->heap, 390);
    CHECK(again == blocks[3]);
    CHECK_EQUAL(stats_of(home).grows, 1);
    heap_expect_sound(home);
}

/* In one class of sizes, the first in the list is too small and one behind it fits: it is found, not grown for. */
TEST(heap, looks_further_in_the_class_before_it_grows)
{
    heap_home_t *home = heap_home();
    const size_t small = 32 * QUIRE_HEAP_ALIGN;
    const size_t large = small + 2 * QUIRE_HEAP_ALIGN;
    void *fits = quire_heap_alloc(&home->heap, large);
    void *wall = quire_heap_alloc(&home->heap, 1);
    void *tight = quire_heap_alloc(&home->heap, small);
    void *rest;

    CHECK(fits != NULL && wall != NULL && tight != NULL);
    rest = quire_heap_alloc(&home->heap, stats_of(home).largest_free_bytes - HEAP_HEADER_BYTES);
    CHECK(rest != NULL);
    CHECK_EQUAL(stats_of(home).free_blocks, 0);
    quire_heap_free(&home->heap, fits);
    quire_heap_free(&home->heap, tight);
    CHECK(quire_heap_alloc(&home->heap, large) == fits);
    CHECK_EQUAL(stats_of(home).grows, 1);
    heap_expect_sound(home);
}

TEST(heap, grows_by_what_is_needed_when_there_is_no_more)
{
    heap_home_t *home = heap_home();
    size_t chunks = 0;

    while (chunks < HEAP_CHUNKS - 1)
        home->taken[chunks++] = true;
    CHECK(quire_heap_alloc(&home->heap, 500) != NULL);
    CHECK_EQUAL(home->grow_calls, 2);
    CHECK_EQUAL(stats_of(home).source_bytes, HEAP_CHUNK_BYTES);
    CHECK(quire_heap_alloc(&home->heap, 900) == NULL);
    heap_expect_sound(home);
}

TEST(heap, keeps_a_spare_extent_and_gives_back_the_rest)
{
    heap_home_t *home = heap_home();
    void *blocks[40];

    for (unsigned i = 0; i < 40; i++)
        blocks[i] = quire_heap_alloc(&home->heap, HEAP_GROW_BYTES - 200);
    CHECK_EQUAL(home->extents, 40);
    for (unsigned i = 0; i < 40; i++)
        quire_heap_free(&home->heap, blocks[i]);
    CHECK_EQUAL(home->extents, 16);
    heap_expect_sound(home);
    for (unsigned i = 0; i < 1000; i++)
        quire_heap_free(&home->heap, quire_heap_alloc(&home->heap, 3000));
    CHECK_EQUAL(stats_of(home).grows, 40);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(home->extents, 0);
    heap_expect_sound(home);
}

TEST(heap, a_large_extent_goes_back_at_once)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 20 * HEAP_GROW_BYTES);

    CHECK(block != NULL);
    CHECK_EQUAL(home->extents, 1);
    quire_heap_free(&home->heap, block);
    CHECK_EQUAL(home->extents, 0);
    heap_expect_sound(home);
}

/* Spare extents are no use to a request that none of them can hold; the source can make one large extent of them. */
TEST(heap, gives_spares_back_when_the_source_is_short)
{
    heap_home_t *home = heap_home();
    void *blocks[8];
    size_t chunks;

    for (chunks = 0; chunks < HEAP_CHUNKS - 40; chunks++)
        home->taken[chunks] = true;
    for (unsigned i = 0; i < 8; i++)
        blocks[i] = quire_heap_alloc(&home->heap, HEAP_GROW_BYTES - 200);
    for (unsigned i = 0; i < 8; i++)
        quire_heap_free(&home->heap, blocks[i]);
    CHECK_EQUAL(home->extents, 8);
    CHECK(quire_heap_alloc(&home->heap, 30 * HEAP_CHUNK_BYTES) != NULL);
    CHECK_EQUAL(home->extents, 1);
    heap_expect_sound(home);
}

TEST(heap, a_source_need_not_be_page_aligned_nor_take_back)
{
    heap_home_t *home = heap_home();
    void *blocks[50];

    home->offset = QUIRE_HEAP_ALIGN;
    home->heap.source.shrink = NULL;
    for (unsigned i = 0; i < 50; i++)
        blocks[i] = quire_heap_alloc(&home->heap, i * 137);
    heap_expect_sound(home);
    CHECK(stats_of(home).source_bytes > 20 * HEAP_GROW_BYTES);
    for (unsigned i = 0; i < 50; i++)
        quire_heap_free(&home->heap, blocks[i]);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(stats_of(home).used_bytes, 0);
    CHECK_EQUAL(stats_of(home).shrinks, 0);
    heap_expect_sound(home);
}

static void grow_badly(void *context)
{
    heap_home_t *home = context;

    CHECK(quire_heap_alloc(&home->heap, 100) == NULL);
}

TEST(heap, a_source_that_answers_unaligned_is_a_bug_of_the_caller)
{
    heap_home_t *home = heap_home();

    home->offset = 1;
    CHECK(test_panics(grow_badly, home));
}

static quire_status_t grow_too_little(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    heap_home_t *home = context;

    *memory = home->arena;
    *memory_bytes = bytes - 1;
    return QUIRE_OK;
}

TEST(heap, a_source_that_gives_too_little_is_a_bug_of_the_caller)
{
    heap_home_t *home = heap_home();

    home->heap.source.grow = grow_too_little;
    home->heap.source.grow_bytes = 1;
    CHECK(test_panics(grow_badly, home));
}

TEST(heap, destroy_gives_everything_back)
{
    heap_home_t *home = heap_home();

    for (unsigned i = 0; i < 200; i++)
        CHECK(quire_heap_alloc(&home->heap, i * 13) != NULL);
    CHECK(home->extents > 10);
    quire_heap_destroy(&home->heap);
    CHECK_EQUAL(home->extents, 0);
    CHECK_OK(quire_heap_check(&home->heap));
    CHECK_EQUAL(stats_of(home).allocs, 0);
    CHECK(quire_heap_alloc(&home->heap, 10) != NULL);
    CHECK_EQUAL(home->extents, 1);
}

/* Two heaps take turns at one source, so that their extents lie in between each other. */
TEST(heap, many_heaps_live_beside_each_other)
{
    heap_home_t *home = heap_home();
    quire_heap_t *other = test_memory(sizeof(*other));
    void *blocks[60];

    quire_heap_init(other, &home->heap.source);
    for (unsigned i = 0; i < 60; i++) {
        blocks[i] = quire_heap_alloc(i % 2 == 0 ? &home->heap : other, 700);
        heap_fill(blocks[i], 700, i);
    }
    for (unsigned i = 0; i < 60; i++) {
        CHECK(heap_is_filled(blocks[i], 700, i));
        quire_heap_free(i % 2 == 0 ? &home->heap : other, blocks[i]);
        CHECK_OK(quire_heap_check(&home->heap));
        CHECK_OK(quire_heap_check(other));
    }
    quire_heap_destroy(other);
    quire_heap_destroy(&home->heap);
    CHECK_EQUAL(home->extents, 0);
}
