/* SPDX-License-Identifier: MIT */
/* ports.h - the I/O permission bitmap behind this CPU's TSS. Private to kernel/arch. */
#ifndef KERNEL_ARCH_PORTS_H
#define KERNEL_ARCH_PORTS_H

#include <quire/io.h>

#define TASK_STATE_BYTES 104 /* both machines' (SDM volume 3, figures 7-2 and 7-11) */

/* What the TSS's descriptor covers: the fixed part, the bitmap right behind it, and the byte of ones behind that. */
#define TASK_BLOCK_BYTES (TASK_STATE_BYTES + QUIRE_IO_BITMAP_BYTES)

/* A TSS of that many bytes; no port is allowed yet. */
void task_ports_init(void *task_block);

#endif
