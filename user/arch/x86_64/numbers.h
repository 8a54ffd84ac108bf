/* SPDX-License-Identifier: MIT */
/* numbers.h - Linux's system call numbers on x86_64 (arch/x86/entry/syscalls/syscall_64.tbl), those used here. */
#ifndef USER_NUMBERS_H
#define USER_NUMBERS_H

enum linux_number {
    LINUX_WRITE = 1,
    LINUX_CLOSE = 3,
    LINUX_MMAP = 9, /* its offset is in bytes; only 0 is used here */
    LINUX_MPROTECT = 10,
    LINUX_MUNMAP = 11,
    LINUX_BRK = 12,
    LINUX_SCHED_YIELD = 24,
    LINUX_MREMAP = 25,
    LINUX_MADVISE = 28,
    LINUX_PAUSE = 34,
    LINUX_GETPID = 39,
    LINUX_KILL = 62,
    LINUX_IOPL = 172,
    LINUX_IOPERM = 173,
    LINUX_EXIT_GROUP = 231,
    LINUX_OPENAT = 257,
    LINUX_READLINKAT = 267,
};

/* An address in the kernel's half. */
#define KERNEL_ADDRESS 0xffffffff80000000u

#endif
