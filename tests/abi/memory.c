/* SPDX-License-Identifier: MIT */
/* memory.c - mmap, munmap, mprotect, madvise, mremap, brk. */
#include "calls.h"

#include <string.h>

#define RW (PROT_READ | PROT_WRITE)

static long map(uintptr_t at, uintptr_t bytes, long prot, long flags, long file)
{
    return CALL(CALL_MMAP, at, bytes, prot, flags, file, 0L);
}

/* Whether a call gave an address, not an error. */
static int is_address(long result)
{
    return (unsigned long)result < (unsigned long)-4095;
}

static void check_map_errors(void)
{
    uintptr_t hole = (uintptr_t)fresh(4 * PAGE, RW);

    munmap((void *)hole, 4 * PAGE);
    EXPECT(-EINVAL, map(0, 0, RW, ANONYMOUS, -1));
    EXPECT(-EINVAL, map(0, PAGE, RW, MAP_ANONYMOUS, -1));
    EXPECT(-EINVAL, map(hole + 1, PAGE, RW, ANONYMOUS | MAP_FIXED, -1));
    EXPECT(-EBADF, map(0, PAGE, RW, MAP_PRIVATE, -1));
    EXPECT(-EBADF, map(0, 0, RW, MAP_PRIVATE, 1000));
    EXPECT(-ENOMEM, map(0, ~(uintptr_t)0, RW, ANONYMOUS, -1));
    EXPECT(-ENOMEM, map(0, ~(uintptr_t)0 - 8191, RW, ANONYMOUS, -1));
    EXPECT(-ENOMEM, map((uintptr_t)BAD, PAGE, RW, ANONYMOUS | MAP_FIXED, -1));
    EXPECT(-ENOMEM, map(hole, ~(uintptr_t)0 - hole - PAGE, RW, ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1));
    EXPECT(-EINVAL, CALL(CALL_MMAP, 0L, PAGE, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1L, 0L));
#ifndef SYS_mmap2
    EXPECT(-EINVAL, CALL(CALL_MMAP, 0L, PAGE, RW, ANONYMOUS, -1L, 1L));
#endif
    EXPECT(hole, map(hole, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1));
    EXPECT(-EEXIST, map(hole, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1));
    EXPECT(-EEXIST, map(hole - PAGE, 2 * PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1));
    munmap((void *)hole, PAGE);
}

static void check_map_places(void)
{
    char *area = fresh(4 * PAGE, RW);
    long other;

    memset(area, 7, 4 * PAGE);
    EXPECT(area, map((uintptr_t)area, PAGE, RW, ANONYMOUS | MAP_FIXED, -1));
    EXPECT(0, area[0]);
    EXPECT(7, area[PAGE]);
    munmap(area + 2 * PAGE, PAGE);
    EXPECT(area + 2 * PAGE, map((uintptr_t)area + 2 * PAGE, PAGE, RW, ANONYMOUS, -1));
    EXPECT(0, area[2 * PAGE]);
    other = map((uintptr_t)area + PAGE, PAGE, RW, ANONYMOUS, -1);
    EXPECT(1, is_address(other) && other != (long)(area + PAGE));
    EXPECT(0, CALL(SYS_munmap, other, PAGE));
    other = map((uintptr_t)area + PAGE + 5, 1, RW, ANONYMOUS, -1);
    EXPECT(1, is_address(other) && (other & (long)(PAGE - 1)) == 0);
    ((char *)other)[PAGE - 1] = 1;
    EXPECT(0, CALL(SYS_munmap, other, 1L));
    EXPECT(0, is_mapped((void *)other));
    EXPECT(0, CALL(SYS_munmap, area, 4 * PAGE));
    other = map(0, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
    EXPECT(1, is_address(other));
    EXPECT(0, CALL(SYS_munmap, other, 2 * PAGE));
    other = map(0, (uintptr_t)1 << 30, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1);
    EXPECT(1, is_address(other));
    EXPECT(0, CALL(SYS_munmap, other, (uintptr_t)1 << 30));
}

static void check_unmap(void)
{
    char *area = fresh(8 * PAGE, RW);

    EXPECT(-EINVAL, CALL(SYS_munmap, area + 1, PAGE));
    EXPECT(-EINVAL, CALL(SYS_munmap, area, 0L));
    EXPECT(-EINVAL, CALL(SYS_munmap, area, ~(uintptr_t)0 - (uintptr_t)area));
    EXPECT(-EINVAL, CALL(SYS_munmap, BAD, PAGE));
    EXPECT(-EINVAL, CALL(SYS_munmap, area, ~(uintptr_t)0));
    EXPECT(0, CALL(SYS_munmap, area + 2 * PAGE, 2 * PAGE));
    EXPECT(0, CALL(SYS_munmap, area + 2 * PAGE, 2 * PAGE));
    EXPECT(1, is_mapped(area + PAGE));
    EXPECT(0, is_mapped(area + 2 * PAGE));
    EXPECT(0, is_mapped(area + 3 * PAGE));
    EXPECT(1, is_mapped(area + 4 * PAGE));
    EXPECT(0, CALL(SYS_munmap, area, 8 * PAGE));
    EXPECT(0, is_mapped(area));
    EXPECT(0, is_mapped(area + 7 * PAGE));
}

void check_map(void)
{
    check_map_errors();
    check_map_places();
    check_unmap();
}

/* write() to a pipe or a file that reads from memory tells whether it may be read, without a signal. */
static int can_read(const void *from)
{
    static char buffer[1];
    (void)buffer;
    return CALL(SYS_rt_sigprocmask, 0L, from, 0L, 8L) != -EFAULT;
}

static int can_write(void *to)
{
    return CALL(SYS_getrandom, to, 1L, 0L) == 1;
}

static void check_rights(void)
{
    char *area = fresh(4 * PAGE, RW);
    uint64_t none[1] = {0};

    memcpy(area, none, sizeof(none));
    memset(area + PAGE, 0, PAGE);
    EXPECT(1, can_write(area));
    memset(area, 0, 8);
    EXPECT(0, CALL(SYS_mprotect, area, PAGE, PROT_READ));
    EXPECT(0, can_write(area));
    EXPECT(1, can_read(area));
    EXPECT(0, CALL(SYS_mprotect, area, PAGE, PROT_NONE));
    EXPECT(0, can_read(area));
    EXPECT(0, CALL(SYS_mprotect, area, PAGE, PROT_WRITE));
    EXPECT(1, can_read(area));
    EXPECT(1, can_write(area + 8));
    EXPECT(0, CALL(SYS_mprotect, area, PAGE, PROT_EXEC));
    EXPECT(1, can_read(area));
    EXPECT(0, can_write(area));
    EXPECT(0, CALL(SYS_mprotect, area + 2 * PAGE, 2 * PAGE, PROT_NONE));
    EXPECT(0, can_write(area + 2 * PAGE));
    EXPECT(0, CALL(SYS_mprotect, area + 2 * PAGE, 1L, RW));
    EXPECT(1, can_write(area + 2 * PAGE));
    EXPECT(0, can_write(area + 3 * PAGE));
    munmap(area, 4 * PAGE);
}

static void check_protect_errors(void)
{
    char *area = fresh(4 * PAGE, RW);

    munmap(area + 2 * PAGE, PAGE);
    EXPECT(-EINVAL, CALL(SYS_mprotect, area + 1, PAGE, RW));
    EXPECT(0, CALL(SYS_mprotect, area, 0L, RW));
    EXPECT(-ENOMEM, CALL(SYS_mprotect, area, ~(uintptr_t)0 - (uintptr_t)area, RW));
    EXPECT(-ENOMEM, CALL(SYS_mprotect, area, ~(uintptr_t)0, RW));
    EXPECT(-EINVAL, CALL(SYS_mprotect, area, PAGE, 0x100L));
    EXPECT(-EINVAL, CALL(SYS_mprotect, area, PAGE, RW | PROT_GROWSDOWN | PROT_GROWSUP));
    EXPECT(-ENOMEM, CALL(SYS_mprotect, area + 2 * PAGE, PAGE, RW));
    EXPECT(-ENOMEM, CALL(SYS_mprotect, area + PAGE, 3 * PAGE, PROT_READ));
    EXPECT(0, can_write(area + PAGE)); /* what lay before the hole has changed */
    EXPECT(1, can_write(area + 3 * PAGE));
    munmap(area, 4 * PAGE);
}

static void check_advice(void)
{
    char *area = fresh(4 * PAGE, RW);

    memset(area, 9, 4 * PAGE);
    EXPECT(0, CALL(SYS_madvise, area + PAGE, PAGE, (long)MADV_DONTNEED));
    EXPECT(9, area[0]);
    EXPECT(0, area[PAGE]);
    EXPECT(9, area[2 * PAGE]);
    EXPECT(-EINVAL, CALL(SYS_madvise, area + 1, PAGE, (long)MADV_DONTNEED));
    EXPECT(-EINVAL, CALL(SYS_madvise, area, PAGE, 77L));
    EXPECT(-EINVAL, CALL(SYS_madvise, area, ~(uintptr_t)0, (long)MADV_DONTNEED));
    EXPECT(0, CALL(SYS_madvise, area, 0L, (long)MADV_DONTNEED));
    EITHER(0, -EBADF /* without swapping */, CALL(SYS_madvise, area, 4 * PAGE, (long)MADV_WILLNEED));
    EXPECT(0, CALL(SYS_madvise, area, 4 * PAGE, (long)MADV_DONTDUMP));
    munmap(area + 2 * PAGE, PAGE);
    EXPECT(-ENOMEM, CALL(SYS_madvise, area, 4 * PAGE, (long)MADV_DONTNEED));
    EXPECT(0, area[0]);
    EXPECT(0, area[3 * PAGE]);
    EITHER(0, -EINVAL /* before 5.14 */, CALL(SYS_madvise, area, 2 * PAGE, 23L /* MADV_POPULATE_WRITE */));
    EXPECT(0, CALL(SYS_mprotect, area, PAGE, PROT_NONE));
    EXPECT(0, CALL(SYS_madvise, area, PAGE, (long)MADV_DONTNEED));
    munmap(area, 4 * PAGE);
}

/* To a place of the caller's choice; nine pages, the first three of them full of threes. */
static void check_move_to(char *area)
{
    char *target = fresh(12 * PAGE, RW);
    long fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

    memset(target, 5, 12 * PAGE);
    EXPECT(-EINVAL, CALL(SYS_mremap, area, PAGE, PAGE, (long)MREMAP_FIXED, target));
    EXPECT(-EINVAL, CALL(SYS_mremap, area, PAGE, PAGE, fixed, target + 1));
    EXPECT(-EINVAL, CALL(SYS_mremap, area, 2 * PAGE, 2 * PAGE, fixed, area + PAGE));
    EXPECT(-EINVAL, CALL(SYS_mremap, area, PAGE, PAGE, fixed, BAD));
    EXPECT(target + PAGE, CALL(SYS_mremap, area, PAGE, 2 * PAGE, fixed, target + PAGE));
    EXPECT(5, target[PAGE - 1]);
    EXPECT(3, target[PAGE]);
    EXPECT(0, target[2 * PAGE]);
    EXPECT(5, target[3 * PAGE]);
    EXPECT(0, is_mapped(area));
    EXPECT(target, CALL(SYS_mremap, area + PAGE, 3 * PAGE, PAGE, fixed, target));
    EXPECT(3, target[0]);
    EXPECT(0, is_mapped(area + 2 * PAGE));
    EXPECT(1, is_mapped(area + 4 * PAGE));
    munmap(target, 12 * PAGE);
}

static void check_resize(void)
{
    char *area = fresh(8 * PAGE, RW);
    char *moved;

    memset(area, 3, 8 * PAGE);
    EXPECT(area, CALL(SYS_mremap, area, 8 * PAGE, 4 * PAGE, 0L));
    EXPECT(0, is_mapped(area + 4 * PAGE));
    EXPECT(area, CALL(SYS_mremap, area, 4 * PAGE, 6 * PAGE, 0L));
    EXPECT(0, area[4 * PAGE]);
    EXPECT(area + 6 * PAGE, map((uintptr_t)area + 6 * PAGE, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1));
    EXPECT(-ENOMEM, CALL(SYS_mremap, area, 6 * PAGE, 7 * PAGE, 0L));
    moved = (char *)CALL(SYS_mremap, area, 6 * PAGE, 9 * PAGE, (long)MREMAP_MAYMOVE);
    EXPECT(1, is_address((long)moved) && moved != area);
    EXPECT(3, moved[4 * PAGE - 1]);
    EXPECT(0, moved[4 * PAGE]);
    EXPECT(0, moved[9 * PAGE - 1]);
    EXPECT(0, is_mapped(area));
    EXPECT(-EINVAL, CALL(SYS_mremap, moved + 1, PAGE, PAGE, 0L));
    EXPECT(-EINVAL, CALL(SYS_mremap, moved, PAGE, 0L, 0L));
    EXPECT(-EINVAL, CALL(SYS_mremap, moved, PAGE, PAGE, 8L));
    EXPECT(-EFAULT, CALL(SYS_mremap, area, PAGE, PAGE, 0L));
    EXPECT(-EFAULT, CALL(SYS_mremap, moved, 20 * PAGE, 21 * PAGE, (long)MREMAP_MAYMOVE));
    munmap(area + 6 * PAGE, PAGE);
    check_move_to(moved);
    munmap(moved, 9 * PAGE);
}

void check_protect(void)
{
    check_rights();
    check_protect_errors();
    check_advice();
    check_resize();
}

/* No stdio between a change and its reversal: the C library's heap is the break. */
void check_break(void)
{
    uintptr_t start = (uintptr_t)syscall(SYS_brk, 0L);
    uintptr_t unaligned = (uintptr_t)syscall(SYS_brk, start + 100);
    uintptr_t more = (uintptr_t)syscall(SYS_brk, start + 10 * PAGE);
    int written = can_write((void *)(start + 10 * PAGE - 1));
    uintptr_t absurd = (uintptr_t)syscall(SYS_brk, BAD);
    uintptr_t below = (uintptr_t)syscall(SYS_brk, 4096L);
    uintptr_t back = (uintptr_t)syscall(SYS_brk, start);
    int mapped = is_mapped((void *)((start + 9 * PAGE) & ~(PAGE - 1)));

    EXPECT(start + 100, unaligned);
    EXPECT(start + 10 * PAGE, more);
    EXPECT(1, written);
    EXPECT(start + 10 * PAGE, absurd);
    EXPECT(start + 10 * PAGE, below);
    EXPECT(start, back);
    EXPECT(0, mapped);
}
