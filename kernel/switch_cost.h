/* SPDX-License-Identifier: MIT */
/* switch_cost.h - what a switch of memory costs, by pages and by segments. */
#ifndef KERNEL_SWITCH_COST_H
#define KERNEL_SWITCH_COST_H

#include <stdbool.h>

/* Prints lines "bench", row, instructions, unit, target; separated by tabs. False: a program could not be started. */
bool switch_cost_run(void);

#endif
