/* SPDX-License-Identifier: MIT */
/* fault.c - what a touched page answers, for every kind of page and every kind of access. */
#include "fixture.h"
#include "string.h"

static void kinds(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va;

    vmm_make(fixture, &space, 1);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_READ), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_fault(&space, 0, USER_READ), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_fault(&space, USER_START - 1, USER_READ), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_fault(&space, fixture->user_end, USER_READ), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_fault(&space, fixture->kernel.start, USER_READ), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_fault(&space, ~(quire_va_t)0, USER_WRITE), QUIRE_NOT_FOUND);
    if (quire_format_levels(fixture->format) >= 4)
        CHECK_EQUAL(quire_vmm_fault(&space, fixture->user_end + 5 * PAGE, USER_READ), QUIRE_NOT_FOUND);
    CHECK_OK(quire_vmm_reserve(&space, SEAM, PAGE, READ_WRITE, QUIRE_RESERVE_FIXED | QUIRE_RESERVE_GUARD, &va));
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_READ), QUIRE_DENIED);
    vmm_reserve_at(&space, SEAM + PAGE, 1, QUIRE_PROT_NONE);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM + PAGE, USER_READ), QUIRE_DENIED);
    vmm_reserve_at(&space, SEAM + 2 * PAGE, 1, READ_WRITE);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM + 2 * PAGE, QUIRE_ACCESS_READ), QUIRE_DENIED);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM + 2 * PAGE, USER_EXEC), QUIRE_DENIED);
    CHECK_EQUAL(space.table.mapped_pages, 0);
    CHECK_EQUAL(space.faults, 0);
    CHECK_OK(quire_vmm_fault(&space, SEAM + 2 * PAGE + 77, USER_READ));
    CHECK_OK(quire_vmm_fault(&space, SEAM + 2 * PAGE + 77, USER_WRITE));
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM + 2 * PAGE, QUIRE_ACCESS_WRITE), QUIRE_DENIED);
    CHECK_EQUAL(space.table.mapped_pages, 1);
    CHECK_EQUAL(space.faults, 2);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, each_kind_of_page_answers_a_touch)
{
    vmm_each_format(kinds);
}

static void read_only(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 2, QUIRE_PROT_READ);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_WRITE), QUIRE_DENIED);
    CHECK_EQUAL(vmm_query(&space, SEAM).kind, QUIRE_PAGE_RESERVED);
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_READ));
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_WRITE), QUIRE_DENIED);
    CHECK_EQUAL(vmm_query(&space, SEAM).prot & QUIRE_PROT_WRITE, 0);
    CHECK_OK(quire_vmm_protect(&space, SEAM, 2 * PAGE, READ_WRITE));
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_WRITE));
    CHECK_OK(quire_vmm_fault(&space, SEAM + PAGE, USER_WRITE));
    CHECK_OK(quire_vmm_protect(&space, SEAM, 2 * PAGE, QUIRE_PROT_READ | QUIRE_PROT_EXEC));
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_EXEC));
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_WRITE), QUIRE_DENIED);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, rights_decide)
{
    vmm_each_format(read_only);
}

/* Frames are dirty before they are given out, and clean when a process sees them. */
static void zeroed(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    uint8_t *page = test_memory(PAGE);
    uint8_t *zeros = test_memory(PAGE);
    quire_space_t space;

    for (uint32_t round = 1; round < 4; round++) {
        vmm_make(fixture, &space, round);
        vmm_reserve_at(&space, SEAM - 8 * PAGE, 16, READ_WRITE);
        CHECK_OK(quire_vmm_populate(&space, SEAM, 8 * PAGE));
        for (quire_va_t va = SEAM - 8 * PAGE; va < SEAM + 8 * PAGE; va += PAGE) {
            memset(page, 1, PAGE);
            CHECK_OK(quire_vmm_copy_from_user(&space, page, va, PAGE, NULL));
            CHECK(memcmp(page, zeros, PAGE) == 0);
            memset(page, 0xee, PAGE);
            CHECK_OK(quire_vmm_copy_to_user(&space, va, page, PAGE, NULL));
        }
        CHECK_EQUAL(quire_pmm_frame_info(fixture->pmm, quire_frame((size_t)vmm_query(&space, SEAM).payload)).owner,
                    QUIRE_OWNER_USER);
        vmm_end(fixture, &space, free_frames);
    }
}

TEST(vmm, a_new_page_is_all_zeros)
{
    vmm_each_format(zeroed);
}

static void hidden(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    uint32_t word = 0x1234;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 1, READ_WRITE);
    CHECK_OK(quire_vmm_copy_to_user(&space, SEAM, &word, sizeof(word), NULL));
    CHECK_OK(quire_vmm_protect(&space, SEAM, PAGE, QUIRE_PROT_NONE));
    CHECK_EQUAL(vmm_query(&space, SEAM).kind, QUIRE_PAGE_HIDDEN);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_READ), QUIRE_DENIED);
    CHECK_EQUAL(quire_vmm_copy_from_user(&space, &word, SEAM, sizeof(word), NULL), QUIRE_DENIED);
    CHECK_EQUAL(quire_vmm_populate(&space, SEAM, PAGE), QUIRE_DENIED);
    word = 0;
    CHECK_OK(quire_vmm_peek(&space, &word, SEAM, sizeof(word)));
    CHECK_EQUAL(word, 0x1234);
    CHECK_OK(quire_vmm_protect(&space, SEAM, PAGE, QUIRE_PROT_READ));
    CHECK_OK(quire_vmm_copy_from_user(&space, &word, SEAM, sizeof(word), NULL));
    CHECK_EQUAL(word, 0x1234);
    CHECK_OK(quire_vmm_protect(&space, SEAM, PAGE, QUIRE_PROT_NONE));
    CHECK_OK(quire_vmm_discard(&space, SEAM, PAGE));
    CHECK_OK(quire_vmm_protect(&space, SEAM, PAGE, QUIRE_PROT_READ));
    CHECK_OK(quire_vmm_copy_from_user(&space, &word, SEAM, sizeof(word), NULL));
    CHECK_EQUAL(word, 0);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_page_without_rights_keeps_its_data)
{
    vmm_each_format(hidden);
}

/* Each page keeps its own promise, and what has nothing to discard is left alone. */
static void discarding(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - 3 * PAGE, 6, READ_WRITE);
    CHECK_OK(quire_vmm_populate(&space, SEAM - 2 * PAGE, 3 * PAGE));
    CHECK_OK(quire_vmm_protect(&space, SEAM - PAGE, PAGE, QUIRE_PROT_READ));
    CHECK_OK(quire_vmm_reserve(&space, SEAM + 3 * PAGE, PAGE, 0, QUIRE_RESERVE_FIXED | QUIRE_RESERVE_GUARD, &va));
    CHECK_OK(quire_vmm_discard(&space, SEAM - 4 * PAGE, 9 * PAGE));
    CHECK_EQUAL(space.table.mapped_pages, 0);
    CHECK_EQUAL(space.reserved_pages, 7);
    CHECK_EQUAL(vmm_query(&space, SEAM - 4 * PAGE).kind, QUIRE_PAGE_EMPTY);
    CHECK_EQUAL(vmm_query(&space, SEAM - 2 * PAGE).prot, READ_WRITE | QUIRE_PROT_USER);
    CHECK_EQUAL(vmm_query(&space, SEAM - PAGE).prot, QUIRE_PROT_READ | QUIRE_PROT_USER);
    CHECK_EQUAL(vmm_query(&space, SEAM).prot, READ_WRITE | QUIRE_PROT_USER);
    CHECK_EQUAL(vmm_query(&space, SEAM + 3 * PAGE).kind, QUIRE_PAGE_GUARD);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, discarding_keeps_each_promise)
{
    vmm_each_format(discarding);
}

/* Two CPUs fault on one page; the second finds the work done. A fault is refused without memory, and then nothing has
   changed; a wrong access is answered as wrong even then. */
static void spurious_and_scarce(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    size_t before;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 1024, READ_WRITE);
    test_pmm_leave(fixture->pmm, 0);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_WRITE), QUIRE_NO_MEMORY);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_EXEC), QUIRE_DENIED);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM - 16 * MIB, USER_WRITE), QUIRE_NOT_FOUND);
    test_pmm_restore(fixture->pmm);
    CHECK_EQUAL(vmm_query(&space, SEAM).kind, QUIRE_PAGE_RESERVED);
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_WRITE));
    before = vmm_free_frames(fixture);
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_WRITE));
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_READ));
    CHECK_EQUAL(vmm_free_frames(fixture), before);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, spurious_faults_and_faults_without_memory)
{
    vmm_each_format(spurious_and_scarce);
}

/* A page shared copy-on-write by hand: the first writer copies, the last owner keeps. */
static void copy_on_write(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_cursor_t cursor;
    quire_space_t space;
    quire_page_t page;
    uint32_t word = 5;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 2, READ_WRITE);
    CHECK_OK(quire_vmm_copy_to_user(&space, SEAM + 4092, &word, sizeof(word), NULL));
    CHECK_OK(quire_cursor_open(&cursor, &space.table, SEAM, SEAM + 2 * PAGE, QUIRE_CURSOR_POPULATE));
    page = quire_cursor_query(&cursor, SEAM).page;
    page.flags |= QUIRE_PAGE_COPY_ON_WRITE;
    CHECK_OK(quire_pmm_retain(fixture->pmm, quire_frame((size_t)page.payload)));
    quire_cursor_put(&cursor, SEAM, &page);
    quire_cursor_put(&cursor, SEAM + PAGE, &page);
    quire_cursor_close(&cursor);
    vmm_check_all(fixture, &space);

    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_READ));
    CHECK_EQUAL(quire_pmm_references(fixture->pmm, quire_frame((size_t)page.payload)), 2);
    test_pmm_leave(fixture->pmm, 0);
    CHECK_EQUAL(quire_vmm_fault(&space, SEAM, USER_WRITE), QUIRE_NO_MEMORY);
    test_pmm_restore(fixture->pmm);
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_WRITE));
    CHECK_EQUAL(quire_pmm_references(fixture->pmm, quire_frame((size_t)page.payload)), 1);
    CHECK(vmm_query(&space, SEAM).payload != page.payload);
    word = 6;
    CHECK_OK(quire_vmm_copy_to_user(&space, SEAM + 4092, &word, sizeof(word), NULL));
    CHECK_OK(quire_vmm_copy_from_user(&space, &word, SEAM + 2 * PAGE - 4, sizeof(word), NULL));
    CHECK_EQUAL(word, 5);
    CHECK_OK(quire_vmm_fault(&space, SEAM + PAGE, USER_WRITE));
    CHECK_EQUAL(vmm_query(&space, SEAM + PAGE).payload, page.payload);
    CHECK((vmm_query(&space, SEAM + PAGE).prot & QUIRE_PROT_WRITE) != 0);
    CHECK_EQUAL(vmm_query(&space, SEAM + PAGE).flags & QUIRE_PAGE_COPY_ON_WRITE, 0);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, the_first_write_copies_and_the_last_owner_keeps)
{
    vmm_each_format(copy_on_write);
}
