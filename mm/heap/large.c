/* SPDX-License-Identifier: MIT */
/*
 * large.c - blocks that are larger than the growth step: each has an extent of its own.
 *
 * Problem: an extent goes back when all of it is free. Were a large block cut from a common extent, a small one beside
 * it would keep all of its memory after it is freed; a few hundred bytes can so keep a hundred megabytes. Idea: what is
 * larger than the growth step gets an extent that holds no other block. When it is freed, its extent is spare, and goes
 * back or is kept for the next large block, as other extents are. So a block keeps no more than a growth step.
 *
 * What is free in such an extent - all of it, or the gap below a payload that had to be aligned - stands in a ring that
 * no search for other blocks looks at. Everything else is as in any extent: tags, coalescing, the check.
 *
 * A spare extent is taken for a block if it would keep no more than the growth step beside it; of several, the
 * smallest. The ring is searched whole: it holds no more extents than keep_bytes has growth steps.
 *
 * Rejected: giving back the pages inside a free block (the source would need to know pages, and fill them again);
 * cutting an extent that is larger than what is left of its block (likewise: it would have to be taken back in parts).
 */
#include "bins.h"
#include "heap.h"

size_t quire_heap_aligning_gap(const quire_heap_block_t *block, size_t align)
{
    size_t gap = (0 - ((uintptr_t)block + HEADER_BYTES)) & (align - 1);

    return gap != 0 && gap < LEAST_BYTES ? gap + align : gap;
}

/* The smallest spare extent that fits. False: a free block in the ring is damaged. */
static bool find_spare(const quire_heap_t *heap, size_t bytes, quire_heap_block_t **best, quire_heap_fault_t *fault)
{
    const quire_heap_link_t *ring = &heap->bins[BIN_LARGE];
    size_t most = bytes + heap_step_bytes(heap);

    *best = NULL;
    for (const quire_heap_link_t *link = ring->next; link != ring; link = link->next) {
        quire_heap_block_t *block = block_of_payload(link);

        if (!block_is_free(heap, block) || !bin_links_are_sound(heap, block, true))
            return heap_fault(fault, "a free block was written to after it was freed", link);
        if (!block_is_extent(block->tag) || block_bytes(block) < bytes || block_bytes(block) > most)
            continue;
        if (*best == NULL || block_bytes(block) < block_bytes(*best))
            *best = block;
    }
    return true;
}

quire_heap_block_t *quire_heap_large_take(quire_heap_t *heap, size_t bytes, size_t align, quire_heap_fault_t *fault)
{
    quire_heap_block_t *block;
    size_t tag = TAG_USED | TAG_EDGES;
    size_t gap;

    if (align > QUIRE_HEAP_ALIGN)
        bytes += align + LEAST_BYTES;
    if (!find_spare(heap, bytes, &block, fault))
        return NULL;
    if (block == NULL)
        block = quire_heap_extent_grow(heap, bytes, true, fault);
    if (block == NULL)
        return NULL;
    bytes = block_bytes(block);
    bin_remove(heap, block);
    heap->spare_bytes -= bytes;
    gap = quire_heap_aligning_gap(block, align);
    if (gap != 0) {
        block_set(heap, block, gap | TAG_FIRST, 0);
        bin_insert_large(heap, block);
        block = block_at(block, gap);
        tag = TAG_USED | TAG_LAST | TAG_LOWER_FREE;
        bytes -= gap;
    }
    block_set(heap, block, bytes | tag, gap);
    heap->stats.allocs++;
    heap->stats.used_bytes += bytes;
    return block;
}

bool quire_heap_large_extent(const quire_heap_t *heap, const quire_heap_block_t *block,
                             const quire_heap_neighbours_t *neighbours, quire_heap_extent_t **extent,
                             quire_heap_fault_t *fault)
{
    const quire_heap_block_t *lowest = neighbours->lower != NULL ? neighbours->lower : block;
    quire_heap_extent_t *found = extent_of_first(lowest);

    *extent = NULL;
    if ((block->tag & TAG_LAST) == 0 || (lowest->tag & TAG_FIRST) == 0)
        return true;
    if (!quire_heap_extent_is_sound(heap, found))
        return heap_fault(fault, "the header of an extent was overwritten", found);
    if (quire_heap_extent_is_large(heap, found))
        *extent = found;
    return true;
}
