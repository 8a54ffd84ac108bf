/* SPDX-License-Identifier: MIT */
/*
 * memory.h - saved physical memory: a raw image (QEMU's pmemsave, or the file of a memory backend), or an ELF core
 * (QEMU's dump-guest-memory), 32 or 64 bits.
 */
#ifndef EXPLAIN_MEMORY_H
#define EXPLAIN_MEMORY_H

#include <quire/types.h>

#define MEMORY_CACHED 256 /* frames */

/* Bytes of the file that are bytes of memory. */
typedef struct segment {
    uint64_t start; /* physical */
    uint64_t bytes;
    uint64_t offset; /* in the file */
} segment_t;

typedef struct memory {
    int file;
    uint64_t file_bytes;
    segment_t *segments;
    size_t count;
    bool core;                      /* an ELF core */
    bool cut_short;                 /* segments reach beyond the end of the file */
    uint64_t cached[MEMORY_CACHED]; /* frame numbers, plus one */
    uint8_t frames[MEMORY_CACHED][QUIRE_PAGE_BYTES];
} memory_t;

/* A raw image has a hole from `hole_at` (0: none) to 4 GiB: what follows in the file lies above. NULL: opened;
   otherwise a sentence about the file. */
const char *memory_open(memory_t *memory, const char *path, uint64_t hole_at);
void memory_close(memory_t *memory);

/* For quire_explain_t and quire_preflight_t; the context is the memory_t. A frame is there if one segment has all of
   it; of several, the first. */
const void *memory_read(void *context, quire_frame_t frame);

#endif
