/* SPDX-License-Identifier: MIT */
/* text.c - strings, as far as arguments need them. */
#include "runtime.h"

size_t text_length(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

bool text_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* The digit's value, or the base if it is none. */
static unsigned digit_value(char digit, unsigned base)
{
    unsigned value = base;

    if (digit >= '0' && digit <= '9')
        value = (unsigned)(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
        value = (unsigned)(digit - 'a') + 10;
    return value < base ? value : base;
}

static unsigned unit_shift(char unit)
{
    switch (unit) {
    case 'K':
        return 10;
    case 'M':
        return 20;
    case 'G':
        return 30;
    default:
        return 0;
    }
}

bool text_to_number(const char *text, size_t *number)
{
    unsigned base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
    const char *at = base == 16 ? text + 2 : text;
    const char *first = at;
    bool fits = true;
    size_t value = 0;
    unsigned shift;

    for (unsigned digit; (digit = digit_value(*at, base)) != base; at++) {
        fits = fits && !__builtin_mul_overflow(value, (size_t)base, &value) &&
               !__builtin_add_overflow(value, (size_t)digit, &value);
    }
    if (at == first)
        return false;
    shift = unit_shift(*at);
    if (shift != 0)
        at++;
    if (*at != '\0')
        return false;
    *number = fits && value << shift >> shift == value ? value << shift : SIZE_MAX;
    return true;
}
