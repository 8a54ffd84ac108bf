/* SPDX-License-Identifier: MIT */
/*
 * extent.c - the memory behind a heap: got from the source, and given back.
 *
 * Problem: the source (a system call, an address space) is far dearer than the lists, so it must be asked seldom and in
 * large pieces; yet memory that nobody uses should go back. Idea: an extent is what one call of the source gave. It
 * starts as one free block, and when joining makes it one free block again it is *spare*. Spare extents are kept as
 * long as their sum is at most `keep_bytes`; a program that allocates and frees the same block in a loop then never
 * reaches the source. When the source has nothing left, spare extents go back to it and it is asked once more, for it
 * may make one large extent of them.
 *
 * Invariants: `spare_bytes` is the sum of the usable bytes of spare extents; [low, low + span) holds the start of every
 * extent and every block (it only widens, and is empty again when the heap has no extent).
 *
 * Extents are not joined even when they touch: what one call gave must go back in one call.
 *
 * Rejected: giving back part of an extent (the source would need to split what it gave); finding the extent of any
 * address by a tree (no call but a check would use it).
 */
#include "bins.h"
#include "inside.h"

#define DEFAULT_GROW_BYTES ((size_t)64 * 1024)
#define KEPT_GROWTHS       16

static size_t grow_bytes(const quire_heap_t *heap)
{
    return heap->source.grow_bytes != 0 ? heap->source.grow_bytes : DEFAULT_GROW_BYTES;
}

static uintptr_t extent_seal(const quire_heap_t *heap, const quire_heap_extent_t *extent)
{
    return ~((uintptr_t)extent ^ extent->bytes ^ heap->key);
}

bool quire_heap_extent_is_sound(const quire_heap_t *heap, const quire_heap_extent_t *extent)
{
    if (extent->check != extent_seal(heap, extent))
        return false;
    if (extent->previous != NULL ? !block_is_near(heap, extent->previous) || extent->previous->next != extent
                                 : heap->extents != extent)
        return false;
    return extent->next == NULL || (block_is_near(heap, extent->next) && extent->next->previous == extent);
}

bool quire_heap_extent_is_surplus(const quire_heap_t *heap, size_t bytes)
{
    size_t keep = heap->source.keep_bytes != 0 ? heap->source.keep_bytes : KEPT_GROWTHS * grow_bytes(heap);

    return heap->source.shrink != NULL && (bytes > keep || heap->spare_bytes > keep - bytes);
}

/* Asks the source for what is worth asking for, then for what is needed. */
static bool ask(quire_heap_t *heap, size_t needed, void **memory, size_t *bytes)
{
    const quire_heap_source_t *source = &heap->source;
    size_t worth = grow_bytes(heap);

    if (worth > needed && source->grow(source->context, worth, memory, bytes) == QUIRE_OK)
        return true;
    return source->grow(source->context, needed, memory, bytes) == QUIRE_OK;
}

/* A block header that is said to lie here can be read to its end, whatever lies behind the highest extent. */
static void widen_range(quire_heap_t *heap, const quire_heap_extent_t *extent)
{
    uintptr_t start = (uintptr_t)extent;
    uintptr_t end = start + extent->bytes - LEAST_BYTES + 1;

    if (heap->extents != NULL) {
        if (heap->low + heap->span > end)
            end = heap->low + heap->span;
        if (heap->low < start)
            start = heap->low;
    }
    heap->low = start;
    heap->span = end - start;
}

static quire_heap_block_t *adopt(quire_heap_t *heap, void *memory, size_t bytes)
{
    quire_heap_extent_t *extent = memory;
    quire_heap_block_t *block = extent_first(extent);
    size_t usable = extent_usable_bytes(bytes);

    extent->bytes = bytes;
    extent->check = extent_seal(heap, extent);
    extent->previous = NULL;
    extent->next = heap->extents;
    widen_range(heap, extent);
    if (extent->next != NULL)
        extent->next->previous = extent;
    heap->extents = extent;
    heap->stats.extents++;
    heap->stats.source_bytes += bytes;
    heap->stats.overhead_bytes += bytes - usable;
    heap->spare_bytes += usable;
    block_set(heap, block, usable | TAG_EDGES, 0);
    bin_insert(heap, block, usable);
    return block;
}

quire_heap_block_t *quire_heap_extent_grow(quire_heap_t *heap, size_t bytes)
{
    size_t needed = bytes + EXTENT_BYTES;
    size_t got = 0;
    void *memory = NULL;

    if (!ask(heap, needed, &memory, &got) && (quire_heap_extent_trim(heap) == 0 || !ask(heap, needed, &memory, &got)))
        return NULL;
    if (memory == NULL || got < needed || ((uintptr_t)memory & (QUIRE_HEAP_ALIGN - 1)) != 0 ||
        (uintptr_t)memory + got < (uintptr_t)memory)
        quire_port_panic("heap: a source answered with memory that is too small, not aligned, or wraps");
    heap->stats.grows++;
    quire_event(.kind = QUIRE_EVENT_HEAP_GROW, .address = (uintptr_t)memory, .bytes = got);
    return adopt(heap, memory, got);
}

void quire_heap_extent_shrink(quire_heap_t *heap, quire_heap_extent_t *extent)
{
    size_t bytes = extent->bytes;

    if (extent->previous != NULL)
        extent->previous->next = extent->next;
    else
        heap->extents = extent->next;
    if (extent->next != NULL)
        extent->next->previous = extent->previous;
    if (heap->extents == NULL)
        heap->span = 0;
    heap->stats.extents--;
    heap->stats.shrinks++;
    heap->stats.source_bytes -= bytes;
    heap->stats.overhead_bytes -= bytes - extent_usable_bytes(bytes);
    quire_event(.kind = QUIRE_EVENT_HEAP_SHRINK, .address = (uintptr_t)extent, .bytes = bytes);
    heap->source.shrink(heap->source.context, extent, bytes);
}

/* Stops at the first thing that is not as it should be: there is no telling what lies behind it. */
size_t quire_heap_extent_trim(quire_heap_t *heap)
{
    quire_heap_extent_t *extent = heap->extents;
    size_t given = 0;

    while (extent != NULL && heap->source.shrink != NULL && heap->spare_bytes != 0) {
        quire_heap_extent_t *next = extent->next;
        quire_heap_block_t *block = extent_first(extent);

        if (!quire_heap_extent_is_sound(heap, extent) || !block_is_sound(heap, block))
            break;
        if (block_is_extent(block->tag) && block_is_free(heap, block)) {
            if (!bin_links_are_sound(heap, block))
                break;
            bin_remove(heap, block);
            heap->spare_bytes -= block_bytes(block);
            quire_heap_extent_shrink(heap, extent);
            given++;
        }
        extent = next;
    }
    return given;
}
