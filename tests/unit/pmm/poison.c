/* SPDX-License-Identifier: MIT */
/*
 * poison.c - a write after free is found when the frame is handed out again.
 *
 * This is a second build of alloc.c and free.c, with poison and other names: everything else that it needs is the same
 * in both.
 */
#define QUIRE_PMM_POISON   1
#define quire_pmm_alloc    poisoned_alloc
#define quire_pmm_free     poisoned_free
#define quire_pmm_release  poisoned_release
#define quire_pmm_hand_out poisoned_hand_out

#include "pmm/alloc.c"

#include "pmm/free.c"

#include "test.h"

static const quire_pmm_request_t one = {.owner = QUIRE_OWNER_TEST};

static void write_byte(quire_frame_t frame, size_t offset, uint8_t value)
{
    uint8_t *window = quire_port_window_open(frame);

    window[offset] = value;
    quire_port_window_close(window);
}

TEST(pmm_poison, honest_frames_come_and_go)
{
    quire_pmm_t *pmm = test_pmm(64);
    quire_frame_t frames[16];

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned order = 0; order < 3; order++) {
            for (unsigned at = 0; at < 8; at++) {
                quire_pmm_request_t request = one;
                request.order = (uint8_t)order;
                request.zeroed = at % 2 == 0;
                CHECK_OK(quire_pmm_alloc(pmm, request, &frames[at]));
                write_byte(quire_frame(frames[at].number + (1u << order) - 1), round, (uint8_t)at);
            }
            for (unsigned at = 0; at < 8; at++)
                CHECK_OK(quire_pmm_release(pmm, frames[at], NULL));
            CHECK_OK(quire_pmm_check(pmm));
        }
    }
}

TEST(pmm_poison, a_freed_frame_holds_the_pattern)
{
    quire_pmm_t *pmm = test_pmm(16);
    quire_frame_t frame;

    CHECK_OK(quire_pmm_alloc(pmm, one, &frame));
    write_byte(frame, 17, 1);
    CHECK_OK(quire_pmm_free(pmm, frame, 0));
    const uint8_t *window = quire_port_window_open(frame);
    bool same = window[17] == window[0] && window[QUIRE_PAGE_BYTES - 1] == window[0] && window[0] != 0;
    quire_port_window_close((void *)(uintptr_t)window);
    CHECK(same);
}

static void take_everything(void *context)
{
    quire_pmm_t *pmm = context;
    quire_frame_t frame;

    while (quire_pmm_alloc(pmm, one, &frame) == QUIRE_OK)
        ;
}

TEST(pmm_poison, a_write_after_free_is_found)
{
    static const size_t offsets[] = {0, 2049, QUIRE_PAGE_BYTES - 1};

    for (unsigned at = 0; at < 3; at++) {
        quire_pmm_t *pmm = test_pmm(32);
        quire_frame_t frame;

        CHECK_OK(quire_pmm_alloc(pmm, one, &frame));
        CHECK_OK(quire_pmm_free(pmm, frame, 0));
        write_byte(frame, offsets[at], 0x11);
        CHECK(test_panics(take_everything, pmm));
    }
}

TEST(pmm_poison, also_inside_a_block)
{
    quire_pmm_t *pmm = test_pmm(32);
    quire_pmm_request_t request = one;
    quire_frame_t frame;

    request.order = 3;
    CHECK_OK(quire_pmm_alloc(pmm, request, &frame));
    CHECK_OK(quire_pmm_free(pmm, frame, 3));
    CHECK_EQUAL(quire_pmm_frame_info(pmm, quire_frame(frame.number + 5)).owner, QUIRE_OWNER_TEST);
    write_byte(quire_frame(frame.number + 5), 100, 0);
    CHECK(test_panics(take_everything, pmm));
}
