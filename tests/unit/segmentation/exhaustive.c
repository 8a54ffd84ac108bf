/* SPDX-License-Identifier: MIT */
/*
 * exhaustive.c - every meaningful pattern of a descriptor goes through decode and encode and comes out the same.
 *
 * The 16 bits of type, S, DPL, P, limit's upper bits, AVL, L, D/B and G are run through completely; base, limit and
 * selector are tried at their edges. What decodes must encode to the same word (but for the accessed bit, which
 * encoding sets, and AVL, which it clears); what does not decode must be absent or reserved.
 */
#include "test.h"

#define BIT_ACCESSED  40
#define BIT_AVAILABLE 52

static const uint64_t edges[] = {0, 1, 0x66, 0x67, 0x7fff, 0xfffe, 0xffff};

static uint64_t pattern(uint32_t middle, uint64_t limit, uint64_t base)
{
    return (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)(middle & 0xff) << 40 |
           (uint64_t)(middle >> 8) << 48 | (base >> 24 & 0xff) << 56;
}

static void check_segment(uint64_t word)
{
    uint64_t words[2] = {word, 0};
    uint64_t again[2] = {0, 0};
    bool memory = word >> 44 & 1;
    uint64_t ignored = (uint64_t)1 << BIT_AVAILABLE | (memory ? (uint64_t)1 << BIT_ACCESSED : 0);
    quire_segment_t segment;
    unsigned count;

    if (quire_segment_decode(words, false, &segment) != QUIRE_OK)
        return;
    CHECK(word >> 47 & 1);
    if (quire_segment_refusal(&segment) != NULL)
        return;
    CHECK_OK(quire_segment_encode(&segment, again, &count));
    CHECK_EQUAL(count, 1);
    /* A system descriptor's D/B and L, and a limit that fits without granules, have no meaning to keep. */
    if (memory && segment.kind == QUIRE_SEGMENT_DATA)
        ignored |= (uint64_t)1 << 53;
    if (!memory)
        ignored |= (uint64_t)3 << 53;
    if (segment.limit_bytes <= (uint64_t)1 << 20)
        ignored |= (uint64_t)1 << 55 | (uint64_t)0xf << 48 | 0xffff;
    CHECK_EQUAL(again[0] & ~ignored, word & ~ignored);
    CHECK_OK(quire_segment_decode(again, false, &(quire_segment_t){.kind = QUIRE_SEGMENT_DATA}));
}

static void check_gate(uint64_t word)
{
    uint64_t words[2] = {word, 0};
    uint64_t again[2] = {0, 0};
    quire_gate_t gate;
    quire_gate_t twice;
    unsigned count;

    if (quire_gate_decode(words, false, &gate) != QUIRE_OK || quire_gate_refusal(&gate) != NULL)
        return;
    CHECK_OK(quire_gate_encode(&gate, again, &count));
    CHECK_OK(quire_gate_decode(again, false, &twice));
    CHECK_EQUAL(twice.kind, gate.kind);
    CHECK_EQUAL(twice.offset, gate.offset);
    CHECK_EQUAL(twice.selector, gate.selector);
    CHECK_EQUAL(twice.parameters, gate.parameters);
    CHECK_EQUAL(twice.privilege, gate.privilege);
    CHECK_EQUAL(twice.narrow, gate.narrow);
    /* The type, DPL and P bits are kept exactly. */
    CHECK_EQUAL(again[0] >> 40 & 0xff, word >> 40 & 0xff);
}

TEST(segmentation, every_pattern_of_the_middle_bits)
{
    for (uint32_t middle = 0; middle < 0x10000; middle++) {
        size_t edge = middle % (sizeof(edges) / sizeof(edges[0]));

        check_segment(pattern(middle, edges[edge], 0x12345678));
        check_segment(pattern(middle, 0xffff, edges[edge] << 16));
        check_gate(pattern(middle, edges[edge], 0x00001b | edges[edge] << 8));
    }
}
