/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - malloc and its family over one Quire heap, whose memory comes from brk: what a program has that lives by
 * segments. It never goes back before the program ends.
 */
#include <quire/heap.h>

#include "linux.h"
#include "runtime.h"

static quire_heap_t heap;

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    uintptr_t start = ((uintptr_t)linux_brk(0) + 15) & ~(uintptr_t)15;
    size_t rounded = (bytes + 15) & ~(size_t)15;

    (void)context;
    if (rounded < bytes || (uintptr_t)linux_brk(start + rounded) != start + rounded)
        return QUIRE_NO_MEMORY;
    *memory = (void *)start;
    *memory_bytes = rounded;
    return QUIRE_OK;
}

void malloc_init(void)
{
    quire_heap_init(&heap, &(quire_heap_source_t){.grow = grow});
}

void *malloc(size_t bytes)
{
    return quire_heap_alloc(&heap, bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return quire_heap_alloc_zeroed(&heap, count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    return quire_heap_realloc(&heap, block, bytes);
}

void free(void *block)
{
    quire_heap_free(&heap, block);
}

bool malloc_trim_and_check(void)
{
    return quire_heap_check(&heap) == QUIRE_OK;
}
