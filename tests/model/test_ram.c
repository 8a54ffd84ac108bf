/* SPDX-License-Identifier: MIT */
/*
 * test_ram.c - physical memory: sparse, with holes, and what an access outside it does.
 */
#include "test_fixture.h"

TEST(model, ram_costs_nothing_until_touched)
{
    model_t *machine = fixture_start(MODEL_PAGING_OFF);

    CHECK_EQUAL(model_frames_touched(machine), 0);
    unsigned char *last = model_physical(machine, (64 * GIB >> 12) - 1);
    CHECK(last != NULL);
    CHECK_EQUAL(last[4095], 0);
    CHECK_EQUAL(model_frames_touched(machine), 1);
    CHECK(model_physical(machine, (64 * GIB >> 12) - 1) == last);
}

TEST(model, ram_has_holes)
{
    model_t *machine = fixture_start(MODEL_PAGING_OFF);

    CHECK(model_physical(machine, 0x9F) != NULL);
    CHECK(model_physical(machine, 0xA0) == NULL);
    CHECK(model_physical(machine, 3 * GIB >> 12) == NULL);
    CHECK(model_physical(machine, 4 * GIB >> 12) != NULL);
    CHECK(model_physical(machine, 64 * GIB >> 12) == NULL);
    CHECK(model_physical(machine, UINT64_MAX) == NULL);
    CHECK(model_is_ram(machine, 0x9F000, 4096));
    CHECK(!model_is_ram(machine, 0x9F000, 4097));
}

TEST(model, ram_hole_reads_as_ones_and_is_reported)
{
    model_t *machine = fixture_start(MODEL_PAGING_OFF);
    uint32_t value = 0x12345678;

    model_physical_write(machine, 0xA0000, &value, sizeof value);
    model_physical_read(machine, 0xA0000, &value, sizeof value);
    CHECK_EQUAL(value, UINT32_MAX);
    CHECK_EQUAL(fixture.violations, 2);
    CHECK_EQUAL(fixture.violation.kind, MODEL_HOLE);
}

TEST(model, ram_write_crosses_frames)
{
    model_t *machine = fixture_start(MODEL_PAGING_OFF);
    uint64_t value = UINT64_C(0x1122334455667788), back = 0;

    model_physical_write(machine, 0x200FFC, &value, sizeof value);
    model_physical_read(machine, 0x200FFC, &back, sizeof back);
    CHECK_EQUAL(back, value);
    CHECK_EQUAL(*(unsigned char *)model_physical(machine, 0x201), 0x44);
}

TEST(model, ram_configuration_is_checked)
{
    static const model_range_t overlapping[] = {{0, 0x2000}, {0x1000, 0x2000}};
    static const model_range_t unaligned[] = {{0x100, 0x2000}};
    static const model_range_t too_high[] = {{(UINT64_C(1) << 52) - 4096, 8192}};
    model_config_t config = fixture_config();

    config.ram = overlapping;
    config.ram_ranges = 2;
    CHECK(model_create(&config) == NULL);
    config.ram_ranges = 1;
    config.ram = unaligned;
    CHECK(model_create(&config) == NULL);
    config.ram = too_high;
    CHECK(model_create(&config) == NULL);
    config = fixture_config();
    config.cpus = 0;
    CHECK(model_create(&config) == NULL);
    config.cpus = 1;
    config.physical_bits = 53;
    CHECK(model_create(&config) == NULL);
}

/* SDM 4.1.1: with CR0.PG clear, linear addresses are physical ones. */
TEST(model, paging_off_is_identity)
{
    fixture_start(MODEL_PAGING_OFF);
    CHECK_EQUAL(reach(0x123456), 0x123456);
}

TEST(model, data_goes_through_a_virtual_address)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t one = new_frame(), two = new_frame();
    char text[] = "across the boundary", back[sizeof text];
    size_t done;

    entry_put(0x400000, 1, two | PWU);
    entry_put(0x401000, 1, one | PWU);
    CHECK_DONE(model_write(machine, 0, 0x400FFA, text, sizeof text, MODEL_AT_CPL, &done));
    CHECK_EQUAL(done, sizeof text);
    CHECK_DONE(model_read(machine, 0, 0x400FFA, back, sizeof back, MODEL_AT_CPL, NULL));
    for (size_t i = 0; i < sizeof text; i++)
        CHECK_EQUAL(back[i], text[i]);
    CHECK_EQUAL(*(char *)model_physical(machine, one >> 12), text[6]);
}

/* An instruction's access faults before any of its bytes are written, even if only its second page is missing. */
TEST(model, access_over_two_pages_is_all_or_nothing)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t one = new_frame(), value = UINT64_MAX;
    size_t done = 99;

    entry_put(0x400000, 1, one | PWU);
    model_fault_t fault = model_write(machine, 0, 0x400FFC, &value, sizeof value, MODEL_AT_CPL, &done);
    CHECK_FAULT(fault, MODEL_PF, MODEL_PF_W);
    CHECK_EQUAL(fault.address, 0x401000);
    CHECK_EQUAL(model_registers(machine, 0).cr2, 0x401000);
    CHECK_EQUAL(done, 0);
    CHECK_EQUAL(*(unsigned char *)model_physical(machine, one >> 12), 0);
}
