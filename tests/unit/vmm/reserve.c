/* SPDX-License-Identifier: MIT */
/* reserve.c - promises: how much they cost, where they are put, and what arguments are refused. */
#include "fixture.h"

#define GIB ((size_t)1 << 30)

static void huge_is_cheap(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    size_t with_root;
    quire_space_t space;
    quire_va_t va;

    vmm_make(fixture, &space, 1);
    with_root = vmm_free_frames(fixture);
    CHECK_OK(quire_vmm_reserve(&space, SEAM, GIB, READ_WRITE, QUIRE_RESERVE_FIXED, &va));
    CHECK(with_root - vmm_free_frames(fixture) <= 2);
    CHECK_EQUAL(space.reserved_pages, GIB / PAGE);
    CHECK_OK(quire_vmm_unmap(&space, SEAM, GIB));
    /* Off by a page at both ends: the ends cost tables, the middle does not. */
    CHECK_OK(quire_vmm_reserve(&space, SEAM + PAGE, GIB - 2 * PAGE, READ_WRITE, QUIRE_RESERVE_FIXED, &va));
    CHECK(with_root - vmm_free_frames(fixture) <= 8);
    CHECK_OK(quire_vmm_fault(&space, SEAM + GIB / 2, USER_WRITE));
    CHECK(with_root - vmm_free_frames(fixture) <= 10);
    CHECK_OK(quire_vmm_check(&space));
    CHECK_OK(quire_vmm_unmap(&space, SEAM, GIB));
    CHECK_EQUAL(vmm_free_frames(fixture), with_root);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, reserving_a_gigabyte_takes_a_few_frames)
{
    vmm_each_format(huge_is_cheap);
}

static void next_fit(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t first;
    quire_va_t second;
    quire_va_t third;

    vmm_make(fixture, &space, 1);
    CHECK_OK(quire_vmm_reserve(&space, 0, 5 * PAGE, READ_WRITE, 0, &first));
    CHECK_EQUAL(first, fixture->user_end - 5 * PAGE);
    CHECK_OK(quire_vmm_reserve(&space, 0, 1, READ_WRITE, 0, &second));
    CHECK_EQUAL(second, first - PAGE);
    /* The hole above is not looked at while there is room below. */
    CHECK_OK(quire_vmm_unmap(&space, first, PAGE));
    CHECK_OK(quire_vmm_reserve(&space, 0, PAGE, READ_WRITE, 0, &third));
    CHECK_EQUAL(third, second - PAGE);
    /* What was placed last and given back is used again. */
    CHECK_OK(quire_vmm_unmap(&space, third, PAGE));
    CHECK_OK(quire_vmm_reserve(&space, 0, PAGE, READ_WRITE, 0, &third));
    CHECK_EQUAL(third, second - PAGE);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, holes_are_given_from_the_top_down)
{
    vmm_each_format(next_fit);
}

/* Large requests begin where a large entry does, as long as there is room; the small ones fill what that leaves. */
static void large_ones(fixture_t *fixture)
{
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va;

    CHECK_OK(quire_vmm_create(&space, &fixture->kernel, 1, SEAM, SEAM + 4 * span + 3 * PAGE));
    CHECK_OK(quire_vmm_reserve(&space, 0, (size_t)span, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, SEAM + 3 * span);
    CHECK_OK(quire_vmm_reserve(&space, 0, PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, SEAM + 4 * span + 2 * PAGE);
    CHECK_OK(quire_vmm_reserve(&space, 0, (size_t)span, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, SEAM + 2 * span);
    /* Not a multiple, and not much larger: nothing is lost for its sake. */
    CHECK_OK(quire_vmm_reserve(&space, 0, (size_t)span + PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, SEAM + span - PAGE);
    CHECK_EQUAL(quire_vmm_reserve(&space, 0, (size_t)span, READ_WRITE, 0, &va), QUIRE_NO_SPACE);
    CHECK_OK(quire_vmm_unmap(&space, SEAM + span - PAGE, (size_t)span));
    CHECK_OK(quire_vmm_reserve(&space, SEAM, PAGE, READ_WRITE, 0, &va));
    /* No aligned place is left, but a place is. */
    CHECK_OK(quire_vmm_reserve(&space, 0, (size_t)span, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, SEAM + span - PAGE);
    CHECK_OK(quire_vmm_reserve(&space, 0, 2 * PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, SEAM + 4 * span);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, large_reservations_are_aligned_if_there_is_room)
{
    vmm_each_format(large_ones);
}

/* A space of 16 pages: the search wraps round, finds a hole that lies across the point it began at, and ends. */
static void wrapping(fixture_t *fixture)
{
    quire_va_t start = SEAM - 8 * PAGE;
    quire_va_t end = SEAM + 8 * PAGE;
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va = 7;

    CHECK_OK(quire_vmm_create(&space, &fixture->kernel, 1, start, end));
    for (unsigned i = 1; i <= 16; i++) {
        CHECK_OK(quire_vmm_reserve(&space, 0, PAGE, QUIRE_PROT_READ, 0, &va));
        CHECK_EQUAL(va, end - i * PAGE);
    }
    CHECK_EQUAL(quire_vmm_reserve(&space, 0, PAGE, QUIRE_PROT_READ, 0, &va), QUIRE_NO_SPACE);
    CHECK_EQUAL(va, start);
    CHECK_OK(quire_vmm_unmap(&space, SEAM + 2 * PAGE, PAGE));
    CHECK_OK(quire_vmm_reserve(&space, 0, PAGE, QUIRE_PROT_READ, 0, &va));
    CHECK_EQUAL(va, SEAM + 2 * PAGE);
    CHECK_OK(quire_vmm_unmap(&space, SEAM, 5 * PAGE));
    CHECK_OK(quire_vmm_reserve(&space, SEAM, PAGE, QUIRE_PROT_READ, 0, &va));
    CHECK_OK(quire_vmm_unmap(&space, SEAM, PAGE));
    space.search = SEAM + 2 * PAGE;
    CHECK_OK(quire_vmm_reserve(&space, 0, 5 * PAGE, QUIRE_PROT_READ, 0, &va));
    CHECK_EQUAL(va, SEAM);
    CHECK_EQUAL(quire_vmm_reserve(&space, 0, PAGE, QUIRE_PROT_READ, 0, &va), QUIRE_NO_SPACE);
    CHECK_OK(quire_vmm_unmap(&space, start, 16 * PAGE));
    CHECK_OK(quire_vmm_reserve(&space, 0, 16 * PAGE, QUIRE_PROT_READ, 0, &va));
    CHECK_EQUAL(va, start);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, the_search_for_a_hole_wraps_round_once)
{
    vmm_each_format(wrapping);
}

static void hints(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va = 0;

    vmm_make(fixture, &space, 1);
    CHECK_OK(quire_vmm_reserve(&space, SEAM + 12, 2 * PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, SEAM);
    CHECK_OK(quire_vmm_reserve(&space, SEAM - PAGE, 2 * PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, fixture->user_end - 2 * PAGE);
    /* A hint that cannot be is no error. */
    CHECK_OK(quire_vmm_reserve(&space, 1, PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, fixture->user_end - 3 * PAGE);
    CHECK_OK(quire_vmm_reserve(&space, fixture->kernel.start, PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, fixture->user_end - 4 * PAGE);
    CHECK_OK(quire_vmm_reserve(&space, ~(quire_va_t)0, PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, fixture->user_end - 5 * PAGE);
    CHECK_OK(quire_vmm_reserve(&space, fixture->user_end - 8 * PAGE, 2 * PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, fixture->user_end - 8 * PAGE);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_hint_is_taken_if_it_is_free)
{
    vmm_each_format(hints);
}

static void fixed(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    uint8_t byte = 9;
    quire_va_t va = 5;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - PAGE, 2, READ_WRITE);
    CHECK_OK(quire_vmm_copy_to_user(&space, SEAM, &byte, 1, NULL));
    CHECK_EQUAL(quire_vmm_reserve(&space, SEAM - 2 * PAGE, 2 * PAGE, READ_WRITE, QUIRE_RESERVE_FIXED, &va),
                QUIRE_EXISTS);
    CHECK_EQUAL(va, 5);
    CHECK_EQUAL(space.reserved_pages, 2);
    CHECK_OK(quire_vmm_reserve(&space, SEAM, 3 * PAGE, QUIRE_PROT_READ, QUIRE_RESERVE_REPLACE, &va));
    CHECK_EQUAL(va, SEAM);
    CHECK_EQUAL(space.reserved_pages, 4);
    CHECK_EQUAL(space.table.mapped_pages, 0);
    CHECK_OK(quire_vmm_copy_from_user(&space, &byte, SEAM, 1, NULL));
    CHECK_EQUAL(byte, 0);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, fixed_places_are_kept_or_replaced)
{
    vmm_each_format(fixed);
}

static void refuse_range(quire_space_t *space, quire_va_t va, size_t bytes)
{
    quire_va_t out = 3;

    CHECK_EQUAL(quire_vmm_reserve(space, va, bytes, READ_WRITE, QUIRE_RESERVE_FIXED, &out), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_reserve(space, va, bytes, READ_WRITE, QUIRE_RESERVE_REPLACE, &out), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_unmap(space, va, bytes), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_protect(space, va, bytes, QUIRE_PROT_READ), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_discard(space, va, bytes), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_populate(space, va, bytes), QUIRE_INVALID);
    CHECK_EQUAL(out, 3);
}

static void hostile_ranges(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_va_t end = fixture->user_end;
    quire_space_t space;

    vmm_make(fixture, &space, 1);
    refuse_range(&space, SEAM, 0);
    refuse_range(&space, SEAM + 1, PAGE);
    /* A 32-bit program that tests a 64-bit format has no length that wraps. */
    if (SIZE_MAX > end - SEAM) {
        refuse_range(&space, SEAM, SIZE_MAX);
        refuse_range(&space, SEAM, SIZE_MAX - (size_t)SEAM + 1);
    }
    refuse_range(&space, 0, PAGE);
    refuse_range(&space, 0, SIZE_MAX);
    refuse_range(&space, USER_START - PAGE, 2 * PAGE);
    refuse_range(&space, end, PAGE);
    refuse_range(&space, end - PAGE, PAGE + 1);
    refuse_range(&space, end - PAGE, SIZE_MAX);
    refuse_range(&space, fixture->kernel.start, PAGE);
    refuse_range(&space, ~(quire_va_t)0 - PAGE + 1, PAGE);
    refuse_range(&space, ~(quire_va_t)0 - PAGE + 1, SIZE_MAX);
    refuse_range(&space, ~(quire_va_t)0, 1);
    if (quire_format_levels(fixture->format) >= 4)
        refuse_range(&space, end + MIB, PAGE);
    CHECK_EQUAL(space.reserved_pages, 0);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, hostile_ranges_are_refused)
{
    vmm_each_format(hostile_ranges);
}

static void hostile_wishes(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va = 3;

    vmm_make(fixture, &space, 1);
    CHECK_EQUAL(quire_vmm_reserve(&space, 0, 0, READ_WRITE, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_reserve(&space, 0, PAGE, 16, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_reserve(&space, 0, PAGE, READ_WRITE, 8, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_reserve(&space, 0, PAGE, READ_WRITE, ~0u, &va), QUIRE_INVALID);
    if ((uint64_t)SIZE_MAX > space.end)
        CHECK_EQUAL(quire_vmm_reserve(&space, 0, SIZE_MAX, READ_WRITE, 0, &va), QUIRE_NO_SPACE);
    if ((uint64_t)SIZE_MAX > space.end - space.start)
        CHECK_EQUAL(quire_vmm_reserve(&space, 0, (size_t)(space.end - space.start) + 1, READ_WRITE, 0, &va),
                    QUIRE_NO_SPACE);
    vmm_reserve_at(&space, SEAM, 1, READ_WRITE);
    CHECK_EQUAL(quire_vmm_protect(&space, SEAM, PAGE, 16), QUIRE_INVALID);
    CHECK_EQUAL(va, 3);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, wishes_that_cannot_be_are_refused)
{
    vmm_each_format(hostile_wishes);
}

static void ranges(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_vmm_range_t range;
    quire_va_t va;

    vmm_make(fixture, &space, 1);
    CHECK_EQUAL(quire_vmm_next_range(&space, 0, &range), QUIRE_NOT_FOUND);
    vmm_reserve_at(&space, SEAM - 512 * MIB, (size_t)(512 * MIB / PAGE) + 3, READ_WRITE);
    CHECK_OK(quire_vmm_reserve(&space, SEAM + 3 * PAGE, PAGE, 0, QUIRE_RESERVE_FIXED | QUIRE_RESERVE_GUARD, &va));
    CHECK_OK(quire_vmm_fault(&space, SEAM + PAGE, USER_WRITE));
    CHECK_OK(quire_vmm_next_range(&space, 0, &range));
    CHECK_EQUAL(range.start, SEAM - 512 * MIB);
    CHECK_EQUAL(range.end, SEAM + 3 * PAGE);
    CHECK_EQUAL(range.prot, READ_WRITE | QUIRE_PROT_USER);
    CHECK(!range.guard);
    CHECK_EQUAL(range.mapped_pages, 1);
    CHECK_OK(quire_vmm_next_range(&space, range.end, &range));
    CHECK_EQUAL(range.start, SEAM + 3 * PAGE);
    CHECK_EQUAL(range.end, SEAM + 4 * PAGE);
    CHECK(range.guard);
    CHECK_EQUAL(quire_vmm_next_range(&space, range.end, &range), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_next_range(&space, ~(quire_va_t)0, &range), QUIRE_NOT_FOUND);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, areas_are_read_back_from_the_table)
{
    vmm_each_format(ranges);
}
