/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - the floating-point and SSE registers of a process.
 *
 * The kernel itself never touches them, so they are switched with the process and not on each trap. FXSAVE where CPUID
 * has it, FNSAVE on the oldest CPUs. FNSAVE also resets the unit; FRSTOR follows it at every switch.
 *
 * An exception that is unmasked and pending is raised by the next waiting instruction, whoever executes it. FRSTOR is
 * one (SDM volume 1, 8.3.11 and 8.6): what a process left pending when it ended would be raised in ring 0 by the
 * loading of the next one's state. So FNCLEX, which does not wait, comes before every load. FXRSTOR does not wait, and
 * what is pending in the state that is loaded waits for its owner.
 *
 * FXSAVE and FXRSTOR of AMD's processors leave out the addresses of the last instruction and its operand when nothing
 * is pending (APM volume 5, FXSAVE): the next process would read the last one's. There a load of a constant comes
 * first.
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

/* FXRSTOR has not looked at the last addresses yet: they become this file's. EMMS makes room for the load. */
static void forget_last_addresses(void)
{
    static const uint32_t constant;

    __asm__ volatile("emms; fildl %0" : : "m"(constant));
}

void fpu_reset(void)
{
    __asm__ volatile("fninit");
}

void fpu_load(const uint8_t area[512])
{
    __asm__ volatile("fnclex");
    if (cpu_features.fxsr && cpu_features.keeps_last_addresses)
        forget_last_addresses();
    if (cpu_features.fxsr)
        __asm__ volatile("fxrstor (%0)" : : "r"(area) : "memory");
    else
        __asm__ volatile("frstor (%0)" : : "r"(area) : "memory");
}
