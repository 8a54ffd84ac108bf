/* SPDX-License-Identifier: MIT */
/*
 * syscall_path.c - open, stat, readlink: what begins with a name; and getcwd.
 *
 * There is one directory tree, read-only: devices, what a process finds of itself in /proc, and the initial file
 * system. Every process's working directory is its root. Opening something to write to it, or to make it, is EROFS; a
 * file of /proc may be read only: EACCES, as its mode says.
 */
#include "path.h"
#include "transfer.h"

#define STATX_BYTES 256
#define STATX_BASIC 0x7ff
#define STATX_TAKEN 0x80000000u /* a bit of the mask that Linux keeps for itself */

static call_result_t check_open(const file_t *file, uintptr_t flags)
{
    uint32_t type = file->content.mode & MODE_TYPE;
    bool writes = (flags & O_ACCESS) != 0 || (flags & O_TRUNC) != 0;

    if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
        return -EEXIST;
    if (file->kind != FILE_INITRD && (flags & O_DIRECTORY) != 0)
        return -ENOTDIR;
    if (file->kind == FILE_MAPS)
        return writes ? -EACCES : 0;
    if (file->kind != FILE_INITRD)
        return 0;
    if (type == INITRD_LINK)
        return -ELOOP;
    if (type == MODE_DIRECTORY)
        return writes || (flags & O_CREAT) != 0 ? -EISDIR : 0;
    if ((flags & O_DIRECTORY) != 0)
        return -ENOTDIR;
    if (type != INITRD_REGULAR)
        return -ENXIO;
    return writes ? -EROFS : 0;
}

/* What state->path names, with the lowest free descriptor. */
static call_result_t open_path(process_t *process, uintptr_t flags)
{
    linux_state_t *state = linux_of(process);
    file_t file;
    call_result_t result = path_find(process, (flags & O_NOFOLLOW) == 0, &file);

    if (result != 0)
        return (flags & O_CREAT) != 0 ? -EROFS : result;
    result = check_open(&file, flags);
    if (result != 0)
        return result;
    file.readable = (flags & O_ACCESS) != O_WRONLY;
    file.writable = (flags & O_ACCESS) != 0;
    file.close_on_exec = (flags & O_CLOEXEC) != 0;
    file.flags = (uint16_t)(flags & (O_ACCESS | O_APPEND | O_NONBLOCK));
    for (unsigned i = 0; i < FILES_MAX && i < state->limits[RLIMIT_NOFILE].soft; i++) {
        if (state->files[i].kind == FILE_CLOSED) {
            state->files[i] = file;
            return (call_result_t)i;
        }
    }
    return -EMFILE;
}

CALL(open)
{
    call_result_t result = path_get(process, (uintptr_t)AT_FDCWD, argument[0], NULL);

    return result == 0 ? open_path(process, argument[1]) : result;
}

CALL(openat)
{
    call_result_t result = path_get(process, argument[0], argument[1], NULL);

    return result == 0 ? open_path(process, argument[2]) : result;
}

static call_result_t read_link(process_t *process, uintptr_t to, uintptr_t bytes)
{
    file_t file;
    call_result_t result = path_find(process, false, &file);

    if (result != 0)
        return result;
    if (file.kind != FILE_INITRD || (file.content.mode & MODE_TYPE) != INITRD_LINK)
        return -EINVAL;
    if (bytes > file.content.bytes)
        bytes = file.content.bytes;
    return copy_out(process, to, file.content.data, bytes) != 0 ? -EFAULT : (call_result_t)bytes;
}

/* Always the root. As in Linux's own call, the result counts the zero byte. */
CALL(getcwd)
{
    static const char root[] = "/";

    if (argument[1] < sizeof(root))
        return -ERANGE;
    return copy_out(process, argument[0], root, sizeof(root)) != 0 ? -EFAULT : (call_result_t)sizeof(root);
}

CALL(readlink)
{
    const uintptr_t moved[] = {(uintptr_t)AT_FDCWD, argument[0], argument[1], argument[2]};

    return call_readlinkat(process, moved);
}

CALL(readlinkat)
{
    call_result_t result;

    if ((int32_t)argument[3] <= 0)
        return -EINVAL;
    result = path_get(process, argument[0], argument[1], NULL);
    return result == 0 ? read_link(process, argument[2], argument[3] & INT32_MAX) : result;
}

static call_result_t give_stat(process_t *process, const file_t *file, uintptr_t to)
{
    uint8_t stat[STAT_BYTES_MAX] = {0};
    file_status_t status;

    file_status(file, &status);
    return copy_out(process, to, stat, linux_stat(&status, stat));
}

/* By path, or by descriptor when the path is empty and may be. */
static call_result_t locate(process_t *process, uintptr_t directory, uintptr_t path, uintptr_t flags, file_t *file)
{
    bool empty = false;
    call_result_t result = path_get(process, directory, path, (flags & AT_EMPTY_PATH) != 0 ? &empty : NULL);

    if (result != 0)
        return result;
    if (!empty)
        return path_find(process, (flags & AT_SYMLINK_NOFOLLOW) == 0, file);
    if ((int32_t)directory == AT_FDCWD)
        return file_find("/", file) == QUIRE_OK ? 0 : -ENOENT;
    if (transfer_file(process, directory) == NULL)
        return -EBADF;
    *file = *transfer_file(process, directory);
    return 0;
}

CALL(fstatat)
{
    file_t file;
    call_result_t result;

    if ((argument[3] & UINT32_MAX & ~(uintptr_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    result = locate(process, argument[0], argument[1], argument[3], &file);
    return result == 0 ? give_stat(process, &file, argument[2]) : result;
}

CALL(stat)
{
    const uintptr_t moved[] = {(uintptr_t)AT_FDCWD, argument[0], argument[1], 0};

    return call_fstatat(process, moved);
}

CALL(lstat)
{
    const uintptr_t moved[] = {(uintptr_t)AT_FDCWD, argument[0], argument[1], AT_SYMLINK_NOFOLLOW};

    return call_fstatat(process, moved);
}

CALL(fstat)
{
    const file_t *file = transfer_file(process, argument[0]);

    return file == NULL ? -EBADF : give_stat(process, file, argument[1]);
}

/* The same on both machines (statx(2)); times are left at zero. */
static call_result_t give_statx(process_t *process, const file_t *file, uintptr_t to)
{
    uint32_t words[STATX_BYTES / 4] = {0};
    file_status_t status;

    file_status(file, &status);
    words[0] = STATX_BASIC;
    words[1] = QUIRE_PAGE_BYTES; /* the preferred size of a transfer */
    words[4] = status.links;
    words[7] = status.mode; /* 16 bits; the next are not used */
    words[8] = (uint32_t)status.inode;
    words[9] = (uint32_t)(status.inode >> 32);
    words[10] = (uint32_t)status.bytes;
    words[11] = (uint32_t)(status.bytes >> 32);
    words[12] = (uint32_t)((status.bytes + 511) >> 9);
    words[32] = (uint32_t)(status.special_device >> 8);
    words[33] = (uint32_t)(status.special_device & 0xff);
    words[35] = (uint32_t)status.device;
    return copy_out(process, to, words, sizeof(words));
}

CALL(statx)
{
    uintptr_t flags = argument[2] & UINT32_MAX;
    file_t file;
    call_result_t result;

    if ((argument[3] & STATX_TAKEN) != 0 || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
        (flags & ~(uintptr_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) != 0)
        return -EINVAL;
    result = locate(process, argument[0], argument[1], flags, &file);
    return result == 0 ? give_statx(process, &file, argument[4]) : result;
}
