/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - bytes between a process's memory and a file.
 *
 * Problem: buffers are a process's addresses and may be anything. Idea: everything goes through a bounce page, a piece
 * at a time: the fault-safe copy stops at the first byte that is not the process's, and then the call answers what it
 * has moved so far, or EFAULT if that is nothing. What is thrown away (/dev/null) is not looked at.
 */
#include "transfer.h"

#include "breathe.h"
#include "maps.h"
#include "user_memory.h"

#define BOUNCE_BYTES sizeof(((linux_state_t *)NULL)->bounce)

file_t *transfer_file(process_t *process, uintptr_t number)
{
    number &= UINT32_MAX;
    if (number >= FILES_MAX || linux_of(process)->files[number].kind == FILE_CLOSED)
        return NULL;
    return &linux_of(process)->files[number];
}

bool transfer_can_seek(const file_t *file)
{
    return file->kind != FILE_INPUT && file->kind != FILE_OUTPUT && file->kind != FILE_ERROR;
}

/* The standard streams. They are slow, and a piece of which a part cannot be read is not written, as on Linux. */
static bool is_pipe(const file_t *file)
{
    return !transfer_can_seek(file);
}

static bool is_directory(const file_t *file)
{
    return file->kind == FILE_INITRD && (file->content.mode & MODE_TYPE) == MODE_DIRECTORY;
}

/* What is asked before any byte moves, in Linux's order. */
call_result_t transfer_check_read(const file_t *file, uintptr_t buffer, size_t bytes)
{
    if (file == NULL || !file->readable)
        return -EBADF;
    if (!range_is_user(buffer, bytes))
        return -EFAULT;
    if ((intptr_t)bytes < 0)
        return -EINVAL;
    if (is_directory(file))
        return -EISDIR;
    return file->kind == FILE_EVENTS ? -EINVAL : 0;
}

call_result_t transfer_check_write(const file_t *file, uintptr_t buffer, size_t bytes)
{
    if (file == NULL || !file->writable)
        return -EBADF;
    if (!range_is_user(buffer, bytes))
        return -EFAULT;
    if ((intptr_t)bytes < 0)
        return -EINVAL;
    return file->kind == FILE_EVENTS && bytes > 0 && bytes < sizeof(quire_event_t) ? -EINVAL : 0;
}

static call_result_t read_piece(process_t *process, file_t *file, uint64_t offset, uintptr_t to, size_t bytes)
{
    uint8_t *bounce = linux_of(process)->bounce;
    size_t room = bytes < BOUNCE_BYTES ? bytes : BOUNCE_BYTES;
    size_t copied = 0;
    size_t got;

    /* Keys that were taken from the console could not be put back: how many is there room for? */
    if (file->kind == FILE_INPUT) {
        if (user_memory_read(process, bounce, to, room, &copied) != QUIRE_OK ||
            user_memory_write(process, to, bounce, copied, &copied) != QUIRE_OK)
            room = copied;
        if (room == 0)
            return -EFAULT;
    }
    got = file->kind == FILE_MAPS ? maps_read(process, file, offset, bounce, room)
                                  : file_read(file, offset, bounce, room);
    if (got == 0)
        return 0;
    copied = got;
    if (user_memory_write(process, to, bounce, got, &copied) != QUIRE_OK && copied == 0)
        return -EFAULT;
    return (call_result_t)copied;
}

call_result_t transfer_read(process_t *process, file_t *file, uint64_t offset, uintptr_t to, size_t bytes)
{
    size_t done = 0;

    if (bytes > TRANSFER_MAX)
        bytes = TRANSFER_MAX;
    while (done < bytes) {
        size_t wanted = bytes - done < BOUNCE_BYTES ? bytes - done : BOUNCE_BYTES;
        call_result_t result = read_piece(process, file, offset + done, to + done, wanted);

        if (result < 0)
            return done != 0 ? (call_result_t)done : result;
        done += (size_t)result;
        if ((size_t)result < wanted)
            break;
        breathe(process, wanted);
        if (signal_is_due(process))
            break;
    }
    return (call_result_t)done;
}

call_result_t transfer_write(process_t *process, const file_t *file, uintptr_t from, size_t bytes)
{
    uint8_t *bounce = linux_of(process)->bounce;
    size_t done = 0;

    if (bytes > TRANSFER_MAX)
        bytes = TRANSFER_MAX;
    if (file->kind == FILE_NULL || file->kind == FILE_ZERO)
        return (call_result_t)bytes;
    while (done < bytes) {
        size_t wanted = bytes - done < BOUNCE_BYTES ? bytes - done : BOUNCE_BYTES;
        size_t copied = wanted;
        size_t written;

        if (user_memory_read(process, bounce, from + done, wanted, &copied) != QUIRE_OK &&
            (copied == 0 || is_pipe(file)))
            return done != 0 ? (call_result_t)done : -EFAULT;
        written = file_write(file, process->space.table.space, bounce, copied);
        done += written;
        if (written < wanted)
            break;
        breathe(process, is_pipe(file) ? BREATH_BYTES : wanted);
        if (signal_is_due(process))
            break;
    }
    return (call_result_t)done;
}
