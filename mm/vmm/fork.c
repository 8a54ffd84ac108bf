/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a second space with the same content, without copying a page.
 *
 * Problem: fork doubles a process and is mostly followed by exec, which throws the double away.
 *
 * Idea: the parent's tree is walked once. Promises are repeated in the child, as coarse as they stand. A page with a
 * frame is given to both: one more reference, and the copy-on-write mark in both entries, whatever the rights; so a
 * page that may only be read today and is made writable tomorrow still copies. The first write faults, and fault.c
 * gives the writer a copy, or the frame itself if it is the last that holds it.
 *
 * A table whose entries all came to be the same promise is joined on the way (quire_cursor_promote): here every entry
 * is looked at anyway.
 *
 * Failure: the child is destroyed, which drops its references. The parent may keep marks on pages that nobody shares;
 * its next write finds one reference, keeps the frame and drops the mark. What the parent can read and write is
 * unchanged.
 *
 * Locks: the parent's tree for the whole walk, so that the child is the parent at one moment; inside it the child's,
 * which nobody else knows yet. The parent's translations lose their right to write when its cursor is closed, before
 * the child can run.
 *
 * Rejected: copying eagerly (time and frames for pages that are never looked at again), and leaving pages without the
 * right to write unmarked (protect would have to look at reference counts).
 */
#include "space.h"

#include "../panic.h"

/* Gives the page to a second holder. *page is as the child's entry will say. */
static quire_status_t share(quire_space_t *parent, quire_cursor_t *cursor, quire_va_t va, quire_page_t *page)
{
    switch (page->kind) {
    case QUIRE_PAGE_EMPTY:
    case QUIRE_PAGE_RESERVED:
    case QUIRE_PAGE_GUARD:
    case QUIRE_PAGE_OBJECT:
        return QUIRE_OK;
    case QUIRE_PAGE_MAPPED:
    case QUIRE_PAGE_HIDDEN:
        break;
    case QUIRE_PAGE_SWAPPED:
        return QUIRE_UNSUPPORTED;
    case QUIRE_PAGE_BUSY:
        return QUIRE_AGAIN;
    case QUIRE_PAGE_TABLE:
        quire_panic_at("vmm: a page that is a table", va, parent->table.space);
    }
    if (!has_frame(page))
        return QUIRE_OK;
    if ((page->flags & QUIRE_PAGE_COPY_ON_WRITE) == 0) {
        page->flags |= QUIRE_PAGE_COPY_ON_WRITE;
        /* A CPU of the parent may have written since the entry was read: then the child's page is dirty, too. */
        page->flags = (uint16_t)quire_cursor_put(cursor, va, page);
    }
    return quire_pmm_retain(parent->table.pmm, quire_frame((size_t)page->payload));
}

/* Pages [start, end), which lie in one level-1 table of the parent. */
static quire_status_t fork_pages(quire_space_t *parent, quire_cursor_t *from, quire_space_t *child, quire_va_t start,
                                 quire_va_t end)
{
    quire_cursor_t to;
    quire_status_t status = quire_cursor_open(&to, &child->table, start, end, QUIRE_CURSOR_POPULATE);

    if (status != QUIRE_OK)
        return status;
    for (quire_va_t va = start; va < end && status == QUIRE_OK; va += QUIRE_PAGE_BYTES) {
        quire_page_t page = quire_cursor_query(from, va).page;

        if (page.kind == QUIRE_PAGE_EMPTY)
            continue;
        status = share(parent, from, va, &page);
        if (status == QUIRE_OK)
            (void)quire_cursor_put(&to, va, &page);
    }
    quire_cursor_close(&to);
    return status;
}

/* Mapping gives key 0. */
static quire_status_t fork_large(quire_cursor_t *to, const quire_extent_t *extent)
{
    const quire_page_t *page = &extent->page;
    quire_status_t status =
        quire_cursor_map(to, extent->start, extent->level, quire_frame((size_t)page->payload), page->prot, page->flags);

    if (status != QUIRE_OK || page->key == 0)
        return status;
    return quire_cursor_protect_key(to, extent->start, extent->end, page->prot, page->key);
}

/* One entry above level 1: a promise, or device memory mapped by a large page. */
static quire_status_t fork_coarse(quire_space_t *child, const quire_extent_t *extent)
{
    const quire_page_t *page = &extent->page;
    quire_cursor_t to;
    quire_status_t status;

    if (has_frame(page) || page->kind == QUIRE_PAGE_HIDDEN)
        return QUIRE_UNSUPPORTED;
    status = quire_cursor_open(&to, &child->table, extent->start, extent->end, QUIRE_CURSOR_EDGES);
    if (status != QUIRE_OK)
        return status;
    if (page->kind == QUIRE_PAGE_MAPPED)
        status = fork_large(&to, extent);
    else
        (void)quire_cursor_mark(&to, extent->start, extent->end, page);
    quire_cursor_close(&to);
    return status;
}

/* What stands at `at`. A table of one promise is joined into one entry first, if nothing is to be seen of it but that:
   the child then needs no table, and the parent has one less. */
static quire_extent_t extent_to_fork(quire_cursor_t *from, quire_va_t at, quire_va_t span, quire_va_t top)
{
    quire_extent_t extent = quire_vmm_run(from, at, top);

    if (extent.level == 1 && extent.page.kind != QUIRE_PAGE_EMPTY && !has_frame(&extent.page) &&
        (at & (span - 1)) == 0 && extent.end - at == span && quire_cursor_promote(from, at, 2) == QUIRE_OK)
        extent = quire_vmm_extent(from, at, top);
    return extent;
}

static quire_status_t fork_half(quire_space_t *parent, quire_cursor_t *from, quire_space_t *child, quire_va_t top)
{
    quire_va_t span = (quire_va_t)quire_format_span(parent->table.format, 2);
    quire_status_t status = QUIRE_OK;

    for (quire_va_t at = 0; at < top && status == QUIRE_OK;) {
        quire_extent_t extent = extent_to_fork(from, at, span, top);

        if (extent.page.kind != QUIRE_PAGE_EMPTY && extent.level == 1) {
            extent.end = (at | (span - 1)) < top - 1 ? (at | (span - 1)) + 1 : top;
            status = fork_pages(parent, from, child, at, extent.end);
        } else if (extent.page.kind != QUIRE_PAGE_EMPTY) {
            status = fork_coarse(child, &extent);
        }
        at = extent.end;
    }
    return status;
}

quire_status_t quire_vmm_fork(quire_space_t *parent, quire_space_t *child, uint32_t id)
{
    quire_va_t top = quire_vmm_lower_top(&parent->table);
    quire_cursor_t from;
    quire_status_t status;

    if (id == 0 || is_kernel(parent))
        return QUIRE_INVALID;
    status = quire_table_create(&child->table, parent->table.kernel, id);
    if (status != QUIRE_OK)
        return status;
    /* The whole half, not [start, end): it cuts no entry, so opening it for change needs no table. */
    status = quire_cursor_open(&from, &parent->table, 0, top, QUIRE_CURSOR_EDGES);
    if (status != QUIRE_OK) {
        quire_table_destroy(&child->table);
        return status;
    }
    quire_vmm_begin_space(child, parent->start, parent->end, parent->reserved_pages);
    child->search = parent->search;
    child->search_large = parent->search_large;
    child->key_rights = parent->key_rights;
    status = fork_half(parent, &from, child, top);
    quire_cursor_close(&from);
    if (status != QUIRE_OK)
        quire_vmm_destroy(child);
    return status;
}
