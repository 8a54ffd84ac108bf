/* SPDX-License-Identifier: MIT */
/*
 * arena_trace.h - processes that come, grow and go: one repeatable sequence, for whoever places them in memory.
 *
 * The sequence depends on its seed and nothing else, least of all on who could be placed: so segmentation by every
 * policy and paging are asked the very same.
 */
#ifndef KERNEL_ARENA_TRACE_H
#define KERNEL_ARENA_TRACE_H

#include <quire/types.h>

#define TRACE_LIVING_MAX 48
#define TRACE_PARTS      3 /* code, data, stack */

typedef enum trace_kind {
    TRACE_START,
    TRACE_GROW, /* the data gets longer */
    TRACE_END,
} trace_kind_t;

typedef struct trace_process {
    uint32_t id; /* from 1, never used twice */
    uint32_t bytes[TRACE_PARTS];
} trace_process_t;

typedef struct trace_step {
    trace_kind_t kind;
    trace_process_t process; /* as it is after the step; END: as it was */
} trace_step_t;

typedef struct trace {
    uint32_t random;
    uint32_t load_most;  /* bytes; above it somebody ends */
    uint32_t load_bytes; /* of all that live, as they asked */
    uint32_t last_id;
    unsigned count;
    trace_process_t living[TRACE_LIVING_MAX];
} trace_t;

/* `seed` is not 0. */
void trace_init(trace_t *trace, uint32_t seed, uint32_t load_most);
void trace_next(trace_t *trace, trace_step_t *step);

#endif
