/* SPDX-License-Identifier: MIT */
/*
 * refused.c - calls that meet, anywhere in their range, a page they cannot work with: the answer is its status, nothing
 * has changed and nothing is lost, however far they had come.
 */
#include "fixture.h"

#include "string.h"

#define PAGES 9
#define FIRST (SEAM - 4 * PAGE)

typedef struct refusal {
    quire_page_kind_t kind;
    quire_status_t fork;
    quire_status_t move;
    quire_status_t populate;
} refusal_t;

static const refusal_t refusals[] = {
    {QUIRE_PAGE_BUSY, QUIRE_AGAIN, QUIRE_AGAIN, QUIRE_AGAIN},
    {QUIRE_PAGE_SWAPPED, QUIRE_UNSUPPORTED, QUIRE_OK, QUIRE_DENIED},
    {QUIRE_PAGE_EMPTY, QUIRE_OK, QUIRE_NOT_FOUND, QUIRE_NOT_FOUND},
};

/* Where `at` is, there is a page of that kind instead of the frame. */
static void put_odd_page(quire_space_t *space, quire_va_t at, quire_page_kind_t kind)
{
    quire_page_t page = {.kind = kind, .prot = QUIRE_PROT_USER | READ_WRITE, .payload = 5};
    quire_cursor_t cursor;

    if (kind == QUIRE_PAGE_EMPTY) {
        CHECK_OK(quire_vmm_unmap(space, at, PAGE));
        return;
    }
    CHECK_OK(quire_vmm_discard(space, at, PAGE));
    CHECK_OK(quire_cursor_open(&cursor, &space->table, at, at + PAGE, QUIRE_CURSOR_POPULATE));
    (void)quire_cursor_put(&cursor, at, &page);
    quire_cursor_close(&cursor);
}

/* All pages but the odd one: the space's alone, with the byte that was written, and to be written again. */
static void check_unchanged(fixture_t *fixture, quire_space_t *space, quire_va_t odd, size_t free_frames)
{
    quire_space_t *const spaces[] = {&fixture->kernel, space};

    CHECK_EQUAL(vmm_free_frames(fixture), free_frames);
    CHECK_OK(quire_vmm_check_all(spaces, 2, 0));
    for (unsigned i = 0; i < PAGES; i++) {
        quire_va_t va = FIRST + i * PAGE;
        quire_page_t page = vmm_query(space, va);
        uint8_t byte = 0;

        if (va == odd || page.kind == QUIRE_PAGE_RESERVED)
            continue;
        CHECK_EQUAL(page.kind, QUIRE_PAGE_MAPPED);
        CHECK_EQUAL(page.prot, QUIRE_PROT_USER | READ_WRITE);
        CHECK_EQUAL(quire_pmm_references(fixture->pmm, quire_frame((size_t)page.payload)), 1);
        CHECK_OK(quire_vmm_copy_from_user(space, &byte, va, 1, NULL));
        CHECK_EQUAL(byte, i + 1);
        CHECK_OK(quire_vmm_fault(space, va, USER_WRITE));
        CHECK_EQUAL(vmm_query(space, va).payload, page.payload);
    }
    CHECK_EQUAL(vmm_free_frames(fixture), free_frames);
}

static void refuse(fixture_t *fixture, const refusal_t *refusal, unsigned place)
{
    quire_va_t odd = FIRST + place * PAGE;
    quire_va_t elsewhere = 2 * SEAM - 3 * PAGE;
    size_t before = vmm_free_frames(fixture);
    quire_space_t space;
    quire_space_t child;
    quire_va_t va;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, FIRST, PAGES + 1, READ_WRITE); /* the last stays a promise */
    for (uint8_t i = 1; i <= PAGES; i++)
        CHECK_OK(quire_vmm_copy_to_user(&space, FIRST + (i - 1u) * PAGE, &i, 1, NULL));
    put_odd_page(&space, odd, refusal->kind);
    size_t free_frames = vmm_free_frames(fixture);
    if (refusal->fork != QUIRE_OK) {
        CHECK_EQUAL(quire_vmm_fork(&space, &child, 2), refusal->fork);
        check_unchanged(fixture, &space, odd, free_frames);
    }
    if (refusal->move != QUIRE_OK) {
        CHECK_EQUAL(quire_vmm_move(&space, FIRST, PAGES * PAGE, PAGES * PAGE, QUIRE_MOVE_FIXED, elsewhere, &va),
                    refusal->move);
        CHECK_EQUAL(vmm_query(&space, elsewhere).kind, QUIRE_PAGE_EMPTY);
        check_unchanged(fixture, &space, odd, free_frames);
    }
    CHECK_EQUAL(quire_vmm_populate(&space, FIRST, (PAGES + 1) * PAGE), refusal->populate);
    check_unchanged(fixture, &space, odd, free_frames);
    if (refusal->kind == QUIRE_PAGE_EMPTY) {
        CHECK_EQUAL(quire_vmm_protect(&space, FIRST, PAGES * PAGE, QUIRE_PROT_READ), QUIRE_NOT_FOUND);
        check_unchanged(fixture, &space, odd, free_frames);
    }
    vmm_end(fixture, &space, before);
}

static void refuse_everywhere(fixture_t *fixture)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        for (unsigned place = 0; place < PAGES; place++)
            refuse(fixture, &refusals[i], place);
    }
}

TEST(vmm, refusals_change_nothing_and_lose_nothing)
{
    vmm_each_format(refuse_everywhere);
}
