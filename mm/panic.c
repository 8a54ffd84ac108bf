/* SPDX-License-Identifier: MIT */
/*
 * panic.c - last words that say where.
 *
 * A panic that says which rule was broken and not where costs whoever reads it a day with a debugger. So the functions
 * that panics go through take the place as an argument, and cannot forget it. They are cold: nothing of them is in the
 * way of a call that goes well.
 */
#include "panic.h"

#include <quire/port.h>

#include "text.h"

#define SENTENCE_BYTES 320

static QUIRE_NO_RETURN void panic(text_t *text, quire_va_t va, uint32_t space)
{
    quire_text_add(text, "address ");
    quire_text_hex(text, va);
    quire_text_add(text, " of space ");
    quire_text_decimal(text, space);
    quire_port_panic(text->bytes);
}

__attribute__((cold, noinline)) void quire_panic_at(const char *what, quire_va_t va, uint32_t space)
{
    char sentence[SENTENCE_BYTES];
    text_t text = {sentence, sizeof(sentence), 0};

    quire_text_add(&text, what);
    quire_text_add(&text, ": ");
    panic(&text, va, space);
}

__attribute__((cold, noinline)) void quire_panic_frame(const char *what, quire_frame_t frame, quire_va_t va,
                                                       uint32_t space)
{
    char sentence[SENTENCE_BYTES];
    text_t text = {sentence, sizeof(sentence), 0};

    quire_text_add(&text, what);
    quire_text_add(&text, ": frame ");
    quire_text_hex(&text, frame.number);
    quire_text_add(&text, ", at or above ");
    panic(&text, va, space);
}
