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
 *
 * A process finds the file it was made from under three names in /proc, as on Linux: a link to where that file is in
 * the one tree there is. The kernel knows the file by the name that its archive has, which may be written in any way;
 * so the link's content is made when somebody looks, in the place of the name that was asked for. Beside the link is
 * the list of its memory (maps.c).
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

/* What follows the prefix; NULL: the path does not begin with it. */
static const char *after(const char *path, const char *prefix)
{
    for (; *prefix != '\0'; prefix++) {
        if (*path++ != *prefix)
            return NULL;
    }
    return path;
}

/* Of a tidy path what follows "proc/self/" or one of the other names of it; NULL: it is none of these. */
static const char *in_own_folder(const process_t *process, const char *path)
{
    const char *proc = after(path, "proc/");
    uint64_t id = 0;

    if (proc == NULL || after(proc, "self/") != NULL)
        return proc != NULL ? after(proc, "self/") : NULL;
    if (after(proc, "thread-self/") != NULL)
        return after(proc, "thread-self/");
    if (*proc == '0')
        return NULL;
    for (; *proc >= '0' && *proc <= '9' && id <= UINT32_MAX; proc++)
        id = id * 10 + (uint64_t)(*proc - '0');
    return id == process->id ? after(proc, "/") : NULL;
}

call_result_t path_executable(process_t *process)
{
    const char *executable = linux_of(process)->executable;
    char *path = linux_of(process)->path;
    size_t length;

    if (executable == NULL)
        return -ENOENT;
    length = length_of(executable);
    if (length + 2 > PATH_BYTES_MAX)
        return -ENAMETOOLONG;
    memcpy(path + 1, executable, length + 1);
    initrd_tidy_path(path + 1);
    path[0] = '/';
    return 0;
}

/* Puts the executable's name in the place of the path; *file is the link to it, whose content is that name. */
static call_result_t put_executable(process_t *process, file_t *file)
{
    static const char name[] = "proc/self/exe";
    const char *path = linux_of(process)->path;
    call_result_t result = path_executable(process);

    if (result == 0)
        *file = (file_t){
            .kind = FILE_INITRD,
            .content = {.data = path, .bytes = length_of(path), .mode = INITRD_LINK | 0777, .links = 1, .name = name}};
    return result;
}

/* One look, without following: *file is what the path names. A slash at its end is taken off and noted. */
static call_result_t look(process_t *process, char *path, bool *wants_directory, file_t *file)
{
    const char *own;
    size_t length;

    initrd_tidy_path(path);
    length = length_of(path);
    if (length > 0 && path[length - 1] == '/') {
        *wants_directory = true;
        path[length - 1] = '\0';
    }
    own = process != NULL ? in_own_folder(process, path) : NULL;
    if (own != NULL && initrd_same_path(own, "exe"))
        return put_executable(process, file);
    if (own != NULL && initrd_same_path(own, "maps")) {
        *file = (file_t){.kind = FILE_MAPS};
        return 0;
    }
    return file_find(path, file) == QUIRE_OK ? 0 : why_missing(path);
}

/* A slash at the end asks for a directory, and for links to be followed on the way there. */
static call_result_t find(process_t *process, char *path, bool follow, file_t *file)
{
    bool wants_directory = false;

    for (unsigned links = 0; links <= LINKS_MAX; links++) {
        file_t found;
        call_result_t result = look(process, path, &wants_directory, &found);

        if (result != 0)
            return result;
        if (type_of(&found) != INITRD_LINK || !(follow || wants_directory)) {
            if (wants_directory && type_of(&found) != MODE_DIRECTORY)
                return -ENOTDIR;
            *file = found;
            return 0;
        }
        if (found.content.data == path)
            continue;
        result = put_target(path, &found);
        if (result != 0)
            return result;
    }
    return -ELOOP;
}

call_result_t path_find(process_t *process, bool follow, file_t *file)
{
    return find(process, linux_of(process)->path, follow, file);
}

call_result_t path_find_in(char *path, file_t *file)
{
    return find(NULL, path, true, file);
}
