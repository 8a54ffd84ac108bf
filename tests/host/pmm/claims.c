/* SPDX-License-Identifier: MIT */
/*
 * claims.c - what a CPU has claimed: others get it when they need it, a stopped CPU keeps little, interrupts may come
 * at any moment.
 */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "host.h"
#include "pmm/pmm.h"

#define FRAMES      2048
#define FIRST_FRAME 0x50000

static quire_pmm_t pmm;
static quire_frame_t taken[FRAMES];

static void start_pmm(void)
{
    static quire_memory_region_t regions[4];
    const quire_pa_t no_limit = {UINT64_MAX};
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), FRAMES * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    size_t bytes = quire_pmm_metadata_bytes(&map, no_limit);
    CHECK_OK(quire_pmm_init(&pmm, &map, no_limit, test_memory(bytes), bytes));
}

static size_t take_all(unsigned order)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST, .order = (uint8_t)order};
    size_t count = 0;

    while (count < FRAMES && quire_pmm_alloc(&pmm, request, &taken[count]) == QUIRE_OK)
        count++;
    return count;
}

static void give_all(size_t count, unsigned order)
{
    while (count > 0)
        CHECK_OK(quire_pmm_free(&pmm, taken[--count], order));
}

static quire_frame_t take_one(unsigned cpu)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    quire_frame_t frame;

    host_use_cpu(cpu);
    CHECK_OK(quire_pmm_alloc(&pmm, request, &frame));
    host_use_cpu(0);
    return frame;
}

TEST(pmm_claims, others_get_what_a_cpu_has_claimed)
{
    start_pmm();
    for (unsigned order = 0; order <= 9; order += 3) {
        quire_frame_t first = take_one(1);
        quire_frame_t second = take_one(2);
        quire_pmm_stats_t stats;
        quire_pmm_stats(&pmm, &stats);
        CHECK_EQUAL(stats.free_frames, FRAMES - 2);
        CHECK(stats.claimed_frames > 0 && stats.claimed_frames < 2 * CHUNK_FRAMES);
        CHECK_OK(quire_pmm_check(&pmm));
        size_t count = take_all(order);
        CHECK(order > 0 || count == FRAMES - 2);
        CHECK(count >= (size_t)(FRAMES - 2 * 512) >> order);
        CHECK_OK(quire_pmm_check(&pmm));
        give_all(count, order);
        CHECK_OK(quire_pmm_free(&pmm, first, 0));
        CHECK_OK(quire_pmm_free(&pmm, second, 0));
    }
    quire_pmm_stats_t stats;
    quire_pmm_stats(&pmm, &stats);
    CHECK_EQUAL(stats.free_huge_frames, FRAMES / 512);
    CHECK_EQUAL(take_all(10), 2);
}

/* A CPU stopped in the middle of a change keeps what its CPU cache holds, and stops nobody. */
TEST(pmm_claims, a_stopped_cpu_stops_nobody)
{
    start_pmm();
    quire_frame_t first = take_one(1);
    magazine_t *magazine = magazine_of(&pmm, 1, QUIRE_LIFETIME_MOVABLE);
    size_t kept = magazine->count + count_bits(magazine->mask);
    magazine->inside = 1;
    size_t count = take_all(0);
    CHECK_EQUAL(count, FRAMES - 1 - kept);
    CHECK(kept < WORD_FRAMES);
    magazine->inside = 0;
    quire_frame_t more = take_one(0);
    CHECK_OK(quire_pmm_free(&pmm, more, 0));
    give_all(count, 0);
    CHECK_OK(quire_pmm_free(&pmm, first, 0));
    CHECK_OK(quire_pmm_check(&pmm));
    CHECK_EQUAL(take_all(0), FRAMES);
}

/* CPUs without a CPU cache, and calls that interrupt one in the CPU cache, work on the shared chunks. */
TEST(pmm_claims, without_a_cpu_cache)
{
    start_pmm();
    host_use_cpu(QUIRE_PMM_CPUS);
    size_t count = take_all(0);
    CHECK_EQUAL(count, FRAMES);
    give_all(count, 0);
    host_use_cpu(0);
    CHECK_OK(quire_pmm_check(&pmm));
    magazine_of(&pmm, 0, QUIRE_LIFETIME_MOVABLE)->inside = 1;
    count = take_all(0);
    CHECK_EQUAL(count, FRAMES);
    give_all(count, 0);
    magazine_of(&pmm, 0, QUIRE_LIFETIME_MOVABLE)->inside = 0;
    CHECK_OK(quire_pmm_check(&pmm));
}

static volatile unsigned interrupts;

static void interrupt(int number)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_DEVICE, .lifetime = QUIRE_LIFETIME_LONG};
    quire_frame_t frames[5];

    (void)number;
    interrupts++;
    for (unsigned at = 0; at < 5; at++)
        CHECK_OK(quire_pmm_alloc(&pmm, request, &frames[at]));
    for (unsigned at = 0; at < 5; at++)
        CHECK_OK(quire_pmm_free(&pmm, frames[at], 0));
}

TEST(pmm_claims, interrupts_at_any_moment)
{
    const struct itimerval often = {{0, 50}, {0, 50}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    struct sigaction action;
    static uint8_t mine[FRAMES];
    size_t count = 0;

    start_pmm();
    memset(mine, 0, sizeof(mine));
    memset(&action, 0, sizeof(action));
    action.sa_handler = interrupt;
    interrupts = 0;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (unsigned step = 0; step < 400000 * test_effort(); step++) {
        if (count < FRAMES / 2 && test_random_below(2) == 0) {
            taken[count] = take_one(0);
            uint8_t *byte = &mine[taken[count++].number - FIRST_FRAME];
            CHECK_EQUAL(*byte, 0);
            *byte = 1;
        } else if (count > 0) {
            size_t pick = test_random_below(count);
            mine[taken[pick].number - FIRST_FRAME] = 0;
            CHECK_OK(quire_pmm_free(&pmm, taken[pick], 0));
            taken[pick] = taken[--count];
        }
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    signal(SIGALRM, SIG_IGN);
    CHECK(interrupts > 100);
    give_all(count, 0);
    CHECK_OK(quire_pmm_check(&pmm));
    CHECK_EQUAL(take_all(0), FRAMES);
}

static bool give_when_asked(void *context, unsigned order)
{
    size_t *count = context;

    (void)order;
    if (*count == 0)
        return false;
    CHECK_OK(quire_pmm_free(&pmm, taken[--*count], 0));
    return true;
}

TEST(pmm_claims, the_shrinker_is_asked_last)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    quire_frame_t frame;

    start_pmm();
    size_t count = take_all(0);
    CHECK_EQUAL(count, FRAMES);
    count = 10;
    quire_pmm_set_shrinker(&pmm, give_when_asked, &count);
    for (unsigned at = 0; at < 10; at++)
        CHECK_OK(quire_pmm_alloc(&pmm, request, &frame));
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(quire_pmm_alloc(&pmm, request, &frame), QUIRE_NO_MEMORY);
    CHECK_OK(quire_pmm_check(&pmm));
}

TEST(pmm_claims, references_stick_at_their_maximum)
{
    start_pmm();
    quire_frame_t frame = take_one(0);
    size_t index = frame.number - FIRST_FRAME;
    bool freed = true;

    CHECK_OK(quire_pmm_retain(&pmm, frame));
    pmm.extra[index] = EXTRA_PINNED - 2;
    CHECK_OK(quire_pmm_release(&pmm, frame, &freed));
    CHECK_EQUAL(pmm.extra[index], EXTRA_PINNED - 3);
    for (unsigned at = 0; at < 10; at++)
        CHECK_OK(quire_pmm_retain(&pmm, frame));
    CHECK_EQUAL(pmm.extra[index], EXTRA_PINNED);
    for (unsigned at = 0; at < 10; at++)
        CHECK_OK(quire_pmm_release(&pmm, frame, &freed));
    CHECK(!freed);
    CHECK_EQUAL(pmm.extra[index], EXTRA_PINNED);
    CHECK_EQUAL(quire_pmm_free(&pmm, frame, 0), QUIRE_CORRUPT);
}

/* A thousand times until empty and back. */
TEST(pmm_claims, a_thousand_times_until_empty)
{
    start_pmm();
    for (unsigned round = 0; round < 1000; round++) {
        size_t count = take_all(0);
        CHECK_EQUAL(count, FRAMES);
        for (size_t left = count; left > 0; left--) {
            size_t pick = round % 2 == 0 ? left - 1 : test_random_below(left);
            CHECK_OK(quire_pmm_free(&pmm, taken[pick], 0));
            taken[pick] = taken[left - 1];
        }
        if (round % 50 == 0)
            CHECK_OK(quire_pmm_check(&pmm));
    }
    CHECK_EQUAL(take_all(10), FRAMES / 1024);
}
