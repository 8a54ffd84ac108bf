/* SPDX-License-Identifier: MIT */
/*
 * segment_load.c - loading segment registers, GDTR and LDTR.
 *
 * Problem: a load has its own checks, which differ by register, and it reads and marks a descriptor in memory, through
 * paging, as an implicit supervisor access.
 * Idea: find the descriptor, check it, mark it accessed, and only then change the register. The faults carry the
 * selector without its RPL as error code (SDM 6.13); paging faults pass through unchanged. Real mode takes the selector
 * for a base and checks nothing (SDM 20.1). Sources: SDM volume 2, MOV, JMP (far), LLDT; volume
 * 3, 3.4.2, 3.5.1, 5.6, 5.7, 5.8.1.
 */
#include "internal.h"

enum { SELECTOR_LDT = 4, SELECTOR_RPL = 3, TYPE_ACCESSED = 1, TYPE_CONFORMING = 4, TYPE_LDT = 2 };

static uint32_t selector_code(uint16_t selector)
{
    return selector & ~(uint32_t)SELECTOR_RPL;
}

static bool is_null(uint16_t selector)
{
    return (selector & ~SELECTOR_RPL) == 0;
}

/* Where the descriptor stands, `bytes` long; a fault if it is not inside its table. */
static model_fault_t locate(const cpu_t *cpu, uint16_t selector, uint32_t bytes, uint64_t *va)
{
    bool local = (selector & SELECTOR_LDT) != 0;
    uint64_t base = local ? cpu->ldtr.base : cpu->gdt_base;
    uint32_t limit = local ? cpu->ldtr.limit : cpu->gdt_limit;
    uint32_t offset = selector & 0xFFF8;

    if (local && !cpu->ldtr.usable)
        return machine_fault_of(MODEL_GP, selector_code(selector), "a selector into an LDT, and LDTR is null");
    if (offset + bytes - 1 > limit)
        return machine_fault_of(MODEL_GP, selector_code(selector), "a selector beyond the table's limit");
    *va = machine_long_mode_active(cpu) ? base + offset : (base + offset) & UINT32_MAX;
    return machine_no_fault();
}

static model_fault_t fetch(cpu_t *cpu, uint16_t selector, uint64_t *raw, uint64_t *va)
{
    request_t request = {.kind = MODEL_READ, .implicit = true};
    model_fault_t fault = locate(cpu, selector, sizeof *raw, va);

    return fault.raised ? fault : machine_copy_linear(cpu, *va, raw, sizeof *raw, request, NULL);
}

/* SDM volume 2, MOV: loading SS. */
static model_fault_t check_stack(const cpu_t *cpu, const model_descriptor_t *segment)
{
    uint32_t code = selector_code(segment->selector);
    unsigned rpl = segment->selector & SELECTOR_RPL, cpl = cpu->registers.cpl;

    if (rpl != cpl)
        return machine_fault_of(MODEL_GP, code, "SS: the selector's RPL is not the CPL");
    if (!segment->code_or_data || (segment->type & 0xA) != 2)
        return machine_fault_of(MODEL_GP, code, "SS: not a writable data segment");
    if (segment->dpl != cpl)
        return machine_fault_of(MODEL_GP, code, "SS: the segment's DPL is not the CPL");
    if (!segment->present)
        return machine_fault_of(MODEL_SS, code, "SS: segment not present");
    return machine_no_fault();
}

/* SDM volume 2, MOV: loading DS, ES, FS, GS. Conforming code is exempt from the privilege check. */
static model_fault_t check_data(const cpu_t *cpu, const model_descriptor_t *segment)
{
    uint32_t code = selector_code(segment->selector);
    unsigned rpl = segment->selector & SELECTOR_RPL;

    if (!segment->code_or_data || (segment->type & 0xA) == 8)
        return machine_fault_of(MODEL_GP, code, "not a data or readable code segment");
    if ((segment->type & 0xC) != 0xC && (rpl > segment->dpl || cpu->registers.cpl > segment->dpl))
        return machine_fault_of(MODEL_GP, code, "the segment's DPL is below the CPL or the selector's RPL");
    if (!segment->present)
        return machine_fault_of(MODEL_NP, code, "segment not present");
    return machine_no_fault();
}

/* SDM volume 2, JMP: a far jump to a code segment. */
static model_fault_t check_code(const cpu_t *cpu, const model_descriptor_t *segment)
{
    uint32_t code = selector_code(segment->selector);
    unsigned rpl = segment->selector & SELECTOR_RPL, cpl = cpu->registers.cpl;

    if (!segment->code_or_data || !(segment->type & 8))
        return machine_fault_of(MODEL_GP, code, "CS: not a code segment");
    if (machine_long_mode_active(cpu) && segment->long_mode && segment->big)
        return machine_fault_of(MODEL_GP, code, "CS: L and D are both set");
    if (segment->type & TYPE_CONFORMING ? segment->dpl > cpl : rpl > cpl || segment->dpl != cpl)
        return machine_fault_of(MODEL_GP, code, "CS: the segment's DPL does not fit the CPL");
    if (!segment->present)
        return machine_fault_of(MODEL_NP, code, "CS: segment not present");
    return machine_no_fault();
}

static model_fault_t check(const cpu_t *cpu, model_segment_t which, const model_descriptor_t *segment)
{
    if (which == MODEL_CS)
        return check_code(cpu, segment);
    return which == MODEL_SS_REGISTER ? check_stack(cpu, segment) : check_data(cpu, segment);
}

/* A null selector: allowed for data, never for CS, for SS only in 64-bit mode below CPL 3 (SDM 5.4.1). */
static model_fault_t load_null(cpu_t *cpu, model_segment_t which, uint16_t selector)
{
    bool stack_allows =
        machine_is_64_bit(cpu) && cpu->registers.cpl < 3 && (selector & SELECTOR_RPL) == cpu->registers.cpl;

    if (which == MODEL_CS || (which == MODEL_SS_REGISTER && !stack_allows))
        return machine_fault_of(MODEL_GP, 0, "a null selector for CS or SS");
    cpu->segments[which] = (model_descriptor_t){.selector = selector};
    return machine_no_fault();
}

static model_fault_t load(cpu_t *cpu, model_segment_t which, uint16_t selector)
{
    uint64_t raw, va;

    if (!(cpu->registers.cr0 & MODEL_CR0_PE)) {
        cpu->segments[which].selector = selector;
        cpu->segments[which].base = (uint64_t)selector << 4;
        cpu->segments[which].usable = true;
        return machine_no_fault();
    }
    if (is_null(selector))
        return load_null(cpu, which, selector);

    model_fault_t fault = fetch(cpu, selector, &raw, &va);
    if (fault.raised)
        return fault;
    model_descriptor_t segment = machine_descriptor_decode(raw, selector);
    fault = check(cpu, which, &segment);
    if (!fault.raised && !(segment.type & TYPE_ACCESSED)) {
        uint8_t type = (uint8_t)(raw >> 40 | TYPE_ACCESSED);
        request_t request = {.kind = MODEL_WRITE, .implicit = true};
        fault = machine_copy_linear(cpu, va + 5, &type, 1, request, NULL);
        segment.type |= TYPE_ACCESSED;
    }
    if (which == MODEL_CS) /* the CPL stays: SDM 5.8.1 */
        segment.selector = (uint16_t)(selector_code(selector) | cpu->registers.cpl);
    if (!fault.raised)
        cpu->segments[which] = segment;
    return fault;
}

model_fault_t model_load_segment(model_t *machine, unsigned index, model_segment_t segment, uint16_t selector)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = load(cpu, segment, selector);

    machine_cpu_unlock(cpu);
    return fault;
}

model_fault_t model_lgdt(model_t *machine, unsigned index, uint64_t base, uint16_t limit)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = machine_no_fault();

    if (cpu->registers.cpl != 0) {
        fault = machine_fault_of(MODEL_GP, 0, "LGDT above CPL 0");
    } else if (machine_is_64_bit(cpu) && !machine_is_canonical(cpu, base)) {
        fault = machine_fault_of(MODEL_GP, 0, "LGDT with a base that is not canonical");
    } else {
        cpu->gdt_base = machine_is_64_bit(cpu) ? base : base & UINT32_MAX;
        cpu->gdt_limit = limit;
    }
    machine_cpu_unlock(cpu);
    return fault;
}

/* A system descriptor has 16 bytes in long mode, the upper half of the base in the second eight: SDM 3.5.2, 7.2.3
 * figure 7-4 for LDT and TSS. */
static model_fault_t load_ldt(cpu_t *cpu, uint16_t selector)
{
    request_t request = {.kind = MODEL_READ, .implicit = true};
    uint64_t raw[2] = {0, 0}, va = 0;
    uint32_t bytes = machine_long_mode_active(cpu) ? 16 : 8, code = selector_code(selector);

    if (cpu->registers.cpl != 0)
        return machine_fault_of(MODEL_GP, 0, "LLDT above CPL 0");
    if (is_null(selector)) {
        cpu->ldtr = (model_descriptor_t){.selector = selector};
        return machine_no_fault();
    }
    if (selector & SELECTOR_LDT)
        return machine_fault_of(MODEL_GP, code, "LLDT with a selector into an LDT");

    model_fault_t fault = locate(cpu, selector, bytes, &va);
    if (!fault.raised)
        fault = machine_copy_linear(cpu, va, raw, bytes, request, NULL);
    if (fault.raised)
        return fault;
    model_descriptor_t ldt = machine_descriptor_decode(raw[0], selector);
    ldt.base |= raw[1] << 32;
    if (ldt.code_or_data || ldt.type != TYPE_LDT)
        return machine_fault_of(MODEL_GP, code, "LLDT: not an LDT descriptor");
    if (!ldt.present)
        return machine_fault_of(MODEL_NP, code, "LLDT: LDT not present");
    cpu->ldtr = ldt;
    return machine_no_fault();
}

model_fault_t model_lldt(model_t *machine, unsigned index, uint16_t selector)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = load_ldt(cpu, selector);

    machine_cpu_unlock(cpu);
    return fault;
}
