/* SPDX-License-Identifier: MIT */
/* broken.c - the check of a tree finds each rule that is broken: one word is spoiled, and put back. */
#include "fixture.h"

#include "paging/tree/entry.h"

/* Writes one entry of a table behind the library's back; returns what stood there. */
static uint64_t spoil(fixture_t *fixture, quire_frame_t table, unsigned index, uint64_t value)
{
    void *window = quire_port_window_open(table);
    uint64_t before = word_read(fixture->format, window, index);

    word_store(fixture->format, window, index, value);
    quire_port_window_close(window);
    return before;
}

static void check_found(fixture_t *fixture, quire_table_t *table, const quire_walk_step_t *step, uint64_t value)
{
    uint64_t before = spoil(fixture, step->table, step->index, value);
    quire_status_t status = quire_table_check(table);

    spoil(fixture, step->table, step->index, before);
    CHECK_EQUAL(status, QUIRE_CORRUPT);
    CHECK_OK(quire_table_check(table));
}

static void broken_rules(fixture_t *fixture)
{
    const quire_va_t va = (quire_va_t)16 << 20;
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    quire_frame_t frame = paging_frame(fixture);

    CHECK_OK(paging_map(&fixture->table, va, frame, USER_WRITE, 0));
    unsigned count = quire_table_walk(&fixture->table, va, steps);
    CHECK_EQUAL(count, quire_format_levels(fixture->format));
    const quire_walk_step_t *level1 = &steps[count - 1];
    const quire_walk_step_t *above = &steps[count - 2];

    check_found(fixture, &fixture->table, above, above->raw | X86_WRITE_THROUGH);
    check_found(fixture, &fixture->table, above, (above->raw & 0xFFF) | quire_pa_of_frame(frame).value);
    check_found(fixture, &fixture->table, level1, 0);                          /* an empty table */
    check_found(fixture, &fixture->table, level1, level1->raw & ~(uint64_t)1); /* a promise that nobody made */
    if (fixture->format->no_execute)
        check_found(fixture, &fixture->table, above, above->raw | (uint64_t)1 << 62); /* ignored there */
    if (fixture->format->fixed_root)
        check_found(fixture, &fixture->table, &steps[0], steps[0].raw | X86_WRITE); /* reserved there */

    quire_walk_step_t shared = {.table = fixture->table.root};
    shared.index = format_index(fixture->format, fixture->format->levels, fixture->pinned);
    check_found(fixture, &fixture->table, &shared, steps[0].raw);
    CHECK_OK(paging_mark(&fixture->table, va, va + PAGE, QUIRE_PAGE_EMPTY, 0));
}

TEST(paging, check_finds_every_broken_rule)
{
    paging_each_format(broken_rules);
}
