/* SPDX-License-Identifier: MIT */
/*
 * ports.h - the I/O address space: which driver has which ports, and which ports a process may use.
 *
 * IOPL is 0 for every process: what it may touch stands in the bitmap of the TSS, nothing at first.
 */
#ifndef KERNEL_PORTS_H
#define KERNEL_PORTS_H

#include <quire/quire.h>

#include "process.h"

/* A driver takes its ports. Panics if they are another's: two drivers for one device are a bug. */
void ports_claim(uint32_t first, uint32_t count, const char *owner);

/* Once all drivers have theirs: what the boot words give to programs. */
void ports_read_grants(void);

/* Linux's ioperm: ports [first, first + count) become allowed or denied to the process. QUIRE_INVALID: no such ports.
   QUIRE_DENIED: one of them is not given to programs. */
quire_status_t ports_allow(process_t *process, uint32_t first, uint32_t count, bool allowed) QUIRE_MUST_CHECK;

/* Linux's iopl: at level 3 the process may use all ports that are given to programs; below, those that ports_allow()
   gave it. QUIRE_INVALID: no such level. QUIRE_DENIED: a higher one, and no ports are given. */
quire_status_t ports_set_level(process_t *process, unsigned level) QUIRE_MUST_CHECK;

/* Before a process runs: it may use its ports if the TSS still holds its bitmap, otherwise none for the time being. */
void ports_switch(const process_t *process);

/* A general protection fault of a process: true if it had only not got its bitmap yet; the instruction runs again. */
bool ports_fault(const process_t *process);

/* Forgets what an ended process was allowed. */
void ports_release(process_t *process);

/* Claims, and what each process is allowed. */
void ports_show(void);

#endif
