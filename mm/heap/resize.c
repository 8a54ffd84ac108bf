/* SPDX-License-Identifier: MIT */
/*
 * resize.c - making a block larger or smaller without moving it far.
 *
 * A block shrinks by giving its tail to a free upper neighbour, or by making it a free block; it grows by swallowing a
 * free upper neighbour and cutting off what is too much. Both are the same step: the block and the free memory above it
 * are taken together and cut anew.
 *
 * Sliding down into a free lower neighbour copies the content while the heap is locked, so it is the last resort, when
 * neither the lists nor the source have a block to move to.
 *
 * A block that has an extent of its own (large.c) has nobody to give its tail to. It keeps it while it is small beside
 * the block, else it moves; an eighth, so that a block that shrinks step by step is not copied at each.
 *
 * A block that is resized stays one allocation: `allocs` and `frees` do not count it.
 */
#include "bins.h"
#include "heap.h"

#include "string.h"

/* Takes the upper neighbour, if it is free, out of its list; returns its size and its flags. */
static size_t swallow_upper(quire_heap_t *heap, const quire_heap_neighbours_t *neighbours, size_t *tag)
{
    size_t bytes;

    if (neighbours->upper == NULL)
        return 0;
    bytes = block_bytes(neighbours->upper);
    *tag |= neighbours->upper->tag & TAG_LAST;
    bin_remove(heap, neighbours->upper);
    return bytes;
}

/* What a block of this size may keep beside itself. */
static size_t bearable(const quire_heap_t *heap, size_t bytes)
{
    return bytes / 8 > heap_step_bytes(heap) ? bytes / 8 : heap_step_bytes(heap);
}

bool quire_heap_list_resize(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes, bool *done,
                            quire_heap_fault_t *fault)
{
    quire_heap_neighbours_t neighbours;
    quire_heap_extent_t *large;
    size_t old;
    size_t room;
    size_t tag;
    size_t upper;

    if (!quire_heap_list_examine(heap, block, &neighbours, fault) ||
        !quire_heap_large_extent(heap, block, &neighbours, &large, fault))
        return false;
    old = block_bytes(block);
    if (large != NULL) {
        *done = bytes <= old && old - bytes <= bearable(heap, bytes);
        return true;
    }
    room = old;
    if (neighbours.upper != NULL)
        room += block_bytes(neighbours.upper);
    *done = bytes <= room;
    if (!*done || (bytes <= old && old - bytes < LEAST_BYTES))
        return true;
    tag = block->tag & (TAG_EDGES | TAG_LOWER_FREE);
    upper = swallow_upper(heap, &neighbours, &tag);
    if (upper != 0 && bytes > old)
        quire_event(.kind = QUIRE_EVENT_HEAP_JOIN, .address = (uintptr_t)block_payload(block), .bytes = room);
    bytes = quire_heap_list_cut(heap, block, room, bytes, tag, block_lower_bytes(heap, block), upper);
    heap->stats.used_bytes += bytes - old;
    return true;
}

quire_heap_block_t *quire_heap_list_slide(quire_heap_t *heap, quire_heap_block_t *block, size_t bytes,
                                          quire_heap_fault_t *fault)
{
    quire_heap_neighbours_t neighbours;
    quire_heap_extent_t *large;
    size_t old;
    size_t room;
    size_t tag;
    size_t upper;

    if (!quire_heap_list_examine(heap, block, &neighbours, fault) ||
        !quire_heap_large_extent(heap, block, &neighbours, &large, fault) || neighbours.lower == NULL)
        return NULL;
    old = block_bytes(block);
    room = block_bytes(neighbours.lower) + old;
    if (neighbours.upper != NULL)
        room += block_bytes(neighbours.upper);
    if (bytes > room)
        return NULL;
    if (large != NULL)
        bytes = room;
    tag = (block->tag & TAG_LAST) | (neighbours.lower->tag & TAG_FIRST);
    upper = swallow_upper(heap, &neighbours, &tag);
    bin_remove(heap, neighbours.lower);
    /* What is left of the old header must not look like a used block. */
    block_set(heap, block, old, 0);
    memmove(block_payload(neighbours.lower), block_payload(block), old - HEADER_BYTES);
    quire_event(.kind = QUIRE_EVENT_HEAP_JOIN, .address = (uintptr_t)block_payload(neighbours.lower), .bytes = room);
    bytes = quire_heap_list_cut(heap, neighbours.lower, room, bytes, tag, 0, upper);
    heap->stats.used_bytes += bytes - old;
    return neighbours.lower;
}
