/* SPDX-License-Identifier: MIT */
/* supervise.h - a program is run until it can be said how it went, whatever it does. From the main loop. */
#ifndef KERNEL_SUPERVISE_H
#define KERNEL_SUPERVISE_H

#include "process.h"

#define STATUS_GIVEN_UP    126 /* it waited for what nobody is there to send */
#define STATUS_INTERRUPTED 130 /* 128 + SIGINT */

typedef enum supervised {
    SUPERVISED_ENDED,
    SUPERVISED_WAITS,       /* for a signal: it will not run again */
    SUPERVISED_INTERRUPTED, /* Ctrl-C at the console: it is as it was */
} supervised_t;

/* Runs it, and what else is ready, until one of these. */
supervised_t supervise(process_t *process);

/* The same, and ends it if it has not ended itself. Its exit status; its record is gone. */
int supervise_to_end(process_t *process);

/* Ends a process, in whatever state it is, and reaps it: its exit status. */
int supervise_give_up(process_t *process, int status);

#endif
