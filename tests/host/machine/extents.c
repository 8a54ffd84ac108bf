/* SPDX-License-Identifier: MIT */
/* extents.c - ranges are cut where something begins or ends, and joined again where nothing differs. */
#include "extents.h"

#include <string.h>

bool extents_hold_frame(const quire_page_t *page)
{
    return page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN;
}

void extents_init(extents_t *extents, quire_va_t start, quire_va_t end)
{
    extents->end = end;
    extents->count = 1;
    extents->at[0] = (extent_t){start, {.kind = QUIRE_PAGE_EMPTY}};
}

static size_t index_of(const extents_t *extents, quire_va_t va)
{
    size_t low = 0;
    size_t high = extents->count;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (extents->at[middle].start <= va)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static quire_page_t page_in(const extent_t *extent, quire_va_t va)
{
    quire_page_t page = extent->page;

    if (extents_hold_frame(&page))
        page.payload += (va - extent->start) >> QUIRE_PAGE_SHIFT;
    return page;
}

quire_page_t extents_at(const extents_t *extents, quire_va_t va)
{
    return page_in(&extents->at[index_of(extents, va)], quire_page_down(va));
}

static quire_va_t end_of(const extents_t *extents, size_t index)
{
    return index + 1 < extents->count ? extents->at[index + 1].start : extents->end;
}

/* Some range begins at va from now on; returns its index. */
static size_t cut(extents_t *extents, quire_va_t va)
{
    size_t index = index_of(extents, va);
    extent_t *at = &extents->at[index];

    if (va == extents->end)
        return extents->count;
    if (at->start == va)
        return index;
    CHECK(extents->count < EXTENTS_MAX);
    memmove(at + 2, at + 1, (extents->count - index - 1) * sizeof(*at));
    at[1] = (extent_t){va, page_in(at, va)};
    extents->count++;
    return index + 1;
}

static bool continues(const extent_t *at)
{
    quire_page_t page = page_in(at, at[1].start);

    return page.kind == at[1].page.kind && page.prot == at[1].page.prot && page.key == at[1].page.key &&
           page.flags == at[1].page.flags && page.payload == at[1].page.payload;
}

static void join(extents_t *extents, size_t first, size_t last)
{
    for (size_t i = last; i-- > first;) {
        extent_t *at = &extents->at[i];

        if (i + 1 >= extents->count || !continues(at))
            continue;
        memmove(at + 1, at + 2, (extents->count - i - 2) * sizeof(*at));
        extents->count--;
    }
}

bool extents_are_one(const extents_t *extents, quire_va_t start, quire_va_t end)
{
    return index_of(extents, start) == index_of(extents, end - 1) && end <= extents->end;
}

void extents_set(extents_t *extents, quire_va_t start, quire_va_t end, const quire_page_t *page)
{
    size_t first = cut(extents, start);
    size_t stop = cut(extents, end);

    extents->at[first].page = *page;
    memmove(&extents->at[first + 1], &extents->at[stop], (extents->count - stop) * sizeof(extents->at[0]));
    extents->count -= stop - first - 1;
    join(extents, first == 0 ? 0 : first - 1, first + 1);
}

void extents_protect(extents_t *extents, quire_va_t start, quire_va_t end, unsigned prot, unsigned key)
{
    size_t first = cut(extents, start);
    size_t stop = cut(extents, end);
    bool reachable = (prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)) != 0;

    for (size_t i = first; i < stop; i++) {
        quire_page_t *page = &extents->at[i].page;

        if (page->kind == QUIRE_PAGE_EMPTY)
            continue;
        page->prot = (uint8_t)prot;
        if (key != EXTENTS_KEY_KEPT)
            page->key = (uint8_t)key;
        if (!(prot & QUIRE_PROT_USER))
            page->key = 0;
        if (!extents_hold_frame(page))
            continue;
        page->kind = reachable ? QUIRE_PAGE_MAPPED : QUIRE_PAGE_HIDDEN;
        page->prot |= reachable ? QUIRE_PROT_READ : 0;
    }
    join(extents, first == 0 ? 0 : first - 1, stop);
}

size_t extents_count(const extents_t *extents, quire_va_t start, quire_va_t end, quire_page_kind_t kind, bool owned)
{
    size_t count = 0;

    for (size_t i = index_of(extents, start); i < extents->count && extents->at[i].start < end; i++) {
        const extent_t *at = &extents->at[i];
        quire_va_t from = at->start > start ? at->start : start;
        quire_va_t to = end_of(extents, i) < end ? end_of(extents, i) : end;

        if (at->page.kind == kind && !(owned && (at->page.flags & QUIRE_PAGE_FOREIGN)))
            count += (size_t)((to - from) >> QUIRE_PAGE_SHIFT);
    }
    return count;
}
