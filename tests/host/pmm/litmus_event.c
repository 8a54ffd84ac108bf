/* SPDX-License-Identifier: MIT */
/* litmus_event.c - the ring of events, where memory orders no more than C11 promises: a record is whole, or not read.
 */
#include "litmus.h"

/* Part of a word that is stored whole; what is narrower still stays as it is while CPUs run. */
static uint64_t load_part(const void *place, size_t bytes, int order)
{
    size_t offset = (uintptr_t)place % sizeof(uint64_t);
    order_t model = order == __ATOMIC_RELAXED ? RELAXED : ORDERED;

    if (bytes == sizeof(bool))
        return *(const bool *)place;
    return litmus_load((const char *)place - offset, sizeof(uint64_t), model) >> (8 * offset) &
           UINT64_MAX >> (64 - 8 * bytes);
}

/* In the ring only whole words are stored. The others are those of starting and stopping, before CPUs run. */
static void store_whole(void *place, size_t bytes, uint64_t value, int order)
{
    if (bytes < sizeof(value))
        memcpy(place, &value, bytes);
    else
        litmus_store(place, bytes, value, order == __ATOMIC_RELAXED ? RELAXED : ORDERED);
}

static void fence(int order)
{
    if (order == __ATOMIC_ACQUIRE)
        litmus_fence_acquire();
    else
        litmus_fence_release();
}

static size_t add(size_t *place, size_t value)
{
    litmus_before(place, sizeof(*place), ORDERED);
    size_t before = *place;
    *place += value;
    litmus_after(place, sizeof(*place), ORDERED);
    return before;
}

#define __atomic_load_n(place, order)           ((__typeof__(*(place) + 0))load_part(place, sizeof(*(place)), order))
#define __atomic_store_n(place, value, order)   store_whole(place, sizeof(*(place)), (uint64_t)(value), order)
#define __atomic_fetch_add(place, value, order) add(place, value)
#define __atomic_thread_fence(order)            fence(order)

#define quire_event_count   litmus_event_count
#define quire_event_enabled litmus_event_enabled
#define quire_event_import  litmus_event_import
#define quire_event_name    litmus_event_name
#define quire_event_read    litmus_event_read
#define quire_event_record  litmus_event_record
#define quire_event_start   litmus_event_start
#define quire_event_stop    litmus_event_stop
#include "event.c"

#include "host.h"

static quire_event_t storage[2];
static quire_event_t copied[2];
static unsigned copied_count;

/* A record all of whose words tell its number. */
static void write_record(uint64_t number)
{
    const quire_event_t event = {.time = number,
                                 .kind = QUIRE_EVENT_MARK,
                                 .space = (uint32_t)number,
                                 .address = number,
                                 .frame = number,
                                 .bytes = number,
                                 .before = number,
                                 .after = number,
                                 .detail = number};

    quire_event_import(&event);
}

static void writer_overtakes(void)
{
    write_record(1);
    write_record(2);
}

static void reader_copies(void)
{
    uint64_t cursor = 0;

    copied_count = 0;
    while (copied_count < 2 && quire_event_read(&cursor, &copied[copied_count])) {
        CHECK(cursor == copied[copied_count].time + 1);
        copied_count++;
    }
}

static void check_copy(const quire_event_t *copy)
{
    uint64_t number = copy->time;

    CHECK(copy->kind == QUIRE_EVENT_MARK && copy->space == number && copy->address == number && copy->frame == number &&
          copy->bytes == number && copy->before == number && copy->after == number && copy->detail == number);
}

TEST(pmm_litmus, a_record_is_read_whole)
{
    unsigned reads = 0;

    litmus_begin(writer_overtakes, reader_copies, 2, 2);
    do {
        CHECK_OK(quire_event_start(storage, 2));
        ring.base = 0;
        write_record(0);
        litmus_execute();
        for (unsigned at = 0; at < copied_count; at++)
            check_copy(&copied[at]);
        reads += copied_count;
    } while (litmus_next());
    CHECK(reads > 0);
}
