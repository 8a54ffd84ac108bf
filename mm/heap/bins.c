/* SPDX-License-Identifier: MIT */
/*
 * bins.c - the free lists: taking blocks from them by splitting, giving blocks back by coalescing.
 *
 * Problem: hand out memory of any size, take it back in any order, and neither search long nor crumble the memory.
 * Idea: free blocks stand in doubly linked lists (bins.h), one for each class of sizes, eight classes to each power of
 * two (after Masmano, Ripoll, Crespo and Real, "TLSF: a new dynamic memory allocator for real-time systems", 2004). A
 * bitmap of lists that are not empty, and a word over it, make the search two bit scans. A block that is freed is
 * coalesced with a free neighbour on either side at once, found by the boundary tags (Knuth, volume 1, 2.5).
 *
 * Bound: taking and giving look at no more than BIN_SEARCH_MOST + 4 blocks, whatever the number of blocks.
 *
 * Invariants, with the heap unlocked:
 *   - no two free blocks are neighbours, so the lower neighbour of a free block is used or absent;
 *   - a block has TAG_LOWER_FREE exactly if its lower neighbour is free;
 *   - a free block is in the list of its class; a list's bit is set exactly if the list is not empty.
 *
 * Every word that is about to be followed or changed is examined before anything is changed. So damage is reported and
 * does not spread: the call fails and the heap is as it was, damage included.
 *
 * Rejected: lists in order of address (less crumbling, but a walk on each free); best fit by a tree (O(log n), and
 * two words more in the least block); coalescing later (less often, but then a check of the heap cannot say that
 * two free neighbours are wrong, and the work comes all at once).
 */
#include "bins.h"
#include "heap.h"

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

/* For what is on the short way through take and give. Those two call nothing, so they save no registers; everything
   unusual is left to a function in their place. */
#define SHORT_WAY static inline __attribute__((always_inline))
#define LONG_WAY  static __attribute__((noinline, cold))

static const char written_after_free[] = "a free block was written to after it was freed";

SHORT_WAY bool is_sound_free(const quire_heap_t *heap, const quire_heap_block_t *block, bool everywhere)
{
    return block_is_free(heap, block) && bin_links_are_sound(heap, block, everywhere);
}

/* The lower neighbour of a block changes between used (0) and free (its size). */
SHORT_WAY void tell_above(quire_heap_block_t *above, size_t before, size_t after)
{
    size_t flag = (before == 0) != (after == 0) ? TAG_LOWER_FREE : 0;

    above->tag ^= flag;
    above->check ^= flag ^ before ^ after;
}

size_t quire_heap_list_cut(quire_heap_t *heap, quire_heap_block_t *block, size_t whole, size_t bytes, size_t tag,
                           size_t lower_bytes, size_t recorded_bytes)
{
    size_t rest = whole - bytes;
    bool last = (tag & TAG_LAST) != 0;

    if (rest < LEAST_BYTES) {
        if (!last)
            tell_above(block_at(block, whole), recorded_bytes, 0);
        block_set(heap, block, whole | tag | TAG_USED, lower_bytes);
        return whole;
    }
    if (!last)
        tell_above(block_at(block, whole), recorded_bytes, rest);
    block_set(heap, block_at(block, bytes), rest | (tag & TAG_LAST), 0);
    bin_insert(heap, block_at(block, bytes), rest);
    block_set(heap, block, bytes | (tag & ~TAG_LAST) | TAG_USED, lower_bytes);
    quire_event(.kind = QUIRE_EVENT_HEAP_SPLIT, .address = (uintptr_t)block_payload(block), .bytes = bytes,
                .detail = rest);
    return bytes;
}

/* Makes the start of a free block, found in class `bin`, a used one. The rest stays in the list if it is in the same
   class. */
SHORT_WAY quire_heap_block_t *split(quire_heap_t *heap, quire_heap_block_t *block, unsigned bin, size_t bytes)
{
    size_t whole = block_bytes(block);
    size_t tag = block->tag & TAG_EDGES;
    size_t rest = whole - bytes;
    unsigned rest_bin = heap_bin(rest);

    if (rest < LEAST_BYTES) {
        bin_remove(heap, block);
        bytes = whole;
        rest = 0;
    } else if (rest_bin == bin) {
        bin_replace(block, block_at(block, bytes));
    } else {
        bin_remove(heap, block);
        bin_insert_at(heap, block_at(block, bytes), rest_bin);
    }
    heap->stats.allocs++;
    heap->stats.used_bytes += bytes;
    if (!LIKELY(!block_is_extent(tag)))
        heap->spare_bytes -= whole;
    if ((tag & TAG_LAST) == 0)
        tell_above(block_at(block, whole), whole, rest);
    if (rest != 0) {
        block_set(heap, block_at(block, bytes), rest | (tag & TAG_LAST), 0);
        tag &= ~TAG_LAST;
    }
    block_set(heap, block, bytes | tag | TAG_USED, 0);
    return block;
}

static void split_and_report(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes)
{
    size_t whole = block_bytes(block);

    split(heap, block, heap_bin(whole), bytes);
    if (whole - bytes >= LEAST_BYTES)
        quire_event(.kind = QUIRE_EVENT_HEAP_SPLIT, .address = (uintptr_t)block_payload(block), .bytes = bytes,
                    .detail = whole - bytes);
}

/* Sees to it that there is a free block of at least `bytes`, and that it is sound: the one that was found, or a new one
   from the source. NULL: fault->what is set, or is NULL and there is no memory. */
LONG_WAY quire_heap_block_t *obtain(quire_heap_t *heap, quire_heap_block_t *found, size_t bytes,
                                    quire_heap_fault_t *fault)
{
    if (found == NULL)
        found = bin_find_within(heap, heap_bin(bytes), bytes);
    quire_event(.kind = QUIRE_EVENT_HEAP_SEARCH, .address = found != NULL ? (uintptr_t)block_payload(found) : 0,
                .bytes = bytes, .detail = found != NULL ? block_bytes(found) : 0);
    if (found == NULL)
        return quire_heap_extent_grow(heap, bytes, false, fault);
    if (is_sound_free(heap, found, true))
        return found;
    heap_fault(fault, written_after_free, block_payload(found));
    return NULL;
}

/* No free block will do, or the one that was found is damaged or in a run that is not the first, or events are
   wanted. */
LONG_WAY quire_heap_block_t *take_slowly(quire_heap_t *heap, quire_heap_block_t *found, size_t bytes,
                                         quire_heap_fault_t *fault)
{
    quire_heap_block_t *block;

    fault->what = NULL;
    if (found == NULL && heap_is_large(heap, bytes)) {
        quire_event(.kind = QUIRE_EVENT_HEAP_SEARCH, .bytes = bytes);
        return quire_heap_large_take(heap, bytes, 1, fault);
    }
    block = obtain(heap, found, bytes, fault);
    if (block == NULL)
        return NULL;
    split_and_report(heap, block, bytes);
    quire_heap_range_favour(heap, (uintptr_t)block);
    return block;
}

quire_heap_block_t *quire_heap_list_take(quire_heap_t *heap, size_t bytes, quire_heap_fault_t *fault)
{
    unsigned bin;
    quire_heap_block_t *block = bin_find(heap, bytes, &bin);

    if (LIKELY(block != NULL && is_sound_free(heap, block, false) && !heap_events_wanted()))
        return split(heap, block, bin, bytes);
    return take_slowly(heap, block, bytes, fault);
}

/* Takes a block that is large enough wherever the alignment falls, and cuts it at both ends. */
quire_heap_block_t *quire_heap_list_take_aligned(quire_heap_t *heap, size_t bytes, size_t align,
                                                 quire_heap_fault_t *fault)
{
    size_t wanted = bytes + align + LEAST_BYTES;
    quire_heap_block_t *block;
    unsigned bin;
    size_t whole;
    size_t gap;
    size_t tag;

    fault->what = NULL;
    if (heap_is_large(heap, wanted))
        return quire_heap_large_take(heap, bytes, align, fault);
    block = obtain(heap, bin_find(heap, wanted, &bin), wanted, fault);
    if (block == NULL)
        return NULL;
    whole = block_bytes(block);
    tag = block->tag & TAG_EDGES;
    gap = quire_heap_aligning_gap(block, align);
    bin_remove(heap, block);
    if (block_is_extent(tag))
        heap->spare_bytes -= whole;
    if (gap != 0) {
        block_set(heap, block, gap | (tag & TAG_FIRST), 0);
        bin_insert(heap, block, gap);
        tag = (tag & TAG_LAST) | TAG_LOWER_FREE;
        block = block_at(block, gap);
    }
    heap->stats.allocs++;
    heap->stats.used_bytes += quire_heap_list_cut(heap, block, whole - gap, bytes, tag, gap, whole);
    return block;
}

/* Whether the block and what it touches are in order, and which neighbours are free. */
SHORT_WAY bool look(const quire_heap_t *heap, const quire_heap_block_t *block, quire_heap_neighbours_t *neighbours,
                    bool everywhere)
{
    quire_heap_block_t *lower = NULL;
    quire_heap_block_t *upper = NULL;

    if (!block_is_near(heap, block, everywhere) || !block_is_sound(heap, block) || (block->tag & TAG_USED) == 0)
        return false;
    if ((block->tag & TAG_LOWER_FREE) != 0) {
        lower = block_at(block, 0 - block_lower_bytes(heap, block));
        if (!block_is_near(heap, lower, everywhere) || block_above(lower) != block ||
            !is_sound_free(heap, lower, everywhere))
            return false;
    }
    if ((block->tag & TAG_LAST) == 0) {
        upper = block_above(block);
        if ((upper->tag & TAG_USED) != 0) {
            if (!block_is_sound(heap, upper) || (upper->tag & TAG_LOWER_FREE) != 0)
                return false;
            upper = NULL;
        } else if (!is_sound_free(heap, upper, everywhere)) {
            return false;
        }
    }
    neighbours->lower = lower;
    neighbours->upper = upper;
    return true;
}

bool quire_heap_list_examine(const quire_heap_t *heap, const quire_heap_block_t *block,
                             quire_heap_neighbours_t *neighbours, quire_heap_fault_t *fault)
{
    return look(heap, block, neighbours, true) || quire_heap_diagnose(heap, block, fault);
}

/* Puts the coalesced block in its list. A neighbour that is there already, in the right class, makes room for it. */
SHORT_WAY void file(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes,
                    const quire_heap_neighbours_t *neighbours)
{
    unsigned bin = heap_bin(bytes);
    quire_heap_block_t *upper = neighbours->upper;

    if (neighbours->lower != NULL) {
        if (upper != NULL)
            bin_remove(heap, upper);
        if (heap_bin(block_bytes(block)) == bin)
            return;
        bin_remove(heap, block);
    } else if (upper != NULL) {
        if (heap_bin(block_bytes(upper)) == bin) {
            bin_replace(upper, block);
            return;
        }
        bin_remove(heap, upper);
    }
    bin_insert_at(heap, block, bin);
}

/* Joins a block with its free neighbours and files the result, which it returns. The header of a block that is
   swallowed stays behind as that of a free block: freeing it again is then told from freeing an address that was never
   given. */
SHORT_WAY quire_heap_block_t *coalesce(quire_heap_t *heap, quire_heap_block_t *block,
                                       const quire_heap_neighbours_t *neighbours)
{
    size_t tag = block->tag & TAG_EDGES;
    size_t bytes = block_bytes(block);
    size_t recorded = 0;

    heap->stats.frees++;
    heap->stats.used_bytes -= bytes;
    if (neighbours->upper != NULL) {
        recorded = block_bytes(neighbours->upper);
        tag |= neighbours->upper->tag & TAG_LAST;
    }
    if (neighbours->lower != NULL) {
        block_set(heap, block, bytes, 0);
        block = neighbours->lower;
        tag |= block->tag & TAG_FIRST;
        bytes += block_bytes(block);
    }
    bytes += recorded;
    if ((tag & TAG_LAST) == 0)
        tell_above(block_at(block, bytes), recorded, bytes);
    if (LIKELY(!block_is_extent(tag))) {
        file(heap, block, bytes, neighbours);
    } else {
        if (neighbours->upper != NULL)
            bin_remove(heap, neighbours->upper);
        if (neighbours->lower != NULL)
            bin_remove(heap, block);
    }
    block_set(heap, block, bytes | tag, 0);
    return block;
}

/* Freeing the block leaves its extent wholly free. */
SHORT_WAY bool frees_extent(const quire_heap_block_t *block, const quire_heap_neighbours_t *neighbours)
{
    const quire_heap_block_t *lowest = neighbours->lower != NULL ? neighbours->lower : block;
    const quire_heap_block_t *highest = neighbours->upper != NULL ? neighbours->upper : block;

    return (highest->tag & TAG_LAST) != 0 && (lowest->tag & TAG_FIRST) != 0;
}

/* The block may be freed: what look() wants is so. Its extent becomes wholly free, or events are wanted, or it is in a
   run that is not the first. */
LONG_WAY bool release_examined(quire_heap_t *heap, quire_heap_block_t *block, quire_heap_neighbours_t neighbours,
                               quire_heap_fault_t *fault)
{
    if (frees_extent(block, &neighbours) &&
        !quire_heap_extent_may_file(heap, extent_of_first(neighbours.lower != NULL ? neighbours.lower : block), fault))
        return false;
    quire_event(.kind = QUIRE_EVENT_HEAP_FREE, .address = (uintptr_t)block_payload(block), .bytes = block_bytes(block));
    block = coalesce(heap, block, &neighbours);
    if (neighbours.lower != NULL || neighbours.upper != NULL)
        quire_event(.kind = QUIRE_EVENT_HEAP_JOIN, .address = (uintptr_t)block_payload(block),
                    .bytes = block_bytes(block));
    if (block_is_extent(block->tag))
        quire_heap_extent_file(heap, extent_of_first(block));
    else
        quire_heap_range_favour(heap, (uintptr_t)block);
    return true;
}

/* Something is damaged, or the block is in a run that is not the first. */
LONG_WAY bool release_slowly(quire_heap_t *heap, quire_heap_block_t *block, quire_heap_fault_t *fault)
{
    quire_heap_neighbours_t neighbours;

    return quire_heap_list_examine(heap, block, &neighbours, fault) && release_examined(heap, block, neighbours, fault);
}

bool quire_heap_list_release(quire_heap_t *heap, quire_heap_block_t *block, quire_heap_fault_t *fault)
{
    quire_heap_neighbours_t neighbours;

    if (!LIKELY(look(heap, block, &neighbours, false)))
        return release_slowly(heap, block, fault);
    if (!LIKELY(!frees_extent(block, &neighbours) && !heap_events_wanted()))
        return release_examined(heap, block, neighbours, fault);
    coalesce(heap, block, &neighbours);
    return true;
}
