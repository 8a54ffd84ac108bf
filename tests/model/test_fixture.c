/* SPDX-License-Identifier: MIT */
/*
 * test_fixture.c - a machine with page tables, for the tests of the model itself.
 *
 * The geometry of the tables is written out again here, so that a mistake in the model's own is not shared.
 */
#include "test_fixture.h"

#include <stdio.h>
#include <string.h>

fixture_t fixture;

static void count_violation(void *context, const model_violation_t *violation)
{
    (void)context;
    fixture.violations++;
    fixture.violation = *violation;
    fixture.violation.sentence = fixture.sentence;
    snprintf(fixture.sentence, sizeof fixture.sentence, "%s", violation->sentence);
}

model_config_t fixture_config(void)
{
    static const model_range_t ram[] = {{0, 0xA0000}, {0x100000, 3 * GIB - 0x100000}, {4 * GIB, 60 * GIB}};

    return (model_config_t){.ram = ram,
                            .ram_ranges = 3,
                            .cpus = 1,
                            .features = MODEL_HAS_EVERYTHING,
                            .physical_bits = 40,
                            .on_violation = count_violation};
}

uint64_t new_frame(void)
{
    return fixture.next_frame++ << 12;
}

static void write_entry(uint64_t table, uint64_t index, uint64_t value)
{
    unsigned char *bytes = model_physical(fixture.machine, table >> 12);

    CHECK(bytes != NULL);
    if (fixture.paging == MODEL_PAGING_32)
        ((uint32_t *)(void *)bytes)[index] = (uint32_t)value;
    else
        ((uint64_t *)(void *)bytes)[index] = value;
}

static uint64_t read_entry(uint64_t table, uint64_t index)
{
    const unsigned char *bytes = model_physical(fixture.machine, table >> 12);

    CHECK(bytes != NULL);
    if (fixture.paging == MODEL_PAGING_32)
        return ((const uint32_t *)(const void *)bytes)[index];
    return ((const uint64_t *)(const void *)bytes)[index];
}

static unsigned top_level(void)
{
    switch (fixture.paging) {
    case MODEL_PAGING_OFF:
        return 0;
    case MODEL_PAGING_32:
        return 2;
    case MODEL_PAGING_PAE:
        return 3;
    case MODEL_PAGING_4_LEVEL:
        return 4;
    case MODEL_PAGING_5_LEVEL:
        return 5;
    }
    return 0;
}

static uint64_t index_at(uint64_t va, unsigned level)
{
    if (fixture.paging == MODEL_PAGING_32)
        return level == 1 ? va >> 12 & 1023 : va >> 22 & 1023;
    if (fixture.paging == MODEL_PAGING_PAE && level == 3)
        return va >> 30 & 3;
    return va >> (12 + 9 * (level - 1)) & 511;
}

/* The table that holds the entry of that level; tables above it are made as they are needed. */
static uint64_t table_for(uint64_t va, unsigned level)
{
    uint64_t table = fixture.root;

    for (unsigned at = top_level(); at > level; at--) {
        uint64_t entry = read_entry(table, index_at(va, at));
        if (!(entry & P)) {
            bool register_entry = fixture.paging == MODEL_PAGING_PAE && at == 3;
            entry = new_frame() | (register_entry ? P : PWU);
            write_entry(table, index_at(va, at), entry);
        }
        table = entry & UINT64_C(0x000FFFFFFFFFF000);
    }
    return table;
}

void entry_put(uint64_t va, unsigned level, uint64_t value)
{
    write_entry(table_for(va, level), index_at(va, level), value);
}

uint64_t entry_get(uint64_t va, unsigned level)
{
    return read_entry(table_for(va, level), index_at(va, level));
}

/* With PAE the four PDPTEs are filled at once: the processor reads them only when CR3 is loaded. */
uint64_t new_root(void)
{
    uint64_t old = fixture.root, root = new_frame();

    fixture.root = root;
    for (uint64_t i = 0; fixture.paging == MODEL_PAGING_PAE && i < 4; i++)
        table_for(i << 30, 2);
    fixture.root = old;
    return root;
}

void use_root(uint64_t root)
{
    fixture.root = root;
}

model_t *fixture_open(const model_config_t *config, model_paging_t paging)
{
    model_destroy(fixture.machine);
    memset(&fixture, 0, sizeof fixture);
    fixture.machine = model_create(config);
    CHECK(fixture.machine != NULL);
    fixture.paging = paging;
    fixture.next_frame = 0x1000;
    if (paging != MODEL_PAGING_OFF) {
        fixture.root = new_root();
        CHECK_DONE(model_start(fixture.machine, 0, paging, fixture.root));
        CHECK_EQUAL(model_paging(fixture.machine, 0), paging);
    }
    return fixture.machine;
}

model_t *fixture_start(model_paging_t paging)
{
    model_config_t config = fixture_config();

    return fixture_open(&config, paging);
}

model_result_t touch_as(uint64_t va, model_kind_t kind, model_mode_t mode)
{
    return model_access(fixture.machine, 0, va, 1, kind, mode);
}

model_result_t touch(uint64_t va, model_kind_t kind)
{
    return touch_as(va, kind, MODEL_AT_CPL);
}

uint64_t reach(uint64_t va)
{
    model_result_t result = touch_as(va, MODEL_READ, MODEL_AT_CPL);

    return result.fault.raised ? UINT64_MAX : result.piece[0].pa;
}
