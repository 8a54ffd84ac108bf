/* SPDX-License-Identifier: MIT */
/*
 * walk.c - the tree seen from outside: formats by name, raw entries on the way to an address.
 *
 * Reads only. A walk of the kernel's half through a process's tree starts at the process's root, as the MMU does, under
 * the kernel tree's lock, which guards what lies below the root.
 */
#include "paging/tree/tree.h"

#ifdef QUIRE_PAGING_STEPS
void (*quire_paging_step)(bool writes);
#endif

const char *quire_format_name(const quire_format_t *format)
{
    return format->name;
}

unsigned quire_format_levels(const quire_format_t *format)
{
    return format->levels;
}

uint64_t quire_format_span(const quire_format_t *format, unsigned level)
{
    return level < 1 || level > format->levels ? 0 : format_pages(format, level) << QUIRE_PAGE_SHIFT;
}

bool quire_format_maps_at(const quire_format_t *format, unsigned level)
{
    return level <= format->levels && format_page_at(format, level);
}

unsigned quire_format_promise_level(const quire_format_t *format)
{
    return format->fixed_root ? format->levels - 1u : format->levels;
}

uint64_t quire_format_payload_max(const quire_format_t *format)
{
    return format->address_mask >> QUIRE_PAGE_SHIFT;
}

unsigned quire_format_keys(const quire_format_t *format)
{
    return format->keys ? QUIRE_KEYS : 1;
}

quire_page_t quire_format_decode(const quire_format_t *format, unsigned level, uint64_t raw)
{
    if (level < 1 || level > format->levels)
        return (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
    return entry_decode(format, level, format->entry_bytes == 4 ? (uint32_t)raw : raw);
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
