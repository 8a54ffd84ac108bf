/* SPDX-License-Identifier: MIT */
/* misuse.c - a caller's bugs end in a panic, not in a wrong table. Each uses a tree that is then left alone. */
#include "fixture.h"

typedef struct misuse {
    quire_table_t *table;
    quire_cursor_mode_t mode;
    void (*act)(quire_cursor_t *cursor);
} misuse_t;

static void run(void *context)
{
    const misuse_t *misuse = context;
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, misuse->table, 2 * PAGE, 6 * PAGE, misuse->mode));
    misuse->act(&cursor);
    quire_cursor_close(&cursor);
}

static void query_outside(quire_cursor_t *cursor)
{
    (void)quire_cursor_query(cursor, 6 * PAGE);
}

static void mark_outside(quire_cursor_t *cursor)
{
    (void)quire_cursor_mark(cursor, PAGE, 3 * PAGE, &(quire_page_t){.kind = QUIRE_PAGE_EMPTY});
}

static void mark_inside(quire_cursor_t *cursor)
{
    (void)quire_cursor_mark(cursor, 2 * PAGE, 3 * PAGE, &(quire_page_t){.kind = QUIRE_PAGE_EMPTY});
}

static void mark_swapped(quire_cursor_t *cursor)
{
    (void)quire_cursor_mark(cursor, 2 * PAGE, 3 * PAGE, &(quire_page_t){.kind = QUIRE_PAGE_SWAPPED});
}

static void put_table(quire_cursor_t *cursor)
{
    quire_cursor_put(cursor, 2 * PAGE, &(quire_page_t){.kind = QUIRE_PAGE_TABLE});
}

static void put_too_much(quire_cursor_t *cursor)
{
    uint64_t payload = quire_format_payload_max(cursor->table->format) + 1;

    quire_cursor_put(cursor, 2 * PAGE, &(quire_page_t){.kind = QUIRE_PAGE_SWAPPED, .payload = payload});
}

static void put_over_a_frame(quire_cursor_t *cursor)
{
    CHECK_OK(quire_cursor_map(cursor, 2 * PAGE, 1, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN));
    quire_cursor_put(cursor, 2 * PAGE, &(quire_page_t){.kind = QUIRE_PAGE_EMPTY});
}

static void take_unaligned(quire_cursor_t *cursor)
{
    (void)quire_cursor_take(cursor, 2 * PAGE + 1);
}

static const misuse_t misuses[] = {
    {NULL, QUIRE_CURSOR_READ, query_outside},        {NULL, QUIRE_CURSOR_EDGES, mark_outside},
    {NULL, QUIRE_CURSOR_READ, mark_inside},          {NULL, QUIRE_CURSOR_EDGES, mark_swapped},
    {NULL, QUIRE_CURSOR_POPULATE, put_table},        {NULL, QUIRE_CURSOR_POPULATE, put_too_much},
    {NULL, QUIRE_CURSOR_POPULATE, put_over_a_frame}, {NULL, QUIRE_CURSOR_POPULATE, take_unaligned},
};

TEST(paging, misuse_of_a_cursor_is_told)
{
    static quire_table_t kernel;
    quire_pmm_t *pmm = test_pmm(200);

    for (unsigned i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
        misuse_t misuse = misuses[i];
        const quire_format_t *const *formats = test_formats();
        const quire_format_t *format = formats[1] == NULL ? formats[0] : formats[1 + i % 2];

        CHECK_OK(quire_table_create_kernel(&kernel, format, pmm, QUIRE_ZONE_ANY, paging_shared_start(format)));
        misuse.table = &kernel;
        CHECK(test_panics(run, &misuse));
    }
}
