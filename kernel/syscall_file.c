/* SPDX-License-Identifier: MIT */
/*
 * syscall_file.c - read, write and their kin, on descriptors that are open.
 *
 * The standard streams say that they are pipes: they have no terminal's settings, cannot seek, and programs
 * buffer them fully. Reading the console takes what has been typed; when nothing has, it is the end of the file.
 */
#include "memory.h"
#include "transfer.h"
#include "vector.h"

#define VECTOR_FEW 8

CALL(read)
{
    file_t *file = transfer_file(process, argument[0]);
    call_result_t result = transfer_check_read(file, argument[1], argument[2]);

    if (result == 0)
        result = transfer_read(process, file, file->offset, argument[1], argument[2]);
    if (result > 0)
        file->offset += (uint64_t)result;
    return result;
}

CALL(write)
{
    file_t *file = transfer_file(process, argument[0]);
    call_result_t result = transfer_check_write(file, argument[1], argument[2]);

    return result == 0 ? transfer_write(process, file, argument[1], argument[2]) : result;
}

/* The offset is 64 bits in one register or, on i386, two; the machine's table has put them together. */
CALL(pread)
{
    file_t *file = transfer_file(process, argument[0]);
    uint64_t offset = sizeof(uintptr_t) == 8 ? argument[3] : (uint64_t)argument[4] << 32 | argument[3];
    call_result_t result;

    if ((int64_t)offset < 0)
        return -EINVAL;
    if (file != NULL && !transfer_can_seek(file))
        return -ESPIPE;
    result = transfer_check_read(file, argument[1], argument[2]);
    return result == 0 ? transfer_read(process, file, offset, argument[1], argument[2]) : result;
}

/* Past the end is fine, before the beginning is not. */
static call_result_t seek(process_t *process, uintptr_t number, int64_t distance, uintptr_t whence)
{
    file_t *file = transfer_file(process, number);
    int64_t target;

    if (file == NULL)
        return -EBADF;
    if (!transfer_can_seek(file))
        return -ESPIPE;
    if (file->kind != FILE_INITRD && file->kind != FILE_MAPS)
        return 0;
    switch (whence & UINT32_MAX) {
    case SEEK_SET:
        target = 0;
        break;
    case SEEK_CUR:
        target = (int64_t)file->offset;
        break;
    case SEEK_END: /* what is made when it is read ends nowhere yet */
        if (file->kind == FILE_MAPS)
            return -EINVAL;
        target = (int64_t)file->content.bytes;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(target, distance, &target) || target < 0)
        return -EINVAL;
    if (target > INTPTR_MAX)
        return -EOVERFLOW;
    file->offset = (uint64_t)target;
    return (call_result_t)target;
}

CALL(lseek)
{
    return seek(process, argument[0], (intptr_t)argument[1], argument[2]);
}

/* i386: the distance in two registers, the result in memory. */
CALL(llseek)
{
    uint64_t distance = (uint64_t)(uint32_t)argument[1] << 32 | (uint32_t)argument[2];
    call_result_t result = seek(process, argument[0], (int64_t)distance, argument[4]);
    uint64_t offset = (uint64_t)result;

    if (result < 0)
        return result;
    return copy_out(process, argument[3], &offset, sizeof(offset));
}

/* The pieces are copied before any byte moves: it might move over them. Many are kept in the heap, where whoever ends
   the process meanwhile finds them; few in `few`. */
static call_result_t take_vector(process_t *process, const uintptr_t *argument, vector_t *few, vector_t **pieces,
                                 uintptr_t *total)
{
    linux_state_t *state = linux_of(process);
    uintptr_t count = argument[2];
    call_result_t result;

    *pieces = few;
    *total = 0;
    if (count > VECTOR_MAX)
        return -EINVAL;
    if (count > VECTOR_FEW) {
        state->vector = quire_heap_alloc(&kernel_heap, count * sizeof(vector_t));
        if (state->vector == NULL)
            return -ENOMEM;
        *pieces = state->vector;
    }
    result = copy_in(process, *pieces, argument[1], count * sizeof(vector_t));
    return result == 0 ? vector_judge(*pieces, (unsigned)count, ARCH_USER_END, total) : result;
}

static void drop_vector(process_t *process)
{
    linux_state_t *state = linux_of(process);

    quire_heap_free(&kernel_heap, state->vector);
    state->vector = NULL;
}

static call_result_t move_vector(process_t *process, file_t *file, const vector_t *piece, uintptr_t total, bool writing)
{
    uintptr_t done = 0;

    for (; done < total; piece++) {
        call_result_t result = writing ? transfer_write(process, file, piece->base, piece->bytes)
                                       : transfer_read(process, file, file->offset, piece->base, piece->bytes);

        if (result < 0)
            return done != 0 ? (call_result_t)done : result;
        done += (uintptr_t)result;
        if (!writing)
            file->offset += (uint64_t)result;
        if ((uintptr_t)result < piece->bytes || signal_is_due(process))
            break;
    }
    return (call_result_t)done;
}

/* Linux 6.1 judges the vector before it asks whether the file can be read, or written. */
static call_result_t transfer_vector(process_t *process, const uintptr_t *argument, bool writing)
{
    file_t *file = transfer_file(process, argument[0]);
    vector_t few[VECTOR_FEW];
    vector_t *pieces;
    uintptr_t total;
    call_result_t result;

    if (file == NULL)
        return -EBADF;
    result = take_vector(process, argument, few, &pieces, &total);
    if (result == 0)
        result = writing ? transfer_check_write(file, 0, 0) : transfer_check_read(file, 0, 0);
    if (result == 0)
        result = move_vector(process, file, pieces, total, writing);
    drop_vector(process);
    return result;
}

CALL(readv)
{
    return transfer_vector(process, argument, false);
}

CALL(writev)
{
    return transfer_vector(process, argument, true);
}

CALL(close)
{
    file_t *file = transfer_file(process, argument[0]);

    if (file == NULL)
        return -EBADF;
    file->kind = FILE_CLOSED;
    return 0;
}

/* Nothing here is a terminal. */
CALL(ioctl)
{
    return transfer_file(process, argument[0]) == NULL ? -EBADF : -ENOTTY;
}

/* The flags of a descriptor. Copies of descriptors are not here. */
CALL(fcntl)
{
    file_t *file = transfer_file(process, argument[0]);

    if (file == NULL)
        return -EBADF;
    switch (argument[1] & UINT32_MAX) {
    case F_GETFD:
        return file->close_on_exec ? FD_CLOEXEC : 0;
    case F_SETFD:
        file->close_on_exec = (argument[2] & FD_CLOEXEC) != 0;
        return 0;
    case F_GETFL:
        return file->flags;
    case F_SETFL:
        file->flags = (uint16_t)((file->flags & O_ACCESS) | (argument[2] & (O_APPEND | O_NONBLOCK)));
        return 0;
    default:
        return -EINVAL;
    }
}
