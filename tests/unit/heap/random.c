/* SPDX-License-Identifier: MIT */
/*
 * random.c - random operations against a model.
 *
 * The model is a list of blocks with the bytes that each must hold. After each step the heap checks itself; each block
 * that is touched is compared byte by byte, so blocks that overlap, or content that is lost, show at once. The source
 * fails now and then: the step must then have changed nothing that the model knows of.
 */
#include "support.h"

#include "string.h"

#define SLOTS 96

typedef struct slot {
    uint8_t *block;
    size_t bytes;
    unsigned seed;
} slot_t;

typedef struct model {
    heap_home_t *home;
    slot_t slots[SLOTS];
    size_t used_blocks;
    size_t refused;
} model_t;

/* Uniform in the number of bits: mostly small, sometimes larger than an extent. */
static size_t random_bytes(void)
{
    return (size_t)test_random_below((uint64_t)1 << (1 + test_random_below(14)));
}

static void verify(const slot_t *slot)
{
    CHECK(heap_is_filled(slot->block, slot->bytes, slot->seed));
}

static void adopt(model_t *model, slot_t *slot, void *block, size_t bytes)
{
    if (block == NULL) {
        model->refused++;
        return;
    }
    CHECK_EQUAL((uintptr_t)block % QUIRE_HEAP_ALIGN, 0);
    if (slot->block == NULL)
        model->used_blocks++;
    slot->block = block;
    slot->bytes = bytes;
    slot->seed = (unsigned)test_random();
    heap_fill(block, bytes, slot->seed);
}

static void step_alloc(model_t *model, slot_t *slot)
{
    quire_heap_t *heap = &model->home->heap;
    size_t bytes = random_bytes();
    size_t align = (size_t)1 << test_random_below(11);
    void *block;

    switch (test_random_below(4)) {
    case 0:
        block = quire_heap_alloc_aligned(heap, align, bytes);
        CHECK_EQUAL((uintptr_t)block & (align - 1), 0);
        break;
    case 1:
        block = quire_heap_alloc_zeroed(heap, bytes, 1);
        for (size_t i = 0; block != NULL && i < bytes; i++)
            CHECK(((uint8_t *)block)[i] == 0);
        break;
    default:
        block = quire_heap_alloc(heap, bytes);
        break;
    }
    adopt(model, slot, block, bytes);
}

static void step_free(model_t *model, slot_t *slot)
{
    verify(slot);
    quire_heap_free(&model->home->heap, slot->block);
    slot->block = NULL;
    model->used_blocks--;
}

static void step_resize(model_t *model, slot_t *slot)
{
    size_t bytes = random_bytes();
    void *block = quire_heap_realloc(&model->home->heap, slot->block, bytes);

    if (block != NULL) {
        CHECK(heap_is_filled(block, bytes < slot->bytes ? bytes : slot->bytes, slot->seed));
    } else {
        verify(slot);
    }
    adopt(model, slot, block, bytes);
}

/* After a trim the heap holds no more than its blocks need, and a growth step for each. */
static void expect_little_kept(model_t *model)
{
    quire_heap_stats_t stats;
    size_t most = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        const slot_t *slot = &model->slots[i];
        size_t step = slot->bytes / 8 > HEAP_GROW_BYTES ? slot->bytes / 8 : HEAP_GROW_BYTES;

        /* Of an alignment up to 1 KiB, a source that gives chunks, and the records. */
        if (slot->block != NULL)
            most += slot->bytes + step + 2 * HEAP_CHUNK_BYTES + HEAP_EXTENT_BYTES + HEAP_HEADER_BYTES;
    }
    quire_heap_trim(&model->home->heap);
    quire_heap_stats(&model->home->heap, &stats);
    CHECK(stats.source_bytes <= most);
}

static void step(model_t *model)
{
    slot_t *slot = &model->slots[test_random_below(SLOTS)];
    quire_heap_stats_t stats;

    if (slot->block == NULL)
        step_alloc(model, slot);
    else if (test_random_below(3) == 0)
        step_resize(model, slot);
    else
        step_free(model, slot);
    if (test_random_below(200) == 0)
        expect_little_kept(model);
    heap_expect_sound(model->home);
    quire_heap_stats(&model->home->heap, &stats);
    CHECK_EQUAL(stats.used_blocks, model->used_blocks);
}

static void finish(model_t *model)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (model->slots[i].block != NULL)
            step_free(model, &model->slots[i]);
    }
    heap_expect_sound(model->home);
    quire_heap_trim(&model->home->heap);
    CHECK_EQUAL(model->home->extents, 0);
}

static model_t *model_create(void)
{
    model_t *model = test_memory(sizeof(*model));

    model->home = heap_home();
    return model;
}

TEST(heap, random_operations_agree_with_a_model)
{
    model_t *model = model_create();

    for (unsigned i = 0; i < 3000 * test_effort(); i++)
        step(model);
    CHECK_EQUAL(model->refused, 0);
    finish(model);
}

TEST(heap, random_operations_with_a_source_that_fails_at_times)
{
    model_t *model = model_create();

    for (unsigned i = 0; i < 2000 * test_effort(); i++) {
        if (test_random_below(16) == 0)
            model->home->grows_left = test_random_below(4);
        step(model);
    }
    CHECK(model->refused > 0);
    finish(model);
}

/* A pointer of any kind: freed before, into the middle, into the records, or nobody's. The heap says no and changes
   nothing. */
static void step_misuse(model_t *model, const uint8_t *stale)
{
    heap_home_t *home = model->home;
    uint8_t *address = test_random_below(2) == 0 ? (uint8_t *)(uintptr_t)stale
                                                 : home->arena + test_random_below(HEAP_ARENA_BYTES / 8) * 8;

    for (unsigned i = 0; i < SLOTS; i++) {
        if (model->slots[i].block == address)
            return;
    }
    heap_remember(home);
    if (test_random_below(2) == 0)
        quire_heap_free(&home->heap, address);
    else
        CHECK(quire_heap_realloc(&home->heap, address, random_bytes()) == NULL);
    heap_expect_report(home, address);
    heap_expect_unchanged(home);
}

TEST(heap, random_misuse_changes_nothing)
{
    model_t *model = model_create();
    uint8_t *stale[64];

    for (unsigned i = 0; i < 64; i++)
        stale[i] = model->home->arena;
    model->home->heap.source.keep_bytes = 2 * HEAP_GROW_BYTES;
    for (unsigned i = 0; i < 1000 * test_effort(); i++) {
        uint8_t *held = model->slots[test_random_below(SLOTS)].block;

        if (held != NULL)
            stale[test_random_below(64)] = held;
        step(model);
        step_misuse(model, stale[test_random_below(64)]);
    }
    finish(model);
}

/* A source so small that the heap is full most of the time. */
TEST(heap, random_operations_in_a_full_heap)
{
    model_t *model = model_create();

    for (size_t i = 48; i < HEAP_CHUNKS; i++)
        model->home->taken[i] = true;
    for (unsigned i = 0; i < 2000 * test_effort(); i++)
        step(model);
    CHECK(model->refused > 0);
    finish(model);
}

/* The same short life of a program, with the source failing at its first call, at its second, and so on. Returns
   whether it ever failed. */
static bool live_with_failure_at(size_t call)
{
    static const uint16_t sizes[] = {40, 5000, 100, 3900, 12000, 7, 4064, 900};
    heap_home_t *home = heap_home();
    void *blocks[8];
    bool failed = false;

    home->grows_left = call;
    for (unsigned i = 0; i < 8; i++) {
        blocks[i] =
            i % 2 == 0 ? quire_heap_alloc(&home->heap, sizes[i]) : quire_heap_alloc_aligned(&home->heap, 256, sizes[i]);
        failed |= blocks[i] == NULL;
        heap_expect_sound(home);
    }
    for (unsigned i = 0; i < 8; i++) {
        void *block = quire_heap_realloc(&home->heap, blocks[i], sizes[7 - i]);

        failed |= block == NULL;
        if (block != NULL)
            blocks[i] = block;
        heap_expect_sound(home);
    }
    for (unsigned i = 0; i < 8; i++)
        quire_heap_free(&home->heap, blocks[i]);
    heap_expect_sound(home);
    quire_heap_destroy(&home->heap);
    CHECK_EQUAL(home->extents, 0);
    test_home_release();
    return failed;
}

TEST(heap, survives_a_failure_at_every_call_of_the_source)
{
    size_t call = 0;

    while (live_with_failure_at(call))
        call++;
    CHECK(call >= 4);
}
