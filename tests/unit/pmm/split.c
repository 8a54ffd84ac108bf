/* SPDX-License-Identifier: MIT */
/* split.c - blocks divided, frames asked for by number, frames filled with zeros ahead of need. */
#include "pmm/pmm.h"
#include "simulated.h"

static simulated_t simulated;

static void check_single(const quire_pmm_t *pmm, size_t number, quire_owner_t owner)
{
    quire_frame_info_t info = quire_pmm_frame_info(pmm, quire_frame(number));

    CHECK(info.allocated);
    CHECK_EQUAL(info.owner, owner);
    CHECK_EQUAL(info.order, 0);
    CHECK_EQUAL(info.references, 1);
}

TEST(pmm, blocks_of_every_order_are_divided)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0xc00, 8 * 1024);
    size_t total = free_frames(pmm);

    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        for (unsigned zone = 0; zone < QUIRE_ZONES; zone += 2) {
            quire_pmm_request_t request = request_of(order);
            quire_frame_t frame;
            request.zone = (uint8_t)zone;
            request.owner = QUIRE_OWNER_USER;
            CHECK_OK(quire_pmm_alloc(pmm, request, &frame));
            CHECK_OK(quire_pmm_split(pmm, frame, order));
            CHECK_OK(quire_pmm_check(pmm));
            CHECK_EQUAL(free_frames(pmm), total - ((size_t)1 << order));
            for (size_t at = 0; at < (size_t)1 << order; at++) {
                check_single(pmm, frame.number + at, QUIRE_OWNER_USER);
                CHECK_OK(quire_pmm_retain(pmm, quire_frame(frame.number + at)));
                CHECK_OK(quire_pmm_release(pmm, quire_frame(frame.number + at), NULL));
                CHECK_OK(quire_pmm_free(pmm, quire_frame(frame.number + at), 0));
            }
            CHECK_OK(quire_pmm_check(pmm));
            CHECK_EQUAL(free_frames(pmm), total);
        }
    }
}

TEST(pmm, what_cannot_be_divided_stays_whole)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 4 * 1024);
    quire_frame_t frame;

    for (unsigned order = 1; order <= QUIRE_PMM_ORDER_MAX; order++) {
        CHECK_OK(quire_pmm_alloc(pmm, request_of(order), &frame));
        CHECK_EQUAL(quire_pmm_split(pmm, frame, order - 1), QUIRE_CORRUPT);
        CHECK_EQUAL(quire_pmm_split(pmm, quire_frame(frame.number + 1), order), QUIRE_CORRUPT);
        CHECK_OK(quire_pmm_retain(pmm, frame));
        CHECK_EQUAL(quire_pmm_split(pmm, frame, order), QUIRE_DENIED);
        CHECK_OK(quire_pmm_release(pmm, frame, NULL));
        CHECK_EQUAL(quire_pmm_frame_info(pmm, frame).order, order);
        CHECK_OK(quire_pmm_free(pmm, frame, order));
        CHECK_EQUAL(quire_pmm_split(pmm, frame, order), QUIRE_CORRUPT);
        CHECK_OK(quire_pmm_check(pmm));
    }
    CHECK_EQUAL(quire_pmm_split(pmm, quire_frame(1), 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_split(pmm, frame, 77), QUIRE_CORRUPT);
}

/* A huge frame of a chunk that has never been written is told by its last owner all the same. */
TEST(pmm, the_last_owner_of_a_huge_frame_is_known)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 4 * 1024);
    quire_pmm_request_t request = request_of(9);
    quire_frame_t frame;

    request.owner = QUIRE_OWNER_DEVICE;
    CHECK_OK(quire_pmm_alloc(pmm, request, &frame));
    CHECK_OK(quire_pmm_free(pmm, frame, 9));
    CHECK_EQUAL(quire_pmm_frame_info(pmm, frame).owner, QUIRE_OWNER_DEVICE);
    CHECK_EQUAL(quire_pmm_frame_info(pmm, quire_frame(frame.number + 1)).owner, QUIRE_OWNER_NONE);
    CHECK_EQUAL(quire_pmm_free(pmm, frame, 9), QUIRE_CORRUPT);
    /* And when its frames are used one by one. */
    CHECK_OK(quire_pmm_take(pmm, quire_frame(frame.number + 7), 1, QUIRE_OWNER_TEST));
    CHECK_EQUAL(quire_pmm_frame_info(pmm, frame).owner, QUIRE_OWNER_DEVICE);
    CHECK_OK(quire_pmm_check(pmm));
}

/* --- by number --- */

TEST(pmm, frames_are_taken_by_number)
{
    static const size_t counts[] = {1, 2, 31, 32, 33, 63, 64, 65, 511, 512, 513, 1500};
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 4 * 1024);
    size_t total = free_frames(pmm);

    for (unsigned at = 0; at < sizeof(counts) / sizeof(counts[0]); at++) {
        for (size_t start = 0x3000; start < 0x3200; start += 73) {
            CHECK_OK(quire_pmm_take(pmm, quire_frame(start), counts[at], QUIRE_OWNER_DEVICE));
            CHECK_OK(quire_pmm_check(pmm));
            CHECK_EQUAL(free_frames(pmm), total - counts[at]);
            check_single(pmm, start, QUIRE_OWNER_DEVICE);
            check_single(pmm, start + counts[at] - 1, QUIRE_OWNER_DEVICE);
            for (size_t number = start; number < start + counts[at]; number++)
                CHECK_OK(quire_pmm_release(pmm, quire_frame(number), NULL));
            CHECK_EQUAL(free_frames(pmm), total);
        }
    }
    CHECK_OK(quire_pmm_check(pmm));
}

TEST(pmm, all_by_number_or_none)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 4 * 1024);
    size_t total = free_frames(pmm);
    quire_frame_t used = quire_frame(0x3000 + 700);

    CHECK_OK(quire_pmm_take(pmm, used, 1, QUIRE_OWNER_TEST));
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(0x3000), 1024, QUIRE_OWNER_TEST), QUIRE_EXISTS);
    CHECK_EQUAL(quire_pmm_take(pmm, used, 1, QUIRE_OWNER_TEST), QUIRE_EXISTS);
    CHECK_EQUAL(free_frames(pmm), total - 1);
    CHECK_OK(quire_pmm_check(pmm));
    CHECK_OK(quire_pmm_take(pmm, quire_frame(0x3000), 700, QUIRE_OWNER_TEST));
    CHECK_OK(quire_pmm_take(pmm, quire_frame(used.number + 1), 4096 - 701, QUIRE_OWNER_TEST));
    CHECK_EQUAL(free_frames(pmm), 0);
    CHECK_OK(quire_pmm_check(pmm));
}

TEST(pmm, nonsense_by_number_is_refused)
{
    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x3000, 600);
    simulated_usable(&simulated, 0x3300, 600);
    quire_pmm_t *pmm = simulated_start(&simulated);

    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(0x3000), 0, QUIRE_OWNER_TEST), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(1), 1, QUIRE_OWNER_TEST), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(0x3000), SIZE_MAX, QUIRE_OWNER_TEST), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(SIZE_MAX), 2, QUIRE_OWNER_TEST), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(0x3000), 1, QUIRE_OWNER_NONE), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(0x3000), 1, QUIRE_OWNERS), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(0x3000), 601, QUIRE_OWNER_TEST), QUIRE_INVALID);
    CHECK_EQUAL(free_frames(pmm), 1200);
    CHECK_OK(quire_pmm_check(pmm));
}

/* The CPU has claimed the rest of the word that its frame comes from. */
TEST(pmm, claimed_frames_are_taken_by_number_too)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 1024);
    quire_frame_t frame;

    CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
    for (size_t number = 0x3000; number < 0x3400; number++) {
        quire_status_t status = quire_pmm_take(pmm, quire_frame(number), 1, QUIRE_OWNER_TEST);
        CHECK_EQUAL(status, number == frame.number ? QUIRE_EXISTS : QUIRE_OK);
    }
    CHECK_EQUAL(free_frames(pmm), 0);
    CHECK_OK(quire_pmm_check(pmm));
}

/* --- zeros --- */

static bool is_zero(quire_frame_t frame)
{
    const uint32_t *window = quire_port_window_open(frame);
    uint32_t any = 0;

    for (size_t at = 0; at < QUIRE_PAGE_BYTES / sizeof(*window); at++)
        any |= window[at];
    quire_port_window_close((void *)(uintptr_t)window);
    return any == 0;
}

/* Every frame has been written by somebody. */
static quire_pmm_t *dirty_pmm(size_t frames)
{
    quire_pmm_t *pmm = test_pmm(frames);
    quire_frame_t held[256];
    size_t count = 0;

    for (; quire_pmm_alloc(pmm, request_of(0), &held[count]) == QUIRE_OK; count++) {
        uint32_t *window = quire_port_window_open(held[count]);
        for (size_t at = 0; at < QUIRE_PAGE_BYTES / sizeof(*window); at++)
            window[at] = 0xdddddddd;
        quire_port_window_close(window);
    }
    CHECK_EQUAL(count, frames);
    while (count > 0)
        CHECK_OK(quire_pmm_free(pmm, held[--count], 0));
    return pmm;
}

static size_t zeroed_frames(const quire_pmm_t *pmm)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(pmm, &stats);
    CHECK(stats.zeroed_frames <= stats.claimed_frames);
    CHECK_EQUAL(stats.cpu_claimed_frames[quire_port_cpu()], stats.claimed_frames);
    return stats.zeroed_frames;
}

TEST(pmm, frames_are_zeroed_ahead)
{
    quire_pmm_t *pmm = dirty_pmm(256);
    quire_pmm_request_t request = request_of(0);
    quire_frame_t frame;

    for (unsigned at = 0; at < 40; at++)
        CHECK(quire_pmm_zero_ahead(pmm));
    CHECK_EQUAL(zeroed_frames(pmm), 40);
    CHECK_EQUAL(free_frames(pmm), 256);
    CHECK_OK(quire_pmm_check(pmm));
    request.zeroed = true;
    for (unsigned at = 0; at < 60; at++) {
        CHECK_OK(quire_pmm_alloc(pmm, request, &frame));
        CHECK(is_zero(frame));
        check_single(pmm, frame.number, QUIRE_OWNER_TEST);
        CHECK_EQUAL(zeroed_frames(pmm), at < 40 ? 39 - at : 0);
    }
    CHECK_OK(quire_pmm_check(pmm));
}

/* Zeroed frames are free memory: whoever needs the last frame gets it. */
TEST(pmm, zeroed_frames_are_for_everybody)
{
    quire_pmm_t *pmm = dirty_pmm(256);
    quire_frame_t frame;
    unsigned ready = 0;

    while (quire_pmm_zero_ahead(pmm))
        ready++;
    CHECK_EQUAL(ready, POOLS * MAGAZINE_FRAMES);
    CHECK_EQUAL(zeroed_frames(pmm), ready);
    CHECK_OK(quire_pmm_alloc(pmm, request_of(7), &frame));
    CHECK_OK(quire_pmm_free(pmm, frame, 7));
    for (unsigned at = 0; at < 256; at++)
        CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
    CHECK_EQUAL(quire_pmm_alloc(pmm, request_of(0), &frame), QUIRE_NO_MEMORY);
    CHECK(!quire_pmm_zero_ahead(pmm));
    CHECK_EQUAL(zeroed_frames(pmm), 0);
    CHECK_OK(quire_pmm_check(pmm));
}

/* What is scattered stays where it is. */
TEST(pmm, nothing_is_zeroed_ahead_where_memory_is_short)
{
    quire_pmm_t *pmm = test_pmm(64);
    quire_frame_t held[64];

    for (unsigned at = 0; at < 64; at++)
        CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &held[at]));
    for (unsigned at = 0; at < 64; at += 8)
        CHECK_OK(quire_pmm_free(pmm, held[at], 0));
    CHECK_EQUAL(free_frames(pmm), 8); /* puts back what the CPU has claimed */
    CHECK(!quire_pmm_zero_ahead(pmm));
    CHECK_EQUAL(free_frames(pmm), 8);
    CHECK_OK(quire_pmm_check(pmm));
}
