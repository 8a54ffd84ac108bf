/* SPDX-License-Identifier: MIT */
/*
 * interpreter.c - runs the scenarios and prints what happened. Freestanding: it is part of the probe kernel and of the
 * model's runner, so that a difference in output is a difference between machines.
 *
 * Before each scenario: TEST_VA is mapped down to an empty page table, by entries that allow everything; the tables of
 * the probe itself are as they were. CR0.WP, CR4.PSE, CR4.PGE and EFER.NXE are set where the mode has them; SMEP, SMAP,
 * PKE, PCIDE and EFLAGS.AC are clear.
 */
#include "scenario.h"

#define P   UINT64_C(0x001)
#define W   UINT64_C(0x002)
#define U   UINT64_C(0x004)
#define PWT UINT64_C(0x008)
#define A   UINT64_C(0x020)
#define D   UINT64_C(0x040)
#define PS  UINT64_C(0x080)
#define G   UINT64_C(0x100)
#define NX  UINT64_C(0x8000000000000000)
#define PWU (P | W | U)

#define BIT(n) (UINT64_C(1) << (n))

enum { CR0_WP = 0x10000, CR4_PGE = 0x80, CR4_PCIDE = 0x20000, CR4_SMEP = 0x100000, CR4_SMAP = 0x200000 };
enum { CR4_PKE = 0x400000, EFER_NXE = 0x800 };

/* A descriptor: base, limit, access byte, flags (SDM figure 3-8). */
#define SEGMENT(base, limit, access, flags)                                                                            \
    (((limit)&UINT64_C(0xFFFF)) | ((base)&UINT64_C(0xFFFFFF)) << 16 | UINT64_C(access) << 40 |                         \
     ((limit)&UINT64_C(0xF0000)) << 32 | UINT64_C(flags) << 52 | ((base)&UINT64_C(0xFF000000)) << 32)

/* The steps, as scenarios.def writes them. */
#define SET(entry, value)                                                                                              \
    {                                                                                                                  \
        PUT, entry, 0, 0, value                                                                                        \
    }
#define POKE64(pa, value)                                                                                              \
    {                                                                                                                  \
        POKE, 0, 8, pa, value                                                                                          \
    }
#define BYTE(pa)                                                                                                       \
    {                                                                                                                  \
        PEEK, 0, 1, pa, 0                                                                                              \
    }
#define DESCRIPTOR(selector, raw)                                                                                      \
    {                                                                                                                  \
        POKE, 0, 8, TEST_GDT + (selector), raw                                                                         \
    }
#define LOCAL(selector, raw)                                                                                           \
    {                                                                                                                  \
        POKE, 0, 8, TEST_LDT + (selector), raw                                                                         \
    }
#define CR0_SET(bits)                                                                                                  \
    {                                                                                                                  \
        CR0, 0, 0, 0, bits                                                                                             \
    }
#define CR0_CLEAR(bits)                                                                                                \
    {                                                                                                                  \
        CR0, 0, 0, bits, 0                                                                                             \
    }
#define CR4_SET(bits)                                                                                                  \
    {                                                                                                                  \
        CR4, 0, 0, 0, bits                                                                                             \
    }
#define CR4_CLEAR(bits)                                                                                                \
    {                                                                                                                  \
        CR4, 0, 0, bits, 0                                                                                             \
    }
#define EFER_CLEAR(bits)                                                                                               \
    {                                                                                                                  \
        EFER, 0, 0, bits, 0                                                                                            \
    }
#define LOAD_CR3(bits)                                                                                                 \
    {                                                                                                                  \
        CR3, 0, 0, 0, bits                                                                                             \
    }
#define FLUSH(offset)                                                                                                  \
    {                                                                                                                  \
        INVLPG, 0, 0, offset, 0                                                                                        \
    }
#define FLUSH_PCID(type, pcid, at)                                                                                     \
    {                                                                                                                  \
        INVPCID, type, 0, at, pcid                                                                                     \
    }
#define SET_PKRU(value)                                                                                                \
    {                                                                                                                  \
        PKRU, 0, 0, 0, value                                                                                           \
    }
#define SET_AC(value)                                                                                                  \
    {                                                                                                                  \
        AC, 0, 0, 0, value                                                                                             \
    }
#define K_READ(offset)                                                                                                 \
    {                                                                                                                  \
        READ, 0, 1, offset, 0                                                                                          \
    }
#define U_READ(offset)                                                                                                 \
    {                                                                                                                  \
        READ, 1, 1, offset, 0                                                                                          \
    }
#define K_READ4(offset)                                                                                                \
    {                                                                                                                  \
        READ, 0, 4, offset, 0                                                                                          \
    }
#define K_WRITE(offset)                                                                                                \
    {                                                                                                                  \
        WRITE, 0, 1, offset, 0                                                                                         \
    }
#define U_WRITE(offset)                                                                                                \
    {                                                                                                                  \
        WRITE, 1, 1, offset, 0                                                                                         \
    }
#define K_WRITE4(offset)                                                                                               \
    {                                                                                                                  \
        WRITE, 0, 4, offset, 0                                                                                         \
    }
#define K_EXEC(offset)                                                                                                 \
    {                                                                                                                  \
        EXECUTE, 0, 2, offset, 0                                                                                       \
    }
#define U_EXEC(offset)                                                                                                 \
    {                                                                                                                  \
        EXECUTE, 1, 2, offset, 0                                                                                       \
    }
#define K_FS(selector, offset)                                                                                         \
    {                                                                                                                  \
        FS_READ, 0, 1, offset, selector                                                                                \
    }
#define K_FS4(selector, offset)                                                                                        \
    {                                                                                                                  \
        FS_READ, 0, 4, offset, selector                                                                                \
    }
#define U_FS(selector, offset)                                                                                         \
    {                                                                                                                  \
        FS_READ, 1, 1, offset, selector                                                                                \
    }
#define K_FS_WRITE(sel, offset)                                                                                        \
    {                                                                                                                  \
        FS_WRITE, 0, 1, offset, sel                                                                                    \
    }
#define K_SS(selector, offset)                                                                                         \
    {                                                                                                                  \
        SS_READ, 0, 1, offset, selector                                                                                \
    }
#define U_SS(selector, offset)                                                                                         \
    {                                                                                                                  \
        SS_READ, 1, 1, offset, selector                                                                                \
    }
#define LLDT(selector)                                                                                                 \
    {                                                                                                                  \
        LOAD_LDT, 0, 0, 0, selector                                                                                    \
    }

#define SCENARIO(name, modes, needs, ...) static const step_t steps_##name[] = {__VA_ARGS__, {DONE, 0, 0, 0, 0}};
#include "scenarios.def"
#undef SCENARIO

#define SCENARIO(name, modes, needs, ...) {#name, modes, needs, steps_##name},
static const scenario_t scenarios[] = {
#include "scenarios.def"
};
#undef SCENARIO

static const char *const operation_names[] = {
    [READ] = "read",         [WRITE] = "write",     [EXECUTE] = "execute", [FS_READ] = "fs-read",
    [FS_WRITE] = "fs-write", [SS_READ] = "ss-read", [LOAD_LDT] = "lldt",   [PEEK] = "peek",
};

static void print(const char *text)
{
    while (*text)
        backend_print(*text++);
}

static void print_hex(uint64_t value)
{
    unsigned shift = 60;

    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (;; shift -= 4) {
        backend_print("0123456789abcdef"[value >> shift & 15]);
        if (shift == 0)
            return;
    }
}

uint64_t test_va(unsigned mode)
{
    return mode == MODE_LONG ? UINT64_C(0x8000000000) : 0x40000000;
}

static unsigned entry_bytes(unsigned mode)
{
    return mode == MODE_32 ? 4 : 8;
}

/* Where an entry of TEST_VA stands; 0 if the mode has no such level. */
static uint32_t entry_address(entry_t entry, unsigned mode)
{
    uint32_t bytes = entry_bytes(mode);

    switch (entry) {
    case E1:
        return TEST_PT;
    case E1N:
        return TEST_PT + bytes;
    case E2:
        return mode == MODE_32 ? ROOT + 4 * 0x100 : TEST_PD;
    case E2N:
        return mode == MODE_32 ? ROOT + 4 * 0x101 : TEST_PD + 8;
    case E3:
        if (mode == MODE_32)
            return 0;
        return mode == MODE_PAE ? ROOT + 8 : TEST_PDPT;
    case E4:
        return mode == MODE_LONG ? ROOT + 8 : 0;
    case ENTRIES:
        break;
    }
    return 0;
}

/* Every 16 bytes: an instruction that ends the access, and the number of the frame. The last byte begins an
 * instruction that needs the next page. */
static void fill_frame(uint32_t pa, uint64_t number)
{
    for (uint32_t at = 0; at < 0x1000; at += 16) {
        backend_poke(pa + at, UINT64_C(0xF4F4F4F4F4F480CD), 8);
        backend_poke(pa + at + 8, number * UINT64_C(0x0101010101010101), 8);
    }
    backend_poke(pa + 0xFFF, 0xCD, 1);
}

static void fill_memory(void)
{
    for (uint32_t pa = TEST_PDPT; pa < TEST_GDT; pa += 8)
        backend_poke(pa, 0, 8);
    for (uint32_t selector = 0x40; selector < GDT_LIMIT; selector += 8)
        backend_poke(TEST_GDT + selector, 0, 8);
    for (uint32_t i = 0; i < 3; i++)
        fill_frame(DATA0 + 0x1000 * i, 0x10 + i);
    for (uint32_t i = 0; i < 2; i++) {
        fill_frame(BIG0 + 0x400000 * i, 0x20 + 4 * i);
        fill_frame(BIG0 + 0x400000 * i + 0x1000, 0x21 + 4 * i);
        fill_frame(BIG0 + 0x400000 * i + 0x200000, 0x22 + 4 * i);
    }
}

/* 32 MiB one to one in large pages, for the supervisor; the one at USER_AREA for the user too. */
static void map_low_memory(unsigned mode)
{
    uint32_t bytes = entry_bytes(mode), table = mode == MODE_32 ? ROOT : LOW_PD;
    uint32_t page = mode == MODE_32 ? 0x400000 : 0x200000;

    for (uint32_t pa = 0, i = 0; pa < 0x2000000; pa += page, i++)
        backend_poke(table + i * bytes, pa | P | W | A | D | PS | (pa == USER_AREA ? U : 0), bytes);
    if (mode == MODE_PAE)
        backend_poke(ROOT, LOW_PD | P, 8);
    if (mode == MODE_LONG) {
        backend_poke(ROOT, LOW_PDPT | PWU | A, 8);
        backend_poke(LOW_PDPT, LOW_PD | PWU | A, 8);
    }
}

static void put(entry_t entry, unsigned mode, uint64_t value)
{
    if (entry_address(entry, mode) != 0)
        backend_poke(entry_address(entry, mode), value, entry_bytes(mode));
}

static void put_descriptors(unsigned mode)
{
    bool wide = mode == MODE_LONG;

    backend_poke(TEST_GDT, 0, 8);
    backend_poke(TEST_GDT + KERNEL_CODE, wide ? SEGMENT(0, 0xFFFFF, 0x9B, 0xA) : SEGMENT(0, 0xFFFFF, 0x9B, 0xC), 8);
    backend_poke(TEST_GDT + KERNEL_DATA, SEGMENT(0, 0xFFFFF, 0x93, 0xC), 8);
    backend_poke(TEST_GDT + (USER_CODE & ~7), wide ? SEGMENT(0, 0xFFFFF, 0xFB, 0xA) : SEGMENT(0, 0xFFFFF, 0xFB, 0xC),
                 8);
    backend_poke(TEST_GDT + (USER_DATA & ~7), SEGMENT(0, 0xFFFFF, 0xF3, 0xC), 8);
}

static void begin(unsigned mode)
{
    fill_memory();
    put_descriptors(mode);
    map_low_memory(mode);
    put(E4, mode, TEST_PDPT | PWU);
    put(E3, mode, mode == MODE_PAE ? TEST_PD | P : TEST_PD | PWU);
    put(E2, mode, TEST_PT | PWU);
    put(E2N, mode, 0);
    backend_reset(mode);
}

static void print_key(const char *scenario, unsigned step, unsigned mode)
{
    print(mode == MODE_32 ? "32/" : mode == MODE_PAE ? "pae/" : "long/");
    print(scenario);
    backend_print('/');
    if (step >= 10)
        backend_print((char)('0' + step / 10));
    backend_print((char)('0' + step % 10));
    backend_print(' ');
}

static void print_flags(unsigned mode)
{
    static const char *const names[] = {"E1", "E1N", "E2", "E2N", "E3", "E4"};

    backend_print(' ');
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint32_t pa = entry_address((entry_t)i, mode);
        if (pa == 0 || !(backend_peek(pa, entry_bytes(mode)) & P))
            continue;
        uint64_t value = backend_peek(pa, entry_bytes(mode));
        print(names[i]);
        backend_print(value & A ? 'a' : '-');
        backend_print(value & D ? 'd' : '-');
    }
}

static void print_outcome(const step_t *step, outcome_t outcome)
{
    static const char *const names[] = {[6] = "#UD", [11] = "#NP", [12] = "#SS", [13] = "#GP", [14] = "#PF"};
    bool reads = step->operation == READ || step->operation == FS_READ || step->operation == SS_READ;

    if (outcome.vector == 0x80) {
        print("ok ");
        if (reads)
            print_hex(outcome.value);
        else
            backend_print('-');
        return;
    }
    if (outcome.vector < sizeof names / sizeof *names && names[outcome.vector])
        print(names[outcome.vector]);
    else
        print_hex(outcome.vector);
    backend_print(':');
    print_hex(outcome.error_code);
    backend_print(' ');
    if (outcome.vector == 14)
        print_hex(outcome.cr2);
    else
        backend_print('-');
}

static void run_step(const scenario_t *scenario, unsigned number, const step_t *step, unsigned mode, bool *ac)
{
    if (step->operation == PUT)
        put((entry_t)step->entry, mode, step->value);
    else if (step->operation == POKE)
        backend_poke((uint32_t)step->offset, step->value, step->bytes);
    else if (step->operation == AC)
        *ac = step->value != 0;
    else if (step->operation < READ && step->operation != PEEK)
        backend_control(step, mode);
    if (step->operation < READ && step->operation != PEEK)
        return;

    print_key(scenario->name, number, mode);
    print(operation_names[step->operation]);
    if (step->operation == PEEK) {
        print(" ok ");
        print_hex(backend_peek((uint32_t)step->offset, 1));
    } else {
        print(step->entry ? "-by-user " : " ");
        print_outcome(step, backend_access(step, mode, *ac));
    }
    print_flags(mode);
    print("\n");
}

static void run_scenario(const scenario_t *scenario, unsigned mode)
{
    bool ac = false;

    if (!backend_has(scenario->needs)) {
        print_key(scenario->name, 0, mode);
        print("- not-there - -\n");
        return;
    }
    begin(mode);
    for (unsigned i = 0; scenario->steps[i].operation != DONE; i++)
        run_step(scenario, i, &scenario->steps[i], mode, &ac);
}

void run_scenarios(unsigned mode)
{
    for (unsigned i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (scenarios[i].modes & mode)
            run_scenario(&scenarios[i], mode);
    }
    begin(mode);
}
