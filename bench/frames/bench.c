/* SPDX-License-Identifier: MIT */
/*
 * bench.c - one measurement of one frame allocator; bench/pmm.sh makes a table of many.
 *
 *   frames SUBJECT ROW ORDER GIB THREADS PAIRS
 *
 * Callgrind collects the subjects' functions (NAME_take, NAME_give; quire_pmm_alloc, quire_pmm_free) and forgets what
 * it has counted when filling memory is over. Prints one line: pairs made by each thread, nanoseconds a take,
 * nanoseconds a give, locked instructions a pair; times include the harness.
 *
 * Rows. bulk: take many, give them in the same order. repeat: take one, give it. random: memory 90 % full; give one at
 * random, take one. churn: 70 % full; give 512 at random, take 512: more than any cache of a CPU holds. full: 99 %
 * full, the free frames scattered; only takes are measured. scattered: the same where only some blocks of order 10 are
 * 99 % full and all others wholly: PAIRS free frames. islands: of 16 GiB there are only 4 MiB, and one frame of these
 * is free. start: PAIRS times from the map to a ready allocator. recover: see recover().
 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "subject.h"

#define BURST       512u
#define THREADS_MAX 16u
#define BLOCK_HOLES 10u /* of 1,024: 99 % full */

__thread unsigned bench_cpu;
bool bench_islands;
__thread unsigned long bench_locked;

typedef struct job {
    pthread_t thread;
    unsigned cpu;
    uint64_t random;
    size_t *held; /* frames, NO_FRAME where none */
    size_t count;
    double take_ns;
    double give_ns;
    double locked;
} job_t;

static const subject_t *subject;
static const char *row;
static unsigned order;
static size_t frame_count;
static unsigned thread_count;
static size_t pairs;
static pthread_barrier_t barrier;

/* --- helpers --- */

static double now(void)
{
    struct timespec time;

    /* Of the thread: a machine that others use must not count against anybody. Spinning for a lock does count. */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void begin_to_count(void)
{
    CALLGRIND_ZERO_STATS;
    bench_locked = 0;
}

static uint32_t next_random(job_t *job)
{
    job->random = job->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(job->random >> 32);
}

static size_t pick(job_t *job)
{
    return (size_t)(((uint64_t)next_random(job) * job->count) >> 32);
}

static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

/* --- what is measured --- */

static void measured_take(job_t *job, size_t count)
{
    for (size_t at = 0; at < count; at++)
        job->held[at] = subject->take(order, 0);
}

static void measured_give(job_t *job, size_t count)
{
    for (size_t at = 0; at < count; at++)
        subject->give(job->held[at], order);
}

static void measured_repeat(size_t count)
{
    for (size_t at = 0; at < count; at++)
        subject->give(subject->take(order, 0), order);
}

static void measured_random(job_t *job, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        size_t *held = &job->held[pick(job)];
        subject->give(*held, order);
        *held = subject->take(order, 0);
    }
}

static void measured_burst(size_t **holes)
{
    for (unsigned at = 0; at < BURST; at++)
        subject->give(*holes[at], order);
    for (unsigned at = 0; at < BURST; at++)
        *holes[at] = subject->take(order, 0);
}

/* --- rows --- */

static bool is_scattered(void)
{
    return strcmp(row, "scattered") == 0 || bench_islands;
}

/* Fills `percent` of memory, this thread's share of it, and shuffles, so that order of age is not order of place. */
static void fill(job_t *job, unsigned percent)
{
    size_t wanted = (frame_count >> order) / thread_count * percent / 100;

    while (job->count < wanted) {
        size_t frame = subject->take(order, 0);
        if (frame == NO_FRAME)
            break;
        job->held[job->count++] = frame;
    }
    for (size_t at = job->count; at > 1; at--) {
        size_t other = (size_t)(((uint64_t)next_random(job) * at) >> 32);
        size_t frame = job->held[at - 1];
        job->held[at - 1] = job->held[other];
        job->held[other] = frame;
    }
}

/* Frees a block and takes it again frame by frame, but for some at random: job->held gets those. */
static void scatter(job_t *job, size_t block, size_t *singles)
{
    job_t shuffle = {.random = job->random};
    size_t holes = bench_islands ? 1 : BLOCK_HOLES;

    subject->give(block, ORDER_MAX);
    while (shuffle.count < (size_t)1 << ORDER_MAX)
        singles[shuffle.count++] = subject->take(0, 0);
    for (; holes > 0 && job->count < pairs; holes--, shuffle.count--) {
        size_t *chosen = &singles[pick(&shuffle)];
        job->held[job->count++] = *chosen;
        *chosen = singles[shuffle.count - 1];
    }
    job->random = shuffle.random;
}

/* Takes all of a large memory with few calls, but for job->held: single frames in blocks that are far apart. */
static void fill_scattered(job_t *job)
{
    size_t *blocks = reserve((frame_count >> ORDER_MAX) * sizeof(size_t));
    size_t *singles = reserve(sizeof(size_t) << ORDER_MAX);
    job_t shuffle = {.random = 42};

    while (shuffle.count < frame_count >> ORDER_MAX) {
        size_t frame = subject->take(ORDER_MAX, 0);
        if (frame == NO_FRAME)
            break;
        blocks[shuffle.count++] = frame;
    }
    for (unsigned rest = ORDER_MAX; rest-- > 0;) {
        for (unsigned at = 0; at < 1u << ORDER_MAX && subject->take(rest, 0) != NO_FRAME;)
            at++;
    }
    for (; shuffle.count > 0 && job->count < pairs; shuffle.count--) {
        size_t *chosen = &blocks[pick(&shuffle)];
        scatter(job, *chosen, singles);
        *chosen = blocks[shuffle.count - 1];
    }
}

static void run_bulk(job_t *job)
{
    size_t share = (frame_count >> order) / thread_count / 2;
    size_t count = share < pairs ? share : pairs;

    /* Once before it counts: the first touch of a page of records is the host's page fault, not the subject's work. */
    measured_take(job, count);
    measured_give(job, count);
    begin_to_count();
    for (size_t done = 0; done < pairs; done += count) {
        double start = now();
        measured_take(job, count);
        double middle = now();
        measured_give(job, count);
        job->take_ns += middle - start;
        job->give_ns += now() - middle;
    }
}

static void run_pairs(job_t *job)
{
    double start = now();

    if (strcmp(row, "repeat") == 0)
        measured_repeat(pairs);
    else
        measured_random(job, pairs);
    job->take_ns = now() - start;
}

static void run_churn(job_t *job)
{
    for (size_t done = 0; done < pairs; done += BURST) {
        size_t *holes[BURST];
        size_t start_at = pick(job);
        /* Neighbours in the shuffled array are strangers in memory, and no place comes twice. */
        for (unsigned at = 0; at < BURST; at++)
            holes[at] = &job->held[(start_at + at) % job->count];
        double start = now();
        measured_burst(holes);
        job->take_ns += now() - start;
    }
}

static void run_full(job_t *job)
{
    size_t holes = is_scattered() ? job->count : job->count / 100;

    holes = holes < pairs ? holes : pairs;
    for (size_t done = 0; done < pairs; done += holes) {
        for (size_t at = 0; at < holes; at++)
            subject->give(job->held[at], order);
        double start = now();
        measured_take(job, holes);
        job->take_ns += now() - start;
    }
}

static void *run(void *context)
{
    job_t *job = context;

    bench_cpu = job->cpu;
    if (strcmp(row, "random") == 0)
        fill(job, 90);
    if (strcmp(row, "churn") == 0)
        fill(job, 70);
    if (strcmp(row, "full") == 0)
        fill(job, 100);
    if (is_scattered())
        fill_scattered(job);
    pthread_barrier_wait(&barrier);
    begin_to_count();
    if (strcmp(row, "bulk") == 0)
        run_bulk(job);
    else if (strcmp(row, "churn") == 0)
        run_churn(job);
    else if (strcmp(row, "full") == 0 || is_scattered())
        run_full(job);
    else
        run_pairs(job);
    job->locked = (double)bench_locked;
    return NULL;
}

static void measure(void)
{
    static job_t jobs[THREADS_MAX];
    job_t sum = {0};

    pthread_barrier_init(&barrier, NULL, thread_count);
    for (unsigned at = 0; at < thread_count; at++) {
        jobs[at].cpu = at;
        jobs[at].random = 0x9e3779b97f4a7c15u * (at + 1);
        jobs[at].held = reserve(((frame_count >> order) / thread_count + 1) * sizeof(size_t));
        if (at > 0 && pthread_create(&jobs[at].thread, NULL, run, &jobs[at]) != 0)
            abort();
    }
    run(&jobs[0]);
    for (unsigned at = 0; at < thread_count; at++) {
        if (at > 0)
            pthread_join(jobs[at].thread, NULL);
        sum.take_ns += jobs[at].take_ns;
        sum.give_ns += jobs[at].give_ns;
        sum.locked += jobs[at].locked;
    }
    double all = (double)pairs * thread_count;
    printf("%zu %.2f %.2f %.3f\n", pairs, sum.take_ns / all, sum.give_ns / all, sum.locked / all);
}

static void start_again(void *records, size_t bytes)
{
    double least = 1e18;

    for (size_t at = 0; at < pairs; at++) {
        memset(records, 0, bytes < 4096 ? bytes : 4096);
        double begin = now();
        subject->start(records, frame_count);
        double took = now() - begin;
        least = took < least ? took : least;
    }
    printf("%zu %.2f 0 0\n", pairs, least);
}

/* --- huge frames recovered --- */

/* Processes come and go, files are read into memory and dropped, and one frame in fifty is the kernel's for good. In
   the end all but those are freed: how many of the 2 MiB blocks that could then be whole are whole? ORDER 1: with
   hints. */
static void recover(bool hints)
{
    size_t count = frame_count * 9 / 10;
    size_t *held = reserve(count * sizeof(size_t));
    uint8_t *kinds = reserve(count);
    job_t job = {.random = 42, .count = count};
    size_t kept = 0;
    size_t whole = 0;

    for (size_t step = 0; step < 3 * count; step++) {
        size_t at = step < count ? step : pick(&job);
        if (held[at] != NO_FRAME && kinds[at] == 1)
            continue;
        if (held[at] != NO_FRAME)
            subject->give(held[at], 0);
        /* Three runs over memory replace each frame twice: a hundred and fiftieth of them ends as one in fifty. */
        kinds[at] = next_random(&job) % 150 == 0;
        held[at] = subject->take(0, hints ? kinds[at] : 0);
    }
    for (size_t at = 0; at < count; at++) {
        kept += kinds[at];
        if (!kinds[at])
            subject->give(held[at], 0);
    }
    while (subject->take(9, 0) != NO_FRAME)
        whole++;
    printf("%zu %.2f 0 0\n", kept, 100.0 * (double)whole / (double)((frame_count - kept) / 512));
}

int main(int argc, char **argv)
{
    static const subject_t *const subjects[] = {&subject_quire, &subject_next_fit, &subject_buddy, &subject_buddy_cpu};
    static const char *const names[] = {"quire", "next-fit", "buddy", "buddy-cpu"};

    if (argc != 7)
        return 2;
    for (unsigned at = 0; at < 4; at++) {
        if (strcmp(argv[1], names[at]) == 0)
            subject = subjects[at];
    }
    row = argv[2];
    bench_islands = strcmp(row, "islands") == 0;
    order = (unsigned)atoi(argv[3]);
    frame_count = (size_t)atol(argv[4]) << (30 - 12);
    thread_count = (unsigned)atoi(argv[5]);
    pairs = (size_t)atol(argv[6]);
    if (subject == NULL || order > ORDER_MAX || thread_count == 0 || thread_count > THREADS_MAX)
        return 2;
    size_t bytes = subject->record_bytes(frame_count);
    if (strcmp(row, "bytes") == 0) {
        printf("%zu %.3f 0 0\n", frame_count, (double)bytes / (double)frame_count);
        return 0;
    }
    void *records = reserve(bytes);
    subject->start(records, frame_count);
    if (strcmp(row, "start") == 0)
        start_again(records, bytes);
    else if (strcmp(row, "recover") == 0)
        recover(order == 1);
    else
        measure();
    return 0;
}
