/* SPDX-License-Identifier: MIT */
/* hostile.c - starting a PMM on maps that no honest machine has. */
#include "simulated.h"

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
