/* SPDX-License-Identifier: MIT */
/* memory.h - the kernel's one PMM, its own address space and its own heap, and how they come up. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <quire/quire.h>

extern quire_memory_map_t kernel_map;
extern quire_pmm_t kernel_pmm;
extern quire_space_t kernel_space;
extern quire_heap_t kernel_heap;

/* All frames that the PMM manages. */
extern size_t memory_frames;

/* RAM that this CPU, or this kernel's paging, cannot address. */
extern uint64_t memory_out_of_reach_bytes;

/* Time stamps of the bring-up, for ./quire bench boot. */
typedef struct memory_times {
    uint64_t map_done;
    uint64_t pmm_done;
    uint64_t table_done; /* the kernel's own tree is built and in CR3 */
    uint64_t heap_done;  /* allocators ready */
} memory_times_t;
extern memory_times_t memory_times;

/* From the boot loader's map to all allocators ready. Panics, in words, if the machine cannot hold the kernel. */
void memory_init(void);

/* Reads and writes physical memory that is RAM, from the direct map or through windows. */
void memory_read_physical(quire_pa_t from, void *to, size_t bytes);

#endif
