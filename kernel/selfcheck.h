/* SPDX-License-Identifier: MIT */
/* selfcheck.h - every frame of this machine, taken and given back. */
#ifndef KERNEL_SELFCHECK_H
#define KERNEL_SELFCHECK_H

#include <stdbool.h>

/* Allocates all free frames one by one, each exactly once, frees them, and runs a process to its end. True if nothing
 * was lost. */
bool selfcheck_run(void);

/* Uses up a stack of the kernel: "" is the one it runs on, "process" the kernel stack of a process, a digit the stack
   that arch_stack_guard() has under this number. The guard page below it makes a page fault that cannot be delivered,
   and that a double fault, which has a stack of its own: the machine ends with a report. */
_Noreturn void selfcheck_overflow(const char *which);

#endif
