/* SPDX-License-Identifier: MIT */
/*
 * division.c - 64-bit division, which 32-bit compilers leave to their run-time library.
 *
 * The kernel is linked with no library, so the functions that gcc and clang call are here, under the names they have
 * there. A divisor of 32 bits, which is nearly always, takes two DIV instructions; a longer one is divided bit by
 * bit. A division by zero faults, as it does in hardware.
 */
#include <stdint.h>

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *remainder);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);
int64_t __moddi3(int64_t dividend, int64_t divisor);

/* The quotient fits in 32 bits, because high < divisor. */
static uint32_t divide(uint32_t high, uint32_t low, uint32_t divisor, uint32_t *remainder)
{
    uint32_t quotient;

    __asm__("divl %4" : "=a"(quotient), "=d"(*remainder) : "a"(low), "d"(high), "rm"(divisor));
    return quotient;
}

static uint64_t divide_by_short(uint64_t dividend, uint32_t divisor, uint64_t *remainder)
{
    uint32_t rest = 0;
    uint32_t high = divide(0, (uint32_t)(dividend >> 32), divisor, &rest);
    uint32_t low = divide(rest, (uint32_t)dividend, divisor, &rest);

    *remainder = rest;
    return (uint64_t)high << 32 | low;
}

/* The divisor has a bit above 31, so the quotient has at most 32 bits. */
static uint64_t divide_by_long(uint64_t dividend, uint64_t divisor, uint64_t *remainder)
{
    int shift =
        dividend < divisor ? -1 : __builtin_clz((uint32_t)(divisor >> 32)) - __builtin_clz((uint32_t)(dividend >> 32));
    uint64_t quotient = 0;

    for (; shift >= 0; shift--) {
        quotient <<= 1;
        if (dividend >= divisor << shift) {
            dividend -= divisor << shift;
            quotient |= 1;
        }
    }
    *remainder = dividend;
    return quotient;
}

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *remainder)
{
    uint64_t rest;
    uint64_t quotient;

    if (divisor >> 32 == 0)
        quotient = divide_by_short(dividend, (uint32_t)divisor, &rest);
    else
        quotient = divide_by_long(dividend, divisor, &rest);
    if (remainder != 0)
        *remainder = rest;
    return quotient;
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor)
{
    return __udivmoddi4(dividend, divisor, 0);
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor)
{
    uint64_t remainder;

    __udivmoddi4(dividend, divisor, &remainder);
    return remainder;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

int64_t __divdi3(int64_t dividend, int64_t divisor)
{
    uint64_t quotient = __udivdi3(magnitude(dividend), magnitude(divisor));

    return (int64_t)((dividend < 0) != (divisor < 0) ? 0 - quotient : quotient);
}

int64_t __moddi3(int64_t dividend, int64_t divisor)
{
    uint64_t remainder = __umoddi3(magnitude(dividend), magnitude(divisor));

    return (int64_t)(dividend < 0 ? 0 - remainder : remainder);
}
