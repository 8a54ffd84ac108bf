/* SPDX-License-Identifier: MIT */
/* misuse_more.c - calls that the way the cursor was opened does not allow, each on a tree that is then left alone. */
#include "fixture.h"

typedef struct misuse {
    quire_table_t *table;
    quire_cursor_mode_t mode;
    void (*act)(quire_cursor_t *cursor);
} misuse_t;

/* One entry of level 2, whole: EDGES brings no table below it. */
static quire_va_t start;
static quire_va_t end;

static void run(void *context)
{
    const misuse_t *misuse = context;
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, misuse->table, start, end, misuse->mode));
    misuse->act(&cursor);
    quire_cursor_close(&cursor);
}

static void map_without_tables(quire_cursor_t *cursor)
{
    CHECK_OK(quire_cursor_map(cursor, start, 1, quire_frame(FOREIGN_BASE), READ, FOREIGN));
}

static void put_without_tables(quire_cursor_t *cursor)
{
    const quire_page_t page = {.kind = QUIRE_PAGE_RESERVED, .prot = QUIRE_PROT_READ};

    quire_cursor_put(cursor, start, &page);
}

static void map_large_beyond(quire_cursor_t *cursor)
{
    CHECK_OK(quire_cursor_map(cursor, start + PAGE, 2, quire_frame(FOREIGN_BASE), READ, FOREIGN));
}

static void promote_beyond(quire_cursor_t *cursor)
{
    CHECK_OK(quire_cursor_promote(cursor, start + PAGE, 2));
}

static void count_outside(quire_cursor_t *cursor)
{
    (void)quire_cursor_taken(cursor, start, end + PAGE);
}

/* The cursor covers one entry of level 2; opening has made no table below it. */
static void mark_part_of_a_promise(quire_cursor_t *cursor)
{
    const quire_page_t promise = {.kind = QUIRE_PAGE_RESERVED, .prot = QUIRE_PROT_READ};

    (void)quire_cursor_mark(cursor, start, end, &promise);
    (void)quire_cursor_mark(cursor, start, start + PAGE, &(quire_page_t){.kind = QUIRE_PAGE_EMPTY});
}

static void protect_part_of_a_promise(quire_cursor_t *cursor)
{
    const quire_page_t promise = {.kind = QUIRE_PAGE_RESERVED, .prot = QUIRE_PROT_READ};

    (void)quire_cursor_mark(cursor, start, end, &promise);
    quire_cursor_protect(cursor, start, start + PAGE, READ_WRITE);
}

static void let_users_in(quire_cursor_t *cursor)
{
    quire_cursor_protect(cursor, start, end, USER_READ);
}

/* A key is a user's page's. */
static void mark_with_a_key(quire_cursor_t *cursor)
{
    const quire_page_t promise = {.kind = QUIRE_PAGE_RESERVED, .prot = QUIRE_PROT_READ, .key = 1};

    (void)quire_cursor_mark(cursor, start, end, &promise);
}

static void map_large_after_populate(quire_cursor_t *cursor)
{
    CHECK_OK(quire_cursor_map(cursor, start, 2, quire_frame(FOREIGN_BASE), READ, FOREIGN));
}

static void put_a_page_without_rights(quire_cursor_t *cursor)
{
    const quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .flags = FOREIGN, .payload = FOREIGN_BASE};

    quire_cursor_put(cursor, start, &page);
}

static void supply_without_tables(quire_cursor_t *cursor)
{
    quire_frame_t chain = {0};

    (void)quire_cursor_map_chain(cursor, start, end, 0, &chain);
}

static const misuse_t misuses[] = {
    {NULL, QUIRE_CURSOR_EDGES, mark_part_of_a_promise},
    {NULL, QUIRE_CURSOR_EDGES, protect_part_of_a_promise},
    {NULL, QUIRE_CURSOR_EDGES, let_users_in},
    {NULL, QUIRE_CURSOR_EDGES, mark_with_a_key},
    {NULL, QUIRE_CURSOR_POPULATE, map_large_after_populate},
    {NULL, QUIRE_CURSOR_POPULATE, put_a_page_without_rights},
    {NULL, QUIRE_CURSOR_EDGES, supply_without_tables},
    {NULL, QUIRE_CURSOR_EDGES, map_without_tables},
    {NULL, QUIRE_CURSOR_EDGES, put_without_tables},
    {NULL, QUIRE_CURSOR_EDGES, map_large_beyond},
    {NULL, QUIRE_CURSOR_EDGES, promote_beyond},
    {NULL, QUIRE_CURSOR_READ, count_outside},
};

TEST(paging, what_the_mode_forbids_is_told)
{
    static quire_table_t kernel;
    quire_pmm_t *pmm = test_pmm(200);
    const quire_format_t *format = test_formats()[0];

    start = paging_shared_start(format);
    end = start + (quire_va_t)quire_format_span(format, 2);
    for (unsigned i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
        misuse_t misuse = misuses[i];

        CHECK_OK(quire_table_create_kernel(&kernel, format, pmm, QUIRE_ZONE_ANY, start));
        misuse.table = &kernel;
        if (!test_panics(run, &misuse))
            CHECK_EQUAL(i, SIZE_MAX); /* which one */
    }
}
