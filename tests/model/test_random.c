/* SPDX-License-Identifier: MIT */
/*
 * test_random.c - properties that hold whatever the tables and the order of events.
 *
 * One: a program that invalidates after each change never meets a stale translation nor a spurious fault, under every
 * way of caching. Two: a program that never invalidates meets the newest or an older translation of the page, never
 * anything else. Three: a frame that the model lets go without a report can no longer be reached.
 */
#include "test_fixture.h"

enum { PAGES = 24, FRAMES = 64 };

static const model_paging_t pagings[] = {MODEL_PAGING_32, MODEL_PAGING_PAE, MODEL_PAGING_4_LEVEL, MODEL_PAGING_5_LEVEL};

static uint64_t page_va(uint64_t page)
{
    return UINT64_C(0x12000000) + page / 8 * 0x400000 + page % 8 * 0x1000; /* three tables */
}

static uint64_t random_entry(uint64_t first)
{
    uint64_t flags = test_random_below(8) | (test_random_below(4) ? P | W : 0);

    flags |= test_random_below(4) == 0 ? G : 0;
    return first + test_random_below(FRAMES) * 0x1000 + flags;
}

static model_result_t random_access(model_t *machine, uint64_t va)
{
    static const model_mode_t modes[] = {MODEL_USER, MODEL_SUPERVISOR};
    uint64_t choice = test_random();

    return model_access(machine, 0, va + (choice >> 8 & 0xFFC), 4, (model_kind_t)(choice % 3), modes[choice >> 4 & 1]);
}

static void flushing_program(const model_config_t *config, model_paging_t paging)
{
    model_t *machine = fixture_open(config, paging);
    uint64_t first = fixture.next_frame << 12;

    fixture.next_frame += FRAMES;
    for (unsigned i = 0; i < 3000 * test_effort(); i++) {
        uint64_t va = page_va(test_random_below(PAGES));
        if (test_random_below(3) == 0) {
            entry_put(va, 1, random_entry(first));
            CHECK_DONE(model_invlpg(machine, 0, va));
        } else {
            (void)random_access(machine, va);
        }
        CHECK_EQUAL(fixture.violations, 0);
    }
    CHECK_EQUAL(model_statistics(machine, 0).spurious_faults, 0);
}

TEST(model, random_program_that_flushes)
{
    model_config_t config = fixture_config();

    config.check_use = true;
    for (unsigned i = 0; i < 4; i++) {
        config.caching = MODEL_KEEP;
        flushing_program(&config, pagings[i]);
        config.caching = MODEL_RANDOM;
        flushing_program(&config, pagings[i]);
    }
}

/* Ends in large pages and back, with a flush between (SDM 4.10.2.3), whole or in fragments. */
TEST(model, random_splits_and_merges)
{
    for (unsigned fragments = 0; fragments < 2; fragments++) {
        model_config_t config = fixture_config();
        config.check_use = true;
        config.large_page_fragments = fragments != 0;
        model_t *machine = fixture_open(&config, MODEL_PAGING_4_LEVEL);
        uint64_t table = new_frame() | PWU;

        for (unsigned i = 0; i < 2000 * test_effort(); i++) {
            uint64_t change = test_random_below(20);
            if (change < 2) {
                entry_put(0x40000000, 2, change == 0 ? table : 0x08000000 | PWU | PS);
                CHECK_DONE(model_mov_cr3(machine, 0, fixture.root));
            }
            (void)random_access(machine, 0x40000000 + 0x1000 * test_random_below(512));
            CHECK_EQUAL(fixture.violations, 0);
        }
    }
}

static void check_seen_before(uint64_t history, model_result_t result, uint64_t first)
{
    if (!result.fault.raised)
        CHECK(history >> ((result.piece[0].pa - first) >> 12) & 1);
}

TEST(model, random_program_that_never_flushes)
{
    for (unsigned i = 0; i < 4; i++) {
        model_config_t config = fixture_config();
        uint64_t history[PAGES] = {0};

        config.caching = MODEL_RANDOM;
        model_t *machine = fixture_open(&config, pagings[i]);
        uint64_t first = fixture.next_frame << 12;
        fixture.next_frame += FRAMES;
        for (unsigned round = 0; round < 3000 * test_effort(); round++) {
            uint64_t page = test_random_below(PAGES);
            if (test_random_below(3) == 0) {
                uint64_t entry = random_entry(first);
                history[page] |= UINT64_C(1) << ((entry - first) >> 12);
                entry_put(page_va(page), 1, entry);
            } else {
                check_seen_before(history[page], random_access(machine, page_va(page)), first);
            }
        }
    }
}

/* Unmaps pages, flushes some of them, and frees the frame: reported exactly if an access still reaches it. */
TEST(model, random_frees)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t first = fixture.next_frame << 12;
    unsigned reported = 0;

    fixture.next_frame += FRAMES;
    for (unsigned i = 0; i < 2000 * test_effort(); i++) {
        uint64_t va = page_va(test_random_below(PAGES)), frame = first + test_random_below(FRAMES) * 0x1000;
        entry_put(va, 1, frame | PWU);
        CHECK_DONE(model_invlpg(machine, 0, va));
        if (test_random_below(4))
            CHECK_EQUAL(reach(va), frame);
        entry_put(va, 1, 0);
        if (test_random_below(2))
            CHECK_DONE(model_invlpg(machine, 0, va));
        unsigned found = model_frame_freed(machine, frame >> 12);
        bool reachable = reach(va) == frame;
        CHECK(found >= reachable);
        CHECK(found == 0 || reachable);
        reported += found;
        CHECK_DONE(model_invlpg(machine, 0, va));
    }
    CHECK(reported > 0);
}
