/* SPDX-License-Identifier: MIT */
/*
 * heap.c - any sequence of calls of a heap, beside a model of what each block must hold.
 *
 * The source is the C library's malloc, so that AddressSanitizer sees each look at memory that has gone back. Among the
 * calls are wrong ones: pointers that were freed, that lead into the middle of something or to nothing, and headers and
 * links that were written over and are put right again afterwards. Each of those must be reported, and change nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <quire/heap.h>

#define STEPS_MAX 400
#define SLOTS     24
#define OLD       16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct slot {
    uint8_t *block;
    size_t bytes;
    uint8_t seed;
} slot_t;

static struct {
    const uint8_t *data;
    size_t size;
    quire_heap_t heap;
    slot_t slots[SLOTS];
    uint8_t *old[OLD];
    unsigned reports;
    size_t extents;
} now;

static unsigned next(unsigned bound)
{
    if (now.size == 0)
        return 0;
    now.size--;
    return *now.data++ % bound;
}

static void expect(bool good)
{
    if (!good)
        abort();
}

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    (void)context;
    if (bytes > (size_t)1 << 24 || next(32) == 31)
        return QUIRE_NO_MEMORY;
    *memory = malloc(bytes);
    expect(*memory != NULL);
    *memory_bytes = bytes;
    now.extents++;
    return QUIRE_OK;
}

static void shrink(void *context, void *memory, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(memory);
    now.extents--;
}

static void report(void *context, const char *what, const void *address)
{
    (void)context;
    (void)address;
    expect(what != NULL);
    now.reports++;
}

/* --- the model --- */

static void expect_content(const slot_t *slot, size_t bytes)
{
    for (size_t at = 0; at < bytes; at++)
        expect(slot->block[at] == (uint8_t)(slot->seed + at));
}

static void adopt(slot_t *slot, uint8_t *block, size_t bytes)
{
    *slot = (slot_t){block, bytes, (uint8_t)next(256)};
    for (size_t at = 0; at < bytes; at++)
        block[at] = (uint8_t)(slot->seed + at);
    now.old[next(OLD)] = block;
}

/* Small, about the growth step of 4 KiB, or far beyond it. */
static size_t next_bytes(void)
{
    unsigned kind = next(4);
    size_t bytes = next(256);

    return kind < 2 ? bytes : kind == 2 ? 3900 + bytes : bytes * 256;
}

static void take(slot_t *slot)
{
    size_t bytes = next_bytes();
    size_t align = (size_t)1 << next(15);
    uint8_t *block;

    switch (next(3)) {
    case 0:
        block = quire_heap_alloc(&now.heap, bytes);
        break;
    case 1:
        block = quire_heap_alloc_zeroed(&now.heap, bytes, 1);
        for (size_t at = 0; block != NULL && at < bytes; at++)
            expect(block[at] == 0);
        break;
    default:
        block = quire_heap_alloc_aligned(&now.heap, align, bytes);
        expect(((uintptr_t)block & (align - 1)) == 0);
    }
    if (block != NULL)
        adopt(slot, block, bytes);
}

static void give(slot_t *slot)
{
    expect_content(slot, slot->bytes);
    quire_heap_free(&now.heap, slot->block);
    slot->block = NULL;
}

static void resize(slot_t *slot)
{
    size_t bytes = next_bytes();
    uint8_t *block = quire_heap_realloc(&now.heap, slot->block, bytes);

    if (block == NULL) {
        expect_content(slot, slot->bytes);
        return;
    }
    slot->block = block;
    expect_content(slot, bytes < slot->bytes ? bytes : slot->bytes);
    adopt(slot, block, bytes);
}

/* A pointer that is no block's now. */
static void misuse(void)
{
    uint8_t *address = now.old[next(OLD)];

    if (address == NULL)
        return;
    if (next(3) == 0)
        address = (uint8_t *)((uintptr_t)address + (size_t)next(256) * 8 - 64);
    for (unsigned at = 0; at < SLOTS; at++) {
        if (now.slots[at].block == address)
            return;
    }
    switch (next(3)) {
    case 0:
        quire_heap_free(&now.heap, address);
        break;
    case 1:
        expect(quire_heap_realloc(&now.heap, address, next_bytes()) == NULL);
        break;
    default:
        expect(quire_heap_usable_bytes(&now.heap, address) == 0);
    }
    expect(now.reports == 1);
    now.reports = 0;
}

/* A header is written over: freeing its block is refused, the check says so, and all is well when it is put right. */
static void damage(slot_t *slot)
{
    size_t *word = (size_t *)(void *)slot->block - 1 - next(2);
    size_t flipped = (size_t)1 << next(8 * sizeof(size_t));

    *word ^= flipped;
    quire_heap_free(&now.heap, slot->block);
    expect(now.reports == 1);
    expect(quire_heap_check(&now.heap) == QUIRE_CORRUPT && now.reports == 2);
    *word ^= flipped;
    now.reports = 0;
}

static void step(void)
{
    unsigned kind = next(16);
    slot_t *slot = &now.slots[next(SLOTS)];

    if (kind == 15)
        quire_heap_trim(&now.heap);
    else if (kind >= 12)
        misuse();
    else if (slot->block == NULL)
        take(slot);
    else if (kind < 6)
        give(slot);
    else if (kind < 10)
        resize(slot);
    else
        damage(slot);
    expect(quire_heap_check(&now.heap) == QUIRE_OK && now.reports == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&now, 0, sizeof(now));
    now.data = data;
    now.size = size;
    quire_heap_init(&now.heap, &(quire_heap_source_t){.grow = grow,
                                                      .shrink = next(8) == 7 ? NULL : shrink,
                                                      .grow_bytes = next(4) == 3 ? 100 : 4096,
                                                      .keep_bytes = (size_t)next(4) * 4096});
    now.heap.report = report;
    for (unsigned at = 0; at < STEPS_MAX && now.size > 0; at++)
        step();
    for (unsigned at = 0; at < SLOTS; at++) {
        if (now.slots[at].block != NULL)
            give(&now.slots[at]);
    }
    expect(quire_heap_check(&now.heap) == QUIRE_OK && now.reports == 0);
    now.heap.source.shrink = shrink;
    quire_heap_destroy(&now.heap);
    expect(now.extents == 0);
    return 0;
}
