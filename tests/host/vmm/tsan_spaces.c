/* SPDX-License-Identifier: MIT */
/*
 * tsan_spaces.c - several CPUs at work in one address space.
 *
 * Every copy fills a whole page with one byte, or reads a whole page. Since a copy holds the tree's lock, a reader
 * never meets a page of two bytes, whatever other threads do to the mapping meanwhile: discard it, unmap it, change its
 * rights, move it away, fork it. Built with ThreadSanitizer, which also sees what goes wrong without showing.
 */
#include <pthread.h>
#include <string.h>

#include "host.h"

#define THREADS    4
#define STEPS      1000
#define PAGE       ((quire_va_t)QUIRE_PAGE_BYTES)
#define SEAM       ((quire_va_t)0x40000000)
#define AREA_PAGES 24
#define AREA       (SEAM - AREA_PAGES / 2 * PAGE)
#define ELSEWHERE  (2 * SEAM - 5 * PAGE)
#define READ_WRITE ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static quire_space_t kernel;
static quire_space_t space;
static uint32_t next_id = 2;

typedef struct worker {
    pthread_t thread;
    unsigned cpu;
    uint64_t random;
} worker_t;

static uint64_t random_below(worker_t *worker, uint64_t bound)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return (worker->random >> 33) % bound;
}

static quire_va_t random_page(worker_t *worker)
{
    return AREA + random_below(worker, AREA_PAGES) * PAGE;
}

static bool is_uniform(const uint8_t *bytes)
{
    return memcmp(bytes, bytes + 1, QUIRE_PAGE_BYTES - 1) == 0;
}

static void check_one_of(quire_status_t status, unsigned allowed)
{
    CHECK((allowed >> status & 1) != 0);
}

#define OR_OK(status) (1u << QUIRE_OK | 1u << (status))

static void copy(worker_t *worker, quire_space_t *where)
{
    uint8_t page[QUIRE_PAGE_BYTES];
    quire_va_t va = random_page(worker);
    quire_status_t status;

    if (random_below(worker, 2) == 0) {
        memset(page, (int)random_below(worker, 256), sizeof(page));
        check_one_of(quire_vmm_copy_to_user(where, va, page, sizeof(page), NULL), OR_OK(QUIRE_DENIED));
        return;
    }
    status = quire_vmm_copy_from_user(where, page, va, sizeof(page), NULL);
    check_one_of(status, OR_OK(QUIRE_DENIED));
    CHECK(status != QUIRE_OK || is_uniform(page));
}

static void fork_and_look(worker_t *worker)
{
    quire_space_t child;
    quire_status_t status = quire_vmm_fork(&space, &child, __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED));

    check_one_of(status, OR_OK(QUIRE_NO_MEMORY));
    if (status != QUIRE_OK)
        return;
    for (unsigned i = 0; i < 16; i++)
        copy(worker, &child);
    CHECK_OK(quire_vmm_check(&child));
    quire_vmm_destroy(&child);
}

static void move_away_and_back(void)
{
    quire_va_t va;

    if (quire_vmm_move(&space, AREA, AREA_PAGES * PAGE, AREA_PAGES * PAGE, QUIRE_MOVE_FIXED, ELSEWHERE, &va) ==
        QUIRE_OK)
        check_one_of(
            quire_vmm_move(&space, ELSEWHERE, AREA_PAGES * PAGE, AREA_PAGES * PAGE, QUIRE_MOVE_FIXED, AREA, &va),
            OR_OK(QUIRE_NOT_FOUND));
}

static void change(worker_t *worker)
{
    quire_va_t va = random_page(worker);
    size_t bytes = (size_t)(random_below(worker, (AREA + AREA_PAGES * PAGE - va) / PAGE) + 1) * QUIRE_PAGE_BYTES;
    quire_va_t placed;

    switch (random_below(worker, 7)) {
    case 0:
        CHECK_OK(quire_vmm_discard(&space, va, bytes));
        break;
    case 1:
        CHECK_OK(quire_vmm_unmap(&space, va, PAGE));
        break;
    case 2:
    case 3:
        CHECK_OK(quire_vmm_reserve(&space, va, bytes, READ_WRITE, QUIRE_RESERVE_REPLACE, &placed));
        break;
    case 4:
        check_one_of(quire_vmm_protect(&space, va, bytes, (unsigned)random_below(worker, 4)), OR_OK(QUIRE_NOT_FOUND));
        break;
    case 5:
        check_one_of(quire_vmm_populate(&space, va, bytes),
                     OR_OK(QUIRE_NOT_FOUND) | 1u << QUIRE_DENIED | 1u << QUIRE_NO_MEMORY);
        break;
    default:
        CHECK_OK(quire_vmm_reserve(&space, 0, bytes, READ_WRITE, 0, &placed));
        CHECK_OK(quire_vmm_fault(&space, placed, (unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_WRITE));
        CHECK_OK(quire_vmm_unmap(&space, placed, bytes));
        break;
    }
}

static void *work(void *context)
{
    worker_t *worker = context;

    host_use_cpu(worker->cpu);
    for (unsigned step = 0; step < STEPS * test_effort(); step++) {
        uint64_t what = random_below(worker, 64);

        if (what == 0)
            fork_and_look(worker);
        else if (what == 1)
            move_away_and_back();
        else if (what < 16)
            change(worker);
        else
            copy(worker, &space);
    }
    return NULL;
}

static void make_spaces(quire_pmm_t *pmm, const quire_format_t *format, quire_va_t shared_start, quire_va_t end)
{
    quire_va_t va;

    kernel = (quire_space_t){.start = 0};
    CHECK_OK(quire_table_create_kernel(&kernel.table, format, pmm, QUIRE_ZONE_ANY, shared_start));
    CHECK_OK(quire_table_pin(&kernel.table, shared_start, shared_start + PAGE));
    quire_table_seal(&kernel.table);
    CHECK_OK(quire_vmm_create_kernel(&kernel, shared_start, shared_start + PAGE));
    CHECK_OK(quire_vmm_create(&space, &kernel, 1, 16 * PAGE, end));
    CHECK_OK(quire_vmm_reserve(&space, AREA, AREA_PAGES * PAGE, READ_WRITE, QUIRE_RESERVE_FIXED, &va));
}

static void run(const quire_format_t *format, quire_va_t shared_start, quire_va_t end)
{
    quire_pmm_t *pmm = test_pmm(800);
    worker_t workers[THREADS];
    quire_pmm_stats_t stats;
    size_t used;

    make_spaces(pmm, format, shared_start, end);
    quire_pmm_stats(pmm, &stats);
    used = stats.used_frames - space.table.table_frames;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.cpu = i + 1, .random = i + 77};
        CHECK_EQUAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_EQUAL(pthread_join(workers[i].thread, NULL), 0);
    CHECK_OK(quire_vmm_check(&space));
    quire_vmm_destroy(&space);
    CHECK_OK(quire_pmm_check(pmm));
    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.used_frames, used);
}

TEST(vmm, cpus_in_one_space)
{
    run(&quire_format_x86_4level, (quire_va_t)0xffff800000000000u, (quire_va_t)1 << 47);
    run(&quire_format_x86_pae, (quire_va_t)0xc0000000u, (quire_va_t)0xc0000000u);
}
