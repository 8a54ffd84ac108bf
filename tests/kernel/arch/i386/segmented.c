/* SPDX-License-Identifier: MIT */
/* segmented.c - starting programs of the initial file system inside the kernel's tests. */
#include "segmented.h"

#include "boot.h"
#include "initrd.h"

process_t *segmented_start(const char *name, const char *const words[SEGMENTED_WORDS])
{
    static const char *const envp[] = {NULL};
    const char *const argv[] = {name, words[0], words[1], words[2], words[3], words[4], NULL};
    const char *reason = NULL;
    process_t *process = NULL;
    char path[48] = "/bin/";
    initrd_file_t file;
    size_t length = 5;

    for (const char *c = name; *c != '\0' && length + 1 < sizeof(path); c++)
        path[length++] = *c;
    CHECK_OK(initrd_find(path, &file));
    CHECK_OK(process_start(file.data, file.bytes, name, argv, envp, &process, &reason));
    return process;
}

int segmented_finish(process_t *process)
{
    int status;

    while (process->state == PROCESS_READY)
        CHECK(process_run());
    CHECK_EQUAL(process->state, PROCESS_ENDED);
    status = process->exit_status;
    process_reap(process);
    return status;
}

void segmented_need_limits(void)
{
    if (!boot_option("limits", NULL, 0))
        test_skip("this emulator does not check segment limits; bochs does");
}
