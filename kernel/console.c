/* SPDX-License-Identifier: MIT */
/*
 * console.c - what is typed at the console.
 *
 * Problem: Ctrl-C must be seen while nobody reads keys, and the keys before and after it belong to whoever reads next,
 * a program or the monitor. Idea: one place that takes bytes from the port. It keeps keys until they are read, and
 * Ctrl-C as a flag. While there is no room the rest stays in the port, whose sender then waits.
 *
 * Ctrl-] ends the machine. The terminal sees to that itself while a program runs (./quire), but it is told of the
 * program at the same time as it starts: a key that is quicker arrives here.
 *
 * There is no interrupt: who wants to know asks, once in a time slice.
 */
#include "console.h"

#include "arch/arch.h"
#include "supervise.h"

#define KEYS 256 /* a power of two */

static uint8_t keys[KEYS];
static unsigned first;
static unsigned count;
static bool watching;
static bool interrupted;

void console_watch(bool watch)
{
    watching = watch;
}

static void take(void)
{
    while (count < KEYS) {
        int key = serial_read(SERIAL_CONSOLE);

        if (key < 0)
            return;
        if (watching && key == CONSOLE_INTERRUPT) {
            interrupted = true;
            count = 0;
        } else if (watching && key == CONSOLE_END) {
            arch_exit(true, STATUS_INTERRUPTED);
        } else {
            keys[(first + count++) % KEYS] = (uint8_t)key;
        }
    }
}

bool console_interrupted(void)
{
    if (watching)
        take();
    return interrupted;
}

void console_forget_interrupt(void)
{
    interrupted = false;
}

int console_read(void)
{
    int key;

    take();
    if (count == 0)
        return -1;
    key = keys[first];
    first = (first + 1) % KEYS;
    count--;
    return key;
}
