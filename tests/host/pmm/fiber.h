/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - two flows of control that change places when they say so, known to AddressSanitizer: a fiber is told apart
 * from a stack that has gone wrong. The C library's swapcontext() would do, but for a warning of the sanitizer's in
 * every run.
 */
#ifndef TESTS_HOST_PMM_FIBER_H
#define TESTS_HOST_PMM_FIBER_H

#include <stddef.h>

/* All zero: the flow that is running already, once it has been left. */
typedef struct fiber {
    void *stack_pointer; /* while it does not run */
    void (*entry)(void);
    const void *stack;
    size_t bytes;
    void *hidden; /* the sanitizer's own */
} fiber_t;

/* On its first turn it begins at `entry`, which must not return. What the stack held before is forgotten. */
void fiber_make(fiber_t *fiber, void *stack, size_t bytes, void (*entry)(void));

/* Leaves `from`, which is running, and goes on with `to`; returns when somebody goes on with `from`. */
void fiber_switch(fiber_t *from, fiber_t *to);

#endif
