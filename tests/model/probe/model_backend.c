/* SPDX-License-Identifier: MIT */
/*
 * model_backend.c - the scenarios on the model. A program for the host: prints the same lines as the probe kernel.
 *
 *   probe-model [forget]      "forget": with a CPU that caches nothing
 */
#include "../model.h"
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

static model_t *machine;
static model_caching_t caching = MODEL_KEEP;

static void on_violation(void *context, const model_violation_t *violation)
{
    (void)context;
    fprintf(stderr, "probe-model: %s\n", violation->sentence);
    exit(1);
}

void backend_print(char c)
{
    putchar(c);
}

bool backend_has(unsigned needs)
{
    (void)needs;
    return true;
}

void backend_poke(uint32_t pa, uint64_t value, unsigned bytes)
{
    model_physical_write(machine, pa, &value, bytes); /* a little-endian host */
}

uint64_t backend_peek(uint32_t pa, unsigned bytes)
{
    uint64_t value = 0;

    model_physical_read(machine, pa, &value, bytes);
    return value;
}

static void must(model_fault_t fault)
{
    if (!fault.raised)
        return;
    fprintf(stderr, "probe-model: unexpected fault %u: %s\n", fault.vector, fault.why);
    exit(1);
}

static void create(void)
{
    static const model_range_t ram = {0, UINT64_C(64) << 20};
    model_config_t config = {.ram = &ram,
                             .ram_ranges = 1,
                             .cpus = 1,
                             .features = MODEL_HAS_EVERYTHING,
                             .physical_bits = 40,
                             .caching = caching,
                             .on_violation = on_violation};

    machine = model_create(&config);
    if (!machine)
        exit(1);
}

static model_paging_t paging_for(unsigned mode)
{
    if (mode & MODE_LEGACY)
        return mode == MODE_32 ? MODEL_PAGING_32 : MODEL_PAGING_PAE;
    return mode == MODE_4_LEVEL ? MODEL_PAGING_4_LEVEL : MODEL_PAGING_5_LEVEL;
}

void backend_reset(unsigned mode)
{
    uint64_t cr4 = MODEL_CR4_PSE | (mode == MODE_32 ? 0 : MODEL_CR4_PAE);

    if (mode == MODE_5_LEVEL)
        cr4 |= MODEL_CR4_LA57;
    model_set_cpl(machine, 0, 0);
    model_set_ac(machine, 0, false);
    model_set_pkru(machine, 0, 0);
    if (model_paging(machine, 0) == MODEL_PAGING_OFF)
        must(model_start(machine, 0, paging_for(mode), ROOT));
    must(model_mov_cr3(machine, 0, ROOT));
    must(model_mov_cr0(machine, 0, MODEL_CR0_PG | MODEL_CR0_WP | MODEL_CR0_PE));
    if (mode != MODE_32)
        must(model_wrmsr_efer(machine, 0, MODEL_EFER_NXE | (mode & MODE_LONG ? MODEL_EFER_LME : 0)));
    must(model_mov_cr4(machine, 0, cr4));
    must(model_mov_cr4(machine, 0, cr4 | MODEL_CR4_PGE));
    must(model_lgdt(machine, 0, TEST_GDT, GDT_LIMIT));
    must(model_lldt(machine, 0, 0));
}

/* An instruction on a register; TRY_ is the same, but its fault is the outcome. */
static model_fault_t control(const step_t *step, unsigned mode)
{
    model_registers_t now = model_registers(machine, 0);
    uint64_t va = test_va(mode) + step->offset;

    switch (step->operation) {
    case CR0:
    case TRY_CR0:
        return model_mov_cr0(machine, 0, (now.cr0 | step->value) & ~step->offset);
    case CR4:
    case TRY_CR4:
        return model_mov_cr4(machine, 0, (now.cr4 | step->value) & ~step->offset);
    case EFER:
    case TRY_EFER:
        return model_wrmsr_efer(machine, 0, (now.efer | step->value) & ~step->offset);
    case CR3:
    case TRY_CR3:
        return model_mov_cr3(machine, 0, ROOT | step->value);
    case TRY_PAT:
        return model_wrmsr_pat(machine, 0, step->value);
    case INVLPG:
    case TRY_INVLPG:
        return model_invlpg(machine, 0, va);
    case INVPCID:
        return model_invpcid(machine, 0, step->entry, step->value, va);
    default: /* PKRU; the other operations do not come here */
        model_set_pkru(machine, 0, (uint32_t)step->value);
        return (model_fault_t){.raised = false};
    }
}

void backend_control(const step_t *step, unsigned mode)
{
    must(control(step, mode));
}

static model_kind_t kind_of(const step_t *step)
{
    if (step->operation == EXECUTE)
        return MODEL_EXECUTE;
    return step->operation == WRITE || step->operation == FS_WRITE ? MODEL_WRITE : MODEL_READ;
}

static model_result_t access_by(const step_t *step, unsigned mode)
{
    uint64_t va = test_va(mode) + step->offset;
    model_segment_t segment = MODEL_DS;
    model_result_t result = {.pieces = 0};

    if (step->operation >= TRY_CR0) {
        result.fault = control(step, mode);
        return result;
    }
    if (step->operation == LOAD_LDT) {
        result.fault = model_lldt(machine, 0, (uint16_t)step->value);
        return result;
    }
    if (step->operation == SS_READ || step->operation == FS_READ || step->operation == FS_WRITE) {
        segment = step->operation == SS_READ ? MODEL_SS_REGISTER : MODEL_FS;
        if (mode & MODE_LEGACY) {
            va = step->offset;
            result.fault = model_load_segment(machine, 0, segment, (uint16_t)step->value);
            if (result.fault.raised)
                return result;
        }
    }
    if (step->operation == EXECUTE)
        segment = MODEL_CS;
    return model_access_segment(machine, 0, segment, va, step->bytes, kind_of(step), MODEL_AT_CPL);
}

static uint32_t move(const model_result_t *result, const step_t *step)
{
    uint32_t value = 0, ones = 0xEEEEEEEE, done = 0;

    for (unsigned i = 0; i < result->pieces; i++) {
        const model_piece_t *piece = &result->piece[i];
        if (kind_of(step) == MODEL_WRITE)
            model_physical_write(machine, piece->pa, (char *)&ones + done, piece->bytes);
        else
            model_physical_read(machine, piece->pa, (char *)&value + done, piece->bytes);
        done += piece->bytes;
    }
    return value;
}

outcome_t backend_access(const step_t *step, unsigned mode, bool ac)
{
    model_descriptor_t stack = model_get_segment(machine, 0, MODEL_SS_REGISTER);

    model_set_cpl(machine, 0, step->entry ? 3 : 0);
    model_set_ac(machine, 0, ac);
    model_result_t result = access_by(step, mode);
    model_set_cpl(machine, 0, 0);
    model_set_ac(machine, 0, false);
    model_set_segment(machine, 0, MODEL_SS_REGISTER, stack);
    if (result.fault.raised)
        return (outcome_t){
            .vector = result.fault.vector, .error_code = result.fault.error_code, .cr2 = result.fault.address};
    return (outcome_t){.vector = 0x80, .value = move(&result, step)};
}

int main(int count, char **arguments)
{
    static const unsigned modes[] = {MODE_32, MODE_PAE, MODE_4_LEVEL, MODE_5_LEVEL};

    if (count > 1 && arguments[1][0] == 'f')
        caching = MODEL_FORGET;
    for (unsigned i = 0; i < 4; i++) {
        create();
        run_scenarios(modes[i]);
        model_destroy(machine);
    }
    return 0;
}
