/* SPDX-License-Identifier: MIT */
/*
 * tables.c - GDT, IDT and TSS of the 64-bit kernel, and the switching of a process's thread-local base.
 *
 * Segmentation in long mode is all but gone: base and limit are ignored, the code segment says 64 bits, the TSS holds
 * stack pointers. What can arrive while RSP is still the process's (NMI, machine check, #DB after a load of SS), and
 * the double fault, whose reason is often the stack, have stacks of their own.
 */
#include "../arch.h"

#include "../x86/cpu.h"
#include "../x86/descriptors.h"
#include "../x86/fpu.h"
#include "../x86/ports.h"
#include "gate.h"

#define GDT_WORDS             8
#define VECTORS               256
#define INTERRUPT_STACKS      4
#define INTERRUPT_STACK_BYTES 4096

/* SDM volume 3, figure 7-11. */
typedef struct task_state {
    uint32_t reserved0;
    uint64_t stacks[3]; /* RSP for rings 0 to 2 */
    uint64_t reserved1;
    uint64_t interrupt_stacks[7]; /* IST1 to IST7 */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_bitmap; /* at or beyond the limit: no port is allowed */
} __attribute__((packed)) task_state_t;

_Static_assert(sizeof(task_state_t) == TASK_STATE_BYTES, "as the CPU reads it");

extern char boot_stack_guard[];
extern uintptr_t syscall_kernel_stack;

/* What the CPU looks at while ring 3 runs. */
static uint64_t gdt[GDT_WORDS] IN_GATE;
static uint64_t idt[VECTORS * 2] IN_GATE;
const uint16_t cpu_gdt_bytes = sizeof(gdt);
const uint16_t cpu_idt_bytes = sizeof(idt);
static struct task_block {
    task_state_t state;
    quire_io_bitmap_t ports;
} task_block IN_GATE __attribute__((aligned(16)));
static task_state_t *const task = &task_block.state;
static struct {
    uint8_t guard[QUIRE_PAGE_BYTES];
    uint8_t stack[INTERRUPT_STACK_BYTES];
} interrupt_blocks[INTERRUPT_STACKS] IN_GATE __attribute__((aligned(4096)));

/* 0: the interrupted stack, or the kernel's when ring 3 was interrupted. */
static uint8_t stack_of_vector(unsigned vector)
{
    switch (vector) {
    case 1: /* #DB */
        return 1;
    case 2: /* NMI */
        return 2;
    case 8: /* #DF */
        return 3;
    case 18: /* #MC */
        return 4;
    default:
        return 0;
    }
}

static void fill_gdt(void)
{
    const uint64_t all = (uint64_t)1 << 32;
    const quire_segment_t code = {.kind = QUIRE_SEGMENT_CODE, .limit_bytes = all, .readable = true, .long_mode = true};
    const quire_segment_t data = {.kind = QUIRE_SEGMENT_DATA, .limit_bytes = all, .writable = true, .wide = true};
    quire_segment_t user_code = code;
    quire_segment_t user_data = data;

    user_code.privilege = 3;
    user_data.privilege = 3;
    descriptor_put(gdt, ARCH_SELECTOR_KERNEL_CODE, &code);
    descriptor_put(gdt, ARCH_SELECTOR_KERNEL_DATA, &data);
    descriptor_put(gdt, ARCH_SELECTOR_USER_DATA, &user_data);
    descriptor_put(gdt, ARCH_SELECTOR_USER_CODE, &user_code);
    descriptor_put(
        gdt, ARCH_SELECTOR_TASK,
        &(quire_segment_t){
            .kind = QUIRE_SEGMENT_TSS, .base = (uintptr_t)task, .limit_bytes = TASK_BLOCK_BYTES, .long_mode = true});
}

static void fill_idt(void)
{
    for (unsigned vector = 0; vector < TRAP_STUBS; vector++) {
        gate_put(idt, vector,
                 &(quire_gate_t){.kind = QUIRE_GATE_INTERRUPT,
                                 .offset = trap_stubs[vector],
                                 .selector = ARCH_SELECTOR_KERNEL_CODE,
                                 .privilege = vector == 3 || vector == 4 ? 3 : 0, /* INT3 and INTO are everybody's */
                                 .interrupt_stack = stack_of_vector(vector),
                                 .long_mode = true});
    }
}

/* The data segment registers hold what boot.S loaded; SS must name a segment of this table, and does. */
void cpu_tables_init(void)
{
    task_ports_init(&task_block);
    for (unsigned i = 0; i < INTERRUPT_STACKS; i++)
        task->interrupt_stacks[i] = (uintptr_t)interrupt_blocks[i].stack + INTERRUPT_STACK_BYTES;
    fill_gdt();
    fill_idt();
    cpu_load_gdt(gdt, sizeof(gdt));
    cpu_load_idt(idt, sizeof(idt));
    cpu_load_task(ARCH_SELECTOR_TASK);
}

const char *arch_stack_guard(unsigned number, quire_va_t *guard)
{
    static const struct {
        const void *guard;
        const char *name;
    } stacks[] = {
        {boot_stack_guard, "the boot stack"},
        {gate_stack_guard, "the stack that isolated entries begin on"},
        {interrupt_blocks[0].guard, "the stack of debug traps"},
        {interrupt_blocks[1].guard, "the stack of non-maskable interrupts"},
        {interrupt_blocks[2].guard, "the stack of double faults"},
        {interrupt_blocks[3].guard, "the stack of machine checks"},
    };

    if (number >= sizeof(stacks) / sizeof(stacks[0]))
        return NULL;
    *guard = (uintptr_t)stacks[number].guard;
    return stacks[number].name;
}

void arch_memory_ready(quire_table_t *table)
{
    gate_init(table);
    cpu_enable_protections();
}

void arch_set_kernel_stack(uintptr_t top)
{
    task->stacks[0] = gate_isolated ? (uintptr_t)gate_stack_top : top;
    syscall_kernel_stack = top;
}

void arch_user_state_init(arch_user_state_t *state)
{
    *state = (arch_user_state_t){.key_rights = ARCH_KEY_RIGHTS_DEFAULT};
    fpu_init(state->fpu);
}

/* A process may have loaded FS or GS with a selector, which changes the base: what it has is what counts. Selectors are
   saved, too: the kernel needs none of these four, so they would be the next process's to read. */
void arch_user_state_save(arch_user_state_t *state)
{
    fpu_save(state->fpu);
    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=m"(state->selectors[0]), "=m"(state->selectors[1]), "=m"(state->selectors[2]),
                       "=m"(state->selectors[3]));
    state->tls_base = cpu_read_msr(MSR_FS_BASE);
    state->key_rights = arch_key_rights();
}

/* Selectors first: loading one overwrites the base. None can be bad: ring 3 has loaded them from this very table. */
void arch_user_state_load(const arch_user_state_t *state)
{
    fpu_load(state->fpu);
    __asm__ volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%fs; mov %3, %%gs"
                     :
                     : "m"(state->selectors[0]), "m"(state->selectors[1]), "m"(state->selectors[2]),
                       "m"(state->selectors[3]));
    cpu_write_msr(MSR_FS_BASE, state->tls_base < ARCH_USER_END ? state->tls_base : 0);
    arch_set_key_rights(state->key_rights);
}
