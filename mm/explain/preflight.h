/* SPDX-License-Identifier: MIT */
/* preflight.h - what the two halves of the pre-flight check share: translations (preflight.c), tables
   (preflight_tables.c). */
#ifndef QUIRE_EXPLAIN_PREFLIGHT_H
#define QUIRE_EXPLAIN_PREFLIGHT_H

#include <quire/explain.h>

#include "explain.h"
#include "text.h"

/* One check under way. */
typedef struct preflight {
    const quire_preflight_t *flight;
    const quire_format_t *format;
    physical_t physical;
    text_t text;
    unsigned found;
    unsigned tables; /* looked at */
    unsigned physical_bits;
} preflight_t;

/* Begins the line of one more thing found. */
static inline void preflight_begin(preflight_t *check, const char *what)
{
    check->found++;
    quire_text_add(&check->text, what);
}

/* Whether the PMM would hand this memory out. */
bool quire_preflight_frame_is_free(const preflight_t *check, uint64_t pa);

void quire_preflight_modes(preflight_t *check);
void quire_preflight_tables(preflight_t *check);

#endif
