/* SPDX-License-Identifier: MIT */
/*
 * tags.c - PCIDs on the machine itself: loads of CR3 that may keep translations, and that none is stale. QEMU's TCG has
 * no PCIDs; bochs takes them (tests/boot/pcid.t), but flushes at each load all the same. What a CPU makes of them that
 * does keep translations, the tests on the machine in software show (tests/host/machine/asids.c).
 */
#include "arch/x86/cpu.h"
#include "memory.h"
#include "test.h"

#define VA ((quire_va_t)0x40000000)

static quire_space_t spaces[3];

static void begin(void)
{
    if (!(cpu_read_cr4() & CR4_PCIDE))
        test_skip("this CPU has no process-context identifiers");
}

static void make(unsigned index, uint64_t content)
{
    quire_va_t va;

    CHECK_OK(quire_vmm_create(&spaces[index], &kernel_space, 1000 + index, QUIRE_PAGE_BYTES, 2 * VA));
    CHECK_OK(quire_vmm_reserve(&spaces[index], VA, QUIRE_PAGE_BYTES, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
                               QUIRE_RESERVE_FIXED, &va));
    CHECK_OK(quire_vmm_poke(&spaces[index], VA, &content, sizeof(content)));
}

/* As the process would read it. */
static uint64_t read_user(void)
{
    uint64_t content;

    if (cpu_smap_enabled)
        __asm__ volatile("stac");
    content = *(volatile uint64_t *)VA;
    if (cpu_smap_enabled)
        __asm__ volatile("clac");
    return content;
}

static void end(unsigned count)
{
    quire_vmm_activate(&kernel_space);
    for (unsigned i = 0; i < count; i++)
        quire_vmm_destroy(&spaces[i]);
}

TEST(tags, a_switch_keeps_translations)
{
    uint32_t before = quire_table_loads(&kernel_space.table).kept;

    begin();
    make(0, 111);
    make(1, 222);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 2; i++) {
            quire_vmm_activate(&spaces[i]);
            CHECK_EQUAL(read_user(), 111 * (i + 1));
            CHECK_EQUAL(quire_table_loads(&kernel_space.table).kept - before, round == 0 ? 0 : 2 * round + i - 1);
        }
    }
    CHECK_EQUAL(cpu_read_cr3() & 0xfff, quire_table_loads(&kernel_space.table).asid);
    end(2);
}

TEST(tags, what_changed_meanwhile_is_not_kept)
{
    quire_va_t va;
    const uint64_t content = 333;

    begin();
    make(0, 111);
    make(1, 222);
    quire_vmm_activate(&spaces[0]);
    CHECK_EQUAL(read_user(), 111);
    quire_vmm_activate(&spaces[1]);
    CHECK_OK(quire_vmm_reserve(&spaces[0], VA, QUIRE_PAGE_BYTES, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
                               QUIRE_RESERVE_REPLACE, &va));
    CHECK_OK(quire_vmm_poke(&spaces[0], VA, &content, sizeof(content)));
    CHECK_EQUAL(read_user(), 222);
    quire_vmm_activate(&spaces[0]);
    CHECK_EQUAL(read_user(), 333);
    end(2);
}

/* More spaces than tags, one after the other in the same place. */
TEST(tags, a_tag_passes_to_another_space)
{
    begin();
    make(0, 111);
    for (unsigned i = 0; i < 40; i++) {
        make(1, i);
        quire_vmm_activate(&spaces[1]);
        CHECK_EQUAL(read_user(), i);
        quire_vmm_activate(&spaces[0]);
        CHECK_EQUAL(read_user(), 111);
        quire_vmm_destroy(&spaces[1]);
    }
    end(1);
}
