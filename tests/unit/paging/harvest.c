/* SPDX-License-Identifier: MIT */
/* harvest.c - accessed and dirty bits are read and cleared, and flushed where that matters. */
#include "fixture.h"

#define BOTH (QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY)

static uint64_t flushes(bool *counts)
{
    return test_flushes(counts);
}

static quire_extent_t harvest(quire_table_t *table, quire_va_t va, quire_va_t bytes, unsigned flags)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, table, va, va + bytes, QUIRE_CURSOR_EDGES));
    quire_extent_t extent = quire_cursor_harvest(&cursor, va, flags);
    quire_cursor_close(&cursor);
    return extent;
}

/* A page with both bits set, at `va` and of any size. */
static void check_page(quire_table_t *table, quire_va_t va, quire_va_t bytes)
{
    quire_page_t first = paging_query(table, va).page;
    bool counts;
    uint64_t before = flushes(&counts);

    CHECK_EQUAL(first.flags & BOTH, BOTH);
    quire_extent_t extent = harvest(table, va, bytes, 0);
    CHECK_EQUAL(extent.page.flags, first.flags);
    CHECK(extent.start == va && extent.end == va + bytes);
    extent = harvest(table, va, bytes, QUIRE_PAGE_ACCESSED);
    CHECK_EQUAL(extent.page.flags, first.flags);
    CHECK_EQUAL(flushes(&counts), before);
    extent = harvest(table, va, bytes, BOTH);
    CHECK_EQUAL(extent.page.flags, first.flags & ~(unsigned)QUIRE_PAGE_ACCESSED);
    CHECK(!counts || flushes(&counts) > before);
    before = flushes(&counts);
    extent = harvest(table, va, bytes, BOTH);
    CHECK_EQUAL(flushes(&counts), before);
    CHECK_EQUAL(extent.page.flags, first.flags & ~(unsigned)BOTH);
    CHECK_EQUAL(extent.page.prot, first.prot);
    CHECK_EQUAL(extent.page.payload, first.payload);
}

static void both_bits(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .prot = USER_WRITE, .flags = BOTH};
    quire_cursor_t cursor;

    page.payload = paging_frame(fixture).number;
    CHECK_OK(quire_cursor_open(&cursor, table, PAGE, 2 * PAGE, QUIRE_CURSOR_POPULATE));
    quire_cursor_put(&cursor, PAGE, &page);
    quire_cursor_close(&cursor);
    check_page(table, PAGE, PAGE);
    CHECK_OK(paging_map_large(table, span, 2, FOREIGN_BASE, USER_WRITE, FOREIGN | BOTH));
    check_page(table, span, span);
    CHECK_OK(quire_table_check(table));
}

TEST(paging, what_the_mmu_noted_is_harvested)
{
    paging_each_format(both_bits);
}

/* Who puts a page that was read before knows nothing of what the MMU has noted since: it stays. */
static void put_over(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .prot = USER_WRITE};
    quire_cursor_t cursor;
    bool counts;

    page.payload = paging_frame(fixture).number;
    CHECK_OK(paging_map(table, PAGE, quire_frame((size_t)page.payload), USER_WRITE, QUIRE_PAGE_ACCESSED));
    uint64_t before = flushes(&counts);
    CHECK_OK(quire_cursor_open(&cursor, table, PAGE, 2 * PAGE, QUIRE_CURSOR_POPULATE));
    page.flags = QUIRE_PAGE_DIRTY;
    CHECK_EQUAL(quire_cursor_put(&cursor, PAGE, &page), BOTH);
    quire_cursor_close(&cursor);
    CHECK_EQUAL(flushes(&counts), before);
    CHECK_OK(quire_cursor_open(&cursor, table, PAGE, 2 * PAGE, QUIRE_CURSOR_POPULATE));
    page.flags = QUIRE_PAGE_COPY_ON_WRITE;
    CHECK_EQUAL(quire_cursor_put(&cursor, PAGE, &page), BOTH | QUIRE_PAGE_COPY_ON_WRITE);
    page.kind = QUIRE_PAGE_HIDDEN;
    page.prot = QUIRE_PROT_USER;
    CHECK(quire_cursor_put(&cursor, PAGE, &page) & QUIRE_PAGE_DIRTY);
    quire_cursor_close(&cursor);
    CHECK(!counts || flushes(&counts) > before);
    CHECK(paging_query(table, PAGE).page.flags & QUIRE_PAGE_DIRTY);
}

TEST(paging, a_put_keeps_what_the_mmu_noted)
{
    paging_each_format(put_over);
}

/* What is not mapped has nothing to tell, and keeps what it has. */
static void promises(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    uint64_t before;

    CHECK_OK(paging_mark(table, 0, 4 * PAGE, QUIRE_PAGE_RESERVED, USER_WRITE));
    CHECK_OK(paging_map(table, PAGE, paging_frame(fixture), USER_WRITE, QUIRE_PAGE_DIRTY));
    CHECK_OK(paging_protect(table, PAGE, 2 * PAGE, QUIRE_PROT_NONE));
    before = paging_fingerprint(table);
    CHECK_EQUAL(harvest(table, 0, PAGE, BOTH).page.kind, QUIRE_PAGE_RESERVED);
    quire_page_t hidden = harvest(table, PAGE, PAGE, BOTH).page;
    CHECK_EQUAL(hidden.kind, QUIRE_PAGE_HIDDEN);
    CHECK_EQUAL(hidden.flags & BOTH, QUIRE_PAGE_DIRTY);
    CHECK_EQUAL(harvest(table, 9 * PAGE, PAGE, BOTH).page.kind, QUIRE_PAGE_EMPTY);
    CHECK_EQUAL(paging_fingerprint(table), before);
}

TEST(paging, promises_are_not_harvested)
{
    paging_each_format(promises);
}

static quire_cursor_t open_cursor;

static void harvest_outside(void *context)
{
    (void)context;
    (void)quire_cursor_harvest(&open_cursor, 3 * PAGE, BOTH);
}

static void harvest_inside(void *context)
{
    (void)context;
    (void)quire_cursor_harvest(&open_cursor, PAGE, BOTH);
}

static void misused(fixture_t *fixture)
{
    CHECK_OK(quire_cursor_open(&open_cursor, &fixture->table, PAGE, 2 * PAGE, QUIRE_CURSOR_READ));
    CHECK(test_panics(harvest_inside, NULL));
    quire_cursor_close(&open_cursor);
    CHECK_OK(quire_cursor_open(&open_cursor, &fixture->table, PAGE, 2 * PAGE, QUIRE_CURSOR_EDGES));
    CHECK(test_panics(harvest_outside, NULL));
    quire_cursor_close(&open_cursor);
}

TEST(paging, harvests_outside_a_cursor_panic)
{
    paging_each_format(misused);
}
