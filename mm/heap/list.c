/* SPDX-License-Identifier: MIT */
/*
 * list.c - the free lists: taking blocks from them by splitting, giving blocks back by joining.
 *
 * Problem: hand out memory of any size, take it back in any order, and neither search long nor crumble the memory.
 * Idea: free blocks stand in circular doubly linked lists, one for each class of sizes, eight classes to each power of
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
#include "inside.h"

/* How many blocks of the wanted class itself are looked at before the source is asked. Blocks of higher classes all
   fit; those of the wanted one may. */
#define SEARCH_MOST 8

size_t quire_heap_list_bytes(size_t payload_bytes)
{
    size_t bytes;

    if (payload_bytes > MOST_BYTES - HEADER_BYTES - EXTENT_BYTES - QUIRE_PAGE_BYTES)
        return 0;
    bytes = (payload_bytes + HEADER_BYTES + QUIRE_HEAP_ALIGN - 1) & ~(QUIRE_HEAP_ALIGN - 1);
    return bytes < LEAST_BYTES ? LEAST_BYTES : bytes;
}

void quire_heap_list_insert(quire_heap_t *heap, quire_heap_block_t *block)
{
    unsigned bin = heap_bin(block_bytes(block));
    unsigned row = bin / QUIRE_HEAP_MAP_BITS;
    quire_heap_block_t *first = heap->bins[bin];

    if (first != NULL) {
        block->next = first;
        block->previous = first->previous;
        first->previous->next = block;
        first->previous = block;
    } else {
        block->next = block;
        block->previous = block;
        heap->bin_map[row] |= 1ul << bin % QUIRE_HEAP_MAP_BITS;
        heap->row_map |= 1ul << row;
    }
    heap->bins[bin] = block;
    heap->stats.free_blocks++;
}

void quire_heap_list_remove(quire_heap_t *heap, quire_heap_block_t *block)
{
    unsigned bin = heap_bin(block_bytes(block));
    unsigned row = bin / QUIRE_HEAP_MAP_BITS;
    quire_heap_block_t *next = block->next;

    heap->stats.free_blocks--;
    next->previous = block->previous;
    block->previous->next = next;
    if (heap->bins[bin] != block)
        return;
    if (next != block) {
        heap->bins[bin] = next;
        return;
    }
    heap->bins[bin] = NULL;
    heap->bin_map[row] &= ~(1ul << bin % QUIRE_HEAP_MAP_BITS);
    if (heap->bin_map[row] == 0)
        heap->row_map &= ~(1ul << row);
}

bool quire_heap_list_links_sound(const quire_heap_t *heap, const quire_heap_block_t *block)
{
    return block_is_near(heap, block->next) && block_is_near(heap, block->previous) && block->next->previous == block &&
           block->previous->next == block;
}

/* The lowest class above `bin` that has a block; NULL if there is none. */
static quire_heap_block_t *find_above(const quire_heap_t *heap, unsigned bin)
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
    return heap->bins[row * QUIRE_HEAP_MAP_BITS + (unsigned)__builtin_ctzl(bits)];
}

/* Blocks of the wanted class behind the first, which was too small. Follows links only as far as they are sound. */
static quire_heap_block_t *find_within(const quire_heap_t *heap, quire_heap_block_t *first, size_t bytes)
{
    quire_heap_block_t *block = first;

    for (unsigned looked = 1; looked < SEARCH_MOST; looked++) {
        if (!quire_heap_list_links_sound(heap, block) || block->next == first)
            return NULL;
        block = block->next;
        if (block_bytes(block) >= bytes)
            return block;
    }
    return NULL;
}

static quire_heap_block_t *find(const quire_heap_t *heap, size_t bytes)
{
    unsigned bin = heap_bin(bytes);
    quire_heap_block_t *first = heap->bins[bin];
    quire_heap_block_t *block;

    if (first != NULL && block_bytes(first) >= bytes)
        return first;
    block = find_above(heap, bin);
    if (block == NULL && first != NULL)
        block = find_within(heap, first, bytes);
    return block;
}

/* The block above a block whose lower neighbour changes between used (0) and free (its size). */
static inline void tell_above(quire_heap_block_t *above, size_t before, size_t after)
{
    size_t flag = (before == 0) != (after == 0) ? TAG_LOWER_FREE : 0;

    above->tag ^= flag;
    above->check ^= flag ^ before ^ after;
}

size_t quire_heap_list_cut(quire_heap_t *heap, quire_heap_block_t *block, size_t whole, size_t bytes, size_t tag,
                           size_t lower_bytes, size_t recorded_bytes)
{
    size_t rest = whole - bytes;
    quire_heap_block_t *above = block_at(block, whole);
    bool last = (tag & TAG_LAST) != 0;

    if (rest < LEAST_BYTES) {
        if (!last)
            tell_above(above, recorded_bytes, 0);
        block_set(heap, block, whole | tag | TAG_USED, lower_bytes);
        return whole;
    }
    if (!last)
        tell_above(above, recorded_bytes, rest);
    block_set(heap, block_at(block, bytes), rest | (tag & TAG_LAST), 0);
    quire_heap_list_insert(heap, block_at(block, bytes));
    block_set(heap, block, bytes | (tag & ~TAG_LAST) | TAG_USED, lower_bytes);
    quire_event(.kind = QUIRE_EVENT_HEAP_SPLIT, .address = (uintptr_t)block_payload(block), .bytes = bytes,
                .detail = rest);
    return bytes;
}

/* Takes `bytes` out of a free block, `gap` bytes above its start; the gap stays free. */
static quire_heap_block_t *carve(quire_heap_t *heap, quire_heap_block_t *block, size_t gap, size_t bytes)
{
    size_t whole = block_bytes(block);
    size_t tag = block->tag & TAG_EDGES;

    quire_heap_list_remove(heap, block);
    if (block_is_extent(tag))
        heap->spare_bytes -= whole;
    if (gap == 0) {
        heap->stats.used_bytes += quire_heap_list_cut(heap, block, whole, bytes, tag, 0, whole);
        return block;
    }
    block_set(heap, block, gap | (tag & TAG_FIRST), 0);
    quire_heap_list_insert(heap, block);
    tag = (tag & TAG_LAST) | TAG_LOWER_FREE;
    block = block_at(block, gap);
    heap->stats.used_bytes += quire_heap_list_cut(heap, block, whole - gap, bytes, tag, gap, whole);
    return block;
}

/* The least distance from the block's start at which a block with an aligned payload can begin: 0, or enough for a
   free block of its own. */
static size_t aligning_gap(const quire_heap_block_t *block, size_t align)
{
    size_t gap = (0 - ((uintptr_t)block + HEADER_BYTES)) & (align - 1);

    return gap != 0 && gap < LEAST_BYTES ? gap + align : gap;
}

quire_heap_block_t *quire_heap_list_take(quire_heap_t *heap, size_t bytes, size_t align, quire_heap_fault_t *fault)
{
    size_t wanted = align <= QUIRE_HEAP_ALIGN ? bytes : bytes + align + LEAST_BYTES;
    quire_heap_block_t *block = find(heap, wanted);

    quire_event(.kind = QUIRE_EVENT_HEAP_SEARCH, .address = block != NULL ? (uintptr_t)block_payload(block) : 0,
                .bytes = wanted, .detail = block != NULL ? block_bytes(block) : 0);
    if (block == NULL) {
        block = quire_heap_extent_grow(heap, wanted);
        if (block == NULL)
            return NULL;
    }
    if (!block_is_near(heap, block) || !block_is_free(heap, block) || !quire_heap_list_links_sound(heap, block)) {
        heap_fault(fault, "a free block was written to after it was freed", block_payload(block));
        return NULL;
    }
    heap->stats.allocs++;
    return carve(heap, block, align <= QUIRE_HEAP_ALIGN ? 0 : aligning_gap(block, align), bytes);
}

/* A block that is about to be freed or resized. */
static bool examine_self(const quire_heap_t *heap, const quire_heap_block_t *block, quire_heap_fault_t *fault)
{
    const void *address = (const char *)block + HEADER_BYTES;

    if (!block_is_near(heap, block))
        return heap_fault(fault, "an address that this heap never gave was passed to it", address);
    if (block_is_sound(heap, block) && (block->tag & TAG_USED) != 0)
        return true;
    if (block_is_free(heap, block))
        return heap_fault(fault, "a block was freed twice", address);
    return heap_fault(fault, "the header below a block was overwritten, or the heap never gave this address", address);
}

bool quire_heap_list_examine(const quire_heap_t *heap, const quire_heap_block_t *block,
                             quire_heap_neighbours_t *neighbours, quire_heap_fault_t *fault)
{
    quire_heap_neighbours_t found = {NULL, NULL};

    if (!examine_self(heap, block, fault))
        return false;
    if ((block->tag & TAG_LOWER_FREE) != 0) {
        size_t lower_bytes = block_lower_bytes(heap, block);

        found.lower = block_at(block, 0 - lower_bytes);
        if (!block_is_near(heap, found.lower) || !block_is_free(heap, found.lower) ||
            block_bytes(found.lower) != lower_bytes || !quire_heap_list_links_sound(heap, found.lower))
            return heap_fault(fault, "a free block was written to after it was freed", block_payload(found.lower));
    }
    if ((block->tag & TAG_LAST) == 0) {
        found.upper = block_above(block);
        if (!block_is_sound(heap, found.upper))
            return heap_fault(fault, "a block was written beyond its end", (const char *)block + HEADER_BYTES);
        if ((found.upper->tag & TAG_USED) != 0)
            found.upper = NULL;
        else if (!quire_heap_list_links_sound(heap, found.upper))
            return heap_fault(fault, "a free block was written to after it was freed", block_payload(found.upper));
    }
    *neighbours = found;
    return true;
}

/* Joins a block with its free neighbours and files the result, or gives its extent back if that is `surplus`. The
   header of a block that is swallowed stays behind as that of a free block: freeing it again is then told from freeing
   an address that was never given. */
static void join(quire_heap_t *heap, quire_heap_block_t *block, const quire_heap_neighbours_t *neighbours, bool surplus)
{
    size_t tag = block->tag & TAG_EDGES;
    size_t bytes = block_bytes(block);
    size_t recorded = 0;

    block_set(heap, block, bytes | tag, 0);
    if (neighbours->upper != NULL) {
        recorded = block_bytes(neighbours->upper);
        tag |= neighbours->upper->tag & TAG_LAST;
        quire_heap_list_remove(heap, neighbours->upper);
        bytes += recorded;
    }
    if (neighbours->lower != NULL) {
        block = neighbours->lower;
        tag |= block->tag & TAG_FIRST;
        quire_heap_list_remove(heap, block);
        bytes += block_bytes(block);
    }
    block_set(heap, block, bytes | tag, 0);
    if ((tag & TAG_LAST) == 0)
        tell_above(block_at(block, bytes), recorded, bytes);
    if (neighbours->lower != NULL || neighbours->upper != NULL)
        quire_event(.kind = QUIRE_EVENT_HEAP_JOIN, .address = (uintptr_t)block_payload(block), .bytes = bytes);
    if (surplus) {
        quire_heap_extent_shrink(heap, extent_of_first(block));
        return;
    }
    if (block_is_extent(tag))
        heap->spare_bytes += bytes;
    quire_heap_list_insert(heap, block);
}

bool quire_heap_list_give(quire_heap_t *heap, quire_heap_block_t *block, quire_heap_fault_t *fault)
{
    quire_heap_neighbours_t neighbours;
    const quire_heap_block_t *lowest = block;
    size_t tag;
    bool surplus = false;

    if (!quire_heap_list_examine(heap, block, &neighbours, fault))
        return false;
    tag = block->tag;
    if (neighbours.lower != NULL)
        lowest = neighbours.lower;
    if (neighbours.upper != NULL)
        tag |= neighbours.upper->tag;
    if (block_is_extent(tag | lowest->tag)) {
        const quire_heap_extent_t *extent = extent_of_first(lowest);

        if (!quire_heap_extent_is_sound(heap, extent))
            return heap_fault(fault, "the header of an extent was overwritten", extent);
        surplus = quire_heap_extent_is_surplus(heap, extent_usable_bytes(extent->bytes));
    }
    quire_event(.kind = QUIRE_EVENT_HEAP_FREE, .address = (uintptr_t)block_payload(block), .bytes = block_bytes(block));
    heap->stats.frees++;
    heap->stats.used_bytes -= block_bytes(block);
    join(heap, block, &neighbours, surplus);
    return true;
}
