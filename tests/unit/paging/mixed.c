/* SPDX-License-Identifier: MIT */
/* mixed.c - a range of pages that differ in everything, protected at once and one by one: the same must come of both.
 */
#include "fixture.h"

#define PAGES 48
#define ONCE  ((quire_va_t)0x10000)
#define APART (ONCE + PAGES * PAGE)

static quire_page_t random_page(fixture_t *fixture, quire_page_kind_t kind)
{
    static const uint16_t flags[] = {0, QUIRE_PAGE_COPY_ON_WRITE, QUIRE_PAGE_FOREIGN, QUIRE_PAGE_FOREIGN};
    quire_page_t page = {.kind = kind};

    if (kind == QUIRE_PAGE_EMPTY)
        return page;
    page.prot = (uint8_t)(USER_READ | (test_random_below(2) ? QUIRE_PROT_WRITE : 0));
    if (kind != QUIRE_PAGE_MAPPED)
        return page;
    page.flags = flags[test_random_below(4)];
    page.payload =
        page.flags & QUIRE_PAGE_FOREIGN ? FOREIGN_BASE + test_random_below(100) : paging_frame(fixture).number;
    page.flags |= test_random_below(4) == 0 ? QUIRE_PAGE_DIRTY : 0;
    return page;
}

static void put_mixed(fixture_t *fixture)
{
    static const quire_page_kind_t kinds[] = {QUIRE_PAGE_MAPPED,   QUIRE_PAGE_MAPPED, QUIRE_PAGE_MAPPED,
                                              QUIRE_PAGE_RESERVED, QUIRE_PAGE_GUARD,  QUIRE_PAGE_EMPTY};
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, ONCE, APART + PAGES * PAGE, QUIRE_CURSOR_POPULATE));
    for (quire_va_t va = ONCE; va < APART; va += PAGE) {
        quire_page_t page = random_page(fixture, kinds[test_random_below(6)]);

        quire_cursor_put(&cursor, va, &page);
        if (page.kind == QUIRE_PAGE_MAPPED && !(page.flags & QUIRE_PAGE_FOREIGN))
            CHECK_OK(quire_pmm_retain(fixture->pmm, quire_frame((size_t)page.payload)));
        quire_cursor_put(&cursor, va + PAGES * PAGE, &page);
    }
    quire_cursor_close(&cursor);
}

static void compare_mixed(fixture_t *fixture)
{
    for (quire_va_t va = ONCE; va < APART; va += PAGE) {
        quire_page_t once = paging_query(&fixture->table, va).page;
        quire_page_t apart = paging_query(&fixture->table, va + PAGES * PAGE).page;

        CHECK_EQUAL(once.kind, apart.kind);
        CHECK_EQUAL(once.prot, apart.prot);
        CHECK_EQUAL(once.flags, apart.flags);
        CHECK_EQUAL(once.payload, apart.payload);
    }
}

static void mixed(fixture_t *fixture)
{
    static const unsigned prots[] = {USER_READ, QUIRE_PROT_USER, USER_WRITE, USER_READ, USER_WRITE};

    for (unsigned round = 0; round < 4; round++) {
        put_mixed(fixture);
        for (unsigned i = 0; i < 5; i++) {
            CHECK_OK(paging_protect(&fixture->table, ONCE, APART, prots[i]));
            for (quire_va_t va = APART; va < APART + PAGES * PAGE; va += PAGE)
                CHECK_OK(paging_protect(&fixture->table, va, va + PAGE, prots[i]));
            compare_mixed(fixture);
            CHECK_OK(quire_table_check(&fixture->table));
        }
        CHECK_OK(paging_mark(&fixture->table, ONCE, APART + PAGES * PAGE, QUIRE_PAGE_EMPTY, 0));
        CHECK_EQUAL(fixture->table.mapped_pages, 0);
    }
}

TEST(paging, a_mixed_range_is_protected_as_its_pages_are)
{
    paging_each_format(mixed);
}
