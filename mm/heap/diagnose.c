/* SPDX-License-Identifier: MIT */
/*
 * diagnose.c - what is wrong with an address that may not be freed, told as exactly as can be known.
 *
 * A header that is not in order says little by itself: it may have been overwritten, or the address may never have been
 * a block's. The extent knows: from its first block on, its headers lead from block to block, and the one that covers
 * the address tells whether a block begins there at all. This takes a walk over an extent, which nobody minds who is
 * about to be told of a bug.
 */
#include "bins.h"
#include "heap.h"

/* The block that covers a header at this address: its own, or one that reaches over it. NULL: a header below it is
   damaged, so there is no telling. */
static const quire_heap_block_t *covering(const quire_heap_t *heap, const quire_heap_extent_t *extent,
                                          const quire_heap_block_t *wanted)
{
    const quire_heap_block_t *block = extent_first(extent);
    size_t left = extent_usable_bytes(extent->bytes);

    while (block != wanted) {
        size_t bytes = block_bytes(block);

        if (!block_is_sound(heap, block) || bytes < LEAST_BYTES || bytes > left ||
            (bytes & (QUIRE_HEAP_ALIGN - 1)) != 0)
            return NULL;
        if ((uintptr_t)wanted - (uintptr_t)block < bytes)
            return block;
        left -= bytes;
        if (left == 0)
            return NULL;
        block = block_above(block);
    }
    return block;
}

/* The header is none of a used block. */
static const char *why_no_block(const quire_heap_t *heap, const quire_heap_block_t *block)
{
    quire_heap_fault_t fault = {NULL, NULL};
    const quire_heap_extent_t *extent = quire_heap_range_find(heap, (uintptr_t)block, &fault);
    const quire_heap_block_t *there;

    if (extent == NULL || (uintptr_t)block < (uintptr_t)extent)
        return fault.what != NULL ? fault.what : "an address that is not, or no longer, this heap's was passed to it";
    if ((uintptr_t)block < (uintptr_t)extent_first(extent))
        return "an address of the heap's own records was passed to it";
    there = covering(heap, extent, block);
    if (there == NULL || there == block)
        return block_is_free(heap, block) ? "a block was freed twice" : "the header below a block was overwritten";
    if ((there->tag & TAG_USED) != 0)
        return "an address in the middle of a block was passed to the heap";
    return block_is_free(heap, block) ? "a block was freed twice"
                                      : "an address in the middle of free memory was passed to the heap";
}

bool quire_heap_diagnose(const quire_heap_t *heap, const quire_heap_block_t *block, quire_heap_fault_t *fault)
{
    const void *address = (const char *)block + HEADER_BYTES;

    if (((uintptr_t)block & (QUIRE_HEAP_ALIGN - 1)) != 0)
        return heap_fault(fault, "an address that is not aligned as blocks are was passed to the heap", address);
    if (!block_is_near(heap, block, true))
        return heap_fault(fault, "an address that is not, or no longer, this heap's was passed to it", address);
    if (!block_is_sound(heap, block) || (block->tag & TAG_USED) == 0)
        return heap_fault(fault, why_no_block(heap, block), address);
    if ((block->tag & TAG_LOWER_FREE) != 0) {
        quire_heap_block_t *lower = block_at(block, 0 - block_lower_bytes(heap, block));

        if (!block_is_near(heap, lower, true))
            return heap_fault(fault, "the header below a block was overwritten", address);
        if (block_above(lower) != block || !block_is_free(heap, lower) || !bin_links_are_sound(heap, lower, true))
            return heap_fault(fault, "a free block was written to after it was freed", block_payload(lower));
    }
    if (!block_is_near(heap, block_above(block), true))
        return heap_fault(fault, "the header below a block was overwritten", address);
    if (!block_is_sound(heap, block_above(block)) || (block_above(block)->tag & TAG_LOWER_FREE) != 0)
        return heap_fault(fault, "a block was written beyond its end", address);
    return heap_fault(fault, "a free block was written to after it was freed", block_payload(block_above(block)));
}
