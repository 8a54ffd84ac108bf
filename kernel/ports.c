/* SPDX-License-Identifier: MIT */
/*
 * ports.c - the I/O address space.
 *
 * Problem: a bitmap is 8 KiB, and copying one into the TSS at each switch would cost more than the switch. Idea: most
 * processes have none, and those that have one seldom use it in every time slice. A switch only decides whether the
 * TSS's bitmap may be looked at: yes if it is still the process's own, otherwise no port is allowed. The first IN or
 * OUT then faults, its bitmap is copied, and the instruction runs again.
 *
 * A process's bitmap is made by its first ioperm and is the heap's. iopl(3) is the bitmap of all that the boot words
 * give away (port_grants.c): the processor's own IOPL stays 0, because with IOPL 3 a process could switch interrupts
 * off, and would have every port.
 *
 * Rejected: one TSS for each process (8 KiB more of each, and a TSS switch), and asking who a process is: all are the
 * super-user's here, and a program that was run to see what it does must not write memory by a device's DMA.
 */
#include "ports.h"

#include "arch/arch.h"
#include "memory.h"
#include "port_grants.h"
#include "print.h"

#define CLAIMS_MAX 32
#define LEVEL_ALL  3

static quire_io_claim_t claim_storage[CLAIMS_MAX];
static quire_io_claims_t claims = {.claims = claim_storage, .capacity = CLAIMS_MAX};

/* Whose bitmap the TSS holds, 0 if nobody's; and whether it is in force. */
static unsigned loaded_process;
static bool in_force;

void ports_claim(uint32_t first, uint32_t count, const char *owner)
{
    if (quire_io_claim(&claims, first, count, owner) != QUIRE_OK)
        quire_port_panic("ports: two drivers want the same ports");
}

void ports_read_grants(void)
{
    port_grants_read(&claims);
}

static void forget_loaded(const process_t *process)
{
    if (loaded_process != process->id)
        return;
    loaded_process = 0;
    in_force = false;
    arch_ports_deny();
}

static quire_io_bitmap_t *own_bitmap(process_t *process)
{
    if (process->ports == NULL) {
        process->ports = quire_heap_alloc(&kernel_heap, sizeof(*process->ports));
        if (process->ports != NULL)
            quire_io_deny_all(process->ports);
    }
    return process->ports;
}

quire_status_t ports_allow(process_t *process, uint32_t first, uint32_t count, bool allowed)
{
    if (count == 0 || first >= QUIRE_IO_PORTS || count > QUIRE_IO_PORTS - first)
        return QUIRE_INVALID;
    if (allowed && !port_grants_hold(first, count))
        return QUIRE_DENIED;
    /* Who has no bitmap is denied everything already. */
    if (!allowed && process->ports == NULL)
        return QUIRE_OK;
    if (own_bitmap(process) == NULL)
        return QUIRE_NO_MEMORY;
    forget_loaded(process);
    return quire_io_allow(process->ports, first, count, allowed);
}

quire_status_t ports_set_level(process_t *process, unsigned level)
{
    if (level > LEVEL_ALL)
        return QUIRE_INVALID;
    if (level > process->port_level && port_grants() == NULL)
        return QUIRE_DENIED;
    process->port_level = (uint8_t)level;
    forget_loaded(process);
    return QUIRE_OK;
}

void ports_switch(const process_t *process)
{
    bool wanted = loaded_process == process->id;

    if (wanted == in_force)
        return;
    in_force = wanted;
    if (wanted)
        arch_ports_resume();
    else
        arch_ports_deny();
}

bool ports_fault(const process_t *process)
{
    bool all = process->port_level == LEVEL_ALL;

    if (in_force || (process->ports == NULL && !all))
        return false;
    arch_ports_load(all ? port_grants() : process->ports);
    loaded_process = process->id;
    in_force = true;
    return true;
}

void ports_release(process_t *process)
{
    forget_loaded(process);
    quire_heap_free(&kernel_heap, process->ports);
    process->ports = NULL;
}

static bool is_allowed(const process_t *process, uint32_t port)
{
    return process->ports != NULL && quire_io_permits(process->ports, QUIRE_IO_BITMAP_BYTES, (uint16_t)port, 1);
}

static void show_allowed(const process_t *process)
{
    if (process->port_level == LEVEL_ALL) {
        print("  process %u (%s): all that the boot words give, by iopl\n", process->id, process->name);
        return;
    }
    for (uint32_t port = 0; port < QUIRE_IO_PORTS; port++) {
        uint32_t first = port;

        while (port < QUIRE_IO_PORTS && is_allowed(process, port))
            port++;
        if (port != first)
            print("  process %u (%s): 0x%04x-0x%04x\n", process->id, process->name, first, port - 1);
    }
}

void ports_show(void)
{
    for (size_t i = 0; i < claims.count; i++)
        print("  0x%04x-0x%04x  %s\n", claims.claims[i].first, claims.claims[i].first + claims.claims[i].count - 1,
              claims.claims[i].owner);
    for (unsigned place = 0; place < PROCESS_MAX; place++) {
        process_t *process = process_at(place);

        if (process != NULL && process->state != PROCESS_ENDED)
            show_allowed(process);
    }
}
