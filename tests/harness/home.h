/* SPDX-License-Identifier: MIT */
/* home.h - what tests/harness/frames.c needs of a home, beside test.h. */
#ifndef QUIRE_TEST_HOME_H
#define QUIRE_TEST_HOME_H

#include "test.h"

#define TEST_BLOCK_FRAMES 1024 /* 2^QUIRE_PMM_ORDER_MAX */

/* The first of TEST_BLOCK_FRAMES frames of RAM, aligned to their number, that nobody else uses until the test ends.
   Ends the test if there is no such block. */
quire_frame_t test_home_block(void);

/* Forgets the PMMs of the test that has ended. A home calls it from test_home_release(). */
void test_frames_release(void);

#endif
