/* SPDX-License-Identifier: MIT */
/* promote.c - tables joined into one entry, of pages and of promises, and cut again; cursors that did nothing. */
#include "fixture.h"

static quire_status_t promote(quire_table_t *table, quire_va_t va, unsigned level)
{
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(
        &cursor, table, va, va + (quire_va_t)quire_format_span(table->format, level), QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    status = quire_cursor_promote(&cursor, va, level);
    quire_cursor_close(&cursor);
    return status;
}

static void map_pages(quire_table_t *table, quire_va_t va, size_t frame, size_t pages, unsigned flags)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, table, va, va + (quire_va_t)pages * PAGE, QUIRE_CURSOR_POPULATE));
    for (size_t i = 0; i < pages; i++)
        CHECK_OK(quire_cursor_map(&cursor, va + (quire_va_t)i * PAGE, 1, quire_frame(frame + i), USER_WRITE,
                                  flags | (i == 3 ? (unsigned)QUIRE_PAGE_DIRTY : 0)));
    quire_cursor_close(&cursor);
}

static void joined_and_cut(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    size_t pages = (size_t)(span / PAGE);
    size_t tables = table->table_frames;

    CHECK_EQUAL(promote(table, span, 2), QUIRE_NOT_FOUND);
    map_pages(table, span, FOREIGN_BASE, pages - 1, FOREIGN);
    CHECK_EQUAL(promote(table, span, 2), QUIRE_NOT_FOUND);
    map_pages(table, 2 * span - PAGE, FOREIGN_BASE + pages - 1, 1, FOREIGN);
    CHECK_OK(promote(table, span, 2));
    CHECK_EQUAL(promote(table, span, 2), QUIRE_EXISTS);
    CHECK_EQUAL(paging_query(table, span).level, 2);
    CHECK_EQUAL(paging_query(table, span).page.prot, USER_WRITE);
    CHECK_EQUAL(paging_query(table, span).page.flags, FOREIGN | QUIRE_PAGE_DIRTY);
    CHECK_EQUAL(paging_query(table, span).page.payload, FOREIGN_BASE);
    CHECK_EQUAL(table->mapped_pages, pages);
    CHECK_OK(quire_table_check(table));
    CHECK_OK(paging_protect(table, span, span + PAGE, USER_READ));
    CHECK_EQUAL(promote(table, span, 2), QUIRE_NOT_FOUND);
    CHECK_OK(paging_protect(table, span, span + PAGE, USER_WRITE));
    CHECK_OK(promote(table, span, 2));
    CHECK_OK(paging_mark(table, span, 2 * span, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(table->table_frames, tables);
    map_pages(table, span, FOREIGN_BASE + 1, pages, FOREIGN);
    CHECK_EQUAL(promote(table, span, 2), QUIRE_UNSUPPORTED);
}

TEST(paging, small_pages_are_joined_into_a_large_one)
{
    paging_each_format(joined_and_cut);
}

/* Single frames of the PMM: joined, cut, and each given back. */
static void owned(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    size_t first = fixture->block.number;
    size_t free_frames = paging_free_frames(fixture);

    CHECK_OK(quire_pmm_split(fixture->pmm, fixture->block, 9));
    map_pages(table, 0, first, 512, 0);
    CHECK_OK(promote(table, 0, 2));
    CHECK_OK(quire_table_check(table));
    CHECK_OK(paging_mark(table, PAGE, 2 * PAGE, QUIRE_PAGE_GUARD, 0));
    CHECK_EQUAL(quire_pmm_references(fixture->pmm, quire_frame(first + 1)), 0);
    CHECK_EQUAL(quire_pmm_references(fixture->pmm, quire_frame(first + 2)), 1);
    CHECK_EQUAL(table->mapped_pages, 511);
    CHECK_OK(paging_mark(table, PAGE, 2 * PAGE, QUIRE_PAGE_EMPTY, 0));
    map_pages(table, PAGE, paging_frame(fixture).number, 1, 0);
    CHECK_OK(paging_mark(table, 0, 512 * PAGE, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(paging_free_frames(fixture), free_frames + 512);
}

TEST(paging, joined_frames_are_given_back_one_by_one)
{
    paging_each_format_with_block(owned);
}

/* The same, unmapped as one page: every frame is given back. */
static void owned_whole(fixture_t *fixture)
{
    size_t free_frames = paging_free_frames(fixture);

    CHECK_OK(quire_pmm_split(fixture->pmm, fixture->block, 9));
    map_pages(&fixture->table, 0, fixture->block.number, 512, 0);
    CHECK_OK(promote(&fixture->table, 0, 2));
    CHECK_EQUAL(paging_query(&fixture->table, 0).level, 2);
    CHECK_OK(paging_mark(&fixture->table, 0, 512 * PAGE, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(paging_free_frames(fixture), free_frames + 512);
}

TEST(paging, a_joined_page_gives_back_all_its_frames)
{
    paging_each_format_with_block(owned_whole);
}

/* A block that others hold has one count for all: it cannot be cut, and the tree stays as it was. */
static void uncuttable(fixture_t *fixture)
{
    quire_frame_t block = fixture->block;
    uint64_t before;

    CHECK_OK(paging_map_large(&fixture->table, 0, 2, block.number, USER_WRITE, 0));
    CHECK_OK(quire_pmm_retain(fixture->pmm, block));
    before = paging_fingerprint(&fixture->table);
    CHECK_EQUAL(paging_protect(&fixture->table, PAGE, 2 * PAGE, USER_READ), QUIRE_UNSUPPORTED);
    CHECK_EQUAL(paging_fingerprint(&fixture->table), before);
    CHECK_EQUAL(quire_pmm_frame_info(fixture->pmm, block).order, 9);
    CHECK_OK(quire_pmm_release(fixture->pmm, block, NULL));
}

TEST(paging, a_shared_block_is_not_cut)
{
    paging_each_format_with_block(uncuttable);
}

/* A block of the PMM that is mapped as one large page is cut like any other, and its frames come back one by one. */
static void cuttable(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    size_t first = fixture->block.number;
    size_t free_frames = paging_free_frames(fixture);
    uint64_t before;

    CHECK_OK(paging_map_large(table, 0, 2, first, USER_WRITE, 0));
    before = paging_fingerprint(table);
    /* Without memory for the table nothing changes, the block included. */
    test_pmm_leave(fixture->pmm, 0);
    CHECK_EQUAL(paging_protect(table, PAGE, 2 * PAGE, USER_READ), QUIRE_NO_MEMORY);
    test_pmm_restore(fixture->pmm);
    CHECK_EQUAL(paging_fingerprint(table), before);
    CHECK_EQUAL(quire_pmm_frame_info(fixture->pmm, fixture->block).order, 9);

    CHECK_OK(paging_mark(table, 7 * PAGE, 9 * PAGE, QUIRE_PAGE_GUARD, 0));
    CHECK_EQUAL(quire_pmm_references(fixture->pmm, quire_frame(first + 7)), 0);
    CHECK_EQUAL(quire_pmm_references(fixture->pmm, quire_frame(first + 9)), 1);
    CHECK_EQUAL(paging_query(table, 9 * PAGE).page.payload, first + 9);
    CHECK_EQUAL(table->mapped_pages, 510);
    CHECK_OK(quire_table_check(table));
    CHECK_OK(paging_mark(table, 0, 512 * PAGE, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(paging_free_frames(fixture), free_frames + 512);
}

TEST(paging, a_block_is_cut_into_frames)
{
    paging_each_format_with_block(cuttable);
}

/* Opening splits; closing makes whole what was split for nothing. */
static void nothing_done(fixture_t *fixture)
{
    static const quire_cursor_mode_t modes[] = {QUIRE_CURSOR_EDGES, QUIRE_CURSOR_POPULATE};
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    uint64_t before;

    CHECK_OK(paging_mark(&fixture->table, 0, 4 * span, QUIRE_PAGE_RESERVED, USER_WRITE));
    before = paging_fingerprint(&fixture->table);
    for (unsigned i = 0; i < 40; i++) {
        quire_va_t start = (quire_va_t)test_random_below(6 * span / PAGE) * PAGE;
        quire_va_t end = start + (1 + (quire_va_t)test_random_below(span / PAGE)) * PAGE;
        quire_cursor_t cursor;

        CHECK_OK(quire_cursor_open(&cursor, &fixture->table, start, end, modes[i % 2]));
        quire_cursor_close(&cursor);
        CHECK_EQUAL(paging_fingerprint(&fixture->table), before);
    }
}

TEST(paging, a_cursor_that_did_nothing_changed_nothing)
{
    paging_each_format(nothing_done);
}

/* A table of one promise gives way to one entry; that takes no memory. */
static void promises(fixture_t *fixture)
{
    static const quire_page_kind_t kinds[] = {QUIRE_PAGE_RESERVED, QUIRE_PAGE_GUARD, QUIRE_PAGE_OBJECT};
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    size_t with_table;

    for (unsigned i = 0; i < 3; i++) {
        quire_page_kind_t other = kinds[(i + 1) % 3];

        CHECK_OK(paging_mark(table, span, 2 * span, kinds[i], USER_WRITE));
        CHECK_EQUAL(promote(table, span, 2), QUIRE_EXISTS);
        CHECK_OK(paging_mark(table, span + PAGE, span + 2 * PAGE, other, USER_WRITE));
        CHECK_EQUAL(promote(table, span, 2), QUIRE_NOT_FOUND);
        CHECK_OK(paging_mark(table, span + PAGE, span + 2 * PAGE, kinds[i], USER_READ));
        CHECK_EQUAL(promote(table, span, 2), QUIRE_NOT_FOUND);
        CHECK_OK(paging_protect(table, span, 2 * span, USER_READ));
        CHECK_EQUAL(paging_query(table, span).level, 1);
        with_table = table->table_frames;
        test_pmm_leave(fixture->pmm, 0);
        CHECK_OK(promote(table, span, 2));
        test_pmm_restore(fixture->pmm);
        test_pmm_leave(fixture->pmm, 0);
        CHECK_EQUAL(paging_mark(table, span + PAGE, span + 2 * PAGE, other, USER_WRITE), QUIRE_NO_MEMORY);
        test_pmm_restore(fixture->pmm);
        CHECK_EQUAL(paging_query(table, span + PAGE).level, 2);
        CHECK_EQUAL(paging_query(table, span + PAGE).page.kind, kinds[i]);
        CHECK_EQUAL(paging_query(table, span + PAGE).page.prot, USER_READ);
        CHECK(table->table_frames < with_table);
        CHECK_OK(quire_table_check(table));
        CHECK_OK(paging_mark(table, span, 2 * span, QUIRE_PAGE_EMPTY, 0));
    }
}

TEST(paging, promises_are_joined_without_memory)
{
    paging_each_format(promises);
}

/* Payloads of objects are part of what a promise says. */
static void payloads(fixture_t *fixture)
{
    quire_page_t object = {.kind = QUIRE_PAGE_OBJECT, .prot = USER_READ, .payload = 5};
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    quire_cursor_t cursor;

    for (unsigned i = 0; i < 2; i++) {
        CHECK_OK(quire_cursor_open(&cursor, &fixture->table, 0, span, QUIRE_CURSOR_POPULATE));
        (void)quire_cursor_mark(&cursor, 0, span, &object);
        object.payload = 6 - i;
        (void)quire_cursor_mark(&cursor, span - PAGE, span, &object);
        object.payload = 5;
        quire_cursor_close(&cursor);
        CHECK_EQUAL(promote(&fixture->table, 0, 2), i == 0 ? QUIRE_NOT_FOUND : QUIRE_OK);
    }
    CHECK_EQUAL(paging_query(&fixture->table, 0).page.payload, 5);
    CHECK_OK(paging_mark(&fixture->table, 0, span, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, promises_of_different_objects_are_not_joined)
{
    paging_each_format(payloads);
}

/* Pages that nobody may touch at present: joined, shown again as one large page, and cut. */
static void hidden(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    size_t pages = (size_t)(span / PAGE);

    map_pages(table, span, FOREIGN_BASE, pages, FOREIGN);
    CHECK_OK(paging_protect(table, span, 2 * span, QUIRE_PROT_USER));
    CHECK_EQUAL(table->mapped_pages, 0);
    CHECK_OK(promote(table, span, 2));
    CHECK_EQUAL(paging_query(table, span).page.kind, QUIRE_PAGE_HIDDEN);
    CHECK_EQUAL(paging_query(table, span).level, 2);
    CHECK_OK(paging_protect(table, span, 2 * span, USER_READ));
    CHECK_EQUAL(table->mapped_pages, pages);
    CHECK_EQUAL(paging_query(table, span).page.payload, FOREIGN_BASE);
    CHECK(paging_query(table, span).page.flags & QUIRE_PAGE_DIRTY);
    CHECK_OK(paging_mark(table, span + PAGE, span + 2 * PAGE, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(table->mapped_pages, pages - 1);
    CHECK_OK(quire_table_check(table));
    CHECK_OK(paging_mark(table, span, 2 * span, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, hidden_pages_are_joined)
{
    paging_each_format(hidden);
}
