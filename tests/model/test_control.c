/* SPDX-License-Identifier: MIT */
/*
 * test_control.c - what the control registers refuse. SDM volume 2, MOV to control registers; volume 3, 2.5, 4.1.
 */
#include "test_fixture.h"

static model_t *bare(void)
{
    return fixture_start(MODEL_PAGING_OFF);
}

TEST(model, cr0_refusals)
{
    model_t *machine = bare();

    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE));
    CHECK_EQUAL(model_registers(machine, 0).cr0, MODEL_CR0_PE | 0x10); /* ET is always 1: 2.5 */
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PG), MODEL_GP, 0);
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_NW), MODEL_GP, 0);
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PE | UINT64_C(1) << 32), MODEL_GP, 0);
    CHECK_DONE(model_wrmsr_efer(machine, 0, MODEL_EFER_LME));
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG), MODEL_GP, 0); /* 4.1.1: no CR4.PAE */
    model_set_cpl(machine, 0, 3);
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PE), MODEL_GP, 0);
}

/* SDM 9.8.5.1 and volume 2: a 64-bit CS while long mode is being entered; PG cleared in 64-bit mode. */
TEST(model, cr0_and_long_mode)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    model_descriptor_t code = model_get_segment(machine, 0, MODEL_CS);

    CHECK(code.long_mode);
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PE), MODEL_GP, 0);
    code.long_mode = false;
    model_set_segment(machine, 0, MODEL_CS, code);
    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE));
    CHECK_EQUAL(model_registers(machine, 0).efer & MODEL_EFER_LMA, 0);
    code.long_mode = true;
    model_set_segment(machine, 0, MODEL_CS, code);
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG), MODEL_GP, 0);
}

TEST(model, cr3_refusals)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    CHECK_FAULT(model_mov_cr3(machine, 0, UINT64_C(1) << 40), MODEL_GP, 0);
    CHECK_FAULT(model_mov_cr3(machine, 0, fixture.root | MODEL_CR3_NO_FLUSH), MODEL_GP, 0);
    model_set_cpl(machine, 0, 1);
    CHECK_FAULT(model_mov_cr3(machine, 0, fixture.root), MODEL_GP, 0);
}

TEST(model, cr4_refuses_what_cpuid_lacks)
{
    model_config_t config = fixture_config();

    config.features = MODEL_HAS_PAE | MODEL_HAS_LONG_MODE;
    model_t *machine = fixture_open(&config, MODEL_PAGING_OFF);
    CHECK_FAULT(model_mov_cr4(machine, 0, MODEL_CR4_SMEP), MODEL_GP, 0);
    CHECK_FAULT(model_mov_cr4(machine, 0, MODEL_CR4_PGE), MODEL_GP, 0);
    CHECK_FAULT(model_mov_cr4(machine, 0, UINT64_C(1) << 40), MODEL_GP, 0);
    CHECK_FAULT(model_wrmsr_efer(machine, 0, MODEL_EFER_NXE), MODEL_GP, 0);
    CHECK_FAULT(model_wrmsr_pat(machine, 0, 0), MODEL_GP, 0);
    CHECK_FAULT(model_invpcid(machine, 0, 2, 0, 0), MODEL_UD, 0);
    CHECK_DONE(model_mov_cr4(machine, 0, MODEL_CR4_PAE));
}

/* SDM 4.1.2: LA57 and PAE stay as they are in long mode. */
TEST(model, cr4_in_long_mode)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t cr4 = model_registers(machine, 0).cr4;

    CHECK_FAULT(model_mov_cr4(machine, 0, cr4 & ~(uint64_t)MODEL_CR4_PAE), MODEL_GP, 0);
    CHECK_FAULT(model_mov_cr4(machine, 0, cr4 | MODEL_CR4_LA57), MODEL_GP, 0);
}

/* SDM 4.10.1: PCIDs only in long mode, and only while CR3 bits 11:0 are 0; paging cannot be left with them. */
TEST(model, cr4_pcide)
{
    model_t *machine = fixture_start(MODEL_PAGING_PAE);

    CHECK_FAULT(model_mov_cr4(machine, 0, MODEL_CR4_PAE | MODEL_CR4_PCIDE), MODEL_GP, 0);
    machine = fixture_start(MODEL_PAGING_4_LEVEL);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root | MODEL_ENTRY_PCD));
    CHECK_FAULT(model_mov_cr4(machine, 0, MODEL_CR4_PAE | MODEL_CR4_PCIDE), MODEL_GP, 0);
    CHECK_DONE(model_mov_cr3(machine, 0, fixture.root));
    CHECK_DONE(model_mov_cr4(machine, 0, MODEL_CR4_PAE | MODEL_CR4_PCIDE));
    model_descriptor_t code = model_get_segment(machine, 0, MODEL_CS);
    code.long_mode = false;
    model_set_segment(machine, 0, MODEL_CS, code);
    CHECK_FAULT(model_mov_cr0(machine, 0, MODEL_CR0_PE), MODEL_GP, 0);
}

/* SDM volume 4, IA32_EFER: LME cannot change while paging is on; LMA is read-only. */
TEST(model, efer)
{
    model_t *machine = fixture_start(MODEL_PAGING_PAE);

    CHECK_FAULT(model_wrmsr_efer(machine, 0, MODEL_EFER_LME), MODEL_GP, 0);
    CHECK_DONE(model_wrmsr_efer(machine, 0, MODEL_EFER_LMA));
    CHECK_EQUAL(model_registers(machine, 0).efer, 0);
    CHECK_FAULT(model_wrmsr_efer(machine, 0, 2), MODEL_GP, 0);
}

/* SDM volume 2, INVLPG and INVPCID. */
TEST(model, invalidation_refusals)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    CHECK_DONE(model_invlpg(machine, 0, UINT64_C(1) << 60));
    CHECK_FAULT(model_invpcid(machine, 0, 4, 0, 0), MODEL_GP, 0);
    CHECK_FAULT(model_invpcid(machine, 0, 0, 0x1000, 0), MODEL_GP, 0);
    CHECK_FAULT(model_invpcid(machine, 0, 0, 0, UINT64_C(1) << 60), MODEL_GP, 0);
    CHECK_FAULT(model_invpcid(machine, 0, 1, 5, 0), MODEL_GP, 0);
    CHECK_DONE(model_invpcid(machine, 0, 2, 5, UINT64_C(1) << 60));
    model_set_cpl(machine, 0, 3);
    CHECK_FAULT(model_invlpg(machine, 0, 0), MODEL_GP, 0);
    CHECK_FAULT(model_invpcid(machine, 0, 2, 0, 0), MODEL_GP, 0);
}

/* SDM 4.4.1: turning paging on with CR4.PAE reads the PDPTEs, and refuses bad ones. */
TEST(model, cr0_pg_loads_pdptes)
{
    model_t *machine = bare();
    uint64_t root = new_frame(), bad = P | W;

    model_physical_write(machine, root + 8, &bad, sizeof bad);
    CHECK_FAULT(model_start(machine, 0, MODEL_PAGING_PAE, root), MODEL_GP, 0);
    CHECK_EQUAL(model_paging(machine, 0), MODEL_PAGING_OFF);
}
