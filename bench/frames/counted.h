/* SPDX-License-Identifier: MIT */
/*
 * counted.h - stands in for mm/pmm/atomic.h (by -include) in the build that counts locked instructions.
 *
 * On x86 every read-modify-write below is one locked instruction; loads and stores are none.
 */
#ifndef QUIRE_PMM_ATOMIC_H
#define QUIRE_PMM_ATOMIC_H
#include <stdbool.h>

extern __thread unsigned long bench_locked;

#define load_relaxed(place)         __atomic_load_n(place, __ATOMIC_RELAXED)
#define load_acquire(place)         __atomic_load_n(place, __ATOMIC_ACQUIRE)
#define load_ordered(place)         __atomic_load_n(place, __ATOMIC_SEQ_CST)
#define load_own(place)             (*(place))
#define fill_zero(place, count)     ((void)memset(place, 0, (count) * sizeof(*(place))))
#define store_relaxed(place, value) __atomic_store_n(place, value, __ATOMIC_RELAXED)
#define store_release(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define fetch_add(place, value)     (bench_locked++, __atomic_fetch_add(place, value, __ATOMIC_SEQ_CST))
#define fetch_sub(place, value)     (bench_locked++, __atomic_fetch_sub(place, value, __ATOMIC_SEQ_CST))
#define fetch_or(place, value)      (bench_locked++, __atomic_fetch_or(place, value, __ATOMIC_SEQ_CST))
#define fetch_and(place, value)     (bench_locked++, __atomic_fetch_and(place, value, __ATOMIC_SEQ_CST))
#define exchange(place, value)      (bench_locked++, __atomic_exchange_n(place, value, __ATOMIC_SEQ_CST))
#define replace(place, expected, value)                                                                                \
    (bench_locked++, __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
#define interrupt_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#endif
