/* SPDX-License-Identifier: MIT */
/* event.c - the ring: order, laps, overtaken readers, and that nothing is recorded when it should not be. */
#include "test.h"

#include "string.h"

#if QUIRE_EVENTS

#define RECORDS 8

static quire_event_t *start_ring(size_t records)
{
    quire_event_t *storage = test_memory(records * sizeof(*storage));

    memset(storage, 0xff, records * sizeof(*storage));
    CHECK_OK(quire_event_start(storage, records));
    return storage;
}

static void record_numbers(unsigned from, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        quire_event(.kind = QUIRE_EVENT_MARK, .detail = from + i);
}

static bool same_text(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

TEST(event, layout_is_the_interface)
{
    CHECK_EQUAL(sizeof(quire_event_t), 64);
    CHECK_EQUAL(offsetof(quire_event_t, time), 0);
    CHECK_EQUAL(offsetof(quire_event_t, kind), 8);
    CHECK_EQUAL(offsetof(quire_event_t, level), 10);
    CHECK_EQUAL(offsetof(quire_event_t, cpu), 11);
    CHECK_EQUAL(offsetof(quire_event_t, space), 12);
    CHECK_EQUAL(offsetof(quire_event_t, address), 16);
    CHECK_EQUAL(offsetof(quire_event_t, frame), 24);
    CHECK_EQUAL(offsetof(quire_event_t, bytes), 32);
    CHECK_EQUAL(offsetof(quire_event_t, before), 40);
    CHECK_EQUAL(offsetof(quire_event_t, after), 48);
    CHECK_EQUAL(offsetof(quire_event_t, detail), 56);
}

TEST(event, every_kind_has_its_own_name)
{
    for (unsigned kind = 0; kind < QUIRE_EVENT_KINDS; kind++) {
        CHECK(!same_text(quire_event_name(kind), "unknown"));
        for (unsigned other = 0; other < kind; other++)
            CHECK(!same_text(quire_event_name(kind), quire_event_name(other)));
    }
    CHECK(same_text(quire_event_name(QUIRE_EVENT_KINDS), "unknown"));
    CHECK(same_text(quire_event_name(UINT32_MAX), "unknown"));
}

TEST(event, storage_must_be_a_power_of_two)
{
    quire_event_t *storage = test_memory(RECORDS * sizeof(*storage));

    CHECK_EQUAL(quire_event_start(NULL, RECORDS), QUIRE_INVALID);
    CHECK_EQUAL(quire_event_start(storage, 0), QUIRE_INVALID);
    CHECK_EQUAL(quire_event_start(storage, 1), QUIRE_INVALID);
    CHECK_EQUAL(quire_event_start(storage, 6), QUIRE_INVALID);
    CHECK_OK(quire_event_start(storage, 2));
    quire_event_stop();
}

TEST(event, nothing_is_recorded_while_stopped)
{
    uint64_t cursor = quire_event_count();
    quire_event_t event;

    record_numbers(0, 3);
    CHECK_EQUAL(quire_event_count(), cursor);
    start_ring(RECORDS);
    record_numbers(1, 1);
    quire_event_stop();
    record_numbers(2, 1);
    CHECK_EQUAL(quire_event_count(), cursor + 1);
    CHECK(quire_event_read(&cursor, &event));
    CHECK_EQUAL(event.detail, 1);
    CHECK(!quire_event_read(&cursor, &event));
}

TEST(event, fields_come_back_as_they_went_in)
{
    uint64_t cursor = quire_event_count();
    quire_event_t first;
    quire_event_t second;

    start_ring(RECORDS);
    quire_event(.kind = QUIRE_EVENT_ENTRY, .level = 3, .cpu = 99, .space = 7, .address = UINT64_MAX,
                .frame = 0x123456789a, .bytes = 4096, .before = 1, .after = UINT64_MAX - 1, .detail = 5);
    quire_event(.kind = QUIRE_EVENT_MARK);
    CHECK(quire_event_read(&cursor, &first));
    CHECK(quire_event_read(&cursor, &second));
    quire_event_stop();
    CHECK_EQUAL(first.kind, QUIRE_EVENT_ENTRY);
    CHECK_EQUAL(first.level, 3);
    CHECK_EQUAL(first.cpu, quire_port_cpu());
    CHECK_EQUAL(first.space, 7);
    CHECK_EQUAL(first.address, UINT64_MAX);
    CHECK_EQUAL(first.frame, 0x123456789a);
    CHECK_EQUAL(first.bytes, 4096);
    CHECK_EQUAL(first.before, 1);
    CHECK_EQUAL(first.after, UINT64_MAX - 1);
    CHECK_EQUAL(first.detail, 5);
    CHECK(second.time > first.time);
}

TEST(event, import_keeps_time_and_cpu)
{
    const quire_event_t foreign = {.time = 42, .cpu = 9, .kind = QUIRE_EVENT_HEAP_ALLOC, .bytes = 5};
    uint64_t cursor = quire_event_count();
    quire_event_t event;

    start_ring(RECORDS);
    quire_event_import(&foreign);
    CHECK(quire_event_read(&cursor, &event));
    quire_event_stop();
    CHECK_EQUAL(memcmp(&event, &foreign, sizeof(event)), 0);
}

/* Imported records come from programs, which may write anything into the kind. */
TEST(event, import_survives_any_kind)
{
    uint64_t cursor = quire_event_count();
    quire_event_t event;

    start_ring(2);
    for (unsigned kind = 0; kind <= UINT16_MAX; kind += 255) {
        quire_event_import(&(quire_event_t){.kind = (uint16_t)kind});
        CHECK(quire_event_read(&cursor, &event));
        CHECK(event.kind <= UINT8_MAX);
    }
    quire_event_stop();
}

TEST(event, order_is_kept_over_many_laps)
{
    uint64_t cursor = quire_event_count();
    quire_event_t event;

    start_ring(RECORDS);
    for (unsigned i = 0; i < 1000 * RECORDS; i += 5) {
        record_numbers(i, 5);
        for (unsigned j = 0; j < 5; j++) {
            CHECK(quire_event_read(&cursor, &event));
            CHECK_EQUAL(event.detail, i + j);
        }
        CHECK(!quire_event_read(&cursor, &event));
    }
    quire_event_stop();
}

TEST(event, an_overtaken_reader_learns_how_many_it_lost)
{
    uint64_t start = quire_event_count();
    uint64_t cursor = start;
    quire_event_t event;

    start_ring(RECORDS);
    record_numbers(0, RECORDS + 3);
    CHECK(quire_event_read(&cursor, &event));
    CHECK_EQUAL(event.detail, 3);
    CHECK_EQUAL(cursor, start + 4);
    record_numbers(RECORDS + 3, 256 * RECORDS);
    CHECK(quire_event_read(&cursor, &event));
    CHECK_EQUAL(event.detail, 256 * RECORDS + 3);
    quire_event_stop();
}

TEST(event, a_new_ring_goes_on_counting)
{
    uint64_t cursor = quire_event_count();
    quire_event_t event;

    start_ring(RECORDS);
    record_numbers(0, 3);
    start_ring(2 * RECORDS);
    CHECK(!quire_event_read(&cursor, &event));
    record_numbers(3, 1);
    CHECK(quire_event_read(&cursor, &event));
    CHECK_EQUAL(event.detail, 3);
    CHECK_EQUAL(cursor, quire_event_count());
    quire_event_stop();
}

TEST(event, a_cursor_from_the_future_waits)
{
    uint64_t cursor;
    quire_event_t event;

    start_ring(RECORDS);
    cursor = quire_event_count() + 2;
    record_numbers(0, 2);
    CHECK(!quire_event_read(&cursor, &event));
    record_numbers(2, 1);
    CHECK(quire_event_read(&cursor, &event));
    CHECK_EQUAL(event.detail, 2);
    quire_event_stop();
}

/* A reader of any speed sees numbers that only rise, and misses exactly as many as its cursor says. */
TEST(event, random_readers_and_writers)
{
    uint64_t start = quire_event_count();
    uint64_t cursor = start;
    unsigned written = 0;
    quire_event_t event;

    start_ring(RECORDS);
    for (unsigned round = 0; round < 2000 * test_effort(); round++) {
        unsigned more = (unsigned)test_random_below(2 * RECORDS);

        record_numbers(written, more);
        written += more;
        for (uint64_t reads = test_random_below(2 * RECORDS); reads > 0; reads--) {
            if (!quire_event_read(&cursor, &event)) {
                CHECK_EQUAL(cursor, start + written);
                break;
            }
            CHECK_EQUAL(event.detail, cursor - start - 1);
        }
    }
    quire_event_stop();
}

#endif
