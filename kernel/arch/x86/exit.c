/* SPDX-License-Identifier: MIT */
/*
 * exit.c - ending the machine.
 *
 * QEMU's isa-debug-exit turns a byte v written to port 0xf4 into the exit code 2v + 1, never 0, which is what a triple
 * fault gives. A clean end is 33, any other 35. The status goes over the debug console before. Bochs stops on the word
 * "Shutdown" at port 0x8900. A real machine halts.
 */
#include "../arch.h"

#include "cpu.h"

#define PORT_DEBUG_CONSOLE 0xe9
#define PORT_DEBUG_EXIT    0xf4
#define PORT_BOCHS         0x8900
#define EXIT_CLEAN         0x10
#define EXIT_NOT_CLEAN     0x11

static void say(uint16_t port, const char *text)
{
    for (; *text != '\0'; text++)
        cpu_out8(port, (uint8_t)*text);
}

static void say_number(unsigned value)
{
    if (value >= 10)
        say_number(value / 10);
    cpu_out8(PORT_DEBUG_CONSOLE, (uint8_t)('0' + value % 10));
}

void arch_stop(void)
{
    for (;;)
        cpu_halt();
}

void arch_tell_host(const char *line)
{
    say(PORT_DEBUG_CONSOLE, line);
    say(PORT_DEBUG_CONSOLE, "\n");
}

void arch_exit(bool clean, unsigned status)
{
    say(PORT_DEBUG_CONSOLE, "exit ");
    say_number(status & 0xff);
    say(PORT_DEBUG_CONSOLE, "\n");
    cpu_out8(PORT_DEBUG_EXIT, clean ? EXIT_CLEAN : EXIT_NOT_CLEAN);
    say(PORT_BOCHS, "Shutdown");
    arch_stop();
}
