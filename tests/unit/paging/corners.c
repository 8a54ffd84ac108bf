/* SPDX-License-Identifier: MIT */
/* corners.c - answers that ordinary work never gets: each is what its header says, and leaves the tree alone. */
#include "fixture.h"

static void refusals(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    uint64_t before = paging_fingerprint(table);
    quire_cursor_t cursor;

    /* The kernel's half is borrowed for reading only. */
    CHECK_OK(quire_cursor_open(&cursor, table, fixture->pinned, fixture->pinned + PAGE, QUIRE_CURSOR_READ));
    CHECK_EQUAL(quire_cursor_reopen(&cursor, fixture->pinned, fixture->pinned + PAGE, QUIRE_CURSOR_EDGES),
                QUIRE_DENIED);
    quire_cursor_close(&cursor);
    CHECK_OK(quire_cursor_open(&cursor, table, 0, span, QUIRE_CURSOR_EDGES));
    CHECK_EQUAL(
        quire_cursor_map(&cursor, 0, 1, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN | QUIRE_PAGE_COPY_ON_WRITE),
        QUIRE_INVALID);
    CHECK_EQUAL(quire_cursor_promote(&cursor, 0, 1), QUIRE_UNSUPPORTED);
    CHECK_EQUAL(quire_cursor_promote(&cursor, 0, 9), QUIRE_UNSUPPORTED);
    CHECK_EQUAL(quire_cursor_take(&cursor, PAGE).kind, QUIRE_PAGE_EMPTY);
    quire_cursor_close(&cursor);
    CHECK_EQUAL(paging_fingerprint(table), before);
    CHECK_EQUAL(quire_table_pin(table, fixture->pinned, fixture->pinned + PAGE), QUIRE_INVALID);
    CHECK_EQUAL(quire_table_pin(&fixture->kernel, 0, PAGE), QUIRE_INVALID);
    CHECK_EQUAL(quire_table_pin(&fixture->kernel, fixture->pinned + PAGE, fixture->pinned), QUIRE_INVALID);
}

TEST(paging, what_cannot_be_is_refused)
{
    paging_each_format(refusals);
}

/* On a wider home the topmost page of a 32-bit space has an end; it is not given all the same. */
static void topmost(fixture_t *fixture)
{
    const uint64_t top = (uint64_t)1 << 32;
    quire_cursor_t cursor;

    if (quire_format_levels(fixture->format) > 3 || sizeof(quire_va_t) == 4)
        return;
    CHECK_EQUAL(
        quire_cursor_open(&cursor, &fixture->kernel, (quire_va_t)(top - 2 * PAGE), (quire_va_t)top, QUIRE_CURSOR_READ),
        QUIRE_INVALID);
}

TEST(paging, the_topmost_page_is_never_given)
{
    paging_each_format(topmost);
}

/* The same promise twice: every page was taken already, and no entry changes. */
static void twice(fixture_t *fixture)
{
    const quire_page_t promise = {.kind = QUIRE_PAGE_RESERVED, .prot = (uint8_t)USER_WRITE};
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    uint64_t before;

    CHECK_OK(paging_mark(&fixture->table, span, 3 * span, QUIRE_PAGE_RESERVED, USER_WRITE));
    before = paging_fingerprint(&fixture->table);
    for (unsigned i = 0; i < 2; i++) {
        quire_cursor_t cursor;

        CHECK_OK(quire_cursor_open(&cursor, &fixture->table, span, 3 * span, QUIRE_CURSOR_EDGES));
        (void)quire_cursor_mark(&cursor, span, 3 * span, &promise);
        /* A part of an entry that says it already: nothing has to be cut. */
        (void)quire_cursor_mark(&cursor, span + PAGE, span + 2 * PAGE, &promise);
        CHECK_EQUAL(quire_cursor_taken(&cursor, span, 3 * span), 2 * span / PAGE);
        quire_cursor_close(&cursor);
        CHECK_EQUAL(paging_fingerprint(&fixture->table), before);
    }
}

TEST(paging, a_promise_made_twice_changes_nothing)
{
    paging_each_format(twice);
}

/* A cursor over a whole entry of level 3 has brought no table below it: mapping at level 2 makes one, if it can. */
static void large_below_coarse(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 3);
    quire_va_t va = 2 * span;
    quire_cursor_t cursor;
    uint64_t before;

    if (quire_format_levels(fixture->format) < 4)
        return;
    CHECK_OK(paging_map(table, va - PAGE, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN));
    before = paging_fingerprint(table);
    CHECK_OK(quire_cursor_open(&cursor, table, va, va + span, QUIRE_CURSOR_EDGES));
    test_pmm_leave(fixture->pmm, 0);
    CHECK_EQUAL(quire_cursor_map(&cursor, va, 2, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN), QUIRE_NO_MEMORY);
    test_pmm_restore(fixture->pmm);
    CHECK_EQUAL(paging_fingerprint(table), before);
    CHECK_OK(quire_cursor_map(&cursor, va, 2, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN));
    CHECK_EQUAL(quire_cursor_query(&cursor, va).level, 2);
    (void)quire_cursor_mark(&cursor, va, va + span, &(quire_page_t){.kind = QUIRE_PAGE_EMPTY});
    CHECK_OK(quire_cursor_map(&cursor, va, 3, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN));
    CHECK_EQUAL(quire_cursor_map(&cursor, va, 2, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN), QUIRE_EXISTS);
    quire_cursor_close(&cursor);
    CHECK_OK(quire_table_check(table));
}

TEST(paging, a_large_page_brings_its_table)
{
    paging_each_format(large_below_coarse);
}

/* A tree of a format without ASIDs has nothing to tell of its loads. */
static void loads(fixture_t *fixture)
{
    quire_table_loads_t told = quire_table_loads(&fixture->table);

    if (quire_format_levels(fixture->format) < 4)
        CHECK(told.asid == 0 && told.loads == 0 && told.kept == 0);
}

TEST(paging, loads_without_asids)
{
    paging_each_format(loads);
}

static quire_table_t *misused;

static void make_global(void *context)
{
    quire_frame_t chain = {0};
    quire_cursor_t cursor;

    (void)context;
    CHECK_OK(quire_cursor_open(&cursor, misused, PAGE, 2 * PAGE, QUIRE_CURSOR_POPULATE));
    (void)quire_cursor_map_chain(&cursor, PAGE, 2 * PAGE, QUIRE_PAGE_GLOBAL, &chain);
    quire_cursor_close(&cursor);
}

TEST(paging, a_processs_page_is_not_made_global)
{
    static quire_table_t kernel;
    static quire_table_t process;
    const quire_format_t *format = test_formats()[0];

    CHECK_OK(quire_table_create_kernel(&kernel, format, test_pmm(200), QUIRE_ZONE_ANY, paging_shared_start(format)));
    quire_table_seal(&kernel);
    CHECK_OK(quire_table_create(&process, &kernel, 1));
    misused = &process;
    CHECK(test_panics(make_global, NULL));
}
