/* SPDX-License-Identifier: MIT */
/*
 * breathe.c - long system calls let others run.
 *
 * Problem: the kernel runs with interrupts off, and one call can ask for gigabytes. For seconds no other process would
 * get the CPU, and nobody could end this one. Idea: the calls themselves say how far they are. Every 64 KiB the
 * interrupts that wait are let in at a point where nothing is held; if the timer was among them, the process gives up
 * the CPU as it does when it is interrupted in ring 3. Who comes back goes on where it was. A process that is killed
 * while it waits is simply never run again: its kernel stack is given back with all that was on it.
 *
 * Work on a range of pages is cut at 4 MiB, a thousand pages, and never inside a coarse promise, which is one entry
 * however long it is and would need a table to be cut. Where the whole process has less than that, nothing is cut that
 * only changes what is there.
 *
 * Rejected: a kernel that can be interrupted anywhere. Every structure would need its locks closed against interrupts,
 * for the sake of a few loops.
 */
#include "breathe.h"

#include "arch/arch.h"
#include "limits.h"
#include "trap.h"

#define BREATH_TABLES 16 /* that may be full of promises, or of pages that nobody may touch */

void breathe(process_t *process, size_t bytes)
{
    linux_state_t *state = linux_of(process);

    state->since_breath += bytes;
    if (state->since_breath < BREATH_BYTES)
        return;
    state->since_breath = 0;
    arch_let_interrupts_in();
    if (!trap_ticked())
        return;
    process_yield();
    limits_tick(process);
}

/* Where a piece that begins at `at` ends. */
static quire_va_t step_end(process_t *process, quire_va_t at, quire_va_t end)
{
    quire_table_t *table = &process->space.table;
    quire_va_t to = (at + BREATH_RANGE_BYTES) & ~(BREATH_RANGE_BYTES - 1);
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    quire_va_t span;
    unsigned count;

    if (to <= at || to >= end)
        return end;
    count = quire_table_walk(table, to, steps);
    if (count == 0)
        return to;
    span = (quire_va_t)quire_format_span(table->format, steps[count - 1].level);
    to = (to + span - 1) & ~(span - 1);
    return to <= at || to >= end ? end : to;
}

/* The tables that cutting the two ends needs stay, once they are there. */
static quire_status_t acquire_ends(process_t *process, quire_va_t start, quire_va_t end)
{
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, &process->space.table, start, end, QUIRE_CURSOR_EDGES);

    if (status == QUIRE_OK)
        quire_cursor_close(&cursor);
    return status;
}

quire_status_t breathe_over(process_t *process, quire_va_t start, quire_va_t end, range_work_t work,
                            const void *context)
{
    quire_status_t status = QUIRE_OK;

    if (end - start > BREATH_RANGE_BYTES)
        status = acquire_ends(process, start, end);
    for (quire_va_t at = start; at < end && status == QUIRE_OK;) {
        quire_va_t to = step_end(process, at, end);

        status = work(&process->space, at, (size_t)(to - at), context);
        if (to < end)
            breathe(process, BREATH_BYTES);
        at = to;
    }
    return status;
}

quire_status_t breathe_over_present(process_t *process, quire_va_t start, quire_va_t end, range_work_t work,
                                    const void *context)
{
    const quire_table_t *table = &process->space.table;

    if (table->mapped_pages <= BREATH_RANGE_BYTES / QUIRE_PAGE_BYTES && table->table_frames <= BREATH_TABLES)
        return work(&process->space, start, (size_t)(end - start), context);
    return breathe_over(process, start, end, work, context);
}
