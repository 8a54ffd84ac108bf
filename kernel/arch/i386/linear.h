/* SPDX-License-Identifier: MIT */
/* linear.h - the window of linear addresses in which all segments lie. Private to kernel/arch/i386. */
#ifndef KERNEL_ARCH_LINEAR_H
#define KERNEL_ARCH_LINEAR_H

#include <quire/quire.h>

#define LINEAR_START 0x20000000u
#define LINEAR_BYTES 0x00800000u
#define LINEAR_END   (LINEAR_START + LINEAR_BYTES)

/* The window's frames: taken by the first who asks, given back by the last. */
quire_status_t linear_acquire(void) QUIRE_MUST_CHECK;
void linear_release(void);

/* Maps the window into a process's space, with every right that ring 3 can have. The window has been acquired. */
quire_status_t linear_map(quire_space_t *space) QUIRE_MUST_CHECK;

/* Copies, clears, reads and writes linear memory in the window, in whatever space. Copies may overlap. */
void linear_copy(uint32_t to, uint32_t from, uint32_t bytes);
void linear_clear(uint32_t start, uint32_t bytes);
void linear_read(void *to, uint32_t from, size_t bytes);
void linear_write(uint32_t to, const void *from, size_t bytes);

#endif
