/* SPDX-License-Identifier: MIT */
/*
 * walk.c - tells what happened, from events.
 *
 * Problem: the story of one malloc passes through a program, the kernel, and four layers of a library, none of which
 * prints anything. Idea: each records events with a time stamp; a program hands its own in through /dev/events when it
 * is done. Sorted by time they are the story. The cost of a line is the time since the line above, less what recording
 * an event itself costs (measured at the start), so that watching does not change what is told.
 *
 * Rejected: prints in the layers. They would cost when nobody looks, and each layer would have to know a console.
 */
#include "walk.h"

#include "arch/arch.h"
#include "boot.h"
#include "memory.h"
#include "print.h"
#include "walk_words.h"

#define STORY_EVENTS_MAX 1024

typedef struct story {
    quire_event_t *events;
    size_t count;
    bool more; /* the story was longer than its storage */
} story_t;

static uint64_t recording_cost;
static uint64_t pump_cursor;
static uint64_t pump_lost;
static bool pump_wanted;

bool walk_counts_instructions(void)
{
    return boot_option("icount", NULL, 0);
}

const char *walk_unit(void)
{
    return walk_counts_instructions() ? "instructions" : "ticks";
}

/* The least time between two records made one after the other. */
static uint64_t measure_recording(void)
{
    uint64_t cursor = quire_event_count();
    uint64_t least = UINT64_MAX;
    uint64_t previous = 0;
    quire_event_t event;

    for (unsigned i = 0; i < 8; i++)
        quire_event(.kind = QUIRE_EVENT_MARK);
    while (quire_event_read(&cursor, &event)) {
        if (previous != 0 && event.time - previous < least)
            least = event.time - previous;
        previous = event.time;
    }
    return least == UINT64_MAX ? 0 : least;
}

bool walk_start_events(size_t records)
{
    quire_event_t *storage = quire_heap_alloc(&kernel_heap, records * sizeof(quire_event_t));

    if (storage == NULL)
        return false;
    if (quire_event_start(storage, records) != QUIRE_OK) {
        quire_heap_free(&kernel_heap, storage);
        return false;
    }
    pump_wanted = boot_option("events", NULL, 0);
    recording_cost = measure_recording();
    return true;
}

void walk_pump_events(void)
{
    quire_event_t event;
    uint64_t expected = pump_cursor;

    if (!pump_wanted)
        return;
    while (quire_event_read(&pump_cursor, &event)) {
        pump_lost += pump_cursor - 1 - expected;
        expected = pump_cursor;
        serial_write(SERIAL_EVENTS, &event, sizeof(event));
    }
}

uint64_t walk_events_lost(void)
{
    return pump_lost;
}

/* Insertion keeps the order of recording among equal times; what a program hands in late moves up to its place. */
static void story_insert(story_t *story, const quire_event_t *event)
{
    size_t at = story->count;

    if (story->count == STORY_EVENTS_MAX) {
        story->more = true;
        return;
    }
    for (; at > 0 && story->events[at - 1].time > event->time; at--)
        story->events[at] = story->events[at - 1];
    story->events[at] = *event;
    story->count++;
}

/* The times of the first and the last mark of a space; first > last if it has none. */
static void find_marks(uint32_t space, uint64_t from, uint64_t *first, uint64_t *last)
{
    quire_event_t event;

    *first = UINT64_MAX;
    *last = 0;
    while (quire_event_read(&from, &event)) {
        if (event.space != space || event.kind != QUIRE_EVENT_MARK)
            continue;
        *first = event.time < *first ? event.time : *first;
        *last = event.time > *last ? event.time : *last;
    }
}

static bool enters_kernel(const quire_event_t *event)
{
    return event->kind == QUIRE_EVENT_SYSCALL || event->kind == QUIRE_EVENT_TRAP;
}

static bool leaves_kernel(const quire_event_t *event)
{
    return event->kind == QUIRE_EVENT_SYSCALL_DONE || event->kind == QUIRE_EVENT_TRAP_DONE;
}

/* Gathers the events of one space between its first and last mark. The PMM does not know for whom it works: its events
   belong to the space whose system call or trap is being handled when they are recorded. */
static void story_collect(story_t *story, uint32_t space, uint64_t from)
{
    quire_event_t event;
    bool inside = false;
    uint64_t first;
    uint64_t last;

    find_marks(space, from, &first, &last);
    while (quire_event_read(&from, &event)) {
        if (event.space == space && enters_kernel(&event))
            inside = true;
        if (event.time >= first && event.time <= last && (event.space == space || (inside && walk_is_pmm(event.kind))))
            story_insert(story, &event);
        if (event.space == space && leaves_kernel(&event))
            inside = false;
    }
}

static uint64_t step_cost(const quire_event_t *event, const quire_event_t *previous)
{
    uint64_t passed = event->time - previous->time;

    return passed > recording_cost ? passed - recording_cost : 0;
}

/* Entries that are written alike, one after the other, are one line. */
static bool same_entry(const quire_event_t *a, const quire_event_t *b)
{
    return a->kind == QUIRE_EVENT_ENTRY && b->kind == QUIRE_EVENT_ENTRY && a->level == b->level &&
           a->before == b->before && a->after == b->after;
}

static void tell_line(const quire_event_t *event, uint64_t cost, size_t times)
{
    char sentence[240];
    char count[32] = "";

    walk_sentence(event, sentence, sizeof(sentence));
    if (times > 1)
        print_to(count, sizeof(count), "%zu entries, ", times);
    if (event->kind == QUIRE_EVENT_MARK)
        print("\n");
    print("  %8llu  %-8s %s%s\n", (unsigned long long)cost, walk_layer(event->kind), count, sentence);
}

/* One line of the story: an event, or several alike, and what they cost. */
typedef void (*line_t)(const quire_event_t *event, uint64_t cost, size_t times);

static void story_lines(const story_t *story, line_t line)
{
    uint64_t cost = 0;
    size_t times = 0;

    for (size_t i = 0; i < story->count; i++) {
        const quire_event_t *event = &story->events[i];

        cost += i == 0 ? 0 : step_cost(event, event - 1);
        times++;
        if (i + 1 < story->count && same_entry(event, event + 1))
            continue;
        line(event, cost, times);
        cost = 0;
        times = 0;
    }
}

/* What passed between the program's marks before and after its malloc. */
static uint64_t malloc_cost(const story_t *story)
{
    uint64_t sum = 0;

    for (size_t i = 1; i < story->count; i++) {
        sum += step_cost(&story->events[i], &story->events[i - 1]);
        if (story->events[i].kind == QUIRE_EVENT_MARK && story->events[i].detail == 2)
            return sum;
    }
    return 0;
}

static bool story_open(story_t *story, uint32_t space, uint64_t from)
{
    *story = (story_t){.events = quire_heap_alloc(&kernel_heap, STORY_EVENTS_MAX * sizeof(quire_event_t))};
    if (story->events == NULL) {
        print("  no memory to tell the story in\n");
        return false;
    }
    story_collect(story, space, from);
    if (story->count != 0)
        return true;
    print("  no events were recorded\n");
    quire_heap_free(&kernel_heap, story->events);
    return false;
}

/* The tables on the way to the first address that faulted. */
static void tell_tables(const story_t *story, uint32_t space, uint64_t from)
{
    for (size_t i = 0; i < story->count; i++) {
        if (story->events[i].kind != QUIRE_EVENT_FAULT)
            continue;
        walk_replay(space, from, (quire_va_t)story->events[i].address, story->events[0].time,
                    story->events[story->count - 1].time);
        return;
    }
}

uint64_t walk_tell(uint32_t space, uint64_t from)
{
    story_t story;
    uint64_t cost;

    if (!story_open(&story, space, from))
        return 0;
    print("  %8s  %-8s %s\n", walk_counts_instructions() ? "instr." : "ticks", "layer", "what it does");
    story_lines(&story, tell_line);
    if (story.more)
        print("  (the story was longer than there is room for: its end is missing)\n");
    tell_tables(&story, space, from);
    cost = malloc_cost(&story);
    quire_heap_free(&kernel_heap, story.events);
    return cost;
}

static unsigned bench_step;

static void bench_line(const quire_event_t *event, uint64_t cost, size_t times)
{
    char count[32] = "";

    if (bench_step++ == 0)
        return;
    if (times > 1)
        print_to(count, sizeof(count), ", %zu alike", times);
    print_always("bench\twalk %02u: %s, %s%s\t%llu\t%s\t\n", bench_step - 1, walk_layer(event->kind),
                 quire_event_name(event->kind), count, (unsigned long long)cost, walk_unit());
}

bool walk_bench(uint32_t space, uint64_t from)
{
    story_t story;

    if (!story_open(&story, space, from))
        return false;
    bench_step = 0;
    story_lines(&story, bench_line);
    print_always("bench\twalk: malloc(5) in all\t%llu\t%s\t\n", (unsigned long long)malloc_cost(&story), walk_unit());
    quire_heap_free(&kernel_heap, story.events);
    return true;
}
