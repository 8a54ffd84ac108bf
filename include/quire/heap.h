/* SPDX-License-Identifier: MIT */
/*
 * heap.h - memory of any size, by splitting and joining.
 *
 * Blocks carry boundary tags: each knows its size and whether its lower neighbour is free, so that both neighbours are
 * found and joined in constant time. Free blocks stand in doubly linked lists, one for each class of sizes. When no
 * block is large enough the heap asks its *source* for more; an extent that is wholly free again goes back to it. What
 * is larger than the growth step gets an extent of its own, so that a small block never keeps a large extent. The same
 * file serves a kernel's heap (source: the VMM), a process's (mmap) and a host's. Many heaps may exist; each has a lock
 * of its own.
 *
 * Misuse is found, not suffered: double free, foreign free, a header or a free block overwritten. It is reported
 * through the heap's `report` function with the address; the heap itself is left as it was. No address that is passed
 * in is read before it is known to be the heap's, so all of this holds when memory has gone back to the source. Only a
 * heap that was never initialised, or was moved, always panics: it has no report function that could be trusted.
 */
#ifndef QUIRE_HEAP_H
#define QUIRE_HEAP_H

#include <quire/port.h>
#include <quire/types.h>

#define QUIRE_HEAP_ALIGN (2 * sizeof(void *)) /* of every block: 16 on 64-bit, 8 on 32-bit */

/* Classes of sizes: eight for each power of two, up to half of the address space. */
#define QUIRE_HEAP_BINS      (sizeof(void *) == 8 ? 456 : 208)
#define QUIRE_HEAP_MAP_BITS  (8 * sizeof(unsigned long))
#define QUIRE_HEAP_MAP_WORDS ((QUIRE_HEAP_BINS + QUIRE_HEAP_MAP_BITS - 1) / QUIRE_HEAP_MAP_BITS)

/* Where a heap's memory comes from. `grow` gets at least `bytes` and answers with what it got, aligned to
   QUIRE_HEAP_ALIGN; `shrink` (NULL: never give back) takes back exactly one extent that grow gave. Both are called with
   the heap locked, and must not call the heap. Two extents may touch; blocks never reach from one into the other.

   Where there is a `shrink`, a block that is held keeps at most the growth step beside itself: a larger one has an
   extent to itself, which goes back with it. Such a block, made smaller by realloc, keeps the growth step or an eighth
   of its new size, whichever is more, and is moved to be made smaller still. */
typedef struct quire_heap_source {
    void *context;
    quire_status_t (*grow)(void *context, size_t bytes, void **memory, size_t *memory_bytes);
    void (*shrink)(void *context, void *memory, size_t bytes);
    size_t grow_bytes; /* the growth step, the least worth asking for; 0 = 64 KiB */
    size_t keep_bytes; /* wholly free extents are kept up to this sum, against thrashing; 0 = 16 * grow_bytes */
} quire_heap_source_t;

typedef struct quire_heap_stats {
    size_t source_bytes;   /* got from the source and not given back */
    size_t used_bytes;     /* in blocks handed out, headers included */
    size_t free_bytes;     /* in free blocks */
    size_t overhead_bytes; /* the extents' own headers and what their alignment loses: the rest of source_bytes */
    size_t used_blocks;
    size_t free_blocks;
    size_t extents;
    size_t largest_free_bytes;
    uint64_t allocs;
    uint64_t frees;
    uint64_t grows;
    uint64_t shrinks;
} quire_heap_stats_t;

/* Private to mm/heap. */
typedef struct quire_heap_block quire_heap_block_t;
typedef struct quire_heap_link {
    struct quire_heap_link *next;
    struct quire_heap_link *previous;
} quire_heap_link_t;
/* Memory that is the heap's without a hole: a block's header can be read anywhere in [low, low + span). */
typedef struct quire_heap_run {
    uintptr_t low;
    uintptr_t span; /* 0: none */
} quire_heap_run_t;
#define QUIRE_HEAP_RUNS 8

typedef struct quire_heap {
    quire_lock_t lock;
    quire_heap_source_t source;
    /* Called, unlocked, when misuse is found; NULL: quire_port_panic. Afterwards the call returns as if it had not been
     * made. */
    void (*report)(void *context, const char *what, const void *address);
    void *report_context;
    /* From here on private to mm/heap. */
    struct quire_heap *self; /* this heap: it was initialised, and not moved since */
    uintptr_t key;           /* mixed into the check word of each header */
    quire_heap_run_t runs[QUIRE_HEAP_RUNS];
    struct quire_heap_extent *extents; /* the root of a tree */
    size_t spare_bytes;                /* in extents that are one free block */
    unsigned long row_map;             /* bit r: word r of bin_map is not 0 */
    unsigned long bin_map[QUIRE_HEAP_MAP_WORDS];
    quire_heap_stats_t stats;
    /* Each a ring that begins and ends here: the heap must not be moved. The last is for what is free in extents of
       large blocks. */
    QUIRE_ALIGNED(QUIRE_HEAP_ALIGN) quire_heap_link_t bins[QUIRE_HEAP_BINS + 1];
} quire_heap_t;

/* An empty heap: nothing is asked of the source before the first allocation. */
void quire_heap_init(quire_heap_t *heap, const quire_heap_source_t *source);

/* Gives every extent back to the source; all blocks are void, and the heap is empty as after init. */
void quire_heap_destroy(quire_heap_t *heap);

/* Gives every wholly free extent back to the source, also those that were kept against thrashing. */
void quire_heap_trim(quire_heap_t *heap);

void quire_heap_free(quire_heap_t *heap, void *block); /* NULL is fine */

/* At least `bytes`, aligned to QUIRE_HEAP_ALIGN, content undefined; NULL when the source has no more or bytes is
 * absurd. 0 bytes gives a unique block. */
void *quire_heap_alloc(quire_heap_t *heap, size_t bytes) __attribute__((malloc, warn_unused_result));
/* count * bytes, zeroed; NULL also when the product overflows. */
void *quire_heap_alloc_zeroed(quire_heap_t *heap, size_t count, size_t bytes)
    __attribute__((malloc, warn_unused_result));
/* align: a power of two; NULL if it is not. */
void *quire_heap_alloc_aligned(quire_heap_t *heap, size_t align, size_t bytes)
    __attribute__((malloc, warn_unused_result));
/* Grows or shrinks in place where the neighbours allow it, moves otherwise. NULL: no room, the old block stands. block
 * NULL: an allocation. bytes 0: the smallest block. */
void *quire_heap_realloc(quire_heap_t *heap, void *block, size_t bytes) QUIRE_MUST_CHECK;

/* Bytes that may be used in a block: at least what was asked. */
size_t quire_heap_usable_bytes(quire_heap_t *heap, const void *block);

void quire_heap_stats(quire_heap_t *heap, quire_heap_stats_t *stats);

/* Calls visit for every block in address order of each extent; stops when it returns false. The heap is locked
 * meanwhile. */
typedef bool (*quire_heap_visit_t)(void *context, const void *block, size_t bytes, bool used);
void quire_heap_walk(quire_heap_t *heap, quire_heap_visit_t visit, void *context);

/* Walks every extent, block and list. QUIRE_CORRUPT: a tag, a link or a count is wrong; the address is reported. */
quire_status_t quire_heap_check(quire_heap_t *heap) QUIRE_MUST_CHECK;

#endif
