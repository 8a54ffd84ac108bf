/* SPDX-License-Identifier: MIT */
/* flush.c - what is flushed, and that nothing is released before. */
#include "fixture.h"

static uint64_t flushes(void)
{
    bool counts;

    return test_flushes(&counts);
}

static bool can_count(void)
{
    bool counts;

    (void)test_flushes(&counts);
    return counts;
}

static void not_present_to_present(fixture_t *fixture)
{
    uint64_t before = flushes();

    CHECK_OK(paging_mark(&fixture->table, 0x1000, 0x9000, QUIRE_PAGE_RESERVED, USER_WRITE));
    CHECK_OK(paging_map(&fixture->table, 0x2000, paging_frame(fixture), USER_WRITE, 0));
    CHECK_OK(paging_protect(&fixture->table, 0x4000, 0x5000, USER_READ));
    CHECK_OK(paging_mark(&fixture->table, 0x5000, 0x6000, QUIRE_PAGE_GUARD, 0));
    CHECK_EQUAL(flushes(), before);
}

TEST(paging, what_was_not_present_is_not_flushed)
{
    paging_each_format(not_present_to_present);
}

static void one_by_one_and_then_all(fixture_t *fixture)
{
    quire_va_t start = 0x10000;
    uint64_t before;

    CHECK_OK(paging_mark(&fixture->table, start - PAGE, start, QUIRE_PAGE_GUARD, 0));
    for (quire_va_t page = 0; page < 40; page++)
        CHECK_OK(paging_map(&fixture->table, start + page * PAGE, quire_frame(FOREIGN_BASE), USER_WRITE, FOREIGN));
    before = flushes();
    CHECK_OK(paging_protect(&fixture->table, start, start + PAGE, USER_READ));
    if (can_count())
        CHECK_EQUAL(flushes() - before, 1);
    /* Already so: nothing changes. */
    CHECK_OK(paging_protect(&fixture->table, start, start + PAGE, USER_READ));
    if (can_count())
        CHECK_EQUAL(flushes() - before, 1);
    CHECK_OK(paging_mark(&fixture->table, start, start + 8 * PAGE, QUIRE_PAGE_EMPTY, 0));
    if (can_count())
        CHECK_EQUAL(flushes() - before, 9);
    CHECK_OK(paging_mark(&fixture->table, start + 8 * PAGE, start + 40 * PAGE, QUIRE_PAGE_EMPTY, 0));
    if (can_count())
        CHECK_EQUAL(flushes() - before, 41);
    for (quire_va_t page = 0; page < 40; page++)
        CHECK_OK(paging_map(&fixture->table, start + page * PAGE, quire_frame(FOREIGN_BASE), USER_WRITE, FOREIGN));
    CHECK_OK(paging_mark(&fixture->table, start, start + 33 * PAGE, QUIRE_PAGE_EMPTY, 0));
    if (can_count())
        CHECK_EQUAL(flushes() - before, 42);
}

TEST(paging, few_pages_are_flushed_singly_and_many_at_once)
{
    paging_each_format(one_by_one_and_then_all);
}

static void freed_tables(fixture_t *fixture)
{
    quire_cursor_t cursor;
    uint64_t before;

    /* A table that was made, not used and given back: the MMU may have seen it. */
    before = flushes();
    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, 0x1000, 0x2000, QUIRE_CURSOR_POPULATE));
    quire_cursor_close(&cursor);
    if (can_count())
        CHECK(flushes() > before);
    CHECK_OK(paging_mark(&fixture->table, 0x1000, 0x2000, QUIRE_PAGE_RESERVED, USER_WRITE));
    before = flushes();
    CHECK_OK(paging_mark(&fixture->table, 0x1000, 0x2000, QUIRE_PAGE_EMPTY, 0));
    if (can_count())
        CHECK(flushes() > before);
    CHECK_OK(paging_mark(&fixture->table, 0x1000, 0x2000, QUIRE_PAGE_RESERVED, USER_WRITE));
    before = flushes();
    CHECK_OK(paging_mark(&fixture->table, 0, (quire_va_t)quire_format_span(fixture->format, 2), QUIRE_PAGE_EMPTY, 0));
    if (can_count())
        CHECK(flushes() > before);
}

TEST(paging, freeing_a_table_flushes)
{
    paging_each_format(freed_tables);
}

/* A processor may go on using the large translation, or pieces of it, and sets accessed and dirty bits through it. */
static void split_pages(fixture_t *fixture)
{
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    quire_cursor_t cursor;
    uint64_t before;

    CHECK_OK(paging_map_large(&fixture->table, 0, 2, FOREIGN_BASE, USER_WRITE, FOREIGN));
    before = flushes();
    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, PAGE, span, QUIRE_CURSOR_EDGES));
    quire_cursor_close(&cursor);
    if (can_count())
        CHECK(flushes() > before);
}

TEST(paging, splitting_a_large_page_flushes)
{
    paging_each_format(split_pages);
}

/* The events tell the order: no frame comes back between an entry's change and the flush. */
static void flush_comes_before_free(fixture_t *fixture)
{
    const size_t records = 4096;
    quire_event_t *ring = test_memory(records * sizeof(*ring));
    bool entry_changed = false;
    uint64_t cursor = 0;
    unsigned freed = 0;
    quire_event_t event;

    for (quire_va_t page = 1; page < 200; page++)
        CHECK_OK(paging_map(&fixture->table, page * PAGE, paging_frame(fixture), USER_WRITE, 0));
    CHECK_OK(quire_event_start(ring, records));
    cursor = quire_event_count();
    CHECK_OK(paging_mark(&fixture->table, 2 * PAGE, 200 * PAGE, QUIRE_PAGE_EMPTY, 0));
    quire_event_stop();
    while (quire_event_read(&cursor, &event)) {
        if (event.kind == QUIRE_EVENT_ENTRY)
            entry_changed = true;
        if (event.kind == QUIRE_EVENT_FLUSH)
            entry_changed = false;
        if (event.kind == QUIRE_EVENT_FRAME_FREE) {
            CHECK(!entry_changed);
            freed++;
        }
    }
    CHECK_EQUAL(freed, QUIRE_EVENTS ? 198 : 0);
}

TEST(paging, frames_are_released_after_the_flush)
{
    paging_each_format(flush_comes_before_free);
}
