/* SPDX-License-Identifier: MIT */
/*
 * process.c - processes of the reference kernel, inside it: they start whole or not at all, and leave nothing behind.
 *
 * Shortage is made by taking every free frame, chained through the frames themselves, and giving them back one by one:
 * so each step of starting, and of running, fails once for lack of memory.
 */
#include "process.h"

#include "initrd.h"
#include "memory.h"
#include "test.h"

#define STATUS_KILLED 137
#define PROGRAM       "/bin/hello"

static const char *const argv[] = {PROGRAM, NULL};
static const char *const envp[] = {"HOME=/", NULL};

static size_t chain;

static size_t free_frames(void)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(&kernel_pmm, &stats);
    return stats.free_frames;
}

static void take_all(void)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    quire_frame_t frame;

    chain = 0;
    while (quire_pmm_alloc(&kernel_pmm, request, &frame) == QUIRE_OK) {
        size_t *window = quire_port_window_open(frame);

        window[0] = chain;
        quire_port_window_close(window);
        chain = frame.number;
    }
}

/* False: all are back. */
static bool give_one(void)
{
    quire_frame_t frame = quire_frame(chain);
    size_t *window;

    if (chain == 0)
        return false;
    window = quire_port_window_open(frame);
    chain = window[0];
    quire_port_window_close(window);
    CHECK_OK(quire_pmm_free(&kernel_pmm, frame, 0));
    return true;
}

static void give_all(void)
{
    while (give_one())
        ;
}

static quire_status_t start(process_t **process)
{
    const char *reason = NULL;
    initrd_file_t file;
    quire_status_t status;

    CHECK_OK(initrd_find(PROGRAM, &file));
    status = process_start(file.data, file.bytes, "hello", argv, envp, process, &reason);
    CHECK(status == QUIRE_OK || reason != NULL);
    return status;
}

static void run_to_end(process_t *process)
{
    while (process->state == PROCESS_READY)
        CHECK(process_run());
    CHECK_EQUAL(process->state, PROCESS_ENDED);
}

TEST(process, runs_and_leaves_nothing)
{
    size_t before = free_frames();
    process_t *process;
    unsigned id;

    CHECK_OK(start(&process));
    id = process->id;
    CHECK(process_find(id) == process && process->state == PROCESS_READY);
    CHECK_OK(process_check_spaces());
    run_to_end(process);
    CHECK_EQUAL(process->exit_status, 0);
    CHECK(process_find(id) == process);
    process_reap(process);
    CHECK(process_find(id) == NULL && !process_run());
    CHECK_EQUAL(free_frames(), before);
    CHECK_OK(process_check_spaces());
}

TEST(process, killed_before_it_runs)
{
    size_t before = free_frames();
    process_t *process;

    CHECK_OK(start(&process));
    process_kill(process, STATUS_KILLED);
    process_kill(process, 1); /* has ended: means nothing */
    CHECK_EQUAL(process->exit_status, STATUS_KILLED);
    CHECK(!process_run());
    process_reap(process);
    CHECK_EQUAL(free_frames(), before);
}

/* PKRU is the process's: it begins as on Linux, and is saved and loaded with the other registers. */
TEST(process, keys_are_switched_with_the_process)
{
    static arch_user_state_t first;
    static arch_user_state_t second;
    bool has_keys = arch_has_keys();

    arch_user_state_init(&first);
    arch_user_state_init(&second);
    arch_user_state_load(&first);
    CHECK_EQUAL(arch_key_rights(), has_keys ? ARCH_KEY_RIGHTS_DEFAULT : 0);
    arch_set_key_rights(0xC);
    arch_user_state_save(&first);
    arch_user_state_load(&second);
    CHECK_EQUAL(arch_key_rights(), has_keys ? ARCH_KEY_RIGHTS_DEFAULT : 0);
    arch_user_state_load(&first);
    CHECK_EQUAL(arch_key_rights(), has_keys ? 0xC : 0);
    CHECK_EQUAL(first.key_rights, has_keys ? 0xC : 0);
}

TEST(process, as_many_as_there_are_places)
{
    size_t before = free_frames();
    process_t *processes[PROCESS_MAX];
    process_t *none = NULL;
    unsigned last = 0;
    unsigned count = 0;

    while (count < PROCESS_MAX && start(&processes[count]) == QUIRE_OK) {
        CHECK(processes[count]->id > last);
        last = processes[count++]->id;
    }
    if (count == PROCESS_MAX) {
        CHECK_EQUAL(start(&none), QUIRE_NO_MEMORY);
        CHECK(none == NULL);
    }
    CHECK(count > 1);
    CHECK(process_run() && process_run());
    for (unsigned i = 0; i < count; i++) {
        process_kill(processes[i], STATUS_KILLED);
        process_reap(processes[i]);
    }
    CHECK_EQUAL(free_frames(), before);
    CHECK_OK(quire_vmm_check(&kernel_space));
    CHECK_OK(quire_pmm_check(&kernel_pmm));
}

TEST(process, refused_files_leave_nothing)
{
    size_t before = free_frames();
    initrd_file_t file;
    uint8_t *copy;
    process_t *process = NULL;

    CHECK_OK(initrd_find(PROGRAM, &file));
    copy = test_memory(file.bytes);
    before = free_frames();
    for (size_t i = 0; i < file.bytes; i++)
        copy[i] = ((const uint8_t *)file.data)[i];
    for (unsigned round = 0; round < 300 * test_effort(); round++) {
        size_t at = (size_t)test_random_below(file.bytes < 512 ? file.bytes : 512);
        uint8_t saved = copy[at];
        const char *reason = NULL;

        copy[at] = (uint8_t)test_random();
        if (process_start(copy, file.bytes, "spoiled", argv, envp, &process, &reason) == QUIRE_OK) {
            process_kill(process, STATUS_KILLED);
            process_reap(process);
        } else {
            CHECK(reason != NULL);
        }
        copy[at] = saved;
        CHECK_EQUAL(free_frames(), before);
    }
}

/* With each number of free frames from none on: it starts, or says NO_MEMORY and has taken none of them. */
TEST(process, starting_without_memory)
{
    size_t before = free_frames();
    process_t *process = NULL;
    size_t needed = 0;

    take_all();
    while (start(&process) != QUIRE_OK) {
        CHECK_EQUAL(free_frames(), needed);
        CHECK_OK(quire_vmm_check(&kernel_space));
        CHECK(give_one());
        needed++;
    }
    process_kill(process, STATUS_KILLED);
    process_reap(process);
    CHECK_EQUAL(free_frames(), needed);
    give_all();
    CHECK(needed > 8);
    CHECK_EQUAL(free_frames(), before);
}

/* With each number of frames from just enough to start on: it runs to its end, or is ended for want of a page. */
TEST(process, running_without_memory)
{
    size_t before = free_frames();
    process_t *process = NULL;
    int status = -1;

    take_all();
    while (start(&process) != QUIRE_OK)
        CHECK(give_one());
    for (;;) {
        run_to_end(process);
        status = process->exit_status;
        process_reap(process);
        CHECK(status == 0 || status == 139);
        if (status == 0)
            break;
        CHECK(give_one());
        CHECK_OK(start(&process));
    }
    give_all();
    CHECK_EQUAL(free_frames(), before);
    CHECK_OK(quire_pmm_check(&kernel_pmm));
    CHECK_OK(process_check_spaces());
}
