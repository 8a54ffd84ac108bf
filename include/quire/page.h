/* SPDX-License-Identifier: MIT */
/*
 * page.h - what an entry of a page table says, whatever the format: kinds of pages, rights, attributes; and what may be
 * asked of a format.
 */
#ifndef QUIRE_PAGE_H
#define QUIRE_PAGE_H

#include <quire/types.h>

#define QUIRE_LEVELS_MAX 5
#define QUIRE_KEYS       16

/* Protection, as the owner of the page asked for it. QUIRE_PROT_USER makes it reachable from ring 3. Where the format
   has no NX bit, EXEC is remembered in promises but not enforced on present pages. x86 has no write-only or
   execute-only pages: a present page is readable. No READ, WRITE or EXEC at all (with or without USER) is not for
   present pages: see QUIRE_PAGE_HIDDEN. */
typedef enum quire_prot {
    QUIRE_PROT_NONE = 0,
    QUIRE_PROT_READ = 1,
    QUIRE_PROT_WRITE = 2,
    QUIRE_PROT_EXEC = 4,
    QUIRE_PROT_USER = 8,
} quire_prot_t;

/* What an entry says. `switch` over this without a default. */
typedef enum quire_page_kind {
    QUIRE_PAGE_EMPTY = 0, /* nothing: an access is an error */
    QUIRE_PAGE_TABLE,     /* a lower table hangs here */
    QUIRE_PAGE_MAPPED,    /* present: payload = frame number */
    QUIRE_PAGE_RESERVED,  /* promise: a zeroed frame on first touch */
    QUIRE_PAGE_GUARD,     /* promise: an access is an error, and the space is taken */
    QUIRE_PAGE_HIDDEN,    /* a frame that nobody may touch at present (PROT_NONE with data): payload = frame number */
    QUIRE_PAGE_OBJECT,    /* promise: content comes from an object: payload = the object's number */
    QUIRE_PAGE_SWAPPED,   /* content is in a swap slot: payload = slot */
    QUIRE_PAGE_BUSY,      /* input or output is under way: payload = ticket */
} quire_page_kind_t;

/* Attributes beside protection. COPY_ON_WRITE and FOREIGN exclude each other: what is copied belongs to the PMM. */
enum quire_page_flags {
    QUIRE_PAGE_COPY_ON_WRITE = 1 << 0, /* writable by right, mapped read-only: the first write copies */
    QUIRE_PAGE_FOREIGN =
        1 << 1,                 /* the frame is not the PMM's (device memory, direct map): never retained or released */
    QUIRE_PAGE_GLOBAL = 1 << 2, /* kernel's half: survives a CR3 load */
    QUIRE_PAGE_ACCESSED = 1 << 3,      /* set by the MMU */
    QUIRE_PAGE_DIRTY = 1 << 4,         /* set by the MMU */
    QUIRE_PAGE_WRITE_THROUGH = 1 << 5, /* PWT */
    QUIRE_PAGE_UNCACHED = 1 << 6,      /* PCD */
    QUIRE_PAGE_PAT = 1 << 7,           /* with the two above: one of the upper four cache types of the PAT */
};

/* A decoded entry. */
typedef struct quire_page {
    quire_page_kind_t kind;
    uint8_t prot;     /* quire_prot_t */
    uint8_t key;      /* protection key, below QUIRE_KEYS: of pages with USER, where the format has keys; otherwise 0 */
    uint16_t flags;   /* quire_page_flags */
    uint64_t payload; /* by kind, see above */
} quire_page_t;

/* What stands at an address: the entry that covers it, its level, and the whole range that this one entry covers. */
typedef struct quire_extent {
    quire_page_t page; /* never QUIRE_PAGE_TABLE */
    unsigned level;
    quire_va_t start;
    quire_va_t end;
} quire_extent_t;

typedef struct quire_format quire_format_t;

/* The formats in this build; a kernel has exactly one, a host build all. */
extern const quire_format_t quire_format_x86_32;
extern const quire_format_t quire_format_x86_pae;
extern const quire_format_t quire_format_x86_4level;
extern const quire_format_t quire_format_x86_5level;

const char *quire_format_name(const quire_format_t *format);
unsigned quire_format_levels(const quire_format_t *format);
/* Bytes covered by one entry at a level, and whether a page can be mapped there (4 KiB, 2 or 4 MiB, 1 GiB). */
uint64_t quire_format_span(const quire_format_t *format, unsigned level);
bool quire_format_maps_at(const quire_format_t *format, unsigned level);
/* The highest level whose entries can hold a promise: all but a root's that cannot change. */
unsigned quire_format_promise_level(const quire_format_t *format);
/* The largest payload (frame number, slot, ticket, object's number) that an entry holds: 20 bits or 40. */
uint64_t quire_format_payload_max(const quire_format_t *format);
/* How many protection keys its entries tell apart: QUIRE_KEYS with 4 and 5 levels (SDM volume 3, 4.6.2), 1 elsewhere.
 */
unsigned quire_format_keys(const quire_format_t *format);

/* What a raw entry of a level means: for display, and for tools that read saved tables. Any bit pattern is answered. */
quire_page_t quire_format_decode(const quire_format_t *format, unsigned level, uint64_t raw);

/* Writes the raw entry in words ("frame 0x1234, user, read-only, accessed"); always terminated; returns the length. */
size_t quire_page_describe(const quire_page_t *page, char *text, size_t bytes);

#endif
