/* SPDX-License-Identifier: MIT */
/* keys.c - a page's protection key: given, kept through all that becomes of the page, and refused where there is none.
 */
#include "fixture.h"

#define HIDE ((unsigned)QUIRE_PROT_USER)

static bool has_keys(const fixture_t *fixture)
{
    return quire_format_keys(fixture->format) > 1;
}

static void check_key(fixture_t *fixture, quire_va_t va, quire_page_kind_t kind, unsigned key)
{
    quire_page_t page = paging_query(&fixture->table, va).page;

    CHECK_EQUAL(page.kind, kind);
    CHECK_EQUAL(page.key, key);
    CHECK_OK(quire_table_check(&fixture->table));
}

/* One coarse promise with a key; one page of it lives through everything. */
static void kept(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    quire_va_t at = 2 * span + PAGE;
    quire_page_t page;
    quire_cursor_t cursor;

    if (!has_keys(fixture))
        return;
    CHECK_OK(paging_mark(table, 2 * span, 4 * span, QUIRE_PAGE_RESERVED, USER_WRITE));
    paging_protect_key(table, 2 * span, 4 * span, USER_WRITE, 9);
    CHECK_EQUAL(paging_query(table, at).level, 2);
    check_key(fixture, at, QUIRE_PAGE_RESERVED, 9);
    CHECK_OK(paging_protect(table, at, at + PAGE, USER_READ));
    CHECK_EQUAL(paging_query(table, at).level, 1);
    check_key(fixture, at, QUIRE_PAGE_RESERVED, 9);
    check_key(fixture, at + PAGE, QUIRE_PAGE_RESERVED, 9);
    CHECK_OK(quire_cursor_open(&cursor, table, at, at + PAGE, QUIRE_CURSOR_POPULATE));
    page = quire_cursor_query(&cursor, at).page;
    page.kind = QUIRE_PAGE_MAPPED;
    page.payload = paging_frame(fixture).number;
    quire_cursor_put(&cursor, at, &page);
    quire_cursor_close(&cursor);
    check_key(fixture, at, QUIRE_PAGE_MAPPED, 9);
    CHECK_OK(paging_protect(table, at, at + PAGE, HIDE));
    check_key(fixture, at, QUIRE_PAGE_HIDDEN, 9);
    CHECK_OK(paging_protect(table, at, at + PAGE, USER_WRITE));
    check_key(fixture, at, QUIRE_PAGE_MAPPED, 9);
    paging_protect_key(table, at, at + PAGE, HIDE, 15);
    check_key(fixture, at, QUIRE_PAGE_HIDDEN, 15);
    CHECK_OK(paging_protect(table, at, at + PAGE, USER_READ));
    check_key(fixture, at, QUIRE_PAGE_MAPPED, 15);
    paging_protect_key(table, at, at + PAGE, USER_READ, 0);
    check_key(fixture, at, QUIRE_PAGE_MAPPED, 0);
}

TEST(paging, a_key_is_kept)
{
    paging_each_format(kept);
}

/* A change of the key alone is a change of a translation: the processor holds keys in its TLB (SDM 4.10.2.2). */
static void flushed(fixture_t *fixture)
{
    quire_cursor_t cursor;

    if (!has_keys(fixture))
        return;
    CHECK_OK(paging_map(&fixture->table, 0x5000, paging_frame(fixture), USER_WRITE, 0));
    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, 0x5000, 0x6000, QUIRE_CURSOR_EDGES));
    CHECK_OK(quire_cursor_protect_key(&cursor, 0x5000, 0x6000, USER_WRITE, 3));
    CHECK_EQUAL(cursor.flush_start, 0x5000);
    CHECK_EQUAL(cursor.flush_end, 0x6000);
    quire_cursor_close(&cursor);
}

TEST(paging, a_changed_key_is_flushed)
{
    paging_each_format(flushed);
}

/* A large page is cut with its key, and its parts are joined only if they have one key. */
static void cut_and_joined(fixture_t *fixture)
{
    quire_table_t *table = &fixture->table;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    quire_cursor_t cursor;

    if (!has_keys(fixture))
        return;
    CHECK_OK(paging_map_large(table, span, 2, FOREIGN_BASE, USER_WRITE, FOREIGN));
    paging_protect_key(table, span, 2 * span, USER_WRITE, 6);
    CHECK_EQUAL(paging_query(table, span).level, 2);
    check_key(fixture, span, QUIRE_PAGE_MAPPED, 6);
    paging_protect_key(table, span + PAGE, span + 2 * PAGE, USER_WRITE, 7);
    check_key(fixture, span, QUIRE_PAGE_MAPPED, 6);
    check_key(fixture, span + PAGE, QUIRE_PAGE_MAPPED, 7);
    check_key(fixture, 2 * span - PAGE, QUIRE_PAGE_MAPPED, 6);
    CHECK_OK(quire_cursor_open(&cursor, table, span, 2 * span, QUIRE_CURSOR_EDGES));
    CHECK_EQUAL(quire_cursor_promote(&cursor, span, 2), QUIRE_NOT_FOUND);
    CHECK_OK(quire_cursor_protect_key(&cursor, span, 2 * span, USER_WRITE, 6));
    CHECK_OK(quire_cursor_promote(&cursor, span, 2));
    quire_cursor_close(&cursor);
    CHECK_EQUAL(paging_query(table, span).level, 2);
    check_key(fixture, span + PAGE, QUIRE_PAGE_MAPPED, 6);
}

TEST(paging, large_pages_have_a_key)
{
    paging_each_format(cut_and_joined);
}

/* What a supervisor's page would be given is PKS's: a page that loses USER has no key. */
static void only_for_users(fixture_t *fixture)
{
    if (!has_keys(fixture))
        return;
    CHECK_OK(paging_map(&fixture->table, 0x5000, paging_frame(fixture), USER_WRITE, 0));
    paging_protect_key(&fixture->table, 0x5000, 0x6000, USER_WRITE, 3);
    CHECK_OK(paging_protect(&fixture->table, 0x5000, 0x6000, READ_WRITE));
    check_key(fixture, 0x5000, QUIRE_PAGE_MAPPED, 0);
    CHECK_OK(paging_protect(&fixture->table, 0x5000, 0x6000, USER_WRITE));
    check_key(fixture, 0x5000, QUIRE_PAGE_MAPPED, 0);
}

TEST(paging, a_page_that_loses_its_user_loses_its_key)
{
    paging_each_format(only_for_users);
}

static void refused(fixture_t *fixture)
{
    quire_status_t expected = has_keys(fixture) ? QUIRE_OK : QUIRE_UNSUPPORTED;
    quire_cursor_t cursor;
    uint64_t before;

    CHECK_OK(paging_map(&fixture->table, 0x5000, paging_frame(fixture), USER_WRITE, 0));
    before = paging_fingerprint(&fixture->table);
    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, 0x5000, 0x6000, QUIRE_CURSOR_EDGES));
    CHECK_EQUAL(quire_cursor_protect_key(&cursor, 0x5000, 0x6000, USER_READ, QUIRE_KEYS), QUIRE_INVALID);
    CHECK_EQUAL(quire_cursor_protect_key(&cursor, 0x5000, 0x6000, READ, 1), QUIRE_UNSUPPORTED);
    if (!has_keys(fixture))
        CHECK_EQUAL(quire_cursor_protect_key(&cursor, 0x5000, 0x6000, USER_READ, 1), QUIRE_UNSUPPORTED);
    CHECK_EQUAL(paging_fingerprint(&fixture->table), before);
    CHECK_OK(quire_cursor_protect_key(&cursor, 0x5000, 0x6000, READ, 0));
    CHECK_OK(quire_cursor_protect_key(&cursor, 0x5000, 0x6000, USER_READ, 0));
    CHECK_EQUAL(quire_cursor_protect_key(&cursor, 0x5000, 0x6000, USER_WRITE, 15), expected);
    quire_cursor_close(&cursor);
    check_key(fixture, 0x5000, QUIRE_PAGE_MAPPED, has_keys(fixture) ? 15 : 0);
}

TEST(paging, keys_are_refused_where_there_are_none)
{
    paging_each_format(refused);
}

static bool ends_with(const char *words, size_t length, const char *end)
{
    size_t bytes = 0;

    while (end[bytes] != '\0')
        bytes++;
    for (size_t i = 0; i < bytes; i++) {
        if (length < bytes || words[length - bytes + i] != end[i])
            return false;
    }
    return true;
}

TEST(paging, a_key_is_described)
{
    quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .prot = USER_READ, .key = 12, .payload = 0x1234};
    char words[100];

    CHECK(ends_with(words, quire_page_describe(&page, words, sizeof(words)), ", read-only, key 12"));
    page.key = 0;
    CHECK(ends_with(words, quire_page_describe(&page, words, sizeof(words)), ", read-only"));
}
