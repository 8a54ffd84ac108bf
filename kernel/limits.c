/* SPDX-License-Identifier: MIT */
/*
 * limits.c - what setrlimit(2) has set, held.
 *
 * Problem: a limit that is accepted and does nothing is a trap for whoever relies on it. Idea: what counts is counted
 * when it is asked for, from the page table, which knows it anyway; and only of processes that have a limit, so that
 * others pay nothing. Areas are counted as Linux counts them: promised or touched alike, guards not, and as data what
 * can be written to and is not the stack.
 *
 * The number of descriptors is held where they are given out, the stack's size where it grows. The other limits are
 * about what no process here can have more of: locked memory (root's is unlimited), children, files that can be
 * written, priorities, queues. They are kept and told.
 *
 * Rejected: counters kept by every call. A second truth, for a limit that hardly any process has.
 */
#include "limits.h"

#include "stack.h"

#define TICKS_A_SECOND 100

void limits_init(limit_t *limits)
{
    for (unsigned i = 0; i < RLIMIT_COUNT; i++)
        limits[i] = (limit_t){RLIM_INFINITY, RLIM_INFINITY};
    limits[RLIMIT_STACK].soft = STACK_BYTES;
    limits[RLIMIT_CORE].soft = 0;
    limits[RLIMIT_NOFILE] = (limit_t){FILES_MAX, FILES_HARD_LIMIT};
    limits[RLIMIT_MEMLOCK] = (limit_t){8 << 20, 8 << 20};
    limits[RLIMIT_MSGQUEUE] = (limit_t){819200, 819200};
    limits[RLIMIT_NICE] = (limit_t){0, 0};
    limits[RLIMIT_RTPRIO] = (limit_t){0, 0};
}

typedef struct usage {
    uint64_t bytes;
    uint64_t data; /* of them, writable and not the stack */
} usage_t;

static usage_t usage_of(process_t *process, quire_va_t start, quire_va_t end)
{
    usage_t usage = {0, 0};
    quire_vmm_range_t range;

    for (quire_va_t at = start; at < end; at = range.end) {
        if (quire_vmm_next_range_within(&process->space, at, end, &range) != QUIRE_OK)
            break;
        if (range.guard)
            continue;
        usage.bytes += range.end - range.start;
        if ((range.prot & QUIRE_PROT_WRITE) != 0 && range.start < process->stack_low)
            usage.data += (range.end < process->stack_low ? range.end : process->stack_low) - range.start;
    }
    return usage;
}

static uint64_t soft(process_t *process, unsigned which)
{
    return linux_of(process)->limits[which].soft;
}

/* Linux counts pages, and a limit's odd bytes for nothing. */
static bool within(uint64_t bytes, uint64_t limit)
{
    return limit == RLIM_INFINITY || bytes >> QUIRE_PAGE_SHIFT <= limit >> QUIRE_PAGE_SHIFT;
}

bool limits_allow(process_t *process, uintptr_t bytes, bool writable, quire_va_t start, quire_va_t end)
{
    uint64_t data_limit = soft(process, RLIMIT_DATA);
    usage_t all;
    usage_t replaced;

    if (soft(process, RLIMIT_AS) == RLIM_INFINITY && (!writable || data_limit == RLIM_INFINITY))
        return true;
    all = usage_of(process, process->space.start, process->space.end);
    replaced = usage_of(process, start, end);
    if (!within(all.bytes + bytes - replaced.bytes, soft(process, RLIMIT_AS)))
        return false;
    return !writable || within(all.data + bytes - replaced.data, data_limit);
}

bool limits_allow_writing(process_t *process, quire_va_t start, quire_va_t end)
{
    usage_t all;
    usage_t here;

    if (soft(process, RLIMIT_DATA) == RLIM_INFINITY || start >= process->stack_low)
        return true;
    all = usage_of(process, process->space.start, process->space.end);
    here = usage_of(process, start, end);
    return within(all.data - here.data + here.bytes, soft(process, RLIMIT_DATA));
}

bool limits_allow_break(process_t *process, quire_va_t wanted)
{
    return soft(process, RLIMIT_DATA) == RLIM_INFINITY || wanted - process->break_start <= soft(process, RLIMIT_DATA);
}

void limits_tick(process_t *process)
{
    linux_state_t *state = linux_of(process);
    const limit_t *limit = &state->limits[RLIMIT_CPU];
    uint64_t seconds = ++state->cpu_ticks / TICKS_A_SECOND;

    if (limit->soft == RLIM_INFINITY || state->cpu_ticks % TICKS_A_SECOND != 0 || seconds < limit->soft)
        return;
    if (seconds >= limit->hard)
        process_exit(128 + SIGKILL);
    signal_raise(process, SIGXCPU);
}
