/* SPDX-License-Identifier: MIT */
/* text.h - sentences built into a caller's buffer; what does not fit is cut. Always terminated. */
#ifndef QUIRE_PAGING_TEXT_H
#define QUIRE_PAGING_TEXT_H

#include <quire/types.h>

typedef struct text {
    char *bytes;
    size_t size;
    size_t length;
} text_t;

void quire_paging_text_add(text_t *text, const char *words);
void quire_paging_text_hex(text_t *text, uint64_t value);
void quire_paging_text_decimal(text_t *text, unsigned value);

#endif
