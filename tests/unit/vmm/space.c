/* SPDX-License-Identifier: MIT */
/* space.c - spaces come, go, and keep apart. */
#include "fixture.h"

static void create_and_destroy(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);

    for (uint32_t id = 1; id < 5; id++) {
        quire_space_t space;

        vmm_make(fixture, &space, id);
        CHECK(vmm_free_frames(fixture) < free_frames);
        vmm_reserve_at(&space, USER_START, 4, READ_WRITE);
        vmm_reserve_at(&space, SEAM - 2 * PAGE, 4, READ_WRITE);
        vmm_reserve_at(&space, fixture->user_end - 8 * PAGE, 8, READ_WRITE);
        CHECK_OK(quire_vmm_populate(&space, SEAM - 2 * PAGE, 4 * QUIRE_PAGE_BYTES));
        CHECK_OK(quire_vmm_fault(&space, fixture->user_end - 1, USER_WRITE));
        CHECK_EQUAL(space.reserved_pages, 16);
        vmm_end(fixture, &space, free_frames);
    }
}

TEST(vmm, destroying_gives_everything_back)
{
    vmm_each_format(create_and_destroy);
}

static void wrong_bounds(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_va_t end = fixture->user_end;
    quire_space_t *kernel = &fixture->kernel;
    quire_space_t space;

    CHECK_EQUAL(quire_vmm_create(&space, kernel, 1, 0, end), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create(&space, kernel, 1, USER_START + 1, end), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create(&space, kernel, 1, USER_START, end - 1), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create(&space, kernel, 1, USER_START, end + PAGE), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create(&space, kernel, 1, USER_START, kernel->end), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create(&space, kernel, 1, end, USER_START), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create(&space, kernel, 1, USER_START, USER_START), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create(&space, kernel, 0, USER_START, end), QUIRE_INVALID);
    CHECK_EQUAL(vmm_free_frames(fixture), free_frames);
}

TEST(vmm, a_space_has_sensible_bounds)
{
    vmm_each_format(wrong_bounds);
}

static void kernel_bounds(fixture_t *fixture)
{
    quire_space_t *kernel = &fixture->kernel;
    quire_va_t start = kernel->start;
    quire_va_t end = kernel->end;

    CHECK_EQUAL(quire_vmm_create_kernel(kernel, start + 1, end), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create_kernel(kernel, start, start), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_create_kernel(kernel, USER_START, end), QUIRE_INVALID);
    CHECK_EQUAL(kernel->start, start);
    CHECK_EQUAL(kernel->end, end);
}

TEST(vmm, the_kernels_space_lies_in_the_shared_half)
{
    vmm_each_format(kernel_bounds);
}

/* The kernel's space serves the kernel's heap: supervisor only, global, owned as such, and seen by every process. */
static void kernel_pages(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t *kernel = &fixture->kernel;
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    quire_space_t space;
    quire_page_t page;
    quire_va_t va;
    unsigned count;

    vmm_make(fixture, &space, 1);
    CHECK_EQUAL(quire_vmm_reserve(kernel, 0, PAGE, READ_WRITE | QUIRE_PROT_USER, 0, &va), QUIRE_INVALID);
    CHECK_OK(quire_vmm_reserve(kernel, 0, 3 * PAGE, READ_WRITE, 0, &va));
    CHECK_EQUAL(va, kernel->end - 3 * PAGE);
    CHECK_OK(quire_vmm_populate(kernel, va, 2 * PAGE));
    CHECK_OK(quire_vmm_fault(kernel, va + 2 * PAGE, QUIRE_ACCESS_WRITE));
    CHECK_EQUAL(quire_vmm_fault(kernel, va, USER_READ), QUIRE_DENIED);
    page = vmm_query(kernel, va);
    CHECK_EQUAL(page.kind, QUIRE_PAGE_MAPPED);
    CHECK_EQUAL(page.prot & QUIRE_PROT_USER, 0);
    CHECK((page.flags & QUIRE_PAGE_GLOBAL) != 0);
    CHECK_EQUAL(quire_pmm_frame_info(fixture->pmm, quire_frame((size_t)page.payload)).owner, QUIRE_OWNER_HEAP);
    count = quire_table_walk(&space.table, va, steps);
    CHECK(count > 0);
    CHECK_EQUAL(steps[count - 1].page.payload, page.payload);
    vmm_check_all(fixture, kernel);
    CHECK_OK(quire_vmm_unmap(kernel, va, 3 * PAGE));
    CHECK_EQUAL(kernel->reserved_pages, 0);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, the_kernels_pages_are_the_kernels)
{
    vmm_each_format(kernel_pages);
}

static void isolation(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t one;
    quire_space_t two;
    uint32_t word = 1;

    vmm_make(fixture, &one, 1);
    vmm_make(fixture, &two, 2);
    vmm_reserve_at(&one, SEAM, 1, READ_WRITE);
    vmm_reserve_at(&two, SEAM, 1, READ_WRITE);
    CHECK_OK(quire_vmm_copy_to_user(&one, SEAM, &word, sizeof(word), NULL));
    word = 2;
    CHECK_OK(quire_vmm_copy_to_user(&two, SEAM, &word, sizeof(word), NULL));
    CHECK_OK(quire_vmm_copy_from_user(&one, &word, SEAM, sizeof(word), NULL));
    CHECK_EQUAL(word, 1);
    CHECK_OK(quire_vmm_unmap(&one, SEAM, PAGE));
    CHECK_OK(quire_vmm_copy_from_user(&two, &word, SEAM, sizeof(word), NULL));
    CHECK_EQUAL(word, 2);
    CHECK_EQUAL(quire_vmm_peek(&one, &word, SEAM, sizeof(word)), QUIRE_NOT_FOUND);
    vmm_check_all(fixture, &one);
    quire_vmm_destroy(&one);
    vmm_end(fixture, &two, free_frames);
}

TEST(vmm, one_address_in_two_spaces_is_two_pages)
{
    vmm_each_format(isolation);
}

/* The check is worth something only if it sees what is wrong. */
static void check_sees(fixture_t *fixture)
{
    quire_space_t space;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 4, READ_WRITE);
    CHECK_OK(quire_vmm_check(&space));
    space.reserved_pages++;
    CHECK_EQUAL(quire_vmm_check(&space), QUIRE_CORRUPT);
    space.reserved_pages--;
    space.start = SEAM + PAGE;
    CHECK_EQUAL(quire_vmm_check(&space), QUIRE_CORRUPT);
    space.start = USER_START;
    space.search = fixture->user_end + PAGE;
    CHECK_EQUAL(quire_vmm_check(&space), QUIRE_CORRUPT);
    space.search = fixture->user_end;
    CHECK_OK(quire_vmm_check(&space));
    quire_vmm_destroy(&space);
}

TEST(vmm, the_check_sees_wrong_numbers)
{
    vmm_each_format(check_sees);
}
