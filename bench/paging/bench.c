/* SPDX-License-Identifier: MIT */
/*
 * bench.c - what the cursor costs a page.
 *
 *     bench OPERATION PAGES ROUNDS
 *
 * OPERATION, on one range of so many pages, so many times: map-and-unmap; unmap-and-promise (mapped pages become a
 * promise, as when a process discards them, and are mapped again); query (each page); protect (the rights of all);
 * fault (reserved, each page touched, unmapped); reserve-and-release (nothing touched).
 * Instructions are counted from outside (paging.sh) as the difference between two runs that differ in rounds only, so
 * that set-up does not count. The library is built for one format, as in a kernel.
 *
 * RAM is anonymous memory, a window is an addition, a flush is counted and does nothing: what is left is the library.
 * The mapped frames are foreign (never looked at), so that the PMM takes part only with the tables.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <quire/paging.h>
#include <quire/vmm.h>

#include "cpu/cpu.h"

#define RAM_FIRST_FRAME 0x400u
#define RAM_FRAMES      4096u
#define RANGE_START     0x40000000u
#define SHARED_START    0xc0000000u /* of the 32-bit formats */
#define SHARED_START_64 0xffff800000000000u
#define FOREIGN_FRAME   0x80000u
#define KERNEL_BYTES    0x400000u

#ifdef QUIRE_PORT_DIRECT_MAP
#define RAM_ADDRESS ((void *)(uintptr_t)(QUIRE_PORT_DIRECT_MAP + RAM_FIRST_FRAME * QUIRE_PAGE_BYTES))
#else
#define RAM_ADDRESS NULL
#endif

static unsigned char *ram;
static unsigned long flushes;

#ifndef QUIRE_PORT_DIRECT_MAP
void *quire_port_window_open(quire_frame_t frame)
{
    return ram + (frame.number - RAM_FIRST_FRAME) * QUIRE_PAGE_BYTES;
}

void quire_port_window_close(void *window)
{
    (void)window;
}
#endif

void quire_port_lock(quire_lock_t *lock)
{
    lock->word = 1;
}

void quire_port_unlock(quire_lock_t *lock)
{
    lock->word = 0;
}

#ifndef QUIRE_PORT_CPU
unsigned quire_port_cpu(void)
{
    return 0;
}
#endif

void quire_port_shootdown(const quire_shootdown_t *request)
{
    (void)request;
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

void quire_cpu_flush_page(quire_va_t va)
{
    (void)va;
    flushes++;
}

void quire_cpu_flush_all(bool global)
{
    (void)global;
    flushes++;
}

void quire_cpu_load_root(quire_pa_t root, unsigned tag, bool keep)
{
    (void)root;
    (void)tag;
    (void)keep;
}

bool quire_cpu_offers_asids(void)
{
    return false;
}

bool quire_cpu_uses_asids(void)
{
    return false;
}

bool quire_cpu_keeps_global(void)
{
    return true;
}

uint64_t quire_cpu_timestamp(void)
{
    return 0;
}

static void must(quire_status_t status)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "bench paging: %s\n", quire_status_name(status));
        exit(1);
    }
}

static quire_pmm_t *make_pmm(void)
{
    static quire_memory_region_t regions[8];
    static quire_memory_map_t map;
    static quire_pmm_t pmm;
    quire_pa_t limit = quire_pa((uint64_t)1 << 32);
    size_t bytes;

    ram = mmap(RAM_ADDRESS, RAM_FRAMES * QUIRE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED || (RAM_ADDRESS != NULL && ram != RAM_ADDRESS))
        exit(1);
    quire_memory_map_init(&map, regions, sizeof(regions) / sizeof(regions[0]));
    must(quire_memory_map_add(&map, quire_pa((uint64_t)RAM_FIRST_FRAME << QUIRE_PAGE_SHIFT),
                              (uint64_t)RAM_FRAMES << QUIRE_PAGE_SHIFT, QUIRE_MEMORY_USABLE));
    bytes = quire_pmm_metadata_bytes(&map, limit);
    must(quire_pmm_init(&pmm, &map, limit, aligned_alloc(QUIRE_PAGE_BYTES, bytes), bytes));
    return &pmm;
}

#define FORMAT_NAME_(name) quire_format_##name
#define FORMAT_NAME(name)  FORMAT_NAME_(name)

static const quire_format_t *const format = &FORMAT_NAME(QUIRE_FORMAT);

static void open_range(quire_cursor_t *cursor, quire_table_t *table, size_t pages, quire_cursor_mode_t mode)
{
    must(quire_cursor_open(cursor, table, RANGE_START, RANGE_START + pages * QUIRE_PAGE_BYTES, mode));
}

static void map_pages(quire_table_t *table, size_t pages)
{
    quire_cursor_t cursor;

    open_range(&cursor, table, pages, QUIRE_CURSOR_POPULATE);
    for (size_t i = 0; i < pages; i++)
        must(quire_cursor_map(&cursor, RANGE_START + i * QUIRE_PAGE_BYTES, 1, quire_frame(FOREIGN_FRAME + i),
                              QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER, QUIRE_PAGE_FOREIGN));
    quire_cursor_close(&cursor);
}

/* What is mapped becomes `kind`: nothing, or a promise. */
static void mark_pages(quire_table_t *table, size_t pages, quire_page_kind_t kind)
{
    const quire_page_t page = {.kind = kind, .prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER};
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    quire_cursor_t cursor;

    open_range(&cursor, table, pages, QUIRE_CURSOR_EDGES);
    (void)quire_cursor_mark(&cursor, RANGE_START, RANGE_START + pages * QUIRE_PAGE_BYTES,
                            kind == QUIRE_PAGE_EMPTY ? &empty : &page);
    quire_cursor_close(&cursor);
}

static void protect_pages(quire_table_t *table, size_t pages, unsigned prot)
{
    quire_cursor_t cursor;

    open_range(&cursor, table, pages, QUIRE_CURSOR_EDGES);
    quire_cursor_protect(&cursor, RANGE_START, RANGE_START + pages * QUIRE_PAGE_BYTES, prot);
    quire_cursor_close(&cursor);
}

static void query_pages(quire_table_t *table, size_t pages)
{
    quire_cursor_t cursor;
    size_t mapped = 0;

    open_range(&cursor, table, pages, QUIRE_CURSOR_READ);
    for (size_t i = 0; i < pages; i++)
        mapped += quire_cursor_query(&cursor, RANGE_START + i * QUIRE_PAGE_BYTES).page.kind == QUIRE_PAGE_MAPPED;
    quire_cursor_close(&cursor);
    if (mapped != pages)
        exit(1);
}

static void fault(quire_space_t *space, quire_va_t va)
{
    must(quire_vmm_fault(space, va, (unsigned)QUIRE_ACCESS_WRITE | QUIRE_ACCESS_USER));
}

#ifdef QUIRE_PAGING_STEPS
extern void (*quire_paging_step)(bool writes);
static unsigned words[2];

static void count_word(bool writes)
{
    words[writes]++;
}

static void warm_fault(quire_space_t *space, quire_va_t va)
{
    quire_paging_step = count_word;
    fault(space, va);
    quire_paging_step = NULL;
    printf("words read %u written %u\n", words[false], words[true]);
}
#else
/* Watched from outside (tests/tree/warm-fault.sh): a fault whose neighbours have been touched. */
static __attribute__((noipa)) void warm_fault(quire_space_t *space, quire_va_t va)
{
    fault(space, va);
}
#endif

static void fault_pages(quire_space_t *space, size_t pages)
{
    quire_va_t va;
    size_t bytes = pages * QUIRE_PAGE_BYTES;

    must(quire_vmm_reserve(space, RANGE_START, bytes, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_RESERVE_FIXED, &va));
    for (size_t i = 0; i + 1 < pages; i++)
        fault(space, va + i * QUIRE_PAGE_BYTES);
    warm_fault(space, va + bytes - QUIRE_PAGE_BYTES);
    must(quire_vmm_unmap(space, va, bytes));
}

static void reserve_and_release(quire_space_t *space, size_t pages)
{
    quire_va_t va;

    must(quire_vmm_reserve(space, 0, pages * QUIRE_PAGE_BYTES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0, &va));
    must(quire_vmm_unmap(space, va, pages * QUIRE_PAGE_BYTES));
}

static void do_round(quire_space_t *space, const char *operation, size_t pages, size_t round)
{
    quire_table_t *table = &space->table;

    if (strcmp(operation, "map-and-unmap") == 0) {
        mark_pages(table, pages, QUIRE_PAGE_EMPTY);
        map_pages(table, pages);
    } else if (strcmp(operation, "unmap-and-promise") == 0) {
        mark_pages(table, pages, QUIRE_PAGE_RESERVED);
        map_pages(table, pages);
    } else if (strcmp(operation, "query") == 0) {
        query_pages(table, pages);
    } else if (strcmp(operation, "protect") == 0) {
        protect_pages(table, pages, QUIRE_PROT_READ | QUIRE_PROT_USER | (round % 2 ? QUIRE_PROT_WRITE : 0u));
    } else if (strcmp(operation, "fault") == 0) {
        fault_pages(space, pages);
    } else if (strcmp(operation, "reserve-and-release") == 0) {
        reserve_and_release(space, pages);
    } else {
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static quire_space_t kernel;
    static quire_space_t space;
    const quire_va_t shared = quire_format_levels(format) > 3 ? (quire_va_t)SHARED_START_64 : SHARED_START;
    size_t pages;
    size_t rounds;

    if (argc != 4)
        return 2;
    pages = strtoul(argv[2], NULL, 0);
    rounds = strtoul(argv[3], NULL, 0);
    must(quire_table_create_kernel(&kernel.table, format, make_pmm(), QUIRE_ZONE_ANY, shared));
    must(quire_table_pin(&kernel.table, shared, shared + KERNEL_BYTES));
    quire_table_seal(&kernel.table);
    must(quire_vmm_create_kernel(&kernel, shared, shared + KERNEL_BYTES));
    must(quire_vmm_create(&space, &kernel, 1, RANGE_START, SHARED_START));
    if (strcmp(argv[1], "fault") != 0 && strcmp(argv[1], "reserve-and-release") != 0)
        map_pages(&space.table, pages);
    for (size_t round = 0; round < rounds; round++)
        do_round(&space, argv[1], pages, round);
    return 0;
}
