/* SPDX-License-Identifier: MIT */
/* calls.c - what system calls are given, judged: vectors of pieces, sets of signals. */
#include "test.h"

#include "linux.h"
#include "signal_set.h"
#include "vector.h"

#define END ((uintptr_t)0xc0000000)

TEST(calls, vector_is_cut_at_the_most_a_call_moves)
{
    vector_t pieces[4] = {{0x1000, 0x40000000}, {0x1000, 0x3ffff000}, {0x1000, 0x1000}, {0x2000, 5}};
    uintptr_t total = 0;

    CHECK_EQUAL(vector_judge(pieces, 2, END, &total), 0);
    CHECK_EQUAL(total, TRANSFER_MAX);
    CHECK_EQUAL(pieces[1].bytes, 0x3ffff000);
    CHECK_EQUAL(vector_judge(pieces, 4, END, &total), 0);
    CHECK_EQUAL(total, TRANSFER_MAX);
    CHECK_EQUAL(pieces[2].bytes, 0);
    CHECK_EQUAL(pieces[3].bytes, 0);
}

/* Sums that would wrap in 32 bits are cut before they do. */
TEST(calls, vector_never_wraps)
{
    vector_t pieces[16];
    uintptr_t total = 0;

    for (unsigned i = 0; i < 16; i++)
        pieces[i] = (vector_t){0x1000, 0x7fff0000};
    CHECK_EQUAL(vector_judge(pieces, 16, END, &total), 0);
    CHECK_EQUAL(total, TRANSFER_MAX);
}

TEST(calls, lengths_are_judged_before_addresses)
{
    vector_t pieces[3] = {{END, 1}, {0x1000, 1}, {0x1000, (uintptr_t)INTPTR_MIN}};
    uintptr_t total = 7;

    CHECK_EQUAL(vector_judge(pieces, 3, END, &total), -EINVAL);
    CHECK_EQUAL(vector_judge(pieces, 2, END, &total), -EFAULT);
    CHECK_EQUAL(total, 7);
    pieces[0] = (vector_t){END - 1, 1};
    CHECK_EQUAL(vector_judge(pieces, 2, END, &total), 0);
    CHECK_EQUAL(total, 2);
    pieces[0] = (vector_t){UINTPTR_MAX, 2};
    CHECK_EQUAL(vector_judge(pieces, 1, END, &total), -EFAULT);
}

TEST(calls, nobody_holds_off_kill_and_stop)
{
    uint64_t blocked = 0;

    CHECK(signal_change_mask(&blocked, SIG_SETMASK, UINT64_MAX));
    CHECK_EQUAL(blocked, ~((uint64_t)1 << 8 | (uint64_t)1 << 18));
    CHECK(signal_change_mask(&blocked, SIG_BLOCK, UINT64_MAX));
    CHECK_EQUAL(blocked, ~((uint64_t)1 << 8 | (uint64_t)1 << 18));
    CHECK(signal_change_mask(&blocked, SIG_UNBLOCK, (uint64_t)1 << 9));
    CHECK_EQUAL(blocked, ~((uint64_t)1 << 8 | (uint64_t)1 << 9 | (uint64_t)1 << 18));
    CHECK(!signal_change_mask(&blocked, 3, 0));
    CHECK_EQUAL(blocked, ~((uint64_t)1 << 8 | (uint64_t)1 << 9 | (uint64_t)1 << 18));
}
