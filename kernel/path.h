/* SPDX-License-Identifier: MIT */
/* path.h - from a name to a file. What a process looks up is its state->path. */
#ifndef KERNEL_PATH_H
#define KERNEL_PATH_H

#include "calls.h"

/* Copies the name at `address` into state->path, made absolute: relative to the directory that the descriptor
   `directory` stands for, or to the root (AT_FDCWD). An empty name is ENOENT, unless `empty` is not NULL and then
   tells. */
call_result_t path_get(process_t *process, uintptr_t directory, uintptr_t address, bool *empty);

/* What state->path names. With `follow`, a symbolic link at its end is followed, and state->path is then where it
   led. */
call_result_t path_find(process_t *process, bool follow, file_t *file);

/* The absolute name of the file that the process was made from, into state->path. */
call_result_t path_executable(process_t *process);

/* The kernel's own: what `path` names, links at its end followed; `path` has room for PATH_BYTES_MAX, and is then where
   they led. */
call_result_t path_find_in(char *path, file_t *file);

#endif
