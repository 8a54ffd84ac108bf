/* SPDX-License-Identifier: MIT */
/*
 * segments.c - long mode ignores base and limit of code, data and stack segments (SDM volume 3, 3.2.4): there are no
 * processes that live by them. No process ever has segments here, so that nothing but the answer "no" is needed.
 */
#include "../../segments.h"

quire_status_t segments_parse(const void *file, size_t bytes, elf_image_t *image, const char **reason)
{
    (void)file;
    (void)bytes;
    (void)image;
    *reason = "in long mode there are no segments with limits";
    return QUIRE_UNSUPPORTED;
}

quire_status_t segments_load(process_t *process, const void *file, const elf_image_t *image, const char *const *argv,
                             trap_frame_t *frame, const char **reason)
{
    (void)process;
    (void)file;
    (void)image;
    (void)argv;
    (void)frame;
    *reason = "in long mode there are no segments with limits";
    return QUIRE_UNSUPPORTED;
}

void segments_release(process_t *process)
{
    (void)process;
}

void segments_switch(const process_t *process)
{
    (void)process;
}

quire_status_t segments_read(process_t *process, void *to, uintptr_t from, size_t bytes, size_t *copied)
{
    (void)process;
    (void)to;
    (void)from;
    (void)bytes;
    (void)copied;
    return QUIRE_DENIED;
}

quire_status_t segments_write(process_t *process, uintptr_t to, const void *from, size_t bytes, size_t *copied)
{
    (void)process;
    (void)to;
    (void)from;
    (void)bytes;
    (void)copied;
    return QUIRE_DENIED;
}

uintptr_t segments_break(process_t *process, uintptr_t wanted)
{
    (void)wanted;
    return (uintptr_t)process->break_end;
}

bool segments_refuse(const process_t *process, call_t call)
{
    (void)process;
    (void)call;
    return false;
}

bool segments_explain(const process_t *process, const trap_frame_t *frame)
{
    (void)process;
    (void)frame;
    return false;
}

uint64_t segments_compact(void)
{
    return 0;
}

quire_arena_t *segments_arena(void)
{
    return NULL;
}
