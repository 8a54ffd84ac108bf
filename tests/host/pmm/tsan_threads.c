/* SPDX-License-Identifier: MIT */
/*
 * tsan_threads.c - several CPUs at once, under the thread sanitizer.
 *
 * One byte a frame, exchanged when a frame is got and when it is given back, notices at once if two owners have the
 * same frame. When all threads have ended, nothing may be lost and every rule must hold.
 */
#include <pthread.h>

#include "host.h"

#define THREADS     4
#define FRAMES      (8 * 512)
#define FIRST_FRAME 0x40000
#define HELD_MAX    700

static quire_pmm_t pmm;
static uint8_t held_by_somebody[FRAMES];

typedef struct worker {
    pthread_t thread;
    unsigned cpu;
    unsigned steps;
    uint64_t random;
    size_t count;
    struct {
        quire_frame_t frame;
        unsigned order;
    } held[HELD_MAX];
} worker_t;

static worker_t workers[THREADS];

static void start_pmm(void)
{
    static quire_memory_region_t regions[4];
    const quire_pa_t no_limit = {UINT64_MAX};
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), FRAMES * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    size_t bytes = quire_pmm_metadata_bytes(&map, no_limit);
    CHECK_OK(quire_pmm_init(&pmm, &map, no_limit, test_memory(bytes), bytes));
    for (unsigned at = 0; at < FRAMES; at++)
        held_by_somebody[at] = 0;
}

static uint64_t next_random(worker_t *worker)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return worker->random >> 33;
}

static void mark(quire_frame_t frame, unsigned order, uint8_t value)
{
    for (size_t at = 0; at < (size_t)1 << order; at++) {
        uint8_t *byte = &held_by_somebody[frame.number - FIRST_FRAME + at];
        CHECK(__atomic_exchange_n(byte, value, __ATOMIC_RELAXED) != value);
    }
}

static void take(worker_t *worker, unsigned order)
{
    quire_pmm_request_t request = {
        .order = (uint8_t)order, .owner = QUIRE_OWNER_TEST, .lifetime = (uint8_t)(next_random(worker) % 3)};
    quire_frame_t frame;

    if (worker->count == HELD_MAX || quire_pmm_alloc(&pmm, request, &frame) != QUIRE_OK)
        return;
    mark(frame, order, 1);
    worker->held[worker->count].frame = frame;
    worker->held[worker->count++].order = order;
}

static void give(worker_t *worker)
{
    if (worker->count == 0)
        return;
    size_t pick = next_random(worker) % worker->count;
    quire_frame_t frame = worker->held[pick].frame;
    unsigned order = worker->held[pick].order;
    worker->held[pick] = worker->held[--worker->count];
    mark(frame, order, 0);
    if (next_random(worker) % 4 == 0) {
        CHECK_OK(quire_pmm_retain(&pmm, frame));
        CHECK_OK(quire_pmm_release(&pmm, frame, NULL));
    }
    CHECK_OK(quire_pmm_free(&pmm, frame, order));
}

/* Frames by number, where there happen to be any. */
static void take_by_number(worker_t *worker, quire_frame_t near)
{
    size_t first = near.number & ~(size_t)7;

    if (worker->count + 8 > HELD_MAX || quire_pmm_take(&pmm, quire_frame(first), 8, QUIRE_OWNER_TEST) != QUIRE_OK)
        return;
    for (size_t at = 0; at < 8; at++) {
        mark(quire_frame(first + at), 0, 1);
        worker->held[worker->count].frame = quire_frame(first + at);
        worker->held[worker->count++].order = 0;
    }
}

/* A block given back frame by frame. */
static void give_divided(worker_t *worker)
{
    size_t last = worker->count - 1;
    quire_frame_t frame = worker->held[last].frame;
    unsigned order = worker->held[last].order;

    worker->count = last;
    mark(frame, order, 0);
    CHECK_OK(quire_pmm_split(&pmm, frame, order));
    for (size_t at = 0; at < (size_t)1 << order; at++)
        CHECK_OK(quire_pmm_free(&pmm, quire_frame(frame.number + at), 0));
    if (next_random(worker) % 4 == 0)
        take_by_number(worker, frame);
}

static void *work(void *context)
{
    static const unsigned orders[] = {0, 0, 0, 0, 0, 1, 2, 3, 6, 7, 9, 10};
    worker_t *worker = context;

    host_use_cpu(worker->cpu);
    for (unsigned step = 0; step < worker->steps; step++) {
        bool growing = (step / 500 + worker->cpu) % 3 != 0;
        if (next_random(worker) % 8 < (growing ? 5u : 2u))
            take(worker, orders[next_random(worker) % 12]);
        else if (worker->count > 0 && next_random(worker) % 16 == 0)
            give_divided(worker);
        else
            give(worker);
    }
    while (worker->count > 0)
        give(worker);
    return NULL;
}

static void run_threads(void *(*body)(void *), unsigned steps)
{
    for (unsigned at = 0; at < THREADS; at++) {
        workers[at] = (worker_t){.cpu = at, .steps = steps, .random = test_random()};
        CHECK(pthread_create(&workers[at].thread, NULL, body, &workers[at]) == 0);
    }
    for (unsigned at = 0; at < THREADS; at++)
        CHECK(pthread_join(workers[at].thread, NULL) == 0);
}

static size_t take_all(quire_frame_t *frames)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    size_t count = 0;

    while (count < FRAMES && quire_pmm_alloc(&pmm, request, &frames[count]) == QUIRE_OK)
        count++;
    return count;
}

TEST(pmm_threads, any_operations)
{
    static quire_frame_t all[FRAMES];

    start_pmm();
    for (unsigned round = 0; round < 3 * test_effort(); round++) {
        run_threads(work, 6000);
        CHECK_OK(quire_pmm_check(&pmm));
        CHECK_EQUAL(take_all(all), FRAMES);
        for (size_t at = 0; at < FRAMES; at++)
            CHECK_OK(quire_pmm_free(&pmm, all[at], 0));
        CHECK_OK(quire_pmm_check(&pmm));
    }
}

/* Everybody takes until there is no more: together they have every frame, each once. */
static void *take_until_empty(void *context)
{
    worker_t *worker = context;
    quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST, .lifetime = (uint8_t)(worker->cpu % 3)};
    quire_frame_t frame;

    host_use_cpu(worker->cpu);
    while (quire_pmm_alloc(&pmm, request, &frame) == QUIRE_OK) {
        mark(frame, 0, 1);
        worker->count++;
    }
    return NULL;
}

static void *give_a_share(void *context)
{
    worker_t *worker = context;

    host_use_cpu(worker->cpu);
    for (size_t at = worker->cpu; at < FRAMES; at += THREADS) {
        mark(quire_frame(FIRST_FRAME + at), 0, 0);
        CHECK_OK(quire_pmm_free(&pmm, quire_frame(FIRST_FRAME + at), 0));
    }
    return NULL;
}

TEST(pmm_threads, exhausted_together)
{
    static quire_frame_t rest[FRAMES];

    start_pmm();
    for (unsigned round = 0; round < 30 * test_effort(); round++) {
        size_t count = 0;
        run_threads(take_until_empty, 0);
        for (unsigned at = 0; at < THREADS; at++)
            count += workers[at].count;
        /* A thread that gave up while another held a word in its hands has not failed: the rest is still there. */
        size_t left = take_all(rest);
        for (size_t at = 0; at < left; at++)
            mark(rest[at], 0, 1);
        CHECK_EQUAL(count + left, FRAMES);
        CHECK_OK(quire_pmm_check(&pmm));
        run_threads(give_a_share, 0);
        CHECK_OK(quire_pmm_check(&pmm));
    }
}

static unsigned gate;
static unsigned refused;

static void *take_the_first(void *context)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    worker_t *worker = context;
    quire_frame_t frame;

    host_use_cpu(worker->cpu);
    __atomic_fetch_add(&gate, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) < THREADS)
        continue;
    if (quire_pmm_alloc(&pmm, request, &frame) == QUIRE_OK)
        mark(frame, 0, 1);
    else
        __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* One chunk that has never been used, and everybody wants a frame of it at once. */
TEST(pmm_threads, the_first_frames_of_all)
{
    static quire_memory_region_t regions[4];
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), 512 * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    size_t bytes = quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
    uint8_t *memory = test_memory(bytes);
    refused = 0;
    for (unsigned round = 0; round < 300 * test_effort(); round++) {
        for (size_t at = 0; at < bytes; at++)
            memory[at] = (uint8_t)(round % 2 == 0 ? 0xff : 0x41);
        CHECK_OK(quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), memory, bytes));
        for (unsigned at = 0; at < FRAMES; at++)
            held_by_somebody[at] = 0;
        gate = 0;
        run_threads(take_the_first, 0);
        CHECK_OK(quire_pmm_check(&pmm));
    }
    CHECK_EQUAL(refused, 0);
}
