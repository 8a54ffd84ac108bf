/* SPDX-License-Identifier: MIT */
/*
 * segment.c - from segment and offset to a linear address, with the checks of every access.
 *
 * Problem: outside 64-bit mode each access is checked against type and limit; inside, against little more than
 * canonical form.
 * Idea: the checks in the manual's order: is the register usable, does the type allow the kind, does the limit hold all
 * bytes. A fault through SS is #SS, through any other register #GP, both with error code 0.
 * Sources: SDM 5.3 (limits, expand-down), 5.3.1 (64-bit mode), 5.4.1 (null selectors), 5.5 (types), 3.4.4 (FS and GS in
 * 64-bit mode), 6.15 (#SS, #GP).
 */
#include "internal.h"

enum { TYPE_WRITABLE = 2, TYPE_READABLE = 2, TYPE_EXPAND_DOWN = 4, TYPE_CODE = 8 };

static const char *type_refusal(const model_descriptor_t *segment, model_kind_t kind)
{
    bool code = (segment->type & TYPE_CODE) != 0;

    switch (kind) {
    case MODEL_READ:
        return code && !(segment->type & TYPE_READABLE) ? "read from an execute-only segment" : NULL;
    case MODEL_WRITE:
        if (code)
            return "write to a code segment";
        return segment->type & TYPE_WRITABLE ? NULL : "write to a read-only segment";
    case MODEL_EXECUTE:
        return code ? NULL : "fetch from a data segment";
    }
    return NULL;
}

/* Whether all bytes lie inside. Nothing wraps: past 4 GiB, through a limit of FFFFFFFFH, the manual leaves it open
 * whether the access faults (SDM 5.3); here it does. */
static bool inside_limit(const model_descriptor_t *segment, uint64_t offset, uint32_t bytes)
{
    uint64_t last = offset + bytes - 1;

    if (!(segment->type & TYPE_CODE) && (segment->type & TYPE_EXPAND_DOWN))
        return offset > segment->limit && last <= (segment->big ? UINT32_MAX : 0xFFFF);
    return last <= segment->limit;
}

static uint64_t base_in_64_bit(const cpu_t *cpu, model_segment_t segment)
{
    return segment == MODEL_FS || segment == MODEL_GS ? cpu->segments[segment].base : 0;
}

static model_result_t access_segment(cpu_t *cpu, model_segment_t which, uint64_t offset, uint32_t bytes,
                                     request_t request)
{
    const model_descriptor_t *segment = &cpu->segments[which];
    uint8_t vector = which == MODEL_SS_REGISTER ? MODEL_SS : MODEL_GP;
    model_result_t result = {.pieces = 0};
    const char *refusal = NULL;

    if (machine_is_64_bit(cpu))
        return machine_access_linear(cpu, base_in_64_bit(cpu, which) + offset, bytes, request, vector);
    if (!segment->usable)
        refusal = "access through a null selector";
    if (!refusal && (cpu->registers.cr0 & MODEL_CR0_PE))
        refusal = type_refusal(segment, request.kind);
    if (refusal) {
        result.fault = machine_fault_of(MODEL_GP, 0, refusal);
        return result;
    }
    if (!inside_limit(segment, offset, bytes)) {
        result.fault = machine_fault_of(vector, 0, "beyond the segment's limit");
        return result;
    }
    return machine_access_linear(cpu, (segment->base + offset) & UINT32_MAX, bytes, request, vector);
}

model_result_t model_access_segment(model_t *machine, unsigned index, model_segment_t segment, uint64_t offset,
                                    uint32_t bytes, model_kind_t kind, model_mode_t mode)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_result_t result = access_segment(cpu, segment, offset, bytes, machine_request_of(cpu, kind, mode));

    machine_cpu_unlock(cpu);
    return result;
}

model_descriptor_t model_get_segment(model_t *machine, unsigned index, model_segment_t segment)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_descriptor_t descriptor = cpu->segments[segment];

    machine_cpu_unlock(cpu);
    return descriptor;
}

void model_set_segment(model_t *machine, unsigned index, model_segment_t segment, model_descriptor_t descriptor)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);

    cpu->segments[segment] = descriptor;
    machine_cpu_unlock(cpu);
}
