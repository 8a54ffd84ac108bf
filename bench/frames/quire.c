/* SPDX-License-Identifier: MIT */
/* quire.c - mm/pmm as a subject, and the few hooks it needs. */
#define _DEFAULT_SOURCE
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <quire/quire.h>

#include "subject.h"

static quire_pmm_t pmm;
static quire_memory_region_t regions[128];
static quire_memory_map_t map;

static void make_map(size_t frames)
{
    const size_t step = (size_t)1 << 22;

    quire_memory_map_init(&map, regions, 128);
    for (size_t at = 0; at < frames; at += step) {
        size_t bytes = (bench_islands ? 1024 : (frames - at < step ? frames - at : step)) * QUIRE_PAGE_BYTES;
        if (quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME + at)), bytes, QUIRE_MEMORY_USABLE))
            abort();
    }
}

static size_t record_bytes(size_t frames)
{
    make_map(frames);
    return quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
}

static void start(void *records, size_t frames)
{
    (void)frames;
    map.sealed = false;
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    if (quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), records, quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX))))
        abort();
}

static size_t take(unsigned order, unsigned lifetime)
{
    /* Constants, as a kernel has them: a request that is written byte by byte and read at once stalls the CPU. */
    static const quire_pmm_request_t single[] = {{.owner = QUIRE_OWNER_USER},
                                                 {.owner = QUIRE_OWNER_USER, .lifetime = 1},
                                                 {.owner = QUIRE_OWNER_USER, .lifetime = 2}};
    const quire_pmm_request_t block = {
        .order = (uint8_t)order, .owner = QUIRE_OWNER_USER, .lifetime = (uint8_t)lifetime};
    quire_frame_t frame;

    return quire_pmm_alloc(&pmm, order == 0 ? single[lifetime] : block, &frame) == QUIRE_OK ? frame.number : NO_FRAME;
}

static void give(size_t frame, unsigned order)
{
    if (quire_pmm_free(&pmm, quire_frame(frame), order) != QUIRE_OK)
        abort();
}

const subject_t subject_quire = {"Quire", record_bytes, start, take, give};

void quire_port_lock(quire_lock_t *lock)
{
    (void)lock;
}

void quire_port_unlock(quire_lock_t *lock)
{
    (void)lock;
}

void *quire_port_window_open(quire_frame_t frame)
{
    (void)frame;
    abort();
}

void quire_port_window_close(void *window)
{
    (void)window;
}

void quire_port_shootdown(const quire_shootdown_t *request)
{
    (void)request;
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

_Noreturn void quire_port_panic(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    abort();
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    (void)level;
    fprintf(stderr, "%s\n", line);
}

uint64_t quire_cpu_timestamp(void);
uint64_t quire_cpu_timestamp(void)
{
    return 0;
}
