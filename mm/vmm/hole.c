/* SPDX-License-Identifier: MIT */
/*
 * hole.c - finding room.
 *
 * Problem: a reservation without a fixed address needs a run of EMPTY pages, among perhaps many thousand areas, with
 * no list of areas or holes to look in.
 *
 * Idea: the page table tells, an entry at a time: an empty entry high in the tree is a hole of gigabytes, and
 * a coarse promise is skipped in one step. Addresses are given from the top down, each search beginning where the last
 * area was put (next fit). There the next hole usually lies just below, so that the cost does not grow with the
 * number of areas; the search wraps round to the top once, before it says that there is no room. Giving back the area
 * that was placed last moves the point up again, so a stack-like user stays where it is and its tables stay warm.
 *
 * A large request begins at a multiple of a large entry's size, if that is worth it and there is room: a gigabyte is
 * then one entry and not a thousand, to write, to release, and to walk. Worth it: it is a multiple of that size, so
 * that nothing is lost among its like, or at least eight times as large, so that at most an eighth of it is. Large
 * requests have a point of their own to begin at. So the small ones go on filling the tables they are in, and the room
 * above a large one that was moved down to be aligned.
 *
 * Rejected: first fit from the top on every call (walks over everything that is in use, each time), a tree of
 * free ranges (a second truth, and memory to keep it in), and aligning whatever is larger than a large entry (in the
 * three gigabytes of a 32-bit process half of them could be lost).
 */
#include "space.h"

#define WORTH_ALIGNING 8

static bool is_large(const quire_space_t *space, quire_va_t bytes)
{
    return bytes >= quire_format_span(space->table.format, 2);
}

quire_va_t *quire_vmm_search_point(quire_space_t *space, quire_va_t bytes)
{
    return is_large(space, bytes) ? &space->search_large : &space->search;
}

/* What the address of a large reservation should be a multiple of. */
static quire_va_t wanted_alignment(const quire_space_t *space, quire_va_t bytes)
{
    const quire_format_t *format = space->table.format;

    for (unsigned level = quire_format_promise_level(format); level > 1; level--) {
        quire_va_t span = (quire_va_t)quire_format_span(format, level);

        if (span <= bytes && ((bytes & (span - 1)) == 0 || bytes / WORTH_ALIGNING >= span))
            return span;
    }
    return QUIRE_PAGE_BYTES;
}

quire_status_t quire_vmm_find_hole(quire_space_t *space, quire_cursor_t *cursor, quire_va_t bytes, quire_va_t *va)
{
    bool large = is_large(space, bytes);
    quire_va_t search = large ? space->search_large : space->search;
    bool found = false;

    if (bytes > space->end - space->start)
        return QUIRE_NO_SPACE;
    if (search > space->start && large)
        found = quire_cursor_find_empty(cursor, space->start, search, bytes, wanted_alignment(space, bytes), va);
    if (search > space->start && !found)
        found = quire_cursor_find_empty(cursor, space->start, search, bytes, QUIRE_PAGE_BYTES, va);
    if (!found && search < space->end) {
        /* What lies wholly below `search` has been seen; a hole across it has not. */
        quire_va_t bottom = search - space->start > bytes ? search - bytes : space->start;

        found = quire_cursor_find_empty(cursor, bottom, space->end, bytes, QUIRE_PAGE_BYTES, va);
    }
    return found ? QUIRE_OK : QUIRE_NO_SPACE;
}
