/* SPDX-License-Identifier: MIT */
/* fragmentation.h - memory without paging, drawn while processes come and go. */
#ifndef KERNEL_FRAGMENTATION_H
#define KERNEL_FRAGMENTATION_H

#include <stdbool.h>

/* Draws the arena on the console, first without compaction, then with it. False: no memory for it. */
bool fragmentation_show(void);

#endif
