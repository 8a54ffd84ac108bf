/* SPDX-License-Identifier: MIT */
/* io.c - tests of the I/O permission bitmap at its edges, and of claims on ports. */
#include "test.h"

#define ALL_BYTES QUIRE_IO_BITMAP_BYTES

static quire_io_bitmap_t bitmap;

TEST(io, everything_is_denied_at_first)
{
    quire_io_deny_all(&bitmap);
    for (uint32_t port = 0; port < QUIRE_IO_PORTS; port++)
        CHECK(!quire_io_permits(&bitmap, ALL_BYTES, (uint16_t)port, 1));
    CHECK_EQUAL(quire_io_used_bytes(&bitmap), 0);
}

TEST(io, wide_accesses_need_every_port_they_touch)
{
    quire_io_deny_all(&bitmap);
    CHECK_OK(quire_io_allow(&bitmap, 0x3fe, 4, true));
    CHECK(quire_io_permits(&bitmap, ALL_BYTES, 0x3fe, 4));
    CHECK(quire_io_permits(&bitmap, ALL_BYTES, 0x400, 2));
    CHECK(quire_io_permits(&bitmap, ALL_BYTES, 0x401, 1));
    CHECK(!quire_io_permits(&bitmap, ALL_BYTES, 0x3fd, 2));
    CHECK(!quire_io_permits(&bitmap, ALL_BYTES, 0x3ff, 4));
    CHECK(!quire_io_permits(&bitmap, ALL_BYTES, 0x401, 2));
    CHECK_EQUAL(quire_io_used_bytes(&bitmap), 0x401 / 8 + 1);
}

TEST(io, the_last_port_and_the_byte_after_it)
{
    quire_io_deny_all(&bitmap);
    CHECK_OK(quire_io_allow(&bitmap, 0xffff, 1, true));
    CHECK(quire_io_permits(&bitmap, ALL_BYTES, 0xffff, 1));
    CHECK(!quire_io_permits(&bitmap, ALL_BYTES, 0xffff, 2));
    CHECK(!quire_io_permits(&bitmap, ALL_BYTES, 0xffff, 4));
    /* Without the byte of ones inside the limit the CPU refuses even the allowed port. */
    CHECK(!quire_io_permits(&bitmap, ALL_BYTES - 1, 0xffff, 1));
    CHECK(!quire_io_permits(&bitmap, 0, 0, 1));
    CHECK_EQUAL(bitmap.bits[ALL_BYTES - 1], 0xff);
}

TEST(io, ranges_beyond_the_ports_change_nothing)
{
    quire_io_deny_all(&bitmap);
    CHECK_EQUAL(quire_io_allow(&bitmap, 0xffff, 2, true), QUIRE_INVALID);
    CHECK_EQUAL(quire_io_allow(&bitmap, 0x10000, 1, true), QUIRE_INVALID);
    CHECK_EQUAL(quire_io_allow(&bitmap, 5, 0, true), QUIRE_INVALID);
    CHECK_EQUAL(quire_io_allow(&bitmap, 1, UINT32_MAX, true), QUIRE_INVALID);
    CHECK_EQUAL(quire_io_used_bytes(&bitmap), 0);
}

TEST(io, random_ranges_against_a_list_of_ports)
{
    bool *allowed = test_memory(QUIRE_IO_PORTS);

    quire_io_deny_all(&bitmap);
    for (unsigned step = 0; step < 200; step++) {
        uint32_t first = (uint32_t)test_random_below(QUIRE_IO_PORTS);
        uint32_t count = 1 + (uint32_t)test_random_below(QUIRE_IO_PORTS - first < 300 ? QUIRE_IO_PORTS - first : 300);
        bool grant = test_random_below(3) != 0;

        CHECK_OK(quire_io_allow(&bitmap, first, count, grant));
        for (uint32_t port = first; port < first + count; port++)
            allowed[port] = grant;
    }
    for (uint32_t port = 0; port + 4 <= QUIRE_IO_PORTS; port++) {
        bool two = allowed[port] && allowed[port + 1];

        CHECK_EQUAL(quire_io_permits(&bitmap, ALL_BYTES, (uint16_t)port, 1), allowed[port]);
        CHECK_EQUAL(quire_io_permits(&bitmap, ALL_BYTES, (uint16_t)port, 2), two);
        CHECK_EQUAL(quire_io_permits(&bitmap, ALL_BYTES, (uint16_t)port, 4),
                    two && allowed[port + 2] && allowed[port + 3]);
    }
}

TEST(io, conflicting_claims_are_refused)
{
    quire_io_claim_t storage[3];
    quire_io_claims_t claims;

    quire_io_claims_init(&claims, storage, 3);
    CHECK_OK(quire_io_claim(&claims, 0x3f8, 8, "serial"));
    CHECK_OK(quire_io_claim(&claims, 0x40, 4, "timer"));
    CHECK_EQUAL(quire_io_claim(&claims, 0x3ff, 1, "other"), QUIRE_EXISTS);
    CHECK_EQUAL(quire_io_claim(&claims, 0, 0x41, "other"), QUIRE_EXISTS);
    CHECK_EQUAL(quire_io_claim(&claims, 0xffff, 2, "other"), QUIRE_INVALID);
    CHECK_OK(quire_io_claim(&claims, 0x44, 1, "other"));
    CHECK_EQUAL(quire_io_claim(&claims, 0x80, 1, "full"), QUIRE_NO_MEMORY);
    CHECK_OK(quire_io_check(&claims));
    CHECK(quire_io_claimed(&claims, 0x3f0, 9) == &claims.claims[2]);
    CHECK(quire_io_claimed(&claims, 0x45, 0x300) == NULL);
    CHECK_OK(quire_io_release(&claims, 0x40));
    CHECK_EQUAL(quire_io_release(&claims, 0x40), QUIRE_NOT_FOUND);
    CHECK_OK(quire_io_claim(&claims, 0x3f, 5, "other"));
    CHECK_OK(quire_io_check(&claims));
}
