/* SPDX-License-Identifier: MIT */
/*
 * subject.h - what the frame allocators that are compared have in common.
 *
 * Frames are numbers; nobody touches the memory they stand for. A subject is told once how many frames there are,
 * starting at FIRST_FRAME, and gets zeroed memory for its records.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pmm/atomic.h"

#define FIRST_FRAME ((size_t)1 << 20) /* 4 GiB: aligned to any block, above all zones */
#define NO_FRAME    ((size_t)0)
#define ORDER_MAX   10u
#define CPUS_MAX    16u

typedef struct subject {
    const char *name;
    size_t (*record_bytes)(size_t frames);
    void (*start)(void *records, size_t frames);
    /* The first frame of a block of 2^order, or NO_FRAME. `lifetime` is 0 to 2; most ignore it. */
    size_t (*take)(unsigned order, unsigned lifetime);
    void (*give)(size_t frame, unsigned order);
} subject_t;

extern const subject_t subject_quire;     /* mm/pmm */
extern const subject_t subject_next_fit;  /* a bitmap, a pointer, a lock */
extern const subject_t subject_free_list; /* a list of single frames, a lock */
extern const subject_t subject_buddy;     /* free lists of each order, a lock */
extern const subject_t subject_buddy_cpu; /* the same behind a list for each CPU */

#include "cpu.h"

/* Of each 16 GiB there are only 4 MiB: memory that is large and nearly empty of frames, for the height of summaries. */
extern bool bench_islands;

/* One lock, as short as a lock can be. */
typedef struct spin {
    uint32_t taken;
} spin_t;

static inline void spin_lock(spin_t *lock)
{
    while (exchange(&lock->taken, 1) != 0) {
        while (load_relaxed(&lock->taken) != 0)
            __builtin_ia32_pause();
    }
}

static inline void spin_unlock(spin_t *lock)
{
    store_release(&lock->taken, 0);
}

#endif
