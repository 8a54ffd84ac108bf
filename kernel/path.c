/* SPDX-License-Identifier: MIT */
/*
 * path.c - from a name in a process's memory to a file.
 *
 * Problem: names are long, hostile, and relative to something. Idea: a name is copied once into the process's own
 * kernel memory, completed there, and tidied: empty parts, "." and ".." are taken out. What is left is looked up whole,
 * because the initial file system knows whole names.
 *
 * Every process's working directory is the root. Symbolic links are followed where they end a name; ".." is taken by
 * the letter. Links to directories in the middle of a name are not followed: the initial file system that needs them is
 * rare, and a lookup by parts belongs to a real file system.
 */
#include "path.h"

#include "bytes.h"
#include "transfer.h"
#include "user_memory.h"

#define LINKS_MAX 40 /* as in Linux */

static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

static uint32_t type_of(const file_t *file)
{
    return file->kind == FILE_INITRD ? file->content.mode & MODE_TYPE : 0;
}

/* Puts the directory's name before the path in state->path. */
static call_result_t join(process_t *process, uintptr_t directory, size_t length)
{
    char *path = linux_of(process)->path;
    const file_t *file = transfer_file(process, directory);
    size_t prefix;

    if (file == NULL)
        return -EBADF;
    if (type_of(file) != MODE_DIRECTORY)
        return -ENOTDIR;
    prefix = length_of(file->content.name);
    if (prefix + 1 + length >= PATH_BYTES_MAX)
        return -ENAMETOOLONG;
    memmove(path + prefix + 1, path, length + 1);
    memcpy(path, file->content.name, prefix);
    path[prefix] = '/';
    return 0;
}

call_result_t path_get(process_t *process, uintptr_t directory, uintptr_t address, bool *empty)
{
    char *path = linux_of(process)->path;
    size_t length;
    quire_status_t status = user_memory_read_string(process, path, address, PATH_BYTES_MAX, &length);

    if (status != QUIRE_OK)
        return status == QUIRE_NO_SPACE ? -ENAMETOOLONG : -EFAULT;
    if (empty != NULL)
        *empty = length == 0;
    if (length == 0)
        return empty != NULL ? 0 : -ENOENT;
    if (path[0] == '/' || (int32_t)directory == AT_FDCWD)
        return 0;
    return join(process, directory, length);
}

/* Why a name was not found: parts are looked at in order, up to the first that is missing. */
static call_result_t why_missing(char *path)
{
    for (char *c = path; *c != '\0'; c++) {
        file_t file;
        quire_status_t status;

        if (*c != '/' || c == path)
            continue;
        *c = '\0';
        status = file_find(path, &file);
        *c = '/';
        if (status != QUIRE_OK)
            return -ENOENT;
        if (type_of(&file) != MODE_DIRECTORY)
            return -ENOTDIR;
    }
    return -ENOENT;
}

/* The part of the tidy path at its end is a link to `file`'s content: puts that in its place. */
static call_result_t put_target(char *path, const file_t *file)
{
    const char *target = file->content.data;
    size_t length = file->content.bytes;
    size_t kept = length_of(path);

    if (length == 0)
        return -ENOENT;
    while (kept > 0 && path[kept - 1] != '/')
        kept--;
    if (target[0] == '/')
        kept = 0;
    if (length >= PATH_BYTES_MAX - kept)
        return -ENAMETOOLONG;
    memcpy(path + kept, target, length);
    path[kept + length] = '\0';
    return 0;
}

call_result_t path_find(process_t *process, bool follow, file_t *file)
{
    char *path = linux_of(process)->path;
    file_t found;

    for (unsigned links = 0; links <= LINKS_MAX; links++) {
        size_t length;
        bool wants_directory;
        call_result_t result;

        initrd_tidy_path(path);
        length = length_of(path);
        wants_directory = length > 0 && path[length - 1] == '/';
        if (file_find(path, &found) != QUIRE_OK)
            return why_missing(path);
        if (type_of(&found) != INITRD_LINK || !follow) {
            if (wants_directory && type_of(&found) != MODE_DIRECTORY)
                return -ENOTDIR;
            *file = found;
            return 0;
        }
        if (wants_directory)
            path[length - 1] = '\0';
        result = put_target(path, &found);
        if (result != 0)
            return result;
    }
    return -ELOOP;
}
