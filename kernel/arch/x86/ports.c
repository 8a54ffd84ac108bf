/* SPDX-License-Identifier: MIT */
/*
 * ports.c - which ports ring 3 may use, as the TSS tells the CPU.
 *
 * The CPU finds the bitmap by the 16-bit offset at byte 102 of the TSS, and reads it anew at each IN and OUT. An offset
 * beyond the TSS's limit means that no port is allowed (SDM volume 1, 19.5.2): that is how a bitmap is put out of force
 * with one store.
 */
#include "ports.h"

#include "../arch.h"

#define OFFSET_BYTE 102
#define NO_BITMAP   0xffff

static uint8_t *block;

static void set_offset(uint16_t offset)
{
    __builtin_memcpy(&block[OFFSET_BYTE], &offset, sizeof(offset));
}

void task_ports_init(void *task_block)
{
    block = task_block;
    arch_ports_deny();
}

void arch_ports_deny(void)
{
    set_offset(NO_BITMAP);
}

void arch_ports_resume(void)
{
    set_offset(TASK_STATE_BYTES);
}

void arch_ports_load(const quire_io_bitmap_t *bitmap)
{
    uint8_t *bits = block + TASK_STATE_BYTES;

    __builtin_memcpy(bits, bitmap->bits, QUIRE_IO_BITMAP_BYTES);
    bits[QUIRE_IO_BITMAP_BYTES - 1] = 0xff;
    arch_ports_resume();
}
