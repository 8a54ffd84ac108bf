/* SPDX-License-Identifier: MIT */
/*
 * linux.h - Linux's system calls as these programs use them, and the constants that go with them.
 *
 * A call answers what the kernel answered: a result, or minus an error number. Numbers: manual pages, section 2, and
 * asm-generic; those that differ between the machines are in user/arch/<machine>/numbers.h.
 */
#ifndef USER_LINUX_H
#define USER_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "numbers.h"

enum linux_error {
    ENOENT = 2,
    EBADF = 9,
    ENOMEM = 12,
    EFAULT = 14,
    EEXIST = 17,
    EPERM = 1,
    EINVAL = 22,
    ENAMETOOLONG = 36,
    ENOSYS = 38,
};

enum linux_prot { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum linux_map { MAP_PRIVATE = 0x02, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_FIXED_NOREPLACE = 0x100000 };
enum linux_advice { MADV_DONTNEED = 4 };
enum linux_open { O_RDONLY = 0, O_WRONLY = 1 };
enum linux_signal { SIGABRT = 6 };

#define AT_FDCWD     (-100)
#define PAGE_BYTES   ((size_t)4096)
#define ERROR_LOWEST ((uintptr_t)-4095)

/* user/arch/<machine>/start.S */
intptr_t linux_call(intptr_t number, uintptr_t first, uintptr_t second, uintptr_t third, uintptr_t fourth,
                    uintptr_t fifth, uintptr_t sixth);

static inline bool linux_failed(intptr_t result)
{
    return (uintptr_t)result >= ERROR_LOWEST;
}

static inline intptr_t linux_write(int file, uintptr_t data, size_t bytes)
{
    return linux_call(LINUX_WRITE, (uintptr_t)file, data, bytes, 0, 0, 0);
}

static inline intptr_t linux_openat(int directory, uintptr_t path, int flags)
{
    return linux_call(LINUX_OPENAT, (uintptr_t)directory, path, (uintptr_t)flags, 0, 0, 0);
}

static inline intptr_t linux_close(int file)
{
    return linux_call(LINUX_CLOSE, (uintptr_t)file, 0, 0, 0, 0, 0);
}

static inline intptr_t linux_mmap(uintptr_t address, size_t bytes, int prot, int flags, int file)
{
    return linux_call(LINUX_MMAP, address, bytes, (uintptr_t)prot, (uintptr_t)flags, (uintptr_t)file, 0);
}

static inline intptr_t linux_munmap(uintptr_t address, size_t bytes)
{
    return linux_call(LINUX_MUNMAP, address, bytes, 0, 0, 0, 0);
}

static inline intptr_t linux_mprotect(uintptr_t address, size_t bytes, int prot)
{
    return linux_call(LINUX_MPROTECT, address, bytes, (uintptr_t)prot, 0, 0, 0);
}

static inline intptr_t linux_brk(uintptr_t address)
{
    return linux_call(LINUX_BRK, address, 0, 0, 0, 0, 0);
}

static inline intptr_t linux_sched_yield(void)
{
    return linux_call(LINUX_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
}

static inline intptr_t linux_pause(void)
{
    return linux_call(LINUX_PAUSE, 0, 0, 0, 0, 0, 0);
}

/* Ends the program. Not even a kernel that refuses gets it to go on. */
static inline _Noreturn void linux_exit(int status)
{
    for (;;)
        linux_call(LINUX_EXIT_GROUP, (uintptr_t)status, 0, 0, 0, 0, 0);
}

#endif
