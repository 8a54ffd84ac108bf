/* SPDX-License-Identifier: MIT */
/*
 * tsan_heap.c - several threads on one heap, under the thread sanitizer.
 *
 * Blocks pass from thread to thread through shared slots, so most are freed by another thread than the one that
 * allocated them. Whoever takes a block out of a slot owns it, and finds in it what the last owner wrote.
 */
#include <pthread.h>
#include <stdlib.h>

#include "host.h"

#define THREADS 4
#define SLOTS   64

typedef struct block {
    size_t bytes;
    unsigned char content[];
} block_t;

typedef struct worker {
    pthread_t thread;
    unsigned cpu;
    uint64_t random;
    bool good;
} worker_t;

static quire_heap_t heap;
static block_t *slots[SLOTS];
static worker_t workers[THREADS];

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    void *got = malloc(bytes);

    (void)context;
    if (got == NULL)
        return QUIRE_NO_MEMORY;
    *memory = got;
    *memory_bytes = bytes;
    return QUIRE_OK;
}

static void shrink(void *context, void *memory, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(memory);
}

static uint64_t next_random(worker_t *worker)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return worker->random >> 33;
}

static void fill(block_t *block, size_t bytes)
{
    block->bytes = bytes;
    for (size_t i = 0; i < bytes; i++)
        block->content[i] = (unsigned char)(bytes + i);
}

static bool is_filled(const block_t *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block->content[i] != (unsigned char)(block->bytes + i))
            return false;
    }
    return true;
}

static block_t *exchange(worker_t *worker, block_t *block)
{
    return __atomic_exchange_n(&slots[next_random(worker) % SLOTS], block, __ATOMIC_ACQ_REL);
}

/* Takes the block out of a slot, puts a new one, or the same one resized, into another. */
static void step(worker_t *worker)
{
    size_t bytes = next_random(worker) % ((size_t)1 << (1 + next_random(worker) % 12));
    block_t *old = exchange(worker, NULL);
    block_t *new;

    if (old != NULL && !is_filled(old, old->bytes))
        worker->good = false;
    if (next_random(worker) % 4 == 0) {
        new = quire_heap_realloc(&heap, old, sizeof(*new) + bytes);
    } else {
        quire_heap_free(&heap, old);
        new = quire_heap_alloc(&heap, sizeof(*new) + bytes);
    }
    if (new == NULL) {
        worker->good = false;
        return;
    }
    fill(new, bytes);
    quire_heap_free(&heap, exchange(worker, new));
}

static void *work(void *context)
{
    worker_t *worker = context;

    host_use_cpu(worker->cpu);
    for (unsigned i = 0; i < 3000 * test_effort(); i++) {
        quire_heap_stats_t stats;

        step(worker);
        if (i % 256 == 0)
            quire_heap_stats(&heap, &stats);
        if (i % 1024 == 0)
            quire_heap_trim(&heap);
    }
    return NULL;
}

TEST(heap_threads, share_one_heap)
{
    quire_heap_stats_t stats;

    quire_heap_init(&heap, &(quire_heap_source_t){.grow = grow, .shrink = shrink, .grow_bytes = 8192});
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.cpu = i, .random = test_random(), .good = true};
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        CHECK(workers[i].good);
    }
    CHECK_OK(quire_heap_check(&heap));
    for (unsigned i = 0; i < SLOTS; i++) {
        quire_heap_free(&heap, slots[i]);
        slots[i] = NULL;
    }
    CHECK_OK(quire_heap_check(&heap));
    quire_heap_stats(&heap, &stats);
    CHECK_EQUAL(stats.used_blocks, 0);
    CHECK_EQUAL(stats.used_bytes, 0);
    quire_heap_destroy(&heap);
}
