/* SPDX-License-Identifier: MIT */
/* keys.c - pkey_mprotect, pkey_alloc, pkey_free: what is answered alike with protection keys and without. */
#include "calls.h"

#define RW (PROT_READ | PROT_WRITE)

/* A Linux built without protection keys does not have the calls at all; then there is nothing to compare. */
static int has_calls;
#define KEYS(expected, actual) EXPECT(expected, has_calls ? (long)(actual) : (long)(expected))

void check_keys(void)
{
    char *area = fresh(4 * PAGE, RW);

    has_calls = CALL(SYS_pkey_free, -1L) != -ENOSYS;
    KEYS(-EINVAL, CALL(SYS_pkey_alloc, 1L, 0L));
    KEYS(-EINVAL, CALL(SYS_pkey_alloc, 0L, 4L));
    KEYS(-EINVAL, CALL(SYS_pkey_free, 9L));
    KEYS(-EINVAL, CALL(SYS_pkey_free, 16L));
    KEYS(-EINVAL, CALL(SYS_pkey_free, -1L));
    KEYS(0, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, -1L));
    KEYS(-EFAULT, CALL(SYS_getrandom, area, 1L, 0L));
    KEYS(1, CALL(SYS_getrandom, area + PAGE, 1L, 0L));
    KEYS(0, CALL(SYS_pkey_mprotect, area, PAGE, RW, -1L));
    KEYS(1, CALL(SYS_getrandom, area, 1L, 0L));
    KEYS(-EINVAL, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, 9L));
    KEYS(-EINVAL, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, 16L));
    KEYS(-EINVAL, CALL(SYS_pkey_mprotect, area, PAGE, PROT_READ, -2L));
    KEYS(1, CALL(SYS_getrandom, area, 1L, 0L));
    KEYS(0, CALL(SYS_pkey_mprotect, area, 0L, PROT_READ, 9L));
    KEYS(-EINVAL, CALL(SYS_pkey_mprotect, area + 1, 0L, PROT_READ, -1L));
    /* The length wraps, or else the key is asked for first. */
    KEYS(is_emulated() ? -EINVAL : -ENOMEM, CALL(SYS_pkey_mprotect, area, ~(uintptr_t)0 - PAGE, PROT_READ, 9L));
    KEYS(-EINVAL, CALL(SYS_pkey_mprotect, BAD, PAGE, PROT_READ, 9L));
    KEYS(-ENOMEM, CALL(SYS_pkey_mprotect, BAD, PAGE, PROT_READ, -1L));
    munmap(area + PAGE, PAGE);
    KEYS(-ENOMEM, CALL(SYS_pkey_mprotect, area, 4 * PAGE, PROT_READ, -1L));
    KEYS(-EFAULT, CALL(SYS_getrandom, area, 1L, 0L));
    KEYS(1, CALL(SYS_getrandom, area + 2 * PAGE, 1L, 0L));
    munmap(area, 4 * PAGE);
}
