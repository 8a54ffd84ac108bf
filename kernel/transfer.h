/* SPDX-License-Identifier: MIT */
/* transfer.h - bytes between a process's memory and a file; for the files that implement read, write and their kin. */
#ifndef KERNEL_TRANSFER_H
#define KERNEL_TRANSFER_H

#include "calls.h"

/* What a descriptor stands for; NULL if it is not open. */
file_t *transfer_file(process_t *process, uintptr_t number);

/* Pipes cannot. */
bool transfer_can_seek(const file_t *file);

/* What Linux asks before a byte moves; `file` may be NULL. 0, or a negated error. */
call_result_t transfer_check_read(const file_t *file, uintptr_t buffer, size_t bytes);
call_result_t transfer_check_write(const file_t *file, uintptr_t buffer, size_t bytes);

/* How many bytes were moved, or a negated error if none could be. The file's own offset is left alone. */
call_result_t transfer_read(process_t *process, file_t *file, uint64_t offset, uintptr_t to, size_t bytes);
call_result_t transfer_write(process_t *process, const file_t *file, uintptr_t from, size_t bytes);

#endif
