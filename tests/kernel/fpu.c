/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - the floating-point registers of one process are nobody else's, and neither are its exceptions.
 *
 * On a CPU without FXSR only an emulator that raises pending exceptions where the manual says so can fail the first
 * test (tests/boot/fpu.t).
 */
#include "arch/arch.h"
#include "test.h"

#include "arch/x86/cpu.h"

#define STATUS_DIVISION 0x04u
#define STATUS_SUMMARY  0x80u
#define CONTROL_UNMASK  0x300

static arch_user_state_t first;
static arch_user_state_t second;
static arch_user_state_t seen;

/* An unmasked division by zero that nothing has raised yet. */
static void leave_pending(void)
{
    const uint16_t control = CONTROL_UNMASK;

    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m"(control));
}

static unsigned status_word(void)
{
    uint16_t status;

    __asm__ volatile("fnstsw %0" : "=m"(status));
    return status;
}

static void begin(void)
{
    arch_user_state_init(&first);
    arch_user_state_init(&second);
    arch_user_state_load(&first);
}

TEST(fpu, what_one_process_leaves_pending_is_not_raised_for_the_next)
{
    begin();
    leave_pending();
    CHECK((status_word() & STATUS_SUMMARY) != 0);
    arch_user_state_load(&second); /* the first has ended: nobody saved its state */
    CHECK_EQUAL(status_word(), 0);
}

TEST(fpu, a_pending_exception_waits_for_its_owner)
{
    begin();
    leave_pending();
    arch_user_state_save(&first);
    arch_user_state_load(&second);
    CHECK_EQUAL(status_word(), 0);
    arch_user_state_load(&first);
    CHECK_EQUAL(status_word() & (STATUS_SUMMARY | STATUS_DIVISION), STATUS_SUMMARY | STATUS_DIVISION);
    arch_user_state_load(&first); /* over itself, too */
    arch_user_state_load(&second);
    CHECK_EQUAL(status_word(), 0);
}

static void check_same(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        CHECK_EQUAL(seen.fpu[i], second.fpu[i]);
}

TEST(fpu, a_new_process_finds_no_numbers_of_the_last)
{
    begin();
    __asm__ volatile("fninit; fldpi; fldl2e; fld1; fldlg2; fldln2; fldl2t; fldpi; fldpi");
    if (cpu_features.sse)
        __asm__ volatile("cvtsi2ss %0, %%xmm0; cvtsi2ss %0, %%xmm7" : : "r"(0x5a5a5a5a));
    arch_user_state_load(&second);
    arch_user_state_save(&seen);
    if (cpu_features.fxsr) {
        check_same(0, 5);
        check_same(32, sizeof(uintptr_t) == 8 ? 416 : cpu_features.sse ? 288 : 160);
    } else {
        CHECK_EQUAL(seen.fpu[0], second.fpu[0]);
        CHECK_EQUAL(seen.fpu[4], 0);
        check_same(8, 10);
        check_same(28, 108);
    }
    arch_user_state_load(&second);
}
