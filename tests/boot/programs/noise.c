/* SPDX-License-Identifier: MIT */
/*
 * noise.c - system calls at random, with arguments that are likely to hurt: noise SEED COUNT.
 *
 * Nothing is expected of the results; the kernel must stand, and this program come to its end. Calls that end or stop a
 * program are left out, and calls that would take its own code, stack or output away are turned to an arena.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBERS     460
#define PAGE        4096
#define ARENA_BYTES ((uintptr_t)1 << 24)

#ifdef SYS_mmap2
#define CALL_MMAP SYS_mmap2
#else
#define CALL_MMAP SYS_mmap
#endif

static uint64_t state;
static uintptr_t arena;

/* splitmix64 (Steele, Lea, Flood, 2014). */
static uint64_t next(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uintptr_t below(uintptr_t bound)
{
    return (uintptr_t)(next() % bound);
}

static uintptr_t argument(void)
{
    static const intptr_t edges[] = {0,        1,          2,          3,  7,  8,     16,        PAGE - 1,  PAGE,
                                     PAGE + 1, INTPTR_MAX, INTPTR_MIN, -1, -2, -PAGE, -2 * PAGE, INT32_MAX, 0x32};

    switch (below(7)) {
    case 0:
    case 1:
        return (uintptr_t)edges[below(sizeof(edges) / sizeof(edges[0]))];
    case 2:
        return arena + below(ARENA_BYTES / PAGE) * PAGE;
    case 3:
        return arena + below(below(2) ? ARENA_BYTES : ARENA_BYTES / 16);
    case 4:
        return below(100);
    case 5:
        return below(256) * PAGE;
    default:
        return (uintptr_t)next();
    }
}

static long number(void)
{
    static const long wanted[] = {CALL_MMAP,    SYS_munmap, SYS_mprotect, SYS_madvise,   SYS_mremap, SYS_brk,
                                  SYS_read,     SYS_readv,  SYS_openat,   SYS_statx,     SYS_fcntl,  SYS_getrandom,
                                  SYS_readlink, SYS_lseek,  SYS_open,     SYS_prlimit64, SYS_ioctl,  SYS_uname};

    return below(2) ? wanted[below(sizeof(wanted) / sizeof(wanted[0]))] : (long)below(NUMBERS);
}

static int is_left_out(long call)
{
    static const long list[] = {
        SYS_exit,
        SYS_exit_group,
        SYS_pause,
        SYS_kill,
        SYS_tkill,
        SYS_tgkill,
        SYS_close,
        SYS_rt_sigaction,
        SYS_rt_sigprocmask,
        SYS_rt_sigreturn,
        SYS_arch_prctl,
        SYS_write,
        SYS_writev,
#ifdef SYS_set_thread_area
        SYS_set_thread_area,
#endif
#ifdef SYS_sigreturn
        SYS_sigreturn,
#endif
    };

    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (call == list[i])
            return 1;
    }
    return 0;
}

/* Somewhere in the arena, and not beyond it. */
static void turn(uintptr_t *address, uintptr_t *bytes)
{
    uintptr_t offset = below(ARENA_BYTES / PAGE) * PAGE;

    *address = arena + offset + (below(8) == 0 ? below(PAGE) : 0);
    *bytes %= ARENA_BYTES - offset;
}

static void tame(long call, uintptr_t *arguments)
{
    if (call == CALL_MMAP && (arguments[3] & MAP_FIXED) != 0)
        turn(&arguments[0], &arguments[1]);
    if (call == SYS_munmap || call == SYS_mprotect || call == SYS_madvise || call == SYS_mremap)
        turn(&arguments[0], &arguments[1]);
    if (call == SYS_mremap)
        turn(&arguments[4], &arguments[2]);
}

/* What is written to may be the program's own data, if an argument happens to point there: never seen, with
   addresses from the arena and from the edges. */
int main(int argc, char **argv)
{
    long count = argc > 2 ? atol(argv[2]) : 1000;

    state = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
    arena = (uintptr_t)mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uintptr_t i = 0; i < ARENA_BYTES / 16; i++)
        ((char *)arena)[i] = "//..ab\0devnull"[below(15)]; /* names */
    for (long i = 0; i < count; i++) {
        long call = number();
        uintptr_t arguments[6];

        for (unsigned j = 0; j < 6; j++)
            arguments[j] = argument();
        if (is_left_out(call))
            continue;
        tame(call, arguments);
        syscall(call, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    }
    return write(1, "the end\n", 8) != 8;
}
