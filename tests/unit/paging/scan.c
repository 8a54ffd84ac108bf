/* SPDX-License-Identifier: MIT */
/* scan.c - counting and searching a range, against one question a page; and work on two ranges under one lock. */
#include "fixture.h"

#define SEAM     ((quire_va_t)0x40000000)
#define PAGES    40
#define AREA     (SEAM - PAGES / 2 * PAGE)
#define AREA_END (AREA + (quire_va_t)PAGES * PAGE)

static bool is_empty(quire_cursor_t *cursor, quire_va_t va)
{
    return quire_cursor_query(cursor, va).page.kind == QUIRE_PAGE_EMPTY;
}

static size_t count_taken(quire_cursor_t *cursor, quire_va_t start, quire_va_t end)
{
    size_t taken = 0;

    for (quire_va_t va = start; va < end; va += PAGE)
        taken += !is_empty(cursor, va);
    return taken;
}

static bool find_empty(quire_cursor_t *cursor, quire_va_t start, quire_va_t end, quire_va_t bytes, quire_va_t alignment,
                       quire_va_t *va)
{
    quire_va_t run = 0;

    for (quire_va_t at = end; at > start;) {
        at -= PAGE;
        run = is_empty(cursor, at) ? run + PAGE : 0;
        if (run >= bytes && at % alignment == 0) {
            *va = at;
            return true;
        }
    }
    return false;
}

static void compare(fixture_t *fixture)
{
    size_t first = (size_t)test_random_below(PAGES);
    quire_va_t start = AREA + first * PAGE;
    quire_va_t end = start + (1 + test_random_below(PAGES - first)) * PAGE;
    quire_va_t bytes = (1 + test_random_below(6)) * PAGE;
    quire_va_t alignment = PAGE << test_random_below(4);
    quire_va_t expected = 0;
    quire_va_t found = 0;
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, AREA, AREA_END, QUIRE_CURSOR_READ));
    CHECK_EQUAL(quire_cursor_taken(&cursor, start, end), count_taken(&cursor, start, end));
    CHECK_EQUAL(quire_cursor_find_empty(&cursor, start, end, bytes, alignment, &found),
                find_empty(&cursor, start, end, bytes, alignment, &expected));
    CHECK_EQUAL(found, expected);
    quire_cursor_close(&cursor);
}

static void scan_at_random(fixture_t *fixture)
{
    for (unsigned step = 0; step < 100 * test_effort(); step++) {
        size_t first = (size_t)test_random_below(PAGES);
        quire_va_t start = AREA + first * PAGE;
        quire_va_t end = start + (1 + test_random_below(PAGES - first < 5 ? PAGES - first : 5)) * PAGE;
        quire_page_kind_t kind = test_random() % 2 == 0 ? QUIRE_PAGE_EMPTY : QUIRE_PAGE_RESERVED;

        CHECK_OK(paging_mark(&fixture->table, start, end, kind, kind == QUIRE_PAGE_EMPTY ? 0 : USER_WRITE));
        for (unsigned i = 0; i < 4; i++)
            compare(fixture);
    }
    CHECK_OK(paging_mark(&fixture->table, AREA, AREA_END, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, scanning_agrees_with_asking)
{
    paging_each_format(scan_at_random);
}

/* Coarse entries, a hole of gigabytes, and the ends of the half. */
static void scan_wide(fixture_t *fixture)
{
    quire_va_t top = fixture->top;
    quire_va_t found = 0;
    quire_cursor_t cursor;

    CHECK_OK(paging_mark(&fixture->table, SEAM, 2 * SEAM, QUIRE_PAGE_RESERVED, USER_WRITE));
    CHECK_OK(paging_mark(&fixture->table, top - PAGE, top, QUIRE_PAGE_RESERVED, USER_WRITE));
    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, 0, top, QUIRE_CURSOR_READ));
    CHECK_EQUAL(quire_cursor_taken(&cursor, 0, top), SEAM / PAGE + 1);
    CHECK_EQUAL(quire_cursor_taken(&cursor, SEAM + PAGE, SEAM + 3 * PAGE), 2);
    CHECK(quire_cursor_find_empty(&cursor, 0, top, PAGE, PAGE, &found));
    CHECK_EQUAL(found, top - 2 * PAGE);
    CHECK(quire_cursor_find_empty(&cursor, 0, 2 * SEAM + PAGE, 2 * PAGE, PAGE, &found));
    CHECK_EQUAL(found, SEAM - 2 * PAGE);
    CHECK(quire_cursor_find_empty(&cursor, 0, 2 * SEAM, SEAM, PAGE, &found));
    CHECK_EQUAL(found, 0);
    CHECK(!quire_cursor_find_empty(&cursor, PAGE, 2 * SEAM, SEAM, PAGE, &found));
    quire_cursor_close(&cursor);
    CHECK_OK(paging_mark(&fixture->table, 0, top, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, scanning_wide_ranges)
{
    paging_each_format(scan_wide);
}

/* A page goes from one range to another under one lock; what fails leaves the cursor where it was. */
static void two_ranges(fixture_t *fixture)
{
    quire_va_t from = SEAM - PAGE;
    quire_va_t to = 2 * SEAM + PAGE;
    quire_cursor_t cursor;
    quire_page_t page;

    CHECK_OK(paging_map(&fixture->table, from, paging_frame(fixture), USER_WRITE, 0));
    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, from, SEAM, QUIRE_CURSOR_POPULATE));
    test_pmm_leave(fixture->pmm, 0);
    CHECK_EQUAL(quire_cursor_reopen(&cursor, to, to + PAGE, QUIRE_CURSOR_POPULATE), QUIRE_NO_MEMORY);
    test_pmm_restore(fixture->pmm);
    CHECK_EQUAL(quire_cursor_reopen(&cursor, to, to, QUIRE_CURSOR_POPULATE), QUIRE_INVALID);
    CHECK_EQUAL(quire_cursor_reopen(&cursor, fixture->pinned, fixture->pinned + PAGE, QUIRE_CURSOR_READ),
                QUIRE_INVALID);
    CHECK_EQUAL(quire_cursor_query(&cursor, from).page.kind, QUIRE_PAGE_MAPPED);
    CHECK_OK(quire_cursor_reopen(&cursor, to, to + PAGE, QUIRE_CURSOR_POPULATE));
    CHECK_OK(quire_cursor_reopen(&cursor, from, SEAM, QUIRE_CURSOR_EDGES));
    page = quire_cursor_take(&cursor, from);
    CHECK_OK(quire_cursor_reopen(&cursor, to, to + PAGE, QUIRE_CURSOR_POPULATE));
    quire_cursor_put(&cursor, to, &page);
    quire_cursor_close(&cursor);
    CHECK_OK(quire_table_check(&fixture->table));
    CHECK_EQUAL(paging_query(&fixture->table, to).page.payload, page.payload);
    CHECK_EQUAL(paging_query(&fixture->table, from).page.kind, QUIRE_PAGE_EMPTY);
    CHECK(paging_query(&fixture->table, from).level > 1);
    CHECK_OK(paging_mark(&fixture->table, to, to + PAGE, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, one_cursor_on_two_ranges)
{
    paging_each_format(two_ranges);
}

/* A run goes as far as pages differ in payload, accessed and dirty alone; it ends with its table. */
static void runs(fixture_t *fixture)
{
    static const uint16_t flags[] = {0, QUIRE_PAGE_ACCESSED, QUIRE_PAGE_DIRTY, 0};
    quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .prot = USER_WRITE, .payload = FOREIGN_BASE};
    quire_extent_t run;
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, AREA, AREA_END, QUIRE_CURSOR_POPULATE));
    for (unsigned i = 0; i < 4; i++, page.payload += 7) {
        page.flags = (uint16_t)(flags[i] | QUIRE_PAGE_FOREIGN);
        quire_cursor_put(&cursor, AREA + i * PAGE, &page);
    }
    run = quire_cursor_run(&cursor, AREA, AREA_END);
    CHECK_EQUAL(run.end, AREA + 4 * PAGE);
    CHECK_EQUAL(run.page.payload, FOREIGN_BASE);
    CHECK_EQUAL(quire_cursor_run(&cursor, AREA, AREA + 3 * PAGE).end, AREA + 3 * PAGE);
    CHECK_EQUAL(quire_cursor_page(&cursor, AREA + 2 * PAGE).payload, FOREIGN_BASE + 14);
    run = quire_cursor_run(&cursor, AREA + 4 * PAGE, AREA_END);
    CHECK_EQUAL(run.page.kind, QUIRE_PAGE_EMPTY);
    CHECK_EQUAL(run.end, SEAM);
    page.prot = USER_READ;
    quire_cursor_put(&cursor, AREA + 4 * PAGE, &page);
    CHECK_EQUAL(quire_cursor_run(&cursor, AREA, AREA_END).end, AREA + 4 * PAGE);
    CHECK_EQUAL(quire_cursor_run(&cursor, AREA + 4 * PAGE, AREA_END).end, AREA + 5 * PAGE);
    quire_cursor_close(&cursor);
    CHECK_OK(paging_mark(&fixture->table, AREA, AREA_END, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, a_run_is_of_pages_that_say_the_same)
{
    paging_each_format(runs);
}

/* Promises with rights are kept, in the order of the chain; all else stays. */
static void supplied(fixture_t *fixture)
{
    quire_frame_t chain = {0};
    quire_cursor_t cursor;
    size_t frames[3];

    CHECK_OK(paging_mark(&fixture->table, AREA, AREA_END, QUIRE_PAGE_RESERVED, USER_WRITE));
    CHECK_OK(paging_mark(&fixture->table, AREA + PAGE, AREA + 2 * PAGE, QUIRE_PAGE_RESERVED, QUIRE_PROT_USER));
    CHECK_OK(paging_mark(&fixture->table, AREA + 2 * PAGE, AREA + 3 * PAGE, QUIRE_PAGE_GUARD, 0));
    for (unsigned i = 3; i-- > 0;) {
        quire_frame_t frame = paging_frame(fixture);

        frames[i] = frame.number;
        quire_chain_push(&chain, frame);
    }
    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, AREA, SEAM + PAGE, QUIRE_CURSOR_POPULATE));
    CHECK_EQUAL(quire_cursor_map_chain(&cursor, AREA, AREA + 4 * PAGE, 0, &chain), 2);
    CHECK_EQUAL(quire_cursor_map_chain(&cursor, SEAM, SEAM + PAGE, 0, &chain), 1);
    CHECK_EQUAL(chain.number, 0);
    CHECK_EQUAL(quire_cursor_page(&cursor, AREA).payload, frames[0]);
    CHECK_EQUAL(quire_cursor_page(&cursor, AREA + PAGE).kind, QUIRE_PAGE_RESERVED);
    CHECK_EQUAL(quire_cursor_page(&cursor, AREA + 2 * PAGE).kind, QUIRE_PAGE_GUARD);
    CHECK_EQUAL(quire_cursor_page(&cursor, AREA + 3 * PAGE).payload, frames[1]);
    CHECK_EQUAL(quire_cursor_page(&cursor, AREA + 3 * PAGE).prot, USER_WRITE);
    CHECK_EQUAL(quire_cursor_page(&cursor, SEAM).payload, frames[2]);
    quire_cursor_close(&cursor);
    CHECK_EQUAL(fixture->table.mapped_pages, 3);
    CHECK_OK(paging_mark(&fixture->table, AREA, AREA_END, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, promises_are_kept_from_a_chain_of_frames)
{
    paging_each_format(supplied);
}
