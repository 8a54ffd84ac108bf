/* SPDX-License-Identifier: MIT */
/* operand.h - what memory an instruction would touch. Private to kernel/arch/i386. */
#ifndef KERNEL_ARCH_OPERAND_H
#define KERNEL_ARCH_OPERAND_H

#include "../arch.h"

typedef struct operand {
    uint16_t selector;
    bool stack; /* the segment is SS: what is wrong with it is #SS */
    bool write;
    uint32_t offset;
    uint32_t bytes;
} operand_t;

#define OPERANDS_MAX        2
#define INSTRUCTION_BYTES   15
#define OPERAND_NO_REGISTER 8u

/* Reads an instruction of 32-bit code. Returns how many operands in memory it has, as far as it is known. If it loads a
   segment register from a selector, *segment_register says which (0 ES, 1 CS, 2 SS, ...), else OPERAND_NO_REGISTER. */
unsigned operand_decode(const trap_frame_t *frame, const uint8_t code[INSTRUCTION_BYTES],
                        operand_t operands[OPERANDS_MAX], unsigned *segment_register);

#endif
