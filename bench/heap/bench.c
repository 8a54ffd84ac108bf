/* SPDX-License-Identifier: MIT */
/*
 * bench.c - the same allocations, from Quire's heap, from the C library's, and from nobody.
 *
 *     bench SUBJECT ROW COUNT [HISTORY]
 *
 * SUBJECT: quire, libc, or none, which returns always the same memory: it costs what the harness costs. ROW: what is
 * allocated. COUNT: how many pairs of an allocation and a free, at least. Prints how many there really were, and the
 * nanoseconds of processor time each took. Instructions are counted from outside (heap.sh).
 *
 * HISTORY: what the heap has lived through before, on which a figure depends. "long", which is meant if nothing is
 * said: 4,096 blocks came and half of them went, so that holes of every size lie about, and the search finds one at
 * once. "one": one block is held, and all else is one large free block, which each allocation cuts and each free joins
 * again. "none": the heap was never used, so each pair begins and ends with a heap that is empty.
 *
 * Every block's first byte is written, as a program would. Quire's lock is a real one: an atomic exchange, and a store.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <quire/heap.h>

#define BATCH      1000
#define MIXED_BITS 13 /* 8 bytes shifted by 0 to 13: up to 64 KiB */
#define HISTORY    4096

typedef struct subject {
    const char *name;
    void *(*take)(size_t bytes);
    void (*give)(void *block);
} subject_t;

typedef struct row {
    const char *name;
    size_t (*run)(const subject_t *subject, size_t bytes, size_t count);
    size_t bytes;
} row_t;

/* --- the subjects --- */

static quire_heap_t heap;
static char nothing[1 << 17];

void quire_port_lock(quire_lock_t *lock)
{
    while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE) != 0)
        __builtin_ia32_pause();
}

void quire_port_unlock(quire_lock_t *lock)
{
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

_Noreturn void quire_port_panic(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    abort();
}

/* Never called: no events are recorded here. */
unsigned quire_port_cpu(void)
{
    return 0;
}

uint64_t quire_cpu_timestamp(void);
uint64_t quire_cpu_timestamp(void)
{
    return 0;
}

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    size_t rounded = (bytes + 4095) & ~(size_t)4095;
    void *got = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)context;
    if (got == MAP_FAILED)
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

static void *quire_take(size_t bytes)
{
    return quire_heap_alloc(&heap, bytes);
}

static void quire_give(void *block)
{
    quire_heap_free(&heap, block);
}

static void *libc_take(size_t bytes)
{
    return malloc(bytes);
}

static void libc_give(void *block)
{
    free(block);
}

static void *none_take(size_t bytes)
{
    (void)bytes;
    return nothing;
}

static void none_give(void *block)
{
    (void)block;
}

static const subject_t subjects[] = {
    {"quire", quire_take, quire_give},
    {"libc", libc_take, libc_give},
    {"none", none_take, none_give},
};

/* --- the rows --- */

static void *take(const subject_t *subject, size_t bytes)
{
    volatile char *block = subject->take(bytes);

    if (block == NULL)
        abort();
    *block = 1;
    return (void *)block;
}

static size_t run_pairs(const subject_t *subject, size_t bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        subject->give(take(subject, bytes));
    return count;
}

static size_t run_batch(const subject_t *subject, size_t bytes, size_t count)
{
    static void *blocks[BATCH];
    size_t done = 0;

    for (; done < count; done += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            blocks[i] = take(subject, bytes);
        for (size_t i = 0; i < BATCH; i++)
            subject->give(blocks[i]);
    }
    return done;
}

/* xorshift64 (Marsaglia, Xorshift RNGs, 2003). */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A population in which one block at a time, chosen at random, is replaced by one of a random size. */
static size_t run_mixed(const subject_t *subject, size_t bytes, size_t count)
{
    static void *blocks[BATCH];
    uint64_t state = 88172645463325252u;

    for (size_t i = 0; i < BATCH; i++)
        blocks[i] = take(subject, bytes);
    for (size_t i = 0; i < count; i++) {
        uint64_t random = next_random(&state);
        size_t least = bytes << random % MIXED_BITS;
        void **block = &blocks[(random >> 8) % BATCH];

        subject->give(*block);
        *block = take(subject, least + (random >> 24) % least);
    }
    for (size_t i = 0; i < BATCH; i++)
        subject->give(blocks[i]);
    return count + BATCH;
}

static const row_t rows[] = {
    {"5-bytes", run_pairs, 5},
    {"64-bytes", run_pairs, 64},
    {"1-KiB", run_pairs, 1024},
    {"64-KiB", run_pairs, 65536},
    {"batch-64-bytes", run_batch, 64},
    {"batch-1-KiB", run_batch, 1024},
    {"mixed-8-bytes-to-64-KiB", run_mixed, 8},
};

static uint64_t processor_nanoseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void make_history(const subject_t *subject, const char *history)
{
    static void *blocks[HISTORY];
    uint64_t state = 1234567;

    if (strcmp(history, "one") == 0)
        blocks[0] = take(subject, 100);
    if (strcmp(history, "long") != 0)
        return;
    for (size_t i = 0; i < HISTORY; i++)
        blocks[i] = take(subject, next_random(&state) % 2000);
    for (size_t i = 0; i < HISTORY; i += 2)
        subject->give(blocks[i]);
}

static int run(const subject_t *subject, const row_t *row, size_t count, const char *history)
{
    uint64_t start;
    size_t done;

    quire_heap_init(&heap, &(quire_heap_source_t){.grow = grow, .shrink = shrink});
    make_history(subject, history);
    start = processor_nanoseconds();
    done = row->run(subject, row->bytes, count);
    printf("%zu %.2f\n", done, (double)(processor_nanoseconds() - start) / (double)done);
    return 0;
}

int main(int argc, char **argv)
{
    const subject_t *subject = NULL;
    const row_t *row = NULL;
    bool complete = argc == 4 || argc == 5;

    for (size_t i = 0; complete && i < sizeof(subjects) / sizeof(subjects[0]); i++)
        subject = strcmp(subjects[i].name, argv[1]) == 0 ? &subjects[i] : subject;
    for (size_t i = 0; complete && i < sizeof(rows) / sizeof(rows[0]); i++)
        row = strcmp(rows[i].name, argv[2]) == 0 ? &rows[i] : row;
    if (subject != NULL && row != NULL)
        return run(subject, row, strtoul(argv[3], NULL, 10), argc == 5 ? argv[4] : "long");
    fprintf(stderr, "usage: bench quire|libc|none ROW COUNT [long|one|none]\n");
    return 2;
}
