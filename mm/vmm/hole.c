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
 * Rejected: first fit from the top on every call (walks over everything that is in use, each time), and a tree of
 * free ranges (a second truth, and memory to keep it in).
 */
#include "inside.h"

quire_status_t quire_vmm_find_hole(quire_space_t *space, quire_va_t bytes, quire_va_t *va)
{
    quire_cursor_t cursor;
    quire_status_t status;
    quire_va_t search;
    bool found;

    if (bytes > space->end - space->start)
        return QUIRE_NO_SPACE;
    status = quire_cursor_open(&cursor, &space->table, space->start, space->end, QUIRE_CURSOR_READ);
    if (status != QUIRE_OK)
        return status;
    search = space->search;
    found = search > space->start && quire_cursor_find_empty(&cursor, space->start, search, bytes, va);
    if (!found && search < space->end) {
        /* What lies wholly below `search` has been seen; a hole across it has not. */
        quire_va_t bottom = search - space->start > bytes ? search - bytes : space->start;

        found = quire_cursor_find_empty(&cursor, bottom, space->end, bytes, va);
    }
    quire_cursor_close(&cursor);
    return found ? QUIRE_OK : QUIRE_NO_SPACE;
}
