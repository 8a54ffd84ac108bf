/* SPDX-License-Identifier: MIT */
/*
 * range.c - the page table read back as areas, for people and for /proc/self/maps.
 *
 * Problem: there is no list of areas, yet users think in areas.
 *
 * Idea: an area is what looks alike from outside: neighbouring pages with one protection and key, guard or not. Whether
 * a page is promised, mapped or hidden is the kernel's business and does not end an area; it is only counted. Two areas
 * that were reserved apart but touch and look alike are shown as one. Pages that say the same are read as one run, and
 * nothing beyond the caller's end is looked at: a question about a page should not cost what its area is long.
 */
#include "space.h"

static bool holds_frame(const quire_page_t *page)
{
    return page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN;
}

/* The run that begins with the extent at `at`, which is not EMPTY. */
static quire_vmm_range_t gather(quire_cursor_t *cursor, quire_va_t at, quire_va_t end)
{
    quire_extent_t extent = quire_vmm_run(cursor, at, end);
    quire_vmm_range_t range = {
        .start = at,
        .prot = extent.page.prot,
        .key = extent.page.key,
        .guard = extent.page.kind == QUIRE_PAGE_GUARD,
    };

    while (extent.page.kind != QUIRE_PAGE_EMPTY && extent.page.prot == range.prot && extent.page.key == range.key &&
           (extent.page.kind == QUIRE_PAGE_GUARD) == range.guard) {
        range.end = extent.end;
        if (holds_frame(&extent.page))
            range.mapped_pages += pages_between(extent.start, extent.end);
        if (extent.end >= end)
            break;
        extent = quire_vmm_run(cursor, extent.end, end);
    }
    return range;
}

quire_status_t quire_vmm_next_range(quire_space_t *space, quire_va_t from, quire_vmm_range_t *range)
{
    return quire_vmm_next_range_within(space, from, space->end, range);
}

quire_status_t quire_vmm_next_range_within(quire_space_t *space, quire_va_t from, quire_va_t end,
                                           quire_vmm_range_t *range)
{
    quire_va_t at = from < space->start ? space->start : quire_page_down(from);
    quire_cursor_t cursor;
    quire_status_t status;

    if (end > space->end)
        end = space->end;
    end = quire_page_up(end);
    if (at >= end)
        return QUIRE_NOT_FOUND;
    status = quire_cursor_open(&cursor, &space->table, at, end, QUIRE_CURSOR_READ);
    if (status != QUIRE_OK)
        return status;
    while (at < end) {
        quire_extent_t extent = quire_vmm_extent(&cursor, at, end);

        if (extent.page.kind != QUIRE_PAGE_EMPTY)
            break;
        at = extent.end;
    }
    if (at < end)
        *range = gather(&cursor, at, end);
    quire_cursor_close(&cursor);
    return at < end ? QUIRE_OK : QUIRE_NOT_FOUND;
}
