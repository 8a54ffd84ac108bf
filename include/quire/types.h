/* SPDX-License-Identifier: MIT */
/*
 * types.h - the words every layer of Quire speaks.
 *
 * A *frame* is physical, a *page* is virtual; both are 4 KiB. Physical addresses and frame numbers are struct
 * types, so that swapping one for a virtual address, or for each other, does not compile. Lengths in public
 * interfaces are bytes; ranges are half-open, [start, end). The topmost page of a virtual address space is never
 * used, so the end of a range can always be represented.
 */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIRE_PAGE_SHIFT 12
#define QUIRE_PAGE_BYTES ((size_t)1 << QUIRE_PAGE_SHIFT)
#define QUIRE_PAGE_MASK  (QUIRE_PAGE_BYTES - 1)

/* Mistakes of a caller that would show much later, or never, are looked for where they are made: a few instructions
   each. -DQUIRE_CHECKS=0, for the library and its host alike, leaves that out. */
#ifndef QUIRE_CHECKS
#define QUIRE_CHECKS 1
#endif

/* The same words in C and C++. */
#define QUIRE_MUST_CHECK     __attribute__((warn_unused_result))
#define QUIRE_NO_RETURN      __attribute__((noreturn))
#define QUIRE_ALIGNED(bytes) __attribute__((aligned(bytes)))

/* What a call answers. On anything but QUIRE_OK the call has changed nothing and its out-parameters are untouched. */
typedef enum quire_status {
    QUIRE_OK = 0,
    QUIRE_NO_MEMORY,   /* no frame, or no room in the caller's own table */
    QUIRE_NO_SPACE,    /* no hole in the address space that is large enough */
    QUIRE_INVALID,     /* an argument that can never be right: unaligned, empty, wrapping, out of range */
    QUIRE_EXISTS,      /* something is already there */
    QUIRE_NOT_FOUND,   /* nothing is there */
    QUIRE_DENIED,      /* it is there, but this access is not allowed */
    QUIRE_AGAIN,       /* the state changed under the caller: try again */
    QUIRE_UNSUPPORTED, /* this machine or page-table format cannot do it */
    QUIRE_CORRUPT,     /* an invariant is broken: memory was overwritten, or freed twice */
} quire_status_t;

/* The status in words, for messages; never NULL. */
const char *quire_status_name(quire_status_t status);

/* A virtual (linear) address. A host build that holds every page-table format needs 64 bits even when it is a
   32-bit program; a kernel needs just its own width. */
#ifdef QUIRE_ALL_FORMATS
typedef uint64_t quire_va_t;
#else
typedef uintptr_t quire_va_t;
#endif

/* A physical address in bytes: always 64 bits, because PAE gives a 32-bit kernel more than 4 GiB. */
typedef struct quire_pa {
    uint64_t value;
} quire_pa_t;

/* A physical frame: its address divided by 4096. Frame 0 is never handed out. */
typedef struct quire_frame {
    size_t number;
} quire_frame_t;

static inline quire_pa_t quire_pa(uint64_t value)
{
    return (quire_pa_t){value};
}

static inline quire_frame_t quire_frame(size_t number)
{
    return (quire_frame_t){number};
}

/* The widening comes before the shift: a 32-bit frame number shifted first would lose everything above 4 GiB. */
static inline quire_pa_t quire_pa_of_frame(quire_frame_t frame)
{
    return quire_pa((uint64_t)frame.number << QUIRE_PAGE_SHIFT);
}

static inline quire_frame_t quire_frame_of_pa(quire_pa_t pa)
{
    return quire_frame((size_t)(pa.value >> QUIRE_PAGE_SHIFT));
}

static inline quire_va_t quire_page_down(quire_va_t va)
{
    return va & ~(quire_va_t)QUIRE_PAGE_MASK;
}

/* Wraps to 0 for an address in the topmost page: callers check their ranges first. */
static inline quire_va_t quire_page_up(quire_va_t va)
{
    return (va + QUIRE_PAGE_MASK) & ~(quire_va_t)QUIRE_PAGE_MASK;
}

#endif
