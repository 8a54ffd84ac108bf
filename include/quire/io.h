/* SPDX-License-Identifier: MIT */
/*
 * io.h - the other address space of x86: 65,536 ports, one byte each.
 *
 * A process reaches a port if its IOPL says so (never, here: IOPL is 0 for all) or if the I/O permission bitmap in the
 * TSS has a 0 for *every* byte that the access touches (SDM volume 1, 19.5.2). The CPU always reads two bytes of the
 * bitmap, so a byte of ones must follow it, and the TSS's limit must include that byte. Drivers claim ranges of ports,
 * so that two of them never drive one device.
 */
#ifndef QUIRE_IO_H
#define QUIRE_IO_H

#include <quire/types.h>

#define QUIRE_IO_PORTS        65536u
#define QUIRE_IO_BITMAP_BYTES (QUIRE_IO_PORTS / 8 + 1) /* with the byte of ones */

/* A TSS's bitmap, or a process's own copy of one. Bit set = denied. */
typedef struct quire_io_bitmap {
    uint8_t bits[QUIRE_IO_BITMAP_BYTES];
} quire_io_bitmap_t;

/* All ports denied, and the tail set. */
void quire_io_deny_all(quire_io_bitmap_t *bitmap);

/* Allows or denies ports [first, first + count). QUIRE_INVALID: count is 0 or the range goes beyond the last port;
   nothing was changed. */
quire_status_t quire_io_allow(quire_io_bitmap_t *bitmap, uint32_t first, uint32_t count, bool allowed) QUIRE_MUST_CHECK;

/* Whether an access of 1, 2 or 4 bytes at a port would pass the bitmap in a TSS whose segment ends right after
   `bitmap_bytes` bytes of it, as the CPU decides it. */
bool quire_io_permits(const quire_io_bitmap_t *bitmap, size_t bitmap_bytes, uint16_t port, unsigned bytes);

/* The bitmap's bytes [0, *end) that differ from all-denied: what has to be copied into the TSS on a switch; 0 if
   nothing is allowed. */
size_t quire_io_used_bytes(const quire_io_bitmap_t *bitmap);

/* --- who drives which ports --- */

typedef struct quire_io_claim {
    uint32_t first;
    uint32_t count;
    const char *owner; /* the claimant's string; stays its own */
} quire_io_claim_t;

/* The caller's array, sorted by port. */
typedef struct quire_io_claims {
    quire_io_claim_t *claims;
    size_t count;
    size_t capacity;
} quire_io_claims_t;

void quire_io_claims_init(quire_io_claims_t *claims, quire_io_claim_t *storage, size_t capacity);

/* QUIRE_EXISTS: a port of the range is somebody's. QUIRE_INVALID: no such range. QUIRE_NO_MEMORY: the array is full. */
quire_status_t quire_io_claim(quire_io_claims_t *claims, uint32_t first, uint32_t count,
                              const char *owner) QUIRE_MUST_CHECK;

/* QUIRE_NOT_FOUND: no claim begins at `first`. */
quire_status_t quire_io_release(quire_io_claims_t *claims, uint32_t first) QUIRE_MUST_CHECK;

/* The first claim that touches [first, first + count); NULL if none does. */
const quire_io_claim_t *quire_io_claimed(const quire_io_claims_t *claims, uint32_t first, uint32_t count);

/* Sorted, disjoint, within the ports. QUIRE_CORRUPT if not. */
quire_status_t quire_io_check(const quire_io_claims_t *claims) QUIRE_MUST_CHECK;

#endif
