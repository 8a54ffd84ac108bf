/* SPDX-License-Identifier: MIT */
/* large.c - blocks beyond 4 GiB, whose memory is promised by the host and hardly touched. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "host.h"

#define GIB ((uint64_t)1 << 30)

static quire_heap_t heap;

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    size_t rounded = (bytes + 4095) & ~(size_t)4095;
    void *got = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)context;
    if (rounded < bytes || got == MAP_FAILED)
        return QUIRE_NO_MEMORY;
    *memory = got;
    *memory_bytes = rounded;
    return QUIRE_OK;
}

static void shrink(void *context, void *memory, size_t bytes)
{
    (void)context;
    munmap(memory, bytes);
}

static void start(void)
{
    if (sizeof(size_t) < 8)
        test_skip("addresses have 32 bits");
    quire_heap_init(&heap, &(quire_heap_source_t){
                               .grow = grow, .shrink = shrink, .grow_bytes = (size_t)(1024 * GIB), .keep_bytes = 1});
}

/* Every class of sizes up to 256 GiB: taken out of one extent, written at both ends, joined again. */
TEST(heap_large, every_size_class)
{
    quire_heap_stats_t stats;
    uint64_t whole;

    start();
    quire_heap_free(&heap, quire_heap_alloc(&heap, 1));
    for (uint64_t bytes = 64; bytes <= 256 * GIB; bytes += bytes / 8) {
        char *block = quire_heap_alloc(&heap, (size_t)bytes);
        char *other = quire_heap_alloc(&heap, (size_t)(bytes + bytes / 16));

        if (block == NULL)
            test_skip("the host does not promise so much memory");
        CHECK(other != NULL);
        block[0] = 1;
        block[bytes - 1] = 2;
        other[0] = 3;
        CHECK_EQUAL(quire_heap_usable_bytes(&heap, block) >= bytes, true);
        CHECK_OK(quire_heap_check(&heap));
        quire_heap_free(&heap, block);
        CHECK(quire_heap_realloc(&heap, other, (size_t)bytes) == other);
        CHECK_EQUAL(other[0], 3);
        quire_heap_free(&heap, other);
    }
    CHECK_OK(quire_heap_check(&heap));
    quire_heap_stats(&heap, &stats);
    whole = stats.free_bytes;
    CHECK_EQUAL(stats.largest_free_bytes, whole);
    quire_heap_destroy(&heap);
}

TEST(heap_large, aligned_to_gibibytes)
{
    start();
    for (uint64_t align = 4096; align <= 64 * GIB; align *= 4) {
        char *block = quire_heap_alloc_aligned(&heap, (size_t)align, (size_t)(5 * GIB));

        if (block == NULL)
            test_skip("the host does not promise so much memory");
        CHECK_EQUAL((uintptr_t)block & (align - 1), 0);
        block[5 * GIB - 1] = 1;
        CHECK_OK(quire_heap_check(&heap));
        quire_heap_free(&heap, block);
    }
    quire_heap_destroy(&heap);
}
