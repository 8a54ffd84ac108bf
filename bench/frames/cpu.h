/* SPDX-License-Identifier: MIT */
/* cpu.h - the CPU that the calling thread plays: an expression for QUIRE_PORT_CPU, as a kernel has one. */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

extern __thread unsigned bench_cpu;

#endif
