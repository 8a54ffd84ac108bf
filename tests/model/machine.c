/* SPDX-License-Identifier: MIT */
/*
 * machine.c - a machine: RAM, CPUs, and the reporting of violations.
 *
 * Problem: a violation must name what happened in words that let a reader find the missing line of code, whichever
 * test it happens in.
 * Idea: one function composes the sentence and hands it to the test's callback; a test that gave none is ended at once.
 * Invariant: a CPU's state changes only under its lock. The lock lives with the CPU, not with the machine, so that two
 * threads on two CPUs are not ordered by the model and a race detector still sees their races.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool config_is_sound(const model_config_t *config)
{
    unsigned bits = config->physical_bits;

    return config->cpus != 0 && (bits == 0 || (bits >= 32 && bits <= 52)) && config->ram_ranges != 0;
}

/* PAT's value at reset: SDM 11.12.4, table 11-12. */
#define PAT_AT_RESET UINT64_C(0x0007040600070406)

static bool cpu_init(cpu_t *cpu, model_t *machine, unsigned index)
{
    *cpu = (cpu_t){.machine = machine, .index = index, .random = index + 1, .last_invalidation = "none"};
    cpu->registers.cr0 = MODEL_CR0_PE | 0x10; /* ET is always 1 */
    cpu->registers.pat = PAT_AT_RESET;
    for (unsigned i = 0; i < MODEL_SEGMENTS; i++)
        cpu->segments[i] = machine_descriptor_flat((model_segment_t)i, false);
    return machine_cache_create(&cpu->cache) && pthread_mutex_init(&cpu->lock, NULL) == 0;
}

model_t *model_create(const model_config_t *config)
{
    if (!config_is_sound(config))
        return NULL;

    model_t *machine = calloc(1, sizeof *machine);
    if (!machine)
        return NULL;
    machine->config = *config;
    machine->config.ram = NULL; /* the caller's array may go away: ram.c has its own */
    if (machine->config.physical_bits == 0)
        machine->config.physical_bits = 46;
    machine->ram = machine_ram_create(config->ram, config->ram_ranges);
    machine->cpus = calloc(config->cpus, sizeof *machine->cpus);

    bool complete = machine->ram && machine->cpus;
    for (unsigned i = 0; complete && i < config->cpus; i++) {
        complete = cpu_init(&machine->cpus[i], machine, i);
        machine->cpu_count += complete;
    }
    if (!complete) {
        model_destroy(machine);
        return NULL;
    }
    return machine;
}

void model_destroy(model_t *machine)
{
    if (!machine)
        return;
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        machine_cache_destroy(&machine->cpus[i].cache);
        pthread_mutex_destroy(&machine->cpus[i].lock);
    }
    machine_ram_destroy(machine->ram);
    free(machine->cpus);
    free(machine);
}

void *model_physical(model_t *machine, uint64_t frame)
{
    return machine_ram_frame(machine->ram, frame);
}

bool model_is_ram(const model_t *machine, uint64_t pa, uint64_t bytes)
{
    return machine_ram_holds(machine->ram, pa, bytes);
}

uint64_t model_frames_touched(const model_t *machine)
{
    return machine_ram_touched(machine->ram);
}

static void report_hole(model_t *machine, uint64_t pa)
{
    machine_report(machine, (model_violation_t){.kind = MODEL_HOLE, .frame = pa >> PAGE_SHIFT},
                   "access to physical address %#llx, where there is no RAM", (unsigned long long)pa);
}

void model_physical_read(model_t *machine, uint64_t pa, void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        size_t offset = (size_t)((pa + done) % PAGE_BYTES);
        size_t part = bytes - done < PAGE_BYTES - offset ? bytes - done : (size_t)PAGE_BYTES - offset;
        unsigned char *frame = machine_ram_frame(machine->ram, (pa + done) >> PAGE_SHIFT);

        if (frame) {
            memcpy((char *)to + done, frame + offset, part);
        } else {
            report_hole(machine, pa + done);
            memset((char *)to + done, 0xFF, part);
        }
        done += part;
    }
}

void model_physical_write(model_t *machine, uint64_t pa, const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        size_t offset = (size_t)((pa + done) % PAGE_BYTES);
        size_t part = bytes - done < PAGE_BYTES - offset ? bytes - done : (size_t)PAGE_BYTES - offset;
        unsigned char *frame = machine_ram_frame(machine->ram, (pa + done) >> PAGE_SHIFT);

        if (frame)
            memcpy(frame + offset, (const char *)from + done, part);
        else
            report_hole(machine, pa + done);
        done += part;
    }
}

void machine_report(model_t *machine, model_violation_t violation, const char *format, ...)
{
    char sentence[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    violation.sentence = sentence;
    if (machine->config.on_violation) {
        machine->config.on_violation(machine->config.context, &violation);
        return;
    }
    fprintf(stderr, "model: %s\n", sentence);
    abort();
}

model_statistics_t model_statistics(model_t *machine, unsigned index)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_statistics_t statistics = cpu->statistics;

    statistics.cached = cpu->cache.page_count;
    statistics.cached_tables = cpu->cache.table_count;
    machine_cpu_unlock(cpu);
    return statistics;
}
