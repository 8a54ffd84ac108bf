/* SPDX-License-Identifier: MIT */
/*
 * test_invalidate.c - what each operation invalidates, and what it leaves. SDM 4.10.4.1.
 *
 * Two pages are cached, one of them global, for PCID 0 and PCID 1; after the operation, pages and tables that survive
 * are told by what a read reaches when memory has changed underneath.
 */
#include "test_fixture.h"

enum { PAGE = 0x400000, GLOBAL = 0x600000 };

static uint64_t old_frame, fresh_frame, beside;

static void set_cr4(uint64_t set, uint64_t clear)
{
    uint64_t cr4 = model_registers(fixture.machine, 0).cr4;

    CHECK_DONE(model_mov_cr4(fixture.machine, 0, (cr4 | set) & ~clear));
}

static void map_both(uint64_t frame)
{
    entry_put(PAGE, 1, frame | PWU);
    entry_put(GLOBAL, 1, frame | PWU | G);
}

static void cache_both(void)
{
    CHECK_EQUAL(reach(PAGE), old_frame);
    CHECK_EQUAL(reach(GLOBAL), old_frame);
}

/* CR3 with PCID 1 and a flush has been loaded last, and PCID 0's entries have been kept. */
static model_t *prepare(void)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    beside = PAGE;
    old_frame = new_frame();
    fresh_frame = new_frame();
    map_both(old_frame);
    set_cr4(MODEL_CR4_PCIDE, 0);
    cache_both();
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 1));
    cache_both();
    map_both(fresh_frame);
    return machine;
}

static bool kept(uint64_t va)
{
    return reach(va) == old_frame;
}

static void go_to(unsigned pcid)
{
    CHECK_DONE(model_mov_cr3(fixture.machine, 0, fixture.root | pcid | MODEL_CR3_NO_FLUSH));
}

/* Whether the table above PAGE is cached: a page beside it, never touched so far, is present in the table, but the
 * directory no longer leads there. */
static bool table_kept(void)
{
    uint64_t directory = entry_get(PAGE, 2);

    beside += 0x1000;
    entry_put(beside, 1, fresh_frame | PWU);
    entry_put(PAGE, 2, 0);
    bool result = reach(beside) == fresh_frame;
    /* Put back in place: entry_put would make a new table. */
    entry_put(PAGE, 2, directory);
    return result;
}

TEST(model, invlpg_takes_the_page_global_or_not)
{
    model_t *machine = prepare();

    CHECK_DONE(model_invlpg(machine, 0, PAGE));
    CHECK(!kept(PAGE));
    CHECK(kept(GLOBAL));
    CHECK_DONE(model_invlpg(machine, 0, GLOBAL + 0xFFF));
    CHECK(!kept(GLOBAL));
    go_to(0);
    CHECK(kept(PAGE)); /* another PCID's */
}

TEST(model, invlpg_takes_all_tables_of_the_pcid)
{
    model_t *machine = prepare();

    CHECK_DONE(model_invlpg(machine, 0, 0x10000000));
    CHECK(kept(PAGE));
    CHECK(!table_kept());
    go_to(0);
    CHECK(table_kept());
}

TEST(model, mov_cr3_takes_one_pcid_but_not_globals)
{
    model_t *machine = prepare();

    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | 1));
    CHECK(kept(GLOBAL));
    CHECK(!table_kept());
    CHECK(!kept(PAGE));
    go_to(0);
    CHECK(kept(PAGE));
    CHECK(table_kept());
}

TEST(model, mov_cr3_with_bit_63_takes_nothing)
{
    prepare();
    go_to(1);
    CHECK(kept(PAGE) && kept(GLOBAL) && table_kept());
    CHECK_EQUAL(model_registers(fixture.machine, 0).cr3, fixture.root | 1);
}

TEST(model, mov_cr3_without_pcids)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    old_frame = new_frame();
    fresh_frame = new_frame();
    map_both(old_frame);
    cache_both();
    map_both(fresh_frame);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root));
    CHECK(!kept(PAGE));
    CHECK(kept(GLOBAL));
}

/* SDM 4.10.2.4: G counts only with CR4.PGE. */
TEST(model, global_needs_pge)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    set_cr4(0, MODEL_CR4_PGE);
    old_frame = new_frame();
    fresh_frame = new_frame();
    map_both(old_frame);
    cache_both();
    map_both(fresh_frame);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root));
    CHECK(!kept(GLOBAL));
}

/* SDM 4.10.2.4: a global page serves every PCID. */
TEST(model, global_page_serves_every_pcid)
{
    prepare();
    go_to(7);
    CHECK(kept(GLOBAL));
    CHECK(!kept(PAGE));
}

TEST(model, pge_toggle_takes_everything)
{
    prepare();
    set_cr4(0, MODEL_CR4_PGE);
    CHECK(!kept(PAGE) && !kept(GLOBAL));
    go_to(0);
    CHECK(!kept(PAGE) && !kept(GLOBAL));
    prepare();
    set_cr4(0, MODEL_CR4_PGE);
    CHECK_EQUAL(model_statistics(fixture.machine, 0).cached, 0);
    CHECK_EQUAL(model_statistics(fixture.machine, 0).cached_tables, 0);
}

TEST(model, clearing_pcide_takes_everything)
{
    prepare();
    set_cr4(0, MODEL_CR4_PCIDE);
    CHECK(!kept(PAGE) && !kept(GLOBAL));
    CHECK_EQUAL(model_registers(fixture.machine, 0).cr3 & 0xFFF, 1); /* now PCD and PWT */
}

/* SDM 4.10.4.1: SMEP when it is set, not when it is cleared; for the current PCID. SMAP and PKE: nothing. */
TEST(model, smep_takes_the_pcid)
{
    prepare();
    set_cr4(MODEL_CR4_SMAP | MODEL_CR4_PKE, 0);
    set_cr4(0, MODEL_CR4_SMAP);
    CHECK(kept(PAGE) && kept(GLOBAL) && table_kept());
    set_cr4(MODEL_CR4_SMEP, 0);
    CHECK(!kept(PAGE) && !kept(GLOBAL));
    go_to(0);
    CHECK(kept(PAGE));
    prepare();
    set_cr4(MODEL_CR4_SMEP, 0);
    map_both(old_frame);
    cache_both();
    map_both(fresh_frame);
    set_cr4(0, MODEL_CR4_SMEP);
    CHECK(kept(PAGE) && kept(GLOBAL));
}

/* SDM 4.10.4.1 and 11.9: clearing CR0.PG takes everything; CR0.WP takes nothing. */
TEST(model, paging_off_takes_everything)
{
    model_t *machine = fixture_start(MODEL_PAGING_32);

    old_frame = new_frame();
    fresh_frame = new_frame();
    map_both(old_frame);
    cache_both();
    map_both(fresh_frame);
    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG));
    CHECK(kept(PAGE) && kept(GLOBAL));
    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE));
    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG));
    CHECK(!kept(PAGE) && !kept(GLOBAL));
}

TEST(model, invpcid_address)
{
    model_t *machine = prepare();

    CHECK_DONE(model_invpcid(machine, 0, 0, 0, PAGE));
    CHECK(kept(PAGE)); /* PCID 1 is another */
    CHECK_DONE(model_invpcid(machine, 0, 0, 1, GLOBAL));
    CHECK(kept(GLOBAL)); /* never global pages */
    CHECK(table_kept());
    CHECK_DONE(model_invpcid(machine, 0, 0, 1, PAGE));
    CHECK(!table_kept());
    CHECK(!kept(PAGE));
    go_to(0);
    CHECK(!kept(PAGE));
}

TEST(model, invpcid_context)
{
    model_t *machine = prepare();

    CHECK_DONE(model_invpcid(machine, 0, 1, 0, 0));
    CHECK(kept(PAGE) && kept(GLOBAL) && table_kept());
    CHECK_DONE(model_invpcid(machine, 0, 1, 1, 0));
    CHECK(!kept(PAGE) && kept(GLOBAL));
    go_to(0);
    CHECK(!kept(PAGE));
}

TEST(model, invpcid_everything)
{
    model_t *machine = prepare();

    CHECK_DONE(model_invpcid(machine, 0, 3, 0, 0));
    CHECK(!kept(PAGE) && kept(GLOBAL));
    go_to(0);
    CHECK(!kept(PAGE));
    machine = prepare();
    CHECK_DONE(model_invpcid(machine, 0, 2, 0, 0));
    CHECK(!kept(PAGE) && !kept(GLOBAL));
}

/* Writing EFER.NXE invalidates nothing: SDM 4.10.4.1 does not list it. */
TEST(model, nxe_takes_nothing)
{
    model_t *machine = fixture_start(MODEL_PAGING_PAE);
    uint64_t frame = new_frame();

    entry_put(PAGE, 1, frame | PWU | NX);
    CHECK_EQUAL(reach(PAGE), frame);
    CHECK_DONE(model_wrmsr_efer(machine, 0, 0));
    CHECK_EQUAL(reach(PAGE), frame);
    CHECK_DONE(model_invlpg(machine, 0, PAGE));
    CHECK_PF(touch(PAGE, MODEL_READ), MODEL_PF_P | MODEL_PF_RSVD);
}
