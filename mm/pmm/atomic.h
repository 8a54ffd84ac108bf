/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the few atomic operations the PMM is made of.
 *
 * Everything that several CPUs change is a machine word or a 32-bit word, so the same source needs no 64-bit compare
 * and exchange on a 32-bit machine. Read-modify-writes are sequentially consistent: on x86 each is one locked
 * instruction and a full barrier. Loads and stores name their order; a relaxed one is an ordinary instruction.
 */
#ifndef QUIRE_PMM_ATOMIC_H
#define QUIRE_PMM_ATOMIC_H

#define load_relaxed(place) __atomic_load_n(place, __ATOMIC_RELAXED)
#define load_acquire(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
/* Comes in the one order of all read-modify-writes. */
#define load_ordered(place) __atomic_load_n(place, __ATOMIC_SEQ_CST)
/* What this CPU alone writes, and its interrupts leave as they found it. */
#define load_own(place)             (*(place))
#define store_relaxed(place, value) __atomic_store_n(place, value, __ATOMIC_RELAXED)
#define store_release(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define fetch_add(place, value)     __atomic_fetch_add(place, value, __ATOMIC_SEQ_CST)
#define fetch_sub(place, value)     __atomic_fetch_sub(place, value, __ATOMIC_SEQ_CST)
#define fetch_or(place, value)      __atomic_fetch_or(place, value, __ATOMIC_SEQ_CST)
#define fetch_and(place, value)     __atomic_fetch_and(place, value, __ATOMIC_SEQ_CST)
#define exchange(place, value)      __atomic_exchange_n(place, value, __ATOMIC_SEQ_CST)
/* Zeros into an array that nobody looks at yet. */
#define fill_zero(place, count) ((void)memset(place, 0, (count) * sizeof(*(place))))
/* Stores `value` if *place is still *expected; otherwise tells in *expected what it is. */
#define replace(place, expected, value)                                                                                \
    __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* Orders what this CPU does as its own interrupts see it; no instruction. */
#define interrupt_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#endif
