/* SPDX-License-Identifier: MIT */
/*
 * check.c - looking at a heap without changing it: the walk, the integrity check, the statistics.
 *
 * The check assumes nothing. It goes over every extent from its first block to its last, and over every list, and
 * compares what it counts with what the heap believes. Nothing is followed before it has been found sound, and no loop
 * is longer than a count allows, so a damaged heap ends the check with an address and never hangs it.
 */
#include "bins.h"
#include "inside.h"

typedef struct count {
    size_t extents;
    size_t source_bytes;
    size_t overhead_bytes;
    size_t spare_bytes;
    size_t used_blocks;
    size_t used_bytes;
    size_t free_blocks;
    size_t free_bytes;
} count_t;

static bool check_free_block(const quire_heap_t *heap, const quire_heap_block_t *block, quire_heap_fault_t *fault)
{
    const void *payload = (const char *)block + HEADER_BYTES;

    if (!bin_links_are_sound(heap, block))
        return heap_fault(fault, "a free block was written to after it was freed", payload);
    if (bin_is_empty(heap, heap_bin(block_bytes(block))))
        return heap_fault(fault, "a free block is in no list", payload);
    return true;
}

/* One block, and how it fits the one below it. */
static bool check_block(const quire_heap_t *heap, const quire_heap_block_t *block, const quire_heap_block_t *lower,
                        quire_heap_fault_t *fault)
{
    const void *payload = (const char *)block + HEADER_BYTES;
    bool lower_free = lower != NULL && (lower->tag & TAG_USED) == 0;

    if (!block_is_sound(heap, block) || block_bytes(block) < LEAST_BYTES ||
        (block_bytes(block) & (QUIRE_HEAP_ALIGN - 1)) != 0)
        return heap_fault(fault, "the header of a block was overwritten", payload);
    if (lower_free != ((block->tag & TAG_LOWER_FREE) != 0) ||
        (lower_free && block_lower_bytes(heap, block) != block_bytes(lower)))
        return heap_fault(fault, "a block is wrong about its lower neighbour", payload);
    if (((block->tag & TAG_FIRST) != 0) != (lower == NULL))
        return heap_fault(fault, "a block is wrong about being the first", payload);
    if ((block->tag & TAG_USED) != 0)
        return true;
    if (lower_free)
        return heap_fault(fault, "two free blocks are neighbours", payload);
    return check_free_block(heap, block, fault);
}

static void count_block(count_t *count, const quire_heap_block_t *block)
{
    if ((block->tag & TAG_USED) != 0) {
        count->used_blocks++;
        count->used_bytes += block_bytes(block);
        return;
    }
    count->free_blocks++;
    count->free_bytes += block_bytes(block);
    if (block_is_extent(block->tag))
        count->spare_bytes += block_bytes(block);
}

static bool check_extent(const quire_heap_t *heap, const quire_heap_extent_t *extent, count_t *count,
                         quire_heap_fault_t *fault)
{
    const quire_heap_block_t *block = extent_first(extent);
    const quire_heap_block_t *lower = NULL;
    size_t left = extent_usable_bytes(extent->bytes);

    count->extents++;
    count->source_bytes += extent->bytes;
    count->overhead_bytes += extent->bytes - left;
    for (;;) {
        if (!check_block(heap, block, lower, fault))
            return false;
        if (block_bytes(block) > left || (block_bytes(block) == left) != ((block->tag & TAG_LAST) != 0))
            return heap_fault(fault, "the blocks of an extent do not fill it", extent);
        count_block(count, block);
        left -= block_bytes(block);
        if (left == 0)
            return true;
        lower = block;
        block = block_above(block);
    }
}

static bool check_extents(const quire_heap_t *heap, count_t *count, quire_heap_fault_t *fault)
{
    for (const quire_heap_extent_t *extent = heap->extents; extent != NULL; extent = extent->next) {
        if (!block_is_near(heap, extent) || !quire_heap_extent_is_sound(heap, extent))
            return heap_fault(fault, "the header of an extent was overwritten", extent);
        if (count->extents == heap->stats.extents)
            return heap_fault(fault, "there are more extents than were counted", extent);
        if (!check_extent(heap, extent, count, fault))
            return false;
    }
    return true;
}

/* The blocks of one list; *listed counts them. Blocks were found sound by check_extents() if they are blocks. */
static bool check_list(const quire_heap_t *heap, unsigned bin, size_t *listed, quire_heap_fault_t *fault)
{
    const quire_heap_link_t *ring = &heap->bins[bin];

    for (const quire_heap_link_t *link = ring->next; link != ring; link = link->next) {
        const quire_heap_block_t *block = block_of_payload(link);

        if (!block_is_near(heap, block) || !block_is_free(heap, block) || !bin_links_are_sound(heap, block))
            return heap_fault(fault, "a list leads to what is no free block", block);
        if (heap_bin(block_bytes(block)) != bin)
            return heap_fault(fault, "a free block is in the wrong list", (const char *)block + HEADER_BYTES);
        if (++*listed > heap->stats.free_blocks)
            return heap_fault(fault, "the lists hold more blocks than there are", block);
    }
    return true;
}

static bool check_lists(const quire_heap_t *heap, quire_heap_fault_t *fault)
{
    size_t listed = 0;

    for (unsigned bin = 0; bin < QUIRE_HEAP_BINS; bin++) {
        unsigned row = bin / QUIRE_HEAP_MAP_BITS;
        bool bit = (heap->bin_map[row] >> bin % QUIRE_HEAP_MAP_BITS & 1) != 0;

        if (bit == bin_is_empty(heap, bin) || (heap->row_map >> row & 1) != (heap->bin_map[row] != 0))
            return heap_fault(fault, "the map of lists is wrong", &heap->bins[bin]);
        if (bit && !check_list(heap, bin, &listed, fault))
            return false;
    }
    if (listed != heap->stats.free_blocks)
        return heap_fault(fault, "the lists hold fewer blocks than there are", heap);
    return true;
}

static bool check_counts(const quire_heap_t *heap, const count_t *count, quire_heap_fault_t *fault)
{
    const quire_heap_stats_t *stats = &heap->stats;

    if (count->extents != stats->extents || count->source_bytes != stats->source_bytes ||
        count->overhead_bytes != stats->overhead_bytes || count->used_bytes != stats->used_bytes ||
        count->free_blocks != stats->free_blocks || count->spare_bytes != heap->spare_bytes ||
        count->used_blocks != (size_t)(stats->allocs - stats->frees) ||
        count->free_bytes != stats->source_bytes - stats->used_bytes - stats->overhead_bytes)
        return heap_fault(fault, "a count of the heap is wrong", heap);
    return true;
}

quire_status_t quire_heap_check(quire_heap_t *heap)
{
    quire_heap_fault_t fault = {NULL, NULL};
    count_t count = {0};
    bool good;

    quire_port_lock(&heap->lock);
    good = check_extents(heap, &count, &fault) && check_lists(heap, &fault) && check_counts(heap, &count, &fault);
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    return good ? QUIRE_OK : QUIRE_CORRUPT;
}

void quire_heap_walk(quire_heap_t *heap, quire_heap_visit_t visit, void *context)
{
    quire_heap_fault_t fault = {NULL, NULL};
    const quire_heap_extent_t *extent;
    bool more = true;

    quire_port_lock(&heap->lock);
    for (extent = heap->extents; more && extent != NULL; extent = extent->next) {
        quire_heap_block_t *block = extent_first(extent);

        while (more) {
            more = block_is_near(heap, block) && block_is_sound(heap, block);
            if (!more)
                heap_fault(&fault, "the header of a block was overwritten", block_payload(block));
            else
                more = visit(context, block_payload(block), block_bytes(block), (block->tag & TAG_USED) != 0);
            if (!more || (block->tag & TAG_LAST) != 0)
                break;
            block = block_above(block);
        }
    }
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
}

/* The largest free block is in the highest list. */
static size_t largest_free(const quire_heap_t *heap)
{
    const quire_heap_link_t *ring;
    size_t largest = 0;
    size_t row;

    if (heap->row_map == 0)
        return 0;
    row = QUIRE_HEAP_MAP_BITS - 1 - (size_t)__builtin_clzl(heap->row_map);
    ring = &heap->bins[(row + 1) * QUIRE_HEAP_MAP_BITS - 1 - (size_t)__builtin_clzl(heap->bin_map[row])];
    for (const quire_heap_link_t *link = ring->next; link != ring; link = link->next) {
        const quire_heap_block_t *block = block_of_payload(link);

        if (!block_is_near(heap, block) || !bin_links_are_sound(heap, block))
            break;
        if (block_bytes(block) > largest)
            largest = block_bytes(block);
    }
    return largest;
}

void quire_heap_stats(quire_heap_t *heap, quire_heap_stats_t *stats)
{
    quire_port_lock(&heap->lock);
    *stats = heap->stats;
    stats->free_bytes = stats->source_bytes - stats->used_bytes - stats->overhead_bytes;
    stats->used_blocks = (size_t)(stats->allocs - stats->frees);
    stats->largest_free_bytes = largest_free(heap);
    quire_port_unlock(&heap->lock);
}
