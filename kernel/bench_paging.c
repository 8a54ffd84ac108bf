/* SPDX-License-Identifier: MIT */
/*
 * bench_paging.c - the library's calls on a process's space, measured one by one.
 *
 * Where the emulator counts instructions in the time-stamp counter, a figure is exact and repeats. Each is the mean of
 * ROUNDS rounds after one that is not counted, less the cost of reading the counter, so it includes its share of what
 * happens now and then: a new table, a CPU's refill of frames. Everything a call does is in it, locks and flushes too;
 * not in it are the system call or trap around it. Events are off. Nothing else runs.
 *
 * A page that stays keeps the tables around it, as in any process that does something. What it costs when they come and
 * go with the page is shown apart ("alone").
 *
 * The targets are the library's own: what a program is to meet (bench/vm.sh has rows and targets for that), less the
 * way into the kernel; and fork and copies, whose cost is the library's nearly alone. What pages add to a fork is
 * measured as the difference to the fork of a space of one page.
 *
 * The space is never active: the same instructions are executed, and nothing of it is in the TLB. Faults are asked for
 * by quire_vmm_fault() itself, as the trap handler would.
 */
#include "bench_paging.h"

#include "arch/arch.h"
#include "memory.h"
#include "print.h"
#include "walk.h"

#define ROUNDS     32u
#define MANY       256u
#define GIB        ((size_t)1 << 30)
#define SCATTERED  ((uint64_t)1 << 40) /* where a TiB of address space begins, if there is one */
#define APART      ((uint64_t)1 << 32)
#define BENCH_ID   0x7fffu
#define READ_WRITE ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define USER_WRITE ((unsigned)QUIRE_ACCESS_WRITE | QUIRE_ACCESS_USER)

typedef struct bench {
    quire_space_t space;
    quire_space_t child;
    quire_va_t va;
    size_t bytes;
    uint64_t clock; /* what reading the counter twice costs */
    bool good;
} bench_t;

static bench_t bench;

static void expect(quire_status_t status)
{
    bench.good = bench.good && status == QUIRE_OK;
}

/* --- what is measured, and what goes before and after --- */

static void nothing(void)
{
}

static void reserve(void)
{
    expect(quire_vmm_reserve(&bench.space, 0, bench.bytes, READ_WRITE, 0, &bench.va));
}

static void unmap(void)
{
    expect(quire_vmm_unmap(&bench.space, bench.va, bench.bytes));
}

static void fault_all(void)
{
    for (size_t at = 0; at < bench.bytes; at += QUIRE_PAGE_BYTES)
        expect(quire_vmm_fault(&bench.space, bench.va + at, USER_WRITE));
}

static void populate(void)
{
    expect(quire_vmm_populate(&bench.space, bench.va, bench.bytes));
}

static void protect(void)
{
    expect(quire_vmm_protect(&bench.space, bench.va, bench.bytes, QUIRE_PROT_READ));
}

static void discard(void)
{
    expect(quire_vmm_discard(&bench.space, bench.va, bench.bytes));
}

static void reserve_and_unmap(void)
{
    reserve();
    unmap();
}

static void reserve_touch_and_unmap(void)
{
    reserve();
    fault_all();
    unmap();
}

static void reserve_and_populate(void)
{
    reserve();
    populate();
}

static void frame_pair(void)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_USER};
    quire_frame_t frame;

    expect(quire_pmm_alloc(&kernel_pmm, request, &frame));
    expect(quire_pmm_free(&kernel_pmm, frame, 0));
}

static void zero_page(void)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_USER, .zeroed = true};
    quire_frame_t frame;

    expect(quire_pmm_alloc(&kernel_pmm, request, &frame));
    expect(quire_pmm_free(&kernel_pmm, frame, 0));
}

static void fork(void)
{
    expect(quire_vmm_fork(&bench.space, &bench.child, BENCH_ID - 1));
}

static void end_child(void)
{
    quire_vmm_destroy(&bench.child);
}

static void end_child_and_unmap(void)
{
    end_child();
    unmap();
}

static void populate_and_fork(void)
{
    reserve_and_populate();
    fork();
}

static void populate_and_fork_in_vain(void)
{
    populate_and_fork();
    end_child();
}

/* Pages as far from each other as can be: each has tables of its own. */
static void scatter(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        quire_va_t at = (quire_va_t)(SCATTERED + i * APART);

        expect(quire_vmm_reserve(&bench.space, at, QUIRE_PAGE_BYTES, READ_WRITE, QUIRE_RESERVE_FIXED, &at));
        expect(quire_vmm_populate(&bench.space, at, QUIRE_PAGE_BYTES));
    }
}

static void unmap_scattered(void)
{
    end_child();
    expect(quire_vmm_unmap(&bench.space, (quire_va_t)SCATTERED, (size_t)(MANY * APART)));
}

typedef struct row {
    const char *name;
    void (*before)(void);
    void (*measured)(void);
    void (*after)(void);
    size_t bytes;
    unsigned operations; /* that one round makes */
    const char *target;  /* with 64-bit entries, and with narrower ones; NULL: none */
    const char *target_32;
} row_t;

#define PAGES(count) ((count)*QUIRE_PAGE_BYTES)

/* Prints the row and returns what a round took. What a round of something else takes, `less`, is not the row's. */
static uint64_t measure(const row_t *row, uint64_t less)
{
    const char *target = sizeof(void *) == 8 || row->target_32 == NULL ? row->target : row->target_32;
    uint64_t sum = 0;

    bench.bytes = row->bytes;
    for (unsigned round = 0; round <= ROUNDS; round++) {
        row->before();
        uint64_t start = arch_timestamp();
        row->measured();
        uint64_t cost = arch_timestamp() - start;
        row->after();
        if (round > 0 && cost > bench.clock + less)
            sum += cost - bench.clock - less;
    }
    uint64_t tenths = sum * 10 / (ROUNDS * row->operations);
    print_always("bench\t%s\t%llu.%llu\t%s\t%s\n", row->name, (unsigned long long)(tenths / 10),
                 (unsigned long long)(tenths % 10), walk_unit(), target == NULL ? "" : target);
    return sum / ROUNDS;
}

static uint64_t cost_of_clock(void)
{
    uint64_t least = UINT64_MAX;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = arch_timestamp();
        nothing();
        uint64_t cost = arch_timestamp() - start;
        least = cost < least ? cost : least;
    }
    return least;
}

static void measure_alone(void)
{
    const row_t rows[] = {
        {"alone: reserve + unmap, 1 page", nothing, reserve_and_unmap, nothing, PAGES(1), 1, NULL, NULL},
        {"alone: unmap, 1 touched page", reserve_and_populate, unmap, nothing, PAGES(1), 1, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        (void)measure(&rows[i], 0);
}

static void measure_all(void)
{
    const row_t rows[] = {
        {"frame: alloc + free", nothing, frame_pair, nothing, 0, 1, "70", NULL},
        {"frame: alloc zeroed + free", nothing, zero_page, nothing, 0, 1, NULL, NULL},
        {"reserve + unmap, 1 page", nothing, reserve_and_unmap, nothing, PAGES(1), 1, "900", NULL},
        {"reserve + unmap, 256 pages", nothing, reserve_and_unmap, nothing, PAGES(MANY), 1, "1200", NULL},
        {"reserve of 1 GiB", nothing, reserve, unmap, GIB, 1, "1000", NULL},
        {"release of 1 GiB", reserve, unmap, nothing, GIB, 1, "1000", NULL},
        {"write fault, 1 page", reserve, fault_all, unmap, PAGES(1), 1, "840", "1340"},
        {"write fault, each of 256 pages", reserve, fault_all, unmap, PAGES(MANY), MANY, "840", "1340"},
        {"reserve + touch + unmap, 1 page", nothing, reserve_touch_and_unmap, nothing, PAGES(1), 1, "2600", NULL},
        {"populate, each of 256 pages", reserve, populate, unmap, PAGES(MANY), MANY, "650", "1150"},
        {"protect, 1 mapped page", reserve_and_populate, protect, unmap, PAGES(1), 1, "350", NULL},
        {"protect, each of 256 mapped pages", reserve_and_populate, protect, unmap, PAGES(MANY), MANY, "19", NULL},
        {"unmap, 1 touched page", reserve_and_populate, unmap, nothing, PAGES(1), 1, NULL, NULL},
        {"unmap, each of 256 touched pages", reserve_and_populate, unmap, nothing, PAGES(MANY), MANY, "99", NULL},
        {"discard, each of 256 touched pages", reserve_and_populate, discard, unmap, PAGES(MANY), MANY, "99", NULL},
        {"copy-on-write, a copy", populate_and_fork, fault_all, end_child_and_unmap, PAGES(MANY), MANY, "950", "1500"},
        {"copy-on-write, the last owner", populate_and_fork_in_vain, fault_all, unmap, PAGES(MANY), MANY, "250", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        (void)measure(&rows[i], 0);
}

static void measure_fork(void)
{
    const row_t one = {"fork of a space of 1 page", nothing, fork, end_child, PAGES(1), 1, "15000", NULL};
    const row_t many = {"fork, more for each of 256 touched pages",
                        reserve_and_populate,
                        fork,
                        end_child_and_unmap,
                        PAGES(MANY),
                        MANY,
                        "60",
                        NULL};
    const row_t far = {
        "fork, more for each of 256 pages over 1 TiB", scatter, fork, unmap_scattered, PAGES(1), MANY, "4000", NULL};
    uint64_t alone = measure(&one, 0);

    (void)measure(&many, alone);
    if ((uint64_t)ARCH_USER_END > SCATTERED + MANY * APART)
        (void)measure(&far, alone);
}

bool bench_paging(void)
{
    quire_event_stop();
    bench.good = true;
    if (quire_vmm_create(&bench.space, &kernel_space, BENCH_ID, ARCH_USER_START, ARCH_USER_END) != QUIRE_OK)
        return false;
    bench.clock = cost_of_clock();
    measure_alone();
    bench.bytes = PAGES(1);
    reserve_and_populate();
    measure_all();
    measure_fork();
    bench.good = bench.good && quire_vmm_check(&bench.space) == QUIRE_OK && bench.space.reserved_pages == 1;
    quire_vmm_destroy(&bench.space);
    return bench.good && quire_pmm_check(&kernel_pmm) == QUIRE_OK;
}
