/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - the CPU's own switch between tasks, and the LDT that changes with it (SDM volume 3, 7.3).
 *
 * The kernel switches processes in software, and has hardware tasks only for the double fault. Here it becomes the task
 * A that it formally is, and calls a task B, which comes back by IRET. Each has an LDT whose entry 1 is one letter
 * long: the same selector in FS names another letter in each. The GDT is a larger copy while the test runs.
 */
#include "arch/arch.h"
#include "test.h"

#include "arch/x86/cpu.h"

#define GDT_WORDS     24
#define SELECTOR_B    0x80
#define SELECTOR_LDTA 0x88
#define SELECTOR_LDTB 0x90
#define LETTER        0x0c /* entry 1 of the LDT, ring 0 */
#define ROUNDS        3

/* SDM volume 3, figure 7-2: places of the 32-bit words of a TSS. */
enum {
    TSS_CR3 = 7,
    TSS_EIP,
    TSS_EFLAGS,
    TSS_ESP = 14,
    TSS_ES = 18,
    TSS_CS,
    TSS_SS,
    TSS_DS,
    TSS_LDT = 24,
    TSS_WORDS = 26
};

static uint64_t gdt[GDT_WORDS];
static uint64_t ldt_a[2];
static uint64_t ldt_b[2];
static uint32_t task_b[TSS_WORDS];
static uint32_t stack_b[256];
static char letter_a;
static char letter_b;

/* What B finds. */
static volatile uint8_t seen_letter;
static volatile uint16_t seen_ldt;
static volatile uint16_t seen_task;

/* Task B: IRET ends its turn, and the next call of it goes on behind. */
__attribute__((naked)) static void run_b(void)
{
    __asm__("1: movl %0, %%eax\n"
            "movl %%eax, %%fs\n"
            "movb %%fs:0, %%al\n"
            "movb %%al, %1\n"
            "sldt %2\n"
            "str %3\n"
            "iret\n"
            "jmp 1b"
            :
            : "i"(LETTER), "m"(seen_letter), "m"(seen_ldt), "m"(seen_task));
}

static void put(uint64_t *table, unsigned index, const quire_segment_t *segment)
{
    uint64_t words[2];
    unsigned count;

    CHECK_OK(quire_segment_encode(segment, words, &count));
    table[index] = words[0];
}

static void put_letter(uint64_t *table, const char *letter)
{
    put(table, 1,
        &(quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .base = (uintptr_t)letter, .limit_bytes = 1, .wide = true});
}

static void put_table(unsigned selector, quire_segment_kind_t kind, const void *base, size_t bytes)
{
    put(gdt, selector >> 3, &(quire_segment_t){.kind = kind, .base = (uintptr_t)base, .limit_bytes = bytes});
}

static cpu_table_pointer_t present_gdt(void)
{
    cpu_table_pointer_t pointer;

    __asm__ volatile("sgdt %0" : "=m"(pointer));
    return pointer;
}

static uint16_t present_task(void)
{
    uint16_t selector;

    __asm__ volatile("str %0" : "=r"(selector));
    return selector;
}

static uint16_t present_ldt(void)
{
    uint16_t selector;

    __asm__ volatile("sldt %0" : "=r"(selector));
    return selector;
}

static uint32_t *present_task_state(const cpu_table_pointer_t *table)
{
    quire_segment_t segment;
    const uint64_t words[2] = {((const uint64_t *)table->base)[present_task() >> 3], 0};

    CHECK_OK(quire_segment_decode(words, false, &segment));
    CHECK(segment.kind == QUIRE_SEGMENT_TSS && segment.busy);
    return (uint32_t *)(uintptr_t)segment.base;
}

static void fill_b(void)
{
    task_b[TSS_CR3] = cpu_read_cr3();
    task_b[TSS_EIP] = (uintptr_t)run_b;
    task_b[TSS_EFLAGS] = 2;
    task_b[TSS_ESP] = (uintptr_t)(stack_b + 256);
    task_b[TSS_CS] = ARCH_SELECTOR_KERNEL_CODE;
    task_b[TSS_ES] = task_b[TSS_SS] = task_b[TSS_DS] = ARCH_SELECTOR_KERNEL_DATA;
    task_b[TSS_LDT] = SELECTOR_LDTB;
    task_b[TSS_WORDS - 1] = (uint32_t)sizeof(task_b) << 16;
}

static void fill_tables(const cpu_table_pointer_t *old)
{
    letter_a = 'A';
    letter_b = 'B';
    CHECK((size_t)old->limit + 1 <= SELECTOR_B);
    for (size_t i = 0; i < ((size_t)old->limit + 1) / 8; i++)
        gdt[i] = ((const uint64_t *)old->base)[i];
    put_letter(ldt_a, &letter_a);
    put_letter(ldt_b, &letter_b);
    put_table(SELECTOR_B, QUIRE_SEGMENT_TSS, task_b, sizeof(task_b));
    put_table(SELECTOR_LDTA, QUIRE_SEGMENT_LDT, ldt_a, sizeof(ldt_a));
    put_table(SELECTOR_LDTB, QUIRE_SEGMENT_LDT, ldt_b, sizeof(ldt_b));
    fill_b();
}

/* Everything else that a task has is saved by the CPU; CR0.TS is set by every switch. */
static uint8_t call_b_and_look(void)
{
    uint8_t letter;

    __asm__ volatile("lcall %1, $0\n"
                     "clts\n"
                     "movb %%fs:0, %0"
                     : "=q"(letter)
                     : "i"(SELECTOR_B)
                     : "memory", "cc");
    return letter;
}

TEST(segments, hardware_task_switch_and_its_ldt)
{
    const cpu_table_pointer_t old = present_gdt();
    uint32_t *task_a = present_task_state(&old);
    uint16_t own_task = present_task();
    uint8_t letters[ROUNDS];
    uint8_t seen[ROUNDS];
    uint16_t ldt_after;

    fill_tables(&old);
    cpu_load_gdt(gdt, sizeof(gdt));
    task_a[TSS_CR3] = cpu_read_cr3();
    task_a[TSS_LDT] = SELECTOR_LDTA;
    __asm__ volatile("lldt %w0\n\tmov %w1, %%fs" : : "r"(SELECTOR_LDTA), "r"(LETTER) : "memory");
    for (unsigned round = 0; round < ROUNDS; round++) {
        seen_letter = 0;
        letters[round] = call_b_and_look();
        seen[round] = seen_letter;
    }
    ldt_after = present_ldt();
    __asm__ volatile("mov %w0, %%fs\n\tlldt %w0" : : "r"(0) : "memory");
    task_a[TSS_CR3] = 0;
    task_a[TSS_LDT] = 0;
    cpu_load_gdt((const void *)old.base, (size_t)old.limit + 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        CHECK_EQUAL(letters[round], 'A');
        CHECK_EQUAL(seen[round], 'B');
    }
    CHECK_EQUAL(ldt_after, SELECTOR_LDTA);
    CHECK_EQUAL(seen_ldt, SELECTOR_LDTB);
    CHECK_EQUAL(seen_task, SELECTOR_B);
    CHECK_EQUAL(present_task(), own_task);
}
