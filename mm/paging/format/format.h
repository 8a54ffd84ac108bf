/* SPDX-License-Identifier: MIT */
/*
 * format.h - what a page-table format is to the walker: a handful of constants, and pure functions over entry words.
 *
 * Nothing here touches memory. In a kernel built for one format (-DQUIRE_FORMAT=x86_4level) the constants are known to
 * the compiler, so that every shift and mask below is an immediate operand and no format is loaded at run time.
 */
#ifndef QUIRE_PAGING_FORMAT_H
#define QUIRE_PAGING_FORMAT_H

#include <quire/paging.h>

struct quire_format {
    const char *name;
    uint64_t address_mask;   /* the bits of an entry that hold an address, or the payload of a promise */
    uint64_t promise_invert; /* those of them that a promise stores inverted */
    uint8_t levels;          /* the root's level */
    uint8_t entry_bytes;     /* 4 or 8 */
    uint8_t index_bits;      /* log2 of the entries of a table */
    uint8_t root_index_bits; /* the same for the root */
    uint8_t va_bits;         /* of a virtual address that are translated */
    uint8_t page_levels;     /* bit n: entries of level n can map a page */
    uint8_t root_zone;       /* quire_zone_t that CR3 can name */
    bool no_execute;         /* there is an NX bit */
    bool fixed_root;         /* root entries are tables from creation to destruction */
    bool keys;               /* entries that map a user's page hold a protection key */
};

static inline unsigned format_shift(const quire_format_t *format, unsigned level)
{
    return QUIRE_PAGE_SHIFT + (level - 1) * format->index_bits;
}

static inline unsigned format_entries(const quire_format_t *format, unsigned level)
{
    return 1u << (level == format->levels ? format->root_index_bits : format->index_bits);
}

static inline unsigned format_index(const quire_format_t *format, unsigned level, quire_va_t va)
{
    return (unsigned)(va >> format_shift(format, level)) & (format_entries(format, level) - 1);
}

/* 4 KiB pages that one entry of a level covers. */
static inline uint64_t format_pages(const quire_format_t *format, unsigned level)
{
    return (uint64_t)1 << ((level - 1) * format->index_bits);
}

/* The last byte, less the first, of what one entry of a level covers. */
static inline quire_va_t format_reach(const quire_format_t *format, unsigned level)
{
    return ((quire_va_t)1 << format_shift(format, level)) - 1;
}

static inline quire_va_t format_first(const quire_format_t *format, unsigned level, quire_va_t va)
{
    return va & ~format_reach(format, level);
}

/* Ranges inside the walker are [first, last]: the end of the topmost entry cannot be represented. */
static inline quire_va_t format_last(const quire_format_t *format, unsigned level, quire_va_t va)
{
    return va | format_reach(format, level);
}

/* The start of the topmost page, which is never used: the highest end of a range. */
static inline quire_va_t format_top(const quire_format_t *format)
{
    return format->va_bits == 32 ? (quire_va_t)0xFFFFF000u : ~(quire_va_t)QUIRE_PAGE_MASK;
}

/* last + 1, or the topmost page where that would wrap or reach it. */
static inline quire_va_t format_end(const quire_format_t *format, quire_va_t last)
{
    return last >= format_top(format) ? format_top(format) : last + 1;
}

static inline bool format_page_at(const quire_format_t *format, unsigned level)
{
    return (format->page_levels >> level & 1) != 0;
}

/* Bits above the translated ones repeat the highest of them (SDM volume 1, 3.3.7.1); with 32 bits they are zero. */
static inline bool format_canonical(const quire_format_t *format, quire_va_t va)
{
    uint64_t wide = va;

    if (format->va_bits == 32)
        return wide >> 32 == 0;
    return (wide + ((uint64_t)1 << (format->va_bits - 1))) >> format->va_bits == 0;
}

/* Canonical, and so is all that lies below it. */
static inline bool format_is_low(const quire_format_t *format, quire_va_t va)
{
    return (uint64_t)va >> (format->va_bits == 32 ? 32 : format->va_bits - 1) == 0;
}

/* First and last byte of one stretch of canonical addresses, not reaching into the topmost page. */
static inline bool format_range_valid(const quire_format_t *format, quire_va_t first, quire_va_t last)
{
    if (first > last || !format_canonical(format, first) || !format_canonical(format, last))
        return false;
    if (last >= format_top(format))
        return false;
    return format->va_bits == 32 || ((uint64_t)(first ^ last) >> 63) == 0;
}

#include "x86.h"

#ifdef QUIRE_ALL_FORMATS

static inline const quire_format_t *format_of(const quire_table_t *table)
{
    return table->format;
}

#else

#ifndef QUIRE_FORMAT
#error "QUIRE_FORMAT names the page-table format: x86_32, x86_pae, x86_4level or x86_5level"
#endif
#define FORMAT_PASTE(name)       FORMAT_##name
#define FORMAT_INITIALISER(name) FORMAT_PASTE(name)

static const quire_format_t format_only = FORMAT_INITIALISER(QUIRE_FORMAT);

static inline const quire_format_t *format_of(const quire_table_t *table)
{
    (void)table;
    return &format_only;
}

#endif

#endif
