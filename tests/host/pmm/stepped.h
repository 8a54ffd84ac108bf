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

/* Fewer steps in the last resort: schedules grow with their square. */
#define POOLS             1u
#define PATIENCE          50
#define SHRINKER_PATIENCE 5

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
#define interrupt_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#define pmm_bank_index           stepped_pmm_bank_index
#define pmm_bank_number          stepped_pmm_bank_number
#define pmm_bank_rest            stepped_pmm_bank_rest
#define pmm_survey_begin         stepped_pmm_survey_begin
#define pmm_survey_next          stepped_pmm_survey_next
#define pmm_block_alloc          stepped_pmm_block_alloc
#define pmm_block_free           stepped_pmm_block_free
#define pmm_block_start          stepped_pmm_block_start
#define pmm_claims_match         stepped_pmm_claims_match
#define pmm_complain             stepped_pmm_complain
#define pmm_field_add            stepped_pmm_field_add
#define pmm_field_claim          stepped_pmm_field_claim
#define pmm_field_materialise    stepped_pmm_field_materialise
#define pmm_field_put            stepped_pmm_field_put
#define pmm_field_reserve        stepped_pmm_field_reserve
#define pmm_field_settle         stepped_pmm_field_settle
#define pmm_field_unreserve      stepped_pmm_field_unreserve
#define pmm_field_whole          stepped_pmm_field_whole
#define pmm_hand_out             stepped_pmm_hand_out
#define pmm_range                stepped_pmm_range
#define pmm_run_best             stepped_pmm_run_best
#define pmm_run_hint             stepped_pmm_run_hint
#define pmm_run_largest          stepped_pmm_run_largest
#define pmm_run_put              stepped_pmm_run_put
#define pmm_run_take             stepped_pmm_run_take
#define pmm_search_frames        stepped_pmm_search_frames
#define pmm_search_one           stepped_pmm_search_one
#define pmm_set_bits             stepped_pmm_set_bits
#define pmm_slot_drain           stepped_pmm_slot_drain
#define pmm_slot_fence           stepped_pmm_slot_fence
#define pmm_slot_init            stepped_pmm_slot_init
#define pmm_slot_put_entries     stepped_pmm_slot_put_entries
#define pmm_slot_put             stepped_pmm_slot_put
#define pmm_slot_refill          stepped_pmm_slot_refill
#define pmm_slot_share           stepped_pmm_slot_share
#define pmm_slot_revoke          stepped_pmm_slot_revoke
#define pmm_zeroed_take          stepped_pmm_zeroed_take
#define pmm_slots_are_sound      stepped_pmm_slots_are_sound
#define pmm_tree_clear           stepped_pmm_tree_clear
#define pmm_tree_empty           stepped_pmm_tree_empty
#define pmm_tree_fill            stepped_pmm_tree_fill
#define pmm_tree_next            stepped_pmm_tree_next
#define pmm_tree_set             stepped_pmm_tree_set
#define pmm_tree_shape           stepped_pmm_tree_shape
#define pmm_zero                 stepped_pmm_zero
#define pmm_zone_end             stepped_pmm_zone_end
#define quire_owner_name         stepped_owner_name
#define quire_pmm_add            stepped_pmm_add
#define quire_pmm_alloc          stepped_pmm_alloc
#define quire_pmm_bounds         stepped_pmm_bounds
#define quire_pmm_check          stepped_pmm_check
#define quire_pmm_frame_info     stepped_pmm_frame_info
#define quire_pmm_free           stepped_pmm_free
#define quire_pmm_init           stepped_pmm_init
#define quire_pmm_metadata_bytes stepped_pmm_metadata_bytes
#define quire_pmm_references     stepped_pmm_references
#define quire_pmm_release        stepped_pmm_release
#define quire_pmm_retain         stepped_pmm_retain
#define quire_pmm_set_shrinker   stepped_pmm_set_shrinker
#define quire_pmm_split          stepped_pmm_split
#define quire_pmm_stats          stepped_pmm_stats
#define quire_pmm_take           stepped_pmm_take
#define quire_pmm_zero_ahead     stepped_pmm_zero_ahead

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
