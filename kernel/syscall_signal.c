/* SPDX-License-Identifier: MIT */
/*
 * syscall_signal.c - signals as far as a program that ends itself needs them.
 *
 * What a process blocks, ignores or wants handled is remembered and told. A signal that is sent becomes pending; when
 * it is not blocked it does what its default says, which for most is to end the process with 128 + its number. abort()
 * relies on that order: C libraries block, raise, and unblock. Calling a program's own handler is not here yet: a
 * signal that has one ends the process too, and says so.
 */
#include "calls.h"
#include "print.h"
#include "signal_set.h"

#define SET_BYTES 8 /* sigset_t, as the kernel sees it */

enum { HANDLER_DEFAULT = 0, HANDLER_IGNORE = 1 };

static bool is_signal(uintptr_t number)
{
    return number >= 1 && number <= SIGNAL_MAX;
}

/* signal(7): CHLD, URG, WINCH are ignored by default, CONT only wakes. */
static bool is_harmless(uintptr_t signal)
{
    return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT;
}

static bool stops(uintptr_t signal)
{
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void act(process_t *process, uintptr_t signal)
{
    uintptr_t handler = linux_of(process)->actions[signal - 1].handler;

    if (handler == HANDLER_IGNORE || (handler == HANDLER_DEFAULT && is_harmless(signal)))
        return;
    if (handler == HANDLER_DEFAULT && stops(signal)) {
        process_block();
        return;
    }
    if (handler != HANDLER_DEFAULT)
        print_always("quire: %s handles signal %u itself, which is not possible here yet: it ends\n", process->name,
                     (unsigned)signal);
    process_exit(128 + (int)signal);
}

bool signal_is_due(process_t *process)
{
    const linux_state_t *state = linux_of(process);

    return (state->pending & ~state->blocked) != 0;
}

void signal_raise(process_t *process, unsigned signal)
{
    linux_of(process)->pending |= signal_bit(signal);
}

void signal_deliver(process_t *process)
{
    linux_state_t *state = linux_of(process);
    uint64_t due = state->pending & ~state->blocked;

    for (uintptr_t signal = 1; due != 0 && signal <= SIGNAL_MAX; signal++) {
        if ((due & signal_bit(signal)) == 0)
            continue;
        due &= ~signal_bit(signal);
        state->pending &= ~signal_bit(signal);
        act(process, signal);
    }
}

/* As on Linux, a signal that is ignored from now on is forgotten even if it waits to be let through. */
static void set_action(linux_state_t *state, uintptr_t signal, const signal_action_t *action)
{
    signal_action_t *place = &state->actions[signal - 1];

    *place = *action;
    place->mask[0] &= ~(uint32_t)signal_unblockable();
    place->mask[1] &= ~(uint32_t)(signal_unblockable() >> 32);
    if (action->handler == HANDLER_IGNORE || (action->handler == HANDLER_DEFAULT && is_harmless(signal)))
        state->pending &= ~signal_bit(signal);
}

CALL(rt_sigaction)
{
    linux_state_t *state = linux_of(process);
    uintptr_t signal = argument[0];
    signal_action_t new = {0};
    signal_action_t old;

    if (argument[3] != SET_BYTES)
        return -EINVAL;
    if (argument[1] != 0 && copy_in(process, &new, argument[1], sizeof(new)) != 0)
        return -EFAULT;
    if (!is_signal(signal) || (argument[1] != 0 && (signal_bit(signal) & signal_unblockable()) != 0))
        return -EINVAL;
    old = state->actions[signal - 1];
    if (argument[1] != 0)
        set_action(state, signal, &new);
    return argument[2] != 0 ? copy_out(process, argument[2], &old, sizeof(old)) : 0;
}

CALL(rt_sigprocmask)
{
    linux_state_t *state = linux_of(process);
    uint64_t old = state->blocked;
    uint64_t set;

    if (argument[3] != SET_BYTES)
        return -EINVAL;
    if (argument[1] != 0) {
        if (copy_in(process, &set, argument[1], sizeof(set)) != 0)
            return -EFAULT;
        if (!signal_change_mask(&state->blocked, (uint32_t)argument[0], set))
            return -EINVAL;
    }
    return argument[2] != 0 ? copy_out(process, argument[2], &old, sizeof(old)) : 0;
}

/* To another process only what would end it is sent; it does not run, so it can be ended here. */
static call_result_t send(process_t *process, process_t *target, uintptr_t signal)
{
    if (target == NULL || target->state == PROCESS_ENDED)
        return -ESRCH;
    if (signal > SIGNAL_MAX)
        return -EINVAL;
    if (signal == 0)
        return 0;
    if (target == process)
        linux_of(process)->pending |= signal_bit(signal);
    else if (!is_harmless(signal) && !stops(signal) && linux_of(target)->actions[signal - 1].handler != HANDLER_IGNORE)
        process_kill(target, 128 + (int)signal);
    return 0;
}

/* A process is a group of its own: 0 and its own negated identifier mean itself. */
CALL(kill)
{
    int32_t id = (int32_t)argument[0];
    uintptr_t signal = argument[1] & UINT32_MAX;

    if (signal > SIGNAL_MAX)
        return -EINVAL;
    if (id == 0 || id == -(int32_t)process->id)
        return send(process, process, signal);
    return id < 0 ? -ESRCH : send(process, process_find((unsigned)id), signal);
}

CALL(tkill)
{
    int32_t id = (int32_t)argument[0];

    return id <= 0 ? -EINVAL : send(process, process_find((unsigned)id), argument[1] & UINT32_MAX);
}

CALL(tgkill)
{
    int32_t group = (int32_t)argument[0];
    int32_t id = (int32_t)argument[1];

    if (group <= 0 || id <= 0)
        return -EINVAL;
    return group != id ? -ESRCH : send(process, process_find((unsigned)id), argument[2] & UINT32_MAX);
}

CALL(pause)
{
    (void)process;
    (void)argument;
    process_block();
    return 0;
}
