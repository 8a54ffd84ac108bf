/* SPDX-License-Identifier: MIT */
/*
 * pic.c - the two 8259 interrupt controllers, the 8254 timer, and the two 8237 DMA controllers, which are put to rest.
 *
 * Interrupts 0 to 15 arrive as vectors 32 to 47; only the timer is let through. A controller whose request vanished
 * before it was acknowledged raises its lowest line (7, 15) without marking it in service: such a spurious interrupt
 * must not be acknowledged, except at the first controller when it came through the second.
 */
#include "../arch.h"

#include "cpu.h"

#define FIRST_COMMAND  0x20
#define FIRST_DATA     0x21
#define SECOND_COMMAND 0xa0
#define SECOND_DATA    0xa1
#define ACKNOWLEDGE    0x20
#define READ_SERVICE   0x0b
#define DMA_MASK_1     0x0f
#define DMA_MASK_2     0xde
#define CASCADE_LINE   2
#define TIMER_HERTZ    1193182

/* A write to an unused port gives old controllers the time they need between commands. */
static void send(uint16_t port, uint8_t value)
{
    cpu_out8(port, value);
    cpu_out8(0x80, 0);
}

/* Nobody here transfers by DMA: no channel stays as the firmware left it. */
static void stop_dma(void)
{
    send(DMA_MASK_1, 0x0f);
    send(DMA_MASK_2, 0x0f);
}

void pic_init(void)
{
    stop_dma();
    send(FIRST_COMMAND, 0x11);
    send(SECOND_COMMAND, 0x11);
    send(FIRST_DATA, VECTOR_TIMER);
    send(SECOND_DATA, VECTOR_TIMER + 8);
    send(FIRST_DATA, 1u << CASCADE_LINE);
    send(SECOND_DATA, CASCADE_LINE);
    send(FIRST_DATA, 0x01);
    send(SECOND_DATA, 0x01);
    send(FIRST_DATA, 0xff & ~(1u | 1u << CASCADE_LINE));
    send(SECOND_DATA, 0xff);
}

void pit_init(unsigned hertz)
{
    unsigned divisor = (TIMER_HERTZ + hertz / 2) / hertz;

    send(0x43, 0x34); /* channel 0, low byte then high byte, rate generator */
    send(0x40, (uint8_t)divisor);
    send(0x40, (uint8_t)(divisor >> 8));
}

uint16_t arch_timer_count(void)
{
    uint8_t low;

    cpu_out8(0x43, 0); /* latches the counter of channel 0 */
    low = cpu_in8(0x40);
    return (uint16_t)(low | cpu_in8(0x40) << 8);
}

static bool in_service(uint16_t command, unsigned line)
{
    cpu_out8(command, READ_SERVICE);
    return cpu_in8(command) & (1u << line);
}

bool arch_interrupt_begin(unsigned vector)
{
    unsigned line = vector - VECTOR_TIMER;

    if (line == 7 && !in_service(FIRST_COMMAND, 7))
        return false;
    if (line == 15 && !in_service(SECOND_COMMAND, 7)) {
        cpu_out8(FIRST_COMMAND, ACKNOWLEDGE);
        return false;
    }
    if (line >= 8)
        cpu_out8(SECOND_COMMAND, ACKNOWLEDGE);
    cpu_out8(FIRST_COMMAND, ACKNOWLEDGE);
    return true;
}
