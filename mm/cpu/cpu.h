/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - every privileged instruction the library executes, and where it executes, and nothing else.
 *
 * With QUIRE_HOST the same names are ordinary functions, supplied by whoever plays the machine (tests/).
 * Sources: Intel SDM volume 2 (INVLPG, MOV to CR3, RDTSC, CPUID), volume 3 4.10.1 (process-context identifiers), 4.10.4
 * (what invalidates what).
 */
#ifndef QUIRE_CPU_H
#define QUIRE_CPU_H

#include <quire/types.h>

#ifdef QUIRE_HOST

void quire_cpu_flush_page(quire_va_t va);
void quire_cpu_flush_all(bool global);
void quire_cpu_load_root(quire_pa_t root, unsigned asid, bool keep);
bool quire_cpu_offers_asids(void);
bool quire_cpu_uses_asids(void);
bool quire_cpu_keeps_global(void);
uint64_t quire_cpu_timestamp(void);

/* What the machine's player tells of a CPU beyond that; all zeros, and nothing is known. */
typedef struct quire_cpu_told {
    bool has_cr3;
    bool is_unpaged;
    uint64_t cr3;
    quire_va_t code; /* where the library's caller runs, and on which stack */
    quire_va_t stack;
} quire_cpu_told_t;
extern quire_cpu_told_t quire_cpu_told;

static inline bool quire_cpu_root(uint64_t *cr3)
{
    *cr3 = quire_cpu_told.cr3;
    return quire_cpu_told.has_cr3;
}

static inline bool quire_cpu_has_paging(void)
{
    return !quire_cpu_told.is_unpaged;
}

static inline quire_va_t quire_cpu_code(void)
{
    return quire_cpu_told.code;
}

static inline quire_va_t quire_cpu_stack(void)
{
    return quire_cpu_told.stack;
}

#else

/* The root's physical address, without the ASID. False: it cannot be told. */
static inline bool quire_cpu_root(uint64_t *cr3)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    *cr3 = value & ~(uintptr_t)QUIRE_PAGE_MASK;
    return true;
}

/* CR0.PG. */
static inline bool quire_cpu_has_paging(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return (value & (uintptr_t)1 << 31) != 0;
}

/* An address of the function that this is part of, and one on its stack. 0: not known. */
static inline __attribute__((always_inline)) quire_va_t quire_cpu_code(void)
{
    return (quire_va_t)(uintptr_t)__builtin_return_address(0);
}

static inline __attribute__((always_inline)) quire_va_t quire_cpu_stack(void)
{
    return (quire_va_t)(uintptr_t)__builtin_frame_address(0);
}

/* Drops this CPU's translations of one page, global ones included, and its paging-structure caches. */
static inline void quire_cpu_flush_page(quire_va_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* Loads CR3, which drops the translations under this ASID (PCID) that are not global, unless they are kept. ASID 0
   without keeping is right in every mode. */
static inline void quire_cpu_load_root(quire_pa_t root, unsigned asid, bool keep)
{
    uint64_t value = root.value | asid | (uint64_t)keep << 63;

    __asm__ volatile("mov %0, %%cr3" : : "r"((uintptr_t)value) : "memory");
}

static inline uintptr_t quire_cpu_read_cr4(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

/* Whether this CPU has ASIDs at all (CPUID leaf 1, ECX bit 17), and whether the kernel has switched them on
   (CR4.PCIDE). There are none outside long mode. */
static inline bool quire_cpu_offers_asids(void)
{
    uint32_t leaf = 1;
    uint32_t features = 0;

    __asm__ volatile("cpuid" : "+a"(leaf), "+c"(features) : : "ebx", "edx");
    return features >> 17 & 1;
}

static inline bool quire_cpu_uses_asids(void)
{
    return quire_cpu_read_cr4() >> 17 & 1;
}

/* Global pages are kept, whatever the ASID (CR4.PGE). */
static inline bool quire_cpu_keeps_global(void)
{
    return quire_cpu_read_cr4() >> 7 & 1;
}

/* Drops all translations of this CPU: by CR3, those under the present ASID; or, global ones and all ASIDs included, by
   switching CR4.PGE off and on. */
static inline void quire_cpu_flush_all(bool global)
{
    uintptr_t value = quire_cpu_read_cr4();
    uintptr_t page_global_enable = 1u << 7;

    if (global && (value & page_global_enable)) {
        __asm__ volatile("mov %0, %%cr4" : : "r"(value & ~page_global_enable) : "memory");
        __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
        return;
    }
    __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(value) : : "memory");
}

static inline uint64_t quire_cpu_timestamp(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

#endif

#endif
