/* SPDX-License-Identifier: MIT */
/* host.c - what is known of the CPU where a program plays it (cpu.h). */
#include "cpu.h"

#ifdef QUIRE_HOST
quire_cpu_told_t quire_cpu_told;
#endif
