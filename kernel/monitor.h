/* SPDX-License-Identifier: MIT */
/* monitor.h - a person at the console, looking at memory. */
#ifndef KERNEL_MONITOR_H
#define KERNEL_MONITOR_H

/* Reads commands until `quit`. Processes go on running while it waits for a key. */
void monitor_run(void);

#endif
