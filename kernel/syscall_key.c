/* SPDX-License-Identifier: MIT */
/*
 * syscall_key.c - pkey_alloc, pkey_free, pkey_mprotect: protection keys as Linux gives them out.
 *
 * A key is a number that a process may write into its pages' entries; which keys are in use is all that is known here.
 * What a key allows stands in PKRU, which the process reads and writes by itself, and which is switched with it.
 * Freeing a key changes no page, as on Linux: pages that still carry it are under whoever gets it next.
 *
 * Where there are no keys the answers are those of Linux on such a machine, and they differ: a 32-bit kernel has no
 * keys but 0 (-ENOSPC), a 64-bit one on an old CPU does not know of any (-EINVAL, key 0 included).
 */
#include "arch/arch.h"
#include "calls.h"

enum { KEY_RIGHTS = 3 }; /* PKEY_DISABLE_ACCESS, PKEY_DISABLE_WRITE: the two bits of a key in PKRU */

static bool is_64_bit(void)
{
    return quire_format_keys(&ARCH_FORMAT) > 1;
}

bool key_is_allocated(const process_t *process, int key)
{
    const linux_state_t *state = process->files;

    if (!arch_has_keys())
        return key == 0 && !is_64_bit();
    return key >= 0 && key < QUIRE_KEYS && (state->keys >> key & 1) != 0;
}

CALL(pkey_alloc)
{
    linux_state_t *state = linux_of(process);
    uintptr_t rights = argument[1];
    unsigned key = 0;

    if (argument[0] != 0 || (rights & ~(uintptr_t)KEY_RIGHTS) != 0)
        return -EINVAL;
    if (!arch_has_keys())
        return is_64_bit() ? -EINVAL : -ENOSPC;
    while (key < QUIRE_KEYS && (state->keys >> key & 1) != 0)
        key++;
    if (key == QUIRE_KEYS)
        return -ENOSPC;
    state->keys |= (uint16_t)(1u << key);
    arch_set_key_rights((arch_key_rights() & ~((uint32_t)KEY_RIGHTS << (2 * key))) | (uint32_t)rights << (2 * key));
    return (call_result_t)key;
}

CALL(pkey_free)
{
    int key = (int)argument[0];

    if (!arch_has_keys() || !key_is_allocated(process, key))
        return -EINVAL;
    linux_of(process)->keys &= (uint16_t) ~(1u << key);
    return 0;
}

CALL(pkey_mprotect)
{
    return protect_memory(process, argument, (int)argument[3]);
}
