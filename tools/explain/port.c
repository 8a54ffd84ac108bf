/* SPDX-License-Identifier: MIT */
/* port.c - the hooks of a program that only reads saved tables: what would change them is never called. */
#include <stdio.h>
#include <stdlib.h>

#include <quire/port.h>

#include "cpu/cpu.h"

_Noreturn void quire_port_panic(const char *sentence)
{
    fprintf(stderr, "explain: %s\n", sentence);
    abort();
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    (void)level;
    fprintf(stderr, "explain: %s\n", line);
}

static _Noreturn void never(void)
{
    quire_port_panic("a saved machine cannot be changed");
}

void *quire_port_window_open(quire_frame_t frame)
{
    (void)frame;
    never();
}

void quire_port_window_close(void *window)
{
    (void)window;
    never();
}

void quire_port_lock(quire_lock_t *lock)
{
    (void)lock;
    never();
}

void quire_port_unlock(quire_lock_t *lock)
{
    (void)lock;
    never();
}

unsigned quire_port_cpu(void)
{
    return 0;
}

void quire_port_shootdown(const quire_shootdown_t *request)
{
    (void)request;
    never();
}

uint64_t quire_cpu_timestamp(void)
{
    return 0;
}
