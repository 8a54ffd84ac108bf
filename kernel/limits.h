/* SPDX-License-Identifier: MIT */
/* limits.h - what setrlimit(2) has set, held. */
#ifndef KERNEL_LIMITS_H
#define KERNEL_LIMITS_H

#include "calls.h"

/* Linux's limits of a process that nobody has limited. */
void limits_init(limit_t *limits);

/* Whether a process may have so many bytes more (RLIMIT_AS; if it can write to them, RLIMIT_DATA too). [start, end) is
   what they replace, if anything. */
bool limits_allow(process_t *process, uintptr_t bytes, bool writable, quire_va_t start, quire_va_t end);

/* Whether what is there already may become writable (RLIMIT_DATA). */
bool limits_allow_writing(process_t *process, quire_va_t start, quire_va_t end);

/* Whether the program's break may be there (RLIMIT_DATA). */
bool limits_allow_break(process_t *process, quire_va_t wanted);

/* A time slice has ended: a process that has had its time (RLIMIT_CPU) gets SIGXCPU each second, and ends at the hard
   limit. */
void limits_tick(process_t *process);

#endif
