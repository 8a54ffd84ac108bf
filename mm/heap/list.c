/* SPDX-License-Identifier: MIT */
/*
 * list.c - the free lists: taking blocks from them by splitting, giving blocks back by joining.
 *
 * Problem: hand out memory of any size, take it back in any order, and neither search long nor crumble the memory.
 * Idea: free blocks stand in doubly linked lists (bins.h), one for each class of sizes, eight classes to each power of
 * two (after Masmano, Ripoll, Crespo and Real, "TLSF: a new dynamic memory allocator for real-time systems", 2004). A
 * bitmap of lists that are not empty, and a word over it, make the search two bit scans. A block that is freed is
 * joined with a free neighbour on either side at once, found by the boundary tags (Knuth, volume 1, 2.5).
 *
 * Bound: taking and giving look at no more than SEARCH_MOST + 4 blocks, whatever the number of blocks.
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
 * two words more in the least block); joining later (fewer joins, but then a check of the heap cannot say that two free
 * neighbours are wrong, and the work comes all at once).
 */
#include "bins.h"
#include "inside.h"

/* How many blocks of the wanted class itself are looked at before the source is asked. Blocks of higher classes all
   fit; those of the wanted one may. */
#define SEARCH_MOST 8

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

static const char written_after_free[] = "a free block was written to after it was freed";

/* The first block of the lowest class above `bin` that has one; NULL if there is none. */
static inline quire_heap_block_t *find_above(const quire_heap_t *heap, unsigned bin)
{
    unsigned row = bin / QUIRE_HEAP_MAP_BITS;
    unsigned long bits = heap->bin_map[row] & ~1ul << bin % QUIRE_HEAP_MAP_BITS;

    if (bits == 0) {
        bits = heap->row_map & ~1ul << row;
        if (bits == 0)
            return NULL;
        row = (unsigned)__builtin_ctzl(bits);
        bits = heap->bin_map[row];
    }
    return block_of_payload(heap->bins[row * QUIRE_HEAP_MAP_BITS + (unsigned)__builtin_ctzl(bits)].next);
}

/* Blocks of the wanted class behind the first, which was too small. Follows links only as far as they are sound. */
static quire_heap_block_t *find_within(const quire_heap_t *heap, unsigned bin, size_t bytes)
{
    const quire_heap_link_t *ring = &heap->bins[bin];
    const quire_heap_link_t *link = ring->next;

    for (unsigned looked = 1; looked < SEARCH_MOST && link != ring; looked++) {
        quire_heap_block_t *block = block_of_payload(link);

        if (block_bytes(block) >= bytes)
            return block;
        if (!bin_links_are_sound(heap, block))
            return NULL;
        link = link->next;
    }
    return NULL;
}

static inline quire_heap_block_t *find(const quire_heap_t *heap, size_t bytes)
{
    unsigned bin = heap_bin(bytes);
    const quire_heap_link_t *ring = &heap->bins[bin];
    quire_heap_block_t *block = block_of_payload(ring->next);

    if (ring->next != ring && block_bytes(block) >= bytes)
        return block;
    block = find_above(heap, bin);
    return LIKELY(block != NULL) ? block : find_within(heap, bin, bytes);
}

/* A free block of at least `bytes`, sound, still in its list; NULL: there is no memory, or fault->what is set. */
static inline quire_heap_block_t *obtain(quire_heap_t *heap, size_t bytes, quire_heap_fault_t *fault)
{
    quire_heap_block_t *block = find(heap, bytes);

    quire_event(.kind = QUIRE_EVENT_HEAP_SEARCH, .address = block != NULL ? (uintptr_t)block_payload(block) : 0,
                .bytes = bytes, .detail = block != NULL ? block_bytes(block) : 0);
    if (block == NULL) {
        fault->what = NULL;
        return quire_heap_extent_grow(heap, bytes);
    }
    if (LIKELY(block_is_free(heap, block) && bin_links_are_sound(heap, block)))
        return block;
    heap_fault(fault, written_after_free, block_payload(block));
    return NULL;
}

/* The lower neighbour of a block changes between used (0) and free (its size). */
static inline void tell_above(quire_heap_block_t *above, size_t before, size_t after)
{
    size_t flag = (before == 0) != (after == 0) ? TAG_LOWER_FREE : 0;

    above->tag ^= flag;
    above->check ^= flag ^ before ^ after;
}

static inline size_t cut(quire_heap_t *heap, quire_heap_block_t *block, size_t whole, size_t bytes, size_t tag,
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

size_t quire_heap_list_cut(quire_heap_t *heap, quire_heap_block_t *block, size_t whole, size_t bytes, size_t tag,
                           size_t lower_bytes, size_t recorded_bytes)
{
    return cut(heap, block, whole, bytes, tag, lower_bytes, recorded_bytes);
}

quire_heap_block_t *quire_heap_list_take(quire_heap_t *heap, size_t bytes, quire_heap_fault_t *fault)
{
    quire_heap_block_t *block = obtain(heap, bytes, fault);
    size_t whole;
    size_t tag;

    if (block == NULL)
        return NULL;
    whole = block_bytes(block);
    tag = block->tag & TAG_EDGES;
    bin_remove(heap, block);
    if (block_is_extent(tag))
        heap->spare_bytes -= whole;
    heap->stats.allocs++;
    heap->stats.used_bytes += cut(heap, block, whole, bytes, tag, 0, whole);
    return block;
}

/* The least distance from the block's start at which a block with an aligned payload can begin: 0, or enough for a
   free block of its own. */
static size_t aligning_gap(const quire_heap_block_t *block, size_t align)
{
    size_t gap = (0 - ((uintptr_t)block + HEADER_BYTES)) & (align - 1);

    return gap != 0 && gap < LEAST_BYTES ? gap + align : gap;
}

/* The gap below the aligned block becomes, or stays, a free block. */
quire_heap_block_t *quire_heap_list_take_aligned(quire_heap_t *heap, size_t bytes, size_t align,
                                                 quire_heap_fault_t *fault)
{
    quire_heap_block_t *block = obtain(heap, bytes + align + LEAST_BYTES, fault);
    size_t whole;
    size_t gap;
    size_t tag;

    if (block == NULL)
        return NULL;
    whole = block_bytes(block);
    tag = block->tag & TAG_EDGES;
    gap = aligning_gap(block, align);
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

static inline bool is_sound_free(const quire_heap_t *heap, const quire_heap_block_t *block)
{
    return block_is_free(heap, block) && bin_links_are_sound(heap, block);
}

/* Whether the block and what it touches are in order, and which neighbours are free. */
static inline bool look(const quire_heap_t *heap, const quire_heap_block_t *block, quire_heap_neighbours_t *neighbours)
{
    quire_heap_block_t *lower = NULL;
    quire_heap_block_t *upper = NULL;

    if (!block_is_near(heap, block) || !block_is_sound(heap, block) || (block->tag & TAG_USED) == 0)
        return false;
    if ((block->tag & TAG_LOWER_FREE) != 0) {
        lower = block_at(block, 0 - block_lower_bytes(heap, block));
        if (!block_is_near(heap, lower) || block_above(lower) != block || !is_sound_free(heap, lower))
            return false;
    }
    if ((block->tag & TAG_LAST) == 0) {
        upper = block_above(block);
        if ((upper->tag & TAG_USED) != 0) {
            if (!block_is_sound(heap, upper))
                return false;
            upper = NULL;
        } else if (!is_sound_free(heap, upper)) {
            return false;
        }
    }
    neighbours->lower = lower;
    neighbours->upper = upper;
    return true;
}

/* Why look() said no. */
static __attribute__((cold)) bool diagnose(const quire_heap_t *heap, const quire_heap_block_t *block,
                                           quire_heap_fault_t *fault)
{
    const void *address = (const char *)block + HEADER_BYTES;

    if (!block_is_near(heap, block))
        return heap_fault(fault, "an address that this heap never gave was passed to it", address);
    if (block_is_free(heap, block))
        return heap_fault(fault, "a block was freed twice", address);
    if (!block_is_sound(heap, block) || (block->tag & TAG_USED) == 0)
        return heap_fault(fault, "the header below a block was overwritten, or the heap never gave this address",
                          address);
    if ((block->tag & TAG_LOWER_FREE) != 0) {
        quire_heap_block_t *lower = block_at(block, 0 - block_lower_bytes(heap, block));

        if (!block_is_near(heap, lower) || block_above(lower) != block || !is_sound_free(heap, lower))
            return heap_fault(fault, written_after_free, block_payload(lower));
    }
    if (!block_is_sound(heap, block_above(block)))
        return heap_fault(fault, "a block was written beyond its end", address);
    return heap_fault(fault, written_after_free, block_payload(block_above(block)));
}

bool quire_heap_list_examine(const quire_heap_t *heap, const quire_heap_block_t *block,
                             quire_heap_neighbours_t *neighbours, quire_heap_fault_t *fault)
{
    return look(heap, block, neighbours) || diagnose(heap, block, fault);
}

/* Files a free block whose header is written, or gives its extent back, if that is what it is and it is not to be kept.
 */
static void file_extent(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes)
{
    if (quire_heap_extent_is_surplus(heap, bytes)) {
        quire_heap_extent_shrink(heap, extent_of_first(block));
        return;
    }
    heap->spare_bytes += bytes;
    bin_insert(heap, block, bytes);
}

/* Joins a block with its free neighbours and files the result. The header of a block that is swallowed stays behind as
   that of a free block: freeing it again is then told from freeing an address that was never given. */
static inline void join(quire_heap_t *heap, quire_heap_block_t *block, const quire_heap_neighbours_t *neighbours)
{
    size_t tag = block->tag & TAG_EDGES;
    size_t bytes = block_bytes(block);
    size_t recorded = 0;

    if (neighbours->upper != NULL) {
        recorded = block_bytes(neighbours->upper);
        tag |= neighbours->upper->tag & TAG_LAST;
        bin_remove(heap, neighbours->upper);
    }
    if (neighbours->lower != NULL) {
        block_set(heap, block, bytes, 0);
        block = neighbours->lower;
        tag |= block->tag & TAG_FIRST;
        bin_remove(heap, block);
        bytes += block_bytes(block);
    }
    bytes += recorded;
    block_set(heap, block, bytes | tag, 0);
    if ((tag & TAG_LAST) == 0)
        tell_above(block_at(block, bytes), recorded, bytes);
    if (neighbours->lower != NULL || neighbours->upper != NULL)
        quire_event(.kind = QUIRE_EVENT_HEAP_JOIN, .address = (uintptr_t)block_payload(block), .bytes = bytes);
    if (LIKELY(!block_is_extent(tag)))
        bin_insert(heap, block, bytes);
    else
        file_extent(heap, block, bytes);
}

/* If freeing the block leaves its extent wholly free, the extent's header is about to be used. */
static inline bool extent_in_order(const quire_heap_t *heap, const quire_heap_block_t *block,
                                   const quire_heap_neighbours_t *neighbours, quire_heap_fault_t *fault)
{
    const quire_heap_block_t *lowest = neighbours->lower != NULL ? neighbours->lower : block;
    const quire_heap_block_t *highest = neighbours->upper != NULL ? neighbours->upper : block;

    if ((highest->tag & TAG_LAST) == 0 || (lowest->tag & TAG_FIRST) == 0 ||
        quire_heap_extent_is_sound(heap, extent_of_first(lowest)))
        return true;
    return heap_fault(fault, "the header of an extent was overwritten", extent_of_first(lowest));
}

bool quire_heap_list_give(quire_heap_t *heap, quire_heap_block_t *block, quire_heap_fault_t *fault)
{
    quire_heap_neighbours_t neighbours;

    if (!LIKELY(look(heap, block, &neighbours)))
        return diagnose(heap, block, fault);
    if (!LIKELY(extent_in_order(heap, block, &neighbours, fault)))
        return false;
    quire_event(.kind = QUIRE_EVENT_HEAP_FREE, .address = (uintptr_t)block_payload(block), .bytes = block_bytes(block));
    heap->stats.frees++;
    heap->stats.used_bytes -= block_bytes(block);
    join(heap, block, &neighbours);
    return true;
}
