/* SPDX-License-Identifier: MIT */
/*
 * extent.c - the memory behind a heap: got from the source, and given back.
 *
 * Problem: the source (a system call, an address space) is far dearer than the lists, so it must be asked seldom and in
 * large pieces; yet memory that nobody uses should go back. Idea: an extent is what one call of the source gave. It
 * starts as one free block, and when coalescing makes it one free block again it is *spare*. Spare extents are kept as
 * long as their sum is at most `keep_bytes`; a program that allocates and frees the same block in a loop then never
 * reaches the source. When the source has nothing left, spare extents go back to it and it is asked once more, for it
 * may make one large extent of them.
 *
 * Invariant: `spare_bytes` is the sum of the usable bytes of spare extents.
 *
 * Extents are not coalesced even when they touch: what one call gave must go back in one call.
 *
 * Rejected: giving back part of an extent (the source would need to split what it gave).
 */
#include "bins.h"
#include "heap.h"

#define KEPT_GROWTHS 16

static bool is_surplus(const quire_heap_t *heap, size_t bytes)
{
    size_t keep = heap->source.keep_bytes;

    if (keep == 0 && __builtin_mul_overflow(heap_step_bytes(heap), (size_t)KEPT_GROWTHS, &keep))
        keep = SIZE_MAX;
    return heap->source.shrink != NULL && (bytes > keep || heap->spare_bytes > keep - bytes);
}

/* Asks the source for what is worth asking for, then for what is needed. */
static bool ask(quire_heap_t *heap, size_t needed, void **memory, size_t *bytes)
{
    const quire_heap_source_t *source = &heap->source;
    size_t worth = source->grow_bytes != 0 ? source->grow_bytes : heap_step_bytes(heap);

    if (worth > needed && source->grow(source->context, worth, memory, bytes) == QUIRE_OK)
        return true;
    return source->grow(source->context, needed, memory, bytes) == QUIRE_OK;
}

static void file(quire_heap_t *heap, quire_heap_extent_t *extent)
{
    quire_heap_block_t *block = extent_first(extent);

    heap->spare_bytes += block_bytes(block);
    if (quire_heap_extent_is_large(heap, extent))
        bin_insert_large(heap, block);
    else
        bin_insert(heap, block, block_bytes(block));
}

bool quire_heap_extent_may_file(const quire_heap_t *heap, const quire_heap_extent_t *extent, quire_heap_fault_t *fault)
{
    if (!quire_heap_extent_is_sound(heap, extent))
        return heap_fault(fault, "the header of an extent was overwritten", extent);
    return !is_surplus(heap, extent_usable_bytes(extent->bytes)) || quire_heap_range_may_remove(heap, extent, fault);
}

void quire_heap_extent_file(quire_heap_t *heap, quire_heap_extent_t *extent)
{
    if (is_surplus(heap, block_bytes(extent_first(extent))))
        quire_heap_extent_shrink(heap, extent);
    else
        file(heap, extent);
}

static quire_heap_block_t *adopt(quire_heap_t *heap, void *memory, size_t bytes, bool large, quire_heap_fault_t *fault)
{
    quire_heap_extent_t *extent = memory;
    size_t usable = extent_usable_bytes(bytes);

    extent->bytes = bytes;
    if (!quire_heap_range_add(heap, extent, large, fault)) {
        if (heap->source.shrink != NULL)
            heap->source.shrink(heap->source.context, memory, bytes);
        return NULL;
    }
    heap->stats.grows++;
    heap->stats.extents++;
    heap->stats.source_bytes += bytes;
    heap->stats.overhead_bytes += bytes - usable;
    block_set(heap, extent_first(extent), usable | TAG_EDGES, 0);
    file(heap, extent);
    return extent_first(extent);
}

quire_heap_block_t *quire_heap_extent_grow(quire_heap_t *heap, size_t bytes, bool large, quire_heap_fault_t *fault)
{
    size_t needed = bytes + EXTENT_BYTES;
    size_t got = 0;
    void *memory = NULL;

    if (!ask(heap, needed, &memory, &got) && (quire_heap_extent_trim(heap) == 0 || !ask(heap, needed, &memory, &got)))
        return NULL;
    if (memory == NULL || got < needed || ((uintptr_t)memory & (QUIRE_HEAP_ALIGN - 1)) != 0 ||
        (uintptr_t)memory + got < (uintptr_t)memory)
        quire_port_panic("heap: a source answered with memory that is too small, not aligned, or wraps");
    quire_event(.kind = QUIRE_EVENT_HEAP_GROW, .address = (uintptr_t)memory, .bytes = got);
    return adopt(heap, memory, got, large, fault);
}

void quire_heap_extent_shrink(quire_heap_t *heap, quire_heap_extent_t *extent)
{
    size_t bytes = extent->bytes;

    quire_heap_range_remove(heap, extent);
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
    quire_heap_fault_t fault;
    quire_heap_extent_t *extent = quire_heap_range_next(heap, 0, &fault);
    size_t given = 0;

    while (extent != NULL && heap->source.shrink != NULL && heap->spare_bytes != 0) {
        uintptr_t at = (uintptr_t)extent;
        quire_heap_block_t *block = extent_first(extent);

        if (!block_is_sound(heap, block))
            break;
        if (block_is_extent(block->tag) && block_is_free(heap, block)) {
            if (!bin_links_are_sound(heap, block, true) || !quire_heap_range_may_remove(heap, extent, &fault))
                break;
            bin_remove(heap, block);
            heap->spare_bytes -= block_bytes(block);
            quire_heap_extent_shrink(heap, extent);
            given++;
        }
        extent = quire_heap_range_next(heap, at, &fault);
    }
    return given;
}
