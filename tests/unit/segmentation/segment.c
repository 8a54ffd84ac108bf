/* SPDX-License-Identifier: MIT */
/*
 * segment.c - tests of segment descriptors: known bytes, refusals, and random round trips.
 *
 * The known bytes are worked out by hand from the figures of SDM volume 3, chapter 3 and 7, not by the encoder.
 */
#include "test.h"

static const uint64_t all = (uint64_t)1 << 32;

static void check_encodes(quire_segment_t segment, uint64_t expected)
{
    uint64_t words[2] = {0, 0x1234};
    unsigned count = 0;

    CHECK_OK(quire_segment_encode(&segment, words, &count));
    CHECK_EQUAL(count, 1);
    CHECK_EQUAL(words[0], expected);
    CHECK_EQUAL(words[1], 0x1234);
}

static void check_refused(quire_segment_t segment)
{
    uint64_t words[2] = {0x55, 0x66};
    unsigned count = 77;

    CHECK_EQUAL(quire_segment_encode(&segment, words, &count), QUIRE_INVALID);
    CHECK_EQUAL(words[0], 0x55);
    CHECK_EQUAL(words[1], 0x66);
    CHECK_EQUAL(count, 77);
}

static bool same(const quire_segment_t *a, const quire_segment_t *b)
{
    return a->kind == b->kind && a->base == b->base && a->limit_bytes == b->limit_bytes &&
           a->privilege == b->privilege && a->writable == b->writable && a->expand_down == b->expand_down &&
           a->readable == b->readable && a->conforming == b->conforming && a->wide == b->wide &&
           a->long_mode == b->long_mode;
}

TEST(segmentation, flat_segments_have_their_well_known_bytes)
{
    check_encodes((quire_segment_t){.kind = QUIRE_SEGMENT_CODE, .limit_bytes = all, .readable = true, .wide = true},
                  0x00cf9b000000ffff);
    check_encodes((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = all, .writable = true, .wide = true},
                  0x00cf93000000ffff);
    check_encodes(
        (quire_segment_t){
            .kind = QUIRE_SEGMENT_CODE, .limit_bytes = all, .privilege = 3, .readable = true, .long_mode = true},
        0x00affb000000ffff);
}

TEST(segmentation, base_and_limit_are_scattered_as_the_cpu_wants_them)
{
    check_encodes((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .base = 0x12345678, .limit_bytes = 0xabcde + 1},
                  0x120a91345678bcde);
    check_encodes(
        (quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .base = 0x12345678, .limit_bytes = 0xabcdf000, .wide = true},
        0x12ca91345678bcde);
}

TEST(segmentation, limits_are_exact_around_one_mebibyte)
{
    const quire_segment_t one_byte = {.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 1};
    const quire_segment_t mebibyte = {.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 0x100000};
    const quire_segment_t more = {.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 0x101000};

    check_encodes(one_byte, 0x0000910000000000);
    check_encodes(mebibyte, 0x000f91000000ffff);
    check_encodes(more, 0x0080910000000100);
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 0});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 0x100001});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = all + 4096});
}

TEST(segmentation, kinds_of_code_and_data)
{
    check_encodes(
        (quire_segment_t){
            .kind = QUIRE_SEGMENT_DATA, .limit_bytes = 0x10000, .privilege = 1, .writable = true, .expand_down = true},
        0x0000b7000000ffff);
    check_encodes((quire_segment_t){.kind = QUIRE_SEGMENT_CODE, .limit_bytes = 0x10000, .conforming = true},
                  0x00009d000000ffff);
    check_encodes((quire_segment_t){.kind = QUIRE_SEGMENT_CODE, .limit_bytes = 0x10000}, 0x000099000000ffff);
}

TEST(segmentation, system_segments)
{
    const quire_segment_t wide = {
        .kind = QUIRE_SEGMENT_TSS, .base = 0xffff800012345678, .limit_bytes = 104, .long_mode = true};
    uint64_t words[2] = {0, 0};
    unsigned count = 0;

    check_encodes((quire_segment_t){.kind = QUIRE_SEGMENT_TSS, .base = 0xc0101234, .limit_bytes = 104},
                  0xc000891012340067);
    check_encodes((quire_segment_t){.kind = QUIRE_SEGMENT_LDT, .base = 0xc0101234, .limit_bytes = 64},
                  0xc00082101234003f);
    CHECK_OK(quire_segment_encode(&wide, words, &count));
    CHECK_EQUAL(count, 2);
    CHECK_EQUAL(words[0], 0x1200893456780067);
    CHECK_EQUAL(words[1], 0xffff8000);
}

TEST(segmentation, what_the_cpu_would_refuse_is_refused)
{
    /* A task state too short for its own stack pointers. */
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_TSS, .limit_bytes = 103});
    /* L and D together are reserved. */
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_CODE, .limit_bytes = 4096, .wide = true, .long_mode = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 4096, .privilege = 4});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 4096, .base = all});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_LDT, .limit_bytes = 4096, .base = all});
    /* Not canonical. */
    check_refused((quire_segment_t){
        .kind = QUIRE_SEGMENT_TSS, .limit_bytes = 104, .base = 0x0000800000000000, .long_mode = true});
}

TEST(segmentation, flags_of_another_kind_are_refused)
{
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 4096, .readable = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 4096, .conforming = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 4096, .long_mode = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_CODE, .limit_bytes = 4096, .writable = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_CODE, .limit_bytes = 4096, .expand_down = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_LDT, .limit_bytes = 4096, .writable = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_TSS, .limit_bytes = 4096, .wide = true});
    check_refused((quire_segment_t){.kind = (quire_segment_kind_t)9, .limit_bytes = 4096});
}

TEST(segmentation, decoding_says_what_is_not_there)
{
    quire_segment_t segment = {.base = 0x99};
    uint64_t absent[2] = {0x00cf13000000ffff, 0};
    uint64_t reserved_type[2] = {0x0000880000000067, 0};
    uint64_t call_gate[2] = {0x00008c0000081234, 0};

    CHECK_EQUAL(quire_segment_decode(absent, false, &segment), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_segment_decode(reserved_type, false, &segment), QUIRE_UNSUPPORTED);
    CHECK_EQUAL(quire_segment_decode(call_gate, true, &segment), QUIRE_UNSUPPORTED);
    CHECK_EQUAL(segment.base, 0x99);
}

TEST(segmentation, tasks_of_every_form)
{
    uint64_t busy_task[2] = {0x00008b0000000067, 0};
    uint64_t narrow_task[2] = {0x000081000000002b, 0};
    quire_segment_t segment;

    CHECK_OK(quire_segment_decode(busy_task, false, &segment));
    CHECK_EQUAL(segment.kind, QUIRE_SEGMENT_TSS);
    CHECK(segment.busy && !segment.narrow);
    CHECK_OK(quire_segment_decode(narrow_task, false, &segment));
    CHECK(segment.narrow && !segment.busy);
    CHECK_EQUAL(segment.limit_bytes, 44);
    CHECK_EQUAL(quire_segment_decode(narrow_task, true, &segment), QUIRE_UNSUPPORTED);
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_TSS, .limit_bytes = 43, .narrow = true});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_TSS, .limit_bytes = 104, .narrow = true, .base = 1 << 24});
    check_refused((quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 104, .busy = true});
}

TEST(segmentation, decoding_ignores_what_the_cpu_changes)
{
    /* The accessed bit, and the bit that is left to software. */
    const uint64_t words[2] = {0x00df92000000ffff, 0};
    quire_segment_t segment;

    CHECK_OK(quire_segment_decode(words, false, &segment));
    CHECK_EQUAL(segment.kind, QUIRE_SEGMENT_DATA);
    CHECK(segment.writable && segment.wide && !segment.expand_down);
    CHECK_EQUAL(segment.limit_bytes, all);
    CHECK_EQUAL(segment.base, 0);
}

static quire_segment_t random_segment(void)
{
    quire_segment_t segment = {
        .kind = (quire_segment_kind_t)test_random_below(5),
        .base = test_random() >> test_random_below(64),
        .limit_bytes = test_random() >> (31 + test_random_below(33)),
        .privilege = (uint8_t)test_random_below(5),
    };
    uint64_t flags = test_random() & test_random();

    segment.writable = flags & 1;
    segment.expand_down = flags & 2;
    segment.readable = flags & 4;
    segment.conforming = flags & 8;
    segment.wide = flags & 16;
    segment.long_mode = flags & 32;
    if (flags & 64)
        segment.limit_bytes &= ~(uint64_t)0xfff;
    return segment;
}

TEST(segmentation, what_is_encoded_decodes_to_the_same)
{
    unsigned accepted = 0;

    for (unsigned i = 0; i < 20000 * test_effort(); i++) {
        quire_segment_t segment = random_segment();
        quire_segment_t back;
        uint64_t words[2] = {0, 0};
        unsigned count;

        if (quire_segment_encode(&segment, words, &count) != QUIRE_OK)
            continue;
        accepted++;
        CHECK_OK(quire_segment_decode(words, count == 2, &back));
        CHECK(same(&segment, &back));
    }
    CHECK(accepted > 500);
}

TEST(segmentation, any_bytes_can_be_decoded_and_most_encoded_again)
{
    for (unsigned i = 0; i < 20000 * test_effort(); i++) {
        const uint64_t words[2] = {test_random(), test_random()};
        quire_segment_t segment;
        uint64_t again[2];
        unsigned count;

        if (quire_segment_decode(words, test_random() & 1, &segment) != QUIRE_OK)
            continue;
        CHECK(segment.limit_bytes >= 1 && segment.limit_bytes <= all);
        if (quire_segment_encode(&segment, again, &count) == QUIRE_OK && count == 1) {
            quire_segment_t back;

            CHECK_OK(quire_segment_decode(again, false, &back));
            CHECK(same(&segment, &back));
        }
    }
}

TEST(segmentation, selectors)
{
    CHECK_EQUAL(quire_selector(1, false, 0), 0x08);
    CHECK_EQUAL(quire_selector(6, false, 3), 0x33);
    CHECK_EQUAL(quire_selector(2, true, 3), 0x17);
}
