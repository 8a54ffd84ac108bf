/* SPDX-License-Identifier: MIT */
/* tour.h - the kernel's main job: from the machine's memory map to alloc(5), isolation and access control, shown. */
#ifndef KERNEL_TOUR_H
#define KERNEL_TOUR_H

#include <stdbool.h>
#include <stddef.h>

/* Tells and does the whole of it; true if everything worked and every frame came back. Ctrl-C ends it early, with
   false: console_interrupted() tells. */
bool tour_run(void);

/* malloc(bytes) in a new process, told step by step; the process stays, for looking at. False if it could not be done.
 */
bool tour_alloc(const char *bytes);

/* The figures of the bring-up and of the walk, one line each: bench <TAB> row <TAB> value <TAB> unit <TAB> target. */
bool tour_bench(void);

#endif
