/* SPDX-License-Identifier: MIT */
/*
 * gate.c - kernel page-table isolation: whether, and the gate.
 *
 * Problem. Some processors let ring 3 read in speculation whatever is mapped for ring 0 (Meltdown; Intel's RDCL).
 * Idea. The library gives each process a second root, whose upper half is the gate's (quire_table_use_isolation);
 * entry.S goes from one to the other. It costs two loads of CR3 for each system call and fault, so it is done where it
 * helps: on Intel's processors, unless they say that they do not need it (IA32_ARCH_CAPABILITIES, RDCL_NO; SDM volume
 * 4). The words "kpti" and "nokpti" decide otherwise.
 *
 * Global pages stay off then (cpu.c): the TLB would keep the kernel's over the load of CR3, in reach of ring 3.
 */
#include "gate.h"

#include "../arch.h"

#include "../../boot.h"
#include "../../memory.h"
#include "../x86/cpu.h"

#define MSR_ARCH_CAPABILITIES 0x10A
#define RDCL_NO               1u
#define VENDOR_INTEL          0x756e6547 /* "Genu": EBX of leaf 0 */

static quire_table_t gate;
static const quire_table_t *running;

static bool is_vulnerable(void)
{
    cpu_id_t id = cpu_identify(0, 0);
    bool has_capabilities = id.a >= 7 && (cpu_identify(7, 0).d & (1u << 29));

    if (id.b != VENDOR_INTEL)
        return false;
    return !has_capabilities || !(cpu_read_msr(MSR_ARCH_CAPABILITIES) & RDCL_NO);
}

static void must(quire_status_t status)
{
    if (status != QUIRE_OK)
        quire_port_panic("gate: there is no room for its page tables");
}

static bool is_guard(quire_va_t va)
{
    quire_va_t guard;

    for (unsigned i = 0; arch_stack_guard(i, &guard) != NULL; i++) {
        if (va == guard)
            return true;
    }
    return false;
}

static void map(const char *start, const char *end, unsigned prot)
{
    quire_cursor_t cursor;

    must(quire_cursor_open(&cursor, &gate, (uintptr_t)start, (uintptr_t)end, QUIRE_CURSOR_POPULATE));
    for (uintptr_t va = (uintptr_t)start; va < (uintptr_t)end; va += QUIRE_PAGE_BYTES) {
        if (is_guard(va))
            continue;
        must(quire_cursor_map(&cursor, va, 1, quire_frame_of_pa(quire_pa(va - ARCH_IMAGE_OFFSET)), prot,
                              QUIRE_PAGE_FOREIGN));
    }
    quire_cursor_close(&cursor);
}

void gate_init(quire_table_t *kernel)
{
    if (boot_option("nokpti", NULL, 0) || (!boot_option("kpti", NULL, 0) && !is_vulnerable()))
        return;
    must(quire_table_create_kernel(&gate, &ARCH_FORMAT, &kernel_pmm, QUIRE_ZONE_BELOW_4G, ARCH_KERNEL_START));
    map(gate_text_start, gate_text_end, QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    map(gate_data_start, gate_data_end, QUIRE_PROT_READ | QUIRE_PROT_WRITE);
    quire_table_seal(&gate);
    must(quire_table_use_isolation(kernel, &gate));
    gate_isolated = true;
    cpu_features.pge = false;
}

void arch_set_user_table(const quire_table_t *table)
{
    running = table;
}

void gate_cross(void)
{
    quire_table_crossing_t crossing = quire_table_cross(running);

    gate_user_cr3 = crossing.user;
    gate_kernel_cr3 = crossing.kernel;
}

bool arch_is_isolated(void)
{
    return gate_isolated;
}
