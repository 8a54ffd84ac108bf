/* SPDX-License-Identifier: MIT */
/* machine.h - a kernel's space, processes' spaces and two CPUs on the machine in software, beside the flat model. */
#ifndef QUIRE_TEST_MACHINE_MACHINE_H
#define QUIRE_TEST_MACHINE_MACHINE_H

#include "flat.h"

#define CPUS 2

typedef struct machine {
    const quire_format_t *format;
    quire_pmm_t *pmm;
    size_t free_frames;   /* before the first process */
    flat_t flats[SPACES]; /* number 0 is the kernel's */
    unsigned current[CPUS];
    unsigned cpu; /* who runs */
    uint32_t next_id;
    unsigned until_step;     /* something happens between two steps of the library */
    bool isolated;           /* ring 3 runs on second roots */
    quire_table_t isolation; /* their upper half: a page at gate_va */
    quire_va_t gate_va;
    quire_table_crossing_t crossing[CPUS];
    uint64_t operations; /* transactions of the library */
    uint64_t accesses;   /* of the CPUs */
    uint64_t faults;     /* #PF */
    uint64_t shortages;  /* transactions that found no memory */
    uint64_t spurious;   /* of these, by a translation that had fewer rights than memory gives */
} machine_t;

/* --- machine.c --- */

/* The machine of a format, with all spaces made. `variant` chooses how its caches behave. */
machine_t *machine_start(const quire_format_t *format, unsigned variant);
/* Checks all there is to check, ends all processes, and sees that nothing is lost. */
void machine_end(machine_t *machine);
void machine_switch(machine_t *machine, unsigned cpu, unsigned space);
/* Where ring 3 runs on second roots: on the way to it, and back. */
void machine_enter_user(machine_t *machine, unsigned cpu);
void machine_leave_user(machine_t *machine, unsigned cpu);
/* From here on the CPU that does not run the library works while it runs. */
void machine_interrupt(machine_t *machine, bool wanted);
/* The library's own checks, and every page of every space as memory has it. */
void machine_verify(machine_t *machine);
/* Not enough frames are left for a transaction that wants so many pages: QUIRE_NO_MEMORY is a right answer. */
bool machine_is_scarce(const machine_t *machine, size_t pages);
/* No CPU runs in the space any more. */
void machine_leave(machine_t *machine, unsigned space);

/* --- access.c --- */

/* One random access by a random CPU, with the faults it takes. */
void machine_access(machine_t *machine);
/* Reads all bytes of all pages of a space as its process does. */
void machine_read_all(machine_t *machine, unsigned space);
size_t machine_random_page(const flat_t *flat);

/* --- transactions.c, and for two spaces or the kernel's copies copies.c --- */

/* One random transaction of the library, carried out on the flat model as well. */
void machine_transaction(machine_t *machine);
run_t machine_random_run(const flat_t *flat);
/* What was expected came; or memory is scarce and that was the answer. True if it happened. */
bool machine_happened(machine_t *machine, quire_status_t status, quire_status_t expected, size_t pages);
void machine_fork(machine_t *machine);
void machine_copy(machine_t *machine, flat_t *flat);
void machine_poke(machine_t *machine, flat_t *flat);

#endif
