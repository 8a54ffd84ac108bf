/* SPDX-License-Identifier: MIT */
/*
 * control.c - MOV to CR0, CR3, CR4; WRMSR to EFER and PAT.
 *
 * Problem: each write is checked against the others' values, takes effect at once, and invalidates just so much.
 * Idea: one function a register: refuse, store, reload the PDPTE registers, flush, in this order. Everything that is
 * not listed in SDM 4.10.4.1 or 11.9 as invalidating does not invalidate: CR0.WP, EFER.NXE, the PAT and CR4.SMAP do
 * not. Sources: SDM volume 2, MOV to control registers; volume 3, 2.5, 4.1.2, 4.4.1, 4.10.1, 9.8.5.
 */
#include "internal.h"

/* SDM 4.4.1: bits 2:1, 8:5 and those from MAXPHYADDR up are reserved in a present PDPTE. */
static uint64_t pdpte_reserved(const cpu_t *cpu)
{
    return UINT64_C(0x1E6) | ~machine_physical_mask(cpu);
}

/* SDM 4.4.1. On a fault the registers are as they were. */
model_fault_t machine_load_pdptes(cpu_t *cpu, uint64_t cr3)
{
    uint64_t pdpte[4];

    model_physical_read(cpu->machine, cr3 & UINT32_C(0xFFFFFFE0), pdpte, sizeof pdpte);
    for (unsigned i = 0; i < 4; i++) {
        if ((pdpte[i] & MODEL_ENTRY_P) && (pdpte[i] & pdpte_reserved(cpu)))
            return machine_fault_of(MODEL_GP, 0, "a PDPTE has a reserved bit set");
    }
    for (unsigned i = 0; i < 4; i++)
        cpu->registers.pdpte[i] = pdpte[i];
    return machine_no_fault();
}

static const char *cr0_refusal(const cpu_t *cpu, uint64_t value)
{
    const model_registers_t *now = &cpu->registers;
    bool turns_on = (value & ~now->cr0 & MODEL_CR0_PG) != 0, turns_off = (~value & now->cr0 & MODEL_CR0_PG) != 0;

    if (now->cpl != 0)
        return "MOV to CR0 above CPL 0";
    if (value >> 32 != 0)
        return "a reserved bit of CR0";
    if ((value & MODEL_CR0_PG) && !(value & MODEL_CR0_PE))
        return "CR0.PG without CR0.PE";
    if ((value & MODEL_CR0_NW) && !(value & MODEL_CR0_CD))
        return "CR0.NW without CR0.CD";
    if (turns_on && (now->efer & MODEL_EFER_LME) && !(now->cr4 & MODEL_CR4_PAE))
        return "long mode needs CR4.PAE";
    if (turns_on && (now->efer & MODEL_EFER_LME) && cpu->segments[MODEL_CS].long_mode)
        return "CS.L is set while long mode is being entered";
    if (turns_off && machine_is_64_bit(cpu))
        return "CR0.PG cleared in 64-bit mode";
    if (turns_off && (now->cr4 & MODEL_CR4_PCIDE))
        return "CR0.PG cleared while CR4.PCIDE is set";
    return NULL;
}

static model_fault_t set_cr0(cpu_t *cpu, uint64_t value)
{
    model_registers_t *now = &cpu->registers;
    const char *refusal = cr0_refusal(cpu, value);
    if (refusal)
        return machine_fault_of(MODEL_GP, 0, refusal);

    uint64_t changed = now->cr0 ^ value;
    bool long_mode = (now->efer & MODEL_EFER_LME) != 0;
    uint64_t reloading = MODEL_CR0_PG | MODEL_CR0_CD | MODEL_CR0_NW;
    if ((value & MODEL_CR0_PG) && (now->cr4 & MODEL_CR4_PAE) && !long_mode && (changed & reloading)) {
        model_fault_t fault = machine_load_pdptes(cpu, now->cr3);
        if (fault.raised)
            return fault;
    }
    now->cr0 = value | 0x10;
    if (changed & MODEL_CR0_PG) {
        now->efer &= ~(uint64_t)MODEL_EFER_LMA;
        if ((value & MODEL_CR0_PG) && long_mode)
            now->efer |= MODEL_EFER_LMA;
    }
    if ((changed & MODEL_CR0_PG) || (changed & MODEL_CR0_PE))
        machine_flush_everything(cpu, "MOV CR0");
    return machine_no_fault();
}

model_fault_t model_mov_cr0(model_t *machine, unsigned index, uint64_t value)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = set_cr0(cpu, value);

    machine_cpu_unlock(cpu);
    return fault;
}

static model_fault_t set_cr3(cpu_t *cpu, uint64_t value)
{
    model_registers_t *now = &cpu->registers;
    bool pcids = (now->cr4 & MODEL_CR4_PCIDE) != 0;
    bool no_flush = pcids && (value & MODEL_CR3_NO_FLUSH);

    if (now->cpl != 0)
        return machine_fault_of(MODEL_GP, 0, "MOV to CR3 above CPL 0");
    if (pcids)
        value &= ~MODEL_CR3_NO_FLUSH;
    if (!machine_is_64_bit(cpu))
        value &= UINT32_MAX; /* the operand is a 32-bit register */
    else if (value & ~machine_physical_mask(cpu))
        return machine_fault_of(MODEL_GP, 0, "a reserved bit of CR3");
    if (machine_paging_of(cpu) == MODEL_PAGING_PAE) {
        model_fault_t fault = machine_load_pdptes(cpu, value);
        if (fault.raised)
            return fault;
    }
    now->cr3 = value;
    if (no_flush)
        machine_report_dead(cpu);
    else
        machine_flush_pcid(cpu, machine_current_pcid(cpu), "MOV CR3");
    return machine_no_fault();
}

model_fault_t model_mov_cr3(model_t *machine, unsigned index, uint64_t value)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = set_cr3(cpu, value);

    machine_cpu_unlock(cpu);
    return fault;
}

static uint64_t supported_cr4(const cpu_t *cpu)
{
    static const struct {
        uint32_t feature, bit;
    } bits[] = {
        {MODEL_HAS_PSE, MODEL_CR4_PSE},   {MODEL_HAS_PAE, MODEL_CR4_PAE},   {MODEL_HAS_PGE, MODEL_CR4_PGE},
        {MODEL_HAS_UMIP, MODEL_CR4_UMIP}, {MODEL_HAS_LA57, MODEL_CR4_LA57}, {MODEL_HAS_PCID, MODEL_CR4_PCIDE},
        {MODEL_HAS_SMEP, MODEL_CR4_SMEP}, {MODEL_HAS_SMAP, MODEL_CR4_SMAP}, {MODEL_HAS_PKU, MODEL_CR4_PKE},
    };
    uint64_t supported = UINT64_C(0x74F); /* VME PVI TSD DE, MCE, PCE OSFXSR OSXMMEXCPT: no part in memory */

    for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++) {
        if (machine_has(cpu, bits[i].feature))
            supported |= bits[i].bit;
    }
    return supported;
}

static const char *cr4_refusal(const cpu_t *cpu, uint64_t value)
{
    const model_registers_t *now = &cpu->registers;
    uint64_t set = value & ~now->cr4, changed = value ^ now->cr4;

    if (now->cpl != 0)
        return "MOV to CR4 above CPL 0";
    if (value & ~supported_cr4(cpu))
        return "a bit of CR4 that CPUID does not offer";
    if (machine_long_mode_active(cpu) && !(value & MODEL_CR4_PAE))
        return "CR4.PAE cleared in long mode";
    if (machine_long_mode_active(cpu) && (changed & MODEL_CR4_LA57))
        return "CR4.LA57 changed in long mode";
    if ((set & MODEL_CR4_PCIDE) && (!machine_long_mode_active(cpu) || (now->cr3 & 0xFFF) != 0))
        return "CR4.PCIDE set outside long mode, or while CR3 bits 11:0 are not 0";
    return NULL;
}

static model_fault_t set_cr4(cpu_t *cpu, uint64_t value)
{
    model_registers_t *now = &cpu->registers;
    const char *refusal = cr4_refusal(cpu, value);
    if (refusal)
        return machine_fault_of(MODEL_GP, 0, refusal);

    uint64_t changed = now->cr4 ^ value;
    uint64_t reloading = MODEL_CR4_PAE | MODEL_CR4_PGE | MODEL_CR4_PSE | MODEL_CR4_SMEP;
    if ((now->cr0 & MODEL_CR0_PG) && (value & MODEL_CR4_PAE) && !machine_long_mode_active(cpu) &&
        (changed & reloading)) {
        model_fault_t fault = machine_load_pdptes(cpu, now->cr3);
        if (fault.raised)
            return fault;
    }
    if ((changed & (MODEL_CR4_PGE | MODEL_CR4_PSE)) || (changed & ~value & MODEL_CR4_PCIDE))
        machine_flush_everything(cpu, "MOV CR4");
    else if ((changed & MODEL_CR4_PAE) || (changed & value & MODEL_CR4_SMEP))
        machine_flush_current_with_globals(cpu, "MOV CR4");
    now->cr4 = value;
    return machine_no_fault();
}

model_fault_t model_mov_cr4(model_t *machine, unsigned index, uint64_t value)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = set_cr4(cpu, value);

    machine_cpu_unlock(cpu);
    return fault;
}

static model_fault_t set_efer(cpu_t *cpu, uint64_t value)
{
    model_registers_t *now = &cpu->registers;
    uint64_t supported = MODEL_EFER_LMA;

    if (machine_has(cpu, MODEL_HAS_LONG_MODE))
        supported |= MODEL_EFER_SCE | MODEL_EFER_LME;
    if (machine_has(cpu, MODEL_HAS_NX))
        supported |= MODEL_EFER_NXE;
    if (now->cpl != 0)
        return machine_fault_of(MODEL_GP, 0, "WRMSR above CPL 0");
    if (value & ~supported)
        return machine_fault_of(MODEL_GP, 0, "a bit of EFER that CPUID does not offer");
    if (((value ^ now->efer) & MODEL_EFER_LME) && (now->cr0 & MODEL_CR0_PG))
        return machine_fault_of(MODEL_GP, 0, "EFER.LME changed while paging is on");
    now->efer = (value & ~(uint64_t)MODEL_EFER_LMA) | (now->efer & MODEL_EFER_LMA);
    return machine_no_fault();
}

model_fault_t model_wrmsr_efer(model_t *machine, unsigned index, uint64_t value)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = set_efer(cpu, value);

    machine_cpu_unlock(cpu);
    return fault;
}

/* SDM 11.12.2: each byte is a memory type, 2 and 3 and all above 7 are reserved. */
static bool pat_is_valid(uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        uint8_t type = (uint8_t)(value >> (8 * i));
        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

model_fault_t model_wrmsr_pat(model_t *machine, unsigned index, uint64_t value)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = machine_no_fault();

    if (cpu->registers.cpl != 0)
        fault = machine_fault_of(MODEL_GP, 0, "WRMSR above CPL 0");
    else if (!machine_has(cpu, MODEL_HAS_PAT) || !pat_is_valid(value))
        fault = machine_fault_of(MODEL_GP, 0, "a reserved memory type in the PAT");
    else
        cpu->registers.pat = value;
    machine_cpu_unlock(cpu);
    return fault;
}
