/* SPDX-License-Identifier: MIT */
/* signal_set.h - sets of signals, as rt_sigprocmask and rt_sigaction have them: bit n - 1 is signal n. */
#ifndef KERNEL_SIGNAL_SET_H
#define KERNEL_SIGNAL_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "linux.h"

enum { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2 };

static inline uint64_t signal_bit(uintptr_t signal)
{
    return (uint64_t)1 << (signal - 1);
}

/* Nobody can hold these off. */
static inline uint64_t signal_unblockable(void)
{
    return signal_bit(SIGKILL) | signal_bit(SIGSTOP);
}

/* False: `how` is none of the three. */
static inline bool signal_change_mask(uint64_t *blocked, uint32_t how, uint64_t set)
{
    set &= ~signal_unblockable();
    switch (how) {
    case SIG_BLOCK:
        *blocked |= set;
        return true;
    case SIG_UNBLOCK:
        *blocked &= ~set;
        return true;
    case SIG_SETMASK:
        *blocked = set;
        return true;
    default:
        return false;
    }
}

#endif
