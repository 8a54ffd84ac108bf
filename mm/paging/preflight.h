/* SPDX-License-Identifier: MIT */
/* preflight.h - what the two halves of the pre-flight check share: translations (preflight.c), tables
 * (preflight_tables.c). */
#ifndef QUIRE_PAGING_PREFLIGHT_H
#define QUIRE_PAGING_PREFLIGHT_H

#include <quire/explain.h>

#include "paging.h"
#include "text.h"

#define CR4_PSE  ((uint64_t)1 << 4)
#define CR4_PAE  ((uint64_t)1 << 5)
#define CR4_LA57 ((uint64_t)1 << 12)
#define CR4_SMEP ((uint64_t)1 << 20)
#define CR4_SMAP ((uint64_t)1 << 21)
#define EFER_LME ((uint64_t)1 << 8)
#define EFER_NXE ((uint64_t)1 << 11)

/* One check under way. */
typedef struct preflight {
    const quire_preflight_t *flight;
    const quire_format_t *format;
    text_t text;
    unsigned found;
    unsigned physical_bits;
} preflight_t;

/* One entry of a table at a physical address. False: not RAM. */
bool quire_preflight_read(const preflight_t *check, uint64_t table, unsigned index, uint64_t *raw);
/* The first entry from *index on, below `entries`, that is not all zeros; *index is where it stands, or `entries`. */
bool quire_preflight_next(const preflight_t *check, uint64_t table, unsigned entries, unsigned *index, uint64_t *raw);
/* The root's physical address, from CR3. */
uint64_t quire_preflight_root(const preflight_t *check);
/* Begins the line of one more thing found. */
void quire_preflight_begin(preflight_t *check, const char *what);

void quire_preflight_modes(preflight_t *check);
void quire_preflight_tables(preflight_t *check);

#endif
