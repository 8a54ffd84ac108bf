/* SPDX-License-Identifier: MIT */
/* syscall.h - Linux's system calls, number for number. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include <stdint.h>

/* "mmap2"; "?" for a number that has no name here. */
const char *syscall_name(uintptr_t number);

#endif
