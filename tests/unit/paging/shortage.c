/* SPDX-License-Identifier: MIT */
/*
 * shortage.c - every single allocation made to fail.
 *
 * The same change is tried with 0, 1, 2... frames free until it succeeds. After each failure every word of every table
 * is as it was, and every frame is where it was.
 */
#include "fixture.h"

typedef quire_status_t change_t(fixture_t *fixture);

static void fails_without_a_trace(fixture_t *fixture, change_t *change, size_t expected_failures)
{
    size_t failures = 0;

    for (;; failures++) {
        uint64_t before = paging_fingerprint(&fixture->table);
        size_t tables = fixture->table.table_frames;
        size_t mapped = fixture->table.mapped_pages;
        quire_status_t status;

        test_pmm_leave(fixture->pmm, failures);
        status = change(fixture);
        if (status == QUIRE_OK)
            break;
        CHECK_EQUAL(status, QUIRE_NO_MEMORY);
        CHECK_EQUAL(paging_free_frames(fixture), failures);
        test_pmm_restore(fixture->pmm);
        CHECK_EQUAL(paging_fingerprint(&fixture->table), before);
        CHECK_EQUAL(fixture->table.table_frames, tables);
        CHECK_EQUAL(fixture->table.mapped_pages, mapped);
        CHECK_OK(quire_table_check(&fixture->table));
    }
    test_pmm_restore(fixture->pmm);
    CHECK_EQUAL(failures, expected_failures);
    CHECK_OK(quire_table_check(&fixture->table));
}

static unsigned levels_of(const fixture_t *fixture)
{
    return quire_format_levels(fixture->format);
}

/* A root that keeps its tables has one level less to make. */
static size_t made_on_the_way(const fixture_t *fixture)
{
    return levels_of(fixture) - 1 - (levels_of(fixture) == 3);
}

static quire_va_t seam(const fixture_t *fixture)
{
    return (quire_va_t)quire_format_span(fixture->format, levels_of(fixture));
}

static quire_status_t map_one(fixture_t *fixture)
{
    return paging_map(&fixture->table, 0x1000, quire_frame(FOREIGN_BASE), USER_WRITE, FOREIGN);
}

static quire_status_t mark_across_the_seam(fixture_t *fixture)
{
    return paging_mark(&fixture->table, seam(fixture) - PAGE, seam(fixture) + PAGE, QUIRE_PAGE_RESERVED, USER_WRITE);
}

static quire_status_t protect_the_seam(fixture_t *fixture)
{
    return paging_protect(&fixture->table, seam(fixture) - PAGE, seam(fixture) + PAGE, USER_READ);
}

static quire_status_t protect_part_of_a_large_page(fixture_t *fixture)
{
    return paging_protect(&fixture->table, PAGE, 2 * PAGE, USER_READ);
}

static quire_status_t map_a_large_page(fixture_t *fixture)
{
    quire_va_t end = 2 * (quire_va_t)quire_format_span(fixture->format, 2);
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, &fixture->table, 0, end, QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    status = quire_cursor_map(&cursor, end / 2, 2, quire_frame(FOREIGN_BASE), USER_WRITE, FOREIGN);
    quire_cursor_close(&cursor);
    return status;
}

static void short_of_frames_while_mapping(fixture_t *fixture)
{
    fails_without_a_trace(fixture, map_one, made_on_the_way(fixture));
}

TEST(paging, mapping_fails_without_a_trace)
{
    paging_each_format(short_of_frames_while_mapping);
}

static void short_of_frames_while_marking(fixture_t *fixture)
{
    fails_without_a_trace(fixture, mark_across_the_seam, 2 * made_on_the_way(fixture));
    /* There already: nothing to take. */
    fails_without_a_trace(fixture, mark_across_the_seam, 0);
}

TEST(paging, marking_fails_without_a_trace)
{
    paging_each_format(short_of_frames_while_marking);
}

static void short_of_frames_while_splitting_promises(fixture_t *fixture)
{
    CHECK_OK(paging_mark(&fixture->table, 0, 2 * seam(fixture), QUIRE_PAGE_OBJECT, USER_WRITE));
    fails_without_a_trace(fixture, protect_the_seam, 2 * made_on_the_way(fixture));
    CHECK_EQUAL(paging_query(&fixture->table, seam(fixture)).page.prot, USER_READ);
    CHECK_EQUAL(paging_query(&fixture->table, seam(fixture) + PAGE).page.prot, USER_WRITE);
}

TEST(paging, splitting_promises_fails_without_a_trace)
{
    paging_each_format(short_of_frames_while_splitting_promises);
}

static void short_of_frames_while_splitting_pages(fixture_t *fixture)
{
    unsigned level = quire_format_maps_at(fixture->format, 3) ? 3 : 2;

    CHECK_OK(paging_map_large(&fixture->table, 0, level, FOREIGN_BASE, USER_WRITE, FOREIGN));
    fails_without_a_trace(fixture, protect_part_of_a_large_page, level - 1);
    CHECK_EQUAL(paging_query(&fixture->table, 0).page.prot, USER_WRITE);
    CHECK_EQUAL(paging_query(&fixture->table, PAGE).page.prot, USER_READ);
}

TEST(paging, splitting_large_pages_fails_without_a_trace)
{
    paging_each_format(short_of_frames_while_splitting_pages);
}

static void short_of_frames_while_mapping_large(fixture_t *fixture)
{
    fails_without_a_trace(fixture, map_a_large_page, made_on_the_way(fixture) - 1);
}

TEST(paging, mapping_large_pages_fails_without_a_trace)
{
    paging_each_format(short_of_frames_while_mapping_large);
}

static void short_of_frames_while_creating(fixture_t *fixture)
{
    size_t needed = levels_of(fixture) == 3 ? 4 : 1;
    quire_table_t table = {.space = 99};

    for (size_t frames = 0; frames < needed; frames++) {
        test_pmm_leave(fixture->pmm, frames);
        CHECK_EQUAL(quire_table_create(&table, &fixture->kernel, 8), QUIRE_NO_MEMORY);
        CHECK_EQUAL(paging_free_frames(fixture), frames);
        CHECK_EQUAL(table.space, 99);
        test_pmm_restore(fixture->pmm);
    }
    test_pmm_leave(fixture->pmm, needed);
    CHECK_OK(quire_table_create(&table, &fixture->kernel, 8));
    test_pmm_restore(fixture->pmm);
    quire_table_destroy(&table);
}

TEST(paging, creating_a_tree_fails_without_a_trace)
{
    paging_each_format(short_of_frames_while_creating);
}

/* More tables than there are frames: refused before the last frame is gone, at no cost to anybody. */
static void too_much_at_once(fixture_t *fixture)
{
    uint64_t before = paging_fingerprint(&fixture->table);
    size_t free_frames = paging_free_frames(fixture);
    quire_cursor_t cursor;

    CHECK_EQUAL(quire_cursor_open(&cursor, &fixture->table, 0, fixture->top - PAGE, QUIRE_CURSOR_POPULATE),
                levels_of(fixture) == 2 ? QUIRE_OK : QUIRE_NO_MEMORY);
    if (levels_of(fixture) == 2)
        quire_cursor_close(&cursor);
    CHECK_EQUAL(paging_free_frames(fixture), free_frames);
    CHECK_EQUAL(paging_fingerprint(&fixture->table), before);
}

TEST(paging, populating_everything_is_refused)
{
    paging_each_format(too_much_at_once);
}
