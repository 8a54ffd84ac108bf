/* SPDX-License-Identifier: MIT */
/* trap.h - the last report, and the clock. */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include "arch/arch.h"

/* The kernel itself has failed at `frame`: says all that can be known, and ends the machine. `status` is what the VMM
   said, if it was asked. */
_Noreturn void trap_die(trap_frame_t *frame, quire_status_t status);

/* Whether the timer has ticked while the kernel let interrupts in, since this was last asked. */
bool trap_ticked(void);

#endif
