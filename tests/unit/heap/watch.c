/* SPDX-License-Identifier: MIT */
/* watch.c - what can be seen of a heap from outside: the walk, and the events. */
#include "support.h"

typedef struct seen {
    unsigned blocks;
    unsigned used;
    size_t bytes;
    const void *last;
    unsigned stop_after; /* 0: never */
} seen_t;

static bool look(void *context, const void *block, size_t bytes, bool used)
{
    seen_t *seen = context;

    /* Within the one extent of this test each block follows the last. */
    CHECK(seen->last == NULL || block == seen->last);
    seen->last = (const uint8_t *)block + bytes;
    seen->blocks++;
    seen->used += used;
    seen->bytes += bytes;
    return seen->blocks != seen->stop_after;
}

TEST(heap, walk_visits_each_block_in_order)
{
    heap_home_t *home = heap_home();
    quire_heap_stats_t stats;
    seen_t seen = {.blocks = 0};
    void *blocks[10];

    quire_heap_walk(&home->heap, look, &seen);
    CHECK_EQUAL(seen.blocks, 0);
    for (unsigned i = 0; i < 10; i++)
        blocks[i] = quire_heap_alloc(&home->heap, 100);
    for (unsigned i = 1; i < 10; i += 2)
        quire_heap_free(&home->heap, blocks[i]);
    quire_heap_walk(&home->heap, look, &seen);
    quire_heap_stats(&home->heap, &stats);
    CHECK_EQUAL(stats.extents, 1);
    CHECK_EQUAL(seen.used, 5);
    CHECK_EQUAL(seen.used, stats.used_blocks);
    CHECK_EQUAL(seen.blocks, stats.used_blocks + stats.free_blocks);
    CHECK_EQUAL(seen.bytes, stats.used_bytes + stats.free_bytes);
    seen = (seen_t){.stop_after = 4};
    quire_heap_walk(&home->heap, look, &seen);
    CHECK_EQUAL(seen.blocks, 4);
    CHECK_EQUAL(home->reports, 0);
}

TEST(heap, walk_stops_at_damage)
{
    heap_home_t *home = heap_home();
    seen_t seen = {.blocks = 0};
    uint8_t *first = quire_heap_alloc(&home->heap, 100);
    uint8_t *second = quire_heap_alloc(&home->heap, 100);

    heap_fill(first, (size_t)(second - first), 1);
    quire_heap_walk(&home->heap, look, &seen);
    CHECK_EQUAL(seen.blocks, 1);
    heap_expect_report(home, second);
}

#if QUIRE_EVENTS

#define RECORDS 64

static uint64_t cursor;

static quire_event_t next_event(unsigned kind)
{
    quire_event_t event;

    CHECK(quire_event_read(&cursor, &event));
    CHECK_EQUAL(event.kind, kind);
    return event;
}

static void start_events(void)
{
    quire_event_t *storage = test_memory(RECORDS * sizeof(*storage));

    cursor = quire_event_count();
    CHECK_OK(quire_event_start(storage, RECORDS));
}

/* The heap's part of the walk of malloc(5) in mm/README.md. */
TEST(heap, events_tell_the_first_allocation)
{
    heap_home_t *home = heap_home();
    quire_event_t event;
    void *block;

    start_events();
    block = quire_heap_alloc(&home->heap, 5);
    quire_heap_free(&home->heap, block);
    quire_event_stop();
    event = next_event(QUIRE_EVENT_HEAP_SEARCH);
    CHECK_EQUAL(event.bytes, HEAP_LEAST_BYTES);
    CHECK_EQUAL(event.detail, 0);
    event = next_event(QUIRE_EVENT_HEAP_GROW);
    CHECK_EQUAL(event.bytes, HEAP_GROW_BYTES);
    CHECK_EQUAL(event.address, (uintptr_t)block - HEAP_HEADER_BYTES - HEAP_EXTENT_BYTES);
    event = next_event(QUIRE_EVENT_HEAP_SPLIT);
    CHECK_EQUAL(event.address, (uintptr_t)block);
    CHECK_EQUAL(event.bytes, HEAP_LEAST_BYTES);
    CHECK_EQUAL(event.detail, HEAP_GROW_BYTES - HEAP_EXTENT_BYTES - HEAP_LEAST_BYTES);
    event = next_event(QUIRE_EVENT_HEAP_ALLOC);
    CHECK_EQUAL(event.address, (uintptr_t)block);
    CHECK_EQUAL(event.bytes, 5);
    CHECK_EQUAL(event.detail, HEAP_LEAST_BYTES);
    event = next_event(QUIRE_EVENT_HEAP_FREE);
    CHECK_EQUAL(event.address, (uintptr_t)block);
    CHECK_EQUAL(event.bytes, HEAP_LEAST_BYTES);
    event = next_event(QUIRE_EVENT_HEAP_JOIN);
    CHECK_EQUAL(event.address, (uintptr_t)block);
    CHECK_EQUAL(event.bytes, HEAP_GROW_BYTES - HEAP_EXTENT_BYTES);
    CHECK(!quire_event_read(&cursor, &event));
}

TEST(heap, events_tell_what_was_found_and_what_went_back)
{
    heap_home_t *home = heap_home();
    quire_event_t event;
    void *block = quire_heap_alloc(&home->heap, 5);
    void *other;

    start_events();
    other = quire_heap_alloc(&home->heap, 40);
    quire_heap_free(&home->heap, block);
    quire_heap_free(&home->heap, other);
    quire_heap_trim(&home->heap);
    quire_event_stop();
    event = next_event(QUIRE_EVENT_HEAP_SEARCH);
    CHECK_EQUAL(event.detail, HEAP_GROW_BYTES - HEAP_EXTENT_BYTES - HEAP_LEAST_BYTES);
    CHECK_EQUAL(event.address, (uintptr_t)other);
    next_event(QUIRE_EVENT_HEAP_SPLIT);
    next_event(QUIRE_EVENT_HEAP_ALLOC);
    next_event(QUIRE_EVENT_HEAP_FREE);
    next_event(QUIRE_EVENT_HEAP_FREE);
    next_event(QUIRE_EVENT_HEAP_JOIN);
    event = next_event(QUIRE_EVENT_HEAP_SHRINK);
    CHECK_EQUAL(event.bytes, HEAP_GROW_BYTES);
    CHECK(!quire_event_read(&cursor, &event));
}

#endif
