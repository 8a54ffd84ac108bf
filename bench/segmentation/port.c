/* SPDX-License-Identifier: MIT */
/* port.c - the hooks that the PMM needs in a program with one thread whose frames do not exist. */
#include <stdio.h>
#include <stdlib.h>

#include <quire/port.h>

#include "cpu/cpu.h"

void quire_port_lock(quire_lock_t *lock)
{
    (void)lock;
}

void quire_port_unlock(quire_lock_t *lock)
{
    (void)lock;
}

unsigned quire_port_cpu(void)
{
    return 0;
}

void *quire_port_window_open(quire_frame_t frame)
{
    (void)frame;
    abort();
}

void quire_port_window_close(void *window)
{
    (void)window;
}

void quire_port_shootdown(const quire_shootdown_t *request)
{
    (void)request;
}

uint64_t quire_cpu_timestamp(void)
{
    return 0;
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    (void)level;
    fprintf(stderr, "%s\n", line);
}

_Noreturn void quire_port_panic(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    abort();
}
