/* SPDX-License-Identifier: MIT */
/*
 * port.c - the hooks that the heap and the event ring need, in a program with one thread: locks do nothing, there is
 * one CPU, and a panic is a message and the end, as abort() would bring it.
 */
#include <quire/port.h>

#include "linux.h"
#include "runtime.h"

void quire_port_lock(quire_lock_t *lock)
{
    (void)lock;
}

void quire_port_unlock(quire_lock_t *lock)
{
    (void)lock;
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    (void)level;
    print_error("%s\n", line);
}

_Noreturn void quire_port_panic(const char *sentence)
{
    print_error("%s\n", sentence);
    linux_call(LINUX_KILL, (uintptr_t)linux_call(LINUX_GETPID, 0, 0, 0, 0, 0, 0), SIGABRT, 0, 0, 0, 0);
    linux_exit(128 + SIGABRT);
}
