/* SPDX-License-Identifier: MIT */
/*
 * bench.c - one measurement of one frame allocator; bench/pmm.sh makes a table of many.
 *
 *   frames SUBJECT ROW ORDER GIB THREADS PAIRS
 *
 * Callgrind collects the subjects' functions (NAME_take, NAME_give; quire_pmm_alloc, quire_pmm_free) and forgets what
 * it has counted when filling memory is over. Prints one line: pairs made by all threads, nanoseconds a take,
 * nanoseconds a give, locked instructions a pair; times include the harness. Where takes and gives alternate, both
 * times are half of a pair's. Rows that measure takes alone count nothing of their gives, locked instructions neither.
 *
 * With several threads, only what happened while all of them were running counts: for each stretch of work a thread
 * asks the others' processor clocks how much of it they ran. A stretch in which another waited is measured again; if
 * there are not enough of them, the line says "-".
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
#include <time.h>
#include <valgrind/callgrind.h>

#include "job.h"

#define STRETCH     4096u /* pairs between two looks at whether others run, too */
#define LONGEST_NS  5e9   /* with several threads: then what has been measured must do */
#define BURST       512u
#define THREADS_MAX 16u
#define TOGETHER    0.9 /* of a stretch: less, and others did not run beside it */

__thread unsigned bench_cpu;
bool bench_islands;
__thread unsigned long bench_locked;

/* A stretch of work that is measured. */
typedef struct stretch {
    double own;
    double wall;
    double others; /* all other threads' processor time */
    unsigned long locked;
} stretch_t;

const subject_t *subject;
const char *row;
unsigned order;
size_t frame_count;
unsigned thread_count;
size_t pairs;
static pthread_barrier_t barrier;
static job_t jobs[THREADS_MAX];
static unsigned finished; /* threads that have measured enough, and go on to keep the others company */

/* --- helpers --- */

static double now(void)
{
    struct timespec time;

    /* Of the thread: a machine that others use must not count against anybody. Spinning for a lock does count. */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double read_clock(clockid_t id)
{
    struct timespec time;

    if (clock_gettime(id, &time) != 0)
        return 0;
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double clock_of_others(const job_t *job)
{
    double sum = 0;

    for (unsigned at = 0; at < thread_count; at++) {
        clockid_t id;
        if (at != job->cpu && pthread_getcpuclockid(jobs[at].thread, &id) == 0)
            sum += read_clock(id);
    }
    return sum;
}

static stretch_t begin(const job_t *job)
{
    stretch_t stretch = {.locked = bench_locked};

    if (thread_count > 1) {
        stretch.others = clock_of_others(job);
        stretch.wall = read_clock(CLOCK_MONOTONIC);
    }
    stretch.own = now();
    return stretch;
}

/* Adds the stretch to what counts, if everybody was running. */
static bool end(job_t *job, const stretch_t *stretch, double *ns)
{
    double own = now() - stretch->own;

    if (thread_count > 1) {
        double wall = read_clock(CLOCK_MONOTONIC) - stretch->wall;
        double others = clock_of_others(job) - stretch->others;
        if (own < TOGETHER * wall || others < TOGETHER * wall * (thread_count - 1))
            return false;
    }
    *ns += own;
    job->locked += bench_locked - stretch->locked;
    return true;
}

static void begin_to_count(void)
{
    CALLGRIND_ZERO_STATS;
    bench_locked = 0;
}

/* --- what is measured --- */

static void measured_take(size_t *held, size_t count)
{
    for (size_t at = 0; at < count; at++)
        held[at] = subject->take(order, 0);
}

static void measured_give(const size_t *held, size_t count)
{
    for (size_t at = 0; at < count; at++)
        subject->give(held[at], order);
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

static void measured_gives(size_t **holes)
{
    for (unsigned at = 0; at < BURST; at++)
        subject->give(*holes[at], order);
}

static void measured_takes(size_t **holes)
{
    for (unsigned at = 0; at < BURST; at++)
        *holes[at] = subject->take(order, 0);
}

/* --- rows --- */

static void run_bulk(job_t *job)
{
    size_t share = (frame_count >> order) / thread_count / 2;
    size_t count = share < pairs ? share : pairs;
    size_t length = thread_count > 1 && count > STRETCH ? STRETCH : count;

    for (size_t at = 0; at + length <= count; at += length) {
        stretch_t stretch = begin(job);
        measured_take(job->held + at, length);
        if (end(job, &stretch, &job->take_ns))
            job->takes += length;
    }
    for (size_t at = 0; at + length <= count; at += length) {
        stretch_t stretch = begin(job);
        measured_give(job->held + at, length);
        if (end(job, &stretch, &job->give_ns))
            job->gives += length;
    }
}

static void run_pairs(job_t *job)
{
    double ns = 0;
    stretch_t stretch = begin(job);

    if (strcmp(row, "repeat") == 0)
        measured_repeat(pairs);
    else
        measured_random(job, pairs);
    if (!end(job, &stretch, &ns))
        return;
    job->take_ns += ns / 2;
    job->give_ns += ns / 2;
    job->takes += pairs;
    job->gives += pairs;
}

static void run_churn(job_t *job)
{
    size_t *holes[BURST];
    size_t start_at = pick(job);
    stretch_t stretch;

    /* Neighbours in the shuffled array are strangers in memory, and no place comes twice. */
    for (unsigned at = 0; at < BURST; at++)
        holes[at] = &job->held[(start_at + at) % job->count];
    stretch = begin(job);
    measured_gives(holes);
    if (end(job, &stretch, &job->give_ns))
        job->gives += BURST;
    stretch = begin(job);
    measured_takes(holes);
    if (end(job, &stretch, &job->take_ns))
        job->takes += BURST;
}

static void run_full(job_t *job)
{
    size_t holes = is_scattered() ? job->count : job->count / 100;
    stretch_t stretch;

    holes = holes < pairs ? holes : pairs;
    for (size_t at = 0; at < holes; at++)
        subject->give(job->held[at], order);
    stretch = begin(job);
    measured_take(job->held, holes);
    if (end(job, &stretch, &job->take_ns))
        job->takes += holes;
    job->gives = job->takes;
}

static void run_once(job_t *job)
{
    if (strcmp(row, "bulk") == 0)
        run_bulk(job);
    else if (strcmp(row, "churn") == 0)
        run_churn(job);
    else if (strcmp(row, "full") == 0 || is_scattered())
        run_full(job);
    else
        run_pairs(job);
}

static void prepare(job_t *job)
{
    bench_cpu = job->cpu;
    if (strcmp(row, "random") == 0)
        fill(job, 90);
    if (strcmp(row, "churn") == 0)
        fill(job, 70);
    if (strcmp(row, "full") == 0)
        fill(job, 100);
    if (is_scattered())
        fill_scattered(job);
    if (strcmp(row, "bulk") != 0)
        return;
    /* Once before it counts: the first touch of a page of records is the host's page fault, not the subject's work. */
    run_bulk(job);
    job->takes = job->gives = 0;
    job->take_ns = job->give_ns = 0;
    job->locked = 0;
}

static void *run(void *context)
{
    job_t *job = context;
    bool enough = false;
    double until;

    prepare(job);
    pthread_barrier_wait(&barrier);
    begin_to_count();
    until = read_clock(CLOCK_MONOTONIC) + LONGEST_NS;
    while (__atomic_load_n(&finished, __ATOMIC_RELAXED) < thread_count) {
        run_once(job);
        if (!enough && ((job->takes >= pairs && job->gives >= pairs) ||
                        (thread_count > 1 && read_clock(CLOCK_MONOTONIC) > until))) {
            enough = true;
            __atomic_fetch_add(&finished, 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

static void measure(void)
{
    job_t sum = {0};

    pthread_barrier_init(&barrier, NULL, thread_count);
    jobs[0].thread = pthread_self();
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
        sum.takes += jobs[at].takes;
        sum.gives += jobs[at].gives;
    }
    if (sum.takes < pairs / 10 || sum.gives < pairs / 10)
        printf("0 - - -\n");
    else
        printf("%zu %.2f %.2f %.3f\n", sum.takes, sum.take_ns / (double)sum.takes, sum.give_ns / (double)sum.gives,
               (double)sum.locked / (double)sum.takes);
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

int main(int argc, char **argv)
{
    static const subject_t *const subjects[] = {&subject_quire, &subject_next_fit, &subject_free_list, &subject_buddy,
                                                &subject_buddy_cpu};
    static const char *const names[] = {"quire", "next-fit", "free-list", "buddy", "buddy-cpu"};

    if (argc != 7)
        return 2;
    for (unsigned at = 0; at < 5; at++) {
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
