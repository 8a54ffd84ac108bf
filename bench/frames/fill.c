/* SPDX-License-Identifier: MIT */
/* fill.c - memory as a row wants it before it is measured; and the row that is about memory's history alone. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>

#include "job.h"

#define BLOCK_HOLES 10u /* of 1,024: 99 % full */

bool is_scattered(void)
{
    return strcmp(row, "scattered") == 0 || bench_islands;
}

void fill(job_t *job, unsigned percent)
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

void fill_scattered(job_t *job)
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

/* --- huge frames recovered --- */

/* Processes come and go, files are read into memory and dropped, and one frame in fifty is the kernel's for good. In
   the end all but those are freed: how many of the 2 MiB blocks that could then be whole are whole? ORDER 1: with
   hints. */
void recover(bool hints)
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
