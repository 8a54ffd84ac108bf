/* SPDX-License-Identifier: MIT */
/*
 * bits.c - counting bits of 64-bit numbers, which 32-bit compilers leave to their run-time library (see division.c).
 */
#include <stdint.h>

int __ctzdi2(uint64_t value);
int __clzdi2(uint64_t value);
int __popcountdi2(uint64_t value);

int __ctzdi2(uint64_t value)
{
    uint32_t low = (uint32_t)value;

    return low != 0 ? __builtin_ctz(low) : 32 + __builtin_ctz((uint32_t)(value >> 32));
}

int __clzdi2(uint64_t value)
{
    uint32_t high = (uint32_t)(value >> 32);

    return high != 0 ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)value);
}

/* Sums of neighbouring groups of 1, 2 and 4 bits; the multiplication adds up the bytes. */
static unsigned count_ones(uint32_t value)
{
    value -= value >> 1 & 0x55555555;
    value = (value & 0x33333333) + (value >> 2 & 0x33333333);
    value = (value + (value >> 4)) & 0x0f0f0f0f;
    return value * 0x01010101 >> 24;
}

int __popcountdi2(uint64_t value)
{
    return (int)(count_ones((uint32_t)value) + count_ones((uint32_t)(value >> 32)));
}
