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

#define pmm_bank_index           STEPPED(pmm_bank_index)
#define pmm_bank_number          STEPPED(pmm_bank_number)
#define pmm_bank_rest            STEPPED(pmm_bank_rest)
#define pmm_block_alloc          STEPPED(pmm_block_alloc)
#define pmm_block_free           STEPPED(pmm_block_free)
#define pmm_block_start          STEPPED(pmm_block_start)
#define pmm_claims_match         STEPPED(pmm_claims_match)
#define pmm_complain             STEPPED(pmm_complain)
#define pmm_field_add            STEPPED(pmm_field_add)
#define pmm_field_claim          STEPPED(pmm_field_claim)
#define pmm_field_materialise    STEPPED(pmm_field_materialise)
#define pmm_field_put            STEPPED(pmm_field_put)
#define pmm_field_reserve        STEPPED(pmm_field_reserve)
#define pmm_field_settle         STEPPED(pmm_field_settle)
#define pmm_field_unreserve      STEPPED(pmm_field_unreserve)
#define pmm_field_whole          STEPPED(pmm_field_whole)
#define pmm_hand_out             STEPPED(pmm_hand_out)
#define pmm_may_go_back          STEPPED(pmm_may_go_back)
#define pmm_range                STEPPED(pmm_range)
#define pmm_run_best             STEPPED(pmm_run_best)
#define pmm_run_hint             STEPPED(pmm_run_hint)
#define pmm_run_largest          STEPPED(pmm_run_largest)
#define pmm_run_put              STEPPED(pmm_run_put)
#define pmm_run_take             STEPPED(pmm_run_take)
#define pmm_search_frames        STEPPED(pmm_search_frames)
#define pmm_search_one           STEPPED(pmm_search_one)
#define pmm_set_bits             STEPPED(pmm_set_bits)
#define pmm_slot_drain           STEPPED(pmm_slot_drain)
#define pmm_slot_fence           STEPPED(pmm_slot_fence)
#define pmm_slot_init            STEPPED(pmm_slot_init)
#define pmm_slot_put             STEPPED(pmm_slot_put)
#define pmm_slot_put_entries     STEPPED(pmm_slot_put_entries)
#define pmm_slot_refill          STEPPED(pmm_slot_refill)
#define pmm_slot_revoke          STEPPED(pmm_slot_revoke)
#define pmm_slot_share           STEPPED(pmm_slot_share)
#define pmm_slots_are_sound      STEPPED(pmm_slots_are_sound)
#define pmm_survey_begin         STEPPED(pmm_survey_begin)
#define pmm_survey_next          STEPPED(pmm_survey_next)
#define pmm_tree_clear           STEPPED(pmm_tree_clear)
#define pmm_tree_empty           STEPPED(pmm_tree_empty)
#define pmm_tree_fill            STEPPED(pmm_tree_fill)
#define pmm_tree_next            STEPPED(pmm_tree_next)
#define pmm_tree_set             STEPPED(pmm_tree_set)
#define pmm_tree_shape           STEPPED(pmm_tree_shape)
#define pmm_zero                 STEPPED(pmm_zero)
#define pmm_zeroed_take          STEPPED(pmm_zeroed_take)
#define pmm_zone_end             STEPPED(pmm_zone_end)
#define quire_owner_name         STEPPED(quire_owner_name)
#define quire_pmm_add            STEPPED(quire_pmm_add)
#define quire_pmm_alloc          STEPPED(quire_pmm_alloc)
#define quire_pmm_bounds         STEPPED(quire_pmm_bounds)
#define quire_pmm_check          STEPPED(quire_pmm_check)
#define quire_pmm_frame_info     STEPPED(quire_pmm_frame_info)
#define quire_pmm_free           STEPPED(quire_pmm_free)
#define quire_pmm_init           STEPPED(quire_pmm_init)
#define quire_pmm_metadata_bytes STEPPED(quire_pmm_metadata_bytes)
#define quire_pmm_references     STEPPED(quire_pmm_references)
#define quire_pmm_release        STEPPED(quire_pmm_release)
#define quire_pmm_retain         STEPPED(quire_pmm_retain)
#define quire_pmm_set_shrinker   STEPPED(quire_pmm_set_shrinker)
#define quire_pmm_split          STEPPED(quire_pmm_split)
#define quire_pmm_stats          STEPPED(quire_pmm_stats)
#define quire_pmm_take           STEPPED(quire_pmm_take)
#define quire_pmm_zero_ahead     STEPPED(quire_pmm_zero_ahead)

#include "pmm/bank.c"

#include "pmm/tree.c"

#include "pmm/field.c"

#include "pmm/fresh.c"

#include "pmm/run.c"

#include "pmm/search.c"

#include "pmm/slot.c"

#include "pmm/block.c"

#include "pmm/complain.c"

#include "pmm/split.c"

#include "pmm/zeroed.c"

#include "pmm/pmm.c"

#include "pmm/pmm_setup.c"

#include "pmm/pmm_report.c"

#include "pmm/pmm_check.c"

#include "pmm/check_claims.c"

#endif
