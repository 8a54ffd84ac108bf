/* SPDX-License-Identifier: MIT */
/*
 * paging.h - page tables as a data structure, with one way in: the cursor.
 *
 * The page table is the only record of what a page is. A present entry maps a frame; a not-present entry carries a
 * *promise*: what the page will be when it is touched. Promises stand at any level, as coarse as they fit (one root
 * entry may promise 512 GiB) and are split on the way down. An entry of all zeros is empty: nothing is there.
 *
 * Every change goes through a cursor: open it on a range (this locks the address space), work, close it. Close
 * flushes the translations that changed, *then* releases the frames and tables that were taken out, then unlocks. A
 * caller can neither forget a flush nor free a frame too early. Opening with QUIRE_CURSOR_POPULATE acquires all tables
 * the work will need, so that a failed call has changed nothing.
 *
 *     status = quire_cursor_open(&cursor, table, start, end, QUIRE_CURSOR_POPULATE);
 *     if (status != QUIRE_OK)
 *         return status;                              // nothing was changed
 *     quire_cursor_map(&cursor, va, 1, frame, prot, flags);
 *     quire_cursor_close(&cursor);
 *
 * Levels count from 1 (the table whose entries map 4 KiB pages) up to the root's: 2 for x86 32-bit, 3 for PAE,
 * 4 and 5 for long mode (Intel SDM volume 3, chapter 4).
 */
#ifndef QUIRE_PAGING_H
#define QUIRE_PAGING_H

#include <quire/page.h>
#include <quire/pmm.h>
#include <quire/port.h>
#include <quire/types.h>

/* One tree of tables. The host provides the storage; the fields are private to mm/paging. */
typedef struct quire_table {
    const quire_format_t *format;
    quire_pmm_t *pmm;
    struct quire_table *kernel; /* whose upper half this one shares; NULL for the kernel's own */
    quire_lock_t lock;
    unsigned opened;      /* 1 + the CPU that has a cursor open on it; 0: none */
    quire_va_t opened_at; /* where that begins */
    quire_frame_t root;
    uint32_t space;          /* identifier for events and shootdowns; 0 is the kernel's */
    uint8_t table_zone;      /* quire_zone_t that tables come from */
    bool sealed;             /* kernel's: root entries are final; set by quire_table_seal() */
    size_t table_frames;     /* tables in the tree, root included, shared ones not */
    size_t mapped_pages;     /* 4 KiB units present in the part of the tree that is its own */
    quire_va_t shared_start; /* first address of the shared (kernel's) half */
    /* which translations a CPU may keep while it runs another tree: mm/paging/tree/asid.c */
    size_t generation;       /* of the last change that made translations stale */
    size_t next_generations; /* kernel's: the first generation that nobody has yet */
    quire_frame_t asids;     /* kernel's: the frame in which CPUs write down what they keep; 0: none */
    bool has_local_pages;    /* kernel's: it has mapped pages that are not global */
    bool has_lost_tables;    /* since the last generation */
    /* what ring 3 runs on, where the kernel hides itself: mm/paging/tree/isolation.c */
    const struct quire_table *isolation; /* kernel's; NULL: it does not hide */
    quire_frame_t user_root;             /* a process's; 0: the root is for ring 3, too */
} quire_table_t;

/* The kernel's tree. [shared_start, top) is what every other tree will share. Ranges that will change after sealing
   must be named with quire_table_pin() first. `zone` limits where tables may lie (before the direct map is complete).
 */
quire_status_t quire_table_create_kernel(quire_table_t *table, const quire_format_t *format, quire_pmm_t *pmm,
                                         quire_zone_t zone, quire_va_t shared_start) QUIRE_MUST_CHECK;

/* Gives every root entry that covers [start, end) its table now, for good, so that all trees created later share it by
   construction: the root entries of the upper half never change again. */
quire_status_t quire_table_pin(quire_table_t *kernel, quire_va_t start, quire_va_t end) QUIRE_MUST_CHECK;

/* A panic (with QUIRE_CHECKS) if the code or the stack that run lie in frames that the PMM would hand out: then the
   kernel's image is missing from the memory map. From here on the kernel's root entries are final: opening a cursor for
   change on an unpinned part answers QUIRE_DENIED. Tables come from any zone from now on. */
void quire_table_seal(quire_table_t *kernel);

/* A process's tree: empty below, the kernel's entries above. QUIRE_INVALID: the kernel's tree is not sealed. */
quire_status_t quire_table_create(quire_table_t *table, quire_table_t *kernel, uint32_t space) QUIRE_MUST_CHECK;

/* Releases every frame and table below shared_start, then the root; of the kernel's tree, which must be the last, all
   of them. The tree must not be loaded on any CPU: nothing is flushed. With QUIRE_CHECKS, on this CPU it is a panic. */
void quire_table_destroy(quire_table_t *table);

/* Loads the root into CR3 of this CPU. A panic (with QUIRE_CHECKS) if paging is on and the tree does not map the code
   and the stack that run: what lies below shared_start is not in a process's tree. Where the kernel has set CR4.PCIDE
   (Intel SDM volume 3, 4.10.1), under an ASID of the library's choice, 1 to 7; what this CPU holds under it from the
   last time stays, unless it has become stale. Two things are then the kernel's: it loads CR3 in no other way, and all
   trees that a CPU loads share one kernel's tree. A port that asks only some CPUs to flush has one more rule to keep,
   with PCIDs or without (quire_port_shootdown). */
void quire_table_load(const quire_table_t *table);

/* Whether this CPU translates by this tree: for the kernel's, also by any other with the same upper half. True where it
   cannot be told, false while paging is off. */
bool quire_table_is_loaded(const quire_table_t *table);

/* What the calling CPU has loaded of the trees that share this one's kernel. All zeros on a CPU without PCID. */
typedef struct quire_table_loads {
    unsigned asid;  /* PCID in use; 0: none */
    uint32_t loads; /* under an asid; wraps */
    uint32_t kept;  /* of these, those that kept translations */
} quire_table_loads_t;
quire_table_loads_t quire_table_loads(const quire_table_t *table);

/* Kernel page-table isolation. While ring 3 runs, the upper half is the isolation tree's instead of the kernel's:
   another kernel's tree, made by quire_table_create_kernel(), that maps (FOREIGN, at the kernel's own addresses, never
   GLOBAL) what the CPU touches on its way in and out: entry code, descriptor tables, task state, entry stacks. It is
   sealed, with nothing in its lower half, and final. A process created from then on has a second root, which the
   cursors keep like the first below shared_start. The kernel leaves CR4.PGE clear, since global pages of its own would
   stay in reach of ring 3. QUIRE_INVALID: not such trees, or of different formats or halves. */
quire_status_t quire_table_use_isolation(quire_table_t *kernel, quire_table_t *isolation) QUIRE_MUST_CHECK;

/* What the entry code loads into CR3, for the tree that this CPU has loaded: `user` last thing on the way to ring 3,
   `kernel` first thing on the way back. Asked for on each way out, with interrupts off until ring 3 runs: what was
   changed since the last time makes `user` drop translations. Both are the same for a tree without a second root. */
typedef struct quire_table_crossing {
    uint64_t user;
    uint64_t kernel;
} quire_table_crossing_t;
quire_table_crossing_t quire_table_cross(const quire_table_t *table);

/* The root's physical address. */
quire_pa_t quire_table_root(const quire_table_t *table);

/* Walks the tree: every table is allocated and owned as a table, no reserved bit is set, counts agree, the shared half
   equals the kernel's. No page names a page table, nor what is not allocated; a process's page names frames of
   QUIRE_OWNER_USER, DEVICE or TEST. A FOREIGN page may name all that is not the PMM's and, of a process, what is
   allocated and no table; FOREIGN pages of the kernel's are not looked at. QUIRE_CORRUPT, and the broken rule in the
   log with space, address, frame and owner. */
quire_status_t quire_table_check(quire_table_t *table) QUIRE_MUST_CHECK;

/* Checks each of `count` trees, all there are, and then all together. Every mapping of a frame is counted (mapped or
   hidden, not FOREIGN; a block once in each page) and every link of a table, in all trees and an isolation tree's, and
   compared with the references that the PMM counts: no frame has more mappings than references, and the frames of
   QUIRE_OWNER_USER and QUIRE_OWNER_TABLE together have at most `held` references more than mappings: those that the
   caller holds himself; SIZE_MAX: he does not know. So found are a page that two processes have and one reference
   holds, a table that stands in two places, and what was lost.

   QUIRE_CORRUPT, and the frame in the log, with an address that maps it if there is one. QUIRE_NO_MEMORY: no two frames
   are free. It takes frames while it works, one for 1,024 frames that the PMM covers and one more, and less if no more
   are free (at most half of them) or more do not help; it walks all trees once for what the frames taken can count.
   Wants a moment in which nobody else changes these trees, or takes or gives frames. */
quire_status_t quire_table_check_all(quire_table_t *(*table_at)(const void *context, size_t index), const void *context,
                                     size_t count, size_t held) QUIRE_MUST_CHECK;

/* The raw entries met on the way to va, for display: entries[i].level counts down from the root. Returns how many.
   Takes the lock. Reads only; works in every state of the tree. */
typedef struct quire_walk_step {
    unsigned level;
    unsigned index;
    quire_frame_t table; /* the frame the entry stands in */
    uint64_t raw;
    quire_page_t page; /* decoded; may be QUIRE_PAGE_TABLE */
} quire_walk_step_t;
unsigned quire_table_walk(quire_table_t *table, quire_va_t va, quire_walk_step_t steps[QUIRE_LEVELS_MAX]);

/* Frames that wait: each names the next in its first word, all else in it is zeros; 0 ends the chain. */
static inline void quire_chain_push(quire_frame_t *chain, quire_frame_t frame)
{
    size_t *window = (size_t *)quire_port_window_open(frame);

    window[0] = chain->number;
    quire_port_window_close(window);
    *chain = frame;
}

/* The first of a chain that is not empty, all zeros. */
static inline quire_frame_t quire_chain_pop(quire_frame_t *chain)
{
    quire_frame_t frame = *chain;
    size_t *window = (size_t *)quire_port_window_open(frame);

    *chain = quire_frame(window[0]);
    window[0] = 0;
    quire_port_window_close(window);
    return frame;
}

typedef enum quire_cursor_mode {
    QUIRE_CURSOR_READ,  /* query only: changes nothing, acquires nothing */
    QUIRE_CURSOR_EDGES, /* mark and protect: coarse promises and large pages that [start, end) cuts are split at its two
                           ends */
    QUIRE_CURSOR_POPULATE, /* map and put of single pages: every level-1 table in [start, end) is there */
} quire_cursor_mode_t;

#define QUIRE_CURSOR_GATHER 64

/* On the caller's stack; fields are private to mm/paging. */
typedef struct quire_cursor {
    quire_table_t *table;
    quire_va_t start;
    quire_va_t end;
    quire_cursor_mode_t mode;
    bool borrowed; /* reads the kernel's half, for a process's tree */
    /* where it stands: the level-1 table that was reached last, and the address that its first entry covers */
    quire_frame_t level1; /* 0: nowhere */
    quire_va_t level1_start;
    uint64_t first; /* POPULATE, on one page: its word as it was when the cursor was opened */
    /* what close must flush: nothing while flush_end is 0 */
    quire_va_t flush_start;
    quire_va_t flush_end;
    /* where tables may have been left empty: two ranges, for a move; nowhere while an end is 0 */
    quire_va_t prune_start[2];
    quire_va_t prune_end[2];
    /* what close must release, after the flush */
    unsigned gathered;
    quire_frame_t gather[QUIRE_CURSOR_GATHER];
    uint8_t gather_what[QUIRE_CURSOR_GATHER];
} quire_cursor_t;

/* Locks the tree and prepares [start, end), page aligned and not empty, not crossing shared_start. QUIRE_INVALID: not
   such a range, or not canonical. QUIRE_NO_MEMORY: no frame for a table; every translation and promise is as it was.
   QUIRE_DENIED: kernel's half, not pinned, or not this tree's to change. QUIRE_UNSUPPORTED: it would cut a large page
   of which others hold a block. Reading the kernel's half through a process's tree locks the kernel's. */
quire_status_t quire_cursor_open(quire_cursor_t *cursor, quire_table_t *table, quire_va_t start, quire_va_t end,
                                 quire_cursor_mode_t mode) QUIRE_MUST_CHECK;

/* The same for the one page at va with POPULATE, which is what a fault does. */
quire_status_t quire_cursor_open_page(quire_cursor_t *cursor, quire_table_t *table, quire_va_t va) QUIRE_MUST_CHECK;

/* Turns an open cursor to another range of the same half of the same tree without unlocking: for work on two ranges at
   once. Close flushes, releases and gives back for all of them. Answers as open does; on failure the cursor stays where
   it was. Tables acquired before stay until close, unless a coarse mark overwrites them. */
quire_status_t quire_cursor_reopen(quire_cursor_t *cursor, quire_va_t start, quire_va_t end,
                                   quire_cursor_mode_t mode) QUIRE_MUST_CHECK;

/* Flush, release, unlock. Tables left empty are given back (pinned ones stay). */
void quire_cursor_close(quire_cursor_t *cursor);

/* The extent that covers va, which lies in the cursor's range. Extents are whole: they may reach beyond the range. */
quire_extent_t quire_cursor_query(quire_cursor_t *cursor, quire_va_t va);

/* The page at va alone; a frame's number is the one of this page, also when the entry maps a large page. */
quire_page_t quire_cursor_page(quire_cursor_t *cursor, quire_va_t va);

/* How many pages of [start, end), within the range, are not EMPTY. */
size_t quire_cursor_taken(quire_cursor_t *cursor, quire_va_t start, quire_va_t end);

/* The same for all pages from va on, to `end` at most, that differ in payload, accessed and dirty bits alone: one
   coarse entry, or pages of one level-1 table. What differs is the first page's. `end` lies within the range. */
quire_extent_t quire_cursor_run(quire_cursor_t *cursor, quire_va_t va, quire_va_t end);

/* The highest run of `bytes` (whole pages, at least one) in [start, end), within the range, that is EMPTY and begins at
   a multiple of `alignment` (a power of two, at least a page). False: there is none. */
bool quire_cursor_find_empty(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, quire_va_t bytes,
                             quire_va_t alignment, quire_va_t *va);

/* Maps `frame` at va with a page of the given level (1 = 4 KiB); va and frame are aligned to it. The caller's reference
   to the frame passes to the tree; a frame that the PMM has not given out is a panic (with QUIRE_CHECKS), but for
   FOREIGN ones. The entry was not QUIRE_PAGE_MAPPED or QUIRE_PAGE_HIDDEN before. Level 1 needs POPULATE; a higher level
   needs EDGES, the range covering the page. QUIRE_EXISTS: something is mapped there. QUIRE_UNSUPPORTED: no page of that
   size in this format (nor in a root of which there are two), or a frame it cannot name. QUIRE_NO_MEMORY: a
   higher-level table was missing (level > 1 only). QUIRE_INVALID: no READ, WRITE or EXEC; USER in the kernel's half,
   GLOBAL below it; COPY_ON_WRITE with FOREIGN. */
quire_status_t quire_cursor_map(quire_cursor_t *cursor, quire_va_t va, unsigned level, quire_frame_t frame,
                                unsigned prot, unsigned flags) QUIRE_MUST_CHECK;

/* Joins what stands in the table under one entry of `level` into that entry, if all its entries are equal promises
   (RESERVED, GUARD, OBJECT), or map, or hide, consecutive frames with the same rights and attributes; EDGES, the range
   covering it. What any page is stays as it was; the frames of the PMM keep a reference each. Takes no memory.
   QUIRE_NOT_FOUND: they are nothing of the kind. QUIRE_EXISTS: it is one entry already. QUIRE_UNSUPPORTED: the first
   frame is not aligned to that size, or the entry cannot say that. */
quire_status_t quire_cursor_promote(quire_cursor_t *cursor, quire_va_t va, unsigned level) QUIRE_MUST_CHECK;

/* Sets [start, end), within the range, to a promise, as coarse as it fits (single pages after POPULATE); kind EMPTY is
   unmapping. Frames that were mapped or hidden there are released by close, after the flush. `page->kind` is EMPTY,
   RESERVED, GUARD or OBJECT. Returns how many 4 KiB pages were not EMPTY before. After EDGES, neither end may cut a
   coarse entry: open the cursor on the very range. The same holds for protect. */
size_t quire_cursor_mark(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, const quire_page_t *page);

/* Changes the protection of all that is not EMPTY in [start, end). A mapped page whose protection becomes NONE is
   HIDDEN; a hidden one that gets some is mapped again; copy-on-write pages stay read-only. Keys stay, but for pages
   that lose USER. */
void quire_cursor_protect(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned prot);

/* The same, and all of it gets the protection key `key`. QUIRE_INVALID: there is no such key. QUIRE_UNSUPPORTED: a key
   other than 0 for pages without USER, or in a format without keys. */
quire_status_t quire_cursor_protect_key(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned prot,
                                        unsigned key) QUIRE_MUST_CHECK;

/* Keeps all promises of [start, end), within the range: a RESERVED page with any right becomes MAPPED, with its rights,
   these flags, and the next frame of the chain. POPULATE; the chain is long enough. Returns how many frames it took. */
size_t quire_cursor_map_chain(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, unsigned flags,
                              quire_frame_t *chain);

/* What a promise becomes when it is kept is the same for all that say the same: a word of which only the frame is
   missing. Remembered, it spares a decoding, a judgement and an encoding for each page that is touched. All zeros: none
   is remembered. */
typedef struct quire_resolved {
    uint64_t promise; /* the word */
    uint64_t page;
} quire_resolved_t;

/* Of a cursor that is open on one page with POPULATE: what its promise becomes as `page`, whose payload is left out.
   Nothing is remembered if it is no RESERVED page, or `page` is not MAPPED. */
quire_resolved_t quire_cursor_resolves(const quire_cursor_t *cursor, const quire_page_t *page);

/* Whether the page that the cursor was opened on is promised in the very words of this promise. */
static inline bool quire_cursor_promises(const quire_cursor_t *cursor, const quire_resolved_t *resolved)
{
    return cursor->first == resolved->promise && cursor->first != 0;
}

/* Then, and if nothing was written there since: keeps the promise with this frame. */
void quire_cursor_fill(quire_cursor_t *cursor, const quire_resolved_t *resolved, quire_frame_t frame);

/* Moves what stands in [start, end), within the range, to where `to` begins: entries as they are, pages with their
   frames and all that the MMU has noted. EDGES, on the very range; `to` is of the same half of the tree, and does not
   overlap it. What the new place held is unmapped; the old one is EMPTY afterwards, or with `leave` the promises that
   its pages were made of. No large pages, nothing BUSY. QUIRE_NO_MEMORY, QUIRE_UNSUPPORTED as open does for the new
   place, whose ends it splits: nothing has moved then. */
quire_status_t quire_cursor_move(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, quire_va_t to,
                                 bool leave) QUIRE_MUST_CHECK;

/* Answers as query does, and clears of the entry's accessed and dirty bits those that `flags` names
   (QUIRE_PAGE_ACCESSED, QUIRE_PAGE_DIRTY), if it maps a page; in one step with what the MMU does. Not READ. A write
   after close sets a dirty bit that was cleared, whatever CPUs had kept. An access need not set the accessed bit until
   the translation has left the CPU's TLB, which nobody hastens (SDM volume 3, 4.10.4.3). */
quire_extent_t quire_cursor_harvest(quire_cursor_t *cursor, quire_va_t va, unsigned flags);

/* Takes the level-1 entry at va out of the tree (it becomes EMPTY) and returns it; the tree's reference passes to the
   caller, who must not release it before close. EMPTY when the entry is not at level 1. */
quire_page_t quire_cursor_take(quire_cursor_t *cursor, quire_va_t va);

/* Writes a level-1 entry whole; what stood there must be EMPTY, a promise, or the same frame (to change its flags).
   POPULATE; after EDGES, only where the query says level 1. Accessed and dirty bits of a page that was mapped are added
   to, never cleared (quire_cursor_harvest does that), whatever the MMU has set since the caller looked; to add some
   costs no flush. Returns the flags that the page has then. */
unsigned quire_cursor_put(quire_cursor_t *cursor, quire_va_t va, const quire_page_t *page);

#endif
