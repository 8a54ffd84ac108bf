/* SPDX-License-Identifier: MIT */
/*
 * syscall_process.c - exit, identity, limits, and what a C library asks while it starts.
 *
 * A process has one thread, no parent that it could name (0), and is root, which may raise limits and set those of
 * others. Who holds them: limits.c.
 */
#include "breathe.h"
#include "bytes.h"
#include "calls.h"
#include "limits.h"
#include "memory.h"
#include "user_memory.h"

#define NAME_BYTES        65 /* of each field of struct utsname */
#define RANDOM_FLAGS      7
#define RANDOM_SOURCE     2 /* GRND_RANDOM */
#define RANDOM_INSECURE   4 /* GRND_INSECURE */
#define ROBUST_LIST_BYTES (3 * sizeof(uintptr_t))

void linux_state_init(linux_state_t *state)
{
    state->files[0] = (file_t){.kind = FILE_INPUT, .readable = true};
    state->files[1] = (file_t){.kind = FILE_OUTPUT, .writable = true, .flags = O_WRONLY};
    state->files[2] = (file_t){.kind = FILE_ERROR, .writable = true, .flags = O_WRONLY};
    limits_init(state->limits);
    state->keys = 1;
}

void linux_state_release(linux_state_t *state)
{
    if (state == NULL)
        return;
    quire_heap_free(&kernel_heap, state->vector);
    state->vector = NULL;
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
    uint8_t *bounce = linux_of(process)->bounce;
    uintptr_t bytes = argument[1] < TRANSFER_MAX ? argument[1] : TRANSFER_MAX;
    uintptr_t flags = argument[2] & UINT32_MAX;
    uintptr_t done = 0;

    if ((flags & ~(uintptr_t)RANDOM_FLAGS) != 0 ||
        (flags & (RANDOM_SOURCE | RANDOM_INSECURE)) == (RANDOM_SOURCE | RANDOM_INSECURE))
        return -EINVAL;
    if (!range_is_user(argument[0], bytes))
        return -EFAULT;
    while (done < bytes) {
        size_t piece =
            bytes - done < sizeof(linux_of(process)->bounce) ? bytes - done : sizeof(linux_of(process)->bounce);
        size_t copied;

        random_bytes(bounce, piece);
        if (user_memory_write(process, argument[0] + done, bounce, piece, &copied) != QUIRE_OK)
            return done + copied != 0 ? (call_result_t)(done + copied) : -EFAULT;
        done += piece;
        breathe(process, piece);
        if (signal_is_due(process))
            break;
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

/* struct rlimit: two words of the machine. What does not fit into one is infinity, which 32 bits say as all ones. */
static uintptr_t narrow(uint64_t value)
{
    return value > UINTPTR_MAX ? UINTPTR_MAX : (uintptr_t)value;
}

static uint64_t widen(uint64_t value)
{
    return value >= UINTPTR_MAX ? RLIM_INFINITY : value;
}

static call_result_t set_limit(process_t *target, uintptr_t which, limit_t limit)
{
    if (which >= RLIMIT_COUNT)
        return -EINVAL;
    limit = (limit_t){widen(limit.soft), widen(limit.hard)};
    if (limit.soft > limit.hard)
        return -EINVAL;
    if (which == RLIMIT_NOFILE && limit.hard > FILES_HARD_LIMIT)
        return -EPERM;
    linux_of(target)->limits[which] = limit;
    return 0;
}

static call_result_t give_limit(process_t *process, const uintptr_t *argument, uintptr_t most)
{
    uintptr_t which = argument[0] & UINT32_MAX;
    uintptr_t words[2];

    if (which >= RLIMIT_COUNT)
        return -EINVAL;
    words[0] = narrow(linux_of(process)->limits[which].soft);
    words[1] = narrow(linux_of(process)->limits[which].hard);
    for (unsigned i = 0; i < 2; i++)
        words[i] = words[i] < most ? words[i] : most;
    return copy_out(process, argument[1], words, sizeof(words));
}

CALL(getrlimit)
{
    return give_limit(process, argument, UINTPTR_MAX);
}

/* i386's first one: infinity is the largest number with a sign. */
CALL(old_getrlimit)
{
    return give_limit(process, argument, INT32_MAX);
}

CALL(setrlimit)
{
    uintptr_t words[2];

    if (copy_in(process, words, argument[1], sizeof(words)) != 0)
        return -EFAULT;
    return set_limit(process, argument[0] & UINT32_MAX, (limit_t){words[0], words[1]});
}

/* prlimit64: 64 bits on both machines. */
CALL(prlimit)
{
    uintptr_t which = argument[1] & UINT32_MAX;
    unsigned id = (unsigned)(argument[0] & UINT32_MAX);
    process_t *target = id != 0 ? process_find(id) : process;
    limit_t old;
    limit_t new = {0, 0};
    call_result_t result = 0;

    if (argument[2] != 0 && copy_in(process, &new, argument[2], sizeof(new)) != 0)
        return -EFAULT;
    if (target == NULL || target->state == PROCESS_ENDED)
        return -ESRCH;
    if (which >= RLIMIT_COUNT)
        return -EINVAL;
    old = linux_of(target)->limits[which];
    if (argument[2] != 0)
        result = set_limit(target, which, new);
    if (result == 0 && argument[3] != 0)
        result = copy_out(process, argument[3], &old, sizeof(old));
    return result;
}
