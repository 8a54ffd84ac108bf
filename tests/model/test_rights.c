/* SPDX-License-Identifier: MIT */
/*
 * test_rights.c - who may do what to a page, and the error code otherwise. SDM 4.6 and 4.7.
 */
#include "test_fixture.h"

enum { VA = 0x400000 };

static model_t *with_page(uint64_t flags)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    entry_put(VA, 1, new_frame() | flags);
    return machine;
}

static void set_cr4(model_t *machine, uint64_t bits)
{
    CHECK_DONE(model_mov_cr4(machine, 0, model_registers(machine, 0).cr4 | bits));
}

static bool allowed(model_kind_t kind, model_mode_t mode)
{
    return !touch_as(VA, kind, mode).fault.raised;
}

/* SDM 4.6.1: a user-mode access needs U/S in every entry. */
TEST(model, user_access_to_supervisor_page)
{
    with_page(P | W);
    CHECK_PF(touch_as(VA, MODEL_READ, MODEL_USER), MODEL_PF_P | MODEL_PF_U);
    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_USER), MODEL_PF_P | MODEL_PF_U | MODEL_PF_W);
    CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_USER), MODEL_PF_P | MODEL_PF_U | MODEL_PF_ID);
    CHECK(allowed(MODEL_READ, MODEL_SUPERVISOR));
}

/* SDM 4.6.1: rights are those of all levels together. */
TEST(model, rights_are_combined_over_the_levels)
{
    for (unsigned level = 1; level <= 4; level++) {
        with_page(PWU);
        entry_put(VA, level, entry_get(VA, level) & ~U);
        CHECK_PF(touch_as(VA, MODEL_READ, MODEL_USER), MODEL_PF_P | MODEL_PF_U);
        with_page(PWU);
        entry_put(VA, level, entry_get(VA, level) & ~W);
        CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_USER), MODEL_PF_P | MODEL_PF_U | MODEL_PF_W);
        CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_W);
        with_page(PWU);
        entry_put(VA, level, entry_get(VA, level) | NX);
        CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_USER), MODEL_PF_P | MODEL_PF_U | MODEL_PF_ID);
        CHECK(allowed(MODEL_WRITE, MODEL_USER));
    }
}

/* SDM 4.6.1: CR0.WP decides whether a supervisor may write to a read-only page; no effect on users. */
TEST(model, write_protect)
{
    model_t *machine = with_page(P | U);

    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_W);
    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG));
    CHECK(allowed(MODEL_WRITE, MODEL_SUPERVISOR));
    CHECK_EQUAL(entry_get(VA, 1) & D, D);
    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_USER), MODEL_PF_P | MODEL_PF_W | MODEL_PF_U);
}

/* CR0.WP counts at once: it is no part of what is cached (SDM 4.10.4.1 does not list it). */
TEST(model, write_protect_counts_for_cached_pages)
{
    model_t *machine = with_page(P | U);

    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG));
    CHECK(allowed(MODEL_WRITE, MODEL_SUPERVISOR));
    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG | MODEL_CR0_WP));
    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_W);
}

/* SDM 4.6.1: SMEP forbids the supervisor to fetch from user pages, and nothing else. */
TEST(model, smep)
{
    model_t *machine = with_page(PWU);

    CHECK(allowed(MODEL_EXECUTE, MODEL_SUPERVISOR));
    set_cr4(machine, MODEL_CR4_SMEP);
    CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_ID);
    CHECK(allowed(MODEL_EXECUTE, MODEL_USER));
    CHECK(allowed(MODEL_WRITE, MODEL_SUPERVISOR));
}

/* SDM 4.7: the I/D bit exists with SMEP alone, without NX, in 32-bit paging too. */
TEST(model, fetch_bit_of_the_error_code)
{
    model_t *machine = fixture_start(MODEL_PAGING_32);

    CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_SUPERVISOR), 0);
    set_cr4(machine, MODEL_CR4_SMEP);
    CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_SUPERVISOR), MODEL_PF_ID);
    machine = fixture_start(MODEL_PAGING_PAE);
    CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_SUPERVISOR), MODEL_PF_ID);
    CHECK_DONE(model_wrmsr_efer(machine, 0, 0));
    CHECK_PF(touch_as(VA, MODEL_EXECUTE, MODEL_SUPERVISOR), 0);
}

/* SDM 4.6.1: SMAP forbids explicit supervisor data accesses to user pages unless EFLAGS.AC is set; fetches are free. */
TEST(model, smap)
{
    model_t *machine = with_page(PWU);

    set_cr4(machine, MODEL_CR4_SMAP);
    CHECK_PF(touch_as(VA, MODEL_READ, MODEL_SUPERVISOR), MODEL_PF_P);
    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_W);
    CHECK(allowed(MODEL_EXECUTE, MODEL_SUPERVISOR));
    CHECK(allowed(MODEL_READ, MODEL_USER));
    model_set_ac(machine, 0, true);
    CHECK(allowed(MODEL_WRITE, MODEL_SUPERVISOR));
}

/* SDM 4.6.1: an implicit supervisor access cannot be allowed by EFLAGS.AC. */
TEST(model, smap_implicit_access)
{
    model_t *machine = with_page(PWU);

    set_cr4(machine, MODEL_CR4_SMAP);
    model_set_ac(machine, 0, true);
    CHECK_PF(touch_as(VA, MODEL_READ, MODEL_IMPLICIT), MODEL_PF_P);
    entry_put(VA, 1, new_frame() | P | W);
    CHECK(allowed(MODEL_READ, MODEL_IMPLICIT));
}

/* SDM 4.6: CPL 0, 1 and 2 are the supervisor. */
TEST(model, cpl_decides)
{
    model_t *machine = with_page(P | W);

    for (unsigned cpl = 0; cpl < 3; cpl++) {
        model_set_cpl(machine, 0, cpl);
        CHECK(allowed(MODEL_WRITE, MODEL_AT_CPL));
    }
    model_set_cpl(machine, 0, 3);
    CHECK_PF(touch(VA, MODEL_WRITE), MODEL_PF_P | MODEL_PF_W | MODEL_PF_U);
}

/* SDM 4.6.2: AD forbids all data accesses to a user page, WD writes; fetches are free. */
TEST(model, protection_keys)
{
    model_t *machine = with_page(PWU | UINT64_C(5) << MODEL_ENTRY_KEY_SHIFT);

    set_cr4(machine, MODEL_CR4_PKE);
    CHECK(allowed(MODEL_WRITE, MODEL_USER));
    model_set_pkru(machine, 0, 1u << 10);
    CHECK_PF(touch_as(VA, MODEL_READ, MODEL_USER), MODEL_PF_P | MODEL_PF_U | MODEL_PF_PK);
    CHECK_PF(touch_as(VA, MODEL_READ, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_PK);
    CHECK(allowed(MODEL_EXECUTE, MODEL_USER));
    model_set_pkru(machine, 0, 2u << 10);
    CHECK(allowed(MODEL_READ, MODEL_USER));
    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_USER), MODEL_PF_P | MODEL_PF_U | MODEL_PF_W | MODEL_PF_PK);
    CHECK_PF(touch_as(VA, MODEL_WRITE, MODEL_SUPERVISOR), MODEL_PF_P | MODEL_PF_W | MODEL_PF_PK);
    CHECK_DONE(model_mov_cr0(machine, 0, MODEL_CR0_PE | MODEL_CR0_PG));
    CHECK(allowed(MODEL_WRITE, MODEL_SUPERVISOR)); /* WD binds the supervisor only under CR0.WP */
}

/* SDM 4.6.2: supervisor pages have no key; without CR4.PKE nobody has. */
TEST(model, protection_keys_only_for_user_pages)
{
    model_t *machine = with_page(P | W | UINT64_C(1) << MODEL_ENTRY_KEY_SHIFT);

    model_set_pkru(machine, 0, UINT32_MAX);
    set_cr4(machine, MODEL_CR4_PKE);
    CHECK(allowed(MODEL_WRITE, MODEL_SUPERVISOR));
    machine = with_page(PWU | UINT64_C(1) << MODEL_ENTRY_KEY_SHIFT);
    model_set_pkru(machine, 0, UINT32_MAX);
    CHECK(allowed(MODEL_WRITE, MODEL_USER));
}

/* SDM volume 1, 3.3.7.1: an address that is not canonical is #GP(0), not a page fault. */
TEST(model, canonical_addresses)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    CHECK_FAULT(touch(UINT64_C(0x0000800000000000), MODEL_READ).fault, MODEL_GP, 0);
    CHECK_FAULT(touch(UINT64_C(0xFFFF7FFFFFFFFFFF), MODEL_WRITE).fault, MODEL_GP, 0);
    CHECK_PF(touch(UINT64_C(0x00007FFFFFFFFFFF), MODEL_READ), 0);
    CHECK_FAULT(model_access(machine, 0, UINT64_C(0x00007FFFFFFFFFFF), 2, MODEL_READ, MODEL_AT_CPL).fault, MODEL_GP, 0);
    fixture_start(MODEL_PAGING_5_LEVEL);
    CHECK_PF(touch(UINT64_C(0x0000800000000000), MODEL_READ), 0);
    CHECK_FAULT(touch(UINT64_C(0x0100000000000000), MODEL_READ).fault, MODEL_GP, 0);
}
