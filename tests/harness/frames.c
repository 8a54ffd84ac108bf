/* SPDX-License-Identifier: MIT */
/*
 * frames.c - PMMs for tests, the same in every home.
 *
 * Each PMM gets a block of RAM of its own from the home. Shortage is made by taking frames away: an allocation that
 * must fail at the nth step is prepared by leaving n free frames.
 */
#include "home.h"

#define PMMS_MAX 4

typedef struct test_frames {
    quire_pmm_t pmm;
    quire_memory_map_t map;
    quire_memory_region_t regions[8];
    size_t taken_count;
    size_t taken[TEST_BLOCK_FRAMES];
} test_frames_t;

static test_frames_t pool[PMMS_MAX];
static size_t pool_count;

quire_pmm_t *test_pmm(size_t frames)
{
    const quire_pa_t no_limit = {UINT64_MAX};
    test_frames_t *mine = &pool[pool_count];
    size_t bytes;

    CHECK(pool_count < PMMS_MAX);
    CHECK(frames > 0 && frames <= TEST_BLOCK_FRAMES);
    *mine = (test_frames_t){0};
    quire_memory_map_init(&mine->map, mine->regions, sizeof(mine->regions) / sizeof(mine->regions[0]));
    CHECK_OK(quire_memory_map_add(&mine->map, quire_pa_of_frame(test_home_block()), frames * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    bytes = quire_pmm_metadata_bytes(&mine->map, no_limit);
    CHECK_OK(quire_pmm_init(&mine->pmm, &mine->map, no_limit, test_memory(bytes), bytes));
    pool_count++;
    return &mine->pmm;
}

static test_frames_t *owner_of(const quire_pmm_t *pmm)
{
    for (size_t i = 0; i < pool_count; i++) {
        if (&pool[i].pmm == pmm)
            return &pool[i];
    }
    test_fail(__FILE__, __LINE__, "this PMM does not come from test_pmm()");
}

void test_pmm_leave(quire_pmm_t *pmm, size_t frames)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    test_frames_t *mine = owner_of(pmm);
    quire_pmm_stats_t stats;
    quire_frame_t frame;

    quire_pmm_stats(pmm, &stats);
    CHECK(stats.free_frames >= frames);
    for (size_t left = stats.free_frames; left > frames; left--) {
        CHECK_OK(quire_pmm_alloc(pmm, request, &frame));
        CHECK(mine->taken_count < TEST_BLOCK_FRAMES);
        mine->taken[mine->taken_count++] = frame.number;
    }
}

void test_pmm_restore(quire_pmm_t *pmm)
{
    test_frames_t *mine = owner_of(pmm);

    while (mine->taken_count > 0)
        CHECK_OK(quire_pmm_free(pmm, quire_frame(mine->taken[--mine->taken_count]), 0));
}

void test_frames_release(void)
{
    pool_count = 0;
}
