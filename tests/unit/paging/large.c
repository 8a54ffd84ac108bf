/* SPDX-License-Identifier: MIT */
/* large.c - large pages: mapped, split, protected, removed. */
#include "fixture.h"

static const unsigned all_flags = FOREIGN | QUIRE_PAGE_PAT | QUIRE_PAGE_WRITE_THROUGH | QUIRE_PAGE_DIRTY;

static void splits_keep_attributes(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    size_t pages = (size_t)(span / PAGE);
    quire_extent_t extent;

    CHECK_OK(paging_map_large(table, span, 2, FOREIGN_BASE, USER_WRITE, all_flags));
    CHECK_EQUAL(table->mapped_pages, pages);
    extent = paging_query(table, span + 5 * PAGE);
    CHECK_EQUAL(extent.level, 2);
    CHECK(extent.start == span && extent.end == 2 * span);
    CHECK_OK(paging_protect(table, span + 3 * PAGE, span + 4 * PAGE, USER_READ));
    CHECK_EQUAL(table->mapped_pages, pages);
    for (size_t page = 0; page < pages; page++) {
        extent = paging_query(table, span + (quire_va_t)page * PAGE);
        CHECK_EQUAL(extent.level, 1);
        CHECK_EQUAL(extent.page.kind, QUIRE_PAGE_MAPPED);
        CHECK_EQUAL(extent.page.payload, FOREIGN_BASE + page);
        CHECK_EQUAL(extent.page.prot, page == 3 ? USER_READ : USER_WRITE);
        CHECK_EQUAL(extent.page.flags, all_flags);
    }
    CHECK_OK(paging_mark(table, span, 2 * span, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(table->mapped_pages, 0);
}

TEST(paging, a_split_page_keeps_its_attributes)
{
    paging_each_format(splits_keep_attributes);
}

static void hidden_large(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);

    CHECK_OK(paging_map_large(table, 0, 2, FOREIGN_BASE, USER_WRITE, all_flags));
    CHECK_OK(paging_protect(table, 0, span, QUIRE_PROT_NONE));
    CHECK_EQUAL(table->mapped_pages, 0);
    CHECK_EQUAL(paging_query(table, 0).page.kind, QUIRE_PAGE_HIDDEN);
    CHECK_EQUAL(paging_query(table, 0).level, 2);
    CHECK_OK(paging_protect(table, span - PAGE, span, USER_READ));
    CHECK_EQUAL(paging_query(table, 0).level, 1);
    CHECK_EQUAL(paging_query(table, 0).page.kind, QUIRE_PAGE_HIDDEN);
    CHECK_EQUAL(paging_query(table, PAGE).page.payload, FOREIGN_BASE + 1);
    CHECK_EQUAL(paging_query(table, span - PAGE).page.kind, QUIRE_PAGE_MAPPED);
    CHECK_EQUAL(paging_query(table, span - PAGE).page.payload, FOREIGN_BASE + span / PAGE - 1);
    CHECK_EQUAL(paging_query(table, span - PAGE).page.flags, all_flags);
    CHECK_EQUAL(table->mapped_pages, 1);
}

TEST(paging, a_large_page_can_be_hidden_and_split)
{
    paging_each_format(hidden_large);
}

static void refusals(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    unsigned levels = quire_format_levels(fixture->format);
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);

    CHECK_EQUAL(paging_map_large(table, 0, levels == 2 ? 3 : levels, 0, USER_READ, FOREIGN),
                levels == 2 ? QUIRE_INVALID : QUIRE_UNSUPPORTED);
    CHECK_EQUAL(paging_map_large(table, 0, 2, FOREIGN_BASE + 1, USER_READ, FOREIGN), QUIRE_UNSUPPORTED);
    CHECK_OK(paging_map(table, PAGE, paging_frame(fixture), USER_READ, 0));
    CHECK_EQUAL(paging_map_large(table, 0, 2, FOREIGN_BASE, USER_READ, FOREIGN), QUIRE_EXISTS);
    CHECK_OK(paging_protect(table, PAGE, 2 * PAGE, QUIRE_PROT_NONE));
    CHECK_EQUAL(paging_map_large(table, 0, 2, FOREIGN_BASE, USER_READ, FOREIGN), QUIRE_EXISTS);
    CHECK_OK(paging_mark(table, PAGE, 2 * PAGE, QUIRE_PAGE_GUARD, 0));
    CHECK_OK(paging_map_large(table, 0, 2, FOREIGN_BASE, USER_READ, FOREIGN));
    CHECK_EQUAL(paging_map_large(table, 0, 2, FOREIGN_BASE, USER_READ, FOREIGN), QUIRE_EXISTS);
    CHECK_EQUAL(paging_map(table, span - PAGE, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN), QUIRE_EXISTS);
}

TEST(paging, a_large_page_is_refused_where_something_is)
{
    paging_each_format(refusals);
}

/* A block of the PMM, mapped by one entry: it comes back whole. */
static void owned_large(fixture_t *fixture)
{
    quire_va_t span = 512 * PAGE;
    size_t before = paging_free_frames(fixture);

    CHECK_OK(paging_map_large(&fixture->table, 0, 2, fixture->block.number, USER_WRITE, 0));
    CHECK_OK(quire_table_check(&fixture->table));
    CHECK_OK(paging_protect(&fixture->table, 0, span, QUIRE_PROT_NONE));
    CHECK_OK(paging_protect(&fixture->table, 0, span, USER_READ));
    CHECK_OK(paging_mark(&fixture->table, 0, span, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(paging_free_frames(fixture), before + 512);
}

TEST(paging, a_large_block_comes_back_whole)
{
    paging_each_format_with_block(owned_large);
}
