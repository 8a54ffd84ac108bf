/* SPDX-License-Identifier: MIT */
/*
 * random.c - numbers that programs may call random.
 *
 * A generator (splitmix64; Steele, Lea, Flood, 2014) stirred with the time-stamp counter on each call. It serves hash
 * seeds and stack protectors, not keys: an emulator that counts instructions gives the same numbers on each boot, which
 * is what makes runs repeatable.
 */
#include "arch/arch.h"
#include "bytes.h"
#include "calls.h"

static uint64_t state;

static uint64_t next(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_bytes(void *to, size_t bytes)
{
    uint8_t *at = to;

    state ^= arch_timestamp();
    while (bytes > 0) {
        uint64_t value = next();
        size_t piece = bytes < sizeof(value) ? bytes : sizeof(value);

        memcpy(at, &value, piece);
        at += piece;
        bytes -= piece;
    }
}
