/* SPDX-License-Identifier: MIT */
/*
 * tables.c - GDT, IDT and TSS of the 32-bit kernel, and the switching of a process's thread-local segment.
 *
 * Code and data are flat. A double fault, whose reason is often the stack, goes through a task gate: the CPU saves
 * every register in the task it leaves and takes up a fresh one with a stack and page tables of its own.
 *
 * A process's thread-local segment is one descriptor in the GDT, rewritten at every switch. It comes from the process
 * (set_thread_area), so it is taken apart and only what is harmless put in: a data segment of ring 3, 32 bits wide (a
 * 16-bit stack segment would let IRET leak the upper half of the kernel's stack pointer).
 *
 * A process that lives by segments has an LDT. While it runs, the flat segments of ring 3 are not in the GDT: with one
 * of them in DS it could reach everything that its page tables map, and they map all such processes' memory.
 */
#include "../arch.h"

#include "../x86/cpu.h"
#include "../x86/descriptors.h"
#include "../x86/fpu.h"
#include "../x86/ports.h"
#include "double_fault.h"
#include "local.h"

#define GDT_WORDS                11
#define VECTORS                  256
#define DOUBLE_FAULT_STACK_BYTES 4096

/* SDM volume 3, figure 7-2. */
typedef struct task_state {
    uint32_t previous;
    uint32_t esp0;
    uint32_t ss0;
    uint32_t stacks[4]; /* rings 1 and 2 */
    uint32_t cr3;
    uint32_t eip;
    uint32_t eflags;
    uint32_t eax;
    uint32_t ecx;
    uint32_t edx;
    uint32_t ebx;
    uint32_t esp;
    uint32_t ebp;
    uint32_t esi;
    uint32_t edi;
    uint32_t es;
    uint32_t cs;
    uint32_t ss;
    uint32_t ds;
    uint32_t fs;
    uint32_t gs;
    uint32_t ldt;
    uint16_t debug_trap;
    uint16_t io_bitmap; /* at or beyond the limit: no port is allowed */
} task_state_t;

_Static_assert(sizeof(task_state_t) == TASK_STATE_BYTES, "as the CPU reads it");

extern char boot_stack_guard[];
void trap_stub_syscall(void);
void double_fault_task(void);

static uint64_t gdt[GDT_WORDS];
static uint64_t flat_code; /* of ring 3, while they are not in the GDT */
static uint64_t flat_data;
static uint64_t idt[VECTORS];
const uint16_t cpu_gdt_bytes = sizeof(gdt);
const uint16_t cpu_idt_bytes = sizeof(idt);
static struct task_block {
    task_state_t state;
    quire_io_bitmap_t ports;
} task_block __attribute__((aligned(16)));
static task_state_t *const task = &task_block.state;
static task_state_t double_fault;
static struct {
    uint8_t guard[QUIRE_PAGE_BYTES];
    uint8_t stack[DOUBLE_FAULT_STACK_BYTES];
} double_fault_block __attribute__((aligned(4096), section(".bss.page")));

static void put_task(uint16_t selector, const task_state_t *state, size_t bytes)
{
    descriptor_put(gdt, selector,
                   &(quire_segment_t){.kind = QUIRE_SEGMENT_TSS, .base = (uintptr_t)state, .limit_bytes = bytes});
}

/* All 4 GiB, for the ring that the selector names. */
static void put_flat(uint16_t selector, quire_segment_kind_t kind)
{
    descriptor_put(gdt, selector,
                   &(quire_segment_t){.kind = kind,
                                      .limit_bytes = (uint64_t)1 << 32,
                                      .privilege = selector & QUIRE_SELECTOR_RPL,
                                      .readable = kind == QUIRE_SEGMENT_CODE,
                                      .writable = kind == QUIRE_SEGMENT_DATA,
                                      .wide = true});
}

static void fill_gdt(void)
{
    put_flat(ARCH_SELECTOR_KERNEL_CODE, QUIRE_SEGMENT_CODE);
    put_flat(ARCH_SELECTOR_KERNEL_DATA, QUIRE_SEGMENT_DATA);
    put_flat(ARCH_SELECTOR_USER_CODE, QUIRE_SEGMENT_CODE);
    put_flat(ARCH_SELECTOR_USER_DATA, QUIRE_SEGMENT_DATA);
    flat_code = gdt[ARCH_SELECTOR_USER_CODE >> 3];
    flat_data = gdt[ARCH_SELECTOR_USER_DATA >> 3];
    put_task(ARCH_SELECTOR_TASK, task, TASK_BLOCK_BYTES);
    put_task(ARCH_SELECTOR_DOUBLE_FAULT, &double_fault, sizeof(double_fault));
}

uint64_t local_table_describe(const uint64_t *table, size_t bytes)
{
    uint64_t words[2];

    descriptor_put(words, 0,
                   &(quire_segment_t){.kind = QUIRE_SEGMENT_LDT, .base = (uintptr_t)table, .limit_bytes = bytes});
    return words[0];
}

void local_table_load(uint64_t descriptor)
{
    gdt[ARCH_SELECTOR_LOCAL >> 3] = descriptor;
    gdt[ARCH_SELECTOR_USER_CODE >> 3] = 0;
    gdt[ARCH_SELECTOR_USER_DATA >> 3] = 0;
    cpu_load_local(ARCH_SELECTOR_LOCAL);
}

void local_table_unload(void)
{
    gdt[ARCH_SELECTOR_USER_CODE >> 3] = flat_code;
    gdt[ARCH_SELECTOR_USER_DATA >> 3] = flat_data;
    cpu_load_local(0);
}

quire_segment_tables_t global_table(void)
{
    return (quire_segment_tables_t){.global = gdt, .global_bytes = sizeof(gdt)};
}

static void put_interrupt(unsigned vector, uintptr_t offset, uint8_t privilege)
{
    gate_put(idt, vector,
             &(quire_gate_t){.kind = QUIRE_GATE_INTERRUPT,
                             .offset = offset,
                             .selector = ARCH_SELECTOR_KERNEL_CODE,
                             .privilege = privilege});
}

static void fill_idt(void)
{
    for (unsigned vector = 0; vector < TRAP_STUBS; vector++)
        put_interrupt(vector, trap_stubs[vector], vector == 3 || vector == 4 ? 3 : 0); /* INT3, INTO: everybody's */
    put_interrupt(VECTOR_SYSCALL, (uintptr_t)trap_stub_syscall, 3);
    gate_put(idt, 8, &(quire_gate_t){.kind = QUIRE_GATE_TASK, .selector = ARCH_SELECTOR_DOUBLE_FAULT});
}

static void load_segments(void)
{
    __asm__ volatile("ljmp %0, $1f\n"
                     "1: mov %1, %%ds\n"
                     "mov %1, %%es\n"
                     "mov %1, %%ss\n"
                     "mov %2, %%fs\n"
                     "mov %2, %%gs\n"
                     :
                     : "i"(ARCH_SELECTOR_KERNEL_CODE), "r"(ARCH_SELECTOR_KERNEL_DATA), "r"(0)
                     : "memory");
}

void cpu_tables_init(void)
{
    task->ss0 = ARCH_SELECTOR_KERNEL_DATA;
    task_ports_init(&task_block);
    double_fault = (task_state_t){
        .cr3 = cpu_read_cr3(),
        .eip = (uintptr_t)double_fault_task,
        .eflags = 2,
        .esp = (uintptr_t)double_fault_block.stack + DOUBLE_FAULT_STACK_BYTES,
        .cs = ARCH_SELECTOR_KERNEL_CODE,
        .ss = ARCH_SELECTOR_KERNEL_DATA,
        .ds = ARCH_SELECTOR_KERNEL_DATA,
        .es = ARCH_SELECTOR_KERNEL_DATA,
        .io_bitmap = sizeof(double_fault),
    };
    fill_gdt();
    fill_idt();
    cpu_load_gdt(gdt, sizeof(gdt));
    cpu_load_idt(idt, sizeof(idt));
    load_segments();
    cpu_load_task(ARCH_SELECTOR_TASK);
}

const char *arch_stack_guard(unsigned number, quire_va_t *guard)
{
    static const struct {
        const void *guard;
        const char *name;
    } stacks[] = {{boot_stack_guard, "the boot stack"}, {double_fault_block.guard, "the stack of double faults"}};

    if (number >= sizeof(stacks) / sizeof(stacks[0]))
        return NULL;
    *guard = (uintptr_t)stacks[number].guard;
    return stacks[number].name;
}

void arch_memory_ready(quire_table_t *table)
{
    double_fault.cr3 = (uint32_t)quire_table_root(table).value;
    cpu_enable_protections();
}

/* What the CPU saved of the task that suffered the double fault. */
void arch_double_fault_frame(trap_frame_t *frame)
{
    *frame = (trap_frame_t){
        .gs = task->gs,
        .fs = task->fs,
        .es = task->es,
        .ds = task->ds,
        .edi = task->edi,
        .esi = task->esi,
        .ebp = task->ebp,
        .ebx = task->ebx,
        .edx = task->edx,
        .ecx = task->ecx,
        .eax = task->eax,
        .vector = 8,
        .eip = task->eip,
        .cs = task->cs,
        .eflags = task->eflags,
        .esp = task->esp,
        .ss = task->ss,
    };
}

/* The kernel does not hide from ring 3 here: there is no second root to go to. */
bool arch_is_isolated(void)
{
    return false;
}

void arch_set_user_table(const quire_table_t *table)
{
    (void)table;
}

void arch_set_kernel_stack(uintptr_t top)
{
    task->esp0 = (uint32_t)top;
}

void arch_user_state_init(arch_user_state_t *state)
{
    *state = (arch_user_state_t){0};
    fpu_init(state->fpu);
}

/* GS, FS and the rest of the selectors are in the process's frame. */
void arch_user_state_save(arch_user_state_t *state)
{
    fpu_save(state->fpu);
}

static uint64_t harmless_descriptor(const uint32_t descriptor[2])
{
    const uint64_t words[2] = {(uint64_t)descriptor[1] << 32 | descriptor[0], 0};
    uint64_t encoded[2];
    quire_segment_t segment;
    unsigned count;

    if (quire_segment_decode(words, false, &segment) != QUIRE_OK)
        return 0;
    if (segment.kind != QUIRE_SEGMENT_DATA || segment.privilege != 3 || !segment.wide)
        return 0;
    return quire_segment_encode(&segment, encoded, &count) == QUIRE_OK ? encoded[0] : 0;
}

void arch_user_state_load(const arch_user_state_t *state)
{
    fpu_load(state->fpu);
    gdt[ARCH_SELECTOR_THREAD >> 3] = harmless_descriptor(state->tls_descriptor);
}
