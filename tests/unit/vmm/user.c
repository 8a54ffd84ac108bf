/* SPDX-License-Identifier: MIT */
/* user.c - the kernel's copies: what they reach, what they refuse, and what they leave alone. */
#include "fixture.h"
#include "string.h"

typedef struct bad_pointer {
    quire_va_t va;
    size_t bytes;
    size_t readable; /* before the first bad byte */
    size_t writable;
} bad_pointer_t;

static void try_bad_pointer(quire_space_t *space, const bad_pointer_t *bad)
{
    static uint8_t buffer[8 * QUIRE_PAGE_BYTES];
    size_t copied = 999;

    CHECK_EQUAL(quire_vmm_copy_from_user(space, buffer, bad->va, bad->bytes, &copied),
                bad->readable == bad->bytes ? QUIRE_OK : QUIRE_DENIED);
    CHECK_EQUAL(copied, bad->readable);
    CHECK_EQUAL(quire_vmm_copy_to_user(space, bad->va, buffer, bad->bytes, &copied), QUIRE_DENIED);
    CHECK_EQUAL(copied, bad->writable);
    CHECK_EQUAL(quire_vmm_clear_user(space, bad->va, bad->bytes), QUIRE_DENIED);
    CHECK_EQUAL(quire_vmm_copy_to_user(space, bad->va, buffer, bad->bytes, NULL), QUIRE_DENIED);
}

/* Pages at SEAM: read and write, read only, guard, nothing; the last page of the space is read and write. */
static void hostile(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_va_t end = fixture->user_end;
    const bad_pointer_t bad[] = {
        {0, 1, 0, 0},
        {0, SIZE_MAX, 0, 0},
        {4, 8, 0, 0},
        {USER_START - 1, 2, 0, 0},
        {SEAM + PAGE - 8, 16, 16, 8},
        {SEAM + PAGE, 4, 4, 0},
        {SEAM, 2 * PAGE + 1, 2 * PAGE, PAGE},
        {SEAM + 2 * PAGE, 1, 0, 0},
        {SEAM + 3 * PAGE, 1, 0, 0},
        {end - 16, 32, 16, 16},
        {end - 16, SIZE_MAX, 16, 16},
        {end, 1, 0, 0},
        {fixture->kernel.start, 64, 0, 0},
        {fixture->kernel.end - PAGE, 64, 0, 0},
        {end - 1 + (fixture->kernel.start - end) / 2, 8, 0, 0},
        {~(quire_va_t)0, 1, 0, 0},
        {~(quire_va_t)0 - 7, 64, 0, 0},
        {~(quire_va_t)0 - 7, SIZE_MAX, 0, 0},
    };
    quire_space_t space;
    quire_va_t va;

    vmm_make(fixture, &space, 1);
    CHECK_OK(quire_vmm_reserve(&fixture->kernel, 0, PAGE, READ_WRITE, 0, &va));
    CHECK_OK(quire_vmm_populate(&fixture->kernel, va, PAGE));
    CHECK_EQUAL(va, fixture->kernel.end - PAGE);
    vmm_reserve_at(&space, SEAM, 1, READ_WRITE);
    vmm_reserve_at(&space, SEAM + PAGE, 1, QUIRE_PROT_READ);
    CHECK_OK(quire_vmm_reserve(&space, SEAM + 2 * PAGE, PAGE, 0, QUIRE_RESERVE_FIXED | QUIRE_RESERVE_GUARD, &va));
    vmm_reserve_at(&space, end - PAGE, 1, READ_WRITE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        try_bad_pointer(&space, &bad[i]);
    CHECK_OK(quire_vmm_unmap(&fixture->kernel, fixture->kernel.end - PAGE, PAGE));
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, hostile_pointers_are_refused)
{
    vmm_each_format(hostile);
}

static void nothing_to_copy(fixture_t *fixture)
{
    quire_space_t space;
    size_t copied = 9;
    uint8_t byte = 1;

    vmm_make(fixture, &space, 1);
    CHECK_OK(quire_vmm_copy_to_user(&space, 0, &byte, 0, &copied));
    CHECK_EQUAL(copied, 0);
    CHECK_OK(quire_vmm_copy_from_user(&space, &byte, fixture->kernel.start, 0, &copied));
    CHECK_OK(quire_vmm_clear_user(&space, 0, 0));
    /* The kernel's own space is nobody's user memory. */
    CHECK_EQUAL(quire_vmm_copy_to_user(&fixture->kernel, fixture->kernel.start, &byte, 1, &copied), QUIRE_DENIED);
    quire_vmm_destroy(&space);
}

TEST(vmm, copying_nothing_is_always_right)
{
    vmm_each_format(nothing_to_copy);
}

/* Unaligned, over four pages and the seam of two tables, there and back. */
static void round_trip(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    size_t bytes = 3 * QUIRE_PAGE_BYTES;
    uint8_t *there = test_memory(bytes);
    uint8_t *back = test_memory(bytes);
    quire_va_t va = SEAM - PAGE - 100;
    quire_space_t space;
    size_t copied;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - 2 * PAGE, 4, READ_WRITE);
    for (size_t i = 0; i < bytes; i++)
        there[i] = (uint8_t)(i * 7 + i / 251);
    CHECK_OK(quire_vmm_copy_to_user(&space, va, there, bytes, &copied));
    CHECK_EQUAL(copied, bytes);
    CHECK_OK(quire_vmm_copy_from_user(&space, back, va, bytes, &copied));
    CHECK(memcmp(there, back, bytes) == 0);
    CHECK((vmm_query(&space, va).flags & QUIRE_PAGE_DIRTY) != 0);
    CHECK_OK(quire_vmm_clear_user(&space, va + 1, bytes - 2));
    memset(there + 1, 0, bytes - 2);
    CHECK_OK(quire_vmm_copy_from_user(&space, back, va, bytes, NULL));
    CHECK(memcmp(there, back, bytes) == 0);
    CHECK_EQUAL(space.table.mapped_pages, 4);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, bytes_go_there_and_come_back)
{
    vmm_each_format(round_trip);
}

static void strings(fixture_t *fixture)
{
    static const char text[] = "a gathering of pages";
    size_t free_frames = vmm_free_frames(fixture);
    quire_va_t end = SEAM + PAGE;
    quire_space_t space;
    char back[32];
    size_t length = 77;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - PAGE, 2, READ_WRITE);
    CHECK_OK(quire_vmm_copy_to_user(&space, SEAM - 5, text, sizeof(text), NULL));
    CHECK_OK(quire_vmm_copy_string_from_user(&space, back, SEAM - 5, sizeof(back), &length));
    CHECK_EQUAL(length, sizeof(text) - 1);
    CHECK(memcmp(back, text, sizeof(text)) == 0);
    CHECK_OK(quire_vmm_copy_string_from_user(&space, back, SEAM - 5, sizeof(text), &length));
    length = 77;
    CHECK_EQUAL(quire_vmm_copy_string_from_user(&space, back, SEAM - 5, sizeof(text) - 1, &length), QUIRE_NO_SPACE);
    CHECK_EQUAL(quire_vmm_copy_string_from_user(&space, back, SEAM, 0, &length), QUIRE_NO_SPACE);
    CHECK_EQUAL(quire_vmm_copy_string_from_user(&space, back, SEAM - PAGE - 1, 4, &length), QUIRE_DENIED);
    /* A string that ends with its page is whole; one that does not end there is not. */
    CHECK_OK(quire_vmm_copy_to_user(&space, end - sizeof(text), text, sizeof(text), NULL));
    CHECK_EQUAL(length, 77);
    CHECK_OK(quire_vmm_copy_string_from_user(&space, back, end - sizeof(text), sizeof(back), &length));
    CHECK_EQUAL(length, sizeof(text) - 1);
    length = 77;
    CHECK_OK(quire_vmm_copy_to_user(&space, end - 1, "x", 1, NULL));
    CHECK_EQUAL(quire_vmm_copy_string_from_user(&space, back, end - sizeof(text), sizeof(back), &length), QUIRE_DENIED);
    CHECK_EQUAL(length, 77);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, strings_end_where_they_end)
{
    vmm_each_format(strings);
}

/* A loader writes into text that the process may only read or execute; a debugger looks without leaving a trace. */
static void poke_and_peek(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_va_t va;
    uint8_t text[16] = {1, 2, 3};
    uint8_t back[16];

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - PAGE, 2, QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    CHECK_OK(quire_vmm_peek(&space, back, SEAM - 8, sizeof(back)));
    CHECK_EQUAL(back[0] | back[15], 0);
    CHECK_EQUAL(space.table.mapped_pages, 0);
    CHECK_OK(quire_vmm_poke(&space, SEAM - 8, text, sizeof(text)));
    CHECK_EQUAL(space.table.mapped_pages, 2);
    CHECK_EQUAL(vmm_query(&space, SEAM).prot, QUIRE_PROT_READ | QUIRE_PROT_EXEC | QUIRE_PROT_USER);
    CHECK_EQUAL(quire_vmm_copy_to_user(&space, SEAM, text, 1, NULL), QUIRE_DENIED);
    CHECK_OK(quire_vmm_peek(&space, back, SEAM - 8, sizeof(back)));
    CHECK(memcmp(text, back, sizeof(text)) == 0);
    vmm_reserve_at(&space, SEAM + 4 * PAGE, 1, QUIRE_PROT_NONE);
    CHECK_OK(quire_vmm_poke(&space, SEAM + 4 * PAGE, text, 4));
    CHECK_EQUAL(vmm_query(&space, SEAM + 4 * PAGE).kind, QUIRE_PAGE_HIDDEN);
    CHECK_OK(quire_vmm_poke(&space, SEAM + 4 * PAGE + 2, text, 4));
    CHECK_OK(quire_vmm_reserve(&space, SEAM + 5 * PAGE, PAGE, 0, QUIRE_RESERVE_FIXED | QUIRE_RESERVE_GUARD, &va));
    CHECK_EQUAL(quire_vmm_poke(&space, SEAM + 5 * PAGE, text, 4), QUIRE_DENIED);
    CHECK_EQUAL(quire_vmm_poke(&space, SEAM + 6 * PAGE, text, 4), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_poke(&space, fixture->kernel.start, text, 4), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_peek(&space, back, fixture->kernel.start, 4), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_peek(&space, back, ~(quire_va_t)3, 16), QUIRE_NOT_FOUND);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, poke_and_peek_disregard_protection)
{
    vmm_each_format(poke_and_peek);
}

static unsigned noted(quire_space_t *space, quire_va_t va)
{
    return vmm_query(space, va).flags & (QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY);
}

/* A page that is written while it is hidden must not look clean when it is shown again, whichever way it came to be
   hidden: promised so, or with a frame, or shared with a child. */
static void poke_hidden(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_space_t child;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 1, QUIRE_PROT_NONE);
    vmm_reserve_at(&space, SEAM + PAGE, 2, READ_WRITE);
    CHECK_OK(quire_vmm_populate(&space, SEAM + PAGE, 2 * PAGE));
    CHECK_OK(quire_vmm_protect(&space, SEAM + PAGE, 2 * PAGE, QUIRE_PROT_NONE));
    CHECK_OK(quire_vmm_fork(&space, &child, 2));
    for (unsigned i = 0; i < 2; i++)
        CHECK_OK(quire_vmm_poke(&space, SEAM + i * PAGE, "x", 1));
    CHECK_OK(quire_vmm_protect(&space, SEAM, 3 * PAGE, READ_WRITE));
    CHECK_EQUAL(noted(&space, SEAM), QUIRE_PAGE_DIRTY);
    CHECK_EQUAL(noted(&space, SEAM + PAGE), QUIRE_PAGE_DIRTY);
    CHECK_EQUAL(noted(&space, SEAM + 2 * PAGE), 0);
    quire_vmm_destroy(&child);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_page_poked_while_hidden_is_dirty)
{
    vmm_each_format(poke_hidden);
}

/* What the library reads or writes for a process is noted as the MMU would have noted it, and costs no flush. */
static void copies_noted(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    size_t length;
    char text[4];
    bool counts;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 5, READ_WRITE);
    CHECK_OK(quire_vmm_populate(&space, SEAM, 5 * PAGE));
    uint64_t flushes = test_flushes(&counts);
    CHECK_OK(quire_vmm_peek(&space, text, SEAM, 1));
    CHECK_OK(quire_vmm_copy_from_user(&space, text, SEAM + PAGE, 1, NULL));
    CHECK_OK(quire_vmm_copy_string_from_user(&space, text, SEAM + 2 * PAGE, sizeof(text), &length));
    CHECK_OK(quire_vmm_copy_to_user(&space, SEAM + 3 * PAGE, "x", 1, NULL));
    CHECK_OK(quire_vmm_clear_user(&space, SEAM + 4 * PAGE, 1));
    CHECK_EQUAL(test_flushes(&counts), flushes);
    CHECK_EQUAL(noted(&space, SEAM), 0);
    CHECK_EQUAL(noted(&space, SEAM + PAGE), QUIRE_PAGE_ACCESSED);
    CHECK_EQUAL(noted(&space, SEAM + 2 * PAGE), QUIRE_PAGE_ACCESSED);
    CHECK_EQUAL(noted(&space, SEAM + 3 * PAGE), QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY);
    CHECK_EQUAL(noted(&space, SEAM + 4 * PAGE), QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, copies_are_noted_as_the_mmu_notes_accesses)
{
    vmm_each_format(copies_noted);
}

/* A copy that a write made is nowhere else: not clean, though nobody has written to it yet. The last holder's page was
   not copied. */
static void copied_on_write(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;
    quire_space_t child;

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM, 1, READ_WRITE);
    CHECK_OK(quire_vmm_populate(&space, SEAM, PAGE));
    CHECK_OK(quire_vmm_fork(&space, &child, 2));
    CHECK_OK(quire_vmm_fault(&child, SEAM, USER_WRITE));
    CHECK_OK(quire_vmm_fault(&space, SEAM, USER_WRITE));
    CHECK(noted(&child, SEAM) & QUIRE_PAGE_DIRTY);
    CHECK(!(noted(&space, SEAM) & QUIRE_PAGE_DIRTY));
    quire_vmm_destroy(&child);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_page_copied_on_write_is_dirty)
{
    vmm_each_format(copied_on_write);
}
