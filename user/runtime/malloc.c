/* SPDX-License-Identifier: MIT */
/* malloc.c - malloc and its family over one Quire heap, whose memory comes from mmap and goes back by munmap. */
#include <quire/heap.h>

#include "linux.h"
#include "runtime.h"

static quire_heap_t heap;

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    size_t rounded = (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    intptr_t address;

    (void)context;
    if (rounded < bytes)
        return QUIRE_NO_SPACE;
    address = linux_mmap(0, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (linux_failed(address))
        return QUIRE_NO_MEMORY;
    *memory = (void *)address;
    *memory_bytes = rounded;
    return QUIRE_OK;
}

static void shrink(void *context, void *memory, size_t bytes)
{
    (void)context;
    if (linux_munmap((uintptr_t)memory, bytes) != 0)
        quire_port_panic("malloc: the system does not take back what it gave");
}

void malloc_init(void)
{
    quire_heap_init(&heap, &(quire_heap_source_t){.grow = grow, .shrink = shrink});
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
    quire_heap_trim(&heap);
    return quire_heap_check(&heap) == QUIRE_OK;
}
