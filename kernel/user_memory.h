/* SPDX-License-Identifier: MIT */
/*
 * user_memory.h - how the kernel reaches a process's memory: by pages or by segments, whichever the process lives in.
 *
 * Addresses are as the process says them (offsets in its data segment, if it has segments) and may be anything at all.
 */
#ifndef KERNEL_USER_MEMORY_H
#define KERNEL_USER_MEMORY_H

#include "process.h"

/* QUIRE_DENIED: some byte is not the process's to read or write; *copied (may be NULL) tells how many bytes were done
   before it. */
quire_status_t user_memory_read(process_t *process, void *to, uintptr_t from, size_t bytes,
                                size_t *copied) QUIRE_MUST_CHECK;
quire_status_t user_memory_write(process_t *process, uintptr_t to, const void *from, size_t bytes,
                                 size_t *copied) QUIRE_MUST_CHECK;

/* A terminated string of at most `size` bytes with its terminator; *length is without it. QUIRE_NO_SPACE: it is longer.
 */
quire_status_t user_memory_read_string(process_t *process, char *to, uintptr_t from, size_t size,
                                       size_t *length) QUIRE_MUST_CHECK;

#endif
