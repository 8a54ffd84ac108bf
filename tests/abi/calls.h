/* SPDX-License-Identifier: MIT */
/*
 * calls.h - checks of system calls that hold on Linux and must hold on Quire: the same program runs on both.
 *
 *     cd tests/abi; gcc -static -o /tmp/calls [a-z]*.c && /tmp/calls | cat && ../../quire run /tmp/calls
 */
#ifndef TESTS_ABI_CALLS_H
#define TESTS_ABI_CALLS_H

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_mmap2
#define CALL_MMAP       SYS_mmap2
#define MMAP_UNIT_BYTES 4096
#else
#define CALL_MMAP       SYS_mmap
#define MMAP_UNIT_BYTES 1
#endif

#define PAGE      ((uintptr_t)4096)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define BAD       ((void *)(~(uintptr_t)0 - 8191)) /* the kernel's, on every machine */

/* A 64-bit Linux lets a 32-bit program's buffers reach up to 4 GiB; some answers differ there. */
#define WIDE (sizeof(void *) == 8)

/* The result as the kernel gives it: a negated error instead of -1 and errno. */
static inline long raw(long result)
{
    return result == -1 ? -errno : result;
}

#define CALL(...) raw(syscall(__VA_ARGS__))

/* Kernels differ. What is right on Quire is right on Linux 6.1 of the same width; `other` is what some other Linux
   says, and is accepted there only. Why stands beside each. */
int on_quire(void);
/* A 32-bit program on a 64-bit Linux: its lengths do not wrap at 4 GiB. */
int is_emulated(void);

/* One line of TAP. */
void check(const char *what, long actual, long expected, long other);
#define EXPECT(expected, actual)        check(#actual, (long)(actual), (long)(expected), (long)(expected))
#define EITHER(expected, other, actual) check(#actual, (long)(actual), (long)(expected), (long)(other))

void *fresh(uintptr_t bytes, int prot); /* a private mapping */
int is_mapped(void *page);              /* one page: is anything there? */

void check_map(void);
void check_corners(void);
void check_sharing(void);
void check_protect(void);
void check_keys(void);
void check_break(void);
void check_files(void);
void check_names(void);
void check_maps(void);
void check_process(void);
void check_signals(void);

#endif
