/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c - CPUs driven by threads at the same time: accessed and dirty bits are never lost, and a shootdown by
 * another thread takes effect. Meant for a race detector as well.
 */
#include "test_fixture.h"

#include <pthread.h>

enum { VA = 0x400000, PAGES = 16, ROUNDS = 2000 };

/* On i386 a uint64_t is aligned to 4 bytes only; an entry always to 8. */
typedef uint64_t entry_t __attribute__((aligned(8)));

typedef struct worker {
    unsigned cpu;
    unsigned faults;
} worker_t;

static entry_t *entry_of(unsigned page)
{
    uint64_t table = entry_get(VA, 2) & ~UINT64_C(0xFFF);

    return (entry_t *)model_physical(fixture.machine, table >> 12) + page;
}

static entry_t *entries;

/* Writes to every page, again and again. */
static void *write_pages(void *argument)
{
    worker_t *worker = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        model_result_t result =
            model_access(fixture.machine, worker->cpu, VA + 0x1000 * (i % PAGES), 4, MODEL_WRITE, MODEL_SUPERVISOR);
        worker->faults += result.fault.raised;
    }
    return NULL;
}

/* Takes dirty bits away as an operating system does: atomically, then with a flush on both CPUs. */
static void *clean_pages(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned page = i * 7 % PAGES;
        __atomic_fetch_and(&entries[page], ~(uint64_t)D, __ATOMIC_ACQ_REL);
        for (unsigned cpu = 0; cpu < 2; cpu++)
            (void)model_invlpg(fixture.machine, cpu, VA + 0x1000 * page);
    }
    return argument;
}

TEST(model, threads_on_two_cpus)
{
    model_config_t config = fixture_config();
    worker_t workers[2] = {{.cpu = 0}, {.cpu = 1}};
    pthread_t threads[3];

    config.cpus = 2;
    model_t *machine = fixture_open(&config, MODEL_PAGING_4_LEVEL);
    CHECK_DONE(model_start(machine, 1, MODEL_PAGING_4_LEVEL, fixture.root));
    for (unsigned page = 0; page < PAGES; page++)
        entry_put(VA + 0x1000 * page, 1, new_frame() | P | W);
    entries = entry_of(0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, write_pages, &workers[i]) == 0);
    CHECK(pthread_create(&threads[2], NULL, clean_pages, NULL) == 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_EQUAL(workers[0].faults + workers[1].faults, 0);
    for (unsigned page = 0; page < PAGES; page++) {
        CHECK_EQUAL(entries[page] & (P | W | A), P | W | A);
        CHECK_DONE(model_invlpg(machine, 0, VA + 0x1000 * page));
        CHECK(!touch(VA + 0x1000 * page, MODEL_WRITE).fault.raised);
        CHECK_EQUAL(entries[page] & D, D);
    }
}
