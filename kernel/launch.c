/* SPDX-License-Identifier: MIT */
/* launch.c - programs of the initial file system. */
#include "launch.h"

#include "boot.h"
#include "bytes.h"
#include "initrd.h"
#include "memory.h"
#include "path.h"
#include "print.h"
#include "supervise.h"

#define STATUS_LOST 125 /* the word "account": frames are missing, or a check does not hold */

static const char *const default_environment[] = {"PATH=/bin", "HOME=/", "TERM=dumb", NULL};

static const char *base_name(const char *path)
{
    const char *name = path;

    for (; *path != '\0'; path++) {
        if (*path == '/')
            name = path + 1;
    }
    return name;
}

/* Finds a program by its name, as a process at the root would: "./x/../hello", and links. Answers 0, or the shell's
 * status for what is not there (127) or cannot be run (126), which has then been said. */
static int find_program(const char *path, file_t *file)
{
    static char place[PATH_BYTES_MAX];
    size_t length = 0;

    while (path[length] != '\0')
        length++;
    if (length >= sizeof(place)) {
        print_always("quire: %s: its name is too long\n", base_name(path));
        return 127;
    }
    memcpy(place, path, length + 1);
    if (path_find_in(place, file) != 0) {
        print_always("quire: %s: no such file\n", path);
        return 127;
    }
    if (file->kind == FILE_INITRD && (file->content.mode & MODE_TYPE) == INITRD_REGULAR)
        return 0;
    print_always("quire: %s: cannot run: it is not a file with content\n", path);
    return 126;
}

static process_t *start(const char *path, const char *name, const char *const *argv, const char *const *environment,
                        int *failure)
{
    const char *reason = NULL;
    process_t *process = NULL;
    file_t file;
    quire_status_t status;

    *failure = find_program(path, &file);
    if (*failure != 0)
        return NULL;
    *failure = 126;
    status = process_start(file.content.data, file.content.bytes, name, argv, environment, &process, &reason);
    if (status != QUIRE_OK) {
        print_always("quire: %s: cannot run: %s (%s)\n", name, reason != NULL ? reason : "no reason given",
                     quire_status_name(status));
        return NULL;
    }
    linux_of(process)->executable = file.content.name;
    return process;
}

process_t *launch(const char *path, const char *const *argv)
{
    int failure;

    return start(path, base_name(path), argv, default_environment, &failure);
}

/* A file of strings, each ended by a zero byte, as a list ended by NULL; the list is the heap's. *words stays as it is
 * if there are none. False: there is not enough memory for the list. */
static bool read_words(const char *path, const char ***words)
{
    initrd_file_t file;
    const char **list;
    const char *at;
    size_t count = 0;

    if (initrd_find(path, &file) != QUIRE_OK)
        return true;
    at = file.data;
    for (size_t i = 0; i < file.bytes; i++)
        count += at[i] == '\0';
    if (count == 0)
        return true;
    list = quire_heap_alloc_zeroed(&kernel_heap, count + 1, sizeof(*list));
    if (list == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        list[i] = at;
        while (*at++ != '\0')
            continue;
    }
    *words = list;
    return true;
}

/* What the heap keeps in reserve counts as free. */
static size_t free_frames(void)
{
    quire_pmm_stats_t stats;

    quire_heap_trim(&kernel_heap);
    quire_pmm_stats(&kernel_pmm, &stats);
    return stats.free_frames;
}

/* After the program has been reaped. */
static bool nothing_is_lost(size_t free_before)
{
    size_t free_now = free_frames();
    bool sound = quire_pmm_check(&kernel_pmm) == QUIRE_OK && quire_vmm_check(&kernel_space) == QUIRE_OK &&
                 quire_heap_check(&kernel_heap) == QUIRE_OK;

    if (free_now != free_before)
        print_always("quire: %zu frames were free before the program, %zu are after it\n", free_before, free_now);
    if (!sound)
        print_always("quire: a layer does not pass its own checks after the program\n");
    return sound && free_now == free_before;
}

int launch_requested(void)
{
    static const char *const no_words[] = {"program", NULL};
    const char **arguments = NULL;
    const char **environment = NULL;
    const char *const *argv;
    int status = 126;
    process_t *process = NULL;
    size_t free_before;
    bool read = read_words("run/arguments", &arguments) && read_words("run/environment", &environment);

    free_before = free_frames(); /* the words are in the heap, and still are at the end */
    argv = arguments != NULL ? arguments : no_words;
    if (read)
        process = start("run/program", base_name(argv[0]), argv,
                        environment != NULL ? environment : default_environment, &status);
    else
        print_always("quire: %s: cannot run: not enough memory for its arguments and environment\n",
                     base_name(argv[0]));
    if (process != NULL)
        status = supervise_to_end(process);
    if (process != NULL && boot_option("account", NULL, 0) && !nothing_is_lost(free_before))
        status = STATUS_LOST;
    quire_heap_free(&kernel_heap, arguments);
    quire_heap_free(&kernel_heap, environment);
    return status;
}
