/* SPDX-License-Identifier: MIT */
/*
 * arena_trace.c - processes that come, grow and go.
 *
 * Sizes are uniform in their number of bits, as those of programs roughly are: code of 4 to 256 KiB, data of 1 KiB to 1
 * MiB, a stack of 4 to 32 KiB. Growth adds a quarter at the least. The load climbs to its bound and stays about there:
 * memory that is nearly full is where policies differ.
 */
#include "arena_trace.h"

#define DATA 1

/* xorshift32 (Marsaglia, Xorshift RNGs, 2003). */
static uint32_t next_random(trace_t *trace)
{
    trace->random ^= trace->random << 13;
    trace->random ^= trace->random >> 17;
    trace->random ^= trace->random << 5;
    return trace->random;
}

static uint32_t random_bytes(trace_t *trace, unsigned bits_least, unsigned bits_most)
{
    unsigned bits = bits_least + next_random(trace) % (bits_most - bits_least);
    uint32_t least = (uint32_t)1 << bits;

    return least + (next_random(trace) & (least - 1));
}

void trace_init(trace_t *trace, uint32_t seed, uint32_t load_most)
{
    *trace = (trace_t){.random = seed, .load_most = load_most};
}

static void start(trace_t *trace, trace_step_t *step)
{
    trace_process_t process = {.id = ++trace->last_id};

    process.bytes[0] = random_bytes(trace, 12, 18);
    process.bytes[DATA] = random_bytes(trace, 10, 20);
    process.bytes[2] = random_bytes(trace, 12, 15);
    for (unsigned part = 0; part < TRACE_PARTS; part++)
        trace->load_bytes += process.bytes[part];
    trace->living[trace->count++] = process;
    *step = (trace_step_t){TRACE_START, process};
}

static void grow(trace_t *trace, trace_step_t *step)
{
    trace_process_t *process = &trace->living[next_random(trace) % trace->count];
    uint32_t more = process->bytes[DATA] / 4 + (next_random(trace) & 0x7fff);

    process->bytes[DATA] += more;
    trace->load_bytes += more;
    *step = (trace_step_t){TRACE_GROW, *process};
}

static void end(trace_t *trace, trace_step_t *step)
{
    unsigned place = next_random(trace) % trace->count;

    *step = (trace_step_t){TRACE_END, trace->living[place]};
    for (unsigned part = 0; part < TRACE_PARTS; part++)
        trace->load_bytes -= step->process.bytes[part];
    trace->living[place] = trace->living[--trace->count];
}

void trace_next(trace_t *trace, trace_step_t *step)
{
    uint32_t choice = next_random(trace) % 8;

    if (trace->count == TRACE_LIVING_MAX || trace->load_bytes > trace->load_most)
        end(trace, step);
    else if (trace->count == 0 || choice < 4)
        start(trace, step);
    else if (choice < 7)
        grow(trace, step);
    else
        end(trace, step);
}
