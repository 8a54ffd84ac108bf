/* SPDX-License-Identifier: MIT */
/*
 * vector.c - what readv and writev are given, judged.
 *
 * All lengths are looked at before the first address is, and all of it before the first byte moves, as on Linux 6.1.
 * What is too long is not refused: the call moves less.
 */
#include "vector.h"

#include "linux.h"

intptr_t vector_judge(vector_t *pieces, unsigned count, uintptr_t end, uintptr_t *total)
{
    uintptr_t sum = 0;

    for (unsigned i = 0; i < count; i++) {
        if ((intptr_t)pieces[i].bytes < 0)
            return -EINVAL;
    }
    for (unsigned i = 0; i < count; i++) {
        if (pieces[i].bytes > end || pieces[i].base > end - pieces[i].bytes)
            return -EFAULT;
        if (pieces[i].bytes > TRANSFER_MAX - sum)
            pieces[i].bytes = TRANSFER_MAX - sum;
        sum += pieces[i].bytes;
    }
    *total = sum;
    return 0;
}
