/* SPDX-License-Identifier: MIT */
/*
 * random.c - combinations that nobody thought of: random entries at every level, random control bits, a random access.
 *
 * Everything is flushed before each access, so that only translation, rights and flags are compared, not what a machine
 * happens to keep. Protection keys come in a second series, which machines without them skip.
 */
#include "scenario.h"

enum { ROUNDS = 300, CR0_WP = 0x10000, CR4_PGE = 0x80, CR4_SMEP = 0x100000, CR4_SMAP = 0x200000, CR4_PKE = 0x400000 };
enum { EFER_NXE = 0x800, LARGE = 0x80 };

static uint32_t state;

/* Marsaglia's xorshift of 32 bits. */
static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static bool one_in(uint32_t n)
{
    return (next() >> 8) % n == 0;
}

/* Mostly present, writable and the user's; now and then with NX or a reserved bit. */
static uint64_t random_flags(unsigned mode)
{
    uint64_t flags = next() & 0x60; /* A and D */

    flags |= one_in(16) ? 0 : 1;
    flags |= one_in(5) ? 0 : 2;
    flags |= one_in(4) ? 0 : 4;
    if (mode & MODE_64_ENTRIES) {
        flags |= one_in(8) ? UINT64_C(1) << 63 : 0;
        flags |= one_in(40) ? UINT64_C(1) << 51 : 0;
    }
    return flags;
}

static void random_entries(unsigned mode, bool keys)
{
    uint64_t key = keys ? (uint64_t)(next() & 3) << 59 : 0;
    uint64_t reserved = one_in(10) ? (mode == MODE_32 ? 1 << 21 : 1 << 20) : 0;

    put_entry(E1, mode, DATA0 | random_flags(mode) | key);
    if (one_in(4))
        put_entry(E2, mode, BIG0 | LARGE | random_flags(mode) | key | reserved);
    else
        put_entry(E2, mode, TEST_PT | random_flags(mode));
    if (mode & MODE_LONG) {
        put_entry(E3, mode, TEST_PD | random_flags(mode));
        put_entry(E4, mode, TEST_PDPT | random_flags(mode));
        put_entry(E5, mode, TEST_PML4 | random_flags(mode));
    }
}

static void control(operation_t operation, uint64_t bits, bool set, unsigned mode)
{
    const step_t step = {(uint8_t)operation, 0, 0, set ? 0 : bits, set ? bits : 0};

    backend_control(&step, mode);
}

static void random_control(unsigned mode, bool keys)
{
    control(CR0, CR0_WP, !one_in(4), mode);
    control(CR4, CR4_SMEP, one_in(3), mode);
    control(CR4, CR4_SMAP, one_in(3), mode);
    if (mode & MODE_64_ENTRIES)
        control(EFER, EFER_NXE, !one_in(6), mode);
    if (keys) {
        control(CR4, CR4_PKE, true, mode);
        control(PKRU, next() & 0xFF, true, mode);
        control(CR4, CR4_PKE, !one_in(4), mode);
    }
    control(CR4, CR4_PGE, false, mode); /* everything is flushed */
    control(CR4, CR4_PGE, true, mode);
}

static void random_series(const char *name, unsigned mode, bool keys)
{
    static const operation_t operations[] = {READ, WRITE, EXECUTE, WRITE};

    begin_scenario(mode);
    for (unsigned round = 0; round < ROUNDS; round++) {
        bool ac = one_in(3);
        step_t step = {.operation = (uint8_t)operations[next() >> 5 & 3], .bytes = 1, .offset = 8};

        step.entry = one_in(2);
        if (step.operation == EXECUTE) {
            step.bytes = 2;
            step.offset = 0x20;
        }
        random_entries(mode, keys);
        random_control(mode, keys);
        run_step(name, round, &step, mode, &ac);
    }
}

void run_random(unsigned mode)
{
    state = 2463534242u;
    if (!backend_has(NEEDS_SMEP | NEEDS_SMAP))
        print_absent("random", mode);
    else
        random_series("random", mode, false);
    if (!(mode & MODE_LONG))
        return;
    if (!backend_has(NEEDS_SMEP | NEEDS_SMAP | NEEDS_PKU))
        print_absent("random_keys", mode);
    else
        random_series("random_keys", mode, true);
}
