/* SPDX-License-Identifier: MIT */
/*
 * shortage.c - each operation with no free frame, then one, then two..., until it succeeds. Every time it fails, each
 * page is what it was; in the end each frame comes back.
 */
#include "fixture.h"
#include "string.h"

#define AREA       (SEAM - 8 * PAGE)
#define AREA_PAGES 16

typedef quire_status_t operation_t(quire_space_t *space);

static quire_status_t do_reserve(quire_space_t *space)
{
    quire_va_t va;

    return quire_vmm_reserve(space, 64 * MIB + PAGE, 300 * MIB, READ_WRITE, QUIRE_RESERVE_FIXED, &va);
}

static quire_status_t do_replace(quire_space_t *space)
{
    quire_va_t va;

    return quire_vmm_reserve(space, AREA + 3 * PAGE, 64 * MIB, QUIRE_PROT_READ, QUIRE_RESERVE_REPLACE, &va);
}

static quire_status_t do_unmap(quire_space_t *space)
{
    return quire_vmm_unmap(space, SEAM + 300 * MIB + PAGE, 100 * MIB);
}

static quire_status_t do_protect(quire_space_t *space)
{
    return quire_vmm_protect(space, SEAM + 300 * MIB + PAGE, 100 * MIB, QUIRE_PROT_READ);
}

static quire_status_t do_discard(quire_space_t *space)
{
    return quire_vmm_discard(space, SEAM + 300 * MIB + PAGE, 100 * MIB);
}

static quire_status_t do_populate(quire_space_t *space)
{
    return quire_vmm_populate(space, SEAM + 300 * MIB - 10 * PAGE, 20 * PAGE);
}

static quire_status_t do_fault(quire_space_t *space)
{
    return quire_vmm_fault(space, SEAM + 300 * MIB, USER_WRITE);
}

static quire_status_t do_grow(quire_space_t *space)
{
    quire_va_t va;

    return quire_vmm_move(space, AREA, AREA_PAGES * PAGE, 40 * MIB, 0, 0, &va);
}

/* The area with data and the seam in it, to where two new tables are needed. */
static quire_status_t do_move(quire_space_t *space)
{
    quire_va_t va;

    return quire_vmm_move(space, AREA, AREA_PAGES * PAGE, 8 * MIB, QUIRE_MOVE_FIXED, 3 * MIB + 4 * PAGE, &va);
}

/* Onto the promises: the new place is split before it is replaced. */
static quire_status_t do_move_onto(quire_space_t *space)
{
    quire_va_t va;

    return quire_vmm_move(space, AREA, 12 * PAGE, 9 * MIB, QUIRE_MOVE_FIXED, SEAM + 301 * MIB - 2 * PAGE, &va);
}

static quire_status_t do_move_promises(quire_space_t *space)
{
    quire_va_t va;

    return quire_vmm_move(space, SEAM + 250 * MIB + PAGE, 64 * MIB, 64 * MIB, QUIRE_MOVE_FIXED, 64 * MIB, &va);
}

/* What is in the space before: a small area with data, and 800 MiB promised. */
static void prepare(quire_space_t *space)
{
    uint32_t word = 0xfeed;

    vmm_reserve_at(space, AREA, AREA_PAGES, READ_WRITE);
    vmm_reserve_at(space, SEAM + 200 * MIB, (size_t)(800 * MIB / PAGE), READ_WRITE);
    CHECK_OK(quire_vmm_copy_to_user(space, SEAM, &word, sizeof(word), NULL));
}

static void check_unchanged(fixture_t *fixture, quire_space_t *space)
{
    quire_vmm_range_t range;
    uint32_t word = 0;

    vmm_check_all(fixture, space);
    CHECK_EQUAL(space->reserved_pages, AREA_PAGES + (size_t)(800 * MIB / PAGE));
    CHECK_EQUAL(space->table.mapped_pages, 1);
    CHECK_OK(quire_vmm_peek(space, &word, SEAM, sizeof(word)));
    CHECK_EQUAL(word, 0xfeed);
    CHECK_OK(quire_vmm_next_range(space, 0, &range));
    CHECK_EQUAL(range.start, AREA);
    CHECK_EQUAL(range.end, AREA + AREA_PAGES * PAGE);
    CHECK_EQUAL(range.prot, READ_WRITE | QUIRE_PROT_USER);
    CHECK_EQUAL(range.mapped_pages, 1);
    CHECK_OK(quire_vmm_next_range(space, range.end, &range));
    CHECK_EQUAL(range.start, SEAM + 200 * MIB);
    CHECK_EQUAL(range.end, SEAM + 1000 * MIB);
    CHECK_EQUAL(range.prot, READ_WRITE | QUIRE_PROT_USER);
    CHECK_EQUAL(range.mapped_pages, 0);
    CHECK_EQUAL(quire_vmm_next_range(space, range.end, &range), QUIRE_NOT_FOUND);
}

static void starve(fixture_t *fixture, operation_t *operation)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_status_t status = QUIRE_NO_MEMORY;

    for (size_t frames = 0; status != QUIRE_OK; frames++) {
        quire_space_t space;

        vmm_make(fixture, &space, 1);
        prepare(&space);
        test_pmm_leave(fixture->pmm, frames);
        status = operation(&space);
        test_pmm_restore(fixture->pmm);
        if (status != QUIRE_OK) {
            CHECK_EQUAL(status, QUIRE_NO_MEMORY);
            check_unchanged(fixture, &space);
            CHECK_OK(operation(&space));
        }
        vmm_end(fixture, &space, free_frames);
        CHECK(frames < 64);
    }
}

static void starve_all(fixture_t *fixture)
{
    static operation_t *const operations[] = {do_reserve, do_replace,   do_unmap,        do_protect,
                                              do_discard, do_populate,  do_fault,        do_grow,
                                              do_move,    do_move_onto, do_move_promises};

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        starve(fixture, operations[i]);
}

TEST(vmm, a_failed_operation_has_changed_nothing)
{
    vmm_each_format(starve_all);
}

static void starve_create(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_status_t status = QUIRE_NO_MEMORY;

    for (size_t frames = 0; status != QUIRE_OK; frames++) {
        quire_space_t space;

        test_pmm_leave(fixture->pmm, frames);
        status = quire_vmm_create(&space, &fixture->kernel, 1, USER_START, fixture->user_end);
        if (status != QUIRE_OK) {
            CHECK_EQUAL(status, QUIRE_NO_MEMORY);
            CHECK_EQUAL(vmm_free_frames(fixture), frames);
        } else {
            quire_vmm_destroy(&space);
        }
        test_pmm_restore(fixture->pmm);
        CHECK_EQUAL(vmm_free_frames(fixture), free_frames);
    }
}

TEST(vmm, creating_fails_without_a_trace)
{
    vmm_each_format(starve_create);
}

/* More than there is: refused at once, without draining the machine, and the promises stand. */
static void too_much(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, (size_t)(512 * MIB / PAGE), READ_WRITE);
    CHECK_EQUAL(quire_vmm_populate(&space, SEAM, 512 * MIB), QUIRE_NO_MEMORY);
    CHECK_EQUAL(space.table.mapped_pages, 0);
    CHECK_EQUAL(vmm_query(&space, SEAM).kind, QUIRE_PAGE_RESERVED);
    CHECK_EQUAL(quire_vmm_populate(&space, SEAM - PAGE, 2 * PAGE), QUIRE_NOT_FOUND);
    CHECK_EQUAL(space.table.mapped_pages, 0);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, populating_more_than_there_is)
{
    vmm_each_format(too_much);
}
