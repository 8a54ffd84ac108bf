/* SPDX-License-Identifier: MIT */
/* port.h - what the kernel knows of its own hooks beyond <quire/port.h>. */
#ifndef KERNEL_PORT_H
#define KERNEL_PORT_H

#include <quire/quire.h>

/* If not NULL, quire_port_panic() calls it first. A test that expects a panic leaves from there; one that does not,
   returns false, and the machine ends. */
extern bool (*kernel_panic_hook)(const char *sentence);

/* Before a last report: from now on locks are ignored and the console is not quiet. */
void kernel_is_dying(void);

#endif
