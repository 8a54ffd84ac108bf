/* SPDX-License-Identifier: MIT */
/* shared.c - the kernel's half: the same in every tree, and the kernel's alone to change. */
#include "fixture.h"

#define TREES 3

static uint64_t root_word(const quire_table_t *table, unsigned index)
{
    bool narrow = quire_format_payload_max(table->format) < 1u << 20;
    void *window = quire_port_window_open(table->root);
    uint64_t raw = narrow ? ((uint32_t *)window)[index] : ((uint64_t *)window)[index];

    quire_port_window_close(window);
    return raw & ~(uint64_t)0x60;
}

static void the_same_everywhere(fixture_t *fixture)
{
    unsigned levels = quire_format_levels(fixture->format);
    unsigned entries = levels == 3 ? 4 : levels == 2 ? 1024 : 512;
    unsigned first = levels == 3 ? 3 : levels == 2 ? 768 : 256;
    quire_table_t trees[TREES];

    for (unsigned i = 0; i < TREES; i++) {
        CHECK_OK(quire_table_create(&trees[i], &fixture->kernel, 10 + i));
        CHECK_OK(paging_map(&fixture->kernel, fixture->pinned + i * PAGE, paging_frame(fixture), READ_WRITE,
                            QUIRE_PAGE_GLOBAL));
    }
    for (unsigned i = 0; i < TREES; i++) {
        for (unsigned index = 0; index < entries; index++)
            CHECK_EQUAL(root_word(&trees[i], index), index >= first ? root_word(&fixture->kernel, index)
                                                     : levels == 3  ? root_word(&trees[i], index)
                                                                    : 0);
        for (unsigned page = 0; page < TREES; page++) {
            quire_extent_t here = paging_query(&trees[i], fixture->pinned + page * PAGE);
            quire_extent_t there = paging_query(&fixture->kernel, fixture->pinned + page * PAGE);

            CHECK_EQUAL(here.page.kind, QUIRE_PAGE_MAPPED);
            CHECK_EQUAL(here.page.payload, there.page.payload);
        }
        CHECK_OK(quire_table_check(&trees[i]));
        CHECK_EQUAL(trees[i].mapped_pages, 0);
        quire_table_destroy(&trees[i]);
    }
    CHECK_OK(quire_table_check(&fixture->kernel));
    CHECK_EQUAL(fixture->kernel.mapped_pages, TREES);
}

TEST(paging, the_shared_half_is_the_same_everywhere)
{
    paging_each_format(the_same_everywhere);
}

static void the_kernels_alone(fixture_t *fixture)
{
    quire_va_t unpinned = fixture->shared_start;
    quire_cursor_t cursor;
    bool all_pinned = quire_format_levels(fixture->format) == 3;

    CHECK_EQUAL(paging_map(&fixture->table, fixture->pinned, quire_frame(FOREIGN_BASE), READ, FOREIGN), QUIRE_DENIED);
    CHECK_EQUAL(paging_mark(&fixture->table, fixture->pinned, fixture->pinned + PAGE, QUIRE_PAGE_GUARD, 0),
                QUIRE_DENIED);
    CHECK_EQUAL(paging_map(&fixture->kernel, unpinned, quire_frame(FOREIGN_BASE), READ, FOREIGN),
                all_pinned ? QUIRE_OK : QUIRE_DENIED);
    CHECK_EQUAL(paging_map(&fixture->kernel, fixture->pinned + PAGE, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN),
                QUIRE_INVALID);
    CHECK_EQUAL(paging_map(&fixture->table, PAGE, quire_frame(FOREIGN_BASE), USER_READ, FOREIGN | QUIRE_PAGE_GLOBAL),
                QUIRE_INVALID);
    CHECK_EQUAL(quire_cursor_open(&cursor, &fixture->table, fixture->shared_start - PAGE, fixture->shared_start + PAGE,
                                  QUIRE_CURSOR_READ),
                QUIRE_INVALID);
    CHECK_EQUAL(quire_table_pin(&fixture->kernel, unpinned, unpinned + PAGE), QUIRE_DENIED);
    CHECK_EQUAL(quire_table_pin(&fixture->table, unpinned, unpinned + PAGE), QUIRE_INVALID);
}

TEST(paging, the_kernels_half_is_the_kernels)
{
    paging_each_format(the_kernels_alone);
}

/* A pinned root entry keeps its table when all below it has gone, and when all of it is marked at once. */
static void pinned_for_good(fixture_t *fixture)
{
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, quire_format_levels(fixture->format));
    quire_va_t end = fixture->pinned + (quire_format_levels(fixture->format) == 3 ? span / 2 : span);
    unsigned index = (unsigned)(fixture->pinned / span) & 511;
    uint64_t before;

    if (quire_format_levels(fixture->format) == 2)
        index = (unsigned)(fixture->pinned / span);
    before = root_word(&fixture->kernel, index);
    CHECK(before & 1);
    CHECK_OK(paging_map(&fixture->kernel, fixture->pinned, paging_frame(fixture), READ, 0));
    CHECK_OK(paging_mark(&fixture->kernel, fixture->pinned, fixture->pinned + PAGE, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(root_word(&fixture->kernel, index), before);
    CHECK_OK(paging_mark(&fixture->kernel, fixture->pinned, end, QUIRE_PAGE_RESERVED, READ));
    CHECK_EQUAL(root_word(&fixture->kernel, index), before);
    CHECK_EQUAL(paging_query(&fixture->table, end - PAGE).page.kind, QUIRE_PAGE_RESERVED);
    CHECK_OK(paging_mark(&fixture->kernel, fixture->pinned, end, QUIRE_PAGE_EMPTY, 0));
    CHECK_EQUAL(root_word(&fixture->kernel, index), before);
    if (quire_format_levels(fixture->format) == 2)
        CHECK_EQUAL(paging_map_large(&fixture->kernel, fixture->pinned, 2, FOREIGN_BASE, READ, FOREIGN),
                    QUIRE_UNSUPPORTED);
}

TEST(paging, a_pinned_entry_keeps_its_table)
{
    paging_each_format(pinned_for_good);
}
