/* SPDX-License-Identifier: MIT */
/* extents.h - what a tree should say: a list of ranges, each of one meaning, with no table anywhere. */
#ifndef QUIRE_TEST_MACHINE_EXTENTS_H
#define QUIRE_TEST_MACHINE_EXTENTS_H

#include "test.h"

#define EXTENTS_MAX 1024

typedef struct extent {
    quire_va_t start;  /* the next one begins where it ends */
    quire_page_t page; /* of its first page: frames count up */
} extent_t;

typedef struct extents {
    quire_va_t end;
    size_t count;
    extent_t at[EXTENTS_MAX];
} extents_t;

bool extents_hold_frame(const quire_page_t *page);

/* All of [start, end) is empty. */
void extents_init(extents_t *extents, quire_va_t start, quire_va_t end);

/* What stands at the page of va. */
quire_page_t extents_at(const extents_t *extents, quire_va_t va);

void extents_set(extents_t *extents, quire_va_t start, quire_va_t end, const quire_page_t *page);
/* By the contract of quire_cursor_protect_key(), or without it if the key is EXTENTS_KEY_KEPT. */
#define EXTENTS_KEY_KEPT QUIRE_KEYS
void extents_protect(extents_t *extents, quire_va_t start, quire_va_t end, unsigned prot, unsigned key);

/* Whether one range covers [start, end): its pages say the same, and frames count up. */
bool extents_are_one(const extents_t *extents, quire_va_t start, quire_va_t end);

/* How many pages of [start, end) are of this kind; with `owned`, only those whose frame is the PMM's. */
size_t extents_count(const extents_t *extents, quire_va_t start, quire_va_t end, quire_page_kind_t kind, bool owned);

#endif
