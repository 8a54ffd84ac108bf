/* SPDX-License-Identifier: MIT */
/*
 * switch_cost.c - what a switch of memory costs, by pages and by segments.
 *
 * Two processes of each kind are started and never run; their memory is switched to and fro. Under an emulator that
 * counts instructions in the time-stamp counter the figures repeat exactly. What they leave out is said in
 * docs/TEACHING.md: a CR3 load empties the TLB, and a segment register that is loaded reads its descriptor.
 */
#include "switch_cost.h"

#include "arch/arch.h"
#include "launch.h"
#include "memory.h"
#include "print.h"
#include "segments.h"
#include "supervise.h"

#define ROUNDS 1000

static unsigned loop_cost(void)
{
    uint64_t start = arch_timestamp();

    for (volatile unsigned i = 0; i < ROUNDS; i++)
        ;
    return (unsigned)(arch_timestamp() - start);
}

static unsigned pages_cost(process_t *const pair[2])
{
    uint64_t start = arch_timestamp();

    for (volatile unsigned i = 0; i < ROUNDS; i++)
        quire_vmm_activate(&pair[i % 2]->space);
    return (unsigned)(arch_timestamp() - start);
}

static unsigned segments_cost(process_t *const pair[2])
{
    uint64_t start = arch_timestamp();

    for (volatile unsigned i = 0; i < ROUNDS; i++)
        segments_switch(pair[i % 2]);
    return (unsigned)(arch_timestamp() - start);
}

static void tell(const char *row, unsigned cost)
{
    print_always("bench\t%s\t%u\tinstructions\t\n", row, (cost - loop_cost()) / ROUNDS);
}

bool switch_cost_run(void)
{
    const char *const argv[] = {ARCH_SEGMENTED ? "/bin/segment-keep" : "/bin/isolate", "A", "4K", "1", NULL};
    process_t *pair[2] = {launch(argv[0], argv), NULL};

    if (pair[0] != NULL)
        pair[1] = launch(argv[0], argv);
    if (pair[1] == NULL) {
        if (pair[0] != NULL)
            supervise_give_up(pair[0], 0);
        return false;
    }
    tell("switch by pages: CR3", pages_cost(pair));
    quire_vmm_activate(&kernel_space);
    if (ARCH_SEGMENTED)
        tell("switch by segments: LDT", segments_cost(pair));
    for (unsigned i = 0; i < 2; i++)
        supervise_give_up(pair[i], 0);
    return true;
}
