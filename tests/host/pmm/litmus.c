/* SPDX-License-Identifier: MIT */
/*
 * litmus.c - the PMM's lock-free paths on a machine that orders memory no more than C11 promises.
 *
 * x86 hides most of what a wrong order does. Here the real sources are compiled so that each access goes to a model
 * (after Kang and others, "A Promising Semantics for Relaxed-Memory Concurrency", 2017, without promises): a place has
 * a history of messages, a CPU has a view of how far it has seen each. A relaxed load may read any message that its
 * CPU's view does not forbid, however old; a release store takes its CPU's view along, and an acquire load takes it
 * over. A read-modify-write is a full barrier, as atomic.h says, and so is the port's fence, for every CPU. Two CPUs
 * run in every interleaving with few changes, and loads read old messages in every way, a few times in each execution.
 */
#define _DEFAULT_SOURCE
#include <string.h>
#include <ucontext.h>

#include <quire/port.h>

typedef enum { RELAXED, ORDERED } order_t;

static uint64_t litmus_load(const void *place, size_t bytes, order_t order);
static void litmus_store(void *place, size_t bytes, uint64_t value, order_t order);
static void litmus_before(void *place, size_t bytes);
static void litmus_after(void *place, size_t bytes);
static void litmus_fence(const quire_shootdown_t *request);

#define STEPPED_ATOMICS
#define STEPPED(name)               litmus_##name
#define LOAD(place, order)          ((__typeof__(*(place) + 0))litmus_load(place, sizeof(*(place)), order))
#define STORE(place, value, order)  litmus_store((void *)(uintptr_t)(place), sizeof(*(place)), (uint64_t)(value), order)
#define load_relaxed(place)         LOAD(place, RELAXED)
#define load_own(place)             LOAD(place, RELAXED) /* of its own CPU: no other order is needed */
#define load_acquire(place)         LOAD(place, ORDERED)
#define store_relaxed(place, value) STORE(place, value, RELAXED)
#define store_release(place, value) STORE(place, value, ORDERED)
#define CHANGE(place, type, change)                                                                                    \
    __extension__({                                                                                                    \
        litmus_before(place, sizeof(*(place)));                                                                        \
        type changed = change;                                                                                         \
        litmus_after(place, sizeof(*(place)));                                                                         \
        changed;                                                                                                       \
    })
#define fetch_add(place, value) CHANGE(place, __typeof__(*(place)), __atomic_fetch_add(place, value, __ATOMIC_SEQ_CST))
#define fetch_sub(place, value) CHANGE(place, __typeof__(*(place)), __atomic_fetch_sub(place, value, __ATOMIC_SEQ_CST))
#define fetch_or(place, value)  CHANGE(place, __typeof__(*(place)), __atomic_fetch_or(place, value, __ATOMIC_SEQ_CST))
#define fetch_and(place, value) CHANGE(place, __typeof__(*(place)), __atomic_fetch_and(place, value, __ATOMIC_SEQ_CST))
#define exchange(place, value)  CHANGE(place, __typeof__(*(place)), __atomic_exchange_n(place, value, __ATOMIC_SEQ_CST))
#define replace(place, expected, value)                                                                                \
    CHANGE(place, bool, __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))

#define quire_port_shootdown litmus_fence
#include "stepped.h"
#undef quire_port_shootdown

#include "host.h"

#define CPUS        2
#define PLACES      256
#define MESSAGES    48
#define CHOICES     4000
#define FRAMES      8
#define FIRST_FRAME 0x8000

typedef struct view {
    uint8_t seen[PLACES];
} view_t;

static struct {
    uintptr_t place;
    unsigned count;
    uint64_t value[MESSAGES];
    view_t view[MESSAGES];
} places[PLACES];
static unsigned place_count;
static view_t views[CPUS];
static view_t fenced;

static ucontext_t contexts[CPUS];
static ucontext_t home;
static unsigned char stacks[CPUS][0x10000];
static void (*bodies[CPUS])(void);
static bool finished[CPUS];
static unsigned running;
static bool modelled;
static unsigned changes_left;
static unsigned old_left;

static struct {
    unsigned taken;
    unsigned of;
} choices[CHOICES];
static unsigned choice_count;
static unsigned choice_at;

/* --- choices: all of them, one after the other --- */

static unsigned choose(unsigned of)
{
    CHECK(choice_at < CHOICES);
    if (choice_at == choice_count) {
        choices[choice_count].taken = 0;
        choices[choice_count++].of = of;
    }
    return choices[choice_at++].taken;
}

static bool next_choices(void)
{
    while (choice_count > 0 && choices[choice_count - 1].taken + 1 >= choices[choice_count - 1].of)
        choice_count--;
    if (choice_count > 0)
        choices[choice_count - 1].taken++;
    return choice_count > 0;
}

static void switch_to(unsigned other)
{
    unsigned before = running;

    running = other;
    host_use_cpu(other);
    swapcontext(&contexts[before], &contexts[other]);
}

static void step(void)
{
    if (changes_left > 0 && !finished[1 - running] && choose(2) == 1) {
        changes_left--;
        switch_to(1 - running);
    }
}

/* --- the memory --- */

static uint64_t read_word(const void *place, size_t bytes)
{
    uint64_t value = 0;

    memcpy(&value, place, bytes);
    return value;
}

static void join(view_t *view, const view_t *other)
{
    for (unsigned at = 0; at < place_count; at++)
        view->seen[at] = other->seen[at] > view->seen[at] ? other->seen[at] : view->seen[at];
}

static unsigned find(const void *place, size_t bytes)
{
    unsigned at = 0;

    while (at < place_count && places[at].place != (uintptr_t)place)
        at++;
    if (at == place_count) {
        CHECK(place_count < PLACES);
        place_count++;
        places[at].place = (uintptr_t)place;
        places[at].count = 1;
        places[at].value[0] = read_word(place, bytes);
        memset(&places[at].view[0], 0, sizeof(view_t));
    }
    return at;
}

static void add_message(unsigned at, uint64_t value, order_t order)
{
    unsigned number = places[at].count++;

    CHECK(number < MESSAGES);
    views[running].seen[at] = (uint8_t)number;
    places[at].value[number] = value;
    memset(&places[at].view[number], 0, sizeof(view_t));
    if (order == ORDERED)
        places[at].view[number] = views[running];
}

static uint64_t litmus_load(const void *place, size_t bytes, order_t order)
{
    if (!modelled)
        return read_word(place, bytes);
    step();
    unsigned at = find(place, bytes);
    unsigned number = places[at].count - 1;
    unsigned older = number - views[running].seen[at];
    if (older > 0 && old_left > 0) {
        unsigned back = choose(older + 1);
        old_left -= back > 0;
        number -= back;
    }
    views[running].seen[at] = (uint8_t)number;
    if (order == ORDERED)
        join(&views[running], &places[at].view[number]);
    return places[at].value[number];
}

static void litmus_store(void *place, size_t bytes, uint64_t value, order_t order)
{
    if (modelled) {
        step();
        add_message(find(place, bytes), value, order);
    }
    memcpy(place, &value, bytes);
}

static void meet(unsigned cpu)
{
    join(&fenced, &views[cpu]);
    views[cpu] = fenced;
}

static void litmus_before(void *place, size_t bytes)
{
    if (!modelled)
        return;
    step();
    unsigned at = find(place, bytes);
    views[running].seen[at] = (uint8_t)(places[at].count - 1);
    join(&views[running], &places[at].view[places[at].count - 1]);
    meet(running);
}

static void litmus_after(void *place, size_t bytes)
{
    if (!modelled)
        return;
    add_message(find(place, bytes), read_word(place, bytes), ORDERED);
    meet(running);
}

/* Every CPU passes a fence; its caller knows that they have. */
static void litmus_fence(const quire_shootdown_t *request)
{
    (void)request;
    if (!modelled)
        return;
    step();
    meet(0);
    meet(1);
    meet(0);
}

/* --- executions --- */

static void run_body(void)
{
    unsigned cpu = running;

    bodies[cpu]();
    finished[cpu] = true;
    if (!finished[1 - cpu])
        switch_to(1 - cpu);
    modelled = false;
    setcontext(&home);
}

static void prepare(void)
{
    place_count = 0;
    memset(views, 0, sizeof(views));
    memset(&fenced, 0, sizeof(fenced));
    choice_at = 0;
    changes_left = 2;
    old_left = 2;
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        finished[cpu] = false;
        getcontext(&contexts[cpu]);
        contexts[cpu].uc_stack.ss_sp = stacks[cpu];
        contexts[cpu].uc_stack.ss_size = sizeof(stacks[cpu]);
        contexts[cpu].uc_link = NULL;
        makecontext(&contexts[cpu], run_body, 0);
    }
}

static void execute(void)
{
    prepare();
    running = 0;
    host_use_cpu(0);
    modelled = true;
    volatile bool done = false;
    getcontext(&home);
    if (!done) {
        done = true;
        setcontext(&contexts[0]);
    }
    modelled = false;
    host_use_cpu(0);
}

static quire_pmm_t pmm;
static unsigned char *metadata;
static unsigned char *saved;
static size_t metadata_bytes;

static void start_pmm(void)
{
    static quire_memory_region_t regions[4];
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), FRAMES * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    metadata_bytes = quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
    metadata = test_memory(metadata_bytes);
    saved = test_memory(metadata_bytes);
    CHECK_OK(quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), metadata, metadata_bytes));
}

static quire_frame_t got[2];
static bool has[2];

static quire_status_t take(quire_frame_t *frame)
{
    return quire_pmm_alloc(&pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_TEST, .no_wait = true}, frame);
}

static void owner_takes(void)
{
    has[0] = take(&got[0]) == QUIRE_OK;
    has[1] = take(&got[1]) == QUIRE_OK;
}

static void other_revokes(void)
{
    revoke_number(&pmm, QUIRE_LIFETIME_MOVABLE);
}

/* A frame in a magazine goes to its owner, or to who takes it back, and never to both. */
TEST(pmm_litmus, a_claim_is_taken_back)
{
    quire_frame_t frame;
    unsigned executions = 0;

    start_pmm();
    CHECK_OK(take(&frame));
    CHECK(magazine_of(&pmm, 0, 0)->count > 1);
    memcpy(saved, metadata, metadata_bytes);
    bodies[0] = owner_takes;
    bodies[1] = other_revokes;
    choice_count = 0;
    do {
        memcpy(metadata, saved, metadata_bytes);
        execute();
        executions++;
        CHECK(!(has[0] && has[1]) || got[0].number != got[1].number);
        CHECK_OK(quire_pmm_check(&pmm));
        quire_pmm_stats_t stats;
        quire_pmm_stats(&pmm, &stats);
        CHECK_EQUAL(stats.free_frames, (size_t)FRAMES - 1 - has[0] - has[1]);
    } while (next_choices());
    CHECK(executions > 1000);
}

static uint32_t page;
static uint32_t seen;
static bool alone;
static quire_frame_t shared;

static void reader_leaves(void)
{
    store_relaxed(&page, 1);
    CHECK_OK(quire_pmm_release(&pmm, shared, NULL));
}

static void last_holder_writes(void)
{
    alone = quire_pmm_references(&pmm, shared) == 1;
    seen = load_relaxed(&page);
}

/* Who finds itself the only holder sees what the others did with the frame. */
TEST(pmm_litmus, the_last_holder_sees_what_others_did)
{
    unsigned times_alone = 0;

    start_pmm();
    CHECK_OK(take(&shared));
    CHECK_OK(quire_pmm_retain(&pmm, shared));
    memcpy(saved, metadata, metadata_bytes);
    bodies[0] = reader_leaves;
    bodies[1] = last_holder_writes;
    choice_count = 0;
    do {
        memcpy(metadata, saved, metadata_bytes);
        page = 0;
        execute();
        CHECK(!alone || seen == 1);
        times_alone += alone;
    } while (next_choices());
    CHECK(times_alone > 0);
}
