/* SPDX-License-Identifier: MIT */
/* gate.c - tests of interrupt gates: known bytes and refusals. */
#include "test.h"

static void check_refused(quire_gate_t gate)
{
    uint64_t words[2] = {0x55, 0x66};
    unsigned count = 77;

    CHECK_EQUAL(quire_gate_encode(&gate, words, &count), QUIRE_INVALID);
    CHECK_EQUAL(words[0], 0x55);
    CHECK_EQUAL(words[1], 0x66);
    CHECK_EQUAL(count, 77);
}

static uint64_t encode(quire_gate_t gate, unsigned expected_count, uint64_t *second)
{
    uint64_t words[2] = {0, 0x77};
    unsigned count = 0;

    CHECK_OK(quire_gate_encode(&gate, words, &count));
    CHECK_EQUAL(count, expected_count);
    if (second != NULL)
        *second = words[1];
    else
        CHECK_EQUAL(words[1], 0x77);
    return words[0];
}

TEST(segmentation, gates_of_32_bits)
{
    CHECK_EQUAL(encode((quire_gate_t){.kind = QUIRE_GATE_INTERRUPT, .offset = 0xc0123456, .selector = 8}, 1, NULL),
                0xc0128e0000083456);
    CHECK_EQUAL(
        encode((quire_gate_t){.kind = QUIRE_GATE_TRAP, .offset = 0xc0123456, .selector = 8, .privilege = 3}, 1, NULL),
        0xc012ef0000083456);
    CHECK_EQUAL(encode((quire_gate_t){.kind = QUIRE_GATE_TASK, .selector = 0x48}, 1, NULL), 0x0000850000480000);
}

TEST(segmentation, gates_of_64_bits)
{
    const quire_gate_t gate = {.kind = QUIRE_GATE_INTERRUPT,
                               .offset = 0xffffffff80123456,
                               .selector = 8,
                               .interrupt_stack = 3,
                               .long_mode = true};
    uint64_t second = 0;

    CHECK_EQUAL(encode(gate, 2, &second), 0x80128e0300083456);
    CHECK_EQUAL(second, 0xffffffff);
}

TEST(segmentation, gates_that_would_fault_are_refused)
{
    const uint64_t not_canonical = 0x0000800000000000;

    check_refused((quire_gate_t){.kind = QUIRE_GATE_INTERRUPT, .offset = 0x1000, .selector = 0});
    check_refused((quire_gate_t){.kind = QUIRE_GATE_INTERRUPT, .offset = 0x1000, .selector = 3});
    check_refused((quire_gate_t){.kind = QUIRE_GATE_INTERRUPT, .offset = 0x100000000, .selector = 8});
    check_refused(
        (quire_gate_t){.kind = QUIRE_GATE_INTERRUPT, .offset = not_canonical, .selector = 8, .long_mode = true});
    check_refused((quire_gate_t){.kind = QUIRE_GATE_TRAP, .offset = 0x1000, .selector = 8, .privilege = 4});
    check_refused((quire_gate_t){.kind = QUIRE_GATE_TRAP, .offset = 0x1000, .selector = 8, .interrupt_stack = 1});
    check_refused((quire_gate_t){
        .kind = QUIRE_GATE_TRAP, .offset = 0x1000, .selector = 8, .interrupt_stack = 8, .long_mode = true});
    check_refused((quire_gate_t){.kind = QUIRE_GATE_TASK, .selector = 0x48, .long_mode = true});
    check_refused((quire_gate_t){.kind = QUIRE_GATE_TASK, .selector = 0x4c});
    check_refused((quire_gate_t){.kind = QUIRE_GATE_TASK, .selector = 0x48, .offset = 1});
    check_refused((quire_gate_t){.kind = (quire_gate_kind_t)7, .offset = 0x1000, .selector = 8});
}
