/* SPDX-License-Identifier: MIT */
/* x86.c - what the processor reserves in a present entry (SDM volume 3, tables 4-4 to 4-20). */
#include "format.h"

/* Bits that lie between the address of a large page and its PAT bit, and the one that says "large" where none can be.
 */
static uint64_t reserved_by_size(const quire_format_t *format, unsigned level, uint64_t raw)
{
    uint64_t low = ((uint64_t)1 << format_shift(format, level)) - 1;

    if (level == 1 || !(raw & X86_LARGE))
        return 0;
    if (!format_page_at(format, level))
        return format->entry_bytes == 4 ? 0 : X86_LARGE;
    /* 32-bit: bits 13 to 20 are address bits 32 to 39 (PSE-36), bit 21 is reserved. */
    if (format->entry_bytes == 4)
        return (uint64_t)1 << 21;
    return low & ~(uint64_t)0x1FFF;
}

uint64_t quire_paging_reserved_bits(const quire_format_t *format, unsigned level, uint64_t raw, unsigned physical_bits)
{
    uint64_t reserved = reserved_by_size(format, level, raw);

    if (!entry_present(raw))
        return 0;
    if (format->entry_bytes == 4)
        return raw & reserved;
    reserved |= format->address_mask & ~(((uint64_t)1 << physical_bits) - 1);
    if (format->va_bits == 32)
        reserved |= (uint64_t)0x7FF << 52;
    /* The root of PAE (SDM table 4-8): present, the two cache bits, three ignored ones, an address. */
    if (format->fixed_root && level == format->levels)
        reserved |= X86_NO_EXECUTE | X86_WRITE | X86_USER | (uint64_t)0xF << 5;
    return raw & reserved;
}
