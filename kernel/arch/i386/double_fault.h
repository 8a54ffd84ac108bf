/* SPDX-License-Identifier: MIT */
/* double_fault.h - the task that a double fault switches to. Private to kernel/arch/i386. */
#ifndef KERNEL_ARCH_DOUBLE_FAULT_H
#define KERNEL_ARCH_DOUBLE_FAULT_H

#include "../arch.h"

/* The registers of the task that was left. */
void arch_double_fault_frame(trap_frame_t *frame);

/* Called by entry.S. */
_Noreturn void trap_double_fault_task(void);

#endif
