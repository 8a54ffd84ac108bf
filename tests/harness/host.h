/* SPDX-License-Identifier: MIT */
/* host.h - what tests that run on the host only (tests/host) may ask of the host home, beside test.h. */
#ifndef QUIRE_TEST_HOST_H
#define QUIRE_TEST_HOST_H

#include "test.h"

/* The calling thread plays this CPU from now on. Threads start as CPU 0. */
void host_use_cpu(unsigned cpu);

/* More simulated RAM for this test: frames [first, first + frames), zeroed, taking memory of the host only where
   touched. Ends the test if the host has no room or the frames overlap RAM that is there. Test memory at that address
   follows. */
void *host_add_ram(quire_frame_t first, size_t frames);

/* What quire_port_shootdown() was last asked for, and how often it was asked since the test began. */
uint64_t host_shootdowns(quire_shootdown_t *last);

/* What other CPUs do while one asks for a shootdown: called in each, until the test ends or NULL is given. */
void host_on_shootdown(void (*hook)(void));

/* What the last panic that test_panics() caught said, and the last line of the log; "" if there was none. */
const char *host_panic_sentence(void);
const char *host_last_log(void);

/* What quire_cpu_load_root() was last given. */
quire_pa_t host_loaded_root(void);

#endif
