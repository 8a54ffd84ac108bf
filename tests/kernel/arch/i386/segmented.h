/* SPDX-License-Identifier: MIT */
/* segmented.h - starting programs of the initial file system inside the kernel's tests. */
#ifndef TESTS_KERNEL_I386_SEGMENTED_H
#define TESTS_KERNEL_I386_SEGMENTED_H

#include "process.h"
#include "test.h"

#define STATUS_SEGV 139
#define STATUS_BUS  135

#define SEGMENTED_WORDS 5

/* Starts /bin/NAME with up to five arguments (NULL: no more). */
process_t *segmented_start(const char *name, const char *const words[SEGMENTED_WORDS]);
#define WORDS(...) ((const char *const[SEGMENTED_WORDS]){__VA_ARGS__})

/* Runs all processes until this one has ended; its exit status. Reaps it. */
int segmented_finish(process_t *process);

/* Skips the test unless the machine was said to check segment limits (word "limits"). */
void segmented_need_limits(void);

#endif
