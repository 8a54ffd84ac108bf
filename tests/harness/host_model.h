/* SPDX-License-Identifier: MIT */
/*
 * host_model.h - what tests on the machine in software (tests/host/machine) may ask of their home.
 *
 * RAM, CR3, INVLPG and the CPUs are the model's. The home tells the model of every frame that is freed, at that
 * moment, and keeps its own record of what is allocated. A test fails when the model reports a violation, when a frame
 * is handed out twice, or when one is freed that was not handed out.
 */
#ifndef QUIRE_TEST_HOST_MODEL_H
#define QUIRE_TEST_HOST_MODEL_H

#include "host.h"
#include "model.h"

#define HOST_MODEL_CPUS 4

typedef struct host_model_config {
    const quire_format_t *format;
    quire_frame_t first; /* RAM: so many frames from here, which the PMM will be given */
    size_t frames;
    unsigned cpus; /* at most HOST_MODEL_CPUS */
    model_caching_t caching;
    bool large_page_fragments;
    bool tags;       /* PCIDs are switched on: 64-bit programs, four and five levels only */
    bool check_live; /* a freed frame is also looked for in the current tables: slow */
} host_model_config_t;

/* A fresh machine for this test. Beside the RAM named there are 2 GiB at HOST_MODEL_DEVICE for foreign pages. */
#define HOST_MODEL_DEVICE ((size_t)0x40000)
void host_model_start(const host_model_config_t *config);

/* A PMM over all of that RAM. */
quire_pmm_t *host_model_pmm(void);

/* Switches paging on, on every CPU, with this root. The upper half of the PAT becomes WC, WP, UC-, UC. */
void host_model_boot(quire_pa_t root);

/* PKRU of a CPU; keys count from the boot on, where the format has them. */
void host_model_set_pkru(unsigned cpu, uint32_t pkru);

/* What the CPUs do, and what memory says; violations end the test. */
model_fault_t host_model_read(unsigned cpu, quire_va_t va, void *to, size_t bytes, model_mode_t mode, size_t *done);
model_fault_t host_model_write(unsigned cpu, quire_va_t va, const void *from, size_t bytes, model_mode_t mode,
                               size_t *done);
model_result_t host_model_access(unsigned cpu, quire_va_t va, uint32_t bytes, model_kind_t kind, model_mode_t mode);
bool host_model_translate(unsigned cpu, quire_va_t va, model_translation_t *translation);

/* The address space that a CPU has loaded, by its identifier. */
uint32_t host_model_loaded(unsigned cpu);

model_statistics_t host_model_statistics(unsigned cpu);

/* What a kernel's entry code does. */
void host_model_mov_cr3(unsigned cpu, uint64_t value);

bool host_model_prefetch(unsigned cpu, quire_va_t va);
/* All that the CPU's tables map. */
void host_model_prefetch_everything(unsigned cpu);

/* From here on called before each access of the library to a word of a table, each half of one on its own where it
   takes two, before each of its flushes, before and after a shootdown and before each CPU answers it, before each load
   of CR3, and around each lock: what another CPU does at that moment. NULL ends it. It may use CPUs and load trees, but
   take no lock of one. `writes`: what follows is no mere read. */
void host_model_steps(void (*step)(void *context, bool writes), void *context);

/* Called once, when a CPU is about to take a lock: what another CPU does at that moment. */
void host_model_before_lock(void (*intrusion)(void *context), void *context);

#endif
