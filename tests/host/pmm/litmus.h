/* SPDX-License-Identifier: MIT */
/*
 * litmus.h - the memory of a machine that orders no more than C11 promises, and accesses that go to it.
 *
 * Stands in for mm/pmm/atomic.h together with stepped.h. The model is litmus_model.c.
 */
#ifndef QUIRE_LITMUS_H
#define QUIRE_LITMUS_H

#include <string.h>

#include <quire/port.h>

typedef enum { RELAXED, ORDERED, STRICT } order_t;

uint64_t litmus_load(const void *place, size_t bytes, order_t order);
void litmus_store(void *place, size_t bytes, uint64_t value, order_t order);
/* Around a read-modify-write. A strict one is a full barrier. */
void litmus_before(void *place, size_t bytes, order_t order);
void litmus_after(void *place, size_t bytes, order_t order);
/* Zeros; the model sees the first two elements and the last, which stand for all. */
void litmus_fill(void *place, size_t bytes, size_t count);
void litmus_fence(const quire_shootdown_t *request);
void litmus_fence_acquire(void);
void litmus_fence_release(void);

/* Before the first of many executions: what the two CPUs do, how often they change, how many loads read what is old. */
void litmus_begin(void (*first)(void), void (*second)(void), unsigned changes, unsigned old);
/* One execution. */
void litmus_execute(void);
/* False: there is no other. */
bool litmus_next(void);

#define STEPPED_ATOMICS
#define LOAD(place, order)          ((__typeof__(*(place) + 0))litmus_load(place, sizeof(*(place)), order))
#define STORE(place, value, order)  litmus_store((void *)(uintptr_t)(place), sizeof(*(place)), (uint64_t)(value), order)
#define load_relaxed(place)         LOAD(place, RELAXED)
#define load_own(place)             LOAD(place, RELAXED) /* of its own CPU: no other order is needed */
#define load_acquire(place)         LOAD(place, ORDERED)
#define load_ordered(place)         LOAD(place, STRICT)
#define store_relaxed(place, value) STORE(place, value, RELAXED)
#define store_release(place, value) STORE(place, value, ORDERED)
#define CHANGE(place, type, change)                                                                                    \
    __extension__({                                                                                                    \
        litmus_before(place, sizeof(*(place)), STRICT);                                                                \
        type changed = change;                                                                                         \
        litmus_after(place, sizeof(*(place)), STRICT);                                                                 \
        changed;                                                                                                       \
    })
#define fetch_add(place, value) CHANGE(place, __typeof__(*(place)), __atomic_fetch_add(place, value, __ATOMIC_SEQ_CST))
#define fetch_sub(place, value) CHANGE(place, __typeof__(*(place)), __atomic_fetch_sub(place, value, __ATOMIC_SEQ_CST))
#define fetch_or(place, value)  CHANGE(place, __typeof__(*(place)), __atomic_fetch_or(place, value, __ATOMIC_SEQ_CST))
#define fetch_and(place, value) CHANGE(place, __typeof__(*(place)), __atomic_fetch_and(place, value, __ATOMIC_SEQ_CST))
#define exchange(place, value)  CHANGE(place, __typeof__(*(place)), __atomic_exchange_n(place, value, __ATOMIC_SEQ_CST))
#define replace(place, expected, value)                                                                                \
    CHANGE(place, bool, __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
#define fill_zero(place, count) litmus_fill(place, sizeof(*(place)), count)

#endif
