/* SPDX-License-Identifier: MIT */
/* corners.c - what Linux's memory calls answer where a manual is silent. */
#include "calls.h"

#include <string.h>

#define RW        (PROT_READ | PROT_WRITE)
#define DONTUNMAP 4L /* MREMAP_DONTUNMAP, since 5.7 */

static long map(uintptr_t at, uintptr_t bytes, long prot, long flags)
{
    return CALL(CALL_MMAP, at, bytes, prot, flags, -1L, 0L);
}

/* Shrinking looks at the first page only. */
static void check_shrinking(void)
{
    char *area = fresh(16 * PAGE, RW);
    long fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

    mprotect(area + PAGE, PAGE, PROT_READ);
    EXPECT(area, CALL(SYS_mremap, area, 4 * PAGE, PAGE, 0L));
    munmap(area + 5 * PAGE, PAGE);
    EXPECT(area + 4 * PAGE, CALL(SYS_mremap, area + 4 * PAGE, 4 * PAGE, PAGE, 0L));
    mprotect(area + 9 * PAGE, PAGE, PROT_READ);
    EXPECT(area + 8 * PAGE, CALL(SYS_mremap, area + 8 * PAGE, 2 * PAGE, 2 * PAGE, 0L));
    EXPECT(-EFAULT, CALL(SYS_mremap, area + 8 * PAGE, 2 * PAGE, 3 * PAGE, (long)MREMAP_MAYMOVE));
    area[8 * PAGE] = 7;
    EXPECT(area + 12 * PAGE, CALL(SYS_mremap, area + 8 * PAGE, 2 * PAGE, PAGE, fixed, area + 12 * PAGE));
    EXPECT(7, area[12 * PAGE]);
    EXPECT(0, is_mapped(area + 8 * PAGE));
    EXPECT(0, is_mapped(area + 9 * PAGE));
    EXPECT(-EFAULT, CALL(SYS_mremap, area + 9 * PAGE, 2 * PAGE, PAGE, 0L));
    EXPECT(-EINVAL, CALL(SYS_mremap, area + 12 * PAGE, 0L, PAGE, (long)MREMAP_MAYMOVE));
    munmap(area, 16 * PAGE);
}

/* The old place stays, and is empty. */
static void check_left_behind(void)
{
    char *area = fresh(4 * PAGE, RW);
    char *target = fresh(4 * PAGE, RW);
    long moved;

    memset(area, 3, 2 * PAGE);
    EXPECT(-EINVAL, CALL(SYS_mremap, area, PAGE, PAGE, DONTUNMAP, target));
    EXPECT(-EINVAL, CALL(SYS_mremap, area, PAGE, 2 * PAGE, DONTUNMAP | MREMAP_MAYMOVE, target));
    moved = CALL(SYS_mremap, area, 4 * PAGE, 4 * PAGE, DONTUNMAP | MREMAP_MAYMOVE, 0L);
    EXPECT(1, moved > 0 || moved < -4095);
    EXPECT(3, ((char *)moved)[2 * PAGE - 1]);
    EXPECT(0, ((char *)moved)[2 * PAGE]);
    EXPECT(0, area[0] | area[2 * PAGE - 1]);
    area[0] = 1;
    EXPECT(3, ((char *)moved)[0]);
    EXPECT(target, CALL(SYS_mremap, area, PAGE, PAGE, DONTUNMAP | MREMAP_MAYMOVE | MREMAP_FIXED, target));
    EXPECT(1, target[0]);
    EXPECT(0, area[0]);
    munmap(area, 4 * PAGE);
    munmap(target, 4 * PAGE);
    munmap((void *)moved, 4 * PAGE);
}

/* Without the right there is nothing to populate (before 5.14: no such advice, the same answer). */
static void check_populating(void)
{
    char *area = fresh(3 * PAGE, PROT_READ);

    mprotect(area + PAGE, PAGE, PROT_NONE);
    EXPECT(-EINVAL, CALL(SYS_madvise, area, PAGE, 23L));
    EXPECT(-EINVAL, CALL(SYS_madvise, area + PAGE, PAGE, 22L));
    EXPECT(-EINVAL, CALL(SYS_madvise, area + PAGE, PAGE, 23L));
    EITHER(0, -EINVAL, CALL(SYS_madvise, area, PAGE, 22L));
    EXPECT(0, CALL(SYS_madvise, area, 0L, 9L /* MADV_REMOVE */));
    EXPECT(-EINVAL, CALL(SYS_madvise, area, PAGE, 9L));
    munmap(area, 3 * PAGE);
}

/* No stdio before the break is back: the C library's heap is there. */
static void check_break_gap(void)
{
    uintptr_t start = (uintptr_t)syscall(SYS_brk, 0L);
    uintptr_t page = (start + PAGE - 1) & ~(PAGE - 1);
    long other = map(page + 6 * PAGE, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED_NOREPLACE);
    uintptr_t touching = (uintptr_t)syscall(SYS_brk, page + 6 * PAGE);
    uintptr_t below = (uintptr_t)syscall(SYS_brk, page + 5 * PAGE);

    syscall(SYS_brk, start);
    munmap((void *)other, PAGE);
    EXPECT(page + 6 * PAGE, other);
    EXPECT(start, touching);
    EXPECT(page + 5 * PAGE, below);
}

static void check_growing(void)
{
    volatile char here = 0;
    uintptr_t stack = (uintptr_t)&here & ~(PAGE - 1);
    char *area = fresh(2 * PAGE, RW);

    munmap(area + PAGE, PAGE);
    EXPECT(0, CALL(SYS_mprotect, stack, PAGE, RW | PROT_GROWSDOWN));
    EXPECT(-EINVAL, CALL(SYS_mprotect, stack, PAGE, RW | PROT_GROWSUP));
    EXPECT(-EINVAL, CALL(SYS_mprotect, area, PAGE, RW | PROT_GROWSDOWN));
    EXPECT(-ENOMEM, CALL(SYS_mprotect, area + PAGE, PAGE, RW | PROT_GROWSUP));
    munmap(area, PAGE);
}

static void check_residence(void)
{
    char *area = fresh(4 * PAGE, RW);
    unsigned char in_core[4] = {9, 9, 9, 9};

    area[PAGE] = 1;
    EXPECT(0, CALL(SYS_mincore, area, 3 * PAGE + 1, in_core));
    EXPECT(0, in_core[0] & 1);
    EXPECT(1, in_core[1] & 1);
    EXPECT(0, in_core[3] & 1);
    EXPECT(-EINVAL, CALL(SYS_mincore, area + 1, PAGE, in_core));
    EXPECT(-EFAULT, CALL(SYS_mincore, area, PAGE, 8L));
    EXPECT(-ENOMEM, CALL(SYS_mincore, area, ~(uintptr_t)0 - PAGE, in_core));
    EXPECT(0, CALL(SYS_mincore, area, 0L, in_core));
    munmap(area + 2 * PAGE, PAGE);
    in_core[1] = 9;
    EXPECT(-ENOMEM, CALL(SYS_mincore, area, 4 * PAGE, in_core));
    EXPECT(1, in_core[1]);
    munmap(area, 4 * PAGE);
}

void check_corners(void)
{
    long low = map(0, PAGE, RW, ANONYMOUS | 0x40 /* MAP_32BIT */);

    check_shrinking();
    check_left_behind();
    check_populating();
    check_break_gap();
    check_growing();
    check_residence();
    EXPECT(1, (low > 0 || low < -4095) && (!WIDE || (uintptr_t)low < (uintptr_t)1 << 31));
    EXPECT(0, CALL(SYS_munmap, low, PAGE));
    if (!WIDE)
        EITHER(-EOVERFLOW, -ENOMEM, CALL(CALL_MMAP, 0L, PAGE, RW, ANONYMOUS, -1L, ~(uintptr_t)0));
}

/* The order of what is asked. */
void check_sharing(void)
{
    uintptr_t area = (uintptr_t)fresh(2 * PAGE, RW);

    EXPECT(-EEXIST, map(area, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE)); /* the missing type comes after */
    EXPECT(-EINVAL, map(area, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED));
    munmap((void *)area, 2 * PAGE);
}
