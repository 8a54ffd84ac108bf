/* SPDX-License-Identifier: MIT */
/*
 * walk_replay.c - page tables as they were at a moment in the past.
 *
 * Every entry that the library writes is an event with its value before and after. So what stood at a level on the way
 * to an address at a given time is what the last event before that time wrote there. Bits that the MMU sets by itself
 * (accessed, dirty) are not events and are not shown. The ring must still hold the space's history; an entry that it
 * does not know is left out.
 */
#include "arch/arch.h"
#include "print.h"
#include "walk.h"

typedef struct replayed {
    bool known;
    uint64_t raw;
} replayed_t;

static bool covers(const quire_event_t *event, unsigned level, quire_va_t va)
{
    uint64_t span = quire_format_span(&ARCH_FORMAT, level);

    return event->kind == QUIRE_EVENT_ENTRY && event->level == level &&
           (event->address & ~(span - 1)) == (va & ~(span - 1));
}

static void replay(uint32_t space, uint64_t from, quire_va_t va, uint64_t until,
                   replayed_t levels[QUIRE_LEVELS_MAX + 1])
{
    quire_event_t event;

    for (unsigned level = 0; level <= QUIRE_LEVELS_MAX; level++)
        levels[level] = (replayed_t){0};
    while (quire_event_read(&from, &event)) {
        if (event.space != space || event.time > until)
            continue;
        for (unsigned level = 1; level <= quire_format_levels(&ARCH_FORMAT); level++) {
            if (covers(&event, level, va))
                levels[level] = (replayed_t){true, event.after};
        }
    }
}

static unsigned entry_index(unsigned level, quire_va_t va)
{
    uint64_t span = quire_format_span(&ARCH_FORMAT, level);
    uint64_t table_span = level < quire_format_levels(&ARCH_FORMAT) ? quire_format_span(&ARCH_FORMAT, level + 1) : 0;

    return (unsigned)((table_span == 0 ? va : va & (table_span - 1)) / span);
}

static void tell_entry(const char *when, unsigned level, uint64_t raw)
{
    quire_page_t page = quire_format_decode(&ARCH_FORMAT, level, raw);
    char words[96];

    quire_page_describe(&page, words, sizeof(words));
    print("%s 0x%016llx  %s\n", when, (unsigned long long)raw, words);
}

void walk_replay(uint32_t space, uint64_t from, quire_va_t va, uint64_t before, uint64_t after)
{
    replayed_t earlier[QUIRE_LEVELS_MAX + 1];
    replayed_t later[QUIRE_LEVELS_MAX + 1];

    replay(space, from, va, before, earlier);
    replay(space, from, va, after, later);
    print("\n  The page-table entries on the way to 0x%llx, before and after:\n\n", (unsigned long long)va);
    for (unsigned level = quire_format_levels(&ARCH_FORMAT); level > 0; level--) {
        if (!later[level].known)
            continue;
        print("  level %u, entry %4u", level, entry_index(level, va));
        if (earlier[level].known && earlier[level].raw == later[level].raw) {
            tell_entry("   same  ", level, later[level].raw);
            continue;
        }
        tell_entry("   before", level, earlier[level].raw);
        print("  %19s", "");
        tell_entry("   after ", level, later[level].raw);
    }
}
