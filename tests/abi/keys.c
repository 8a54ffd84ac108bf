/* SPDX-License-Identifier: MIT */
/* keys.c - pkey_mprotect, pkey_alloc, pkey_free: what is answered alike with protection keys and without. */
#include "calls.h"

#define RW (PROT_READ | PROT_WRITE)

void check_keys(void)
{
    char *area = fresh(4 * PAGE, RW);

    EXPECT(-EINVAL, CALL(SYS_pkey_alloc, 1L, 0L));
    EXPECT(-EINVAL, CALL(SYS_pkey_alloc, 0L, 4L));
    EXPECT(-EINVAL, CALL(SYS_pkey_free, 9L));
    EXPECT(-EINVAL, CALL(SYS_pkey_free, 16L));
    EXPECT(-EINVAL, CALL(SYS_pkey_free, -1L));
    EXPECT(0, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, -1L));
    EXPECT(-EFAULT, CALL(SYS_getrandom, area, 1L, 0L));
    EXPECT(1, CALL(SYS_getrandom, area + PAGE, 1L, 0L));
    EXPECT(0, CALL(SYS_pkey_mprotect, area, PAGE, RW, -1L));
    EXPECT(1, CALL(SYS_getrandom, area, 1L, 0L));
    EXPECT(-EINVAL, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, 9L));
    EXPECT(-EINVAL, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, 16L));
    EXPECT(-EINVAL, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, -2L));
    EXPECT(1, CALL(SYS_getrandom, area, 1L, 0L));
    EXPECT(0, CALL(SYS_pkey_mprotect, area, 0L, PROT_READ, 9L));
    EXPECT(-EINVAL, CALL(SYS_pkey_mprotect, area + 1, 0L, PROT_READ, -1L));
    EXPECT(-ENOMEM, CALL(SYS_pkey_mprotect, area, ~(uintptr_t)0 - PAGE, PROT_READ, 9L));
    EXPECT(-EINVAL, CALL(SYS_pkey_mprotect, BAD, PAGE, PROT_READ, 9L));
    EXPECT(-ENOMEM, CALL(SYS_pkey_mprotect, BAD, PAGE, PROT_READ, -1L));
    munmap(area + PAGE, PAGE);
    EXPECT(-ENOMEM, CALL(SYS_pkey_mprotect, area, 4 * PAGE, PROT_READ, -1L));
    EXPECT(-EFAULT, CALL(SYS_getrandom, area, 1L, 0L));
    EXPECT(1, CALL(SYS_getrandom, area + 2 * PAGE, 1L, 0L));
    munmap(area, 4 * PAGE);
}
