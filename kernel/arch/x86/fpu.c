/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - the floating-point and SSE registers of a process.
 *
 * The kernel itself never touches them, so they are switched with the process and not on each trap. FXSAVE where CPUID
 * has it, FNSAVE on the oldest CPUs. FNSAVE also resets the unit; FRSTOR follows it at every switch.
 */
#include "fpu.h"

#include "cpu.h"

#define CONTROL_DEFAULT 0x037f
#define MXCSR_DEFAULT   0x1f80
#define TAGS_EMPTY      0xffff

void fpu_init(uint8_t area[512])
{
    __builtin_memset(area, 0, 512);
    area[0] = (uint8_t)CONTROL_DEFAULT;
    area[1] = (uint8_t)(CONTROL_DEFAULT >> 8);
    if (cpu_features.fxsr) {
        /* The tag byte of FXSAVE is abridged: 0 = all empty (SDM volume 1, 10.5.1.1). */
        area[24] = (uint8_t)MXCSR_DEFAULT;
        area[25] = (uint8_t)(MXCSR_DEFAULT >> 8);
    } else {
        area[8] = (uint8_t)TAGS_EMPTY;
        area[9] = (uint8_t)(TAGS_EMPTY >> 8);
    }
}

void fpu_save(uint8_t area[512])
{
    if (cpu_features.fxsr)
        __asm__ volatile("fxsave (%0)" : : "r"(area) : "memory");
    else
        __asm__ volatile("fnsave (%0)" : : "r"(area) : "memory");
}

void fpu_load(const uint8_t area[512])
{
    if (cpu_features.fxsr)
        __asm__ volatile("fxrstor (%0)" : : "r"(area) : "memory");
    else
        __asm__ volatile("frstor (%0)" : : "r"(area) : "memory");
}
