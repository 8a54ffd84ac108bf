/* SPDX-License-Identifier: MIT */
/* fork.c - two processes from one: what they share, when they stop sharing, and what a failed fork leaves. */
#include "fixture.h"
#include "string.h"

static uint32_t read_word(quire_space_t *space, quire_va_t va)
{
    uint32_t word = 0;

    CHECK_OK(quire_vmm_copy_from_user(space, &word, va, sizeof(word), NULL));
    return word;
}

static void write_word(quire_space_t *space, quire_va_t va, uint32_t word)
{
    CHECK_OK(quire_vmm_copy_to_user(space, va, &word, sizeof(word), NULL));
}

static uint32_t references(fixture_t *fixture, quire_space_t *space, quire_va_t va)
{
    return quire_pmm_references(fixture->pmm, quire_frame((size_t)vmm_query(space, va).payload));
}

/* Data in two pages, a promise in one table, and a coarse one. */
static void prepare(quire_space_t *parent)
{
    quire_va_t va;

    CHECK_OK(quire_vmm_reserve(parent, 0, PAGE, READ_WRITE, 0, &va));
    vmm_reserve_at(parent, SEAM - 2 * PAGE, 4, READ_WRITE);
    vmm_reserve_at(parent, SEAM + 64 * MIB, (size_t)(512 * MIB / PAGE), READ_WRITE);
    write_word(parent, SEAM - PAGE, 1);
    write_word(parent, SEAM, 2);
}

static void check_separate(fixture_t *fixture, quire_space_t *parent, quire_space_t *child)
{
    write_word(child, SEAM, 3);
    CHECK_EQUAL(read_word(parent, SEAM), 2);
    CHECK_EQUAL(read_word(child, SEAM), 3);
    CHECK_EQUAL(references(fixture, parent, SEAM), 1);
    write_word(parent, SEAM, 4);
    CHECK_EQUAL(read_word(child, SEAM), 3);
    /* The parent writes first, one word of a shared page: the child keeps all of it. */
    write_word(parent, SEAM - PAGE + 8, 6);
    CHECK_EQUAL(read_word(child, SEAM - PAGE + 8), 0);
    CHECK_EQUAL(read_word(parent, SEAM - PAGE), 1);
    CHECK_EQUAL(read_word(child, SEAM - PAGE), 1);
    /* Promises are not shared: each gets its own zeros. */
    write_word(child, SEAM + 100 * MIB, 5);
    CHECK_EQUAL(read_word(parent, SEAM + 100 * MIB), 0);
}

static void sharing(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t parent;
    quire_space_t child;
    size_t before;

    vmm_make(fixture, &parent, 1);
    prepare(&parent);
    before = vmm_free_frames(fixture);
    CHECK_OK(quire_vmm_fork(&parent, &child, 2));
    CHECK(before - vmm_free_frames(fixture) <= parent.table.table_frames);
    vmm_check_all(fixture, &parent);
    vmm_check_all(fixture, &child);
    CHECK_EQUAL(child.reserved_pages, parent.reserved_pages);
    CHECK_EQUAL(child.search, parent.search);
    CHECK_EQUAL(child.table.mapped_pages, 2);
    CHECK_EQUAL(references(fixture, &parent, SEAM), 2);
    CHECK_EQUAL(vmm_query(&parent, SEAM).payload, vmm_query(&child, SEAM).payload);
    check_separate(fixture, &parent, &child);
    quire_vmm_destroy(&parent);
    CHECK_EQUAL(read_word(&child, SEAM - PAGE), 1);
    CHECK_EQUAL(references(fixture, &child, SEAM - PAGE), 1);
    CHECK_OK(quire_vmm_fault(&child, SEAM - PAGE, USER_WRITE));
    CHECK_EQUAL(vmm_query(&child, SEAM - PAGE).flags & QUIRE_PAGE_COPY_ON_WRITE, 0);
    vmm_end(fixture, &child, free_frames);
}

TEST(vmm, fork_shares_until_the_first_write)
{
    vmm_each_format(sharing);
}

/* Rights change while pages are shared; what was read-only, or without any right, must still copy. */
static void rights_after(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t parent;
    quire_space_t child;

    vmm_make(fixture, &parent, 1);
    vmm_reserve_at(&parent, SEAM, 3, READ_WRITE);
    for (unsigned i = 0; i < 3; i++)
        write_word(&parent, SEAM + i * PAGE, 10 + i);
    CHECK_OK(quire_vmm_protect(&parent, SEAM, PAGE, QUIRE_PROT_READ));
    CHECK_OK(quire_vmm_protect(&parent, SEAM + PAGE, PAGE, QUIRE_PROT_NONE));
    CHECK_OK(quire_vmm_fork(&parent, &child, 2));
    CHECK_EQUAL(vmm_query(&child, SEAM + PAGE).kind, QUIRE_PAGE_HIDDEN);
    CHECK_EQUAL(quire_vmm_fault(&child, SEAM, USER_WRITE), QUIRE_DENIED);
    CHECK_OK(quire_vmm_protect(&child, SEAM, 3 * PAGE, READ_WRITE));
    CHECK_OK(quire_vmm_protect(&parent, SEAM + 2 * PAGE, PAGE, QUIRE_PROT_NONE));
    CHECK_OK(quire_vmm_protect(&parent, SEAM, 3 * PAGE, READ_WRITE));
    for (unsigned i = 0; i < 3; i++) {
        write_word(&child, SEAM + i * PAGE, 20 + i);
        CHECK_EQUAL(read_word(&parent, SEAM + i * PAGE), 10 + i);
        write_word(&parent, SEAM + i * PAGE, 30 + i);
        CHECK_EQUAL(read_word(&child, SEAM + i * PAGE), 20 + i);
    }
    quire_vmm_destroy(&parent);
    vmm_end(fixture, &child, free_frames);
}

TEST(vmm, rights_that_change_do_not_end_the_sharing)
{
    vmm_each_format(rights_after);
}

static void poke_shared(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t parent;
    quire_space_t child;
    uint32_t word = 7;

    vmm_make(fixture, &parent, 1);
    vmm_reserve_at(&parent, SEAM, 1, QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    CHECK_OK(quire_vmm_poke(&parent, SEAM, &word, sizeof(word)));
    CHECK_OK(quire_vmm_fork(&parent, &child, 2));
    word = 8;
    CHECK_OK(quire_vmm_poke(&child, SEAM, &word, sizeof(word)));
    CHECK_EQUAL(read_word(&parent, SEAM), 7);
    CHECK_EQUAL(read_word(&child, SEAM), 8);
    CHECK_EQUAL(vmm_query(&child, SEAM).prot & QUIRE_PROT_WRITE, 0);
    CHECK_OK(quire_vmm_discard(&parent, SEAM, PAGE));
    CHECK_EQUAL(read_word(&parent, SEAM), 0);
    quire_vmm_destroy(&parent);
    vmm_end(fixture, &child, free_frames);
}

TEST(vmm, a_debugger_writes_into_one_of_two)
{
    vmm_each_format(poke_shared);
}

static void fork_without_memory(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_status_t status = QUIRE_NO_MEMORY;
    quire_space_t parent;

    vmm_make(fixture, &parent, 1);
    vmm_reserve_at(&parent, SEAM - 4 * PAGE, 8, READ_WRITE);
    vmm_reserve_at(&parent, SEAM + 100 * MIB + PAGE, 5000, READ_WRITE);
    for (quire_va_t va = SEAM - 4 * PAGE; va < SEAM + 4 * PAGE; va += PAGE)
        write_word(&parent, va, (uint32_t)va);
    for (size_t frames = 0; status != QUIRE_OK; frames++) {
        quire_space_t child;
        quire_va_t va = SEAM - 4 * PAGE + (frames % 8) * PAGE;

        test_pmm_leave(fixture->pmm, frames);
        status = quire_vmm_fork(&parent, &child, 2);
        if (status != QUIRE_OK) {
            CHECK_EQUAL(status, QUIRE_NO_MEMORY);
            CHECK_EQUAL(vmm_free_frames(fixture), frames);
        } else {
            quire_vmm_destroy(&child);
        }
        test_pmm_restore(fixture->pmm);
        vmm_check_all(fixture, &parent);
        CHECK_EQUAL(read_word(&parent, va), (uint32_t)va);
        write_word(&parent, va, (uint32_t)va);
        CHECK_EQUAL(parent.table.mapped_pages, 8);
        CHECK(frames < 64);
    }
    vmm_end(fixture, &parent, free_frames);
}

TEST(vmm, a_failed_fork_leaves_the_parent)
{
    vmm_each_format(fork_without_memory);
}

static void fork_refused(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t parent;
    quire_space_t child;

    vmm_make(fixture, &parent, 1);
    CHECK_EQUAL(quire_vmm_fork(&parent, &child, 0), QUIRE_INVALID);
    CHECK_EQUAL(quire_vmm_fork(&fixture->kernel, &child, 2), QUIRE_INVALID);
    vmm_end(fixture, &parent, free_frames);
}

TEST(vmm, the_kernel_does_not_fork)
{
    vmm_each_format(fork_refused);
}

/* A promise that was cut and is whole again: the child gets no table for it, and the parent's goes. */
static void joins_promises(fixture_t *fixture)
{
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t parent;
    quire_space_t child;
    size_t tables;

    vmm_make(fixture, &parent, 1);
    vmm_reserve_at(&parent, SEAM, (size_t)(2 * span / PAGE), READ_WRITE);
    CHECK_OK(quire_vmm_fault(&parent, SEAM + span, USER_WRITE));
    CHECK_OK(quire_vmm_protect(&parent, SEAM + PAGE, PAGE, QUIRE_PROT_READ));
    CHECK_OK(quire_vmm_protect(&parent, SEAM + PAGE, PAGE, READ_WRITE));
    tables = parent.table.table_frames;
    CHECK_OK(quire_vmm_fork(&parent, &child, 2));
    CHECK_EQUAL(parent.table.table_frames, tables - 1);
    CHECK_EQUAL(child.table.table_frames, tables - 1);
    CHECK_OK(quire_vmm_check(&parent));
    CHECK_OK(quire_vmm_check(&child));
    CHECK_OK(quire_vmm_fault(&parent, SEAM + PAGE, USER_WRITE));
    CHECK_OK(quire_vmm_fault(&child, SEAM + PAGE, USER_WRITE));
    quire_vmm_destroy(&child);
    vmm_end(fixture, &parent, free_frames);
}

TEST(vmm, fork_joins_promises_that_were_cut)
{
    vmm_each_format(joins_promises);
}
