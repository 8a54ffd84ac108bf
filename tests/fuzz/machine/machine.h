/* SPDX-License-Identifier: MIT */
/* machine.h - the machine that cursor.c runs its operations on. */
#ifndef QUIRE_FUZZ_MACHINE_H
#define QUIRE_FUZZ_MACHINE_H

#include <quire/quire.h>

#include "model.h"

#define PAGE          ((quire_va_t)QUIRE_PAGE_BYTES)
#define PMM_FIRST     ((size_t)0x1000)
#define PMM_FRAMES    96
#define FOREIGN_FIRST ((size_t)0x40000) /* 1 GiB, and 2 GiB long */
#define TREES         3                 /* the kernel's is number 0 */
#define PKRU          0x24u             /* of both CPUs: no access to pages of key 1, no writing to those of key 2 */

typedef struct machine {
    model_t *model;
    const quire_format_t *format;
    quire_pmm_t pmm;
    quire_table_t trees[TREES];
    unsigned loaded[2]; /* which tree, by CPU */
    unsigned cpu;       /* who runs */
    quire_va_t shared_start;
    quire_va_t kernel_area;
    uint64_t events_read;
} machine_t;

extern machine_t machine;

/* Something is wrong with the library: ends the program. */
_Noreturn void found(const char *sentence);

/* A machine with one of the four formats, a kernel's tree loaded on both CPUs and two processes' trees. */
void machine_start(unsigned which);

/* Destroys all trees and looks for what was lost. */
void machine_end(void);

/* Gives a CPU another tree. */
void machine_load(unsigned cpu, unsigned tree);

#endif
