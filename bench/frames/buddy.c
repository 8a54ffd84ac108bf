/* SPDX-License-Identifier: MIT */
/*
 * buddy.c - the binary buddy system: a doubly linked list of free blocks for each order, one lock; and the same behind
 * a list of single frames for each CPU, which is the shape of Linux's allocator.
 *
 * A record of 12 bytes a frame: links, and the order of the free block that starts here.
 */
#include "subject.h"

#define NOBODY   UINT32_MAX
#define NO_ORDER 0xffu
#define BATCH    63u
#define HIGH     (6 * BATCH)

typedef struct record {
    uint32_t next;
    uint32_t previous;
    uint32_t order; /* of the free block that starts here, or NO_ORDER */
} record_t;

static record_t *records;
static size_t frame_count;
static uint32_t heads[ORDER_MAX + 1];
static spin_t lock;

typedef struct cpu_list {
    _Alignas(64) uint32_t head;
    uint32_t count;
} cpu_list_t;

static cpu_list_t lists[CPUS_MAX];

static size_t record_bytes(size_t frames)
{
    return frames * sizeof(record_t);
}

static void insert(uint32_t at, unsigned order)
{
    records[at] = (record_t){heads[order], NOBODY, order};
    if (heads[order] != NOBODY)
        records[heads[order]].previous = at;
    heads[order] = at;
}

static void unlink_block(uint32_t at)
{
    const record_t *record = &records[at];

    if (record->previous == NOBODY)
        heads[record->order] = record->next;
    else
        records[record->previous].next = record->next;
    if (record->next != NOBODY)
        records[record->next].previous = record->previous;
    records[at].order = NO_ORDER;
}

static void start(void *memory, size_t frames)
{
    records = memory;
    frame_count = frames;
    for (unsigned order = 0; order <= ORDER_MAX; order++)
        heads[order] = NOBODY;
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        lists[cpu] = (cpu_list_t){.head = NOBODY};
    for (size_t at = 0; at < frames; at++)
        records[at].order = NO_ORDER;
    for (size_t at = frames; at >= (size_t)1 << ORDER_MAX; at -= (size_t)1 << ORDER_MAX)
        insert((uint32_t)(at - ((size_t)1 << ORDER_MAX)), ORDER_MAX);
}

static uint32_t take_block(unsigned order)
{
    unsigned found = order;

    while (found <= ORDER_MAX && heads[found] == NOBODY)
        found++;
    if (found > ORDER_MAX)
        return NOBODY;
    uint32_t at = heads[found];
    unlink_block(at);
    while (found > order) {
        found--;
        insert(at + ((uint32_t)1 << found), found);
    }
    return at;
}

static void give_block(uint32_t at, unsigned order)
{
    while (order < ORDER_MAX) {
        uint32_t other = at ^ (uint32_t)1 << order;
        if (other >= frame_count || records[other].order != order)
            break;
        unlink_block(other);
        at &= ~((uint32_t)1 << order);
        order++;
    }
    insert(at, order);
}

static inline size_t take_locked(unsigned order)
{
    spin_lock(&lock);
    uint32_t at = take_block(order);
    spin_unlock(&lock);
    return at == NOBODY ? NO_FRAME : FIRST_FRAME + at;
}

static inline void give_locked(size_t frame, unsigned order)
{
    spin_lock(&lock);
    give_block((uint32_t)(frame - FIRST_FRAME), order);
    spin_unlock(&lock);
}

static size_t buddy_take(unsigned order, unsigned lifetime)
{
    (void)lifetime;
    return take_locked(order);
}

static void buddy_give(size_t frame, unsigned order)
{
    give_locked(frame, order);
}

static void fill_list(cpu_list_t *list)
{
    spin_lock(&lock);
    while (list->count < BATCH) {
        uint32_t at = take_block(0);
        if (at == NOBODY)
            break;
        records[at].next = list->head;
        list->head = at;
        list->count++;
    }
    spin_unlock(&lock);
}

static size_t buddy_cpu_take(unsigned order, unsigned lifetime)
{
    (void)lifetime;
    cpu_list_t *list = &lists[bench_cpu % CPUS_MAX];

    if (order != 0)
        return take_locked(order);
    if (list->count == 0)
        fill_list(list);
    if (list->count == 0)
        return NO_FRAME;
    uint32_t at = list->head;
    list->head = records[at].next;
    list->count--;
    return FIRST_FRAME + at;
}

static void buddy_cpu_give(size_t frame, unsigned order)
{
    cpu_list_t *list = &lists[bench_cpu % CPUS_MAX];
    uint32_t at = (uint32_t)(frame - FIRST_FRAME);

    if (order != 0) {
        give_locked(frame, order);
        return;
    }
    records[at].next = list->head;
    list->head = at;
    if (++list->count < HIGH)
        return;
    spin_lock(&lock);
    while (list->count > HIGH - BATCH) {
        at = list->head;
        list->head = records[at].next;
        list->count--;
        give_block(at, 0);
    }
    spin_unlock(&lock);
}

const subject_t subject_buddy = {"buddy, free lists, lock", record_bytes, start, buddy_take, buddy_give};
const subject_t subject_buddy_cpu = {"buddy, lists per CPU", record_bytes, start, buddy_cpu_take, buddy_cpu_give};
