/* SPDX-License-Identifier: MIT */
/*
 * string.h - the four memory functions that the host supplies.
 *
 * A compiler may call them on its own even in a freestanding program, so every kernel has them. Declared here because a
 * freestanding build has no <string.h>.
 */
#ifndef QUIRE_MM_STRING_H
#define QUIRE_MM_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
