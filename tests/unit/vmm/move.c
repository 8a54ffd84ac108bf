/* SPDX-License-Identifier: MIT */
/* move.c - areas that grow, shrink and move with their content. */
#include "fixture.h"
#include "string.h"

static void write_pages(quire_space_t *space, quire_va_t va, size_t pages)
{
    for (uint32_t i = 0; i < pages; i++)
        CHECK_OK(quire_vmm_copy_to_user(space, va + i * PAGE, &i, sizeof(i), NULL));
}

static void check_pages(quire_space_t *space, quire_va_t va, size_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint32_t word = ~0u;

        CHECK_OK(quire_vmm_peek(space, &word, va + i * PAGE, sizeof(word)));
        CHECK_EQUAL(word, i);
    }
}

static void grow_and_shrink(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va = 0;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - 2 * PAGE, 4, READ_WRITE);
    write_pages(&space, SEAM - 2 * PAGE, 4);
    CHECK_OK(quire_vmm_move(&space, SEAM - 2 * PAGE, 4 * PAGE, 100 * MIB + 1, 0, 0, &va));
    CHECK_EQUAL(va, SEAM - 2 * PAGE);
    CHECK_EQUAL(space.reserved_pages, 100 * MIB / PAGE + 1);
    CHECK_OK(quire_vmm_fault(&space, SEAM + 64 * MIB, USER_WRITE));
    CHECK_OK(quire_vmm_move(&space, SEAM - 2 * PAGE, 100 * MIB + PAGE, 3 * PAGE, 0, 0, &va));
    CHECK_EQUAL(space.reserved_pages, 3);
    CHECK_EQUAL(space.table.mapped_pages, 3);
    check_pages(&space, SEAM - 2 * PAGE, 3);
    CHECK_OK(quire_vmm_move(&space, SEAM - 2 * PAGE, 3 * PAGE, 3 * PAGE, 0, 0, &va));
    vmm_reserve_at(&space, SEAM + PAGE, 1, QUIRE_PROT_READ);
    va = 5;
    CHECK_EQUAL(quire_vmm_move(&space, SEAM - 2 * PAGE, 3 * PAGE, 4 * PAGE, 0, 0, &va), QUIRE_NO_SPACE);
    CHECK_EQUAL(va, 5);
    CHECK_OK(quire_vmm_move(&space, SEAM - 2 * PAGE, 3 * PAGE, 4 * PAGE, QUIRE_MOVE_ALLOWED, 0, &va));
    CHECK_EQUAL(va, fixture->user_end - 4 * PAGE);
    check_pages(&space, va, 3);
    CHECK_EQUAL(vmm_query(&space, SEAM).kind, QUIRE_PAGE_EMPTY);
    CHECK_EQUAL(space.reserved_pages, 5);
    CHECK_OK(quire_vmm_fault(&space, va + 3 * PAGE, USER_WRITE));
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, areas_grow_and_shrink)
{
    vmm_each_format(grow_and_shrink);
}

/* Some hundred pages across two tables, to a place that is shifted against tables and already in use. */
static void move_many(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_va_t old = SEAM - 100 * PAGE;
    quire_va_t new = 2 * SEAM - 55 * PAGE;
    quire_space_t space;
    quire_va_t va = 0;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, old, 200, READ_WRITE);
    write_pages(&space, old, 150);
    vmm_reserve_at(&space, new - 10 * PAGE, 50, QUIRE_PROT_READ);
    CHECK_OK(quire_vmm_populate(&space, new - 10 * PAGE, 50 * PAGE));
    CHECK_OK(quire_vmm_protect(&space, old + 7 * PAGE, PAGE, QUIRE_PROT_NONE));
    CHECK_OK(quire_vmm_move(&space, old, 200 * PAGE, 300 * PAGE, QUIRE_MOVE_FIXED, new, &va));
    CHECK_EQUAL(va, new);
    check_pages(&space, new, 150);
    CHECK_EQUAL(vmm_query(&space, new + 7 * PAGE).kind, QUIRE_PAGE_HIDDEN);
    CHECK_EQUAL(vmm_query(&space, new - PAGE).prot, QUIRE_PROT_READ | QUIRE_PROT_USER);
    CHECK_EQUAL(vmm_query(&space, new + 299 * PAGE).prot, READ_WRITE | QUIRE_PROT_USER);
    CHECK_EQUAL(space.reserved_pages, 310);
    CHECK_EQUAL(space.table.mapped_pages, 159);
    /* Back, and cut to less than it was. */
    CHECK_OK(quire_vmm_move(&space, new, 300 * PAGE, 120 * PAGE, QUIRE_MOVE_FIXED, old + 3 * PAGE, &va));
    check_pages(&space, old + 3 * PAGE, 120);
    CHECK_EQUAL(space.reserved_pages, 130);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, areas_move_with_their_content)
{
    vmm_each_format(move_many);
}

/* A page that is shared stays shared where it is moved to. */
static void move_shared(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t parent;
    quire_space_t child;
    uint32_t word = 9;
    quire_va_t va;

    vmm_make(fixture, &parent, 1);
    vmm_reserve_at(&parent, SEAM, 2, READ_WRITE);
    write_pages(&parent, SEAM, 2);
    CHECK_OK(quire_vmm_fork(&parent, &child, 2));
    CHECK_OK(quire_vmm_move(&child, SEAM, 2 * PAGE, 2 * PAGE, QUIRE_MOVE_FIXED, SEAM + 64 * MIB, &va));
    CHECK_OK(quire_vmm_copy_to_user(&child, va + PAGE, &word, sizeof(word), NULL));
    check_pages(&parent, SEAM, 2);
    check_pages(&child, va, 1);
    vmm_check_all(fixture, &parent);
    quire_vmm_destroy(&parent);
    vmm_end(fixture, &child, free_frames);
}

TEST(vmm, shared_pages_move_too)
{
    vmm_each_format(move_shared);
}

static void refused(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_va_t end = fixture->user_end;
    quire_space_t space;
    quire_va_t va = 5;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 4, READ_WRITE);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 4 * PAGE, 0, 0, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 0, PAGE, 0, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM + 1, PAGE, PAGE, 0, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, PAGE, PAGE, 4, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 5 * PAGE, PAGE, 0, 0, &va), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 5 * PAGE, 9 * PAGE, QUIRE_MOVE_ALLOWED, 0, &va), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 4 * PAGE, PAGE, QUIRE_MOVE_FIXED, SEAM + 3 * PAGE, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 4 * PAGE, 2 * PAGE, QUIRE_MOVE_FIXED, SEAM - PAGE, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 4 * PAGE, PAGE, QUIRE_MOVE_FIXED, 0, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 4 * PAGE, 2 * PAGE, QUIRE_MOVE_FIXED, end - PAGE, &va), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, SEAM, 4 * PAGE, PAGE, QUIRE_MOVE_FIXED, fixture->kernel.start, &va),
                QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_move(&space, fixture->kernel.start, PAGE, PAGE, 0, 0, &va), QUIRE_INVALID);
    if (SIZE_MAX > space.end - space.start)
        CHECK_EQUAL(quire_vmm_move(&space, SEAM, 4 * PAGE, SIZE_MAX, QUIRE_MOVE_ALLOWED, 0, &va), QUIRE_NO_SPACE);
    CHECK_EQUAL(va, 5);
    CHECK_EQUAL(space.reserved_pages, 4);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, moves_that_cannot_be_are_refused)
{
    vmm_each_format(refused);
}
