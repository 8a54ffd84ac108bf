/* SPDX-License-Identifier: MIT */
/*
 * simulated.h - a PMM over frames that do not exist.
 *
 * The PMM touches no frame unless it is asked to zero one. So bookkeeping can be tested over any map: far above 4 GiB,
 * or larger than the machine.
 */
#ifndef QUIRE_TEST_SIMULATED_H
#define QUIRE_TEST_SIMULATED_H

#include "test.h"

typedef struct simulated {
    quire_pmm_t pmm;
    quire_memory_map_t map;
    quire_memory_region_t regions[16];
} simulated_t;

static const quire_pa_t no_limit = {UINT64_MAX};

static inline void simulated_begin(simulated_t *simulated)
{
    quire_memory_map_init(&simulated->map, simulated->regions, 16);
}

static inline void simulated_usable(simulated_t *simulated, size_t first, size_t frames)
{
    CHECK_OK(quire_memory_map_add(&simulated->map, quire_pa_of_frame(quire_frame(first)),
                                  (uint64_t)frames << QUIRE_PAGE_SHIFT, QUIRE_MEMORY_USABLE));
}

static inline quire_pmm_t *simulated_start(simulated_t *simulated)
{
    size_t bytes = quire_pmm_metadata_bytes(&simulated->map, no_limit);

    CHECK(bytes > 0);
    CHECK_OK(quire_pmm_init(&simulated->pmm, &simulated->map, no_limit, test_memory(bytes), bytes));
    CHECK_OK(quire_pmm_check(&simulated->pmm));
    return &simulated->pmm;
}

/* One run of usable frames. */
static inline quire_pmm_t *simulated_pmm(simulated_t *simulated, size_t first, size_t frames)
{
    simulated_begin(simulated);
    simulated_usable(simulated, first, frames);
    return simulated_start(simulated);
}

static inline quire_pmm_request_t request_of(unsigned order)
{
    return (quire_pmm_request_t){.order = (uint8_t)order, .owner = QUIRE_OWNER_TEST};
}

static inline size_t free_frames(const quire_pmm_t *pmm)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.total_frames, stats.free_frames + stats.used_frames);
    return stats.free_frames;
}

#endif
