/* SPDX-License-Identifier: MIT */
/* host_machine.h - between the two files of the host home. */
#ifndef QUIRE_TEST_HOST_MACHINE_H
#define QUIRE_TEST_HOST_MACHINE_H

#include "test.h"

/* What the calling thread's CPU holds. */
typedef struct host_held {
    unsigned locks;
    unsigned windows;
} host_held_t;

/* RAM that begins at frame `first`, rounded down to a multiple of 1024. */
void host_machine_make(size_t first);

/* The first frame after that RAM. */
quire_frame_t host_ram_end(void);

/* Between two tests: takes everything back, spoils the RAM that was used, sets the counters to 0. */
void host_machine_reset(void);

host_held_t host_machine_held(void);

/* Closes windows and forgets locks until only so many are held. */
void host_machine_forget(host_held_t down_to);

/* The contract of a hook was broken: ends the test as failed. */
_Noreturn void host_broken(const char *sentence);

#endif
