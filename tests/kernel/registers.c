/* SPDX-License-Identifier: MIT */
/* registers.c - what decides about protection holds what it should, whatever the machine started with. */
#include "arch/arch.h"
#include "print.h"
#include "test.h"

#include "arch/x86/cpu.h"
#include "arch/x86/registers.h"

#define NAMES 20

/* In force on each of these CPUs; others depend on what CPUID says. */
static const char *const names[NAMES] = {
    "flags", "LDTR", "TR", "limit of the GDT", "limit of the IDT", "CR0", "CR4", "DR0", "DR1", "DR2", "DR3", "DR6",
    "DR7",   "EFER", NULL,
};

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool has_efer(void)
{
    return cpu_identify(0x80000000, 0).a >= 0x80000001 &&
           (cpu_identify(0x80000001, 0).d & (1u << 11 | 1u << 20 | 1u << 29)) != 0;
}

/* A process's own are loaded with it; those of a new one are the values at start. */
static void load_fresh_process(void)
{
    static arch_user_state_t fresh;

    arch_user_state_init(&fresh);
    arch_user_state_load(&fresh);
}

TEST(registers, hold_what_the_table_says)
{
    cpu_register_state_t state;
    bool exists;
    size_t present = 0;

    load_fresh_process();
    for (size_t i = 0; cpu_register_state(i, &exists, &state); i++) {
        if (!exists)
            continue;
        present++;
        if (state.actual != state.wanted)
            print("# %s: 0x%llx, not 0x%llx: %s\n", state.name, (unsigned long long)state.actual,
                  (unsigned long long)state.wanted, state.why);
        CHECK_EQUAL(state.actual, state.wanted);
    }
    CHECK(present >= 13);
}

TEST(registers, are_all_in_the_table)
{
    cpu_register_state_t state;
    bool exists;

    for (size_t n = 0; names[n] != NULL; n++) {
        bool found = false;

        for (size_t i = 0; cpu_register_state(i, &exists, &state); i++)
            found |= exists && same(state.name, names[n]);
        CHECK(found || (same(names[n], "EFER") && !has_efer()));
    }
}

/* A valid LDT of nobody's would be seen by LAR, which looks a descriptor up and does not fault on what is not there. */
TEST(registers, no_selector_finds_a_local_table)
{
    for (uint32_t selector = 4; selector < 0x10000; selector += 8) {
        uint32_t rights = 0;
        uint8_t found;

        __asm__ volatile("lar %2, %0; setz %1" : "+r"(rights), "=q"(found) : "r"(selector) : "cc");
        CHECK_EQUAL(found, 0);
    }
}

/* What lies behind the last whole descriptor of a table is out of reach, and the table ends with a whole one. */
TEST(registers, descriptor_tables_end_with_a_whole_descriptor)
{
    const uint32_t step = sizeof(uintptr_t) == 8 ? 16 : 8;

    CHECK_EQUAL(cpu_gdt_bytes % 8, 0);
    CHECK_EQUAL(cpu_idt_bytes % step, 0);
    for (uint32_t selector = cpu_gdt_bytes; selector < 0x10000; selector += 8) {
        uint32_t rights = 0;
        uint8_t found;

        __asm__ volatile("lar %2, %0; setz %1" : "+r"(rights), "=q"(found) : "r"(selector) : "cc");
        CHECK_EQUAL(found, 0);
    }
}

/* A register that no CPU has is told by a fault that is mended; one that each has is read. */
TEST(registers, what_a_cpu_lacks_is_found_out)
{
    uint64_t value = 0x5a;

    CHECK(cpu_try_read_msr(0x10, &value)); /* the time-stamp counter */
    CHECK(value != 0x5a);
    (void)cpu_try_read_msr(0x3fffffff, &value);
    (void)cpu_try_write_msr(0x3fffffff, 0);
}
