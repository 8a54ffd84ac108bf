/* SPDX-License-Identifier: MIT */
/* number.c - numbers as people type them. What does not fit in 64 bits is no number. */
#include "number.h"

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

bool parse_number(const char *word, uint64_t *value)
{
    unsigned base = 10;
    uint64_t result = 0;

    if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
        base = 16;
        word += 2;
    }
    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++) {
        unsigned digit = (unsigned)digit_value(*word);

        if (digit >= base || result > (UINT64_MAX - digit) / base)
            return false;
        result = result * base + digit;
    }
    *value = result;
    return true;
}
