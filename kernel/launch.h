/* SPDX-License-Identifier: MIT */
/* launch.h - programs of the initial file system, started with words on the console when they cannot be. */
#ifndef KERNEL_LAUNCH_H
#define KERNEL_LAUNCH_H

#include "process.h"

/* Starts a program by its path; argv ends with NULL. NULL, and a sentence on the console, if it cannot be. */
process_t *launch(const char *path, const char *const *argv);

/* The program that the command line asked for (run/program, which may be a link to where it is, with run/arguments and
   run/environment): runs it and returns its exit status; 127 if it is not there, 126 if it cannot be run. */
int launch_requested(void);

#endif
