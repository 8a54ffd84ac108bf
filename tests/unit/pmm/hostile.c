/* SPDX-License-Identifier: MIT */
/* hostile.c - starting a PMM on maps that no honest machine has. */
#include "simulated.h"
#include "string.h"

static simulated_t simulated;

TEST(pmm, nothing_usable)
{
    size_t bytes = 0x10000;
    void *memory = test_memory(bytes);

    simulated_begin(&simulated);
    CHECK_EQUAL(quire_pmm_metadata_bytes(&simulated.map, no_limit), 0);
    CHECK_EQUAL(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, memory, bytes), QUIRE_INVALID);
    simulated_usable(&simulated, 0, 1); /* frame 0 alone */
    CHECK_EQUAL(quire_pmm_metadata_bytes(&simulated.map, no_limit), 0);
    CHECK_OK(quire_memory_map_add(&simulated.map, quire_pa(0x5800), 0x1000, QUIRE_MEMORY_USABLE)); /* no whole frame */
    CHECK_EQUAL(quire_pmm_metadata_bytes(&simulated.map, no_limit), 0);
    simulated_usable(&simulated, 0x100000, 16); /* at the limit */
    CHECK_EQUAL(quire_pmm_metadata_bytes(&simulated.map, quire_pa((uint64_t)1 << 32)), 0);
    CHECK_EQUAL(quire_pmm_init(&simulated.pmm, &simulated.map, quire_pa((uint64_t)1 << 32), memory, bytes),
                QUIRE_INVALID);
    CHECK(!simulated.map.sealed);
}

TEST(pmm, metadata_that_will_not_do)
{
    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x3000, 5000);
    size_t bytes = quire_pmm_metadata_bytes(&simulated.map, no_limit);
    uint8_t *memory = test_memory(bytes + QUIRE_PAGE_BYTES);
    CHECK_EQUAL(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, memory, bytes - 1), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, memory, 0), QUIRE_INVALID);
    CHECK_EQUAL(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, memory + 64, bytes), QUIRE_INVALID);
    CHECK_OK(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, memory, bytes));
    CHECK(simulated.map.sealed);
}

/* What memory the PMM is given holds any garbage: none of it must show. */
TEST(pmm, metadata_need_not_be_zero)
{
    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x3003, 1021);
    simulated_usable(&simulated, 0x3440, 3000);
    size_t bytes = quire_pmm_metadata_bytes(&simulated.map, no_limit);
    uint8_t *memory = test_memory(bytes);
    for (size_t at = 0; at < bytes; at++)
        memory[at] = (uint8_t)test_random();
    CHECK_OK(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, memory, bytes));
    CHECK_OK(quire_pmm_check(&simulated.pmm));
    CHECK_EQUAL(free_frames(&simulated.pmm), 4021);
    for (size_t number = 0x3000; number < 0x4000; number++) {
        CHECK_EQUAL(quire_pmm_free(&simulated.pmm, quire_frame(number), 0), QUIRE_CORRUPT);
        CHECK_EQUAL(quire_pmm_references(&simulated.pmm, quire_frame(number)), 0);
        CHECK(!quire_pmm_frame_info(&simulated.pmm, quire_frame(number)).allocated);
    }
    quire_frame_t frame;
    for (size_t at = 0; at < 4021; at++) {
        CHECK_OK(quire_pmm_alloc(&simulated.pmm, request_of(0), &frame));
        CHECK_EQUAL(quire_pmm_references(&simulated.pmm, frame), 1);
    }
    CHECK_EQUAL(quire_pmm_alloc(&simulated.pmm, request_of(0), &frame), QUIRE_NO_MEMORY);
    CHECK_OK(quire_pmm_check(&simulated.pmm));
}

/* The first thing that is ever taken is a block of a large order, and what lies there is all ones. */
TEST(pmm, large_blocks_over_metadata_of_ones)
{
    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        quire_pmm_t *pmm = &simulated.pmm;
        quire_frame_t frame;
        bool freed = true;
        simulated_begin(&simulated);
        simulated_usable(&simulated, 0x4000, 4096);
        size_t bytes = quire_pmm_metadata_bytes(&simulated.map, no_limit);
        CHECK_OK(quire_pmm_init(pmm, &simulated.map, no_limit, memset(test_memory(bytes), 0xff, bytes), bytes));
        CHECK_OK(quire_pmm_alloc(pmm, request_of(order), &frame));
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 1);
        CHECK_OK(quire_pmm_check(pmm));
        CHECK_OK(quire_pmm_retain(pmm, frame));
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 2);
        CHECK_EQUAL(quire_pmm_free(pmm, frame, order), QUIRE_CORRUPT);
        CHECK_OK(quire_pmm_release(pmm, frame, &freed));
        CHECK(!freed);
        CHECK_OK(quire_pmm_free(pmm, frame, order));
        CHECK_EQUAL(quire_pmm_free(pmm, frame, order), QUIRE_CORRUPT);
        CHECK_OK(quire_pmm_check(pmm));
        CHECK_EQUAL(free_frames(pmm), 4096);
    }
}

/* RAM that begins and ends at an odd multiple of 2 MiB: blocks of 4 MiB are aligned in memory, and each is found again
   when its halves come back one by one, in either order. */
TEST(pmm, large_blocks_where_memory_starts_at_an_odd_border)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x4200, 4 * 512);
    quire_frame_t halves[4];
    quire_frame_t frame;

    for (unsigned round = 0; round < 24; round++) {
        CHECK_OK(quire_pmm_alloc(pmm, request_of(10), &frame));
        CHECK_EQUAL(frame.number, 0x4400);
        CHECK_EQUAL(quire_pmm_alloc(pmm, request_of(10), &halves[0]), QUIRE_NO_MEMORY);
        CHECK_OK(quire_pmm_free(pmm, frame, 10));
        for (unsigned at = 0; at < 4; at++)
            CHECK_OK(quire_pmm_alloc(pmm, request_of(9), &halves[at]));
        CHECK_EQUAL(quire_pmm_alloc(pmm, request_of(10), &frame), QUIRE_NO_MEMORY);
        for (unsigned left = 4; left > 0; left--) {
            size_t pick = (size_t)test_random_below(left);
            CHECK_OK(quire_pmm_free(pmm, halves[pick], 9));
            halves[pick] = halves[left - 1];
        }
        CHECK_OK(quire_pmm_check(pmm));
    }
}

/* Who has had to claim from another lifetime's chunk goes on in one of its own as soon as there is one. */
TEST(pmm, claims_return_to_their_own_lifetime)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x4000, 1024);
    const quire_pmm_request_t movable = request_of(0);
    quire_pmm_request_t lasting = request_of(0);
    quire_frame_t huge;
    quire_frame_t first;
    quire_frame_t frame;

    lasting.lifetime = QUIRE_LIFETIME_LONG;
    CHECK_OK(quire_pmm_alloc(pmm, movable, &first));
    CHECK_OK(quire_pmm_alloc(pmm, request_of(9), &huge));
    CHECK_OK(quire_pmm_alloc(pmm, lasting, &frame)); /* there is only the other's */
    CHECK_EQUAL(frame.number >> 9, first.number >> 9);
    CHECK_OK(quire_pmm_free(pmm, huge, 9));
    /* What has been claimed already is used first: a word. */
    for (unsigned at = 0; at < 64; at++)
        CHECK_OK(quire_pmm_alloc(pmm, lasting, &frame));
    for (unsigned at = 0; at < 64; at++) {
        CHECK_OK(quire_pmm_alloc(pmm, lasting, &frame));
        CHECK_EQUAL(frame.number >> 9, huge.number >> 9);
    }
}

TEST(pmm, metadata_cost_at_most_8_bytes_a_frame)
{
    for (size_t frames = 4096; frames <= (size_t)1 << 19; frames *= 2) {
        simulated_begin(&simulated);
        simulated_usable(&simulated, 0x10000, frames);
        CHECK(quire_pmm_metadata_bytes(&simulated.map, no_limit) <= frames * 8);
    }
}

/* Every frame handed out lies whole in usable memory, below the limit, and is not frame 0. */
static void check_all_frames(size_t limit)
{
    quire_pmm_t *pmm = &simulated.pmm;
    size_t expected = free_frames(pmm);
    size_t count = 0;
    quire_frame_t frame;

    while (quire_pmm_alloc(pmm, request_of(0), &frame) == QUIRE_OK) {
        uint64_t start = quire_pa_of_frame(frame).value;
        CHECK(frame.number != 0 && frame.number < limit);
        CHECK_EQUAL(quire_memory_map_bytes(&simulated.map, start, start + QUIRE_PAGE_BYTES, QUIRE_MEMORY_USABLE),
                    QUIRE_PAGE_BYTES);
        count++;
    }
    CHECK_EQUAL(count, expected);
    CHECK_OK(quire_pmm_check(pmm));
}

TEST(pmm, random_maps)
{
    const size_t room = (size_t)1 << 20;
    void *memory = test_memory(room);

    for (unsigned run = 0; run < 60 * test_effort(); run++) {
        uint64_t span = (uint64_t)1 << (18 + test_random_below(6));
        uint64_t base = test_random_below(3) == 0 ? 0 : test_random() >> (64 - 38);
        simulated_begin(&simulated);
        for (unsigned at = 0; at < 24; at++) {
            quire_memory_kind_t kind = (quire_memory_kind_t)(1 + test_random_below(QUIRE_MEMORY_KINDS - 1));
            if (at % 2 == 0)
                kind = QUIRE_MEMORY_USABLE;
            quire_status_t status = quire_memory_map_add(&simulated.map, quire_pa(base + test_random_below(span)),
                                                         test_random_below(span / 4), kind);
            CHECK(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        }
        quire_pa_t limit = quire_pa(base + test_random_below(2 * span));
        size_t bytes = quire_pmm_metadata_bytes(&simulated.map, limit);
        if (bytes == 0)
            continue;
        CHECK(bytes <= room);
        CHECK_OK(quire_pmm_init(&simulated.pmm, &simulated.map, limit, memory, room));
        CHECK_OK(quire_pmm_check(&simulated.pmm));
        check_all_frames((size_t)(limit.value >> QUIRE_PAGE_SHIFT));
    }
}
