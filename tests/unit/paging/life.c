/* SPDX-License-Identifier: MIT */
/* life.c - trees made and destroyed, looked at, and hostile arguments. */
#include "fixture.h"

static void nothing_is_lost(fixture_t *fixture)
{
    size_t before = paging_free_frames(fixture);
    quire_table_t table;

    CHECK_OK(quire_table_create(&table, &fixture->kernel, 9));
    for (unsigned i = 0; i < 60; i++) {
        quire_va_t va = quire_page_down((quire_va_t)test_random_below((uint64_t)fixture->top - PAGE));
        quire_status_t status = paging_map(&table, va, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN);

        CHECK(status == QUIRE_OK || status == QUIRE_EXISTS);
        CHECK_OK(paging_map(&table, (i + 1) * PAGE, paging_frame(fixture), USER_WRITE, i % 2 ? 0 : 1));
        CHECK_OK(paging_protect(&table, (i + 1) * PAGE, (i + 2) * PAGE, i % 3 ? READ : 0));
    }
    CHECK_OK(quire_table_check(&table));
    CHECK(table.mapped_pages > 60 && table.table_frames > 60 / 4);
    quire_table_destroy(&table);
    CHECK_EQUAL(paging_free_frames(fixture), before);
}

TEST(paging, destroying_gives_everything_back)
{
    paging_each_format(nothing_is_lost);
}

static void hostile_ranges(fixture_t *fixture)
{
    static const quire_cursor_mode_t modes[] = {QUIRE_CURSOR_READ, QUIRE_CURSOR_EDGES, QUIRE_CURSOR_POPULATE};
    quire_table_t *table = &fixture->table;
    quire_cursor_t cursor;

    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQUAL(quire_cursor_open(&cursor, table, 0, 0, modes[i]), QUIRE_INVALID);
        CHECK_EQUAL(quire_cursor_open(&cursor, table, PAGE, PAGE, modes[i]), QUIRE_INVALID);
        CHECK_EQUAL(quire_cursor_open(&cursor, table, 2 * PAGE, PAGE, modes[i]), QUIRE_INVALID);
        CHECK_EQUAL(quire_cursor_open(&cursor, table, 1, PAGE, modes[i]), QUIRE_INVALID);
        CHECK_EQUAL(quire_cursor_open(&cursor, table, PAGE, 2 * PAGE + 1, modes[i]), QUIRE_INVALID);
        CHECK_EQUAL(quire_cursor_open(&cursor, table, 0 - PAGE, 0, modes[i]), QUIRE_INVALID);
        CHECK_EQUAL(
            quire_cursor_open(&cursor, table, fixture->shared_start - PAGE, fixture->shared_start + PAGE, modes[i]),
            QUIRE_INVALID);
        if (quire_format_levels(fixture->format) >= 4) {
            CHECK_EQUAL(quire_cursor_open(&cursor, table, fixture->top, fixture->top + PAGE, modes[i]), QUIRE_INVALID);
            CHECK_EQUAL(quire_cursor_open(&cursor, table, fixture->top - PAGE, fixture->top + PAGE, modes[i]),
                        QUIRE_INVALID);
        }
    }
    for (unsigned i = 0; i < 2000; i++) {
        quire_va_t start = (quire_va_t)test_random() & ~(test_random_below(2) ? PAGE - 1 : 0);
        quire_va_t end = (quire_va_t)test_random() & ~(test_random_below(2) ? PAGE - 1 : 0);

        if (quire_cursor_open(&cursor, table, start, end, modes[i % 2]) == QUIRE_OK)
            quire_cursor_close(&cursor);
    }
}

TEST(paging, hostile_ranges_are_refused)
{
    paging_each_format(hostile_ranges);
}

static void hostile_trees(fixture_t *fixture)
{
    quire_table_t table = {.space = 99};
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    quire_table_t unsealed;

    CHECK_EQUAL(
        quire_table_create_kernel(&table, fixture->format, fixture->pmm, QUIRE_ZONE_ANY, fixture->shared_start + PAGE),
        QUIRE_INVALID);
    CHECK_EQUAL(quire_table_create_kernel(&table, fixture->format, fixture->pmm, QUIRE_ZONES, fixture->shared_start),
                QUIRE_INVALID);
    CHECK_EQUAL(quire_table_create(&table, &fixture->table, 8), QUIRE_INVALID);
    CHECK_EQUAL(quire_table_create(&table, &fixture->kernel, 0), QUIRE_INVALID);
    CHECK_OK(
        quire_table_create_kernel(&unsealed, fixture->format, fixture->pmm, QUIRE_ZONE_ANY, fixture->shared_start));
    CHECK_EQUAL(quire_table_create(&table, &unsealed, 8), QUIRE_INVALID);
    CHECK_EQUAL(table.space, 99);
    /* Before sealing the kernel may change anything, in both halves. */
    CHECK_OK(paging_map(&unsealed, fixture->shared_start, paging_frame(fixture), READ, QUIRE_PAGE_GLOBAL));
    CHECK_OK(paging_map(&unsealed, PAGE, paging_frame(fixture), READ, QUIRE_PAGE_GLOBAL));
    CHECK_OK(paging_map_large(&unsealed, fixture->shared_start + 4 * span, 2, FOREIGN_BASE, READ, FOREIGN));
    CHECK_OK(quire_table_check(&unsealed));
    quire_table_destroy(&unsealed);
}

TEST(paging, trees_are_made_from_sealed_kernels_only)
{
    paging_each_format(hostile_trees);
}

/* The topmost entry reaches the end of the address space, which cannot be represented. */
static void the_very_top(fixture_t *fixture)
{
    quire_va_t va = fixture->shared_start == 0xc0000000u ? (quire_va_t)0xffffe000u : ~(quire_va_t)0x1fff;
    quire_extent_t extent = paging_query(&fixture->kernel, va);

    CHECK_EQUAL(extent.page.kind, QUIRE_PAGE_EMPTY);
    CHECK_EQUAL(extent.end, va + PAGE);
    CHECK(extent.start < va);
}

TEST(paging, the_last_extent_ends_before_the_topmost_page)
{
    paging_each_format(the_very_top);
}

static void walk_shows_the_way(fixture_t *fixture)
{
    unsigned levels = quire_format_levels(fixture->format);
    quire_frame_t frame = paging_frame(fixture);
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];

    CHECK_EQUAL(quire_table_walk(&fixture->table, 0x5000, steps), levels == 3 ? 2 : 1);
    CHECK_OK(paging_map(&fixture->table, 0x5000, frame, USER_WRITE, 0));
    CHECK_EQUAL(quire_table_walk(&fixture->table, 0x5123, steps), levels);
    for (unsigned i = 0; i < levels; i++) {
        CHECK_EQUAL(steps[i].level, levels - i);
        CHECK_EQUAL(steps[i].index, i + 1 == levels ? 5 : 0);
        CHECK_EQUAL(steps[i].page.kind, i + 1 == levels ? QUIRE_PAGE_MAPPED : QUIRE_PAGE_TABLE);
        if (i > 0)
            CHECK_EQUAL(steps[i].table.number, steps[i - 1].page.payload);
    }
    CHECK_EQUAL(steps[0].table.number, quire_frame_of_pa(quire_table_root(&fixture->table)).number);
    CHECK_EQUAL(steps[levels - 1].page.payload, frame.number);
    CHECK_EQUAL(quire_table_walk(&fixture->table, fixture->pinned, steps) >= 1, true);
    CHECK_EQUAL(steps[0].table.number, fixture->table.root.number);
    if (levels > 3)
        CHECK_EQUAL(quire_table_walk(&fixture->table, fixture->top, steps), 0);
}

TEST(paging, a_walk_shows_every_entry_on_the_way)
{
    paging_each_format(walk_shows_the_way);
}

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

TEST(paging, pages_are_described_in_words)
{
    quire_page_t page = {.kind = QUIRE_PAGE_MAPPED,
                         .prot = QUIRE_PROT_READ | QUIRE_PROT_USER,
                         .flags = QUIRE_PAGE_ACCESSED,
                         .payload = 0x1234};
    char words[64];
    char few[8];

    CHECK_EQUAL(quire_page_describe(&page, words, sizeof(words)), 39);
    CHECK(same(words, "frame 0x1234, user, read-only, accessed"));
    CHECK_EQUAL(quire_page_describe(&page, few, sizeof(few)), 7);
    CHECK(same(few, "frame 0"));
    CHECK_EQUAL(quire_page_describe(&page, NULL, 0), 0);
    page = (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
    CHECK(quire_page_describe(&page, words, sizeof(words)) == 5 && same(words, "empty"));
}

/* The check notices what a stray write does to a table. */
static void check_sees(fixture_t *fixture)
{
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    unsigned levels = quire_format_levels(fixture->format);
    bool narrow = levels == 2;

    CHECK_OK(paging_map(&fixture->table, 0x5000, paging_frame(fixture), USER_WRITE, 0));
    CHECK_EQUAL(quire_table_walk(&fixture->table, 0x5000, steps), levels);
    for (unsigned bit = 0; bit < (narrow ? 32u : 64u); bit++) {
        quire_walk_step_t *step = &steps[levels - 1];
        void *window = quire_port_window_open(step->table);
        uint64_t flipped = step->raw ^ (uint64_t)1 << bit;
        bool key = bit >= 59 && bit <= 62 && quire_format_keys(fixture->format) > 1;
        bool harmless = (bit >= 1 && bit <= 11) || bit == 63 || key;

        if (narrow)
            ((uint32_t *)window)[step->index] = (uint32_t)flipped;
        else
            ((uint64_t *)window)[step->index] = flipped;
        if (!harmless && !(bit >= 12 && bit < 22))
            CHECK_EQUAL(quire_table_check(&fixture->table), QUIRE_CORRUPT);
        if (narrow)
            ((uint32_t *)window)[step->index] = (uint32_t)step->raw;
        else
            ((uint64_t *)window)[step->index] = step->raw;
        quire_port_window_close(window);
    }
}

TEST(paging, the_check_sees_a_stray_write)
{
    paging_each_format(check_sees);
}
