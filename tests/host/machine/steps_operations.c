/* SPDX-License-Identifier: MIT */
/* steps_operations.c - what steps.c interrupts: every way in which the library changes a table that is in use. */
#include "steps.h"

#define PAGE      STEPS_PAGE
#define AT        STEPS_AT
#define ONE       STEPS_ONE
#define TWO       STEPS_TWO
#define BYTES     (STEPS_FILLED * PAGE)
#define WRITE     ((unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_WRITE)
#define RW        ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define ELSEWHERE ((quire_va_t)0x60000000 - 2 * PAGE)
#define LARGE     ((quire_va_t)0x50000000)
#define BOTH      ((unsigned)QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY)

static void nothing(void)
{
}

static void gone(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        steps.pages[i].gone = true;
}

/* --- faults --- */

static void fault_promise(void)
{
    CHECK_OK(quire_vmm_fault(ONE, AT + STEPS_FILLED * PAGE, WRITE));
}

static void prepare_far_promise(void)
{
    quire_va_t va;

    steps_use_pages();
    CHECK_OK(quire_vmm_reserve(ONE, ELSEWHERE, PAGE, RW, QUIRE_RESERVE_FIXED, &va));
}

static void fault_new_table(void)
{
    CHECK_OK(quire_vmm_fault(ONE, ELSEWHERE, WRITE));
}

static void fork_child(void)
{
    CHECK_OK(quire_vmm_fork(ONE, &steps.child, 3));
    steps.has_child = true;
}

static void prepare_shared(void)
{
    steps_use_pages();
    fork_child();
    for (unsigned i = 0; i < 4; i++)
        steps_read(i);
}

static void copy_on_write(void)
{
    for (unsigned i = 0; i < 2; i++)
        CHECK_OK(quire_vmm_fault(ONE, AT + i * PAGE, WRITE));
}

static void prepare_last_holder(void)
{
    prepare_shared();
    quire_vmm_destroy(&steps.child);
    steps.has_child = false;
}

/* --- ranges --- */

static void fork_now(void)
{
    fork_child();
    steps.child_is_alike = true;
}

static void protect_read(void)
{
    CHECK_OK(quire_vmm_protect(ONE, AT, BYTES, QUIRE_PROT_READ));
}

static void hide(void)
{
    CHECK_OK(quire_vmm_protect(ONE, AT, BYTES, QUIRE_PROT_NONE));
}

static void prepare_hidden(void)
{
    steps_use_pages();
    hide();
}

static void show(void)
{
    CHECK_OK(quire_vmm_protect(ONE, AT, BYTES, RW));
}

static void unmap_some(void)
{
    CHECK_OK(quire_vmm_unmap(ONE, AT, 3 * PAGE));
    gone(0, 3);
}

static void unmap_all(void)
{
    CHECK_OK(quire_vmm_unmap(ONE, AT, STEPS_PAGES * PAGE));
    gone(0, STEPS_FILLED);
}

static void discard(void)
{
    CHECK_OK(quire_vmm_discard(ONE, AT + PAGE, 2 * PAGE));
    gone(1, 2);
}

static void move(void)
{
    quire_va_t va;

    CHECK_OK(quire_vmm_move(ONE, AT, BYTES, BYTES, QUIRE_MOVE_FIXED, ELSEWHERE, &va));
    for (unsigned i = 0; i < STEPS_FILLED; i++)
        steps.pages[i].va = ELSEWHERE + i * PAGE;
}

static void populate(void)
{
    CHECK_OK(quire_vmm_populate(ONE, AT, STEPS_PAGES * PAGE));
}

static void copy_to_user(void)
{
    CHECK_OK(quire_vmm_copy_to_user(ONE, AT + PAGE + 1, "x", 1, NULL));
    CHECK_OK(quire_vmm_poke(ONE, AT + 3 * PAGE + 1, "x", 1));
}

static void copied(void)
{
    for (unsigned i = 1; i < 4; i += 2) {
        quire_cursor_t cursor;

        CHECK_OK(quire_cursor_open(&cursor, &ONE->table, AT + i * PAGE, AT + (i + 1) * PAGE, QUIRE_CURSOR_READ));
        CHECK(quire_cursor_page(&cursor, AT + i * PAGE).flags & QUIRE_PAGE_DIRTY);
        quire_cursor_close(&cursor);
    }
}

static void destroy_two(void)
{
    quire_vmm_destroy(TWO);
    steps.two_is_gone = true;
}

/* --- cursors --- */

static void harvest(void)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &ONE->table, AT, AT + BYTES, QUIRE_CURSOR_EDGES));
    for (unsigned i = 0; i < STEPS_FILLED; i++)
        steps.pages[i].harvested = quire_cursor_harvest(&cursor, AT + i * PAGE, BOTH).page.flags;
    quire_cursor_close(&cursor);
}

static quire_va_t span(void)
{
    return (quire_va_t)quire_format_span(steps.format, 2);
}

/* A large page of device memory stands in for the pages from 0 to 3. */
static void prepare_large(void)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &ONE->table, LARGE, LARGE + span(), QUIRE_CURSOR_EDGES));
    CHECK_OK(
        quire_cursor_map(&cursor, LARGE, 2, quire_frame(HOST_MODEL_DEVICE), RW | QUIRE_PROT_USER, QUIRE_PAGE_FOREIGN));
    quire_cursor_close(&cursor);
    ONE->reserved_pages += span() / PAGE;
    for (unsigned i = 0; i < STEPS_FILLED; i++)
        steps.pages[i] = (steps_page_t){.va = LARGE + i * PAGE, .gone = i > 3};
}

static void prepare_large_unused(void)
{
    prepare_large();
    for (unsigned i = 0; i < 4; i++)
        steps_write(i, 0);
    for (unsigned i = 0; i < 4; i++)
        steps.pages[i].written = false;
    quire_cursor_t cursor;
    CHECK_OK(quire_cursor_open(&cursor, &ONE->table, LARGE, LARGE + span(), QUIRE_CURSOR_EDGES));
    (void)quire_cursor_harvest(&cursor, LARGE, BOTH);
    quire_cursor_close(&cursor);
    steps_read(1);
}

static void split(void)
{
    CHECK_OK(quire_vmm_protect(ONE, LARGE + 2 * PAGE, PAGE, QUIRE_PROT_READ));
}

static void prepare_small(void)
{
    prepare_large_unused();
    CHECK_OK(quire_vmm_protect(ONE, LARGE + 2 * PAGE, PAGE, QUIRE_PROT_READ));
    CHECK_OK(quire_vmm_protect(ONE, LARGE + 2 * PAGE, PAGE, RW));
    for (unsigned i = 0; i < 4; i++)
        steps_read(i);
}

static void promote(void)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &ONE->table, LARGE, LARGE + span(), QUIRE_CURSOR_EDGES));
    CHECK_OK(quire_cursor_promote(&cursor, LARGE, 2));
    quire_cursor_close(&cursor);
}

/* Over a table of promises, where another CPU has looked for something in vain. */
static void prepare_table_of_promises(void)
{
    quire_va_t va;

    steps_use_pages();
    CHECK_OK(quire_vmm_reserve(ONE, LARGE + PAGE, 2 * PAGE, RW, QUIRE_RESERVE_FIXED, &va));
    (void)host_model_prefetch(1, LARGE + PAGE);
}

static void map_large(void)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &ONE->table, LARGE, LARGE + span(), QUIRE_CURSOR_EDGES));
    CHECK_OK(
        quire_cursor_map(&cursor, LARGE, 2, quire_frame(HOST_MODEL_DEVICE), RW | QUIRE_PROT_USER, QUIRE_PAGE_FOREIGN));
    ONE->reserved_pages += span() / PAGE - 2;
    quire_cursor_close(&cursor);
}

/* --- the kernel's half, in reach of every process --- */

static void prepare_kernel(void)
{
    quire_va_t va;
    model_translation_t found;

    steps_use_pages();
    CHECK_OK(quire_vmm_reserve(&steps.kernel, steps.kernel_va, 2 * PAGE, RW, QUIRE_RESERVE_FIXED, &va));
    CHECK_OK(quire_vmm_populate(&steps.kernel, steps.kernel_va, 2 * PAGE));
    CHECK(host_model_translate(1, steps.kernel_va, &found));
    steps_load(1, TWO);
    (void)host_model_prefetch(1, steps.kernel_va);
    steps_load(1, ONE);
    (void)host_model_prefetch(1, steps.kernel_va);
}

static void unmap_kernel(void)
{
    CHECK_OK(quire_vmm_unmap(&steps.kernel, steps.kernel_va, 2 * PAGE));
}

static void look_for_kernel(void)
{
    quire_space_t *const spaces[] = {ONE, TWO, ONE};

    for (unsigned i = 0; i < 3; i++) {
        steps_load(1, spaces[i]);
        CHECK(host_model_access(1, steps.kernel_va, 1, MODEL_READ, MODEL_SUPERVISOR).fault.raised);
    }
}

const steps_operation_t steps_operations[] = {
    {"a fault on a promise", steps_use_pages, fault_promise, nothing, false},
    {"a fault that needs a table", prepare_far_promise, fault_new_table, nothing, false},
    {"a write to shared pages", prepare_shared, copy_on_write, nothing, false},
    {"a write by the last holder", prepare_last_holder, copy_on_write, nothing, false},
    {"fork", steps_use_pages, fork_now, nothing, false},
    {"protect", steps_use_pages, protect_read, nothing, false},
    {"hide", steps_use_pages, hide, nothing, false},
    {"show", prepare_hidden, show, nothing, false},
    {"unmap", steps_use_pages, unmap_some, nothing, false},
    {"unmap to the last page", steps_use_pages, unmap_all, nothing, false},
    {"discard", steps_use_pages, discard, nothing, false},
    {"move", steps_use_pages, move, nothing, false},
    {"populate", steps_use_pages, populate, nothing, false},
    {"copies", steps_use_pages, copy_to_user, copied, false},
    {"harvest", steps_use_pages, harvest, nothing, false},
    {"split", prepare_large_unused, split, nothing, false},
    {"promote", prepare_small, promote, nothing, false},
    {"a large page over promises", prepare_table_of_promises, map_large, nothing, false},
    {"unmap in the kernel", prepare_kernel, unmap_kernel, look_for_kernel, false},
    {"destroy", steps_use_pages, destroy_two, nothing, true},
    {NULL, NULL, NULL, NULL, false},
};
