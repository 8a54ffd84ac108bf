/* SPDX-License-Identifier: MIT */
/* descriptors.h - filling the CPU's tables with what mm/segmentation encodes. Private to kernel/arch. */
#ifndef KERNEL_ARCH_DESCRIPTORS_H
#define KERNEL_ARCH_DESCRIPTORS_H

#include <quire/segmentation.h>

/* Entry points of vectors 0 to 47 (entry.S). */
#define TRAP_STUBS 48
extern const uintptr_t trap_stubs[TRAP_STUBS];

/* Encodes into the table at a selector's place; a description that cannot be encoded ends the machine. */
void descriptor_put(uint64_t *gdt, uint16_t selector, const quire_segment_t *segment);

/* Likewise for gate `vector` of the interrupt table. */
void gate_put(uint64_t *idt, unsigned vector, const quire_gate_t *gate);

#endif
