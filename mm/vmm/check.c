/* SPDX-License-Identifier: MIT */
/*
 * check.c - the proof that a space is whole, and that all spaces together are.
 *
 * A tree is checked by the layer below, which knows its words. Here is what only a space knows: which pages may be
 * there at all, and how many. What is wrong goes to the log with its address.
 *
 * Two spaces that both say that a frame is theirs are each as they should be. Only all of them together can be
 * compared with what the PMM counts, and that is the layer below's, too (paging/tree/check_all.c).
 */
#include "space.h"

#define SENTENCE_BYTES 120

/* The end of the last page that is ever used: the topmost one is not (types.h). */
static quire_va_t upper_top(const quire_table_t *table)
{
    uint64_t top = quire_format_levels(table->format) < 4 ? (uint64_t)UINT32_MAX : UINT64_MAX;

    return quire_page_down((quire_va_t)top);
}

static void report(const char *rule, quire_va_t va)
{
    char sentence[SENTENCE_BYTES];
    size_t length = 0;

    while (*rule != '\0')
        sentence[length++] = *rule++;
    for (unsigned shift = sizeof(va) * 8; shift > 0; shift -= 4)
        sentence[length++] = "0123456789abcdef"[va >> (shift - 4) & 15];
    sentence[length] = '\0';
    quire_port_log(QUIRE_LOG_ERROR, sentence);
}

/* The rule that an extent breaks, or NULL. */
static const char *extent_rule(const quire_space_t *space, const quire_extent_t *extent)
{
    bool user = (extent->page.prot & QUIRE_PROT_USER) != 0;

    if (extent->page.kind == QUIRE_PAGE_EMPTY)
        return NULL;
    if (user == is_kernel(space))
        return user ? "vmm: ring 3 is let into the kernel's half at 0x"
                    : "vmm: a process is kept out of its page at 0x";
    if (!is_kernel(space) && (extent->start < space->start || extent->end > space->end))
        return "vmm: something stands outside of what is given out at 0x";
    return NULL;
}

/* How many pages of the extent lie in [space->start, space->end). */
static size_t pages_of_area(const quire_space_t *space, const quire_extent_t *extent)
{
    quire_va_t start = extent->start > space->start ? extent->start : space->start;
    quire_va_t end = extent->end < space->end ? extent->end : space->end;

    return start < end ? pages_between(start, end) : 0;
}

/* Walks the half that is the space's own. */
static quire_status_t check_half(quire_space_t *space, quire_va_t from, quire_va_t to)
{
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, &space->table, from, to, QUIRE_CURSOR_READ);
    size_t taken = 0;

    if (status != QUIRE_OK)
        return status;
    for (quire_va_t at = from; at < to && status == QUIRE_OK;) {
        quire_extent_t extent = quire_vmm_extent(&cursor, at, to);

        const char *rule = extent_rule(space, &extent);

        if (rule != NULL) {
            report(rule, at);
            status = QUIRE_CORRUPT;
        }
        if (extent.page.kind != QUIRE_PAGE_EMPTY)
            taken += pages_of_area(space, &extent);
        at = extent.end;
    }
    if (status == QUIRE_OK && taken != space->reserved_pages) {
        report("vmm: the count of pages taken is wrong in the space from 0x", space->start);
        status = QUIRE_CORRUPT;
    }
    quire_cursor_close(&cursor);
    return status;
}

/* A search may begin there. */
static bool in_area(const quire_space_t *space, quire_va_t va)
{
    return va >= space->start && va <= space->end;
}

quire_status_t quire_vmm_check(quire_space_t *space)
{
    quire_status_t status = quire_table_check(&space->table);

    if (status != QUIRE_OK)
        return status;
    if (!aligned_range(space->start, space->end) || !in_area(space, space->search) ||
        !in_area(space, space->search_large) || (!is_kernel(space) && space->start < QUIRE_PAGE_BYTES)) {
        report("vmm: the bounds of a space are wrong, which starts at 0x", space->start);
        return QUIRE_CORRUPT;
    }
    if (is_kernel(space))
        return check_half(space, space->table.shared_start, upper_top(&space->table));
    return check_half(space, 0, quire_vmm_lower_top(&space->table));
}

static quire_table_t *table_of(const void *spaces, size_t index)
{
    return &((quire_space_t *const *)spaces)[index]->table;
}

quire_status_t quire_vmm_check_all(quire_space_t *const *spaces, size_t count, size_t held)
{
    for (size_t i = 0; i < count; i++) {
        quire_status_t status = quire_vmm_check(spaces[i]);

        if (status != QUIRE_OK)
            return status;
    }
    return quire_table_check_all(table_of, spaces, count, held);
}
