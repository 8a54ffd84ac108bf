/* SPDX-License-Identifier: MIT */
/* explain.h - tables as the processor finds them: from CR3 on, by physical address, whoever made them. */
#ifndef QUIRE_EXPLAIN_PRIVATE_H
#define QUIRE_EXPLAIN_PRIVATE_H

#include <quire/explain.h>

#include "paging/format/format.h"

#define CR0_PG   ((uint64_t)1 << 31)
#define CR0_WP   ((uint64_t)1 << 16)
#define CR4_PSE  ((uint64_t)1 << 4)
#define CR4_PAE  ((uint64_t)1 << 5)
#define CR4_LA57 ((uint64_t)1 << 12)
#define CR4_SMEP ((uint64_t)1 << 20)
#define CR4_SMAP ((uint64_t)1 << 21)
#define CR4_PKE  ((uint64_t)1 << 22)
#define EFER_LME ((uint64_t)1 << 8)
#define EFER_NXE ((uint64_t)1 << 11)

/* Physical memory: a function gives a frame's 4096 bytes, valid until its next call, or NULL, which says "not RAM".
   Without a function it is the port's windows. */
typedef struct physical {
    const void *(*read)(void *context, quire_frame_t frame);
    void *context;
} physical_t;

const unsigned char *quire_physical_open(const physical_t *physical, uint64_t pa);
void quire_physical_close(const physical_t *physical, const unsigned char *bytes);
/* Bytes that lie in one frame. False: not RAM. */
bool quire_physical_read(const physical_t *physical, uint64_t pa, void *to, size_t bytes);
/* One entry of the table at a physical address. False: not RAM. */
bool quire_physical_entry(const physical_t *physical, const quire_format_t *format, uint64_t table, unsigned index,
                          uint64_t *raw);

/* The root's physical address: the bits of CR3 that hold it (SDM tables 4-3, 4-7, 4-12). */
static inline uint64_t physical_root(const quire_format_t *format, uint64_t cr3)
{
    return cr3 & (format->fixed_root ? 0xFFFFFFE0u : format->address_mask);
}

/* Whether a mode is off, and known to be. */
static inline bool mode_is_off(unsigned known, unsigned which, uint64_t value, uint64_t bit)
{
    return (known & which) != 0 && (value & bit) == 0;
}

/* Whether ring 0 is held to read-only pages: CR0.WP. The library asks for it. */
static inline bool physical_write_protects(unsigned known, uint64_t cr0)
{
    return !mode_is_off(known, QUIRE_KNOWN_CR0, cr0, CR0_WP);
}

/* Bits of an entry that mean nothing: without CR4.PSE, the one that makes a page of 4 MiB. */
static inline uint64_t physical_ignored(const quire_format_t *format, unsigned known, uint64_t cr4, unsigned level)
{
    return format->entry_bytes == 4 && level > 1 && mode_is_off(known, QUIRE_KNOWN_CR4, cr4, CR4_PSE) ? X86_LARGE : 0;
}

/* What a linear address comes to. */
typedef struct translation {
    bool present;
    unsigned level; /* of the last entry looked at */
    uint64_t raw;
    uint64_t pa;
    unsigned rights; /* quire_prot_t */
} translation_t;

/* The registers that decide how a tree is walked. */
typedef struct regime {
    physical_t physical;
    const quire_format_t *format;
    uint64_t cr3;
    uint64_t cr4;
    unsigned known; /* quire_known */
} regime_t;

/* False: a table was not RAM. */
bool quire_physical_translate(const regime_t *regime, quire_va_t va, translation_t *result);
/* Reads through the tree; false where nothing is mapped, or no RAM. */
bool quire_physical_read_linear(const regime_t *regime, quire_va_t va, void *to, size_t bytes);

/* quire_prot_t: what a present entry leaves of the rights (SDM 4.6). A PAE root entry has no rights to take away, and
   without NX every page can be executed. */
static inline unsigned physical_rights(const quire_format_t *format, unsigned level, uint64_t raw)
{
    unsigned rights = QUIRE_PROT_READ;

    if (format->fixed_root && level == format->levels)
        return QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER;
    rights |= raw & X86_WRITE ? QUIRE_PROT_WRITE : 0;
    rights |= raw & X86_USER ? QUIRE_PROT_USER : 0;
    return rights | (format->no_execute && (raw & X86_NO_EXECUTE) ? 0 : (unsigned)QUIRE_PROT_EXEC);
}

#endif
