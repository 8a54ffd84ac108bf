/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the four functions that a compiler may call on its own.
 *
 * String instructions, because a plain loop would be recognised by the compiler for what it is and replaced by a call
 * of the function it stands in.
 */
#include <stdint.h>

#include "string.h"

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *at = to;
    size_t words = bytes / 4;
    size_t rest = bytes % 4;

    __asm__ volatile("rep movsl" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(rest) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    char *last = (char *)to + bytes - 1;
    const char *last_from = (const char *)from + bytes - 1;

    if ((uintptr_t)to - (uintptr_t)from >= bytes)
        return memcpy(to, from, bytes);
    __asm__ volatile("std; rep movsb; cld" : "+D"(last), "+S"(last_from), "+c"(bytes) : : "memory", "cc");
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *at = to;
    size_t words = bytes / 4;
    size_t rest = bytes % 4;
    uint32_t pattern = (uint8_t)value * 0x01010101u;

    __asm__ volatile("rep stosl" : "+D"(at), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(pattern) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *left = a;
    const uint8_t *right = b;

    for (size_t i = 0; i < bytes; i++) {
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    }
    return 0;
}
