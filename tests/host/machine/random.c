/* SPDX-License-Identifier: MIT */
/*
 * random.c - the main test of paging, copy-on-write and the VMM: random transactions, and random accesses through CPUs
 * that keep every translation they may, against a flat model of memory.
 *
 * 50,000 operations for each format at effort 1. An operation is a transaction of the library or an access by a CPU. In
 * the middle of it the other CPU translates ahead of use and loads trees; there are more of these than tags.
 */
#include "machine.h"

#include <stdio.h>

#define ROUNDS       4
#define OPERATIONS   12500 /* a round; times the effort */
#define VERIFY_EVERY 2500

static void run_round(const quire_format_t *format, unsigned variant)
{
    machine_t *machine = machine_start(format, variant);
    char line[200];

    for (unsigned step = 0; step < OPERATIONS * test_effort(); step++) {
        machine_interrupt(machine, true);
        if (test_random_below(3) == 0)
            machine_transaction(machine);
        else
            machine_access(machine);
        machine_interrupt(machine, false);
        if (step % VERIFY_EVERY == 0)
            machine_verify(machine);
    }
    machine_end(machine);
    snprintf(line, sizeof(line),
             "# %s: %llu transactions, %llu accesses, %llu page faults (%llu spurious), %llu shortages\n",
             quire_format_name(format), (unsigned long long)machine->operations, (unsigned long long)machine->accesses,
             (unsigned long long)machine->faults, (unsigned long long)machine->spurious,
             (unsigned long long)machine->shortages);
    test_home_write(line);
}

static void run_format(const quire_format_t *format)
{
    /* Not the same numbers for every format. */
    for (unsigned skip = quire_format_levels(format); skip > 0; skip--)
        (void)test_random();
    for (unsigned variant = 0; variant < ROUNDS; variant++)
        run_round(format, variant);
}

TEST(machine, transactions_32_bit)
{
    run_format(&quire_format_x86_32);
}

TEST(machine, transactions_pae)
{
    run_format(&quire_format_x86_pae);
}

TEST(machine, transactions_4_level)
{
    run_format(&quire_format_x86_4level);
}

TEST(machine, transactions_5_level)
{
    run_format(&quire_format_x86_5level);
}
