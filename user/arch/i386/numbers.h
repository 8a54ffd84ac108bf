/* SPDX-License-Identifier: MIT */
/* numbers.h - Linux's system call numbers on i386 (arch/x86/entry/syscalls/syscall_32.tbl), those used here. */
#ifndef USER_NUMBERS_H
#define USER_NUMBERS_H

enum linux_number {
    LINUX_WRITE = 4,
    LINUX_CLOSE = 6,
    LINUX_GETPID = 20,
    LINUX_PAUSE = 29,
    LINUX_KILL = 37,
    LINUX_BRK = 45,
    LINUX_MUNMAP = 91,
    LINUX_IOPERM = 101,
    LINUX_IOPL = 110,
    LINUX_MPROTECT = 125,
    LINUX_SCHED_YIELD = 158,
    LINUX_MREMAP = 163,
    LINUX_MMAP = 192, /* mmap2: its offset is in pages; only 0 is used here */
    LINUX_MADVISE = 219,
    LINUX_EXIT_GROUP = 252,
    LINUX_OPENAT = 295,
    LINUX_READLINKAT = 305,
};

/* An address in the kernel's quarter. (Under a 64-bit Linux it is the program's own, but nothing is mapped there.) */
#define KERNEL_ADDRESS 0xc0100000u

#endif
