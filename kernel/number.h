/* SPDX-License-Identifier: MIT */
/* number.h - numbers as people type them. */
#ifndef KERNEL_NUMBER_H
#define KERNEL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal, or hexadecimal after 0x; false, and *value as it was, if the whole word is not that. */
bool parse_number(const char *word, uint64_t *value);

#endif
