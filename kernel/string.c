/* SPDX-License-Identifier: MIT */
/*
 * string.c - the four functions that compilers call on their own.
 *
 * Words at a time by the string instructions, which need no registers saved and which CPUs and emulators run fast. The
 * loops are in assembler, because a compiler would recognise them in C and call the function they are.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#if UINTPTR_MAX > UINT32_MAX
#define COPY_WORDS "rep movsq"
#define FILL_WORDS "rep stosq"
#else
#define COPY_WORDS "rep movsl"
#define FILL_WORDS "rep stosl"
#endif

#define WORD_BYTES sizeof(uintptr_t)

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *at = to;
    size_t words = bytes / WORD_BYTES;
    size_t rest = bytes % WORD_BYTES;

    __asm__ volatile(COPY_WORDS : "+D"(at), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(rest) : : "memory");
    return to;
}

/* Upwards is right whenever the destination does not begin inside the source. */
void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *last = (uint8_t *)to + bytes - 1;
    const uint8_t *from_last = (const uint8_t *)from + bytes - 1;

    if ((uintptr_t)to - (uintptr_t)from >= bytes)
        return memcpy(to, from, bytes);
    __asm__ volatile("std; rep movsb; cld" : "+D"(last), "+S"(from_last), "+c"(bytes) : : "memory", "cc");
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *at = to;
    size_t words = bytes / WORD_BYTES;
    size_t rest = bytes % WORD_BYTES;
    uintptr_t pattern = (uint8_t)value * ((uintptr_t)-1 / 255);

    __asm__ volatile(FILL_WORDS : "+D"(at), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(pattern) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *at = a;
    const uint8_t *against = b;

    for (size_t i = 0; i < bytes; i++) {
        if (at[i] != against[i])
            return at[i] < against[i] ? -1 : 1;
    }
    return 0;
}
