/* SPDX-License-Identifier: MIT */
/* text.c - sentences without a library. */
#include "text.h"

static void add_character(text_t *text, char character)
{
    if (text->length + 1 >= text->size)
        return;
    text->bytes[text->length++] = character;
    text->bytes[text->length] = '\0';
}

void quire_text_add(text_t *text, const char *words)
{
    while (*words != '\0')
        add_character(text, *words++);
}

void quire_text_hex(text_t *text, uint64_t value)
{
    int shift = 60;

    quire_text_add(text, "0x");
    while (shift > 0 && (value >> shift & 0xF) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        add_character(text, "0123456789abcdef"[value >> shift & 0xF]);
}

void quire_text_decimal(text_t *text, unsigned value)
{
    if (value >= 10)
        quire_text_decimal(text, value / 10);
    add_character(text, (char)('0' + value % 10));
}
