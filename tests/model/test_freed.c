/* SPDX-License-Identifier: MIT */
/*
 * test_freed.c - a frame freed while a CPU can still reach it is reported, with the instruction that was missing.
 */
#include "test_fixture.h"

enum { VA = 0x400000 };

static uint64_t map_and_touch(void)
{
    uint64_t frame = new_frame();

    entry_put(VA, 1, frame | PWU);
    CHECK_EQUAL(reach(VA), frame);
    return frame >> 12;
}

static bool sentence_has(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    for (const char *at = fixture.sentence; *at; at++) {
        size_t same = 0;
        while (same < length && at[same] == text[same])
            same++;
        if (same == length)
            return true;
    }
    return false;
}

TEST(model, freed_while_cached)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frame = map_and_touch();

    entry_put(VA, 1, 0);
    CHECK_EQUAL(model_frame_freed(machine, frame), 1);
    CHECK_EQUAL(fixture.violation.kind, MODEL_STALE_TRANSLATION);
    CHECK_EQUAL(fixture.violation.va, VA);
    CHECK_EQUAL(fixture.violation.level, 1);
    CHECK_EQUAL(fixture.violation.access, 1);
    CHECK(sentence_has("CPU 0, virtual address 0x400000, level 1, installed by access #1, last invalidation needed: "
                       "INVLPG 0x400000"));
}

TEST(model, freed_after_the_flush)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frame = map_and_touch();

    entry_put(VA, 1, 0);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK_EQUAL(model_frame_freed(machine, frame), 0);
    CHECK_EQUAL(fixture.violations, 0);
}

TEST(model, freed_table_while_cached)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    map_and_touch();
    uint64_t table = entry_get(VA, 2) >> 12;
    entry_put(VA, 1, 0);
    entry_put(VA, 2, 0);
    CHECK_EQUAL(model_frame_freed(machine, table), 1);
    CHECK_EQUAL(fixture.violation.kind, MODEL_STALE_TABLE);
    CHECK_EQUAL(fixture.violation.level, 2);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK_EQUAL(model_frame_freed(machine, table), 0);
}

/* Any frame inside a large page counts. */
TEST(model, freed_inside_a_large_page)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    entry_put(VA, 2, 0x08000000 | PWU | PS);
    CHECK_EQUAL(reach(VA), 0x08000000);
    entry_put(VA, 2, 0);
    CHECK_EQUAL(model_frame_freed(machine, 0x08000 + 5), 1);
    CHECK_EQUAL(fixture.violation.va, VA + 0x5000);
    CHECK_EQUAL(model_frame_freed(machine, 0x08200), 0);
}

/* On every CPU, and under PCIDs that are not loaded. */
TEST(model, freed_while_another_cpu_caches)
{
    model_config_t config = fixture_config();

    config.cpus = 3;
    model_t *machine = fixture_open(&config, MODEL_PAGING_4_LEVEL);
    uint64_t frame = map_and_touch();
    CHECK_DONE(model_start(machine, 2, MODEL_PAGING_4_LEVEL, fixture.root));
    CHECK_DONE(model_mov_cr4(machine, 2, model_registers(machine, 2).cr4 | MODEL_CR4_PCIDE));
    CHECK_DONE(model_mov_cr3(machine, 2, fixture.root | 9));
    CHECK(!model_access(machine, 2, VA, 1, MODEL_READ, MODEL_AT_CPL).fault.raised);
    CHECK_DONE(model_mov_cr3(machine, 2, fixture.root | 3));
    entry_put(VA, 1, 0);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK_EQUAL(model_frame_freed(machine, frame), 1);
    CHECK_EQUAL(fixture.violation.cpu, 2);
    CHECK(sentence_has("INVPCID type 0, PCID 9, 0x400000"));
    CHECK_DONE(model_invlpg(machine, 2, VA)); /* the wrong instruction: it knows the current PCID only */
    CHECK_EQUAL(model_frame_freed(machine, frame), 1);
    CHECK_DONE(model_invpcid(machine, 2, 0, 9, VA));
    CHECK_EQUAL(model_frame_freed(machine, frame), 0);
}

/* What stands under a PCID that is not loaded is reported when a load brings it back. */
TEST(model, freed_by_a_load)
{
    model_config_t config = fixture_config();

    config.freed_by_load = true;
    model_t *machine = fixture_open(&config, MODEL_PAGING_4_LEVEL);
    CHECK_DONE(model_mov_cr4(machine, 0, model_registers(machine, 0).cr4 | MODEL_CR4_PCIDE));
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 9));
    uint64_t frame = map_and_touch();
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 3));
    entry_put(VA, 1, 0);
    CHECK_EQUAL(model_frame_freed(machine, frame), 0);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 3 | MODEL_CR3_NO_FLUSH));
    CHECK_EQUAL(fixture.violations, 0);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 9 | MODEL_CR3_NO_FLUSH));
    CHECK_EQUAL(fixture.violations, 1);
    CHECK_EQUAL(fixture.violation.kind, MODEL_STALE_TAG);
    CHECK_EQUAL(fixture.violation.va, VA);
    CHECK_EQUAL(fixture.violation.frame, frame);
    CHECK_EQUAL(model_frame_freed(machine, frame), 1); /* it is in reach now */
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 9));
    CHECK_EQUAL(model_frame_freed(machine, frame), 0);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 9 | MODEL_CR3_NO_FLUSH));
    CHECK_EQUAL(fixture.violations, 2);
}

TEST(model, freed_root)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t old = fixture.root;

    CHECK_EQUAL(model_frame_freed(machine, old >> 12), 1);
    CHECK_EQUAL(fixture.violation.kind, MODEL_LIVE_ROOT);
    CHECK_DONE(model_mov_cr3(machine, 0, new_root()));
    CHECK_EQUAL(model_frame_freed(machine, old >> 12), 0);
}

/* SDM 4.4.1: a PAE directory stays reachable until CR3 is loaded again, whatever memory says. */
TEST(model, freed_pae_directory)
{
    model_t *machine = fixture_start(MODEL_PAGING_PAE);
    uint64_t directory = entry_get(VA, 3) >> 12;

    entry_put(VA, 3, 0);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK_EQUAL(model_frame_freed(machine, directory), 1);
    CHECK_EQUAL(fixture.violation.kind, MODEL_LIVE_ROOT);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root));
    CHECK_EQUAL(model_frame_freed(machine, directory), 0);
}

TEST(model, freed_while_still_mapped)
{
    model_config_t config = fixture_config();
    uint64_t va = UINT64_C(0xFFFF800000400000);

    config.check_live = true;
    model_t *machine = fixture_open(&config, MODEL_PAGING_4_LEVEL);
    uint64_t frame = new_frame();
    entry_put(va, 1, frame | PWU);
    CHECK_EQUAL(model_frame_freed(machine, frame >> 12), 1);
    CHECK_EQUAL(fixture.violation.kind, MODEL_LIVE_MAPPING);
    CHECK_EQUAL(fixture.violation.va, va);
    CHECK_EQUAL(model_frame_freed(machine, entry_get(va, 2) >> 12), 1);
    entry_put(va, 1, 0);
    CHECK_EQUAL(model_frame_freed(machine, frame >> 12), 0);
}

/* Very many cached pages: all found by frame, and gone after one flush. */
TEST(model, freed_among_many)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frames[3000];

    for (unsigned i = 0; i < 3000; i++) {
        frames[i] = new_frame();
        entry_put(GIB + 0x3000 * (uint64_t)i, 1, frames[i] | PWU);
        CHECK_EQUAL(reach(GIB + 0x3000 * (uint64_t)i), frames[i]);
    }
    CHECK_EQUAL(model_statistics(machine, 0).cached, 3000);
    for (unsigned i = 0; i < 3000; i++)
        CHECK_EQUAL(model_frame_freed(machine, frames[i] >> 12), 1);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root));
    CHECK_EQUAL(model_statistics(machine, 0).cached, 0);
    for (unsigned i = 0; i < 3000; i++)
        CHECK_EQUAL(model_frame_freed(machine, frames[i] >> 12), 0);
}
