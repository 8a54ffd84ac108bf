/* SPDX-License-Identifier: MIT */
/* maps.h - /proc/self/maps: a process's memory, as it reads about it. */
#ifndef KERNEL_MAPS_H
#define KERNEL_MAPS_H

#include "calls.h"

/* Up to `bytes` of the text at `offset`; how many, 0 at its end. Whole lines, if there is room for one. The file keeps
   in mind where it stopped: who reads on is told what lies above that, whatever has changed below. The process must be
   the current one; its state->path is written over. */
size_t maps_read(process_t *process, file_t *file, uint64_t offset, void *to, size_t bytes);

#endif
