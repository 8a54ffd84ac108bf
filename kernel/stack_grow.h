/* SPDX-License-Identifier: MIT */
/* stack_grow.h - a process's stack grows down as it is touched. */
#ifndef KERNEL_STACK_GROW_H
#define KERNEL_STACK_GROW_H

#include "process.h"

/* An access to va was refused. True: the stack reaches down to it now, and the access is to be tried again. */
bool stack_grow(process_t *process, quire_va_t va);

#endif
