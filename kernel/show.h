/* SPDX-License-Identifier: MIT */
/* show.h - the present state of memory, layer by layer, in text on the console. */
#ifndef KERNEL_SHOW_H
#define KERNEL_SHOW_H

#include <quire/quire.h>

/* The firmware's map, and what became of each entry. */
void show_memory_map(void);

/* A picture of used and free frames, and totals that add up to the RAM found. */
void show_frames(void);

/* The same sums without the picture; true if they add up. */
bool show_frame_totals(void);

/* Every level of the page-table walk of va, decoded. */
void show_page_walk(quire_space_t *space, quire_va_t va);

/* The ranges of an address space. */
void show_ranges(quire_space_t *space);

/* 64 bytes of an address space in hexadecimal and as text. */
void show_bytes(quire_space_t *space, quire_va_t va);

/* What the CPU protects memory with, and how often address spaces were loaded. */
void show_cpu(void);

/* The files of a directory of the initial file system. */
void show_files(const char *path);

void show_heap(void);
void show_processes(void);

#endif
