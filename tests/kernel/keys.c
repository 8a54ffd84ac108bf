/* SPDX-License-Identifier: MIT */
/*
 * keys.c - the rights that count are those of the moment: each time the kernel reaches into a process's memory it asks
 * anew what the process's PKRU forbids, and asks for this process's.
 *
 * The test's own code is run on a process's kernel stack, as a system call is, with that process as the current one.
 */
#include "arch/arch.h"
#include "initrd.h"
#include "memory.h"
#include "process.h"
#include "test.h"
#include "user_memory.h"

#define KEY          1
#define NO_ACCESS    ((uint32_t)1 << 2 * KEY)
#define NO_WRITE     ((uint32_t)2 << 2 * KEY)
#define READ_WRITE   (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define SWITCH_WORDS 16 /* more than a switch of stacks pops */

static quire_va_t page;

static process_t *start(void)
{
    const char *const argv[] = {"/bin/hello", NULL};
    const char *const envp[] = {NULL};
    const char *reason;
    process_t *process;
    initrd_file_t file;

    CHECK_OK(initrd_find(argv[0], &file));
    CHECK_OK(process_start(file.data, file.bytes, "hello", argv, envp, &process, &reason));
    CHECK_OK(quire_vmm_reserve(&process->space, 0, QUIRE_PAGE_BYTES, READ_WRITE, 0, &page));
    CHECK_OK(quire_vmm_protect_key(&process->space, page, QUIRE_PAGE_BYTES, READ_WRITE, KEY));
    return process;
}

static void check_copies(process_t *process, quire_status_t reads, quire_status_t writes)
{
    char text[4] = "abc";
    size_t length;

    CHECK_EQUAL(user_memory_write(process, (uintptr_t)page, text, sizeof(text), NULL), writes);
    CHECK_EQUAL(user_memory_read(process, text, (uintptr_t)page, sizeof(text), NULL), reads);
    CHECK_EQUAL(user_memory_read_string(process, text, (uintptr_t)page, sizeof(text), &length), reads);
}

static void change_rights_in_one_call(void)
{
    process_t *process = process_current();

    for (unsigned round = 0; round < 2; round++) {
        arch_set_key_rights(0);
        check_copies(process, QUIRE_OK, QUIRE_OK);
        arch_set_key_rights(NO_WRITE);
        check_copies(process, QUIRE_OK, QUIRE_DENIED);
        arch_set_key_rights(NO_ACCESS);
        check_copies(process, QUIRE_DENIED, QUIRE_DENIED);
        process_yield();
    }
    process_exit(0);
}

TEST(keys, rights_are_read_when_they_are_needed)
{
    process_t *process;
    uintptr_t *words;

    if (!arch_has_keys())
        test_skip("this machine has no protection keys");
    process = start();
    words = (uintptr_t *)process->saved_stack;
    for (unsigned i = 0; i < SWITCH_WORDS; i++)
        words[i] = (uintptr_t)change_rights_in_one_call;
    CHECK(process_run());
    /* It waits in the middle of its call. What this CPU's PKRU holds is nothing to it. */
    arch_set_key_rights(0);
    check_copies(process, QUIRE_DENIED, QUIRE_DENIED);
    arch_set_key_rights(NO_ACCESS);
    process->user.key_rights = 0;
    check_copies(process, QUIRE_OK, QUIRE_OK);
    CHECK(process_run());
    CHECK(process_run());
    CHECK_EQUAL(process->state, PROCESS_ENDED);
    process_reap(process);
}
