/* SPDX-License-Identifier: MIT */
/*
 * test_cache.c - what is cached, and that a stale entry is used. SDM 4.10.2 and 4.10.3.
 */
#include "test_fixture.h"

enum { VA = 0x400000 };

/* SDM 4.10.2.2: a cached translation serves without a look at memory. */
TEST(model, stale_translation_is_used)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t first = new_frame(), second = new_frame();

    entry_put(VA, 1, first | PWU);
    CHECK_EQUAL(reach(VA), first);
    entry_put(VA, 1, second | PWU);
    CHECK_EQUAL(reach(VA), first);
    entry_put(VA, 1, 0);
    CHECK_EQUAL(reach(VA), first);
    CHECK(touch(VA, MODEL_READ).piece[0].cached);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK_PF(touch(VA, MODEL_READ), 0);
}

/* SDM 4.10.2.3: what is not present, or has a reserved bit, is never cached. */
TEST(model, not_present_is_not_cached)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frame = new_frame();

    CHECK_PF(touch(VA, MODEL_READ), 0);
    entry_put(VA, 1, frame | PWU | UINT64_C(1) << 50);
    CHECK_PF(touch(VA, MODEL_READ), MODEL_PF_P | MODEL_PF_RSVD);
    entry_put(VA, 1, frame | PWU);
    CHECK_EQUAL(reach(VA), frame);
}

/* SDM 4.10.3.1: a table is cached, and used for a page that was never touched. */
TEST(model, stale_table_is_used)
{
    static const model_paging_t pagings[] = {MODEL_PAGING_32, MODEL_PAGING_PAE, MODEL_PAGING_4_LEVEL,
                                             MODEL_PAGING_5_LEVEL};

    for (unsigned i = 0; i < 4; i++) {
        for (unsigned level = 2; level <= i + 2; level++) {
            model_t *machine = fixture_start(pagings[i]);
            uint64_t frame = new_frame();
            if (pagings[i] == MODEL_PAGING_PAE && level == 3)
                continue;
            entry_put(VA, 1, new_frame() | PWU);
            entry_put(VA + 0x1000, 1, frame | PWU);
            CHECK(reach(VA) != UINT64_MAX);
            entry_put(VA, level, 0);
            CHECK_EQUAL(reach(VA + 0x1000), frame);
            CHECK_DONE(model_invlpg(machine, 0, 0xF0000000)); /* whatever the address: SDM 4.10.4.1 */
            CHECK_PF(touch(VA + 0x2000, MODEL_READ), 0);
        }
    }
}

/* SDM 4.10.3.1: a cached table carries the rights of the entries above it. */
TEST(model, stale_table_keeps_rights)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    entry_put(VA, 1, new_frame() | PWU);
    entry_put(VA + 0x1000, 1, new_frame() | PWU);
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
    entry_put(VA, 3, entry_get(VA, 3) & ~W);
    CHECK(!touch(VA + 0x1000, MODEL_WRITE).fault.raised);
}

/* SDM 4.10.4.3: a right granted in memory may fault once more; the fault removes the entry (4.10.4.1). */
TEST(model, spurious_fault_happens_once)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frame = new_frame();

    entry_put(VA, 1, frame | P | U);
    CHECK_EQUAL(reach(VA), frame);
    entry_put(VA, 1, frame | PWU);
    CHECK_PF(touch(VA, MODEL_WRITE), MODEL_PF_P | MODEL_PF_W);
    CHECK_EQUAL(model_statistics(machine, 0).spurious_faults, 1);
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
}

/* AMD APM volume 2, 5.5: a processor may look at memory again before it faults. */
TEST(model, walking_again_avoids_spurious_faults)
{
    model_config_t config = fixture_config();

    config.walks_again_before_faults = true;
    fixture_open(&config, MODEL_PAGING_4_LEVEL);
    uint64_t frame = new_frame();
    entry_put(VA, 1, frame | P | U);
    CHECK_EQUAL(reach(VA), frame);
    entry_put(VA, 1, frame | PWU);
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
}

/* SDM 4.10.4.1: the fault removes global pages and the tables above the address too; other pages stay. */
TEST(model, page_fault_invalidates)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t first = new_frame(), second = new_frame();

    entry_put(VA, 1, first | P | U | G);
    entry_put(VA + 0x1000, 1, first | PWU);
    CHECK_EQUAL(reach(VA), first);
    CHECK_EQUAL(reach(VA + 0x1000), first);
    entry_put(VA, 1, second | P | U);
    entry_put(VA + 0x1000, 1, second | PWU);
    CHECK_PF(touch(VA, MODEL_WRITE), MODEL_PF_P | MODEL_PF_W);
    CHECK_EQUAL(reach(VA), second);
    CHECK_EQUAL(reach(VA + 0x1000), first);
}

/* SDM 4.8: a write through an entry cached clean sets D in memory, hence reads the tables. */
TEST(model, first_write_walks)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t first = new_frame(), second = new_frame();

    entry_put(VA, 1, first | PWU);
    CHECK_EQUAL(reach(VA), first);
    entry_put(VA, 1, second | PWU);
    CHECK_EQUAL(touch(VA, MODEL_WRITE).piece[0].pa, second);
    CHECK_EQUAL(entry_get(VA, 1) & D, D);
    CHECK_EQUAL(reach(VA), second);
}

/* SDM 4.8: D cleared in memory but not invalidated: the next write does not set it again. So with A. */
TEST(model, dirty_bit_is_lost_without_a_flush)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frame = new_frame();

    entry_put(VA, 1, frame | PWU);
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
    entry_put(VA, 1, frame | PWU);
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
    CHECK_EQUAL(entry_get(VA, 1) & (A | D), 0);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
    CHECK_EQUAL(entry_get(VA, 1) & (A | D), A | D);
}

/* SDM 4.10.2.3: two sizes for one address may be cached together; the older serves until both are gone. */
TEST(model, large_page_outlives_its_split)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t table = new_frame(), frame = new_frame();
    uint64_t small = frame | PWU;

    entry_put(VA, 2, 0x08000000 | PWU | PS);
    CHECK_EQUAL(reach(VA), 0x08000000);
    model_physical_write(machine, table, &small, sizeof small);
    entry_put(VA, 2, table | PWU);
    CHECK_EQUAL(reach(VA), 0x08000000);
    CHECK_EQUAL(reach(VA + 0x5000), 0x08005000);
    CHECK_DONE(model_invlpg(machine, 0, VA + 0x7000));
    CHECK_EQUAL(reach(VA), frame);
}

/* SDM 4.10.2.3: with both sizes cached, either may serve; here the older does. */
TEST(model, two_sizes_cached_at_once)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t table = new_frame(), frame = new_frame(), small = frame | PWU;

    entry_put(VA, 2, 0x08000000 | PWU | PS);
    CHECK_EQUAL(reach(VA), 0x08000000);
    model_physical_write(machine, table, &small, sizeof small);
    entry_put(VA, 2, table | PWU);
    CHECK_EQUAL(touch(VA, MODEL_WRITE).piece[0].pa, frame); /* cached clean: walks, and caches the small page */
    CHECK_EQUAL(model_statistics(machine, 0).cached, 2);
    CHECK_EQUAL(reach(VA), 0x08000000);
    CHECK_DONE(model_invlpg(machine, 0, VA)); /* takes both */
    CHECK_EQUAL(model_statistics(machine, 0).cached, 0);
}

/* SDM 4.10.2.3 and 4.10.4.1: cached in fragments, a split large page needs each of its addresses invalidated, since
 * the tables no longer say that they are one page. */
TEST(model, large_page_fragments)
{
    model_config_t config = fixture_config();

    config.large_page_fragments = true;
    model_t *machine = fixture_open(&config, MODEL_PAGING_4_LEVEL);
    uint64_t table = new_frame();
    entry_put(VA, 2, 0x08000000 | PWU | PS);
    CHECK_EQUAL(reach(VA), 0x08000000);
    CHECK_EQUAL(reach(VA + 0x5000), 0x08005000);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK_EQUAL(model_statistics(machine, 0).cached, 0);
    CHECK_EQUAL(reach(VA), 0x08000000);
    CHECK_EQUAL(reach(VA + 0x5000), 0x08005000);
    entry_put(VA, 2, table | PWU);
    CHECK_DONE(model_invlpg(machine, 0, VA));
    CHECK_PF(touch(VA, MODEL_READ), 0);
    CHECK_EQUAL(reach(VA + 0x5000), 0x08005000);
}

/* SDM 4.10.2.3: the processor may translate ahead of any access; it sets A, but not D. */
TEST(model, prefetch_fills_the_caches)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t first = new_frame(), second = new_frame();

    entry_put(VA, 1, first | PWU);
    CHECK(model_prefetch(machine, 0, VA));
    CHECK(!model_prefetch(machine, 0, VA + 0x1000));
    CHECK_EQUAL(entry_get(VA, 1) & (A | D), A);
    entry_put(VA, 1, second | PWU);
    CHECK_EQUAL(reach(VA), first);
}

/* SDM 4.10.2.3: all of it, in every format, whatever the rights. */
TEST(model, prefetch_of_everything)
{
    static const model_paging_t pagings[] = {MODEL_PAGING_32, MODEL_PAGING_PAE, MODEL_PAGING_4_LEVEL,
                                             MODEL_PAGING_5_LEVEL};

    for (unsigned i = 0; i < 4; i++) {
        model_t *machine = fixture_start(pagings[i]);
        uint64_t frame = new_frame();
        entry_put(VA, 1, frame | P);
        entry_put(VA + 0x5000, 1, new_frame() | PWU);
        entry_put(0x80000000, 2, 0x08000000 | PWU | PS);
        CHECK_EQUAL(model_prefetch_everything(machine, 0), 3);
        CHECK_EQUAL(model_statistics(machine, 0).cached, 3);
        entry_put(VA, 1, 0);
        CHECK_EQUAL(model_frame_freed(machine, frame >> 12), 1);
        CHECK_EQUAL(model_statistics(machine, 0).page_faults, 0);
    }
}

/* The processor is free to forget (SDM 4.10.4.1): a program must not rely on what is cached. */
TEST(model, other_ways_of_caching)
{
    model_config_t config = fixture_config();
    unsigned seen[2] = {0, 0};

    config.caching = MODEL_FORGET;
    fixture_open(&config, MODEL_PAGING_4_LEVEL);
    uint64_t first = new_frame();
    entry_put(VA, 1, first | PWU);
    CHECK_EQUAL(reach(VA), first);
    entry_put(VA, 1, 0);
    CHECK_PF(touch(VA, MODEL_READ), 0);
    config.caching = MODEL_RANDOM;
    fixture_open(&config, MODEL_PAGING_4_LEVEL);
    for (unsigned i = 0; i < 200; i++) {
        entry_put(VA, 1, first | PWU);
        CHECK_EQUAL(reach(VA), first);
        entry_put(VA, 1, 0);
        seen[reach(VA) == first]++;
    }
    CHECK(seen[0] > 20 && seen[1] > 20);
}

/* The check at each use names a stale translation when it is used, not only when the frame is freed. */
TEST(model, stale_use_is_reported)
{
    model_config_t config = fixture_config();

    config.check_use = true;
    fixture_open(&config, MODEL_PAGING_4_LEVEL);
    entry_put(VA, 1, new_frame() | PWU);
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
    CHECK_EQUAL(fixture.violations, 0);
    entry_put(VA, 1, entry_get(VA, 1) & ~W);
    CHECK(!touch(VA, MODEL_READ).fault.raised);
    CHECK_EQUAL(fixture.violations, 0);
    CHECK(!touch(VA, MODEL_WRITE).fault.raised);
    CHECK_EQUAL(fixture.violations, 1);
    CHECK_EQUAL(fixture.violation.kind, MODEL_STALE_USE);
    CHECK_EQUAL(fixture.violation.access, 1);
}

/* Each CPU has its own caches (SDM 4.10.5). */
TEST(model, cpus_cache_apart)
{
    model_config_t config = fixture_config();

    config.cpus = 2;
    model_t *machine = fixture_open(&config, MODEL_PAGING_4_LEVEL);
    uint64_t first = new_frame(), second = new_frame();
    CHECK_DONE(model_start(machine, 1, MODEL_PAGING_4_LEVEL, fixture.root));
    entry_put(VA, 1, first | PWU);
    CHECK_EQUAL(reach(VA), first);
    entry_put(VA, 1, second | PWU);
    CHECK_EQUAL(model_access(machine, 1, VA, 1, MODEL_READ, MODEL_AT_CPL).piece[0].pa, second);
    CHECK_DONE(model_invlpg(machine, 1, VA));
    CHECK_EQUAL(reach(VA), first);
}
