/* SPDX-License-Identifier: MIT */
/*
 * test_reserved.c - each bit of each entry of each format: reserved, or not. SDM 4.3, 4.4.2, 4.5.4, and 4.7 for the
 * error code. The expected masks are written from the manual's tables, with MAXPHYADDR = 40.
 */
#include "test_fixture.h"

enum { VA = 0x12200000 };

static uint64_t bits(unsigned high, unsigned low)
{
    return (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

/* Sets each bit in turn in an entry that works, and sees whether that is a reserved-bit fault. */
static void check_entry(unsigned features, uint64_t efer, model_paging_t paging, unsigned level, bool page,
                        uint64_t expected)
{
    model_config_t config = fixture_config();

    config.features = features;
    config.caching = MODEL_FORGET;
    model_t *machine = fixture_open(&config, paging);
    CHECK_DONE(model_wrmsr_efer(machine, 0, efer | (model_registers(machine, 0).efer & MODEL_EFER_LME)));
    entry_put(VA, 1, new_frame() | PWU);
    if (page && level > 1)
        entry_put(VA, level, PWU | PS);
    uint64_t working = entry_get(VA, level);
    CHECK(!touch(VA, MODEL_READ).fault.raised);
    for (unsigned bit = 3; bit < (paging == MODEL_PAGING_32 ? 32u : 64u); bit++) {
        uint64_t flag = UINT64_C(1) << bit;
        if ((level > 1 && flag == PS && !(expected & PS)) || (working & flag & ~PWU && flag != PS))
            continue; /* another kind of entry, or the table's own address */
        entry_put(VA, level, working | flag);
        model_result_t result = touch_as(VA, MODEL_READ, MODEL_SUPERVISOR);
        /* An address bit may lead to a table outside RAM, which reads as ones: not this entry's fault. */
        bool reserved =
            fixture.violations == 0 && result.fault.raised && result.fault.error_code == (MODEL_PF_P | MODEL_PF_RSVD);
        CHECK_EQUAL(reserved ? flag : 0, expected & flag);
        fixture.violations = 0;
    }
}

enum { ALL = MODEL_HAS_EVERYTHING };

TEST(model, reserved_32_bit)
{
    check_entry(ALL, 0, MODEL_PAGING_32, 1, true, 0);
    check_entry(ALL, 0, MODEL_PAGING_32, 2, false, 0);
    check_entry(ALL, 0, MODEL_PAGING_32, 2, true, bits(21, 21));
}

/* SDM 4.3, table 4-4: without PSE-36, bits 21:13. */
TEST(model, reserved_32_bit_without_pse36)
{
    check_entry(ALL & ~MODEL_HAS_PSE36, 0, MODEL_PAGING_32, 2, true, bits(21, 13));
}

/* Footnotes of SDM 4.3 to 4.5: where there is no PAT, its bit is reserved. */
TEST(model, reserved_without_pat)
{
    check_entry(ALL & ~MODEL_HAS_PAT, 0, MODEL_PAGING_32, 1, true, bits(7, 7));
    check_entry(ALL & ~MODEL_HAS_PAT, 0, MODEL_PAGING_32, 2, true, bits(21, 21) | bits(12, 12));
}

TEST(model, reserved_pae)
{
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_PAE, 1, true, bits(62, 40));
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_PAE, 2, false, bits(62, 40));
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_PAE, 2, true, bits(62, 40) | bits(20, 13));
}

/* SDM 4.4.2: with EFER.NXE clear, bit 63 is reserved. */
TEST(model, reserved_without_nxe)
{
    check_entry(ALL, 0, MODEL_PAGING_PAE, 1, true, bits(63, 40));
    check_entry(ALL, 0, MODEL_PAGING_4_LEVEL, 1, true, bits(51, 40) | NX);
    check_entry(ALL, 0, MODEL_PAGING_4_LEVEL, 4, false, bits(51, 40) | NX | PS);
}

TEST(model, reserved_4_level)
{
    uint64_t above = bits(51, 40);

    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_4_LEVEL, 1, true, above);
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_4_LEVEL, 2, false, above);
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_4_LEVEL, 2, true, above | bits(20, 13));
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_4_LEVEL, 3, false, above);
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_4_LEVEL, 3, true, above | bits(29, 13));
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_4_LEVEL, 4, false, above | PS);
}

/* SDM 4.5.4: PS in a PDPTE is reserved where there are no 1 GiB pages. */
TEST(model, reserved_without_1_gib_pages)
{
    check_entry(ALL & ~MODEL_HAS_1GIB_PAGES, MODEL_EFER_NXE, MODEL_PAGING_4_LEVEL, 3, false, bits(51, 40) | PS);
}

TEST(model, reserved_5_level)
{
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_5_LEVEL, 5, false, bits(51, 40) | PS);
    check_entry(ALL, MODEL_EFER_NXE, MODEL_PAGING_5_LEVEL, 4, false, bits(51, 40) | PS);
}

/* SDM 4.7: an entry that is not present has no reserved bits. */
TEST(model, reserved_only_if_present)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    entry_put(VA, 1, ~P);
    CHECK_PF(touch(VA, MODEL_READ), 0);
}

/* SDM 4.7: U/S, W/R and I/D are set beside RSVD as for every fault. */
TEST(model, reserved_error_code)
{
    fixture_start(MODEL_PAGING_4_LEVEL);
    entry_put(VA, 1, new_frame() | PWU | bits(51, 51));
    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_USER), MODEL_PF_P | MODEL_PF_RSVD | MODEL_PF_W | MODEL_PF_U);
    CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_RSVD | MODEL_PF_ID);
}
