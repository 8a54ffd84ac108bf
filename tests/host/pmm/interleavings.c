/* SPDX-License-Identifier: MIT */
/*
 * interleavings.c - two CPUs, three operations each, on a few frames: every way in which they can be interleaved, as
 * long as the CPUs change places no more than a few times.
 *
 * The CPUs are two coroutines. Before every access to shared memory the running one may be made to pause for the other.
 * A schedule is the list of the steps at which that happens; all schedules with up to two changes are run (three in a
 * long run), each on a PMM fresh from the start. Most mistakes of such algorithms show with two. What the processor
 * itself may reorder is not seen here: litmus.c is about that.
 *
 * With one change, the CPU that pauses is a CPU that was stopped: the other must come to its end all the same.
 */
#include <string.h>

/* First, because it gives the names in the headers other names. */
#include "stepped.h"

#include "fiber.h"
#include "host.h"

#define CPUS        2
#define OPERATIONS  3
#define FRAMES      1024
#define FIRST_FRAME 0x8000
#define STACK_BYTES 0x10000
#define STEPS_MAX   20000 /* no operation may need so many, whatever the other CPU does */
#define CHANGES_MAX 3

/* 0 to 9, 'a': allocate a block of that order (a: 10). f: free the oldest. r: retain and release the oldest. s: divide
   the oldest, and free all of it but the first. t: take the first two frames of memory by number. */
typedef struct scenario {
    const char *before; /* done before the start: the first two by CPU 0, the others by CPU 1; F: CPU 0 frees */
    size_t frames;
    const char *program[CPUS];
} scenario_t;

typedef struct cpu {
    fiber_t fiber;
    const char *program;
    bool finished;
    struct {
        quire_frame_t frame;
        unsigned order;
    } held[16];
    unsigned count;
} cpu_t;

static quire_pmm_t pmm;
static unsigned small_refusals; /* of what can be had in any case: the largest order is not counted */
static void *metadata;
static size_t metadata_bytes;
static cpu_t cpus[CPUS];
static fiber_t home;
static unsigned char stacks[CPUS][STACK_BYTES];
static unsigned running;
static bool stepping;
static unsigned steps;
static unsigned changes[CHANGES_MAX];
static unsigned changes_left;
static const unsigned *next_change;

static void switch_to(unsigned other)
{
    unsigned before = running;

    running = other;
    host_use_cpu(other);
    fiber_switch(&cpus[before].fiber, &cpus[other].fiber);
}

void stepped_pause(void)
{
    if (!stepping)
        return;
    CHECK(steps < STEPS_MAX);
    if (changes_left > 0 && steps++ == *next_change) {
        next_change++;
        changes_left--;
        if (!cpus[1 - running].finished)
            switch_to(1 - running);
    }
}

static void take_first_two(cpu_t *cpu)
{
    if (quire_pmm_take(&pmm, quire_frame(FIRST_FRAME), 2, QUIRE_OWNER_TEST) != QUIRE_OK)
        return;
    for (size_t at = 0; at < 2; at++) {
        cpu->held[cpu->count].frame = quire_frame(FIRST_FRAME + at);
        cpu->held[cpu->count++].order = 0;
    }
}

static void divide(quire_frame_t frame, unsigned order)
{
    CHECK_OK(quire_pmm_split(&pmm, frame, order));
    for (size_t at = 1; at < (size_t)1 << order; at++)
        CHECK_OK(quire_pmm_free(&pmm, quire_frame(frame.number + at), 0));
}

static void operate(cpu_t *cpu, char operation)
{
    quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};

    if (operation == 't') {
        take_first_two(cpu);
        return;
    }
    if (operation == 'f' || operation == 'r' || operation == 's') {
        if (cpu->count == 0)
            return;
        if (operation == 'r') {
            CHECK_OK(quire_pmm_retain(&pmm, cpu->held[0].frame));
            CHECK_OK(quire_pmm_release(&pmm, cpu->held[0].frame, NULL));
            return;
        }
        if (operation == 's') {
            divide(cpu->held[0].frame, cpu->held[0].order);
            cpu->held[0].order = 0;
            return;
        }
        CHECK_OK(quire_pmm_free(&pmm, cpu->held[0].frame, cpu->held[0].order));
        cpu->count--;
        memmove(&cpu->held[0], &cpu->held[1], cpu->count * sizeof(cpu->held[0]));
        return;
    }
    request.order = (uint8_t)(operation == 'a' ? 10 : operation - '0');
    quire_status_t status = quire_pmm_alloc(&pmm, request, &cpu->held[cpu->count].frame);
    if (status == QUIRE_OK)
        cpu->held[cpu->count++].order = request.order;
    else
        small_refusals += operation == '0' || operation == '9';
}

static void run_program(void)
{
    cpu_t *cpu = &cpus[running];

    for (const char *at = cpu->program; *at != '\0'; at++)
        operate(cpu, *at);
    cpu->finished = true;
    unsigned other = 1 - (unsigned)(cpu - cpus);
    if (!cpus[other].finished)
        switch_to(other);
    stepping = false;
    fiber_switch(&cpus[running].fiber, &home);
}

static void start(const scenario_t *scenario)
{
    static quire_memory_region_t regions[4];
    const quire_pa_t no_limit = {UINT64_MAX};
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)),
                                  scenario->frames * QUIRE_PAGE_BYTES, QUIRE_MEMORY_USABLE));
    CHECK_OK(quire_pmm_init(&pmm, &map, no_limit, metadata, metadata_bytes));
    for (unsigned at = 0; at < CPUS; at++) {
        cpus[at].finished = false;
        cpus[at].count = 0;
        cpus[at].program = scenario->program[at];
        fiber_make(&cpus[at].fiber, stacks[at], STACK_BYTES, run_program);
    }
    for (const char *at = scenario->before; *at != '\0'; at++) {
        unsigned cpu = at - scenario->before < 2 || *at == 'F' ? 0 : 1;
        host_use_cpu(cpu);
        operate(&cpus[cpu], *at == 'F' ? 'f' : *at);
    }
}

/* Every frame has at most one owner, nothing is lost, every rule holds. */
static void judge(size_t frames)
{
    static uint8_t owned[FRAMES];
    quire_pmm_stats_t stats;
    size_t held = 0;

    memset(owned, 0, sizeof(owned));
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        for (unsigned at = 0; at < cpus[cpu].count; at++) {
            size_t first = cpus[cpu].held[at].frame.number - FIRST_FRAME;
            for (size_t frame = first; frame < first + ((size_t)1 << cpus[cpu].held[at].order); frame++) {
                CHECK(frame < frames && owned[frame] == 0);
                owned[frame] = 1;
                held++;
            }
        }
    }
    CHECK_OK(quire_pmm_check(&pmm));
    quire_pmm_stats(&pmm, &stats);
    CHECK_EQUAL(stats.free_frames, frames - held);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        host_use_cpu(cpu);
        while (cpus[cpu].count > 0)
            operate(&cpus[cpu], 'f');
    }
    host_use_cpu(0);
    /* All of it can be had again, and whole. */
    quire_frame_t frame;
    const quire_pmm_request_t all = {.owner = QUIRE_OWNER_TEST, .order = frames == FRAMES ? 10 : frames == 8 ? 3 : 1};
    CHECK_OK(quire_pmm_alloc(&pmm, all, &frame));
    CHECK_OK(quire_pmm_free(&pmm, frame, all.order));
}

/* Runs one schedule; returns how many steps it had until the last change and beyond, at most until then if none is
 * left. */
static unsigned run_schedule(const scenario_t *scenario, unsigned count)
{
    stepping = false;
    start(scenario);
    steps = 0;
    next_change = changes;
    changes_left = count;
    running = 0;
    host_use_cpu(0);
    stepping = true;
    fiber_switch(&home, &cpus[0].fiber);
    stepping = false;
    host_use_cpu(0);
    judge(scenario->frames);
    return changes_left;
}

/* All schedules whose changes come at steps >= `from`; a change that never came ends the search at this depth. */
static void explore(const scenario_t *scenario, unsigned depth, unsigned most, unsigned from)
{
    /* A short run looks at every place for the first change, and at one in eight for the others. */
    unsigned stride = depth == 0 || test_effort() > 1 ? 1 : 8;

    for (unsigned at = from + (unsigned)test_random_below(stride);; at += stride) {
        changes[depth] = at;
        if (run_schedule(scenario, depth + 1) > 0)
            return;
        if (depth + 1 < most)
            explore(scenario, depth + 1, most, at + 1);
    }
}

static void explore_all(const scenario_t *scenarios, unsigned count)
{
    const quire_pa_t no_limit = {UINT64_MAX};
    static quire_memory_region_t regions[4];
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), FRAMES * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    metadata_bytes = quire_pmm_metadata_bytes(&map, no_limit);
    metadata = test_memory(metadata_bytes);
    for (unsigned at = 0; at < count; at++)
        explore(&scenarios[at], 0, test_effort() > 20 ? 3 : 2, 0);
}

TEST(pmm_interleavings, single_frames)
{
    static const scenario_t scenarios[] = {
        {"", 8, {"00f", "0f0"}},
        {"0000", 8, {"ff0", "ff0"}},
        {"0000", 8, {"f0f", "000"}},
        {"00", 2, {"fr0", "00f"}},
    };

    explore_all(scenarios, 4);
}

TEST(pmm_interleavings, blocks)
{
    static const scenario_t scenarios[] = {
        {"", 8, {"1f2", "0f1"}},  {"1111", 8, {"ff2", "ff2"}}, {"00", 8, {"ff3", "1f3"}},
        {"2", 8, {"s1f", "0tf"}}, {"", 8, {"tff", "1t0"}},     {"ff2", 8, {"2", "f"}},
    };

    explore_all(scenarios, 6);
}

/* What is there is had, wherever the other CPU is stopped: in the middle of writing the only chunk for the first time
   (whose class is that of both, or of one); while it wants a run, and there is none; a pair of chunks, and there is
   one; frames by number, of which one is in use. */
TEST(pmm_interleavings, nobody_is_told_that_there_is_none)
{
    static const scenario_t scenarios[] = {
        {"", 512, {"0", "0"}},    {"", 512, {"8", "0"}},     {"", 512, {"3", "0"}},       {"", 512, {"t", "0"}},
        {"", FRAMES, {"3", "9"}}, {"0000fF", 4, {"1", "0"}}, {"99F", FRAMES, {"a", "9"}}, {"000f", 3, {"ft", "0"}},
    };

    for (size_t at = 0; at < sizeof(scenarios) / sizeof(scenarios[0]); at++) {
        small_refusals = 0;
        explore_all(&scenarios[at], 1);
        if (small_refusals != 0)
            CHECK_EQUAL(at, SIZE_MAX); /* which one */
    }
}

TEST(pmm_interleavings, huge_frames)
{
    static const scenario_t scenarios[] = {
        {"", FRAMES, {"9f0", "9fa"}},
        {"9", FRAMES, {"f0f", "a9f"}},
        {"99", FRAMES, {"ffa", "09f"}},
    };

    explore_all(scenarios, 3);
}
