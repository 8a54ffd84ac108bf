/* SPDX-License-Identifier: MIT */
/* exception.c - what this CPU holds of an exception that is no page fault: for a last report. */
#include "../arch.h"

#include "cpu.h"

/* In 32 bits every value is an address: which register was the pointer cannot be told from them. */
#ifdef __x86_64__
static void describe_registers(const trap_frame_t *frame, quire_exception_t *exception)
{
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static uint64_t values[sizeof(names) / sizeof(names[0])];
    const uint64_t held[] = {frame->rax, frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi,
                             frame->rbp, frame->rsp, frame->r8,  frame->r9,  frame->r10, frame->r11,
                             frame->r12, frame->r13, frame->r14, frame->r15};

    __builtin_memcpy(values, held, sizeof(values));
    exception->long_mode = true;
    exception->names = names;
    exception->values = values;
    exception->registers = sizeof(names) / sizeof(names[0]);
}
#else
static void describe_registers(const trap_frame_t *frame, quire_exception_t *exception)
{
    (void)frame;
    (void)exception;
}
#endif

/* A process's local table belongs to its segments, which explain themselves (segments.h). */
void arch_describe_exception(const trap_frame_t *frame, quire_exception_t *exception)
{
    quire_preflight_t now = {0};

    arch_preflight(&now);
    exception->tables.global = (const uint64_t *)(uintptr_t)now.gdt;
    exception->tables.global_bytes = (size_t)now.gdt_limit + 1;
    exception->interrupts = (const uint64_t *)(uintptr_t)now.idt;
    exception->interrupt_bytes = (size_t)now.idt_limit + 1;
    describe_registers(frame, exception);
}
