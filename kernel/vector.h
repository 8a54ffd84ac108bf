/* SPDX-License-Identifier: MIT */
/* vector.h - what readv and writev are given, judged (Linux: struct iovec). */
#ifndef KERNEL_VECTOR_H
#define KERNEL_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vector {
    uintptr_t base;
    uintptr_t bytes;
} vector_t;

/* 0, or a negated error: a length is negative (EINVAL, wherever it stands), or a piece is not below `end` (EFAULT).
   Cuts the pieces off where they pass TRANSFER_MAX together; *total is what is left. */
intptr_t vector_judge(vector_t *pieces, unsigned count, uintptr_t end, uintptr_t *total);

#endif
