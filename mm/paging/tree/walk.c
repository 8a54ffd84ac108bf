/* SPDX-License-Identifier: MIT */
/*
 * walk.c - the way down a live tree, for the library and for display.
 *
 * Reads only. A walk of the kernel's half through a process's tree starts at the process's root, as the MMU does, under
 * the kernel tree's lock, which guards what lies below the root.
 */
#include "tree.h"

#ifdef QUIRE_PAGING_STEPS
void (*quire_paging_step)(bool writes);
#endif

unsigned quire_paging_walk(quire_cursor_t *cursor, quire_va_t va, quire_frame_t *frame, uint64_t *raw)
{
    const quire_format_t *format = format_of(cursor->table);
    quire_frame_t known = level1_known(cursor, va);
    unsigned level;

    if (known.number != 0) {
        void *window = quire_port_window_open(known);

        *raw = word_read(format, window, format_index(format, 1, va));
        quire_port_window_close(window);
        *frame = known;
        return 1;
    }
    level = way_down(cursor->table, va, frame, raw);
    if (level == 1) {
        cursor->level1 = *frame;
        cursor->level1_start = format_first(format, 2, va);
    }
    return level;
}

unsigned quire_table_walk(quire_table_t *table, quire_va_t va, quire_walk_step_t steps[QUIRE_LEVELS_MAX])
{
    const quire_format_t *format = format_of(table);
    quire_lock_t *lock = va >= table->shared_start && table->kernel != NULL ? &table->kernel->lock : &table->lock;
    quire_frame_t frame = table->root;
    unsigned count = 0;

    if (!format_canonical(format, va))
        return 0;
    quire_port_lock(lock);
    for (unsigned level = format->levels; level >= 1; level--) {
        quire_walk_step_t *step = &steps[count++];
        void *window = quire_port_window_open(frame);

        step->level = level;
        step->index = format_index(format, level, va);
        step->table = frame;
        step->raw = word_read(format, window, step->index);
        step->page = entry_decode(format, level, step->raw);
        quire_port_window_close(window);
        if (step->page.kind != QUIRE_PAGE_TABLE)
            break;
        frame = entry_table(format, step->raw);
    }
    quire_port_unlock(lock);
    return count;
}
