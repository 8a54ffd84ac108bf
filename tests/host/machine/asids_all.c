/* SPDX-License-Identifier: MIT */
/* asids_all.c - every ASID of a CPU is in use when the kernel's half changes: no tree may have kept what went. */
#include "steps.h"

#define ASIDS 7

static quire_space_t trees[ASIDS];

static quire_frame_t map_local(quire_va_t va)
{
    quire_frame_t frame;
    quire_cursor_t cursor;

    CHECK_OK(quire_pmm_alloc(steps.pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_KERNEL}, &frame));
    CHECK_OK(quire_cursor_open(&cursor, &steps.kernel.table, va, va + STEPS_PAGE, QUIRE_CURSOR_POPULATE));
    CHECK_OK(quire_cursor_map(&cursor, va, 1, frame, QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0));
    quire_cursor_close(&cursor);
    return frame;
}

static void unmap_local(quire_va_t va)
{
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &steps.kernel.table, va, va + STEPS_PAGE, QUIRE_CURSOR_EDGES));
    (void)quire_cursor_mark(&cursor, va, va + STEPS_PAGE, &empty);
    quire_cursor_close(&cursor);
}

static model_result_t look(quire_va_t va)
{
    return host_model_access(0, va, 8, MODEL_READ, MODEL_SUPERVISOR);
}

/* The page goes, and with it the table above it, or only the page, whoever changes it and whichever tree runs. */
static void change_kernel(unsigned round)
{
    bool table_stays = round % 2 == 0;
    quire_frame_t frame = map_local(steps.kernel_va);

    if (table_stays)
        (void)map_local(steps.kernel_va + STEPS_PAGE);
    for (unsigned i = 0; i < ASIDS; i++) {
        steps_load(0, &trees[i]);
        CHECK_EQUAL(look(steps.kernel_va).piece[0].pa, quire_pa_of_frame(frame).value);
    }
    steps_load(0, &trees[round % ASIDS]);
    host_use_cpu(round / 2 % 2);
    unmap_local(steps.kernel_va);
    host_use_cpu(0);
    for (unsigned i = ASIDS; i-- > 0;) {
        steps_load(0, &trees[i]);
        CHECK(look(steps.kernel_va).fault.raised);
    }
    if (table_stays)
        unmap_local(steps.kernel_va + STEPS_PAGE);
}

static void run(const quire_format_t *format)
{
    steps_start(format, true);
    for (unsigned i = 0; i < ASIDS; i++)
        CHECK_OK(quire_vmm_create(&trees[i], &steps.kernel, i + 1, STEPS_MIB, 2 * STEPS_MIB));
    for (unsigned round = 0; round < 2 * ASIDS; round++)
        change_kernel(round);
}

TEST(machine, all_asids_forget_a_page_of_the_kernel)
{
    if (sizeof(uintptr_t) != sizeof(uint64_t))
        test_skip("a 32-bit program");
    run(&quire_format_x86_4level);
    run(&quire_format_x86_5level);
}
