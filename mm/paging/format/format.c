/* SPDX-License-Identifier: MIT */
/*
 * format.c - what may be asked of a format, by its name or about one raw entry. Touches no memory but its arguments.
 */
#include "format.h"

const char *quire_format_name(const quire_format_t *format)
{
    return format->name;
}

unsigned quire_format_levels(const quire_format_t *format)
{
    return format->levels;
}

uint64_t quire_format_span(const quire_format_t *format, unsigned level)
{
    return level < 1 || level > format->levels ? 0 : format_pages(format, level) << QUIRE_PAGE_SHIFT;
}

bool quire_format_maps_at(const quire_format_t *format, unsigned level)
{
    return level <= format->levels && format_page_at(format, level);
}

unsigned quire_format_promise_level(const quire_format_t *format)
{
    return format->fixed_root ? format->levels - 1u : format->levels;
}

uint64_t quire_format_payload_max(const quire_format_t *format)
{
    return format->address_mask >> QUIRE_PAGE_SHIFT;
}

unsigned quire_format_keys(const quire_format_t *format)
{
    return format->keys ? QUIRE_KEYS : 1;
}

quire_page_t quire_format_decode(const quire_format_t *format, unsigned level, uint64_t raw)
{
    if (level < 1 || level > format->levels)
        return (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
    return entry_decode(format, level, format->entry_bytes == 4 ? (uint32_t)raw : raw);
}
