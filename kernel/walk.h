/* SPDX-License-Identifier: MIT */
/* walk.h - tells what happened, from events: which layer asked which for what, and what each step cost. */
#ifndef KERNEL_WALK_H
#define KERNEL_WALK_H

#include <quire/quire.h>

/* Lends the event ring its storage; `records` is a power of two. False: no memory for it. */
bool walk_start_events(size_t records);

/* Writes what the ring has gained to the event stream, if one was asked for; to be called often. */
void walk_pump_events(void);

/* Tells all that has been recorded of one address space since the event numbered `from`, in order of time. Returns the
   instructions (or ticks) between the marks 1 and 2 of that space: what malloc itself cost; 0 if they are not there. */
uint64_t walk_tell(uint32_t space, uint64_t from);

/* The page-table entries on the way to va at two moments, from the events since `from`. */
void walk_replay(uint32_t space, uint64_t from, quire_va_t va, uint64_t before, uint64_t after);

/* The same story as figures: bench <TAB> walk NN layer event <TAB> cost <TAB> unit <TAB>. False if there is none. */
bool walk_bench(uint32_t space, uint64_t from);

/* Events that the ring overwrote before they could be streamed. */
uint64_t walk_events_lost(void);

/* True when the time-stamp counter counts instructions (the emulator was told to). */
bool walk_counts_instructions(void);

/* "instructions" or "ticks". */
const char *walk_unit(void);

#endif
