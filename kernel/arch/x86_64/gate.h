/* SPDX-License-Identifier: MIT */
/*
 * gate.h - what of the kernel is mapped while ring 3 runs, when the kernel is isolated: entry.S, the descriptor tables,
 * the task state, the stacks that entries begin on. The linker script puts it on pages of its own.
 */
#ifndef KERNEL_ARCH_GATE_H
#define KERNEL_ARCH_GATE_H

#include <quire/paging.h>

#define IN_GATE __attribute__((section(".bss.gate")))

extern char gate_text_start[], gate_text_end[], gate_data_start[], gate_data_end[];
extern char gate_stack_guard[], gate_stack_top[];

/* entry.S reads these. */
extern bool gate_isolated;
extern uint64_t gate_user_cr3;
extern uint64_t gate_kernel_cr3;

/* Decides whether the kernel isolates itself, and builds the gate for it. */
void gate_init(quire_table_t *kernel);

/* Called by entry.S on each way to ring 3. */
void gate_cross(void);

#endif
