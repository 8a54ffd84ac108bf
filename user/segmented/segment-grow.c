/* SPDX-License-Identifier: MIT */
/*
 * segment-grow.c - makes its data segment longer, step by step, and looks whether old bytes stay and new ones are
 * zeros.
 *
 *     segment-grow STEP BYTES
 *
 * Exit status: 0 if it got BYTES; 3 if the system refused earlier; 1 if a byte is wrong.
 */
#include "gate.h"
#include "linux.h"
#include "runtime.h"

/* The first 4 bytes of each step tell which step it is. */
static bool check(const char *start, size_t step, size_t steps)
{
    for (size_t i = 0; i < steps; i++) {
        if (*(const volatile size_t *)(start + i * step) != i + 1)
            return false;
    }
    return true;
}

static bool zeros(const volatile char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] != 0)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    char *start = (char *)(((uintptr_t)linux_brk(0) + 15) & ~(uintptr_t)15);
    size_t step;
    size_t bytes;
    size_t steps = 0;

    if (argc != 3 || !text_to_number(argv[1], &step) || !text_to_number(argv[2], &bytes) || step < 16)
        return 2;
    for (; steps * step < bytes; steps++) {
        char *end = start + (steps + 1) * step;

        if ((char *)linux_brk((uintptr_t)end) != end) {
            print("refused after %zu bytes, moved %u times\n", steps * step, gate_ask(GATE_MOVES));
            return check(start, step, steps) ? 3 : 1;
        }
        if (!zeros(end - step, step))
            return 1;
        *(volatile size_t *)(end - step) = steps + 1;
        memset(end - step + sizeof(size_t), 0x5a, step - sizeof(size_t));
        linux_sched_yield();
    }
    print("grown to %zu bytes, moved %u times\n", steps * step, gate_ask(GATE_MOVES));
    return check(start, step, steps) ? 0 : 1;
}
