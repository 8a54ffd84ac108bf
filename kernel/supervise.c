/* SPDX-License-Identifier: MIT */
/*
 * supervise.c - a program is run until it can be said how it went.
 *
 * Problem: the kernel's own jobs run programs from the initial file system and look at how they ended. But the file may
 * be anybody's: it may never end, or wait for a signal that nobody will send. Idea: one loop that all of them use, with
 * three outcomes. A record is reaped only after its process has been ended, by itself or from here.
 */
#include "supervise.h"

#include "console.h"
#include "print.h"
#include "walk.h"

supervised_t supervise(process_t *process)
{
    while (process->state == PROCESS_READY) {
        if (console_interrupted())
            return SUPERVISED_INTERRUPTED;
        process_run();
        walk_pump_events();
    }
    return process->state == PROCESS_ENDED ? SUPERVISED_ENDED : SUPERVISED_WAITS;
}

int supervise_give_up(process_t *process, int status)
{
    process_kill(process, status);
    status = process->exit_status;
    process_reap(process);
    return status;
}

int supervise_to_end(process_t *process)
{
    switch (supervise(process)) {
    case SUPERVISED_ENDED:
        break;
    case SUPERVISED_WAITS:
        print_always("quire: %s waits for a signal, and nobody is there to send one: it is given up\n", process->name);
        break;
    case SUPERVISED_INTERRUPTED:
        print_always("quire: %s is interrupted\n", process->name);
        return supervise_give_up(process, STATUS_INTERRUPTED);
    }
    return supervise_give_up(process, STATUS_GIVEN_UP);
}
