/* SPDX-License-Identifier: MIT */
/*
 * host_model.c - the host home whose machine is the model: it takes the place of host_machine.c.
 *
 * Problem. A missing or late flush is a bug that no ordinary test sees: the simulated machine of host_machine.c has no
 * TLB.
 *
 * Idea. The library runs on the model of tests/model, which keeps every translation that the manuals allow a processor
 * to keep. The home reads the library's events: each frame that is freed is made known to the model before anything
 * that could excuse it (a flush, another event, the end of the call), so that a frame freed too early is reported at
 * that very moment. The freed frame is then spoiled, so that a use of it shows. Frames handed out twice, or
 * freed twice, are found by a record that is not the PMM's.
 *
 * A report names what should have been done: the model's sentence has the CPU, the address and the instruction that was
 * missing; the home adds the event that changed the entry, and the operation this was part of.
 *
 * A CPU answers a shootdown as a careful kernel does: only for the space that it has loaded, or for the kernel's half.
 * A flush more than asked for would hide a flush forgotten elsewhere.
 */
#include "host_model.h"

#include <stdio.h>
#include <string.h>

#include "cpu/cpu.h"
#include "host_machine.h"
#include "host_model_inside.h"

#define RING_RECORDS  16384
#define SENTENCE_SIZE 400
#define SPOILT        0xa5
#define PAT           UINT64_C(0x0007050100070406) /* the upper half: WC, WP, UC-, UC; the lower as at reset */

static struct {
    model_t *model;
    host_model_config_t config;
    quire_pmm_t pmm;
    quire_memory_map_t map;
    quire_memory_region_t regions[8];
    uint8_t *allocated; /* one a frame of RAM */
    uint64_t events_read;
    uint32_t loaded[HOST_MODEL_CPUS];
    unsigned running;
    bool booted;
    char violation[SENTENCE_SIZE];
    uint64_t violation_va;
    uint64_t flushes;
    uint64_t shootdowns;
    quire_shootdown_t last_shootdown;
    quire_pa_t loaded_root;
    uint64_t ticks;
} machine;

static quire_event_t ring[RING_RECORDS];

/* --- what went wrong, in words --- */

static void on_violation(void *context, const model_violation_t *violation)
{
    (void)context;
    if (machine.violation[0] != '\0')
        return;
    /* Until it has answered a CPU may use what it holds; that the frame is not freed before is another matter. */
    if (violation->kind == MODEL_STALE_USE && host_model_in_step())
        return;
    snprintf(machine.violation, sizeof(machine.violation), "%s", violation->sentence);
    machine.violation_va = violation->va;
}

static void judge(void)
{
    char sentence[SENTENCE_SIZE];

    if (machine.violation[0] == '\0')
        return;
    host_model_print_culprit(machine.config.format, machine.violation_va);
    memcpy(sentence, machine.violation, sizeof(sentence));
    machine.violation[0] = '\0';
    host_broken(sentence);
}

/* --- frames --- */

static void check_frames(const quire_event_t *event, uint8_t before, const char *sentence)
{
    for (uint64_t i = 0; i < event->bytes / QUIRE_PAGE_BYTES; i++) {
        uint64_t index = event->frame - machine.config.first.number + i;

        if (index >= machine.config.frames || machine.allocated[index] != before)
            host_broken(sentence);
        machine.allocated[index] = (uint8_t)!before;
    }
}

static void frames_freed(const quire_event_t *event)
{
    check_frames(event, 1, "a frame was freed that was not allocated");
    for (uint64_t i = 0; i < event->bytes / QUIRE_PAGE_BYTES; i++) {
        (void)model_frame_freed(machine.model, event->frame + i);
        memset(model_physical(machine.model, event->frame + i), SPOILT, QUIRE_PAGE_BYTES);
    }
    judge();
}

/* The library has come to a point where what it did before is done. */
void host_model_hear_events(void)
{
    quire_event_t event;

    while (machine.allocated != NULL && quire_event_read(&machine.events_read, &event)) {
        if (event.kind == QUIRE_EVENT_FRAME_FREE)
            frames_freed(&event);
        else if (event.kind == QUIRE_EVENT_FRAME_ALLOC)
            check_frames(&event, 0, "a frame was handed out twice");
        else if (event.kind == QUIRE_EVENT_LOAD_ROOT)
            machine.loaded[event.cpu] = event.space;
    }
}

/* --- the machine --- */

static model_paging_t paging_of(const quire_format_t *format)
{
    static const model_paging_t by_levels[] = {MODEL_PAGING_OFF, MODEL_PAGING_OFF,     MODEL_PAGING_32,
                                               MODEL_PAGING_PAE, MODEL_PAGING_4_LEVEL, MODEL_PAGING_5_LEVEL};

    return by_levels[quire_format_levels(format)];
}

void host_model_start(const host_model_config_t *config)
{
    const model_range_t device = {(uint64_t)HOST_MODEL_DEVICE * QUIRE_PAGE_BYTES, (uint64_t)2 << 30};
    const model_range_t own = {quire_pa_of_frame(config->first).value, (uint64_t)config->frames * QUIRE_PAGE_BYTES};
    const model_range_t ram[] = {device, own};
    const model_config_t wanted = {.ram = ram,
                                   .ram_ranges = 2,
                                   .cpus = config->cpus,
                                   .features = MODEL_HAS_EVERYTHING,
                                   .caching = config->caching,
                                   .large_page_fragments = config->large_page_fragments,
                                   .check_live = config->check_live,
                                   .freed_by_load = config->tags,
                                   .check_use = true,
                                   .on_violation = on_violation};

    model_destroy(machine.model);
    machine.model = model_create(&wanted);
    if (machine.model == NULL)
        host_broken("no machine like this");
    machine.config = *config;
    machine.running = 0;
    machine.config.tags = config->tags && sizeof(uintptr_t) == 8 && quire_format_levels(config->format) >= 4;
    machine.booted = false;
    machine.violation[0] = '\0';
    machine.allocated = test_memory(config->frames);
    CHECK_OK(quire_event_start(ring, RING_RECORDS));
    machine.events_read = quire_event_count();
}

quire_pmm_t *host_model_pmm(void)
{
    const quire_pa_t no_limit = {UINT64_MAX};
    size_t bytes;

    memset(&machine.pmm, 0, sizeof(machine.pmm));
    quire_memory_map_init(&machine.map, machine.regions, sizeof(machine.regions) / sizeof(machine.regions[0]));
    CHECK_OK(quire_memory_map_add(&machine.map, quire_pa_of_frame(machine.config.first),
                                  (uint64_t)machine.config.frames * QUIRE_PAGE_BYTES, QUIRE_MEMORY_USABLE));
    bytes = quire_pmm_metadata_bytes(&machine.map, no_limit);
    CHECK_OK(quire_pmm_init(&machine.pmm, &machine.map, no_limit, test_memory(bytes), bytes));
    return &machine.pmm;
}

void host_model_boot(quire_pa_t root)
{
    host_model_hear_events();
    for (unsigned cpu = 0; cpu < machine.config.cpus; cpu++) {
        /* A root above 4 GiB can be named only once the CPU is in 64-bit mode (SDM 4.1.2.2, 9.8.5). */
        if (model_start(machine.model, cpu, paging_of(machine.config.format), root.value).raised ||
            model_mov_cr3(machine.model, cpu, root.value).raised || model_wrmsr_pat(machine.model, cpu, PAT).raised)
            host_broken("a CPU cannot be started with this root");
        if (quire_format_keys(machine.config.format) > 1 &&
            model_mov_cr4(machine.model, cpu, model_registers(machine.model, cpu).cr4 | MODEL_CR4_PKE).raised)
            host_broken("a CPU has no protection keys");
        if (machine.config.tags)
            (void)model_mov_cr4(machine.model, cpu, model_registers(machine.model, cpu).cr4 | MODEL_CR4_PCIDE);
        machine.loaded[cpu] = 0;
    }
    machine.booted = true;
    judge();
}

void host_model_set_pkru(unsigned cpu, uint32_t pkru)
{
    model_set_pkru(machine.model, cpu, pkru);
}

uint32_t host_model_loaded(unsigned cpu)
{
    host_model_hear_events();
    return machine.loaded[cpu];
}

void host_model_mov_cr3(unsigned cpu, uint64_t value)
{
    host_model_hear_events();
    if (model_mov_cr3(machine.model, cpu, value).raised)
        host_broken("a CPU refuses this value for CR3");
    judge();
}

model_statistics_t host_model_statistics(unsigned cpu)
{
    return model_statistics(machine.model, cpu);
}

model_fault_t host_model_read(unsigned cpu, quire_va_t va, void *to, size_t bytes, model_mode_t mode, size_t *done)
{
    host_model_hear_events();
    model_fault_t fault = model_read(machine.model, cpu, va, to, bytes, mode, done);
    judge();
    return fault;
}

model_fault_t host_model_write(unsigned cpu, quire_va_t va, const void *from, size_t bytes, model_mode_t mode,
                               size_t *done)
{
    host_model_hear_events();
    model_fault_t fault = model_write(machine.model, cpu, va, from, bytes, mode, done);
    judge();
    return fault;
}

model_result_t host_model_access(unsigned cpu, quire_va_t va, uint32_t bytes, model_kind_t kind, model_mode_t mode)
{
    host_model_hear_events();
    model_result_t result = model_access(machine.model, cpu, va, bytes, kind, mode);
    judge();
    return result;
}

bool host_model_prefetch(unsigned cpu, quire_va_t va)
{
    host_model_hear_events();
    bool found = model_prefetch(machine.model, cpu, va);
    judge();
    return found;
}

void host_model_prefetch_everything(unsigned cpu)
{
    host_model_hear_events();
    (void)model_prefetch_everything(machine.model, cpu);
    judge();
}

bool host_model_translate(unsigned cpu, quire_va_t va, model_translation_t *translation)
{
    return model_translate(machine.model, cpu, va, translation);
}

/* --- the processor --- */

static void flush_all(unsigned cpu, bool global)
{
    const model_registers_t registers = model_registers(machine.model, cpu);

    if (global) {
        (void)model_mov_cr4(machine.model, cpu, registers.cr4 & ~(uint64_t)MODEL_CR4_PGE);
        (void)model_mov_cr4(machine.model, cpu, registers.cr4);
    } else {
        (void)model_mov_cr3(machine.model, cpu, registers.cr3);
    }
    judge();
}

void quire_cpu_flush_page(quire_va_t va)
{
    host_model_step();
    host_model_hear_events();
    machine.flushes++;
    if (machine.booted)
        (void)model_invlpg(machine.model, machine.running, va);
}

void quire_cpu_flush_all(bool global)
{
    host_model_step();
    host_model_hear_events();
    machine.flushes++;
    if (machine.booted)
        flush_all(machine.running, global);
}

bool quire_cpu_offers_asids(void)
{
    return machine.config.tags;
}

bool quire_cpu_uses_asids(void)
{
    return machine.booted && (model_registers(machine.model, machine.running).cr4 & MODEL_CR4_PCIDE) != 0;
}

bool quire_cpu_keeps_global(void)
{
    return machine.booted && (model_registers(machine.model, machine.running).cr4 & MODEL_CR4_PGE) != 0;
}

void quire_cpu_load_root(quire_pa_t root, unsigned tag, bool keep)
{
    uint64_t value = root.value | tag | (keep ? MODEL_CR3_NO_FLUSH : 0);

    host_model_step();
    host_model_hear_events();
    machine.loaded_root = root;
    if (machine.booted && model_mov_cr3(machine.model, machine.running, value).raised)
        host_broken("a CPU refuses this root");
    judge();
}

/* Asked once for each event, before it is recorded. */
uint64_t quire_cpu_timestamp(void)
{
    host_model_hear_events();
    return ++machine.ticks;
}

void quire_port_shootdown(const quire_shootdown_t *request)
{
    bool asked[HOST_MODEL_CPUS];

    host_model_step();
    host_model_hear_events();
    machine.shootdowns++;
    machine.last_shootdown = *request;
    /* Who is asked is decided at once; the answers come when they come. */
    for (unsigned cpu = 0; cpu < machine.config.cpus; cpu++)
        asked[cpu] = cpu != machine.running && (request->space == 0 || machine.loaded[cpu] == request->space);
    for (unsigned cpu = 0; machine.booted && cpu < machine.config.cpus; cpu++) {
        host_model_step();
        if (!asked[cpu])
            continue;
        if (request->start == 0 && request->end == 0)
            flush_all(cpu, request->space == 0);
        for (quire_va_t va = request->start; va != request->end; va += QUIRE_PAGE_BYTES)
            (void)model_invlpg(machine.model, cpu, va);
    }
    host_model_step();
}

unsigned quire_port_cpu(void)
{
    return machine.running;
}

void host_use_cpu(unsigned cpu)
{
    machine.running = cpu;
}

void *host_model_frame(quire_frame_t frame)
{
    bool is_ram = frame.number - machine.config.first.number < machine.config.frames;

    return is_ram ? model_physical(machine.model, frame.number) : NULL;
}

void host_model_stop(void)
{
    quire_event_stop();
    machine.allocated = NULL;
    machine.booted = false;
    machine.violation[0] = '\0';
    machine.flushes = 0;
    machine.shootdowns = 0;
    machine.loaded_root = quire_pa(0);
    model_destroy(machine.model);
    machine.model = NULL;
}

uint64_t host_shootdowns(quire_shootdown_t *last)
{
    *last = machine.last_shootdown;
    return machine.shootdowns;
}

quire_pa_t host_loaded_root(void)
{
    return machine.loaded_root;
}

uint64_t test_flushes(bool *counts)
{
    *counts = true;
    return machine.flushes;
}
