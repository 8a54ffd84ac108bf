/* SPDX-License-Identifier: MIT */
/* stacks.c - every stack of the kernel has a guard page below it, and is all there above it. */
#include "calls.h"
#include "initrd.h"
#include "memory.h"
#include "process.h"
#include "test.h"

#define STACK_BYTES_LEAST (4 * QUIRE_PAGE_BYTES)

static void check_guard(quire_va_t guard)
{
    quire_extent_t extent;
    quire_cursor_t cursor;

    CHECK_EQUAL(guard & QUIRE_PAGE_MASK, 0);
    CHECK_OK(quire_cursor_open(&cursor, &kernel_space.table, guard, guard + QUIRE_PAGE_BYTES, QUIRE_CURSOR_READ));
    extent = quire_cursor_query(&cursor, guard);
    quire_cursor_close(&cursor);
    CHECK_EQUAL(extent.page.kind, QUIRE_PAGE_GUARD);
}

static void check_mapped(quire_va_t start, quire_va_t end)
{
    for (quire_va_t va = start; va < end; va += QUIRE_PAGE_BYTES) {
        quire_extent_t extent;
        quire_cursor_t cursor;

        CHECK_OK(quire_cursor_open(&cursor, &kernel_space.table, va, va + QUIRE_PAGE_BYTES, QUIRE_CURSOR_READ));
        extent = quire_cursor_query(&cursor, va);
        quire_cursor_close(&cursor);
        CHECK_EQUAL(extent.page.kind, QUIRE_PAGE_MAPPED);
        CHECK((extent.page.prot & QUIRE_PROT_WRITE) != 0);
    }
}

TEST(stacks, of_the_machine_have_guard_pages)
{
    quire_va_t guard;
    unsigned count = 0;

    for (; arch_stack_guard(count, &guard) != NULL; count++) {
        check_guard(guard);
        check_mapped(guard + QUIRE_PAGE_BYTES, guard + QUIRE_PAGE_BYTES + 1);
    }
    CHECK(count >= 2);
}

TEST(stacks, of_a_process_are_whole)
{
    const char *const argv[] = {"/bin/hello", NULL};
    const char *const envp[] = {NULL};
    const char *reason;
    process_t *process;
    initrd_file_t file;

    CHECK_OK(initrd_find(argv[0], &file));
    CHECK_OK(process_start(file.data, file.bytes, "hello", argv, envp, &process, &reason));
    check_guard(process->stack - QUIRE_PAGE_BYTES);
    CHECK((quire_va_t)(uintptr_t)process->files - process->stack >= STACK_BYTES_LEAST);
    check_mapped(process->stack, (quire_va_t)(uintptr_t)process->files + sizeof(linux_state_t));
    process_kill(process, 137);
    process_reap(process);
}
