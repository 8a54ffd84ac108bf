/* SPDX-License-Identifier: MIT */
/* bytes.h - the four functions that the compiler itself may call; kernel/arch implements them. */
#ifndef KERNEL_BYTES_H
#define KERNEL_BYTES_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
