/* SPDX-License-Identifier: MIT */
/*
 * syscall.c - from a trap to a handler, and what all handlers need.
 *
 * Problem: programs speak Linux, with different numbers on i386 and x86_64, and will ask for things that are not here.
 * Idea: a table for each machine (kernel/arch/<arch>/linux.c) leads to handlers that both share; they see registers as
 * an array. What has no handler answers -ENOSYS and is named on the console once, so that one sees what a program
 * missed.
 *
 * Invariant: a handler reaches a process's memory through user_memory.h and nothing else. Every number from a
 * register is hostile: it is compared with a bound before anything is added to it.
 *
 * Rejected: numbers of our own with a translation at the program's side. Then no program that was built for Linux
 * would run, and nothing could be compared with Linux.
 */
#include "syscall.h"

#include "arch/arch.h"
#include "calls.h"
#include "print.h"
#include "segments.h"
#include "user_memory.h"

#define NUMBERS_MAX 512

static uint8_t told[NUMBERS_MAX / 8];

const char *call_name_in(const call_names_t *lists, unsigned count, uintptr_t number)
{
    for (unsigned i = 0; i < count; i++) {
        const char *name = lists[i].names;

        if (number < lists[i].first)
            break;
        for (uintptr_t at = lists[i].first; *name != '\0'; at++) {
            if (at == number)
                return name;
            while (*name != '\0')
                name++;
            name++;
        }
    }
    return "?";
}

const char *syscall_name(uintptr_t number)
{
    return linux_call_name(number);
}

call_result_t call_error(quire_status_t status)
{
    switch (status) {
    case QUIRE_OK:
        return 0;
    case QUIRE_NO_MEMORY:
    case QUIRE_NO_SPACE:
    case QUIRE_NOT_FOUND:
        return -ENOMEM;
    case QUIRE_INVALID:
        return -EINVAL;
    case QUIRE_EXISTS:
        return -EEXIST;
    case QUIRE_DENIED:
        return -EFAULT;
    case QUIRE_AGAIN:
        return -EAGAIN;
    case QUIRE_UNSUPPORTED:
        return -ENODEV;
    case QUIRE_CORRUPT:
        return -EIO;
    }
    return -EIO;
}

call_result_t call_not_there(process_t *process, const uintptr_t *argument)
{
    (void)process;
    (void)argument;
    return -ENOSYS;
}

call_result_t copy_in(process_t *process, void *to, uintptr_t from, size_t bytes)
{
    return user_memory_read(process, to, from, bytes, NULL) == QUIRE_OK ? 0 : -EFAULT;
}

call_result_t copy_out(process_t *process, uintptr_t to, const void *from, size_t bytes)
{
    return user_memory_write(process, to, from, bytes, NULL) == QUIRE_OK ? 0 : -EFAULT;
}

bool range_is_user(uintptr_t start, size_t bytes)
{
    return bytes <= ARCH_USER_END && start <= ARCH_USER_END - bytes;
}

static call_result_t not_implemented(const process_t *process, uintptr_t number)
{
    if (number < NUMBERS_MAX && (told[number / 8] & (1u << (number % 8))) == 0) {
        told[number / 8] |= (uint8_t)(1u << (number % 8));
        print_always("quire: %s asked for system call %s (%u), which is not here: -ENOSYS\n", process->name,
                     syscall_name(number), (unsigned)number);
    }
    return -ENOSYS;
}

void syscall_dispatch(trap_frame_t *frame)
{
    process_t *process = process_current();
    uintptr_t number = frame_syscall_number(frame);
    uintptr_t argument[6];
    call_t call = linux_call(number);
    call_result_t result;

    for (unsigned i = 0; i < 6; i++)
        argument[i] = frame_syscall_argument(frame, i);
    quire_event(.kind = QUIRE_EVENT_SYSCALL, .space = process->id, .before = argument[0], .after = argument[1],
                .detail = number);
    if (call != NULL && segments_refuse(process, call))
        call = call_not_there;
    result = call != NULL ? call(process, argument) : not_implemented(process, number);
    frame_set_result(frame, (uintptr_t)result);
    quire_event(.kind = QUIRE_EVENT_SYSCALL_DONE, .space = process->id, .after = (uint64_t)(uintptr_t)result,
                .detail = number);
    signal_deliver(process);
}
