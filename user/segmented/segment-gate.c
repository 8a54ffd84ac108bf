/* SPDX-License-Identifier: MIT */
/*
 * segment-gate.c - goes up to ring 0 through a call gate, and comes back.
 *
 * Asks where its data segment lies, which no instruction of ring 3 could tell it. Exit status: 0, or 1 if the answer
 * makes no sense or a register was not kept.
 */
#include "gate.h"
#include "runtime.h"

#define WINDOW_START 0x20000000u

static uint32_t ring(void)
{
    uint32_t selector;

    __asm__ volatile("mov %%cs, %0" : "=r"(selector));
    return selector & 3;
}

int main(int argc, char **argv)
{
    uint32_t base;
    uint32_t moves;

    (void)argc;
    (void)argv;
    for (unsigned i = 0; i < 1000; i++) {
        moves = gate_ask(GATE_MOVES);
        base = gate_ask(GATE_BASE);
        if (base < WINDOW_START || ring() != 3)
            return 1;
    }
    print("through the gate and back 2000 times; my data is at linear address 0x%x, moved %u times; I am in ring %u\n",
          base, moves, ring());
    return 0;
}
