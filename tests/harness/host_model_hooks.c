/* SPDX-License-Identifier: MIT */
/*
 * host_model_hooks.c - what the model's home does without asking the model: windows, locks, memory for tests.
 *
 * The contract of each hook is checked while it is served, as in host_machine.c. One thread plays all CPUs, one after
 * the other, so a lock that is taken twice is a deadlock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "home.h"
#include "host_machine.h"
#include "host_model.h"
#include "host_model_inside.h"
#include "paging/tree/word.h"

#define PIECES_MAX 64

static host_held_t held;
static void *windows[QUIRE_PORT_WINDOWS];
static void *pieces[PIECES_MAX];
static size_t piece_count;
static size_t ram_first;
static void (*intrusion)(void *context);
static void *intrusion_context;
static void (*stepping)(void *context, bool writes);
static void *stepping_context;
static bool in_step;

_Noreturn void host_broken(const char *sentence)
{
    test_fail("the machine", 0, sentence);
}

void *quire_port_window_open(quire_frame_t frame)
{
    void *window = host_model_frame(frame);

    if (window == NULL)
        host_broken("a window was opened on a frame that is not RAM");
    if (held.windows == QUIRE_PORT_WINDOWS)
        host_broken("more windows are open than a port need have");
    windows[held.windows++] = window;
    return window;
}

void quire_port_window_close(void *window)
{
    if (held.windows == 0 || windows[held.windows - 1] != window)
        host_broken("windows are closed in the reverse order of opening");
    held.windows--;
}

void host_model_before_lock(void (*function)(void *context), void *context)
{
    intrusion = function;
    intrusion_context = context;
}

/* What is done in a step has no steps. */
static void step(bool writes)
{
    if (stepping == NULL || in_step)
        return;
    in_step = true;
    stepping(stepping_context, writes);
    in_step = false;
}

void host_model_step(void)
{
    step(true);
}

bool host_model_in_step(void)
{
    return in_step;
}

void host_model_steps(void (*function)(void *context, bool writes), void *context)
{
    stepping = function;
    stepping_context = context;
    quire_paging_step = function != NULL ? step : NULL;
}

static void intrude(void)
{
    void (*function)(void *) = intrusion;

    intrusion = NULL;
    if (function != NULL)
        function(intrusion_context);
}

void quire_port_lock(quire_lock_t *lock)
{
    intrude();
    host_model_step();
    if (lock->word != 0)
        host_broken("a lock was taken twice");
    lock->word = 1;
    held.locks++;
}

void quire_port_unlock(quire_lock_t *lock)
{
    if (lock->word != 1)
        host_broken("a lock was released that was not held");
    lock->word = 0;
    held.locks--;
    host_model_hear_events();
    host_model_step();
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    (void)level;
    if (getenv("QUIRE_TEST_LOG") != NULL)
        printf("# %s\n", line);
}

/* --- what the harness asks of a machine --- */

void *test_memory(size_t bytes)
{
    size_t whole = (bytes + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK;
    void *piece = piece_count == PIECES_MAX ? NULL : aligned_alloc(QUIRE_PAGE_BYTES, whole);

    if (piece == NULL)
        host_broken("the host has no memory for this test");
    pieces[piece_count++] = memset(piece, 0, whole);
    return piece;
}

void host_machine_reset(void)
{
    host_model_stop();
    held = (host_held_t){0, 0};
    intrusion = NULL;
    in_step = false;
    host_model_steps(NULL, NULL);
    while (piece_count > 0)
        free(pieces[--piece_count]);
}

void host_machine_make(size_t first)
{
    ram_first = first;
    host_machine_reset();
}

quire_frame_t host_ram_end(void)
{
    return quire_frame(ram_first + 1);
}

/* Tests ask for a machine of their own, and for its PMM. */
quire_frame_t test_home_block(void)
{
    host_broken("this home gives RAM by host_model_start()");
}

host_held_t host_machine_held(void)
{
    return held;
}

void host_machine_forget(host_held_t down_to)
{
    held = down_to;
}
