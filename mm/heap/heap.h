/* SPDX-License-Identifier: MIT */
/*
 * heap.h - a block as it lies in memory, and what the files of mm/heap share. Nobody else includes it.
 *
 * Layout of an extent:   [extent header][block][block]...[block]
 * Layout of a block:     [tag][check][payload or, while free, two links ...]
 *
 * The tag is the block's size, a multiple of QUIRE_HEAP_ALIGN, with flags in bits that a size never has. The check word
 * is the exclusive or of the block's address, its tag, the heap's key, and the size of its lower neighbour if that one
 * is free. So it does two things at once: it is the boundary tag by which the lower neighbour is found, and it proves
 * that the header is one of this heap's, at this address, and has not been written over. A flag can be changed by the
 * same exclusive or in both words: a damaged header stays damaged, it is never made good by accident.
 *
 * The last block of an extent says so in its tag. An end mark behind it would cost each extent the first touch of one
 * page more.
 *
 * No address is read before it is known to be the heap's: see heap_has().
 */
#ifndef QUIRE_HEAP_PRIVATE_H
#define QUIRE_HEAP_PRIVATE_H

#include <quire/event.h>
#include <quire/heap.h>

struct quire_heap_block {
    size_t tag;
    size_t check;
    quire_heap_link_t link; /* only while free */
};

/* A node of the tree in range.c. */
typedef struct quire_heap_extent {
    struct quire_heap_extent *lower; /* all below this extent */
    struct quire_heap_extent *upper; /* all above it */
    size_t bytes;                    /* as the source gave them */
    uintptr_t check;                 /* extent_seal(), or that of an extent of one block */
} quire_heap_extent_t;

#define HEADER_BYTES offsetof(quire_heap_block_t, link)
#define LEAST_BYTES  sizeof(quire_heap_block_t)
#define EXTENT_BYTES sizeof(quire_heap_extent_t)

#define TAG_USED       ((size_t)1)
#define TAG_LOWER_FREE ((size_t)2)
#define TAG_LAST       ((size_t)4)        /* no block above it in its extent */
#define TAG_FIRST      (~(SIZE_MAX >> 1)) /* no block below it in its extent */
#define TAG_SIZE       ((SIZE_MAX >> 1) & ~(size_t)7)
#define TAG_EDGES      (TAG_FIRST | TAG_LAST)

#define MOST_BYTES (TAG_SIZE & ~(QUIRE_HEAP_ALIGN - 1)) /* of a block */

_Static_assert(HEADER_BYTES == QUIRE_HEAP_ALIGN, "a payload is aligned when its block is");
_Static_assert(EXTENT_BYTES % QUIRE_HEAP_ALIGN == 0, "the first block is aligned when its extent is");
_Static_assert(LEAST_BYTES % QUIRE_HEAP_ALIGN == 0, "the least block is a size");

/* What was found wrong, and where; `what` is NULL if nothing was. */
typedef struct quire_heap_fault {
    const char *what;
    const void *address;
} quire_heap_fault_t;

/* The neighbours of a block that are free, or NULL. */
typedef struct quire_heap_neighbours {
    quire_heap_block_t *lower;
    quire_heap_block_t *upper;
} quire_heap_neighbours_t;

static inline size_t block_bytes(const quire_heap_block_t *block)
{
    return block->tag & TAG_SIZE;
}

static inline quire_heap_block_t *block_at(const void *base, size_t offset)
{
    return (quire_heap_block_t *)((uintptr_t)base + offset);
}

static inline quire_heap_block_t *block_above(const quire_heap_block_t *block)
{
    return block_at(block, block_bytes(block));
}

static inline void *block_payload(quire_heap_block_t *block)
{
    return (char *)block + HEADER_BYTES;
}

static inline quire_heap_block_t *block_of_payload(const void *payload)
{
    return (quire_heap_block_t *)((uintptr_t)payload - HEADER_BYTES);
}

/* Writes both words of a header; lower_bytes: the size of the lower neighbour if it is free, otherwise 0. */
static inline void block_set(const quire_heap_t *heap, quire_heap_block_t *block, size_t tag, size_t lower_bytes)
{
    block->tag = tag;
    block->check = (uintptr_t)block ^ tag ^ heap->key ^ lower_bytes;
}

/* What the check word says of the lower neighbour: its size if it is free, 0 if it is not. Nonsense if damaged. */
static inline size_t block_lower_bytes(const quire_heap_t *heap, const quire_heap_block_t *block)
{
    return block->check ^ (uintptr_t)block ^ block->tag ^ heap->key;
}

static inline bool block_is_sound(const quire_heap_t *heap, const quire_heap_block_t *block)
{
    size_t lower_bytes = block_lower_bytes(heap, block);

    if ((block->tag & TAG_LOWER_FREE) == 0)
        return lower_bytes == 0;
    return lower_bytes != 0 && (lower_bytes & (QUIRE_HEAP_ALIGN - 1)) == 0;
}

static inline bool block_is_free(const quire_heap_t *heap, const quire_heap_block_t *block)
{
    return (block->tag & (TAG_USED | TAG_LOWER_FREE)) == 0 && block_lower_bytes(heap, block) == 0;
}

/* range.c. A block's header at this address lies in memory that is the heap's. */
bool quire_heap_range_covers(const quire_heap_t *heap, uintptr_t address);

/* A block's header at this address may be read. On the short way only the first run is looked at: a "no" there means
   that the long way has to find out, everywhere. */
static inline __attribute__((always_inline)) bool heap_has(const quire_heap_t *heap, uintptr_t address, bool everywhere)
{
    return address - heap->runs[0].low < heap->runs[0].span || (everywhere && quire_heap_range_covers(heap, address));
}

/* The address may be looked at: it is aligned, and memory of the heap's. */
static inline __attribute__((always_inline)) bool block_is_near(const quire_heap_t *heap, const void *block,
                                                                bool everywhere)
{
    return ((uintptr_t)block & (QUIRE_HEAP_ALIGN - 1)) == 0 && heap_has(heap, (uintptr_t)block, everywhere);
}

static inline bool block_is_extent(size_t tag)
{
    return (tag & TAG_EDGES) == TAG_EDGES;
}

static inline quire_heap_extent_t *extent_of_first(const quire_heap_block_t *block)
{
    return (quire_heap_extent_t *)((uintptr_t)block - EXTENT_BYTES);
}

static inline quire_heap_block_t *extent_first(const quire_heap_extent_t *extent)
{
    return block_at(extent, EXTENT_BYTES);
}

/* Bytes of an extent that blocks can use. */
static inline size_t extent_usable_bytes(size_t bytes)
{
    size_t usable = (bytes - EXTENT_BYTES) & ~(QUIRE_HEAP_ALIGN - 1);

    return usable < MOST_BYTES ? usable : MOST_BYTES;
}

/* Large: an extent of its own, which goes back with it. Where nothing goes back, nothing is large. A growth step of
   less than a page is none: sources give pages. */
static inline size_t heap_step_bytes(const quire_heap_t *heap)
{
    size_t step = heap->source.grow_bytes != 0 ? heap->source.grow_bytes : (size_t)64 * 1024;

    return step < QUIRE_PAGE_BYTES ? QUIRE_PAGE_BYTES : step;
}

static inline bool heap_is_large(const quire_heap_t *heap, size_t block_bytes)
{
    return heap->source.shrink != NULL && block_bytes + EXTENT_BYTES > heap_step_bytes(heap);
}

/* Events are told from functions that are not inlined, so that what is hot stays small. */
static inline bool heap_events_wanted(void)
{
#if QUIRE_EVENTS
    return __builtin_expect(quire_event_enabled, 0);
#else
    return false;
#endif
}

static inline bool heap_fault(quire_heap_fault_t *fault, const char *what, const void *address)
{
    *fault = (quire_heap_fault_t){what, address};
    return false;
}

/* heap.c */

_Noreturn __attribute__((cold)) void quire_heap_is_not_ready(const quire_heap_t *heap);

/* The heap was initialised here. Asked before its lock is taken, which may be rubbish, too. */
static inline void heap_must_be_ready(const quire_heap_t *heap)
{
    if (__builtin_expect(heap->self != heap, 0))
        quire_heap_is_not_ready(heap);
}

/* Tells of a fault, if there is one. The heap is not locked. */
void quire_heap_report(quire_heap_t *heap, const quire_heap_fault_t *fault);

/* bins.c. All with the heap locked. */

/* A used block, from the lists or the source; NULL: fault->what is set, or is NULL and there is no memory. */
quire_heap_block_t *quire_heap_list_take(quire_heap_t *heap, size_t bytes, quire_heap_fault_t *fault);
/* Likewise, its payload aligned to a power of two. */
quire_heap_block_t *quire_heap_list_take_aligned(quire_heap_t *heap, size_t bytes, size_t align,
                                                 quire_heap_fault_t *fault);
/* Frees a used block. False: *fault is set and nothing has changed. */
bool quire_heap_list_release(quire_heap_t *heap, quire_heap_block_t *block, quire_heap_fault_t *fault);
/* The block may be freed or resized: its header, its neighbours' and their links are in order. */
bool quire_heap_list_examine(const quire_heap_t *heap, const quire_heap_block_t *block,
                             quire_heap_neighbours_t *neighbours, quire_heap_fault_t *fault);
/* Makes [block, block + whole) a used block of `bytes` and a free rest, if that is large enough to be one. `tag` has
   its flags, and lower_bytes the size of a free lower neighbour. The block above, if there is one, records a free lower
   neighbour of recorded_bytes until now. Returns the size it really got. */
size_t quire_heap_list_cut(quire_heap_t *heap, quire_heap_block_t *block, size_t whole, size_t bytes, size_t tag,
                           size_t lower_bytes, size_t recorded_bytes);

/* diagnose.c. What is wrong with a block that may not be freed or resized: always false. */
bool quire_heap_diagnose(const quire_heap_t *heap, const quire_heap_block_t *block, quire_heap_fault_t *fault);

/* large.c */

/* A used block in an extent of its own, its payload aligned. NULL: as quire_heap_list_take(). */
quire_heap_block_t *quire_heap_large_take(quire_heap_t *heap, size_t bytes, size_t align, quire_heap_fault_t *fault);
/* The extent of which this used block is all that is used, if it is one of one block. False: it is damaged. */
bool quire_heap_large_extent(const quire_heap_t *heap, const quire_heap_block_t *block,
                             const quire_heap_neighbours_t *neighbours, quire_heap_extent_t **extent,
                             quire_heap_fault_t *fault);
/* The least distance from the block's start at which a block with an aligned payload can begin: 0, or enough for a
   free block of its own. */
size_t quire_heap_aligning_gap(const quire_heap_block_t *block, size_t align);

/* resize.c */

/* Resizes in place, by the upper neighbour. *done tells whether it could. False: *fault is set. */
bool quire_heap_list_resize(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes, bool *done,
                            quire_heap_fault_t *fault);
/* Resizes by moving down into a free lower neighbour as well; the new block, or NULL if that is not enough. */
quire_heap_block_t *quire_heap_list_slide(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes,
                                          quire_heap_fault_t *fault);

/* extent.c */

/* Gets an extent with a free block of at least `bytes`, and files it. `large`: for one block. NULL: fault->what is set,
   or is NULL and the source has no more. */
quire_heap_block_t *quire_heap_extent_grow(quire_heap_t *heap, size_t bytes, bool large, quire_heap_fault_t *fault);
/* An extent that will be one free block may be filed: nothing that it touches is damaged. */
bool quire_heap_extent_may_file(const quire_heap_t *heap, const quire_heap_extent_t *extent, quire_heap_fault_t *fault);
/* An extent that became one free block, which is in no list: it is filed, or goes back if there is too much of that. */
void quire_heap_extent_file(quire_heap_t *heap, quire_heap_extent_t *extent);
/* Gives an extent back whose one block is in no list. It may leave (range.c). */
void quire_heap_extent_shrink(quire_heap_t *heap, quire_heap_extent_t *extent);
/* Gives back all extents that are wholly free; how many. */
size_t quire_heap_extent_trim(quire_heap_t *heap);

/* range.c: which memory is the heap's. */

bool quire_heap_extent_is_sound(const quire_heap_t *heap, const quire_heap_extent_t *extent);
/* The extent holds one block. It is sound. */
bool quire_heap_extent_is_large(const quire_heap_t *heap, const quire_heap_extent_t *extent);
/* Adds an extent whose bytes are set. False: *fault is set and nothing has changed. */
bool quire_heap_range_add(quire_heap_t *heap, quire_heap_extent_t *extent, bool large, quire_heap_fault_t *fault);
/* Nothing that removing the extent touches is damaged. */
bool quire_heap_range_may_remove(const quire_heap_t *heap, const quire_heap_extent_t *extent,
                                 quire_heap_fault_t *fault);
void quire_heap_range_remove(quire_heap_t *heap, quire_heap_extent_t *extent);
/* The extent that holds this address, or the lowest above it; NULL: there is none, or fault->what is set. */
quire_heap_extent_t *quire_heap_range_find(const quire_heap_t *heap, uintptr_t address, quire_heap_fault_t *fault);
quire_heap_extent_t *quire_heap_range_next(const quire_heap_t *heap, uintptr_t address, quire_heap_fault_t *fault);
/* The run with this address is the one that the short way knows. */
void quire_heap_range_favour(quire_heap_t *heap, uintptr_t address);

#endif
