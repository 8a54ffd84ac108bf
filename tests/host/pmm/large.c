/* SPDX-License-Identifier: MIT */
/*
 * large.c - a quarter of a tebibyte, nearly all of it in use: searches that go up and down several levels of summaries.
 *
 * The frames do not exist, and of the metadata only what is touched does.
 */
#define _DEFAULT_SOURCE
#include <sys/mman.h>

#include "host.h"
#include "pmm/pmm.h"
#include "test.h"

#define FIRST  ((size_t)1 << 20) /* above all zones */
#define FRAMES ((size_t)1 << 26)
#define BLOCKS (FRAMES >> QUIRE_PMM_ORDER_MAX)
#define HOLES  40u

static quire_pmm_t pmm;
static size_t holes[HOLES];

/* Zeroed, and not there until it is touched. */
static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

static void start(void)
{
    static void *metadata;
    static size_t metadata_bytes;
    static quire_memory_region_t regions[4];
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST)), (uint64_t)FRAMES << QUIRE_PAGE_SHIFT,
                                  QUIRE_MEMORY_USABLE));
    size_t bytes = quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
    if (metadata != NULL)
        CHECK(munmap(metadata, metadata_bytes) == 0);
    metadata = reserve(bytes);
    metadata_bytes = bytes;
    CHECK_OK(quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), metadata, bytes));
}

static quire_pmm_request_t block_of(unsigned order, unsigned lifetime)
{
    return (quire_pmm_request_t){.order = (uint8_t)order, .owner = QUIRE_OWNER_TEST, .lifetime = (uint8_t)lifetime};
}

/* Takes all memory, and frees a few blocks far from each other. */
static void fill_but_for_holes(void)
{
    quire_frame_t frame;

    for (size_t at = 0; at < BLOCKS; at++)
        CHECK_OK(quire_pmm_alloc(&pmm, block_of(QUIRE_PMM_ORDER_MAX, 0), &frame));
    CHECK_EQUAL(quire_pmm_alloc(&pmm, block_of(0, 0), &frame), QUIRE_NO_MEMORY);
    for (size_t at = 0; at < HOLES; at++) {
        holes[at] = FIRST + (((at * BLOCKS) / HOLES) << QUIRE_PMM_ORDER_MAX);
        CHECK_OK(quire_pmm_free(&pmm, quire_frame(holes[at]), QUIRE_PMM_ORDER_MAX));
    }
}

/* The block that a frame lies in; each frame comes once. */
static size_t hole_of(quire_frame_t frame)
{
    for (size_t at = 0; at < HOLES; at++) {
        if (frame.number - holes[at] < (size_t)1 << QUIRE_PMM_ORDER_MAX)
            return at;
    }
    test_fail(__FILE__, __LINE__, "a frame that was in use was handed out");
}

TEST(pmm_large, what_is_left_is_found_wherever_it_is)
{
    static const unsigned orders[] = {10, 9, 8, 3, 0};

    start();
    fill_but_for_holes();
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        size_t most = HOLES << (QUIRE_PMM_ORDER_MAX - orders[i]);
        quire_frame_t *held = reserve(most * sizeof(*held));
        size_t count[HOLES] = {0};
        for (size_t at = 0; at < most; at++) {
            CHECK_OK(quire_pmm_alloc(&pmm, block_of(orders[i], at % QUIRE_LIFETIMES), &held[at]));
            count[hole_of(held[at])]++;
        }
        CHECK_EQUAL(quire_pmm_alloc(&pmm, block_of(orders[i], 0), &held[0]), QUIRE_NO_MEMORY);
        for (size_t at = 0; at < HOLES; at++)
            CHECK_EQUAL(count[at], (size_t)1 << (QUIRE_PMM_ORDER_MAX - orders[i]));
        for (size_t at = 0; at < most; at++)
            CHECK_OK(quire_pmm_free(&pmm, held[at], orders[i]));
        CHECK(munmap(held, most * sizeof(*held)) == 0);
    }
    CHECK_OK(quire_pmm_check(&pmm));
}

/* Chunks of another lifetime are passed over for a while only; then a block is taken from them all the same. */
TEST(pmm_large, a_lifetime_is_a_hint_for_blocks_too)
{
    quire_frame_t frame;
    quire_frame_t one;

    start();
    fill_but_for_holes();
    for (size_t at = 0; at < 2 * HOLES; at++) {
        CHECK_OK(quire_pmm_alloc(&pmm, block_of(9, 0), &frame));
        CHECK_OK(quire_pmm_split(&pmm, frame, 9));
        for (size_t inside = 0; inside < 511; inside++)
            CHECK_OK(quire_pmm_free(&pmm, quire_frame(frame.number + inside), 0));
    }
    CHECK_OK(quire_pmm_alloc(&pmm, block_of(4, QUIRE_LIFETIME_LONG), &one));
    (void)hole_of(one);
    CHECK_OK(quire_pmm_check(&pmm));
}
