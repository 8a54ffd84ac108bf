/* SPDX-License-Identifier: MIT */
/* translate.c - tests of loading selectors and of accesses, rule by rule (SDM volume 3, chapter 5). */
#include "test.h"

enum { CODE0 = 1, DATA0, CODE3, DATA3, READ_ONLY3, CONFORMING0, ABSENT3, EXECUTE_ONLY3, TASK, ENTRIES };

static uint64_t global[ENTRIES];
static uint64_t local[2];

static void put(uint64_t *word, quire_segment_t segment)
{
    uint64_t words[2];
    unsigned count;

    CHECK_OK(quire_segment_encode(&segment, words, &count));
    *word = words[0];
}

static quire_segment_tables_t tables(void)
{
    quire_segment_t code = {.kind = QUIRE_SEGMENT_CODE, .limit_bytes = 0x10000, .readable = true, .wide = true};
    quire_segment_t data = {.kind = QUIRE_SEGMENT_DATA, .limit_bytes = 0x10000, .writable = true, .wide = true};

    put(&global[CODE0], code);
    put(&global[DATA0], data);
    code.conforming = true;
    put(&global[CONFORMING0], code);
    code.conforming = false;
    code.privilege = 3;
    data.privilege = 3;
    put(&global[CODE3], code);
    put(&global[DATA3], data);
    put(&global[ABSENT3], data);
    global[ABSENT3] &= ~((uint64_t)1 << 47);
    code.readable = false;
    put(&global[EXECUTE_ONLY3], code);
    data.writable = false;
    put(&global[READ_ONLY3], data);
    put(&global[TASK], (quire_segment_t){.kind = QUIRE_SEGMENT_TSS, .limit_bytes = 104});
    put(&local[0], (quire_segment_t){.kind = QUIRE_SEGMENT_DATA,
                                     .base = 0x1000,
                                     .limit_bytes = 0x2000,
                                     .privilege = 3,
                                     .writable = true,
                                     .expand_down = true});
    put(&local[1],
        (quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .base = 0xfffff000, .limit_bytes = 0x2000, .privilege = 3});
    return (quire_segment_tables_t){global, sizeof(global), local, sizeof(local)};
}

static void loads(unsigned index, unsigned requested, quire_segment_register_t use, unsigned current)
{
    quire_segment_tables_t all = tables();
    quire_segment_t segment;
    quire_segment_fault_t fault;

    CHECK_OK(quire_segment_load(&all, quire_selector(index, false, requested), use, current, &segment, &fault));
}

static void faults(uint16_t selector, quire_segment_register_t use, unsigned current, unsigned vector, unsigned code)
{
    quire_segment_tables_t all = tables();
    quire_segment_t segment = {.base = 0x55};
    quire_segment_fault_t fault = {0};

    CHECK_EQUAL(quire_segment_load(&all, selector, use, current, &segment, &fault), QUIRE_DENIED);
    CHECK_EQUAL(fault.vector, vector);
    CHECK_EQUAL(fault.error_code, code);
    CHECK(fault.reason != NULL);
    CHECK_EQUAL(segment.base, 0x55);
}

TEST(segmentation, data_registers_follow_privilege)
{
    loads(DATA3, 3, QUIRE_REGISTER_DATA, 3);
    loads(DATA3, 0, QUIRE_REGISTER_DATA, 0);
    loads(DATA3, 3, QUIRE_REGISTER_DATA, 0);
    loads(CODE3, 3, QUIRE_REGISTER_DATA, 3);
    loads(CONFORMING0, 3, QUIRE_REGISTER_DATA, 3);
    faults(quire_selector(DATA0, false, 0), QUIRE_REGISTER_DATA, 3, 13, DATA0 << 3);
    faults(quire_selector(DATA0, false, 3), QUIRE_REGISTER_DATA, 0, 13, DATA0 << 3);
    faults(quire_selector(EXECUTE_ONLY3, false, 3), QUIRE_REGISTER_DATA, 3, 13, EXECUTE_ONLY3 << 3);
    faults(quire_selector(TASK, false, 0), QUIRE_REGISTER_DATA, 0, 13, TASK << 3);
    faults(quire_selector(ABSENT3, false, 3), QUIRE_REGISTER_DATA, 3, 11, ABSENT3 << 3);
}

TEST(segmentation, the_stack_has_the_code_s_privilege)
{
    loads(DATA0, 0, QUIRE_REGISTER_STACK, 0);
    loads(DATA3, 3, QUIRE_REGISTER_STACK, 3);
    faults(quire_selector(DATA3, false, 3), QUIRE_REGISTER_STACK, 0, 13, DATA3 << 3);
    faults(quire_selector(DATA3, false, 0), QUIRE_REGISTER_STACK, 3, 13, DATA3 << 3);
    faults(quire_selector(READ_ONLY3, false, 3), QUIRE_REGISTER_STACK, 3, 13, READ_ONLY3 << 3);
    faults(quire_selector(ABSENT3, false, 3), QUIRE_REGISTER_STACK, 3, 12, ABSENT3 << 3);
    faults(0, QUIRE_REGISTER_STACK, 3, 13, 0);
}

TEST(segmentation, code_is_entered_in_its_own_ring)
{
    loads(CODE3, 3, QUIRE_REGISTER_CODE, 3);
    loads(CONFORMING0, 3, QUIRE_REGISTER_CODE, 3);
    faults(quire_selector(CODE0, false, 3), QUIRE_REGISTER_CODE, 3, 13, CODE0 << 3);
    faults(quire_selector(CODE3, false, 3), QUIRE_REGISTER_CODE, 0, 13, CODE3 << 3);
    faults(quire_selector(DATA3, false, 3), QUIRE_REGISTER_CODE, 3, 13, DATA3 << 3);
    faults(3, QUIRE_REGISTER_CODE, 3, 13, 0);
}

TEST(segmentation, selectors_beyond_their_table)
{
    faults(quire_selector(ENTRIES, false, 3), QUIRE_REGISTER_DATA, 3, 13, ENTRIES << 3);
    faults(quire_selector(2, true, 3), QUIRE_REGISTER_DATA, 3, 13, 2 << 3 | 4);
    faults(0xffff, QUIRE_REGISTER_DATA, 3, 13, 0xfffc);
}

/* A limit may end anywhere: a descriptor is there when its last byte is (SDM volume 3, 3.5.1). */
TEST(segmentation, tables_that_end_within_a_descriptor)
{
    for (size_t bytes = DATA3 * 8; bytes <= (DATA3 + 1) * 8; bytes++) {
        quire_segment_tables_t cut = tables();
        uint16_t selector = quire_selector(DATA3, false, 3);
        quire_segment_fault_t fault = {0};
        quire_segment_t segment;
        quire_status_t status;

        cut.global_bytes = bytes;
        status = quire_segment_load(&cut, selector, QUIRE_REGISTER_DATA, 3, &segment, &fault);
        CHECK_EQUAL(status, bytes == (DATA3 + 1) * 8 ? QUIRE_OK : QUIRE_DENIED);
        cut = tables();
        cut.local = cut.global;
        cut.local_bytes = bytes;
        status = quire_segment_load(&cut, selector | 4, QUIRE_REGISTER_DATA, 3, &segment, &fault);
        CHECK_EQUAL(status, bytes == (DATA3 + 1) * 8 ? QUIRE_OK : QUIRE_DENIED);
    }
}

static quire_segment_t loaded(uint16_t selector)
{
    quire_segment_tables_t all = tables();
    quire_segment_fault_t fault;
    quire_segment_t segment;

    CHECK_OK(quire_segment_load(&all, selector, QUIRE_REGISTER_DATA, 3, &segment, &fault));
    return segment;
}

static void reaches(const quire_segment_t *segment, uint32_t offset, uint32_t bytes, unsigned access, uint32_t expected)
{
    quire_segment_fault_t fault;
    uint32_t linear;

    CHECK_OK(quire_segment_translate(segment, QUIRE_REGISTER_DATA, offset, bytes, access, &linear, &fault));
    CHECK_EQUAL(linear, expected);
}

static void stops(const quire_segment_t *segment, quire_segment_register_t use, uint32_t offset, uint32_t bytes,
                  unsigned access, unsigned vector)
{
    quire_segment_fault_t fault = {0};
    uint32_t linear = 77;

    CHECK_EQUAL(quire_segment_translate(segment, use, offset, bytes, access, &linear, &fault), QUIRE_DENIED);
    CHECK_EQUAL(fault.vector, vector);
    CHECK_EQUAL(fault.error_code, 0);
    CHECK_EQUAL(linear, 77);
}

TEST(segmentation, limits_to_the_byte)
{
    quire_segment_t data = loaded(quire_selector(DATA3, false, 3));

    reaches(&data, 0xfffc, 4, QUIRE_SEGMENT_WRITE, 0xfffc);
    reaches(&data, 0xffff, 1, QUIRE_SEGMENT_READ, 0xffff);
    stops(&data, QUIRE_REGISTER_DATA, 0xfffd, 4, QUIRE_SEGMENT_READ, 13);
    stops(&data, QUIRE_REGISTER_STACK, 0xfffd, 4, QUIRE_SEGMENT_WRITE, 12);
    stops(&data, QUIRE_REGISTER_DATA, 0xffffffff, 4, QUIRE_SEGMENT_READ, 13);
    stops(&data, QUIRE_REGISTER_DATA, 0, 1, QUIRE_SEGMENT_EXECUTE, 13);
}

TEST(segmentation, segments_that_expand_down)
{
    quire_segment_t stack = loaded(quire_selector(0, true, 3));

    reaches(&stack, 0x2000, 4, QUIRE_SEGMENT_WRITE, 0x3000);
    reaches(&stack, 0xfffc, 4, QUIRE_SEGMENT_WRITE, 0x10ffc);
    stops(&stack, QUIRE_REGISTER_STACK, 0x1fff, 1, QUIRE_SEGMENT_WRITE, 12);
    stops(&stack, QUIRE_REGISTER_STACK, 0x1ffe, 4, QUIRE_SEGMENT_WRITE, 12);
    stops(&stack, QUIRE_REGISTER_STACK, 0xfffd, 4, QUIRE_SEGMENT_WRITE, 12);
}

TEST(segmentation, linear_addresses_wrap_and_rights_hold)
{
    quire_segment_t high = loaded(quire_selector(1, true, 3));
    quire_segment_t null = loaded(3);

    reaches(&high, 0x1000, 4, QUIRE_SEGMENT_READ, 0);
    stops(&high, QUIRE_REGISTER_DATA, 0x1000, 4, QUIRE_SEGMENT_WRITE, 13);
    stops(&null, QUIRE_REGISTER_DATA, 0, 1, QUIRE_SEGMENT_READ, 13);
}
