/* SPDX-License-Identifier: MIT */
/* fpu.h - floating-point state in a 512-byte area, 16-byte aligned. Private to kernel/arch. */
#ifndef KERNEL_ARCH_FPU_H
#define KERNEL_ARCH_FPU_H

#include <stdint.h>

/* The unit as after a reset, whatever was pending. */
void fpu_reset(void);

void fpu_init(uint8_t area[512]);
void fpu_save(uint8_t area[512]);
void fpu_load(const uint8_t area[512]);

#endif
