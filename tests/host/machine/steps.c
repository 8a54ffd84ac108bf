/* SPDX-License-Identifier: MIT */
/*
 * steps.c - the MMU, and another CPU, between any two accesses of the library to a table.
 *
 * Problem. A test that lets CPUs work before and after a call, but not during it, sees none of the bugs that live in
 * between: an accessed or dirty bit that is set after a word was read and is lost when it is written; a CPU that goes
 * on writing through what it holds until it answers a shootdown; one that loads the tree when it is no longer asked;
 * one that descends past half an entry.
 *
 * Idea. Each operation is run once to count its steps (host_model_steps), and then again and again: each time CPU 1
 * does one thing, before one of the steps: before each write of the library and the reads that lead to it; where there
 * are many, before some of them. Then all must be as if that had happened before the call, or after it: what CPU 1
 * wrote is where the page is now, and the page is dirty; the model has seen no translation to a freed frame and none
 * out of date when it is used; references add up.
 *
 * What CPU 1 may do: use a page, have the processor translate ahead of use, run another process for a while, or come
 * back to this one. A fault it takes is one that its process would take later.
 */
#include "steps.h"

#include <stdio.h>

steps_t steps;

static const quire_va_t starts[] = {[2] = (quire_va_t)0xc0000000u,
                                    [3] = (quire_va_t)0xc0000000u,
                                    [4] = (quire_va_t)0xffff800000000000u,
                                    [5] = (quire_va_t)0xff00000000000000u};

size_t steps_free_frames(void)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(steps.pmm, &stats);
    return stats.free_frames;
}

void steps_start(const quire_format_t *format, bool tags)
{
    unsigned levels = quire_format_levels(format);
    quire_va_t shared = starts[levels];
    quire_va_t area = shared + 16 * STEPS_MIB;

    steps = (steps_t){.format = format, .kernel_va = area};
    host_model_start(&(host_model_config_t){.format = format,
                                            .first = quire_frame(levels < 4 ? 0x100000 - STEPS_FRAMES : 0x10000000),
                                            .frames = STEPS_FRAMES,
                                            .cpus = 2,
                                            .tags = tags});
    steps.pmm = host_model_pmm();
    CHECK_OK(quire_table_create_kernel(&steps.kernel.table, format, steps.pmm, QUIRE_ZONE_ANY, shared));
    CHECK_OK(quire_table_pin(&steps.kernel.table, area, area + 4 * STEPS_MIB));
    quire_table_seal(&steps.kernel.table);
    CHECK_OK(quire_vmm_create_kernel(&steps.kernel, area, area + 4 * STEPS_MIB));
    host_model_boot(quire_table_root(&steps.kernel.table));
}

void steps_load(unsigned cpu, quire_space_t *space)
{
    host_use_cpu(cpu);
    quire_vmm_activate(space);
    host_use_cpu(0);
}

/* CPU 1 writes to a page of its process. A fault leaves everything as it was. */
void steps_write(unsigned page, uint8_t byte)
{
    size_t done;

    if (host_model_loaded(1) != 1)
        return;
    if (host_model_write(1, steps.pages[page].va, &byte, 1, MODEL_USER, &done).raised)
        return;
    steps.pages[page].byte = byte;
    steps.pages[page].written = true;
}

void steps_read(unsigned page)
{
    uint8_t byte;
    size_t done;

    if (host_model_loaded(1) == 1)
        (void)host_model_read(1, steps.pages[page].va, &byte, 1, MODEL_USER, &done);
}

/* Two processes; of the first, pages around a place where tables meet. CPU 1 runs it and holds translations: of pages
   0 and 2 those with which it has written, of 1 and 3 those with which it has read. */
static void make_spaces(void)
{
    quire_va_t va;

    for (unsigned i = 0; i < 2; i++)
        CHECK_OK(quire_vmm_create(&steps.spaces[i], &steps.kernel, i + 1, STEPS_MIB, 0xb0000000u));
    CHECK_OK(quire_vmm_reserve(STEPS_ONE, STEPS_AT, STEPS_PAGES * STEPS_PAGE, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
                               QUIRE_RESERVE_FIXED, &va));
    CHECK_OK(quire_vmm_populate(STEPS_ONE, STEPS_AT, STEPS_FILLED * STEPS_PAGE));
    CHECK_OK(quire_vmm_reserve(STEPS_TWO, STEPS_AT, STEPS_PAGE, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_RESERVE_FIXED,
                               &va));
    CHECK_OK(quire_vmm_populate(STEPS_TWO, STEPS_AT, STEPS_PAGE));
    for (unsigned i = 0; i < STEPS_FILLED; i++)
        steps.pages[i] = (steps_page_t){.va = STEPS_AT + i * STEPS_PAGE};
    steps_load(1, STEPS_TWO);
    host_model_prefetch_everything(1);
    steps_load(0, STEPS_ONE);
    steps_load(1, STEPS_ONE);
}

void steps_use_pages(void)
{
    for (unsigned i = 0; i < 4; i++) {
        steps_read(i);
        if (i % 2 == 0)
            steps_write(i, (uint8_t)(0x10 + i));
    }
}

/* --- what CPU 1 does --- */

enum { ACTIONS = 9, STEPS_BEFORE = 2 };

static void act(unsigned action)
{
    switch (action) {
    case 0:
    case 1:
    case 2:
        steps_write(action == 2 ? 3 : action, (uint8_t)(0x80 + action));
        break;
    case 3:
    case 4:
        steps_read(action - 2);
        break;
    case 5:
        host_model_prefetch_everything(1);
        break;
    case 6:
        steps_load(1, steps.away);
        break;
    case 7:
        steps_load(1, steps.away);
        host_model_prefetch_everything(1);
        steps_load(1, STEPS_ONE);
        host_model_prefetch_everything(1);
        break;
    case 8: /* it was away when the call began */
        steps_load(1, STEPS_ONE);
        host_model_prefetch_everything(1);
        steps_write(1, 0x88);
        break;
    default:
        break;
    }
}

static void on_step(void *context, bool writes)
{
    unsigned action = *(const unsigned *)context;

    if (steps.when == SIZE_MAX && writes && steps.write_count < STEPS_WRITES)
        steps.writes[steps.write_count++] = steps.step;
    if (steps.step++ == steps.when)
        act(action);
}

/* --- and what must be so afterwards --- */

/* What a page says of its content: its byte, and that it was written. */
static void check_page(quire_space_t *space, const steps_page_t *page)
{
    quire_va_t va = page->va;
    quire_cursor_t cursor;
    uint8_t byte;

    if (page->gone)
        return;
    CHECK_OK(quire_cursor_open(&cursor, &space->table, va, va + STEPS_PAGE, QUIRE_CURSOR_READ));
    quire_page_t found = quire_cursor_page(&cursor, va);
    quire_cursor_close(&cursor);
    CHECK(!page->written || ((found.flags | page->harvested) & QUIRE_PAGE_DIRTY));
    if (found.flags & QUIRE_PAGE_FOREIGN)
        return;
    CHECK_OK(quire_vmm_peek(space, &byte, va, 1));
    CHECK_EQUAL(byte, page->byte);
}

/* CPU 1 sees what there is. */
static void check_view(void)
{
    steps_load(1, STEPS_ONE);
    for (unsigned i = 0; i < STEPS_FILLED; i++) {
        model_translation_t there;
        uint8_t byte = 0;
        size_t done;
        bool mapped = host_model_translate(1, steps.pages[i].va, &there);
        bool fault = host_model_read(1, steps.pages[i].va, &byte, 1, MODEL_USER, &done).raised;

        CHECK_EQUAL(fault, !mapped);
        if (!fault && !steps.pages[i].gone)
            CHECK_EQUAL(byte, steps.pages[i].byte);
    }
}

static void check_all(void)
{
    quire_space_t *all[] = {&steps.kernel, STEPS_ONE, STEPS_TWO, &steps.child};
    size_t count = steps.two_is_gone ? 2 : 3;

    if (steps.has_child)
        all[count++] = &steps.child;
    CHECK_OK(quire_pmm_check(steps.pmm));
    CHECK_OK(quire_vmm_check_all(all, count, 0));
    for (unsigned i = 0; i < STEPS_FILLED; i++) {
        check_page(STEPS_ONE, &steps.pages[i]);
        if (steps.has_child && steps.child_is_alike)
            check_page(&steps.child, &steps.pages[i]);
    }
    check_view();
}

static void end_spaces(size_t free_frames)
{
    steps_load(0, &steps.kernel);
    steps_load(1, &steps.kernel);
    if (steps.has_child)
        quire_vmm_destroy(&steps.child);
    if (!steps.two_is_gone)
        quire_vmm_destroy(STEPS_TWO);
    quire_vmm_destroy(STEPS_ONE);
    CHECK_EQUAL(steps_free_frames(), free_frames);
    steps.has_child = false;
    steps.child_is_alike = false;
    steps.two_is_gone = false;
}

/* One run; returns how many steps there were. */
static size_t run(const steps_operation_t *operation, unsigned action, size_t when)
{
    size_t free_frames = steps_free_frames();

    make_spaces();
    steps.away = operation->ends_two ? &steps.kernel : STEPS_TWO;
    operation->prepare();
    if (action == 8)
        steps_load(1, steps.away);
    steps.step = 0;
    steps.when = when;
    host_model_steps(on_step, &action);
    operation->run();
    host_model_steps(NULL, NULL);
    size_t count = steps.step;
    check_all();
    operation->finish();
    end_spaces(free_frames);
    return count;
}

/* What is lost is lost shortly before a write: between it and the reads that it goes by. Every so many of the writes
   are looked at, and each of the steps before them. */
static uint64_t run_action(const steps_operation_t *operation, unsigned action, size_t count)
{
    size_t wanted = (action < 3 ? 40 : 6) * (size_t)test_effort();
    size_t stride = 1 + steps.write_count / wanted;
    size_t next = 0;
    uint64_t runs = 0;

    for (size_t i = (size_t)test_random_below(stride); i < steps.write_count; i += stride) {
        size_t step = steps.writes[i] < STEPS_BEFORE ? 0 : steps.writes[i] - STEPS_BEFORE;

        for (step = step > next ? step : next; step <= steps.writes[i] && step < count; step++, runs++)
            (void)run(operation, action, step);
        next = step;
    }
    return runs;
}

static uint64_t run_operation(const steps_operation_t *operation)
{
    uint64_t runs = 0;

    steps.write_count = 0;
    size_t count = run(operation, 0, SIZE_MAX);
    for (unsigned action = 0; action < ACTIONS; action++)
        runs += run_action(operation, action, count);
    return runs;
}

static void run_format(const quire_format_t *format, bool tags)
{
    char line[160];
    uint64_t runs = 0;

    steps_start(format, tags);
    for (const steps_operation_t *operation = steps_operations; operation->name != NULL; operation++) {
        steps.name = operation->name;
        runs += run_operation(operation);
    }
    snprintf(line, sizeof(line), "# %s%s: %llu runs, in each one thing between two steps\n", quire_format_name(format),
             tags ? " with tags" : "", (unsigned long long)runs);
    test_home_write(line);
}

TEST(machine, between_two_steps_32_bit)
{
    run_format(&quire_format_x86_32, false);
}

TEST(machine, between_two_steps_pae)
{
    run_format(&quire_format_x86_pae, false);
}

TEST(machine, between_two_steps_4_level)
{
    run_format(&quire_format_x86_4level, true);
}

TEST(machine, between_two_steps_5_level)
{
    run_format(&quire_format_x86_5level, false);
}
