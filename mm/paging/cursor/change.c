/* SPDX-License-Identifier: MIT */
/*
 * change.c - what every change of entries begins with: may this cursor change them, and what does a word become.
 */
#include "cursor.h"

void quire_paging_check_change(const quire_cursor_t *cursor, quire_va_t start, quire_va_t end)
{
    if (cursor->mode == QUIRE_CURSOR_READ)
        quire_panic_at("paging: a change through a cursor opened for reading", start, cursor->table->space);
    if (start >= end || start < cursor->start || end > cursor->end || ((start | end) & QUIRE_PAGE_MASK))
        quire_panic_at("paging: a range outside the cursor's", start, cursor->table->space);
}

uint64_t quire_paging_protected(const quire_table_t *table, unsigned level, uint64_t raw, unsigned rights)
{
    const quire_format_t *format = format_of(table);
    quire_page_t page = entry_decode(format, level, raw);
    bool reachable = (rights & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)) != 0;

    if (page.kind == QUIRE_PAGE_EMPTY)
        return raw;
    if (page.kind == QUIRE_PAGE_MAPPED && !reachable)
        page.kind = QUIRE_PAGE_HIDDEN;
    else if (page.kind == QUIRE_PAGE_HIDDEN && reachable)
        page.kind = QUIRE_PAGE_MAPPED;
    if (rights & RIGHTS_HAS_KEY)
        page.key = (uint8_t)(rights >> RIGHTS_SHIFT & (QUIRE_KEYS - 1));
    if (!(rights & QUIRE_PROT_USER))
        page.key = 0;
    page.prot = (uint8_t)(rights & RIGHTS_PROT);
    return entry_encode(format, level, &page);
}
