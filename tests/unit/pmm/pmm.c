/* SPDX-License-Identifier: MIT */
/* pmm.c - the contract of each call of the PMM, one at a time. */
#include "simulated.h"

static simulated_t simulated;

TEST(pmm, one_frame_of_each_order)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 2048);

    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        quire_frame_t frame;
        CHECK_OK(quire_pmm_alloc(pmm, request_of(order), &frame));
        CHECK_EQUAL(frame.number & (((size_t)1 << order) - 1), 0);
        CHECK(frame.number >= 0x3000 && frame.number + ((size_t)1 << order) <= 0x3000 + 2048);
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 1);
        quire_frame_info_t info = quire_pmm_frame_info(pmm, frame);
        CHECK(info.managed && info.allocated && info.references == 1);
        CHECK_EQUAL(info.order, order);
        CHECK_EQUAL(info.owner, QUIRE_OWNER_TEST);
        if (order > 0) {
            info = quire_pmm_frame_info(pmm, quire_frame(frame.number + ((size_t)1 << order) - 1));
            CHECK(info.managed && info.allocated && info.references == 0 && info.order == 0);
            CHECK_EQUAL(info.owner, QUIRE_OWNER_TEST);
        }
        CHECK_EQUAL(free_frames(pmm), 2048 - ((size_t)1 << order));
        CHECK_OK(quire_pmm_check(pmm));
        CHECK_OK(quire_pmm_free(pmm, frame, order));
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 0);
        info = quire_pmm_frame_info(pmm, frame);
        CHECK(info.managed && !info.allocated && info.references == 0);
        CHECK_EQUAL(info.owner, QUIRE_OWNER_TEST);
        CHECK_EQUAL(free_frames(pmm), 2048);
        CHECK_OK(quire_pmm_check(pmm));
    }
}

TEST(pmm, bad_requests)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 64);
    quire_frame_t frame = {7};

    CHECK_EQUAL(quire_pmm_alloc(pmm, request_of(QUIRE_PMM_ORDER_MAX + 1), &frame), QUIRE_INVALID);
    quire_pmm_request_t request = request_of(0);
    request.zone = QUIRE_ZONES;
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_INVALID);
    request = request_of(0);
    request.owner = QUIRE_OWNERS;
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_INVALID);
    request.owner = QUIRE_OWNER_NONE;
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_alloc(pmm, request_of(7), &frame), QUIRE_NO_MEMORY);
    CHECK_EQUAL(frame.number, 7);
    CHECK_EQUAL(free_frames(pmm), 64);
}

TEST(pmm, wrong_frees_change_nothing)
{
    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x3000, 256);
    simulated_usable(&simulated, 0x3400, 256);
    quire_pmm_t *pmm = simulated_start(&simulated);
    quire_frame_t block;
    quire_frame_t one;
    bool freed = true;

    CHECK_OK(quire_pmm_alloc(pmm, request_of(4), &block));
    CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &one));
    size_t before = free_frames(pmm);
    CHECK_EQUAL(quire_pmm_free(pmm, block, 3), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, block, 5), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, block, 77), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(block.number + 1), 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(block.number + 8), 3), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, one, 1), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(0), 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(1), 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(0x3200), 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(0x3500), 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(SIZE_MAX), 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_retain(pmm, quire_frame(0x3200)), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_retain(pmm, quire_frame(block.number + 1)), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_release(pmm, quire_frame(block.number + 1), &freed), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_release(pmm, quire_frame(SIZE_MAX), NULL), QUIRE_CORRUPT);
    CHECK(freed);
    CHECK_EQUAL(free_frames(pmm), before);
    CHECK_OK(quire_pmm_free(pmm, block, 4));
    CHECK_OK(quire_pmm_free(pmm, one, 0));
    CHECK_EQUAL(quire_pmm_free(pmm, block, 4), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_free(pmm, one, 0), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_release(pmm, one, &freed), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_retain(pmm, one), QUIRE_CORRUPT);
    CHECK_EQUAL(free_frames(pmm), 512);
    CHECK_OK(quire_pmm_check(pmm));
}

TEST(pmm, shared_frames_are_freed_by_the_last_holder)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 64);

    for (unsigned order = 0; order < 4; order += 3) {
        quire_frame_t frame;
        bool freed = true;
        CHECK_OK(quire_pmm_alloc(pmm, request_of(order), &frame));
        CHECK_OK(quire_pmm_retain(pmm, frame));
        CHECK_OK(quire_pmm_retain(pmm, frame));
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 3);
        CHECK_EQUAL(quire_pmm_frame_info(pmm, frame).references, 3);
        CHECK_EQUAL(quire_pmm_free(pmm, frame, order), QUIRE_CORRUPT);
        CHECK_OK(quire_pmm_release(pmm, frame, &freed));
        CHECK(!freed);
        CHECK_OK(quire_pmm_release(pmm, frame, NULL));
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 1);
        CHECK_OK(quire_pmm_check(pmm));
        CHECK_OK(quire_pmm_retain(pmm, frame));
        CHECK_OK(quire_pmm_release(pmm, frame, &freed));
        CHECK_OK(quire_pmm_release(pmm, frame, &freed));
        CHECK(freed);
        CHECK_EQUAL(free_frames(pmm), 64);
        CHECK_OK(quire_pmm_check(pmm));
    }
}

TEST(pmm, a_new_block_has_one_reference_whatever_was_there)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 1);

    for (unsigned round = 0; round < 300; round++) {
        quire_frame_t frame;
        CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 1);
        for (unsigned at = 0; at < round % 5; at++)
            CHECK_OK(quire_pmm_retain(pmm, frame));
        for (unsigned at = 0; at <= round % 5; at++)
            CHECK_OK(quire_pmm_release(pmm, frame, NULL));
    }
}

static void check_zone(quire_pmm_t *pmm, quire_zone_t zone, size_t frames, size_t end)
{
    static size_t taken[1024];
    quire_pmm_request_t request = request_of(0);
    quire_pmm_stats_t stats;
    quire_frame_t frame;
    size_t count = 0;

    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.zone_total_frames[zone], frames);
    CHECK_EQUAL(stats.zone_free_frames[zone], frames);
    request.zone = (uint8_t)zone;
    while (quire_pmm_alloc(pmm, request, &frame) == QUIRE_OK) {
        CHECK(frame.number < end && count < 1024);
        taken[count++] = frame.number;
    }
    CHECK_EQUAL(count, frames);
    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.zone_free_frames[zone], 0);
    while (count > 0)
        CHECK_OK(quire_pmm_free(pmm, quire_frame(taken[--count]), 0));
    CHECK_OK(quire_pmm_check(pmm));
}

TEST(pmm, the_zone_below_16_mib)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x1000 - 192, 512);

    check_zone(pmm, QUIRE_ZONE_BELOW_16M, 192, 0x1000);
    check_zone(pmm, QUIRE_ZONE_BELOW_4G, 512, 0x100000);
    check_zone(pmm, QUIRE_ZONE_ANY, 512, SIZE_MAX);
}

TEST(pmm, the_zone_below_4_gib)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x100000 - 300, 700);

    check_zone(pmm, QUIRE_ZONE_BELOW_16M, 0, 0);
    check_zone(pmm, QUIRE_ZONE_BELOW_4G, 300, 0x100000);
    check_zone(pmm, QUIRE_ZONE_ANY, 700, SIZE_MAX);
}

/* Requests without a zone spare the low memory as long as there is any other. */
TEST(pmm, low_memory_is_spared)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x1000 - 64, 128);
    quire_frame_t frame;

    for (unsigned at = 0; at < 64; at++) {
        CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
        CHECK(frame.number >= 0x1000);
    }
    CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
    CHECK(frame.number < 0x1000);
}

TEST(pmm, memory_that_joins_later)
{
    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x3000, 100);
    simulated_usable(&simulated, 0x3800, 100);
    quire_pmm_t *pmm = simulated_start(&simulated);

    CHECK_EQUAL(quire_pmm_add(pmm, quire_pa(0x3000000), 0x1000), QUIRE_EXISTS);
    CHECK_EQUAL(quire_pmm_add(pmm, quire_pa(0x3063000), 0x3000), QUIRE_EXISTS);
    CHECK_EQUAL(quire_pmm_add(pmm, quire_pa(0x1000), 0x1000), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_add(pmm, quire_pa((uint64_t)0x3900 << 12), 0x100000), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_add(pmm, quire_pa(0x3000000), UINT64_MAX), QUIRE_INVALID);
    CHECK_OK(quire_pmm_add(pmm, quire_pa(0x3100800), 0x1000));
    CHECK_OK(quire_pmm_add(pmm, quire_pa(0x3100800), 0));
    CHECK_EQUAL(free_frames(pmm), 200);
    CHECK(!quire_pmm_frame_info(pmm, quire_frame(0x3100)).managed);
    CHECK_OK(quire_pmm_add(pmm, quire_pa(0x3100800), 0x3000));
    CHECK_EQUAL(free_frames(pmm), 202);
    CHECK(quire_pmm_frame_info(pmm, quire_frame(0x3101)).managed);
    CHECK(!quire_pmm_frame_info(pmm, quire_frame(0x3103)).managed);
    CHECK_OK(quire_pmm_add(pmm, quire_pa(0x3200000), 0x400000));
    CHECK_EQUAL(free_frames(pmm), 202 + 1024);
    CHECK_OK(quire_pmm_check(pmm));
    quire_frame_t frame;
    CHECK_OK(quire_pmm_alloc(pmm, request_of(9), &frame));
    CHECK(frame.number == 0x3200 || frame.number == 0x3400);
    CHECK_EQUAL(quire_pmm_add(pmm, quire_pa_of_frame(frame), 0x1000), QUIRE_EXISTS);
    CHECK_OK(quire_pmm_check(pmm));
}

TEST(pmm, zeroed_frames_are_zero)
{
    quire_pmm_t *pmm = test_pmm(64);
    quire_frame_t frames[32];

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned at = 0; at < 32; at++) {
            quire_pmm_request_t request = request_of(at % 2);
            request.zeroed = true;
            CHECK_OK(quire_pmm_alloc(pmm, request, &frames[at]));
            uint8_t *bytes = quire_port_window_open(quire_frame(frames[at].number + at % 2));
            for (size_t offset = 0; offset < QUIRE_PAGE_BYTES; offset++) {
                CHECK_EQUAL(bytes[offset], 0);
                bytes[offset] = 0xa5;
            }
            quire_port_window_close(bytes);
        }
        for (unsigned at = 0; at < 32; at++)
            CHECK_OK(quire_pmm_free(pmm, frames[at], at % 2));
    }
}

TEST(pmm, events_tell_the_story)
{
    static quire_event_t ring[16];
    quire_pmm_t *pmm = test_pmm(64);
    quire_pmm_request_t request = request_of(2);
    uint64_t cursor = 0;
    quire_event_t event;
    quire_frame_t frame;

    request.zeroed = true;
    CHECK_OK(quire_event_start(ring, 16));
    cursor = quire_event_count();
    CHECK_OK(quire_pmm_alloc(pmm, request, &frame));
    CHECK_OK(quire_pmm_free(pmm, frame, 2));
    quire_event_stop();
    static const quire_event_kind_t kinds[] = {QUIRE_EVENT_FRAME_ALLOC, QUIRE_EVENT_FRAME_ZERO, QUIRE_EVENT_FRAME_FREE};
    for (unsigned at = 0; at < 3; at++) {
        CHECK(quire_event_read(&cursor, &event));
        CHECK_EQUAL(event.kind, kinds[at]);
        CHECK_EQUAL(event.frame, frame.number);
        CHECK_EQUAL(event.bytes, 4 * QUIRE_PAGE_BYTES);
        CHECK(event.kind == QUIRE_EVENT_FRAME_ZERO || (event.level == 2 && event.detail == QUIRE_OWNER_TEST));
    }
}

TEST(pmm, requests_for_zeros_are_judged_too)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 1024);
    quire_pmm_request_t request = request_of(0);
    quire_frame_t frame;

    request.zeroed = true;
    request.owner = QUIRE_OWNER_NONE;
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_INVALID);
    request.owner = QUIRE_OWNERS;
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_INVALID);
    request.owner = QUIRE_OWNER_TEST;
    request.lifetime = QUIRE_LIFETIMES;
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_INVALID);
    request.zeroed = false;
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_retain(pmm, quire_frame(0x3000 + 1024)), QUIRE_CORRUPT);
    CHECK_EQUAL(quire_pmm_release(pmm, quire_frame(0x2000), NULL), QUIRE_CORRUPT);
    CHECK_EQUAL(free_frames(pmm), 1024);
}

TEST(pmm, owners_are_counted)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 600);
    quire_frame_t frames[QUIRE_OWNERS];
    quire_pmm_stats_t stats;

    for (unsigned owner = 1; owner < QUIRE_OWNERS; owner++) {
        quire_pmm_request_t request = {.order = (uint8_t)owner, .owner = (uint8_t)owner};
        CHECK_OK(quire_pmm_alloc(pmm, request, &frames[owner]));
        CHECK(quire_owner_name((quire_owner_t)owner)[0] != '\0');
    }
    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.owner_frames[QUIRE_OWNER_NONE], 0);
    for (unsigned owner = 1; owner < QUIRE_OWNERS; owner++)
        CHECK_EQUAL(stats.owner_frames[owner], (size_t)1 << owner);
    CHECK_OK(quire_pmm_check(pmm));
    for (unsigned owner = 1; owner < QUIRE_OWNERS; owner++)
        CHECK_OK(quire_pmm_release(pmm, frames[owner], NULL));
    quire_pmm_stats(pmm, &stats);
    for (unsigned owner = 0; owner < QUIRE_OWNERS; owner++)
        CHECK_EQUAL(stats.owner_frames[owner], 0);
    CHECK(quire_owner_name((quire_owner_t)77) != NULL);
}

/* A table's word is its holder's: nobody takes it for references, and the next owner finds it as it was left. */
TEST(pmm, a_table_has_a_word_of_its_own)
{
    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x3000, 512);
    simulated_usable(&simulated, 0x4000000, 512);
    quire_pmm_t *pmm = simulated_start(&simulated);
    const quire_pmm_request_t table = {.owner = QUIRE_OWNER_TABLE, .lifetime = QUIRE_LIFETIME_TABLE};
    bool far = false;

    for (unsigned at = 0; at < 1024; at++) {
        quire_frame_t frame;
        CHECK_OK(quire_pmm_alloc(pmm, table, &frame));
        uint32_t *word = quire_pmm_word(pmm, frame);
        CHECK(word != NULL);
        CHECK_EQUAL(*word, 0);
        *word = 0xffffffff;
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 1);
        far |= frame.number >= 0x4000000;
        if (at % 64 == 0)
            CHECK_OK(quire_pmm_check(pmm));
        *word = 0;
        if (at % 2 == 0)
            CHECK_OK(quire_pmm_release(pmm, frame, NULL));
    }
    CHECK(far);
    CHECK_OK(quire_pmm_check(pmm));
    CHECK(quire_pmm_word(pmm, quire_frame(0x8000000)) == NULL);
    quire_frame_t user;
    CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &user));
    *quire_pmm_word(pmm, user) = 1;
    CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);
    *quire_pmm_word(pmm, user) = 0;
    CHECK_OK(quire_pmm_check(pmm));
}
