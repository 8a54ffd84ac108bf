/* SPDX-License-Identifier: MIT */
/* launch.c - programs of the initial file system. */
#include "launch.h"

#include "initrd.h"
#include "memory.h"
#include "print.h"
#include "walk.h"

#define WORDS_MAX 1024

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

static process_t *start(const char *path, const char *name, const char *const *argv, const char *const *environment,
                        int *failure)
{
    const char *reason = NULL;
    process_t *process = NULL;
    initrd_file_t file;
    quire_status_t status;

    *failure = 127;
    if (initrd_find(path, &file) != QUIRE_OK) {
        print_always("quire: %s: no such file\n", path);
        return NULL;
    }
    *failure = 126;
    status = process_start(file.data, file.bytes, name, argv, environment, &process, &reason);
    if (status != QUIRE_OK) {
        print_always("quire: %s: cannot run: %s (%s)\n", name, reason != NULL ? reason : "no reason given",
                     quire_status_name(status));
        return NULL;
    }
    return process;
}

process_t *launch(const char *path, const char *const *argv)
{
    int failure;

    return start(path, base_name(path), argv, default_environment, &failure);
}

/* A file of strings, each ended by a zero byte, as a list ended by NULL; the list is the heap's. NULL if there is none.
 */
static const char **read_words(const char *path)
{
    initrd_file_t file;
    const char **words;
    const char *at;
    size_t count = 0;

    if (initrd_find(path, &file) != QUIRE_OK || file.bytes == 0)
        return NULL;
    words = quire_heap_alloc_zeroed(&kernel_heap, WORDS_MAX + 1, sizeof(*words));
    if (words == NULL)
        return NULL;
    at = file.data;
    for (const char *c = at; c < (const char *)file.data + file.bytes && count < WORDS_MAX; c++) {
        if (*c != '\0')
            continue;
        words[count++] = at;
        at = c + 1;
    }
    return words;
}

int launch_requested(void)
{
    static const char *const no_words[] = {"program", NULL};
    const char **arguments = read_words("run/arguments");
    const char **environment = read_words("run/environment");
    const char *const *argv = arguments != NULL ? arguments : no_words;
    int status = 126;
    process_t *process = start("run/program", base_name(argv[0]), argv,
                               environment != NULL ? environment : default_environment, &status);

    if (process != NULL) {
        while (process->state == PROCESS_READY && process_run())
            walk_pump_events();
        status = process->state == PROCESS_ENDED ? process->exit_status : 126;
    }
    quire_heap_free(&kernel_heap, arguments);
    quire_heap_free(&kernel_heap, environment);
    return status;
}
