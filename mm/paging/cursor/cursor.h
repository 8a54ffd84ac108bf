/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - what the files of paging/cursor share with each other. The tree's lock is held in all of these.
 */
#ifndef QUIRE_PAGING_CURSOR_H
#define QUIRE_PAGING_CURSOR_H

#include "paging/tree/tree.h"

static inline void check_within(const quire_cursor_t *cursor, quire_va_t va)
{
    if (va < cursor->start || va >= cursor->end)
        quire_panic_at("paging: an address outside the cursor's range", va, cursor->table->space);
}

/* Whether a frame is named, mapped or hidden. */
static inline bool has_frame(const quire_page_t *page)
{
    return page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN;
}

/* --- change.c --- */

/* The cursor may change, and [start, end) lies in its range; otherwise a panic. */
void quire_paging_check_change(const quire_cursor_t *cursor, quire_va_t start, quire_va_t end);
/* What a word that is not a table's becomes by protecting. `rights` are as range.c packs them. */
uint64_t quire_paging_protected(const quire_table_t *table, unsigned level, uint64_t raw, unsigned rights);

/* What protecting is to make of a page, in one word: its protection, and its key if that is to change. */
#define RIGHTS_PROT    ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER)
#define RIGHTS_HAS_KEY 0x100u
#define RIGHTS_SHIFT   4 /* of the key */

/* --- range.c --- */

/* Unlinked already: counts it out, and gathers it. Returns how many of its 4 KiB pages were not empty. */
uint64_t quire_paging_subtree_gather(quire_cursor_t *cursor, quire_frame_t frame, unsigned level, quire_va_t va);

/* --- level1.c: the same for pages [first, last] of one level-1 table --- */

/* The word becomes `after`, a promise's or 0. Returns how many were not empty. */
uint64_t quire_paging_level1_mark(quire_cursor_t *cursor, quire_frame_t frame, quire_va_t first, quire_va_t last,
                                  uint64_t after);
void quire_paging_level1_protect(quire_cursor_t *cursor, quire_frame_t frame, quire_va_t first, quire_va_t last,
                                 unsigned rights);

/* --- large.c --- */
quire_status_t quire_paging_map_large(quire_cursor_t *cursor, quire_va_t va, unsigned level,
                                      const quire_page_t *page) QUIRE_MUST_CHECK;

/* --- prune.c --- */
void quire_paging_prune(quire_cursor_t *cursor);

#endif
