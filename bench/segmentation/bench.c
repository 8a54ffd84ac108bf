/* SPDX-License-Identifier: MIT */
/*
 * bench.c - the same processes, placed by segmentation and by paging.
 *
 *     bench [STEPS] [SEED]     lines of: row, subject, value, unit; separated by tabs
 *
 * Segmentation: quire_arena over 16 MiB of linear memory, each fit policy, with and without compaction. A segment that
 * grows may be moved to another hole in any case; compaction moves others for it. Paging: the PMM over 16 MiB of
 * frames, a frame for each page of each part, and three for the page tables (a root, a table for code and data, one for
 * the stack: two-level tables). Both count what they could not place.
 */
#include <stdio.h>
#include <stdlib.h>

#include <quire/arena.h>
#include <quire/pmm.h>

#include "arena_trace.h"

#define MEMORY_BYTES  ((uint32_t)16 << 20)
#define LOAD_MOST     ((uint32_t)13 << 20)
#define ARENA_START   0x20000000u
#define STEPS         100000
#define SEGMENTS_MAX  (TRACE_LIVING_MAX * TRACE_PARTS)
#define PROCESS_PAGES 4096
#define TABLE_FRAMES  3
#define DATA          1

typedef struct totals {
    uint64_t starts;
    uint64_t growths;
    uint64_t not_placed;
    uint64_t not_grown;
    uint64_t steps;
    uint64_t asked_bytes;    /* summed over the steps */
    uint64_t internal_bytes; /* held beyond that */
    uint64_t external_per_thousand;
    uint64_t moved_bytes;
} totals_t;

/* --- segmentation --- */

typedef struct segmentation {
    quire_arena_t arena;
    quire_arena_segment_t storage[SEGMENTS_MAX];
    bool compacts;
} segmentation_t;

/* The bytes are counted by the arena; there is nothing to copy here. */
static void move(void *context, const quire_arena_segment_t *segment, uint32_t new_start)
{
    (void)context;
    (void)segment;
    (void)new_start;
}

static bool reserve(segmentation_t *segmentation, uint32_t id, uint32_t part, uint32_t bytes)
{
    uint32_t start;
    quire_status_t status = quire_arena_reserve(&segmentation->arena, bytes, id, part, &start);

    if (status == QUIRE_NO_SPACE && segmentation->compacts) {
        quire_arena_compact(&segmentation->arena, bytes);
        status = quire_arena_reserve(&segmentation->arena, bytes, id, part, &start);
    }
    return status == QUIRE_OK;
}

static bool segments_start(segmentation_t *segmentation, const trace_process_t *process)
{
    for (unsigned part = 0; part < TRACE_PARTS; part++) {
        if (!reserve(segmentation, process->id, part, process->bytes[part])) {
            quire_arena_release(&segmentation->arena, process->id);
            return false;
        }
    }
    return true;
}

static bool segments_grow(segmentation_t *segmentation, const trace_process_t *process)
{
    uint32_t start;
    uint32_t bytes = process->bytes[DATA];
    quire_status_t status = quire_arena_resize(&segmentation->arena, process->id, DATA, bytes, &start);

    if (status == QUIRE_NO_SPACE && segmentation->compacts) {
        quire_arena_compact(&segmentation->arena, bytes);
        status = quire_arena_resize(&segmentation->arena, process->id, DATA, bytes, &start);
    }
    return status == QUIRE_OK || status == QUIRE_NOT_FOUND;
}

static void segments_step(segmentation_t *segmentation, const trace_step_t *step, totals_t *totals)
{
    switch (step->kind) {
    case TRACE_START:
        totals->starts++;
        totals->not_placed += !segments_start(segmentation, &step->process);
        break;
    case TRACE_GROW:
        if (quire_arena_find(&segmentation->arena, step->process.id, DATA) == NULL)
            break;
        totals->growths++;
        totals->not_grown += !segments_grow(segmentation, &step->process);
        break;
    case TRACE_END:
        quire_arena_release(&segmentation->arena, step->process.id);
        break;
    }
}

static void run_segmentation(quire_fit_t fit, bool compacts, uint64_t steps, uint32_t seed, totals_t *totals)
{
    static segmentation_t segmentation;
    quire_arena_stats_t stats;
    trace_t trace;
    trace_step_t step;

    segmentation.compacts = compacts;
    quire_arena_init(&segmentation.arena, ARENA_START, ARENA_START + MEMORY_BYTES, fit, segmentation.storage,
                     SEGMENTS_MAX);
    segmentation.arena.move = move;
    trace_init(&trace, seed, LOAD_MOST);
    for (uint64_t i = 0; i < steps; i++) {
        trace_next(&trace, &step);
        segments_step(&segmentation, &step, totals);
        quire_arena_stats(&segmentation.arena, &stats);
        totals->internal_bytes += stats.internal_bytes;
        totals->asked_bytes += stats.used_bytes - stats.internal_bytes;
        totals->external_per_thousand += stats.external_per_thousand;
    }
    totals->steps = steps;
    totals->moved_bytes = segmentation.arena.moved_bytes;
}

/* --- paging --- */

typedef struct paged {
    uint32_t id; /* 0: unused */
    uint32_t bytes[TRACE_PARTS];
    size_t count;
    quire_frame_t frames[PROCESS_PAGES];
} paged_t;

static paged_t paged[TRACE_LIVING_MAX];
static quire_pmm_t pmm;

static size_t pages_of(const uint32_t bytes[TRACE_PARTS])
{
    size_t pages = TABLE_FRAMES;

    for (unsigned part = 0; part < TRACE_PARTS; part++)
        pages += (bytes[part] + QUIRE_PAGE_MASK) >> QUIRE_PAGE_SHIFT;
    return pages;
}

static paged_t *paged_find(uint32_t id)
{
    for (unsigned i = 0; i < TRACE_LIVING_MAX; i++) {
        if (paged[i].id == id)
            return &paged[i];
    }
    return NULL;
}

static void paged_shrink(paged_t *process, size_t pages)
{
    while (process->count > pages) {
        if (quire_pmm_free(&pmm, process->frames[--process->count], 0) != QUIRE_OK)
            abort();
    }
}

static bool paged_reach(paged_t *process, size_t pages)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_USER};
    size_t before = process->count;

    while (process->count < pages && process->count < PROCESS_PAGES) {
        if (quire_pmm_alloc(&pmm, request, &process->frames[process->count]) != QUIRE_OK) {
            paged_shrink(process, before);
            return false;
        }
        process->count++;
    }
    return process->count == pages;
}

static bool paged_resize(paged_t *process, const trace_process_t *wanted)
{
    if (!paged_reach(process, pages_of(wanted->bytes)))
        return false;
    process->id = wanted->id;
    for (unsigned part = 0; part < TRACE_PARTS; part++)
        process->bytes[part] = wanted->bytes[part];
    return true;
}

static void paged_step(const trace_step_t *step, totals_t *totals)
{
    paged_t *process = paged_find(step->process.id);

    switch (step->kind) {
    case TRACE_START:
        totals->starts++;
        totals->not_placed += !paged_resize(paged_find(0), &step->process);
        break;
    case TRACE_GROW:
        if (process == NULL)
            break;
        totals->growths++;
        totals->not_grown += !paged_resize(process, &step->process);
        break;
    case TRACE_END:
        if (process == NULL)
            break;
        paged_shrink(process, 0);
        process->id = 0;
        break;
    }
}

static void start_pmm(void)
{
    static quire_memory_region_t regions[8];
    static quire_memory_map_t map;
    size_t bytes;

    quire_memory_map_init(&map, regions, 8);
    if (quire_memory_map_add(&map, quire_pa((uint64_t)1 << 30), MEMORY_BYTES, QUIRE_MEMORY_USABLE) != QUIRE_OK)
        abort();
    bytes = quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
    if (quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), aligned_alloc(QUIRE_PAGE_BYTES, bytes), bytes) != QUIRE_OK)
        abort();
}

static void run_paging(uint64_t steps, uint32_t seed, totals_t *totals)
{
    trace_t trace;
    trace_step_t step;

    start_pmm();
    trace_init(&trace, seed, LOAD_MOST);
    for (uint64_t i = 0; i < steps; i++) {
        trace_next(&trace, &step);
        paged_step(&step, totals);
        for (unsigned place = 0; place < TRACE_LIVING_MAX; place++) {
            uint64_t asked = 0;

            for (unsigned part = 0; paged[place].id != 0 && part < TRACE_PARTS; part++)
                asked += paged[place].bytes[part];
            totals->asked_bytes += asked;
            totals->internal_bytes += ((uint64_t)paged[place].count << QUIRE_PAGE_SHIFT) - asked;
        }
    }
    totals->steps = steps;
}

/* --- the table --- */

static void line(const char *row, const char *subject, double value, const char *unit)
{
    printf("%s\t%s\t%.2f\t%s\n", row, subject, value, unit);
}

static void report(const char *subject, const totals_t *totals)
{
    double held = (double)(totals->asked_bytes + totals->internal_bytes);

    line("processes not placed", subject, 100.0 * (double)totals->not_placed / (double)totals->starts, "percent");
    line("growths refused", subject, 100.0 * (double)totals->not_grown / (double)totals->growths, "percent");
    line("external fragmentation", subject, (double)totals->external_per_thousand / 10.0 / (double)totals->steps,
         "percent");
    line("internal fragmentation", subject, 100.0 * (double)totals->internal_bytes / held, "percent");
    line("moved", subject, (double)totals->moved_bytes / 1024.0 / (double)totals->steps, "KiB/step");
    line("memory in use", subject, 100.0 * (double)totals->asked_bytes / (double)totals->steps / MEMORY_BYTES,
         "percent");
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"first fit", "best fit", "worst fit"};
    static const char *const compacting[] = {"first fit, compacting", "best fit, compacting", "worst fit, compacting"};
    uint64_t steps = argc > 1 ? strtoull(argv[1], NULL, 10) : STEPS;
    uint32_t seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;

    for (unsigned i = 0; i < 6; i++) {
        totals_t totals = {0};

        run_segmentation((quire_fit_t)(i % 3), i >= 3, steps, seed, &totals);
        report(i >= 3 ? compacting[i % 3] : names[i], &totals);
    }
    totals_t totals = {0};

    run_paging(steps, seed, &totals);
    report("paging", &totals);
    return 0;
}
