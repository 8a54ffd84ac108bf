/* SPDX-License-Identifier: MIT */
/* bench_paging.h - what the library's calls cost in this kernel, on this machine. */
#ifndef KERNEL_BENCH_PAGING_H
#define KERNEL_BENCH_PAGING_H

#include <stdbool.h>

/* One line a figure: bench <TAB> row <TAB> value <TAB> unit <TAB> target. False if a call did not do what it should. */
bool bench_paging(void);

#endif
