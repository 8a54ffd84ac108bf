/* SPDX-License-Identifier: MIT */
/*
 * serial.c - four 16550 serial ports, polled.
 *
 * A port that is not there drops what it is given. One that is there may stay busy for long when it is an emulator's
 * and nobody reads from it (a pager, a full pipe); what a program wrote must not be lost then, so output waits for as
 * long as anybody might, and after that takes the port for broken. With a FIFO, sixteen bytes may be written each time
 * the transmitter reports itself empty.
 *
 * The console has none: switching it on throws away what somebody typed before, and a key that arrives between the last
 * look and the switch could not be saved by looking first. Without it an emulator keeps each key until the one before
 * is taken.
 */
#include "../arch.h"

#include "cpu.h"

#define PORTS         4
#define FIFO_BYTES    16
#define PATIENCE      UINT32_MAX /* polls, each about a microsecond: more than an hour */
#define DATA          0
#define INTERRUPTS    1
#define FIFO          2
#define LINE_CONTROL  3
#define MODEM_CONTROL 4
#define LINE_STATUS   5
#define SCRATCH       7

#define STATUS_RECEIVED 0x01
#define STATUS_EMPTY    0x20

static const uint16_t bases[PORTS] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
static bool present[PORTS];

static bool probe(uint16_t base)
{
    cpu_out8(base + SCRATCH, 0x5a);
    if (cpu_in8(base + SCRATCH) != 0x5a)
        return false;
    cpu_out8(base + SCRATCH, 0xa5);
    return cpu_in8(base + SCRATCH) == 0xa5;
}

static bool has_fifo(unsigned port)
{
    return port != SERIAL_CONSOLE;
}

void serial_init(void)
{
    for (unsigned port = 0; port < PORTS; port++) {
        uint16_t base = bases[port];

        present[port] = probe(base);
        if (!present[port])
            continue;
        cpu_out8(base + INTERRUPTS, 0);
        cpu_out8(base + LINE_CONTROL, 0x80); /* the divisor: 1 = 115200 baud */
        cpu_out8(base + DATA, 1);
        cpu_out8(base + INTERRUPTS, 0);
        cpu_out8(base + LINE_CONTROL, 0x03); /* 8 bits, no parity, 1 stop bit */
        if (has_fifo(port))
            cpu_out8(base + FIFO, 0xc7);
        cpu_out8(base + MODEM_CONTROL, 0x03);
    }
}

static bool wait_until_empty(uint16_t base)
{
    for (uint32_t tries = 0; tries < PATIENCE; tries++) {
        if (cpu_in8(base + LINE_STATUS) & STATUS_EMPTY)
            return true;
        __asm__ volatile("pause");
    }
    return false;
}

void serial_write(unsigned port, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    size_t at_once = has_fifo(port) ? FIFO_BYTES : 1;

    if (port >= PORTS || !present[port])
        return;
    for (size_t i = 0; i < count; i++) {
        if (i % at_once == 0 && !wait_until_empty(bases[port])) {
            present[port] = false;
            return;
        }
        cpu_out8(bases[port] + DATA, at[i]);
    }
}

int serial_read(unsigned port)
{
    if (port >= PORTS || !present[port])
        return -1;
    if (!(cpu_in8(bases[port] + LINE_STATUS) & STATUS_RECEIVED))
        return -1;
    return cpu_in8(bases[port] + DATA);
}
