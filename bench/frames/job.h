/* SPDX-License-Identifier: MIT */
/* job.h - what one thread of a measurement works with, and what is being measured. */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "subject.h"

typedef struct job {
    pthread_t thread;
    unsigned cpu;
    uint64_t random;
    size_t *held; /* frames, NO_FRAME where none */
    size_t count;
    size_t takes; /* that count, and what they took */
    size_t gives;
    double take_ns;
    double give_ns;
    unsigned long locked;
} job_t;

extern const subject_t *subject;
extern const char *row;
extern unsigned order;
extern size_t frame_count;
extern unsigned thread_count;
extern size_t pairs;

static inline uint32_t next_random(job_t *job)
{
    job->random = job->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(job->random >> 32);
}

static inline size_t pick(job_t *job)
{
    return (size_t)(((uint64_t)next_random(job) * job->count) >> 32);
}

static inline void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

/* fill.c: memory as a row wants it before it is measured. */
bool is_scattered(void);
/* Fills `percent` of memory, this thread's share of it, and shuffles, so that order of age is not order of place. */
void fill(job_t *job, unsigned percent);
/* Takes all of a large memory with few calls, but for job->held: single frames in blocks that are far apart. */
void fill_scattered(job_t *job);
/* The row "recover". */
void recover(bool hints);

#endif
