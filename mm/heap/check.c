/* SPDX-License-Identifier: MIT */
/*
 * check.c - looking at a heap without changing it: the walk, the integrity check, the statistics.
 *
 * The check assumes nothing. It goes over every extent from its first block to its last, over every list, and over the
 * runs, and compares what it counts with what the heap believes. Nothing is followed before it has been found sound,
 * and no loop is longer than a count allows, so a damaged heap ends the check with an address and never hangs it.
 */
#include "bins.h"
#include "heap.h"

typedef struct count {
    size_t extents;
    size_t source_bytes;
    size_t overhead_bytes;
    size_t spare_bytes;
    size_t used_blocks;
    size_t used_bytes;
    size_t free_blocks;
    size_t free_bytes;
    size_t large_free_blocks;        /* of free_blocks, in extents of one block */
    size_t covered[QUIRE_HEAP_RUNS]; /* bytes of extents in each run */
} count_t;

/* What is told of each block of an extent, from its lowest on; stops when it returns false. */
typedef struct look {
    quire_heap_visit_t visit;
    void *context;
    count_t *count;
} look_t;

static bool check_free_block(const quire_heap_t *heap, const quire_heap_block_t *block, bool large,
                             quire_heap_fault_t *fault)
{
    const void *payload = (const char *)block + HEADER_BYTES;

    if (!bin_links_are_sound(heap, block, true))
        return heap_fault(fault, "a free block was written to after it was freed", payload);
    if (bin_is_empty(heap, large ? BIN_LARGE : heap_bin(block_bytes(block))))
        return heap_fault(fault, "a free block is in no list", payload);
    return true;
}

/* The header of a block and how it fits the one below it: what is needed to go on to the next. */
static bool check_header(const quire_heap_t *heap, const quire_heap_block_t *block, const quire_heap_block_t *lower,
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
    if (lower_free && (block->tag & TAG_USED) == 0)
        return heap_fault(fault, "two free blocks are neighbours", payload);
    return true;
}

static void count_block(count_t *count, const quire_heap_block_t *block, bool large)
{
    if ((block->tag & TAG_USED) != 0) {
        count->used_blocks++;
        count->used_bytes += block_bytes(block);
        return;
    }
    count->free_blocks++;
    count->large_free_blocks += large;
    count->free_bytes += block_bytes(block);
    if (block_is_extent(block->tag))
        count->spare_bytes += block_bytes(block);
}

/* One block, whose header is sound. False: *fault is set, or the visitor has seen enough. */
static bool look_at_block(const quire_heap_t *heap, quire_heap_block_t *block, bool large, const look_t *look,
                          quire_heap_fault_t *fault)
{
    bool used = (block->tag & TAG_USED) != 0;

    if (look->visit != NULL)
        return look->visit(look->context, block_payload(block), block_bytes(block), used);
    if (!used && !check_free_block(heap, block, large, fault))
        return false;
    if (used && large && (block->tag & TAG_LAST) == 0)
        return heap_fault(fault, "a large block shares its extent", block_payload(block));
    count_block(look->count, block, large);
    return true;
}

static bool look_at_extent(const quire_heap_t *heap, const quire_heap_extent_t *extent, const look_t *look,
                           quire_heap_fault_t *fault)
{
    quire_heap_block_t *block = extent_first(extent);
    const quire_heap_block_t *lower = NULL;
    size_t left = extent_usable_bytes(extent->bytes);
    bool large = quire_heap_extent_is_large(heap, extent);

    for (;;) {
        if (!check_header(heap, block, lower, fault))
            return false;
        if (block_bytes(block) > left || (block_bytes(block) == left) != ((block->tag & TAG_LAST) != 0))
            return heap_fault(fault, "the blocks of an extent do not fill it", extent);
        if (!look_at_block(heap, block, large, look, fault))
            return false;
        left -= block_bytes(block);
        if (left == 0)
            return true;
        lower = block;
        block = block_above(block);
    }
}

/* All extents, from the lowest on. The tree is asked for each: what one way down it does not see, another does. */
static bool look_at_extents(const quire_heap_t *heap, const look_t *look, quire_heap_fault_t *fault)
{
    const quire_heap_extent_t *extent = quire_heap_range_next(heap, 0, fault);

    while (extent != NULL) {
        if (!look_at_extent(heap, extent, look, fault))
            return false;
        extent = quire_heap_range_next(heap, (uintptr_t)extent, fault);
    }
    return fault->what == NULL;
}

static void count_extent(const quire_heap_t *heap, const quire_heap_extent_t *extent, count_t *count)
{
    count->extents++;
    count->source_bytes += extent->bytes;
    count->overhead_bytes += extent->bytes - extent_usable_bytes(extent->bytes);
    for (unsigned at = 0; at < QUIRE_HEAP_RUNS; at++) {
        if ((uintptr_t)extent - heap->runs[at].low < heap->runs[at].span)
            count->covered[at] += extent->bytes;
    }
}

/* The runs are made of whole extents. */
static bool check_runs(const quire_heap_t *heap, count_t *count, quire_heap_fault_t *fault)
{
    const quire_heap_extent_t *extent = quire_heap_range_next(heap, 0, fault);

    for (; extent != NULL; extent = quire_heap_range_next(heap, (uintptr_t)extent, fault)) {
        if (count->extents == heap->stats.extents)
            return heap_fault(fault, "there are more extents than were counted", extent);
        count_extent(heap, extent, count);
    }
    for (unsigned at = 0; fault->what == NULL && at < QUIRE_HEAP_RUNS; at++) {
        const quire_heap_run_t *run = &heap->runs[at];

        if (run->span != 0 && count->covered[at] != run->span + LEAST_BYTES - 1)
            return heap_fault(fault, "memory is taken for the heap's that is not", (const void *)run->low);
    }
    return fault->what == NULL;
}

/* The blocks of one list; *listed counts them. Blocks were found sound by check_extents() if they are blocks. */
static bool check_list(const quire_heap_t *heap, unsigned bin, size_t *listed, quire_heap_fault_t *fault)
{
    const quire_heap_link_t *ring = &heap->bins[bin];

    for (const quire_heap_link_t *link = ring->next; link != ring; link = link->next) {
        const quire_heap_block_t *block = block_of_payload(link);

        if (!block_is_near(heap, block, true) || !block_is_free(heap, block) || !bin_links_are_sound(heap, block, true))
            return heap_fault(fault, "a list leads to what is no free block", block);
        if (bin != BIN_LARGE && heap_bin(block_bytes(block)) != bin)
            return heap_fault(fault, "a free block is in the wrong list", (const char *)block + HEADER_BYTES);
        if (++*listed > heap->stats.free_blocks)
            return heap_fault(fault, "the lists hold more blocks than there are", block);
    }
    return true;
}

static bool check_lists(const quire_heap_t *heap, const count_t *count, quire_heap_fault_t *fault)
{
    size_t listed = 0;

    if (!check_list(heap, BIN_LARGE, &listed, fault))
        return false;
    if (listed != count->large_free_blocks)
        return heap_fault(fault, "the ring of large extents does not hold what is free in them", heap);

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
    const look_t look = {.count = &count};
    bool good;

    heap_must_be_ready(heap);
    quire_port_lock(&heap->lock);
    good = check_runs(heap, &count, &fault) && look_at_extents(heap, &look, &fault) &&
           check_lists(heap, &count, &fault) && check_counts(heap, &count, &fault);
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    return good ? QUIRE_OK : QUIRE_CORRUPT;
}

void quire_heap_walk(quire_heap_t *heap, quire_heap_visit_t visit, void *context)
{
    quire_heap_fault_t fault = {NULL, NULL};
    const look_t look = {.visit = visit, .context = context};

    heap_must_be_ready(heap);
    quire_port_lock(&heap->lock);
    (void)look_at_extents(heap, &look, &fault);
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
}

/* The largest block of a ring, or `largest`. */
static size_t largest_of(const quire_heap_t *heap, unsigned bin, size_t largest)
{
    const quire_heap_link_t *ring = &heap->bins[bin];

    for (const quire_heap_link_t *link = ring->next; link != ring; link = link->next) {
        const quire_heap_block_t *block = block_of_payload(link);

        if (!block_is_near(heap, block, true) || !bin_links_are_sound(heap, block, true))
            break;
        if (block_bytes(block) > largest)
            largest = block_bytes(block);
    }
    return largest;
}

/* The largest free block is in the highest list, or in an extent for one block. */
static size_t largest_free(const quire_heap_t *heap)
{
    size_t largest = largest_of(heap, BIN_LARGE, 0);
    size_t row;

    if (heap->row_map == 0)
        return largest;
    row = QUIRE_HEAP_MAP_BITS - 1 - (size_t)__builtin_clzl(heap->row_map);
    return largest_of(
        heap, (unsigned)((row + 1) * QUIRE_HEAP_MAP_BITS - 1 - (size_t)__builtin_clzl(heap->bin_map[row])), largest);
}

void quire_heap_stats(quire_heap_t *heap, quire_heap_stats_t *stats)
{
    heap_must_be_ready(heap);
    quire_port_lock(&heap->lock);
    *stats = heap->stats;
    stats->free_bytes = stats->source_bytes - stats->used_bytes - stats->overhead_bytes;
    stats->used_blocks = (size_t)(stats->allocs - stats->frees);
    stats->largest_free_bytes = largest_free(heap);
    quire_port_unlock(&heap->lock);
}
