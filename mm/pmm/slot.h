/* SPDX-License-Identifier: MIT */
/*
 * slot.h - how the owner of a slot goes into one of its magazines and out again, for slot.c and zeroed.c. Why this is
 * enough is told in slot.c.
 */
#ifndef QUIRE_PMM_SLOT_H
#define QUIRE_PMM_SLOT_H

#include "pmm/pmm_private.h"

/* The calling CPU's magazine, now inside; NULL if it has none, is inside already, or another CPU is taking it back. */
static inline magazine_t *slot_enter(const quire_pmm_t *pmm, unsigned number)
{
    unsigned cpu = quire_port_cpu();

    if (cpu >= pmm->slot_count)
        return NULL;
    magazine_t *magazine = magazine_of(pmm, cpu, number);
    if (load_relaxed(&magazine->inside) != 0)
        return NULL;
    store_relaxed(&magazine->inside, 1);
    interrupt_fence();
    if (load_acquire(&magazine->floor) == 0)
        return magazine;
    store_release(&magazine->inside, 0);
    return NULL;
}

static inline void slot_leave(magazine_t *magazine)
{
    store_release(&magazine->inside, 0);
}

static inline bool slot_is_empty(const magazine_t *magazine)
{
    return load_relaxed(&magazine->count) == 0 && load_relaxed(&magazine->mask) == 0;
}

/* The newest entry; NONE if there is none. */
static inline size_t slot_pop(magazine_t *magazine)
{
    uint32_t count = load_relaxed(&magazine->count);

    if (count == 0)
        return NONE;
    size_t index = load_relaxed(&magazine->entries[count - 1]);
    store_relaxed(&magazine->count, count - 1);
    return index;
}

/* Puts back `count` entries; neighbours that lie in one word go together. */
void pmm_slot_put_entries(const quire_pmm_t *pmm, const uint32_t *entries, unsigned count);

#endif
