/* SPDX-License-Identifier: MIT */
/* isolation.c - the second root of a process: the same below, and above no more than the isolation tree. */
#include "fixture.h"

static unsigned first_shared(const fixture_t *fixture)
{
    unsigned levels = quire_format_levels(fixture->format);

    return levels == 3 ? 3 : levels == 2 ? 768 : 256;
}

static unsigned root_entries(const fixture_t *fixture)
{
    unsigned levels = quire_format_levels(fixture->format);

    return levels == 3 ? 4 : levels == 2 ? 1024 : 512;
}

/* The word of a root, without accessed and dirty bits; before it is returned, `change` is xored into it. */
static uint64_t root_word(const fixture_t *fixture, quire_frame_t root, unsigned index, unsigned change)
{
    bool narrow = quire_format_levels(fixture->format) == 2;
    void *window = quire_port_window_open(root);
    uint64_t raw;

    if (narrow)
        raw = ((uint32_t *)window)[index] ^= change;
    else
        raw = ((uint64_t *)window)[index] ^= change;
    quire_port_window_close(window);
    return raw & ~(uint64_t)0x60;
}

static void make_gate(fixture_t *fixture, quire_table_t *isolation)
{
    CHECK_OK(
        quire_table_create_kernel(isolation, fixture->format, fixture->pmm, QUIRE_ZONE_ANY, fixture->shared_start));
    CHECK_OK(paging_map(isolation, fixture->pinned + 5 * PAGE, quire_frame(FOREIGN_BASE), READ, FOREIGN));
    CHECK_EQUAL(quire_table_use_isolation(&fixture->kernel, isolation), QUIRE_INVALID); /* not sealed */
    quire_table_seal(isolation);
    CHECK_OK(quire_table_use_isolation(&fixture->kernel, isolation));
}

static void end_gate(fixture_t *fixture, quire_table_t *isolation)
{
    fixture->kernel.isolation = NULL;
    quire_table_destroy(isolation);
}

static void compare(const fixture_t *fixture, const quire_table_t *isolation, const quire_table_t *table)
{
    for (unsigned i = 0; i < root_entries(fixture); i++)
        CHECK_EQUAL(root_word(fixture, table->user_root, i, 0),
                    root_word(fixture, i < first_shared(fixture) ? table->root : isolation->root, i, 0));
}

/* Whatever is done below, at any level and as coarse as it may be. */
static void the_same_below(fixture_t *fixture)
{
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, quire_format_levels(fixture->format));
    quire_table_t isolation;
    quire_table_t table;

    make_gate(fixture, &isolation);
    CHECK_OK(quire_table_create(&table, &fixture->kernel, 9));
    CHECK(table.user_root.number != 0);
    CHECK_EQUAL(fixture->table.user_root.number, 0); /* it is older than the isolation tree */
    CHECK_OK(quire_table_check(&table));
    compare(fixture, &isolation, &table);
    for (unsigned i = 0; i < 200; i++) {
        quire_va_t start = quire_page_down((quire_va_t)test_random_below((uint64_t)fixture->top - PAGE));
        quire_va_t whole = start & ~(span - 1);

        if (i % 4 == 0 && whole + span <= fixture->top)
            CHECK_OK(paging_mark(&table, whole, whole + span, i % 8 ? QUIRE_PAGE_EMPTY : QUIRE_PAGE_RESERVED, READ));
        else if (i % 4 == 1)
            CHECK_OK(paging_protect(&table, start, start + PAGE, USER_READ));
        else if (i % 4 == 2)
            CHECK_OK(paging_mark(&table, start, start + PAGE, QUIRE_PAGE_EMPTY, 0));
        else
            (void)!paging_map(&table, start, quire_frame(FOREIGN_BASE), USER_WRITE, FOREIGN);
        compare(fixture, &isolation, &table);
    }
    CHECK_OK(quire_table_check(&table));
    quire_table_destroy(&table);
    end_gate(fixture, &isolation);
}

TEST(paging, the_second_root_follows_the_first)
{
    paging_each_format(the_same_below);
}

static void nothing_of_the_kernel(fixture_t *fixture)
{
    quire_table_crossing_t crossing;
    quire_table_t isolation;
    quire_table_t table;
    unsigned inside = 0;

    make_gate(fixture, &isolation);
    CHECK_OK(paging_map(&fixture->kernel, fixture->pinned, paging_frame(fixture), READ_WRITE, 0));
    CHECK_OK(quire_table_create(&table, &fixture->kernel, 9));
    for (unsigned i = first_shared(fixture); i < root_entries(fixture); i++) {
        uint64_t word = root_word(fixture, table.user_root, i, 0);

        inside += word != 0;
        CHECK(word == 0 || word != root_word(fixture, fixture->kernel.root, i, 0));
    }
    CHECK_EQUAL(inside, 1);
    crossing = quire_table_cross(&table);
    CHECK_EQUAL(crossing.kernel, quire_table_root(&table).value);
    CHECK_EQUAL(crossing.user, quire_pa_of_frame(table.user_root).value);
    crossing = quire_table_cross(&fixture->table);
    CHECK_EQUAL(crossing.user, crossing.kernel);
    /* What is wrong in the second root is found. */
    for (unsigned i = 0; i < root_entries(fixture); i += root_entries(fixture) - 1) {
        (void)root_word(fixture, table.user_root, i, 8);
        CHECK_EQUAL(quire_table_check(&table), QUIRE_CORRUPT);
        (void)root_word(fixture, table.user_root, i, 8);
        CHECK_OK(quire_table_check(&table));
    }
    quire_frame_t root = table.user_root;
    table.user_root = paging_frame(fixture); /* not a table's */
    CHECK_EQUAL(quire_table_check(&table), QUIRE_CORRUPT);
    CHECK_OK(quire_pmm_release(fixture->pmm, table.user_root, NULL));
    table.user_root = root;
    quire_table_destroy(&table);
    end_gate(fixture, &isolation);
}

TEST(paging, the_second_root_holds_nothing_of_the_kernel)
{
    paging_each_format(nothing_of_the_kernel);
}

static void refused(fixture_t *fixture)
{
    unsigned levels = quire_format_levels(fixture->format);
    quire_table_t isolation;
    quire_table_t other;
    quire_table_t table;

    make_gate(fixture, &isolation);
    CHECK_EQUAL(quire_table_use_isolation(&fixture->kernel, &isolation), QUIRE_INVALID); /* there is one */
    CHECK_EQUAL(quire_table_use_isolation(&isolation, &isolation), QUIRE_INVALID);
    CHECK_EQUAL(quire_table_use_isolation(&fixture->table, &isolation), QUIRE_INVALID);
    CHECK_OK(quire_table_create_kernel(&other, fixture->format, fixture->pmm, QUIRE_ZONE_ANY, fixture->shared_start));
    CHECK_OK(paging_map(&other, PAGE, quire_frame(FOREIGN_BASE), READ, FOREIGN));
    quire_table_seal(&other);
    fixture->kernel.isolation = NULL;
    CHECK_EQUAL(quire_table_use_isolation(&fixture->kernel, &other), QUIRE_INVALID); /* something below */
    fixture->kernel.isolation = &isolation;
    isolation.shared_start ^= (quire_va_t)quire_format_span(fixture->format, levels);
    fixture->kernel.isolation = NULL;
    CHECK_EQUAL(quire_table_use_isolation(&fixture->kernel, &isolation), QUIRE_INVALID); /* another half */
    fixture->kernel.isolation = &isolation;
    isolation.shared_start = fixture->shared_start;
    quire_table_destroy(&other);
    if (levels == 2) { /* elsewhere a root entry cannot be a page */
        CHECK_OK(quire_table_create(&table, &fixture->kernel, 9));
        CHECK_EQUAL(paging_map_large(&table, 0, 2, FOREIGN_BASE, USER_READ, FOREIGN), QUIRE_UNSUPPORTED);
        for (quire_va_t page = 0; page < 1024; page++)
            CHECK_OK(paging_map(&table, page * PAGE, quire_frame(FOREIGN_BASE + page), USER_READ, FOREIGN));
        quire_cursor_t cursor;
        CHECK_OK(quire_cursor_open(&cursor, &table, 0, 1024 * PAGE, QUIRE_CURSOR_EDGES));
        CHECK_EQUAL(quire_cursor_promote(&cursor, 0, 2), QUIRE_UNSUPPORTED);
        quire_cursor_close(&cursor);
        quire_table_destroy(&table);
    }
    end_gate(fixture, &isolation);
}

TEST(paging, gates_that_are_refused)
{
    paging_each_format(refused);
}

static void short_of_frames(fixture_t *fixture)
{
    size_t wanted = quire_format_levels(fixture->format) == 3 ? 5 : 2; /* two roots, and PAE's three directories */
    quire_table_t table = {.space = 99};
    quire_table_t isolation;

    make_gate(fixture, &isolation);
    for (size_t frames = 0; frames < wanted; frames++) {
        test_pmm_leave(fixture->pmm, frames);
        CHECK_EQUAL(quire_table_create(&table, &fixture->kernel, 9), QUIRE_NO_MEMORY);
        CHECK_EQUAL(paging_free_frames(fixture), frames);
        CHECK_EQUAL(table.space, 99);
        test_pmm_restore(fixture->pmm);
    }
    CHECK_OK(quire_table_create(&table, &fixture->kernel, 9));
    CHECK_EQUAL(table.table_frames, wanted);
    quire_table_destroy(&table);
    end_gate(fixture, &isolation);
}

TEST(paging, a_second_root_costs_a_frame_or_nothing_happens)
{
    paging_each_format(short_of_frames);
}
