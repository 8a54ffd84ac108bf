/* SPDX-License-Identifier: MIT */
/* gate.h - the kernel's call gate, which stands in the LDT of every program that lives by segments. */
#ifndef USER_SEGMENTED_GATE_H
#define USER_SEGMENTED_GATE_H

#include <stdint.h>

enum gate_question { GATE_MOVES, GATE_BASE };

/* A far call through entry 4 of the LDT, into ring 0 and back. The offset is not used. */
static inline uint32_t gate_ask(uint32_t question)
{
    uint32_t answer;

    __asm__ volatile("lcall $0x27, $0" : "=a"(answer) : "a"(question) : "ecx", "edx", "memory", "cc");
    return answer;
}

#endif
