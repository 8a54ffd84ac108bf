/* SPDX-License-Identifier: MIT */
/* text.h - sentences built into a caller's buffer; what does not fit is cut. Always terminated. */
#ifndef QUIRE_MM_TEXT_H
#define QUIRE_MM_TEXT_H

#include <quire/types.h>

typedef struct text {
    char *bytes;
    size_t size;
    size_t length;
} text_t;

void quire_text_add(text_t *text, const char *words);
void quire_text_hex(text_t *text, uint64_t value);
void quire_text_decimal(text_t *text, unsigned value);

#endif
