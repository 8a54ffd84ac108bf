/* SPDX-License-Identifier: MIT */
/*
 * segments.h - processes that are kept apart by base and limit alone (i386; long mode has no limits).
 *
 * A program linked for it has its code at address 0 and its data at address 0 too: two segments. The kernel adds an LDT
 * that names them, and moves them whenever another process needs the room. All of them lie in one window of linear
 * addresses that every such process's page tables map alike, with all rights: paging protects nothing there.
 *
 * What the process has instead of mmap is brk: it makes the data segment longer.
 */
#ifndef KERNEL_SEGMENTS_H
#define KERNEL_SEGMENTS_H

#include <quire/quire.h>

#include "calls.h"
#include "elf.h"
#include "process.h"

/* Judges a file as such a program. QUIRE_UNSUPPORTED: this machine has no such processes, or the file is none. */
quire_status_t segments_parse(const void *file, size_t bytes, elf_image_t *image, const char **reason) QUIRE_MUST_CHECK;

/* Gives a process, whose space is empty, its segments, loads the program into them, and makes its first frame. On
   failure the caller releases it. */
quire_status_t segments_load(process_t *process, const void *file, const elf_image_t *image, const char *const *argv,
                             trap_frame_t *frame, const char **reason) QUIRE_MUST_CHECK;

/* Gives back what segments_load() took; does nothing for others. The process does not run any more. */
void segments_release(process_t *process);

/* Before a process of either kind runs: its LDT, or none. */
void segments_switch(const process_t *process);

/* As user_memory_read() and user_memory_write(), by offsets in the data segment. */
quire_status_t segments_read(process_t *process, void *to, uintptr_t from, size_t bytes,
                             size_t *copied) QUIRE_MUST_CHECK;
quire_status_t segments_write(process_t *process, uintptr_t to, const void *from, size_t bytes,
                              size_t *copied) QUIRE_MUST_CHECK;

/* brk. Answers the end of the data segment, as it is then. */
uintptr_t segments_break(process_t *process, uintptr_t wanted);

/* Whether a system call is not for such a process: what means pages, or descriptors of the process's own making. */
bool segments_refuse(const process_t *process, call_t call);

/* Says in words which rule of segmentation a fault has broken; false if the process has no segments. */
bool segments_explain(const process_t *process, const trap_frame_t *frame);

/* Moves all segments together, whatever runs; returns the bytes moved. */
uint64_t segments_compact(void);

/* The arena of all segments; NULL while no process needs it. Its `fit` may be chosen at any time. */
quire_arena_t *segments_arena(void);

#endif
