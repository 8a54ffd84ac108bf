/* SPDX-License-Identifier: MIT */
/*
 * io.c - the I/O permission bitmap, and claims on ports.
 *
 * Problem: the bitmap's edges are where kernels go wrong. A word at port 0xFFFF, an access across two bytes of the
 * bitmap, a limit one byte short: each lets a process touch a port it was never given, or faults where it should not.
 * Idea: one function decides as the CPU does (SDM volume 1, 19.5.2), and tests compare the two.
 *
 * The CPU reads the 16 bits at byte port / 8. If the second of these bytes lies beyond the TSS's limit it raises
 * #GP, whatever the bits say. So the tail of ones is not only a guard against a wide access at the last port: it must
 * be within the limit.
 *
 * Claims are few (a kernel drives dozens of devices): a sorted array is searched from its start.
 */
#include <quire/io.h>

#include "string.h"

static bool is_range(uint32_t first, uint32_t count)
{
    return count != 0 && first < QUIRE_IO_PORTS && count <= QUIRE_IO_PORTS - first;
}

void quire_io_deny_all(quire_io_bitmap_t *bitmap)
{
    memset(bitmap->bits, 0xff, sizeof(bitmap->bits));
}

quire_status_t quire_io_allow(quire_io_bitmap_t *bitmap, uint32_t first, uint32_t count, bool allowed)
{
    if (!is_range(first, count))
        return QUIRE_INVALID;
    for (uint32_t port = first; port < first + count; port++) {
        uint8_t bit = (uint8_t)(1u << (port % 8));

        if (allowed)
            bitmap->bits[port / 8] &= (uint8_t)~bit;
        else
            bitmap->bits[port / 8] |= bit;
    }
    return QUIRE_OK;
}

bool quire_io_permits(const quire_io_bitmap_t *bitmap, size_t bitmap_bytes, uint16_t port, unsigned bytes)
{
    size_t at = port / 8;
    uint32_t pair;

    if (at + 1 >= bitmap_bytes)
        return false;
    pair = bitmap->bits[at] | (uint32_t)bitmap->bits[at + 1] << 8;
    return (pair >> (port % 8) & ((1u << bytes) - 1)) == 0;
}

size_t quire_io_used_bytes(const quire_io_bitmap_t *bitmap)
{
    size_t end = QUIRE_IO_PORTS / 8;

    while (end > 0 && bitmap->bits[end - 1] == 0xff)
        end--;
    return end;
}

void quire_io_claims_init(quire_io_claims_t *claims, quire_io_claim_t *storage, size_t capacity)
{
    *claims = (quire_io_claims_t){.claims = storage, .capacity = capacity};
}

const quire_io_claim_t *quire_io_claimed(const quire_io_claims_t *claims, uint32_t first, uint32_t count)
{
    for (size_t at = 0; at < claims->count; at++) {
        const quire_io_claim_t *claim = &claims->claims[at];

        if (claim->first < first + count && first < claim->first + claim->count)
            return claim;
    }
    return NULL;
}

quire_status_t quire_io_claim(quire_io_claims_t *claims, uint32_t first, uint32_t count, const char *owner)
{
    size_t at = 0;

    if (!is_range(first, count))
        return QUIRE_INVALID;
    if (quire_io_claimed(claims, first, count) != NULL)
        return QUIRE_EXISTS;
    if (claims->count == claims->capacity)
        return QUIRE_NO_MEMORY;
    while (at < claims->count && claims->claims[at].first < first)
        at++;
    memmove(&claims->claims[at + 1], &claims->claims[at], (claims->count - at) * sizeof(*claims->claims));
    claims->claims[at] = (quire_io_claim_t){first, count, owner};
    claims->count++;
    return QUIRE_OK;
}

quire_status_t quire_io_release(quire_io_claims_t *claims, uint32_t first)
{
    for (size_t at = 0; at < claims->count; at++) {
        if (claims->claims[at].first != first)
            continue;
        claims->count--;
        memmove(&claims->claims[at], &claims->claims[at + 1], (claims->count - at) * sizeof(*claims->claims));
        return QUIRE_OK;
    }
    return QUIRE_NOT_FOUND;
}

quire_status_t quire_io_check(const quire_io_claims_t *claims)
{
    uint32_t end = 0;

    if (claims->count > claims->capacity)
        return QUIRE_CORRUPT;
    for (size_t at = 0; at < claims->count; at++) {
        const quire_io_claim_t *claim = &claims->claims[at];

        if (!is_range(claim->first, claim->count) || claim->first < end)
            return QUIRE_CORRUPT;
        end = claim->first + claim->count;
    }
    return QUIRE_OK;
}
