/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - every privileged instruction the library executes, and nothing else.
 *
 * With QUIRE_HOST the same names are ordinary functions, supplied by whoever plays the machine (tests/).
 * Sources: Intel SDM volume 2 (INVLPG, MOV to CR3, RDTSC), volume 3 4.10.4 (what invalidates what).
 */
#ifndef QUIRE_CPU_H
#define QUIRE_CPU_H

#include <quire/types.h>

#ifdef QUIRE_HOST

void quire_cpu_flush_page(quire_va_t va);
void quire_cpu_flush_all(bool global);
void quire_cpu_load_root(quire_pa_t root);
uint64_t quire_cpu_timestamp(void);

#else

/* Drops this CPU's translations of one page, global ones included, and its paging-structure caches. */
static inline void quire_cpu_flush_page(quire_va_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* Loading CR3 drops every translation that is not global. */
static inline void quire_cpu_load_root(quire_pa_t root)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"((uintptr_t)root.value) : "memory");
}

/* Drops all translations of this CPU: by CR3, or, global ones included, by switching CR4.PGE off and on. */
static inline void quire_cpu_flush_all(bool global)
{
    uintptr_t value;
    uintptr_t page_global_enable = 1u << 7;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
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
