/* SPDX-License-Identifier: MIT */
/* physical.h - tables as the processor finds them: from CR3 on, by physical address, whoever made them. */
#ifndef QUIRE_PAGING_PHYSICAL_H
#define QUIRE_PAGING_PHYSICAL_H

#include "entry.h"

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

/* Whether ring 0 is held to read-only pages: CR0.WP. A CR0 of 0 is not known; the library asks for WP. */
static inline bool physical_write_protects(uint64_t cr0)
{
    return cr0 == 0 || (cr0 & CR0_WP) != 0;
}

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
