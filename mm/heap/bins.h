/* SPDX-License-Identifier: MIT */
/*
 * bins.h - the lists of free blocks, and the map that tells which are not empty.
 *
 * Each list is a ring through an element of heap->bins. So linking a block in writes to places that the heap knows and
 * follows no link; unlinking needs no case for the first or the last block; and no valid link is 0, so a freed block
 * that is cleared by its former owner is found out. A link is followed only after bin_links_are_sound(). The elements
 * are aligned as blocks are: half an element further on, a word of its neighbour could pass for an answering link.
 */
#ifndef QUIRE_HEAP_BINS_H
#define QUIRE_HEAP_BINS_H

#include "heap.h"

/* How many blocks of the wanted class itself are looked at before the source is asked. Blocks of higher classes all
   fit; those of the wanted one may. */
#define BIN_SEARCH_MOST 8

/* The ring of what is free in extents of one block (large.c). No bit of the map stands for it, so no search finds it.
 */
#define BIN_LARGE ((unsigned)QUIRE_HEAP_BINS)

/* The size class of a block: exact below 16 * QUIRE_HEAP_ALIGN, then eight to each power of two. */
static inline unsigned heap_bin(size_t bytes)
{
    unsigned long units = (unsigned long)(bytes / QUIRE_HEAP_ALIGN);
    unsigned shift = (unsigned)(QUIRE_HEAP_MAP_BITS - 4) - (unsigned)__builtin_clzl(units | 8);

    return 8 * shift + (unsigned)(units >> shift);
}

static inline bool bin_is_empty(const quire_heap_t *heap, unsigned bin)
{
    return heap->bins[bin].next == &heap->bins[bin];
}

/* The link is the heap's own part of a ring. */
static inline bool bin_link_is_own(const quire_heap_t *heap, const quire_heap_link_t *link)
{
    return (uintptr_t)link - (uintptr_t)heap->bins < sizeof(heap->bins);
}

/* A link may be followed: it leads to where a block can be, or to the heap's own part of a ring. */
static inline __attribute__((always_inline)) bool bin_link_is_near(const quire_heap_t *heap,
                                                                   const quire_heap_link_t *link, bool everywhere)
{
    return heap_has(heap, (uintptr_t)link - HEADER_BYTES, false) || bin_link_is_own(heap, link) ||
           (everywhere && heap_has(heap, (uintptr_t)link - HEADER_BYTES, true));
}

/* Both links of a free block lead to something that leads back to it. If they lead to the same, the block is alone in
   its ring. */
static inline __attribute__((always_inline)) bool bin_links_are_sound(const quire_heap_t *heap,
                                                                      const quire_heap_block_t *block, bool everywhere)
{
    const quire_heap_link_t *next = block->link.next;
    const quire_heap_link_t *previous = block->link.previous;

    return (((uintptr_t)next | (uintptr_t)previous) & (QUIRE_HEAP_ALIGN - 1)) == 0 &&
           bin_link_is_near(heap, next, everywhere) && bin_link_is_near(heap, previous, everywhere) &&
           (next != previous || bin_link_is_own(heap, next)) && next->previous == &block->link &&
           previous->next == &block->link;
}

static inline void bin_insert_at(quire_heap_t *heap, quire_heap_block_t *block, unsigned bin)
{
    quire_heap_link_t *ring = &heap->bins[bin];
    quire_heap_link_t *first = ring->next;

    block->link.next = first;
    block->link.previous = ring;
    ring->next = &block->link;
    heap->stats.free_blocks++;
    first->previous = &block->link;
    if (first == ring) {
        heap->bin_map[bin / QUIRE_HEAP_MAP_BITS] |= 1ul << bin % QUIRE_HEAP_MAP_BITS;
        heap->row_map |= 1ul << bin / QUIRE_HEAP_MAP_BITS;
    }
}

static inline void bin_insert(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes)
{
    bin_insert_at(heap, block, heap_bin(bytes));
}

/* What is free in an extent of one block. */
static inline void bin_insert_large(quire_heap_t *heap, quire_heap_block_t *block)
{
    quire_heap_link_t *ring = &heap->bins[BIN_LARGE];

    block->link.next = ring->next;
    block->link.previous = ring;
    ring->next->previous = &block->link;
    ring->next = &block->link;
    heap->stats.free_blocks++;
}

/* The new block takes the old one's place in its ring. */
static inline void bin_replace(const quire_heap_block_t *old, quire_heap_block_t *new)
{
    quire_heap_link_t *next = old->link.next;
    quire_heap_link_t *previous = old->link.previous;

    new->link.next = next;
    new->link.previous = previous;
    next->previous = &new->link;
    previous->next = &new->link;
}

/* When both neighbours in the ring are the same, they are the heap's own element: the list is empty now. The bit of
   BIN_LARGE is never set, and clearing it changes nothing. */
static inline void bin_remove(quire_heap_t *heap, quire_heap_block_t *block)
{
    quire_heap_link_t *next = block->link.next;
    quire_heap_link_t *previous = block->link.previous;

    next->previous = previous;
    previous->next = next;
    heap->stats.free_blocks--;
    if (next == previous) {
        unsigned bin = (unsigned)(next - heap->bins);
        unsigned row = bin / QUIRE_HEAP_MAP_BITS;

        heap->bin_map[row] &= ~(1ul << bin % QUIRE_HEAP_MAP_BITS);
        if (heap->bin_map[row] == 0)
            heap->row_map &= ~(1ul << row);
    }
}

/* The first block of the lowest class above *bin that has one; NULL if there is none. */
static inline quire_heap_block_t *bin_find_above(const quire_heap_t *heap, unsigned *bin)
{
    unsigned row = *bin / QUIRE_HEAP_MAP_BITS;
    unsigned long bits = heap->bin_map[row] & ~1ul << *bin % QUIRE_HEAP_MAP_BITS;

    if (bits == 0) {
        bits = heap->row_map & ~1ul << row;
        if (bits == 0)
            return NULL;
        row = (unsigned)__builtin_ctzl(bits);
        bits = heap->bin_map[row];
    }
    *bin = row * (unsigned)QUIRE_HEAP_MAP_BITS + (unsigned)__builtin_ctzl(bits);
    return block_of_payload(heap->bins[*bin].next);
}

/* Blocks of the wanted class behind the first, which was too small. Follows links only as far as they are sound. */
static inline quire_heap_block_t *bin_find_within(const quire_heap_t *heap, unsigned bin, size_t bytes)
{
    const quire_heap_link_t *ring = &heap->bins[bin];
    const quire_heap_link_t *link = ring->next;

    for (unsigned looked = 1; looked < BIN_SEARCH_MOST && link != ring; looked++) {
        quire_heap_block_t *block = block_of_payload(link);

        if (block_bytes(block) >= bytes)
            return block;
        if (!bin_links_are_sound(heap, block, true))
            return NULL;
        link = link->next;
    }
    return NULL;
}

/* A free block of at least `bytes`, and the class it is in; NULL: at most bin_find_within() finds one. */
static inline quire_heap_block_t *bin_find(const quire_heap_t *heap, size_t bytes, unsigned *bin)
{
    const quire_heap_link_t *ring;
    quire_heap_block_t *block;

    *bin = heap_bin(bytes);
    ring = &heap->bins[*bin];
    block = block_of_payload(ring->next);
    if (ring->next != ring && block_bytes(block) >= bytes)
        return block;
    return bin_find_above(heap, bin);
}

#endif
