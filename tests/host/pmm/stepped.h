/* SPDX-License-Identifier: MIT */
/*
 * stepped.h - the PMM compiled once more, so that it stops before every access to shared memory.
 *
 * Stands in for mm/pmm/atomic.h and gives every public name another one, because the ordinary PMM is in the program
 * too. stepped_pause() is the test's; it may let another CPU go on.
 */
#ifndef QUIRE_PMM_ATOMIC_H
#define QUIRE_PMM_ATOMIC_H

void stepped_pause(void);

/* Who includes this for the second time in a program gives the names another beginning. */
#ifndef STEPPED
#define STEPPED(name) stepped_##name
#endif

/* Fewer steps in the last resort: schedules grow with their square. */
#define POOLS             1u
#define PATIENCE          50
#define SHRINKER_PATIENCE 5

#ifndef STEPPED_ATOMICS
#define load_relaxed(place)         (stepped_pause(), __atomic_load_n(place, __ATOMIC_RELAXED))
#define load_acquire(place)         (stepped_pause(), __atomic_load_n(place, __ATOMIC_ACQUIRE))
#define load_own(place)             (stepped_pause(), *(place))
#define store_relaxed(place, value) (stepped_pause(), __atomic_store_n(place, value, __ATOMIC_RELAXED))
#define store_release(place, value) (stepped_pause(), __atomic_store_n(place, value, __ATOMIC_RELEASE))
#define fetch_add(place, value)     (stepped_pause(), __atomic_fetch_add(place, value, __ATOMIC_SEQ_CST))
#define fetch_sub(place, value)     (stepped_pause(), __atomic_fetch_sub(place, value, __ATOMIC_SEQ_CST))
#define fetch_or(place, value)      (stepped_pause(), __atomic_fetch_or(place, value, __ATOMIC_SEQ_CST))
#define fetch_and(place, value)     (stepped_pause(), __atomic_fetch_and(place, value, __ATOMIC_SEQ_CST))
#define exchange(place, value)      (stepped_pause(), __atomic_exchange_n(place, value, __ATOMIC_SEQ_CST))
#define replace(place, expected, value)                                                                                \
    (stepped_pause(), __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
#define load_ordered(place)     (stepped_pause(), __atomic_load_n(place, __ATOMIC_SEQ_CST))
#define fill_zero(place, count) ((void)memset(place, 0, (count) * sizeof(*(place))))
#endif
#define interrupt_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#define quire_owner_name                STEPPED(quire_owner_name)
#define quire_pmm_add                   STEPPED(quire_pmm_add)
#define quire_pmm_alloc                 STEPPED(quire_pmm_alloc)
#define quire_pmm_bank_index            STEPPED(quire_pmm_bank_index)
#define quire_pmm_bank_number           STEPPED(quire_pmm_bank_number)
#define quire_pmm_bank_rest             STEPPED(quire_pmm_bank_rest)
#define quire_pmm_bitmap_clear          STEPPED(quire_pmm_bitmap_clear)
#define quire_pmm_bitmap_empty          STEPPED(quire_pmm_bitmap_empty)
#define quire_pmm_bitmap_fill           STEPPED(quire_pmm_bitmap_fill)
#define quire_pmm_bitmap_next           STEPPED(quire_pmm_bitmap_next)
#define quire_pmm_bitmap_set            STEPPED(quire_pmm_bitmap_set)
#define quire_pmm_bitmap_shape          STEPPED(quire_pmm_bitmap_shape)
#define quire_pmm_block_alloc           STEPPED(quire_pmm_block_alloc)
#define quire_pmm_block_free            STEPPED(quire_pmm_block_free)
#define quire_pmm_block_start           STEPPED(quire_pmm_block_start)
#define quire_pmm_bounds                STEPPED(quire_pmm_bounds)
#define quire_pmm_check                 STEPPED(quire_pmm_check)
#define quire_pmm_chunk_add             STEPPED(quire_pmm_chunk_add)
#define quire_pmm_chunk_claim           STEPPED(quire_pmm_chunk_claim)
#define quire_pmm_chunk_init            STEPPED(quire_pmm_chunk_init)
#define quire_pmm_chunk_leave           STEPPED(quire_pmm_chunk_leave)
#define quire_pmm_chunk_move            STEPPED(quire_pmm_chunk_move)
#define quire_pmm_chunk_put             STEPPED(quire_pmm_chunk_put)
#define quire_pmm_chunk_reindex         STEPPED(quire_pmm_chunk_reindex)
#define quire_pmm_chunk_reserve         STEPPED(quire_pmm_chunk_reserve)
#define quire_pmm_chunk_unreserve       STEPPED(quire_pmm_chunk_unreserve)
#define quire_pmm_chunk_whole           STEPPED(quire_pmm_chunk_whole)
#define quire_pmm_claims_match          STEPPED(quire_pmm_claims_match)
#define quire_pmm_cpu_cache_drain       STEPPED(quire_pmm_cpu_cache_drain)
#define quire_pmm_cpu_cache_fence       STEPPED(quire_pmm_cpu_cache_fence)
#define quire_pmm_cpu_cache_init        STEPPED(quire_pmm_cpu_cache_init)
#define quire_pmm_cpu_cache_put         STEPPED(quire_pmm_cpu_cache_put)
#define quire_pmm_cpu_cache_put_entries STEPPED(quire_pmm_cpu_cache_put_entries)
#define quire_pmm_cpu_cache_refill      STEPPED(quire_pmm_cpu_cache_refill)
#define quire_pmm_cpu_cache_revoke      STEPPED(quire_pmm_cpu_cache_revoke)
#define quire_pmm_cpu_cache_share       STEPPED(quire_pmm_cpu_cache_share)
#define quire_pmm_cpu_caches_are_sound  STEPPED(quire_pmm_cpu_caches_are_sound)
#define quire_pmm_far_word              STEPPED(quire_pmm_far_word)
#define quire_pmm_frame_info            STEPPED(quire_pmm_frame_info)
#define quire_pmm_free                  STEPPED(quire_pmm_free)
#define quire_pmm_hand_out              STEPPED(quire_pmm_hand_out)
#define quire_pmm_init                  STEPPED(quire_pmm_init)
#define quire_pmm_may_go_back           STEPPED(quire_pmm_may_go_back)
#define quire_pmm_metadata_bytes        STEPPED(quire_pmm_metadata_bytes)
#define quire_pmm_references            STEPPED(quire_pmm_references)
#define quire_pmm_release               STEPPED(quire_pmm_release)
#define quire_pmm_report                STEPPED(quire_pmm_report)
#define quire_pmm_retain                STEPPED(quire_pmm_retain)
#define quire_pmm_run_best              STEPPED(quire_pmm_run_best)
#define quire_pmm_run_find              STEPPED(quire_pmm_run_find)
#define quire_pmm_run_hint              STEPPED(quire_pmm_run_hint)
#define quire_pmm_run_largest           STEPPED(quire_pmm_run_largest)
#define quire_pmm_run_take_bits         STEPPED(quire_pmm_run_take_bits)
#define quire_pmm_search_frames         STEPPED(quire_pmm_search_frames)
#define quire_pmm_search_one            STEPPED(quire_pmm_search_one)
#define quire_pmm_set_bits              STEPPED(quire_pmm_set_bits)
#define quire_pmm_set_shrinker          STEPPED(quire_pmm_set_shrinker)
#define quire_pmm_split                 STEPPED(quire_pmm_split)
#define quire_pmm_stats                 STEPPED(quire_pmm_stats)
#define quire_pmm_survey_begin          STEPPED(quire_pmm_survey_begin)
#define quire_pmm_survey_next           STEPPED(quire_pmm_survey_next)
#define quire_pmm_take                  STEPPED(quire_pmm_take)
#define quire_pmm_tell                  STEPPED(quire_pmm_tell)
#define quire_pmm_zero                  STEPPED(quire_pmm_zero)
#define quire_pmm_zero_ahead            STEPPED(quire_pmm_zero_ahead)
#define quire_pmm_zeroed_take           STEPPED(quire_pmm_zeroed_take)
#define quire_pmm_zone_end              STEPPED(quire_pmm_zone_end)
#define quire_pmm_zone_range            STEPPED(quire_pmm_zone_range)

#include "pmm/bank.c"

#include "pmm/bitmap.c"

#include "pmm/runs.c"

#include "pmm/chunk_index.c"

#include "pmm/chunk_init.c"

#include "pmm/chunk.c"

#include "pmm/search.c"

#include "pmm/references.c"

#include "pmm/report.c"

#include "pmm/check_claims.c"

#include "pmm/cpu_cache.c"

#include "pmm/zeroed.c"

#include "pmm/block.c"

#include "pmm/alloc.c"

#include "pmm/free.c"

#include "pmm/split.c"

#include "pmm/statistics.c"

#include "pmm/check.c"

#include "pmm/init.c"

#endif
