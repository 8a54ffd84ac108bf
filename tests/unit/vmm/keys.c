/* SPDX-License-Identifier: MIT */
/* keys.c - protection keys: who is kept out, what a page's key survives, and where there are none. */
#include "fixture.h"

#define AT (SEAM - PAGE)

/* PKRU's bits for one key. */
#define NO_ACCESS(key) ((uint32_t)1 << 2 * (key))
#define NO_WRITE(key)  ((uint32_t)2 << 2 * (key))

static bool begin(fixture_t *fixture, quire_space_t *space)
{
    if (quire_format_keys(fixture->format) == 1)
        return false;
    vmm_make(fixture, space, 1);
    vmm_reserve_at(space, AT, 2, READ_WRITE);
    CHECK_OK(quire_vmm_protect_key(space, AT, 2 * QUIRE_PAGE_BYTES, READ_WRITE, 5));
    return true;
}

/* Reads and writes through the copies, as a system call would. */
static void check_copies(quire_space_t *space, quire_status_t reads, quire_status_t writes)
{
    char text[4] = "abc";
    size_t length;

    CHECK_EQUAL(quire_vmm_copy_to_user(space, AT, text, sizeof(text), NULL), writes);
    CHECK_EQUAL(quire_vmm_clear_user(space, AT + 8, 8), writes);
    CHECK_EQUAL(quire_vmm_copy_from_user(space, text, AT, sizeof(text), NULL), reads);
    CHECK_EQUAL(quire_vmm_copy_string_from_user(space, text, AT, sizeof(text), &length), reads);
}

static void kept_out(fixture_t *fixture)
{
    static quire_space_t space;
    size_t free_frames = vmm_free_frames(fixture);
    char byte = 1;

    if (!begin(fixture, &space))
        return;
    space.key_rights = NO_ACCESS(5);
    CHECK_EQUAL(quire_vmm_fault(&space, AT, USER_READ), QUIRE_DENIED);
    CHECK_EQUAL(quire_vmm_fault(&space, AT, USER_WRITE), QUIRE_DENIED);
    CHECK_EQUAL(vmm_query(&space, AT).kind, QUIRE_PAGE_RESERVED);
    CHECK(quire_vmm_key_forbids(&space, AT + 5, USER_READ));
    CHECK(!quire_vmm_key_forbids(&space, AT + 5, USER_EXEC));
    CHECK(!quire_vmm_key_forbids(&space, AT - 1, USER_READ));
    CHECK(!quire_vmm_key_forbids(&space, fixture->user_end, USER_READ));
    check_copies(&space, QUIRE_DENIED, QUIRE_DENIED);
    space.key_rights = NO_WRITE(5);
    CHECK_EQUAL(quire_vmm_fault(&space, AT, USER_WRITE), QUIRE_DENIED);
    CHECK(quire_vmm_key_forbids(&space, AT, USER_WRITE) && !quire_vmm_key_forbids(&space, AT, USER_READ));
    CHECK(quire_vmm_key_forbids(&space, AT, USER_READ | QUIRE_ACCESS_KEY));
    check_copies(&space, QUIRE_OK, QUIRE_DENIED);
    space.key_rights = ~(NO_ACCESS(5) | NO_WRITE(5));
    check_copies(&space, QUIRE_OK, QUIRE_OK);
    CHECK_EQUAL(quire_vmm_fault(&space, AT, USER_WRITE | QUIRE_ACCESS_KEY), QUIRE_DENIED);
    space.key_rights = NO_ACCESS(5) | NO_WRITE(5);
    CHECK_OK(quire_vmm_poke(&space, AT, &byte, 1));
    CHECK_OK(quire_vmm_peek(&space, &byte, AT, 1));
    CHECK_OK(quire_vmm_protect(&space, AT, QUIRE_PAGE_BYTES, READ_WRITE | QUIRE_PROT_EXEC));
    CHECK_OK(quire_vmm_fault(&space, AT, USER_EXEC));
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_key_keeps_reads_and_writes_out)
{
    vmm_each_format(kept_out);
}

/* The page is touched, hidden, shown, forked, written, moved and discarded. */
static void survives(fixture_t *fixture)
{
    static quire_space_t space;
    static quire_space_t child;
    size_t free_frames = vmm_free_frames(fixture);
    quire_va_t va;

    if (!begin(fixture, &space))
        return;
    CHECK_OK(quire_vmm_fault(&space, AT, USER_WRITE));
    CHECK_EQUAL(vmm_query(&space, AT).key, 5);
    CHECK_OK(quire_vmm_protect(&space, AT, QUIRE_PAGE_BYTES, QUIRE_PROT_NONE));
    CHECK_EQUAL(vmm_query(&space, AT).kind, QUIRE_PAGE_HIDDEN);
    CHECK_OK(quire_vmm_protect(&space, AT, QUIRE_PAGE_BYTES, READ_WRITE));
    CHECK_EQUAL(vmm_query(&space, AT).key, 5);
    space.key_rights = NO_ACCESS(7);
    CHECK_OK(quire_vmm_fork(&space, &child, 2));
    CHECK_EQUAL(child.key_rights, NO_ACCESS(7));
    CHECK_EQUAL(vmm_query(&child, AT).key, 5);
    CHECK_EQUAL(vmm_query(&child, AT + PAGE).key, 5);
    CHECK_OK(quire_vmm_fault(&child, AT, USER_WRITE));
    CHECK_EQUAL(vmm_query(&child, AT).key, 5);
    CHECK_OK(quire_vmm_populate(&child, AT, 2 * QUIRE_PAGE_BYTES));
    CHECK_EQUAL(vmm_query(&child, AT + PAGE).key, 5);
    CHECK_OK(
        quire_vmm_move(&space, AT, 2 * QUIRE_PAGE_BYTES, 4 * QUIRE_PAGE_BYTES, QUIRE_MOVE_FIXED, SEAM + 9 * PAGE, &va));
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQUAL(vmm_query(&space, va + i * PAGE).key, 5);
    CHECK_OK(quire_vmm_discard(&space, va, 4 * QUIRE_PAGE_BYTES));
    CHECK_EQUAL(vmm_query(&space, va).kind, QUIRE_PAGE_RESERVED);
    CHECK_EQUAL(vmm_query(&space, va).key, 5);
    CHECK_OK(quire_vmm_check(&child));
    quire_vmm_destroy(&child);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_key_survives_what_becomes_of_a_page)
{
    vmm_each_format(survives);
}

/* Device memory mapped by one large page is forked as it stands. */
static void large(fixture_t *fixture)
{
    static quire_space_t space;
    static quire_space_t child;
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    quire_cursor_t cursor;

    if (!begin(fixture, &space))
        return;
    CHECK_OK(quire_cursor_open(&cursor, &space.table, SEAM, SEAM + span, QUIRE_CURSOR_EDGES));
    CHECK_OK(
        quire_cursor_map(&cursor, SEAM, 2, quire_frame(0x40000), READ_WRITE | QUIRE_PROT_USER, QUIRE_PAGE_FOREIGN));
    quire_cursor_close(&cursor);
    space.reserved_pages += (size_t)(span / PAGE) - 1;
    CHECK_OK(quire_vmm_protect_key(&space, SEAM, (size_t)span, READ_WRITE, 11));
    CHECK_OK(quire_vmm_fork(&space, &child, 2));
    CHECK_EQUAL(vmm_query(&child, SEAM).key, 11);
    CHECK_EQUAL(vmm_query(&child, SEAM).kind, QUIRE_PAGE_MAPPED);
    CHECK_OK(quire_vmm_check(&child));
    quire_vmm_destroy(&child);
    quire_vmm_destroy(&space);
}

TEST(vmm, a_large_page_is_forked_with_its_key)
{
    vmm_each_format(large);
}

/* Two runs of pages that differ in their key alone are two areas, and are discarded as two. */
static void areas(fixture_t *fixture)
{
    static quire_space_t space;
    size_t free_frames = vmm_free_frames(fixture);
    quire_vmm_range_t range;

    if (!begin(fixture, &space))
        return;
    CHECK_OK(quire_vmm_protect_key(&space, AT + PAGE, QUIRE_PAGE_BYTES, READ_WRITE, 6));
    CHECK_OK(quire_vmm_next_range(&space, AT, &range));
    CHECK_EQUAL(range.key, 5);
    CHECK_EQUAL(range.end, AT + PAGE);
    CHECK_OK(quire_vmm_next_range(&space, range.end, &range));
    CHECK_EQUAL(range.key, 6);
    CHECK_OK(quire_vmm_populate(&space, AT, 2 * QUIRE_PAGE_BYTES));
    CHECK_OK(quire_vmm_discard(&space, AT, 2 * QUIRE_PAGE_BYTES));
    CHECK_EQUAL(vmm_query(&space, AT).key, 5);
    CHECK_EQUAL(vmm_query(&space, AT + PAGE).key, 6);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_key_divides_areas)
{
    vmm_each_format(areas);
}

static void refused(fixture_t *fixture)
{
    static quire_space_t space;
    bool has_keys = quire_format_keys(fixture->format) > 1;
    quire_status_t expected = has_keys ? QUIRE_OK : QUIRE_UNSUPPORTED;
    size_t free_frames = vmm_free_frames(fixture);

    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, AT, 2, READ_WRITE);
    CHECK_EQUAL(quire_vmm_protect_key(&space, AT, QUIRE_PAGE_BYTES, QUIRE_PROT_READ, QUIRE_KEYS), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_protect_key(&fixture->kernel, fixture->kernel.start, QUIRE_PAGE_BYTES, READ_WRITE, 1),
                QUIRE_UNSUPPORTED);
    CHECK_EQUAL(quire_vmm_protect_key(&space, AT - PAGE, 2 * QUIRE_PAGE_BYTES, READ_WRITE, 0), QUIRE_NOT_FOUND);
    CHECK_EQUAL(quire_vmm_protect_key(&space, AT, QUIRE_PAGE_BYTES, QUIRE_PROT_READ, 1), expected);
    CHECK_EQUAL(vmm_query(&space, AT).key, has_keys ? 1 : 0);
    CHECK_EQUAL((vmm_query(&space, AT).prot & QUIRE_PROT_WRITE) == 0, has_keys);
    CHECK_OK(quire_vmm_protect_key(&space, AT, QUIRE_PAGE_BYTES, QUIRE_PROT_READ, 0));
    CHECK_EQUAL(vmm_query(&space, AT).prot, QUIRE_PROT_READ | QUIRE_PROT_USER);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, keys_are_refused_where_there_are_none)
{
    vmm_each_format(refused);
}

/* With less and less memory: either all of it is done, or nothing. */
static void shortage(fixture_t *fixture)
{
    static quire_space_t space;
    size_t free_frames = vmm_free_frames(fixture);
    size_t bytes = 600 * QUIRE_PAGE_BYTES;
    quire_va_t start = SEAM - 300 * PAGE;
    quire_status_t status = QUIRE_NO_MEMORY;
    unsigned failures = 0;

    if (quire_format_keys(fixture->format) == 1)
        return;
    vmm_make(fixture, &space, 1);
    vmm_reserve_at(&space, SEAM - 1024 * PAGE, 2048, READ_WRITE);
    for (size_t left = 0; status == QUIRE_NO_MEMORY; left++, failures++) {
        test_pmm_leave(fixture->pmm, left);
        status = quire_vmm_protect_key(&space, start, bytes, QUIRE_PROT_READ, 3);
        test_pmm_restore(fixture->pmm);
        CHECK_EQUAL(vmm_query(&space, start).key, status == QUIRE_OK ? 3 : 0);
        CHECK_EQUAL(vmm_query(&space, start + bytes - PAGE).key, status == QUIRE_OK ? 3 : 0);
        vmm_check_all(fixture, &space);
    }
    CHECK_OK(status);
    CHECK(failures > 1);
    CHECK_EQUAL(vmm_query(&space, start - PAGE).key, 0);
    CHECK_EQUAL(vmm_query(&space, start + bytes).key, 0);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_key_is_given_to_all_of_a_range_or_to_nothing)
{
    vmm_each_format(shortage);
}
