/* SPDX-License-Identifier: MIT */
/* leave.c - areas whose content moves away and whose promise stays; ranges that are asked for in part. */
#include "fixture.h"

#define LEAVING (QUIRE_MOVE_ALLOWED | QUIRE_MOVE_LEAVE)

static void write_word(quire_space_t *space, quire_va_t va, uint32_t word)
{
    CHECK_OK(quire_vmm_copy_to_user(space, va, &word, sizeof(word), NULL));
}

static uint32_t word_at(quire_space_t *space, quire_va_t va)
{
    uint32_t word = ~0u;

    CHECK_OK(quire_vmm_peek(space, &word, va, sizeof(word)));
    return word;
}

/* Touched pages, promises, a page without rights and a coarse part, across two tables. */
static void leave_behind(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t start = SEAM - 3 * PAGE;
    size_t bytes = 3 * PAGE + 8 * MIB;
    quire_va_t va = 0;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, start, bytes / PAGE, READ_WRITE);
    write_word(&space, start, 1);
    write_word(&space, SEAM + PAGE, 2);
    CHECK_OK(quire_vmm_protect(&space, SEAM + PAGE, PAGE, QUIRE_PROT_NONE));
    CHECK_EQUAL(quire_vmm_move(&space, start, bytes, bytes, QUIRE_MOVE_LEAVE, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, start, bytes, bytes + PAGE, LEAVING, 0, &va), QUIRE_INVALID);
    CHECK_OK(quire_vmm_move(&space, start, bytes, bytes, LEAVING, 0, &va));
    CHECK(va != start);
    CHECK_EQUAL(space.reserved_pages, 2 * bytes / PAGE);
    CHECK_EQUAL(space.table.mapped_pages, 1); /* and one that is hidden */
    CHECK_EQUAL(word_at(&space, va), 1);
    CHECK_EQUAL(word_at(&space, va + 4 * PAGE), 2);
    CHECK_EQUAL(word_at(&space, start), 0);
    CHECK_EQUAL(vmm_query(&space, start).kind, QUIRE_PAGE_RESERVED);
    CHECK_EQUAL(vmm_query(&space, SEAM + PAGE).kind, QUIRE_PAGE_RESERVED);
    CHECK_EQUAL(vmm_query(&space, SEAM + PAGE).prot & READ_WRITE, 0);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM + PAGE, USER_WRITE), QUIRE_DENIED);
    write_word(&space, start, 3);
    CHECK_EQUAL(word_at(&space, va), 1);
    CHECK_OK(quire_vmm_move(&space, start, PAGE, PAGE, QUIRE_MOVE_FIXED | QUIRE_MOVE_LEAVE, va, &va));
    CHECK_EQUAL(word_at(&space, va), 3);
    CHECK_EQUAL(space.reserved_pages, 2 * bytes / PAGE);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, areas_leave_their_promise_behind)
{
    vmm_each_format(leave_behind);
}

static void cut_off(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_vmm_range_t range;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - 4 * PAGE, 8, READ_WRITE);
    CHECK_OK(quire_vmm_fault(&space, SEAM - 2 * PAGE, USER_WRITE));
    CHECK_OK(quire_vmm_fault(&space, SEAM + PAGE, USER_WRITE));
    CHECK_OK(quire_vmm_next_range_within(&space, 0, SEAM, &range));
    CHECK_EQUAL(range.start, SEAM - 4 * PAGE);
    CHECK_EQUAL(range.end, SEAM);
    CHECK_EQUAL(range.mapped_pages, 1);
    CHECK_OK(quire_vmm_next_range_within(&space, SEAM - 2 * PAGE, SEAM - 2 * PAGE + 1, &range));
    CHECK_EQUAL(range.end, SEAM - PAGE);
    CHECK_EQUAL(quire_vmm_next_range_within(&space, 0, SEAM - 4 * PAGE, &range), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_next_range_within(&space, SEAM + 4 * PAGE, (quire_va_t)-1, &range), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_next_range_within(&space, SEAM, SEAM, &range), QUIRE_NOT_FOUND);
    CHECK_OK(quire_vmm_next_range(&space, 0, &range));
    CHECK_EQUAL(range.end, SEAM + 4 * PAGE);
    CHECK_EQUAL(range.mapped_pages, 2);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, ranges_are_cut_off)
{
    vmm_each_format(cut_off);
}
