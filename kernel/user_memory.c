/* SPDX-License-Identifier: MIT */
/*
 * user_memory.c - how the kernel reaches a process's memory.
 *
 * Problem: two kinds of processes, one set of system calls. Idea: the calls ask here, and here is the only place that
 * looks at which kind it is. Both ways are fault-safe: they check, then copy through frames, never through the
 * process's own addresses. What would make the stack grow in ring 3 makes it grow here.
 */
#include "user_memory.h"

#include "segments.h"
#include "stack_grow.h"

/* The process's space, which is told what the process's protection keys allow now. */
static quire_space_t *space_of(process_t *process)
{
    process->space.key_rights = process == process_current() ? arch_key_rights() : process->user.key_rights;
    return &process->space;
}

quire_status_t user_memory_read(process_t *process, void *to, uintptr_t from, size_t bytes, size_t *copied)
{
    quire_status_t status;
    size_t done = 0;

    if (process->segments != NULL)
        return segments_read(process, to, from, bytes, copied);
    do {
        size_t part;

        status = quire_vmm_copy_from_user(space_of(process), (uint8_t *)to + done, from + done, bytes - done, &part);
        done += part;
    } while (status == QUIRE_DENIED && stack_grow(process, from + done));
    if (copied != NULL)
        *copied = done;
    return status;
}

quire_status_t user_memory_write(process_t *process, uintptr_t to, const void *from, size_t bytes, size_t *copied)
{
    quire_status_t status;
    size_t done = 0;

    if (process->segments != NULL)
        return segments_write(process, to, from, bytes, copied);
    do {
        size_t part;

        status =
            quire_vmm_copy_to_user(space_of(process), to + done, (const uint8_t *)from + done, bytes - done, &part);
        done += part;
    } while (status == QUIRE_DENIED && stack_grow(process, to + done));
    if (copied != NULL)
        *copied = done;
    return status;
}

/* Byte by byte: segmented programs open few files. */
static quire_status_t read_segment_string(process_t *process, char *to, uintptr_t from, size_t size, size_t *length)
{
    for (size_t at = 0; at < size; at++) {
        quire_status_t status = segments_read(process, &to[at], from + at, 1, NULL);

        if (status != QUIRE_OK)
            return status;
        if (to[at] == '\0') {
            *length = at;
            return QUIRE_OK;
        }
    }
    return QUIRE_NO_SPACE;
}

quire_status_t user_memory_read_string(process_t *process, char *to, uintptr_t from, size_t size, size_t *length)
{
    if (process->segments != NULL)
        return read_segment_string(process, to, from, size, length);
    return quire_vmm_copy_string_from_user(space_of(process), to, from, size, length);
}
