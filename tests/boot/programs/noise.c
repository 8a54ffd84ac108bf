/* SPDX-License-Identifier: MIT */
/*
 * noise.c - system calls at random, with arguments that are likely to hurt: noise SEED COUNT.
 *
 * Nothing is expected of the results; the kernel must stand, and this program come to its end. Calls that end or stop a
 * program are left out, and calls that would take its own code, stack or output away are turned to an arena. Between
 * them segment registers are loaded with selectors, and the bases of FS and GS with anything.
 */
#define _GNU_SOURCE
#include <fcntl.h>
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
    static const long wanted[] = {CALL_MMAP,     SYS_munmap,       SYS_mprotect,   SYS_madvise,  SYS_mremap,
                                  SYS_brk,       SYS_read,         SYS_readv,      SYS_openat,   SYS_statx,
                                  SYS_fcntl,     SYS_getrandom,    SYS_readlink,   SYS_lseek,    SYS_open,
                                  SYS_prlimit64, SYS_ioctl,        SYS_uname,      SYS_mincore,  SYS_write,
                                  SYS_writev,    SYS_rt_sigaction, SYS_arch_prctl, SYS_setrlimit};

    return below(2) ? wanted[below(sizeof(wanted) / sizeof(wanted[0]))] : (long)below(NUMBERS);
}

static int is_left_out(long call)
{
    static const long list[] = {
        SYS_exit,      SYS_exit_group, SYS_pause, SYS_kill, SYS_tkill, SYS_tgkill, SYS_close, SYS_rt_sigreturn,
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
    /* Its own stack must go on growing, and standard output is for the end; /dev/null is open as 3. */
    if (call == SYS_prlimit64 || call == SYS_setrlimit)
        arguments[call == SYS_prlimit64] = below(20) == 3 || below(2) ? 10 : 4;
    if ((call == SYS_write || call == SYS_writev) && (uint32_t)arguments[0] - 1 < 2)
        arguments[0] = 3;
}

#ifdef __x86_64__
enum { SET_GS = 0x1001, SET_FS = 0x1002, GET_FS = 0x1003, GET_GS = 0x1004 };

/* FS is the C library's: it is set to anything, and back before anybody looks. */
static void change_base(void)
{
    uintptr_t own = 0;
    uintptr_t wanted = argument();
    long result;
    static const long codes[] = {SET_GS, SET_FS, GET_GS, 0, 0x3001};

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_arch_prctl), "D"((long)GET_FS), "S"(&own)
                     : "rcx", "r11", "memory");
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_arch_prctl), "D"(codes[below(5)]), "S"(wanted)
                     : "rcx", "r11", "memory");
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_arch_prctl), "D"((long)SET_FS), "S"(own)
                     : "rcx", "r11", "memory");
}
#endif

/* Which selectors a program may load without a fault, LAR tells; the null ones, and those, are loaded. */
static int can_load(uint16_t selector)
{
    unsigned char good;
    unsigned rights = 0;

    if ((selector & ~3u) == 0)
        return 1;
    __asm__ volatile("lar %2, %1\n\tsetz %0" : "=q"(good), "+r"(rights) : "r"((unsigned)selector) : "cc");
    /* Data, or code that can be read; present; and for its rings. */
    return good && (rights & 0x9000) == 0x9000 && (rights >> 13 & 3) == 3 &&
           ((rights & 0x800) == 0 || (rights & 0x200) != 0);
}

static void load_selectors(void)
{
    uint16_t selector = below(4) ? (uint16_t)(below(32) * 4 + below(4)) : (uint16_t)next();
    unsigned data;

    if (!can_load(selector))
        return;
#ifdef __x86_64__
    (void)data;
    if (below(2))
        __asm__ volatile("mov %0, %%ds" : : "r"(selector));
    if (below(2))
        __asm__ volatile("mov %0, %%es" : : "r"(selector));
    if (below(2))
        __asm__ volatile("mov %0, %%gs" : : "r"(selector));
#else
    /* DS and ES are in use, and GS is the C library's: they are loaded, kept over a call, and restored. */
    __asm__ volatile("mov %%ds, %0" : "=r"(data));
    if (below(2))
        __asm__ volatile("mov %0, %%fs" : : "r"(selector));
    __asm__ volatile("pushl %%gs\n\tpushl %%ds\n\tpushl %%es\n\tmov %w1, %%gs\n\tmov %w1, %%es\n\tmov %w1, %%ds\n\t"
                     "int $0x80\n\tpopl %%es\n\tpopl %%ds\n\tpopl %%gs"
                     : "=a"(data)
                     : "d"((unsigned)selector), "a"(SYS_getpid)
                     : "memory");
#endif
}

/* What is written to may be the program's own data, if an argument happens to point there: never seen, with
   addresses from the arena and from the edges. */
int main(int argc, char **argv)
{
    long count = argc > 2 ? atol(argv[2]) : 1000;

    state = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
    arena = (uintptr_t)mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE /* as much as the machine has */, -1, 0);
    if (arena == (uintptr_t)MAP_FAILED)
        return 3;
    for (uintptr_t i = 0; i < ARENA_BYTES / 16; i++)
        ((char *)arena)[i] = "//..ab\0devnull"[below(15)]; /* names */
    if (open("/dev/null", O_RDWR) != 3)
        return 2;
    for (long i = 0; i < count; i++) {
        long call = number();
        uintptr_t arguments[6];

        for (unsigned j = 0; j < 6; j++)
            arguments[j] = argument();
        if (below(16) == 0)
            load_selectors();
#ifdef __x86_64__
        if (below(32) == 0)
            change_base();
        if (call == SYS_arch_prctl)
            continue;
#endif
        if (is_left_out(call))
            continue;
        tame(call, arguments);
        syscall(call, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    }
    /* A CPU limit or a handler may have been set, but nothing has been sent. */
    return write(1, "the end\n", 8) != 8;
}
