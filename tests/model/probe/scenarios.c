/* SPDX-License-Identifier: MIT */
/*
 * scenarios.c - the steps as scenarios.def writes them, and the table made from it.
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

#define K_CR0(set, clear)                                                                                              \
    {                                                                                                                  \
        TRY_CR0, 0, 0, clear, set                                                                                      \
    }
#define K_CR3(set)                                                                                                     \
    {                                                                                                                  \
        TRY_CR3, 0, 0, 0, set                                                                                          \
    }
#define K_CR4(set, clear)                                                                                              \
    {                                                                                                                  \
        TRY_CR4, 0, 0, clear, set                                                                                      \
    }
#define K_EFER(set, clear)                                                                                             \
    {                                                                                                                  \
        TRY_EFER, 0, 0, clear, set                                                                                     \
    }
#define K_PAT(value)                                                                                                   \
    {                                                                                                                  \
        TRY_PAT, 0, 0, 0, value                                                                                        \
    }
#define U_CR0(set, clear)                                                                                              \
    {                                                                                                                  \
        TRY_CR0, 1, 0, clear, set                                                                                      \
    }
#define U_CR3(set)                                                                                                     \
    {                                                                                                                  \
        TRY_CR3, 1, 0, 0, set                                                                                          \
    }
#define U_CR4(set, clear)                                                                                              \
    {                                                                                                                  \
        TRY_CR4, 1, 0, clear, set                                                                                      \
    }
#define U_EFER(set, clear)                                                                                             \
    {                                                                                                                  \
        TRY_EFER, 1, 0, clear, set                                                                                     \
    }
#define U_FLUSH(offset)                                                                                                \
    {                                                                                                                  \
        TRY_INVLPG, 1, 0, offset, 0                                                                                    \
    }

#define SCENARIO(name, modes, needs, ...) static const step_t steps_##name[] = {__VA_ARGS__, {DONE, 0, 0, 0, 0}};
#include "scenarios.def"
#undef SCENARIO

#define SCENARIO(name, modes, needs, ...) {#name, modes, needs, steps_##name},
const scenario_t scenarios[] = {
#include "scenarios.def"
};
#undef SCENARIO

const unsigned scenario_count = sizeof scenarios / sizeof *scenarios;
