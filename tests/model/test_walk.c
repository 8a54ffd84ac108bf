/* SPDX-License-Identifier: MIT */
/*
 * test_walk.c - every format finds its page, at every page size, and sets the bits that hardware sets.
 */
#include "test_fixture.h"

static void check_small_page(model_paging_t paging, uint64_t va)
{
    fixture_start(paging);
    uint64_t frame = new_frame();

    entry_put(va, 1, frame | PWU);
    model_result_t result = touch(va + 0x123, MODEL_READ);
    CHECK(!result.fault.raised);
    CHECK_EQUAL(result.pieces, 1);
    CHECK_EQUAL(result.piece[0].pa, frame + 0x123);
    CHECK_EQUAL(result.piece[0].page_bytes, 4096);
    CHECK_EQUAL(fixture.violations, 0);
}

/* SDM 4.3, figure 4-2. */
TEST(model, walk_32_bit)
{
    check_small_page(MODEL_PAGING_32, 0xFFC03000);
}

/* SDM 4.4.2, figure 4-5. */
TEST(model, walk_pae)
{
    check_small_page(MODEL_PAGING_PAE, 0xFFC03000);
}

/* SDM 4.5.4, figure 4-8. */
TEST(model, walk_4_level)
{
    check_small_page(MODEL_PAGING_4_LEVEL, UINT64_C(0xFFFF923456789000));
    check_small_page(MODEL_PAGING_4_LEVEL, UINT64_C(0x00007FFFFFFFF000));
}

/* SDM 4.5.4: the same with a PML5 table. */
TEST(model, walk_5_level)
{
    check_small_page(MODEL_PAGING_5_LEVEL, UINT64_C(0xFF12345678901000));
    check_small_page(MODEL_PAGING_5_LEVEL, UINT64_C(0x00FFFFFFFFFFF000));
}

/* SDM 4.3, figure 4-3. */
TEST(model, walk_4_mib_page)
{
    fixture_start(MODEL_PAGING_32);
    entry_put(0x40000000, 2, 0x08000000 | PWU | PS);
    CHECK_EQUAL(reach(0x40345678), 0x08345678);
    CHECK_EQUAL(touch(0x40000000, MODEL_READ).piece[0].page_bytes, UINT64_C(1) << 22);
}

/* SDM 4.3, table 4-4: bits 20:13 are bits 39:32 of the address, as far as MAXPHYADDR goes. */
TEST(model, walk_pse36)
{
    fixture_start(MODEL_PAGING_32);
    entry_put(0x40000000, 2, 0x08000000 | UINT64_C(0xF) << 13 | PWU | PS);
    CHECK_EQUAL(reach(0x40000004), UINT64_C(0xF08000004));
}

/* SDM 4.3, table 4-5: without CR4.PSE bit 7 of a directory entry is ignored. */
TEST(model, walk_ignores_ps_without_pse)
{
    model_t *machine = fixture_start(MODEL_PAGING_32);
    uint64_t table = new_frame(), frame = new_frame();

    CHECK_DONE(model_mov_cr4(machine, 0, 0));
    entry_put(0x40000000, 2, table | PWU);
    entry_put(0x40000000, 1, frame | PWU);
    entry_put(0x40000000, 2, table | PWU | PS);
    CHECK_EQUAL(reach(0x40000000), frame);
}

/* SDM 4.4.2, figure 4-6; 4.5.4, figure 4-9. PAE needs no CR4.PSE. */
TEST(model, walk_2_mib_page)
{
    model_t *machine = fixture_start(MODEL_PAGING_PAE);

    CHECK_DONE(model_mov_cr4(machine, 0, MODEL_CR4_PAE));
    entry_put(0x40200000, 2, UINT64_C(0x123400000) | PWU | PS);
    CHECK_EQUAL(reach(0x40212345), UINT64_C(0x123412345));
    fixture_start(MODEL_PAGING_4_LEVEL);
    entry_put(0x40200000, 2, UINT64_C(0x123400000) | PWU | PS);
    CHECK_EQUAL(reach(0x403FFFFF), UINT64_C(0x1235FFFFF));
}

/* SDM 4.5.4, figure 4-10. */
TEST(model, walk_1_gib_page)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    entry_put(GIB, 3, 8 * GIB | PWU | PS);
    CHECK_EQUAL(reach(GIB + 0x3456789A), 8 * GIB + 0x3456789A);
}

/* SDM 4.4.1: the four PDPTEs are read when CR3 is loaded, and not again. */
TEST(model, pae_pdptes_are_registers)
{
    model_t *machine = fixture_start(MODEL_PAGING_PAE);
    uint64_t frame = new_frame();

    entry_put(0x40000000, 1, frame | PWU);
    uint64_t pdpte = entry_get(0x40000000, 3);
    CHECK_EQUAL(model_registers(machine, 0).pdpte[1], pdpte);
    entry_put(0x40000000, 3, 0);
    CHECK_EQUAL(reach(0x40000000), frame);
    CHECK_DONE(model_invlpg(machine, 0, 0x40000000));
    CHECK_EQUAL(reach(0x40000000), frame);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root));
    CHECK_PF(touch(0x40000000, MODEL_READ), 0);
}

/* SDM 4.4.1: bits 4:0 of CR3 do not count; the table is aligned to 32 bytes. */
TEST(model, pae_root_is_aligned_to_32_bytes)
{
    model_t *machine = fixture_start(MODEL_PAGING_PAE);
    uint64_t frame = new_frame(), page = new_frame(), quad[4];

    entry_put(0x40000000, 1, frame | PWU);
    model_physical_read(machine, fixture.root, quad, sizeof quad);
    model_physical_write(machine, page + 0x60, quad, sizeof quad);
    CHECK_DONE(model_mov_cr3(machine, 0, page + 0x60));
    CHECK_EQUAL(reach(0x40000000), frame);
}

/* SDM 4.4.1: a reserved bit in a present PDPTE is #GP(0) at the load, and nothing changes. */
TEST(model, pae_reserved_pdpte_is_general_protection)
{
    static const uint64_t bits[] = {W, U, A, D, PS, G, UINT64_C(1) << 40, NX};
    model_t *machine = fixture_start(MODEL_PAGING_PAE);
    uint64_t root = new_root(), old = fixture.root;

    use_root(root);
    for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++) {
        entry_put(0x80000000, 3, new_frame() | P | bits[i]);
        CHECK_FAULT(model_mov_cr3(machine, 0, root), MODEL_GP, 0);
        CHECK_EQUAL(model_registers(machine, 0).cr3, old);
        entry_put(0x80000000, 3, bits[i] & ~P); /* not present: nothing is reserved */
        CHECK_DONE(model_mov_cr3(machine, 0, root));
        CHECK_DONE(model_mov_cr3(machine, 0, old));
    }
}

/* SDM 4.7: bit 0 of the error code is clear if P was clear at any level; CR2 holds the address. */
TEST(model, not_present_at_every_level)
{
    static const model_paging_t pagings[] = {MODEL_PAGING_32, MODEL_PAGING_PAE, MODEL_PAGING_4_LEVEL,
                                             MODEL_PAGING_5_LEVEL};

    for (unsigned i = 0; i < 4; i++) {
        unsigned top = i + 2;
        for (unsigned level = 1; level <= top; level++) {
            model_t *machine = fixture_start(pagings[i]);
            if (pagings[i] == MODEL_PAGING_PAE && level == 3)
                continue;
            entry_put(0x12345000, 1, new_frame() | PWU);
            entry_put(0x12345000, level, entry_get(0x12345000, level) & ~P);
            CHECK_PF(touch_as(0x12345678, MODEL_READ, MODEL_SUPERVISOR), 0);
            CHECK_PF(touch_as(0x12345678, MODEL_WRITE, MODEL_SUPERVISOR), MODEL_PF_W);
            CHECK_PF(touch_as(0x12345678, MODEL_READ, MODEL_USER), MODEL_PF_U);
            CHECK_EQUAL(model_registers(machine, 0).cr2, 0x12345678);
        }
    }
}

/* SDM 4.8: A in every entry used, D in the last, by a write only. */
TEST(model, accessed_and_dirty)
{
    static const model_paging_t pagings[] = {MODEL_PAGING_32, MODEL_PAGING_PAE, MODEL_PAGING_4_LEVEL,
                                             MODEL_PAGING_5_LEVEL};

    for (unsigned i = 0; i < 4; i++) {
        fixture_start(pagings[i]);
        entry_put(0x12345000, 1, new_frame() | PWU);
        CHECK_EQUAL(entry_get(0x12345000, 1) & (A | D), 0);
        CHECK(!touch(0x12345000, MODEL_READ).fault.raised);
        CHECK_EQUAL(entry_get(0x12345000, 1) & (A | D), A);
        CHECK(!touch(0x12345000, MODEL_WRITE).fault.raised);
        CHECK_EQUAL(entry_get(0x12345000, 1) & (A | D), A | D);
        CHECK_EQUAL(entry_get(0x12345000, 2) & (A | D), A);
        if (pagings[i] == MODEL_PAGING_PAE)
            CHECK_EQUAL(entry_get(0x12345000, 3) & (A | D), 0);
        else if (i >= 2)
            CHECK_EQUAL(entry_get(0x12345000, i + 2) & (A | D), A);
    }
}

/* SDM 4.8: a large page's entry has both flags. */
TEST(model, accessed_and_dirty_of_a_large_page)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    entry_put(0x400000, 2, 0x08000000 | PWU | PS);
    CHECK(!touch(0x400000, MODEL_WRITE).fault.raised);
    CHECK_EQUAL(entry_get(0x400000, 2), 0x08000000 | PWU | PS | A | D);
}

/* SDM 4.8 and 4.10.2.3: an access that faults sets neither flag in the page's entry. */
TEST(model, fault_leaves_accessed_and_dirty)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    entry_put(0x400000, 1, new_frame() | P);
    CHECK_PF(touch(0x400000, MODEL_WRITE), MODEL_PF_P | MODEL_PF_W);
    CHECK_EQUAL(entry_get(0x400000, 1) & (A | D), 0);
}

/* Observing changes nothing: neither flags nor caches. */
TEST(model, translate_leaves_no_trace)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frame = new_frame();
    model_translation_t translation;

    entry_put(0x400000, 1, frame | P | U | G);
    CHECK(model_translate(machine, 0, 0x400010, &translation));
    CHECK_EQUAL(translation.pa, frame + 0x10);
    CHECK(!translation.writable && translation.user && translation.global && !translation.dirty);
    CHECK_EQUAL(entry_get(0x400000, 1) & A, 0);
    CHECK_EQUAL(model_statistics(machine, 0).cached, 0);
    CHECK(!model_translate(machine, 0, 0x401000, &translation));
}
