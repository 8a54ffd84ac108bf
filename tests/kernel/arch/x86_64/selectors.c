/* SPDX-License-Identifier: MIT */
/* selectors.c - what a process has in its data segment registers is its own. */
#include "arch/arch.h"
#include "test.h"

enum { DS, ES, FS, GS, REGISTERS };

static void read_selectors(uint16_t selectors[REGISTERS])
{
    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=m"(selectors[DS]), "=m"(selectors[ES]), "=m"(selectors[FS]), "=m"(selectors[GS]));
}

static void check_selectors(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs)
{
    uint16_t selectors[REGISTERS];

    read_selectors(selectors);
    CHECK_EQUAL(selectors[DS], ds);
    CHECK_EQUAL(selectors[ES], es);
    CHECK_EQUAL(selectors[FS], fs);
    CHECK_EQUAL(selectors[GS], gs);
}

TEST(selectors, are_switched_with_the_process)
{
    static arch_user_state_t first;
    static arch_user_state_t second;

    arch_user_state_init(&first);
    arch_user_state_init(&second);
    arch_user_state_load(&first);
    check_selectors(0, 0, 0, 0);
    __asm__ volatile("mov %0, %%ds; mov %1, %%es; mov %0, %%gs; mov %2, %%fs"
                     :
                     : "r"(ARCH_SELECTOR_USER_DATA), "r"(ARCH_SELECTOR_USER_CODE), "r"(3));
    arch_user_state_save(&first);
    arch_user_state_load(&second);
    check_selectors(0, 0, 0, 0);
    arch_user_state_load(&first);
    check_selectors(ARCH_SELECTOR_USER_DATA, ARCH_SELECTOR_USER_CODE, 3, ARCH_SELECTOR_USER_DATA);
    arch_user_state_load(&second);
}
