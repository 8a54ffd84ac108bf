/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - the state of one CPU, and what follows from it.
 *
 * Problem: nearly every rule of paging depends on a combination of control bits.
 * Idea: the combinations are asked by name (paging_of, is_64_bit, current_pcid), never by bit, outside this file and
 * control.c.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>

cpu_t *machine_cpu_lock(model_t *machine, unsigned index)
{
    if (index >= machine->cpu_count) {
        fprintf(stderr, "model: there is no CPU %u\n", index);
        abort();
    }
    pthread_mutex_lock(&machine->cpus[index].lock);
    return &machine->cpus[index];
}

void machine_cpu_unlock(cpu_t *cpu)
{
    pthread_mutex_unlock(&cpu->lock);
}

bool machine_has(const cpu_t *cpu, unsigned feature)
{
    return (cpu->machine->config.features & feature) == feature;
}

uint64_t machine_physical_mask(const cpu_t *cpu)
{
    return (UINT64_C(1) << cpu->machine->config.physical_bits) - 1;
}

bool machine_long_mode_active(const cpu_t *cpu)
{
    return (cpu->registers.efer & MODEL_EFER_LMA) != 0;
}

/* SDM 4.1.1, figure 4-1. */
model_paging_t machine_paging_of(const cpu_t *cpu)
{
    if (!(cpu->registers.cr0 & MODEL_CR0_PG))
        return MODEL_PAGING_OFF;
    if (!(cpu->registers.cr4 & MODEL_CR4_PAE))
        return MODEL_PAGING_32;
    if (!machine_long_mode_active(cpu))
        return MODEL_PAGING_PAE;
    return cpu->registers.cr4 & MODEL_CR4_LA57 ? MODEL_PAGING_5_LEVEL : MODEL_PAGING_4_LEVEL;
}

bool machine_is_64_bit(const cpu_t *cpu)
{
    return machine_long_mode_active(cpu) && cpu->segments[MODEL_CS].long_mode;
}

bool machine_is_canonical(const cpu_t *cpu, uint64_t va)
{
    unsigned unused = cpu->registers.cr4 & MODEL_CR4_LA57 ? 64 - 57 : 64 - 48;

    return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

uint16_t machine_current_pcid(const cpu_t *cpu)
{
    return cpu->registers.cr4 & MODEL_CR4_PCIDE ? (uint16_t)(cpu->registers.cr3 & 0xFFF) : 0;
}

model_fault_t machine_no_fault(void)
{
    return (model_fault_t){.raised = false};
}

model_fault_t machine_fault_of(uint8_t vector, uint32_t error_code, const char *why)
{
    return (model_fault_t){.raised = true, .vector = vector, .error_code = error_code, .why = why};
}

model_paging_t model_paging(model_t *machine, unsigned index)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_paging_t paging = machine_paging_of(cpu);

    machine_cpu_unlock(cpu);
    return paging;
}

model_registers_t model_registers(model_t *machine, unsigned index)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_registers_t registers = cpu->registers;

    machine_cpu_unlock(cpu);
    return registers;
}

void model_set_cpl(model_t *machine, unsigned index, unsigned cpl)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);

    cpu->registers.cpl = cpl & 3;
    machine_cpu_unlock(cpu);
}

void model_set_ac(model_t *machine, unsigned index, bool ac)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);

    cpu->registers.ac = ac;
    machine_cpu_unlock(cpu);
}

void model_set_pkru(model_t *machine, unsigned index, uint32_t pkru)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);

    cpu->registers.pkru = pkru;
    machine_cpu_unlock(cpu);
}

static uint64_t start_cr4(const cpu_t *cpu, model_paging_t paging)
{
    uint64_t cr4 = 0;

    if (machine_has(cpu, MODEL_HAS_PSE))
        cr4 |= MODEL_CR4_PSE;
    if (machine_has(cpu, MODEL_HAS_PGE))
        cr4 |= MODEL_CR4_PGE;
    if (paging >= MODEL_PAGING_PAE)
        cr4 |= MODEL_CR4_PAE;
    if (paging == MODEL_PAGING_5_LEVEL)
        cr4 |= MODEL_CR4_LA57;
    return cr4;
}

static uint64_t start_efer(const cpu_t *cpu, model_paging_t paging)
{
    uint64_t efer = 0;

    if (paging >= MODEL_PAGING_4_LEVEL)
        efer |= MODEL_EFER_LME;
    if (paging >= MODEL_PAGING_PAE && machine_has(cpu, MODEL_HAS_NX))
        efer |= MODEL_EFER_NXE;
    return efer;
}

/* The instructions of SDM 9.8.5, in their order. Paging must be off. */
model_fault_t model_start(model_t *machine, unsigned index, model_paging_t paging, uint64_t cr3)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    uint64_t cr4 = start_cr4(cpu, paging), efer = start_efer(cpu, paging);

    machine_cpu_unlock(cpu);

    model_fault_t fault = model_mov_cr4(machine, index, cr4);
    if (!fault.raised)
        fault = model_mov_cr3(machine, index, cr3);
    if (!fault.raised && efer != 0)
        fault = model_wrmsr_efer(machine, index, efer);
    if (!fault.raised && paging != MODEL_PAGING_OFF)
        fault = model_mov_cr0(machine, index, MODEL_CR0_PG | MODEL_CR0_WP | MODEL_CR0_PE);
    if (!fault.raised && paging >= MODEL_PAGING_4_LEVEL)
        model_set_segment(machine, index, MODEL_CS, machine_descriptor_flat(MODEL_CS, true));
    return fault;
}
