/* SPDX-License-Identifier: MIT */
/*
 * syscall_process.c - exit, identity, limits, and what a C library asks while it starts.
 *
 * A process has one thread, no parent that it could name (0), and is root. Limits are remembered and told; only the
 * number of descriptors is enforced, because nothing else here is counted against one process.
 */
#include "bytes.h"
#include "calls.h"
#include "stack.h"

#define NAME_BYTES        65 /* of each field of struct utsname */
#define RANDOM_FLAGS      7
#define RANDOM_SOURCE     2 /* GRND_RANDOM */
#define RANDOM_INSECURE   4 /* GRND_INSECURE */
#define ROBUST_LIST_BYTES (3 * sizeof(uintptr_t))
#define CORE_SIZE_DEFAULT 0
#define FILES_HARD_LIMIT  4096

void linux_state_init(linux_state_t *state)
{
    state->files[0] = (file_t){.kind = FILE_INPUT, .readable = true};
    state->files[1] = (file_t){.kind = FILE_OUTPUT, .writable = true, .flags = O_WRONLY};
    state->files[2] = (file_t){.kind = FILE_ERROR, .writable = true, .flags = O_WRONLY};
    for (unsigned i = 0; i < RLIMIT_COUNT; i++)
        state->limits[i] = (limit_t){RLIM_INFINITY, RLIM_INFINITY};
    state->limits[RLIMIT_STACK].soft = STACK_BYTES;
    state->limits[RLIMIT_CORE].soft = CORE_SIZE_DEFAULT;
    state->limits[RLIMIT_NOFILE] = (limit_t){FILES_MAX, FILES_HARD_LIMIT};
    state->keys = 1;
}

CALL(exit)
{
    (void)process;
    process_exit((int)(argument[0] & 0xff));
}

CALL(process_id)
{
    (void)argument;
    return (call_result_t)process->id;
}

CALL(parent_id)
{
    (void)process;
    (void)argument;
    return 0;
}

CALL(user_id)
{
    (void)process;
    (void)argument;
    return 0;
}

/* C libraries refuse to run on a Linux that they find too old. */
CALL(uname)
{
    const char *const fields[] = {"Linux", "quire", "6.1.0-quire", "#1 Quire", linux_machine, "(none)"};
    char names[6][NAME_BYTES] = {{0}};

    for (unsigned i = 0; i < 6; i++) {
        for (unsigned j = 0; fields[i][j] != '\0'; j++)
            names[i][j] = fields[i][j];
    }
    return copy_out(process, argument[0], names, sizeof(names));
}

CALL(getrandom)
{
    uintptr_t bytes = argument[1] < INT32_MAX ? argument[1] : INT32_MAX;
    uintptr_t flags = argument[2] & UINT32_MAX;
    uintptr_t done = 0;

    if ((flags & ~(uintptr_t)RANDOM_FLAGS) != 0 ||
        (flags & (RANDOM_SOURCE | RANDOM_INSECURE)) == (RANDOM_SOURCE | RANDOM_INSECURE))
        return -EINVAL;
    if (!range_is_user(argument[0], bytes))
        return -EFAULT;
    while (done < bytes) {
        uint8_t random[64];
        size_t piece = bytes - done < sizeof(random) ? bytes - done : sizeof(random);

        random_bytes(random, piece);
        if (copy_out(process, argument[0] + done, random, piece) != 0)
            return done != 0 ? (call_result_t)done : -EFAULT;
        done += piece;
    }
    return (call_result_t)done;
}

/* The word would be cleared when one of several threads ends; here the process ends with its only one. */
CALL(set_tid_address)
{
    (void)argument;
    return (call_result_t)process->id;
}

CALL(set_robust_list)
{
    (void)process;
    return argument[1] == ROBUST_LIST_BYTES ? 0 : -EINVAL;
}

CALL(sched_yield)
{
    (void)process;
    (void)argument;
    process_yield();
    return 0;
}

/* struct rlimit: two words of the machine, in which 32 bits say infinity as all ones. */
static uintptr_t narrow(uint64_t value)
{
    return value > UINTPTR_MAX ? UINTPTR_MAX : (uintptr_t)value;
}

static uint64_t widen(uintptr_t value)
{
    return value == UINTPTR_MAX ? RLIM_INFINITY : value;
}

static call_result_t set_limit(process_t *process, uintptr_t which, limit_t limit)
{
    if (limit.soft > limit.hard)
        return -EINVAL;
    if (which == RLIMIT_NOFILE && limit.hard > FILES_HARD_LIMIT)
        return -EPERM;
    linux_of(process)->limits[which] = limit;
    return 0;
}

CALL(getrlimit)
{
    uintptr_t which = argument[0] & UINT32_MAX;
    uintptr_t words[2];

    if (which >= RLIMIT_COUNT)
        return -EINVAL;
    words[0] = narrow(linux_of(process)->limits[which].soft);
    words[1] = narrow(linux_of(process)->limits[which].hard);
    return copy_out(process, argument[1], words, sizeof(words));
}

CALL(setrlimit)
{
    uintptr_t which = argument[0] & UINT32_MAX;
    uintptr_t words[2];

    if (copy_in(process, words, argument[1], sizeof(words)) != 0)
        return -EFAULT;
    if (which >= RLIMIT_COUNT)
        return -EINVAL;
    return set_limit(process, which, (limit_t){widen(words[0]), widen(words[1])});
}

/* prlimit64: 64 bits on both machines. */
CALL(prlimit)
{
    uintptr_t which = argument[1] & UINT32_MAX;
    limit_t old;
    limit_t new = {0, 0};
    call_result_t result = 0;

    if (which >= RLIMIT_COUNT)
        return -EINVAL;
    if (argument[2] != 0 && copy_in(process, &new, argument[2], sizeof(new)) != 0)
        return -EFAULT;
    if ((argument[0] & UINT32_MAX) != 0 && (argument[0] & UINT32_MAX) != process->id)
        return process_find((unsigned)argument[0]) != NULL ? -EPERM : -ESRCH;
    old = linux_of(process)->limits[which];
    if (argument[2] != 0)
        result = set_limit(process, which, new);
    if (result == 0 && argument[3] != 0)
        result = copy_out(process, argument[3], &old, sizeof(old));
    return result;
}
