/* SPDX-License-Identifier: MIT */
/*
 * litmus_model.c - a machine that orders memory no more than C11 promises, for the tests of lock-free paths.
 *
 * x86 hides most of what a wrong order does. Here the real sources are compiled so that each access goes to a model
 * (after Kang and others, "A Promising Semantics for Relaxed-Memory Concurrency", 2017, without promises): a place has
 * a history of messages, a CPU has a view of how far it has seen each. A relaxed load may read any message that its
 * CPU's view does not forbid, however old; a release store takes its CPU's view along, and an acquire load takes it
 * over; so do the fences, for the accesses around them. A read-modify-write is a full barrier, as atomic.h says, and so
 * is the port's fence, for every CPU. Two CPUs run in every interleaving with few changes, and loads read old messages
 * in every way, a few times in each execution.
 */
#include "litmus.h"

#include "fiber.h"
#include "host.h"

#define CPUS     2
#define PLACES   256
#define STEPS    20000
#define MESSAGES 48
#define CHOICES  4000

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
static view_t read_by[CPUS];  /* what an acquire fence takes over */
static view_t released[CPUS]; /* what relaxed stores take along since a release fence */

static fiber_t fibers[CPUS];
static fiber_t home;
static unsigned char stacks[CPUS][0x10000];
static void (*bodies[CPUS])(void);
static bool finished[CPUS];
static unsigned running;
static bool modelled;
static unsigned changes_left;
static unsigned old_left;
static unsigned changes_allowed;
static unsigned old_allowed;
static unsigned steps_left;

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

bool litmus_next(void)
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
    fiber_switch(&fibers[before], &fibers[other]);
}

static void step(void)
{
    /* Who waits for another CPU for ever waits here. */
    CHECK(steps_left-- > 0);
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
    places[at].view[number] = order == RELAXED ? released[running] : views[running];
}

uint64_t litmus_load(const void *place, size_t bytes, order_t order)
{
    if (!modelled)
        return read_word(place, bytes);
    step();
    if (order == STRICT)
        join(&views[running], &fenced);
    unsigned at = find(place, bytes);
    unsigned number = places[at].count - 1;
    unsigned older = number - views[running].seen[at];
    if (older > 0 && old_left > 0) {
        unsigned back = choose(older + 1);
        old_left -= back > 0;
        number -= back;
    }
    views[running].seen[at] = (uint8_t)number;
    join(order == RELAXED ? &read_by[running] : &views[running], &places[at].view[number]);
    return places[at].value[number];
}

void litmus_store(void *place, size_t bytes, uint64_t value, order_t order)
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

void litmus_before(void *place, size_t bytes, order_t order)
{
    if (!modelled)
        return;
    step();
    unsigned at = find(place, bytes);
    views[running].seen[at] = (uint8_t)(places[at].count - 1);
    join(&views[running], &places[at].view[places[at].count - 1]);
    if (order == STRICT)
        meet(running);
}

void litmus_after(void *place, size_t bytes, order_t order)
{
    if (!modelled)
        return;
    add_message(find(place, bytes), read_word(place, bytes), ORDERED);
    if (order == STRICT)
        meet(running);
}

void litmus_fill(void *place, size_t bytes, size_t count)
{
    unsigned char *at = place;

    if (modelled) {
        step();
        add_message(find(at, bytes), 0, RELAXED);
        add_message(find(at + bytes, bytes), 0, RELAXED);
        add_message(find(at + (count - 1) * bytes, bytes), 0, RELAXED);
    }
    memset(place, 0, bytes * count);
}

void litmus_fence_acquire(void)
{
    join(&views[running], &read_by[running]);
}

void litmus_fence_release(void)
{
    released[running] = views[running];
}

/* Every CPU passes a fence; its caller knows that they have. */
void litmus_fence(const quire_shootdown_t *request)
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
    fiber_switch(&fibers[cpu], &home);
}

static void prepare(void)
{
    place_count = 0;
    memset(views, 0, sizeof(views));
    memset(&fenced, 0, sizeof(fenced));
    memset(read_by, 0, sizeof(read_by));
    memset(released, 0, sizeof(released));
    choice_at = 0;
    steps_left = STEPS;
    changes_left = changes_allowed;
    old_left = old_allowed;
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        finished[cpu] = false;
        fiber_make(&fibers[cpu], stacks[cpu], sizeof(stacks[cpu]), run_body);
    }
}

void litmus_begin(void (*first)(void), void (*second)(void), unsigned changes, unsigned old)
{
    bodies[0] = first;
    bodies[1] = second;
    changes_allowed = changes;
    old_allowed = old;
    choice_count = 0;
}

void litmus_execute(void)
{
    prepare();
    running = 0;
    host_use_cpu(0);
    modelled = true;
    fiber_switch(&home, &fibers[0]);
    modelled = false;
    host_use_cpu(0);
}
