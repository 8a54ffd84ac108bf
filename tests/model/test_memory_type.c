/* SPDX-License-Identifier: MIT */
/*
 * test_memory_type.c - the PAT and how it meets the MTRRs. SDM 4.9, 11.5.2.2, 11.12.
 */
#include "test_fixture.h"

static model_memory_type_t type_of(uint64_t va)
{
    return touch(va, MODEL_READ).piece[0].type;
}

/* SDM 11.12.4: the PAT at reset gives WB, WT, UC-, UC for PCD:PWT, whatever the PAT bit; UC- ends as UC. */
TEST(model, pat_at_reset)
{
    static const model_memory_type_t types[] = {MODEL_WB, MODEL_WT, MODEL_UC, MODEL_UC};

    fixture_start(MODEL_PAGING_4_LEVEL);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t va = 0x400000 + 0x1000 * i, choice = (i & 3) << 3 | (i & 4 ? MODEL_ENTRY_PAT : 0);
        entry_put(va, 1, new_frame() | PWU | choice);
        CHECK_EQUAL(type_of(va), types[i & 3]);
    }
}

/* SDM 4.9.2: PAT is bit 7 of a 4 KiB page's entry, bit 12 of a larger one's. */
TEST(model, pat_chooses)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    CHECK_DONE(model_wrmsr_pat(machine, 0, UINT64_C(0x0005040100070406)));
    entry_put(0x400000, 1, new_frame() | PWU | MODEL_ENTRY_PAT);
    CHECK_EQUAL(type_of(0x400000), MODEL_WC);
    entry_put(0x800000, 2, 0x08000000 | PWU | PS | MODEL_ENTRY_PAT_LARGE | MODEL_ENTRY_PCD);
    CHECK_EQUAL(type_of(0x800000), MODEL_WP);
    CHECK_EQUAL(reach(0x800000), 0x08000000);
    entry_put(0xA00000, 2, 0x08000000 | PWU | PS);
    CHECK_EQUAL(type_of(0xA00000), MODEL_WB);
    entry_put(GIB, 3, 8 * GIB | PWU | PS | MODEL_ENTRY_PAT_LARGE);
    CHECK_EQUAL(type_of(GIB), MODEL_WC);
}

/* SDM 11.5.2.2, table 11-7: where the MTRRs say UC, only WC survives. */
TEST(model, pat_outside_ram)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    CHECK_DONE(model_wrmsr_pat(machine, 0, UINT64_C(0x0005040100070406)));
    entry_put(0x400000, 1, 0xFEE00000 | PWU);
    CHECK_EQUAL(type_of(0x400000), MODEL_UC);
    entry_put(0x401000, 1, 0xE0000000 | PWU | MODEL_ENTRY_PAT);
    CHECK_EQUAL(type_of(0x401000), MODEL_WC);
}

/* SDM 11.12.2: types 2 and 3 and all above 7 are #GP. */
TEST(model, pat_refuses_reserved_types)
{
    static const uint8_t bad[] = {2, 3, 8, 0x80};
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    for (unsigned i = 0; i < 4; i++)
        CHECK_FAULT(model_wrmsr_pat(machine, 0, (uint64_t)bad[i] << (16 * i)), MODEL_GP, 0);
}

/* SDM 11.12.4: a new PAT does not reach translations that are cached. */
TEST(model, pat_change_needs_a_flush)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    entry_put(0x400000, 1, new_frame() | PWU);
    CHECK_EQUAL(type_of(0x400000), MODEL_WB);
    CHECK_DONE(model_wrmsr_pat(machine, 0, 0));
    CHECK_EQUAL(type_of(0x400000), MODEL_WB);
    CHECK_DONE(model_invlpg(machine, 0, 0x400000));
    CHECK_EQUAL(type_of(0x400000), MODEL_UC);
}
