/* SPDX-License-Identifier: MIT */
/*
 * entry.h - reading and writing the words of a table whose window is open.
 *
 * The MMU reads these words at any moment and sets two bits in them (accessed, dirty), so each access here is one the
 * MMU may meet half-way:
 *
 *   - a word that was not present is written plainly. Where a 64-bit entry takes two stores, the half with the present
 *     bit goes last: the MMU ignores the rest of a word that is not present.
 *   - a word that was present is changed by compare-and-exchange, so that a dirty bit set in between is seen.
 *
 * The accesses themselves are word.h's.
 */
#ifndef QUIRE_PAGING_ENTRY_H
#define QUIRE_PAGING_ENTRY_H

#include <quire/event.h>

#include "word.h"

/* One entry: where it stands, and what it covers. */
typedef struct entry {
    void *window; /* of the table's frame */
    quire_frame_t frame;
    unsigned level;
    unsigned index;
    quire_va_t va; /* some address it covers */
} entry_t;

static inline entry_t entry_at(const quire_format_t *format, void *window, quire_frame_t frame, unsigned level,
                               quire_va_t va)
{
    return (entry_t){window, frame, level, format_index(format, level, va), va};
}

static inline uint64_t entry_read(const quire_format_t *format, const entry_t *entry)
{
    return word_read(format, entry->window, entry->index);
}

/* The same whatever the MMU does to its two bits; returns the word as it was at the last. */
static inline uint64_t word_replace(const quire_format_t *format, void *window, size_t index, uint64_t before,
                                    uint64_t after)
{
    uint64_t seen;

    while ((seen = word_exchange(format, window, index, before, after)) != before)
        before = seen;
    return before;
}

static inline bool entries_are_recorded(void)
{
#if QUIRE_EVENTS
    return __builtin_expect(quire_event_enabled, 0);
#else
    return false;
#endif
}

static inline void entry_record(const quire_table_t *table, const entry_t *entry, uint64_t before, uint64_t after)
{
    (void)table;
    (void)entry;
    (void)before;
    (void)after;
    quire_event(.kind = QUIRE_EVENT_ENTRY, .level = (uint8_t)entry->level, .space = table->space,
                .address = format_first(format_of(table), entry->level, entry->va), .frame = entry->frame.number,
                .before = before, .after = after);
}

/* Whether entries of this level stand in two roots (isolation.c). Of a page there the MMU would note in one of them
   only that it was written. */
static inline bool root_has_copy(const quire_table_t *table, unsigned level)
{
    return level == format_of(table)->levels && table->user_root.number != 0;
}

/* The second root gets the word of a root entry of the lower half. */
static inline void copy_to_user_root(const quire_table_t *table, unsigned index, uint64_t raw)
{
    void *window = quire_port_window_open(table->user_root);

    word_store(format_of(table), window, index, raw);
    quire_port_window_close(window);
}

/* Writes `after` over the run of entries, from this one to `end`, that hold the word `before`, which is not present and
   names no frame. Returns the index behind the run. */
static inline unsigned words_fill(const quire_table_t *table, const entry_t *entry, unsigned end, uint64_t before,
                                  uint64_t after)
{
    const quire_format_t *format = format_of(table);
    entry_t each = *entry;
    unsigned stop = (unsigned)words_alike(format, entry->window, entry->index, end, before, ~(uint64_t)0);

#pragma GCC unroll 4
    for (size_t i = entry->index; i < stop; i++)
        word_store(format, entry->window, i, after);
    for (unsigned i = entry->index; i < stop && root_has_copy(table, entry->level); i++)
        copy_to_user_root(table, i, after);
    if (entries_are_recorded() && before != after) {
        for (; each.index < stop; each.index++, each.va += format_reach(format, entry->level) + 1)
            entry_record(table, &each, before, after);
    }
    return stop;
}

/* Changes the entry from *before to `after`. False, with the present word in *before, if the MMU was faster. */
static inline bool entry_try(const quire_table_t *table, const entry_t *entry, uint64_t *before, uint64_t after)
{
    const quire_format_t *format = format_of(table);

    if (!entry_present(*before)) {
        word_store(format, entry->window, entry->index, after);
    } else {
        uint64_t seen = word_exchange(format, entry->window, entry->index, *before, after);

        if (seen != *before) {
            *before = seen;
            return false;
        }
    }
    if (root_has_copy(table, entry->level))
        copy_to_user_root(table, entry->index, after);
    entry_record(table, entry, *before, after);
    return true;
}

/* The same whatever the MMU does to its two bits; returns the word as it was at the last. */
static inline uint64_t entry_replace(const quire_table_t *table, const entry_t *entry, uint64_t before, uint64_t after)
{
    while (!entry_try(table, entry, &before, after)) {
    }
    return before;
}

#endif
