/* SPDX-License-Identifier: MIT */
/*
 * nonsense.c - arguments without sense, from a process that does nothing else.
 *
 * Addresses and lengths near every border, and bits at random. Whatever is answered, the space stays sound, what
 * belongs to the kernel and to another process stays as it was, and every frame comes back.
 */
#include "fixture.h"
#include "string.h"

#define STEPS 600

static const uint8_t secret[16] = "not for you to";

static quire_va_t random_address(fixture_t *fixture)
{
    const quire_va_t borders[] = {0,
                                  USER_START,
                                  SEAM,
                                  SEAM + 4 * MIB,
                                  fixture->user_end,
                                  fixture->kernel.table.shared_start,
                                  fixture->kernel.start,
                                  fixture->kernel.end,
                                  ~(quire_va_t)0 - PAGE + 1};
    quire_va_t va = borders[test_random_below(sizeof(borders) / sizeof(borders[0]))];

    switch (test_random_below(4)) {
    case 0:
        return va + test_random_below(4) * PAGE;
    case 1:
        return va - test_random_below(4) * PAGE;
    case 2:
        return va + test_random_below(2 * PAGE) - PAGE;
    default:
        return (quire_va_t)test_random() >> test_random_below(32);
    }
}

static size_t random_length(void)
{
    size_t small = (size_t)test_random_below(3 * PAGE);

    switch (test_random_below(5)) {
    case 0:
        return SIZE_MAX - small;
    case 1:
        return (size_t)test_random() >> test_random_below(sizeof(size_t) * 8);
    case 2:
        return ((size_t)1 << test_random_below(sizeof(size_t) * 8)) - small;
    default:
        return small;
    }
}

static bool change_something(fixture_t *fixture, quire_space_t *space)
{
    quire_va_t at = random_address(fixture);
    size_t bytes = random_length();
    unsigned bits = (unsigned)test_random_below(test_random() % 2 == 0 ? 8 : 64);
    quire_va_t va;

    switch (test_random_below(7)) {
    case 0:
    case 1:
        return quire_vmm_reserve(space, at, bytes, bits, (unsigned)test_random_below(9), &va) == QUIRE_OK;
    case 2:
        return quire_vmm_unmap(space, at, bytes) == QUIRE_OK;
    case 3:
        return quire_vmm_protect(space, at, bytes, bits) == QUIRE_OK;
    case 4:
        return quire_vmm_discard(space, at, bytes) == QUIRE_OK;
    case 5:
        return quire_vmm_populate(space, at, bytes) == QUIRE_OK;
    default:
        return quire_vmm_move(space, at, bytes, random_length(), bits, random_address(fixture), &va) == QUIRE_OK;
    }
}

/* At most three pages, so that the buffer is large enough. */
static bool touch_something(fixture_t *fixture, quire_space_t *space)
{
    static uint8_t buffer[3 * QUIRE_PAGE_BYTES];
    quire_va_t at = random_address(fixture);
    size_t bytes = (size_t)test_random_below(sizeof(buffer));
    size_t count = 0;

    memset(buffer, 0xaa, sizeof(buffer));
    switch (test_random_below(6)) {
    case 0:
        return quire_vmm_fault(space, at, (unsigned)test_random_below(16) * QUIRE_ACCESS_WRITE) == QUIRE_OK;
    case 1:
        return quire_vmm_copy_to_user(space, at, buffer, bytes, &count) == QUIRE_OK;
    case 2:
        return quire_vmm_clear_user(space, at, bytes) == QUIRE_OK;
    case 3:
        return quire_vmm_copy_string_from_user(space, (char *)buffer, at, bytes, &count) == QUIRE_OK;
    case 4:
        return quire_vmm_poke(space, at, buffer, bytes) == QUIRE_OK;
    default:
        return quire_vmm_copy_from_user(space, buffer, at, bytes, &count) == QUIRE_OK;
    }
}

static void check_secret(quire_space_t *space, quire_va_t va)
{
    uint8_t bytes[sizeof(secret)];

    CHECK_OK(quire_vmm_peek(space, bytes, va, sizeof(bytes)));
    CHECK(memcmp(bytes, secret, sizeof(bytes)) == 0);
}

static void nonsense(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t *kernel = &fixture->kernel;
    quire_space_t victim;
    quire_space_t space;
    quire_va_t va;
    size_t done = 0;

    CHECK_OK(quire_vmm_reserve(kernel, 0, PAGE, READ_WRITE, 0, &va));
    CHECK_OK(quire_vmm_poke(kernel, va, secret, sizeof(secret)));
    vmm_make(fixture, &victim, 1);
    vmm_reserve_at(&victim, SEAM, 1, READ_WRITE);
    CHECK_OK(quire_vmm_poke(&victim, SEAM, secret, sizeof(secret)));
    vmm_make(fixture, &space, 2);
    for (unsigned step = 0; step < STEPS * test_effort(); step++) {
        done += test_random() % 2 == 0 ? change_something(fixture, &space) : touch_something(fixture, &space);
        if (step % 16 == 0)
            CHECK_OK(quire_vmm_check(&space));
    }
    CHECK(done > 0);
    vmm_check_all(fixture, &space);
    quire_vmm_destroy(&space);
    check_secret(kernel, va);
    check_secret(&victim, SEAM);
    CHECK_OK(quire_vmm_unmap(kernel, va, PAGE));
    vmm_end(fixture, &victim, free_frames);
}

TEST(vmm, nonsense_does_no_harm)
{
    vmm_each_format(nonsense);
}
