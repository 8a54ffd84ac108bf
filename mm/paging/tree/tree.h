/* SPDX-License-Identifier: MIT */
/*
 * tree.h - what the files of paging/tree share with each other, and with the cursors above them.
 *
 * The tree's lock is held in all of these. Ranges are [first, last] in bytes. At most one window a level is open.
 */
#ifndef QUIRE_PAGING_TREE_H
#define QUIRE_PAGING_TREE_H

#include "entry.h"
#include "panic.h"

/* What a gathered frame is, beside the levels 1 to 5: a table of that level, unlinked with all that hangs below it. */
enum gather_what {
    GATHER_FRAME = 0,    /* one frame: a page, or a table that is empty */
    GATHER_LARGE = 0x80, /* added to the level: the frames of a large page */
};

/* Flushes from here on are for the whole space: so many single ones cost as much. */
#define FLUSH_PAGES_MAX 32

/* --- place.c: where the CPU runs, and on what; nothing of it without QUIRE_CHECKS --- */

/* Panics if the tree that is about to be loaded lacks the code or the stack that run. */
void quire_paging_must_carry(const quire_table_t *table);
/* Panics if they lie in frames that the PMM would hand out. */
void quire_paging_must_be_reserved(const quire_table_t *kernel);
/* Panics if this CPU runs on the tree that is about to be destroyed. */
void quire_paging_must_be_unused(const quire_table_t *table);
QUIRE_NO_RETURN void quire_paging_left_open(const quire_table_t *table);

/* The tree's lock, for a cursor that begins at `start`. A CPU that has a cursor open on the tree would wait for itself,
   or not wait at all where a lock is no more than interrupts switched off. */
static inline void tree_lock(quire_table_t *table, quire_va_t start)
{
    if (QUIRE_CHECKS && __builtin_expect(__atomic_load_n(&table->opened, __ATOMIC_RELAXED) == quire_port_cpu() + 1, 0))
        quire_paging_left_open(table);
    quire_port_lock(&table->lock);
    if (QUIRE_CHECKS) {
        __atomic_store_n(&table->opened, quire_port_cpu() + 1, __ATOMIC_RELAXED);
        table->opened_at = start;
    }
}

static inline void tree_unlock(quire_table_t *table)
{
    if (QUIRE_CHECKS)
        __atomic_store_n(&table->opened, 0, __ATOMIC_RELAXED);
    quire_port_unlock(&table->lock);
}

/* --- gather.c --- */

/* A cursor for the library's own use: nothing gathered, nothing to flush. Not all fields are set: a cursor is large. */
static inline void cursor_init(quire_cursor_t *cursor, quire_table_t *table, quire_va_t start, quire_va_t end,
                               quire_cursor_mode_t mode)
{
    cursor->table = table;
    cursor->start = start;
    cursor->end = end;
    cursor->mode = mode;
    cursor->borrowed = false;
    cursor->level1 = quire_frame(0);
    cursor->level1_start = 0;
    cursor->first = 0;
    cursor->flush_end = 0;
    cursor->prune_end[0] = 0;
    cursor->prune_end[1] = 0;
    cursor->gathered = 0;
}

void quire_paging_flush_add(quire_cursor_t *cursor, quire_va_t first, quire_va_t last);
void quire_paging_prune_add(quire_cursor_t *cursor, quire_va_t first, quire_va_t last);
/* Room for it is made, if there is none, by flushing and releasing what has been gathered. */
void quire_paging_gather(quire_cursor_t *cursor, quire_frame_t frame, unsigned what);
/* The frames of a page that an entry of `level` mapped or hid. */
void quire_paging_gather_page(quire_cursor_t *cursor, unsigned level, const quire_page_t *page);
/* Flush, then release. */
void quire_paging_flush_and_free(quire_cursor_t *cursor);

/* --- asid.c --- */

/* The kernel's tree gets what CPUs with ASIDs need; QUIRE_OK without it where there are none. */
quire_status_t quire_paging_asids_take(quire_table_t *kernel, unsigned zone) QUIRE_MUST_CHECK;
void quire_paging_asids_release(quire_table_t *kernel);
/* A tree, not loaded before, is known by a generation of its own. */
void quire_paging_generation_first(quire_table_t *table);
/* Entries have changed so that translations are stale: after the change, before the flush. */
void quire_paging_generation_next(quire_table_t *table);

/* --- isolation.c --- */

/* A process's tree gets its second root if the kernel has an isolation tree; it is filled when the first is complete.
 */
quire_status_t quire_paging_user_root_take(quire_table_t *table) QUIRE_MUST_CHECK;
void quire_paging_user_root_fill(quire_table_t *table);
void quire_paging_user_root_release(quire_table_t *table);
/* Copies root entries [first, end), without accessed and dirty bits, which are each root's own. */
void quire_paging_root_copy(const quire_table_t *table, quire_frame_t to, quire_frame_t from, unsigned first,
                            unsigned end);
/* Whether they are such a copy still. */
bool quire_paging_root_is_copy(const quire_table_t *table, quire_frame_t copy, quire_frame_t of, unsigned first,
                               unsigned end);
/* NULL, or the rule that the second root breaks. */
const char *quire_paging_user_root_check(const quire_table_t *table);

/* --- node.c --- */

/* Takes `count` tables, all or none; they are a chain. Unused ones go back one by one. */
quire_status_t quire_paging_tables_take(quire_table_t *table, size_t count, quire_frame_t *chain) QUIRE_MUST_CHECK;
quire_status_t quire_paging_root_take(quire_pmm_t *pmm, const quire_format_t *format, unsigned zone,
                                      quire_frame_t *root) QUIRE_MUST_CHECK;
/* A table joins or leaves the tree: counts and events. */
void quire_paging_table_joins(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va);
void quire_paging_table_leaves(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va);
/* All tables of a subtree leave the tree. Adds how many of its 4 KiB pages are mapped, and how many are not empty.
   Nothing is released. */
typedef struct subtree_count {
    uint64_t mapped;
    uint64_t taken;
} subtree_count_t;
void quire_paging_subtree_leaves(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va,
                                 subtree_count_t *count);
/* Releases a subtree that no MMU can reach any more. */
void quire_paging_subtree_release(quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va);
/* `va`: an address at or below the one that it was mapped at, for the panic if it was not the tree's to give back. */
static inline void quire_paging_frame_release(const quire_table_t *table, quire_frame_t frame, quire_va_t va)
{
    if (quire_pmm_release(table->pmm, frame, NULL) != QUIRE_OK)
        quire_panic_frame("paging: a frame in a page table is not the PMM's to take back: it was freed while it was "
                          "mapped, or mapped twice without quire_pmm_retain",
                          frame, va, table->space);
}

/* Releases the blocks that make up [frame, frame + count). */
void quire_paging_frames_release(const quire_table_t *table, quire_frame_t frame, uint64_t count, quire_va_t va);

/* --- split.c --- */

/* Makes every table above `floor` that [first, last] needs: all of them, or with `edges` only where the range cuts an
   entry. Acquires first; on failure nothing has changed. */
quire_status_t quire_paging_split(quire_cursor_t *cursor, quire_va_t first, quire_va_t last, unsigned floor,
                                  bool edges) QUIRE_MUST_CHECK;

/* --- check.c --- */

/* The rule that is broken goes to the log, with the space and the address (NOWHERE: none), and the frame (0: none is
   concerned, and no address). */
#define NOWHERE (~(quire_va_t)0)
void quire_paging_report(const quire_table_t *table, const char *rule, quire_va_t va, quire_frame_t frame);

/* --- walk.c --- */

/* The one way down a live tree, from its root: the level of the entry that covers va, its word, and the table that it
   stands in. */
static inline unsigned way_down(const quire_table_t *table, quire_va_t va, quire_frame_t *frame, uint64_t *raw)
{
    const quire_format_t *format = format_of(table);
    quire_frame_t at = table->root;
    uint64_t word = 0;
    unsigned level;

#pragma GCC unroll 5
    for (level = format->levels; level >= 1; level--) {
        void *window = quire_port_window_open(at);

        word = word_read(format, window, format_index(format, level, va));
        quire_port_window_close(window);
        if (level == 1 || !entry_is_table(format, level, word))
            break;
        at = entry_table(format, word);
    }
    *frame = at;
    *raw = word;
    return level;
}

/* The same from where the cursor stands, if that is over va. The cursor stands in a level-1 table afterwards if the way
   led to one. */
unsigned quire_paging_walk(quire_cursor_t *cursor, quire_va_t va, quire_frame_t *frame, uint64_t *raw);

/* The level-1 table over va if the cursor stands in it; otherwise 0. */
static inline quire_frame_t level1_known(const quire_cursor_t *cursor, quire_va_t va)
{
    return cursor->level1_start == format_first(format_of(cursor->table), 2, va) ? cursor->level1 : quire_frame(0);
}

/* The level-1 table over va; 0 if the way down ends above it. */
static inline quire_frame_t level1_over(quire_cursor_t *cursor, quire_va_t va)
{
    quire_frame_t frame = level1_known(cursor, va);
    uint64_t raw;

    if (frame.number == 0 && quire_paging_walk(cursor, va, &frame, &raw) != 1)
        frame = quire_frame(0);
    return frame;
}

/* A table leaves the tree that the cursor may stand in. */
static inline void stands_nowhere(quire_cursor_t *cursor)
{
    cursor->level1 = quire_frame(0);
}

static inline bool in_one_level1(const quire_format_t *format, quire_va_t first, quire_va_t last)
{
    return ((first ^ last) & ~format_reach(format, 2)) == 0;
}

/* Pages are mapped: in the kernel's half those that are not global are kept under each ASID. */
static inline void note_mapped(quire_table_t *table, unsigned flags)
{
    if (table->kernel == NULL && !(flags & QUIRE_PAGE_GLOBAL))
        table->has_local_pages = true;
}

/* True for a root entry whose table stays whatever it holds. */
static inline bool entry_is_pinned(const quire_format_t *format, unsigned level, uint64_t raw)
{
    return level == format->levels && (format->fixed_root || (raw & X86_PINNED));
}

/* The last byte of the part of [va, last] that the entry covering va covers. */
static inline quire_va_t part_last(const quire_format_t *format, unsigned level, quire_va_t va, quire_va_t last)
{
    quire_va_t reach = format_last(format, level, va);

    return reach < last ? reach : last;
}

static inline bool part_is_whole(const quire_format_t *format, unsigned level, quire_va_t first, quire_va_t last)
{
    return first == format_first(format, level, first) && last == format_last(format, level, first);
}

#endif
