/* SPDX-License-Identifier: MIT */
/*
 * test_fixture.h - a machine with page tables, for the tests of the model itself.
 *
 * One machine at a time; opening another closes the last. Tables are made at need by entry_put, in frames that come one
 * after the other from 16 MiB up.
 */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include "../harness/test.h"
#include "model.h"

#define P   MODEL_ENTRY_P
#define W   MODEL_ENTRY_W
#define U   MODEL_ENTRY_U
#define A   MODEL_ENTRY_A
#define D   MODEL_ENTRY_D
#define G   MODEL_ENTRY_G
#define PS  MODEL_ENTRY_PS
#define NX  MODEL_ENTRY_NX
#define PWU (P | W | U)

#define GIB (UINT64_C(1) << 30)

typedef struct fixture {
    model_t *machine;
    model_paging_t paging;
    uint64_t root;       /* physical address for CR3 */
    uint64_t next_frame; /* the next one to be used */
    unsigned violations;
    model_violation_t violation; /* the last; its sentence is below */
    char sentence[512];
} fixture_t;

extern fixture_t fixture;

/* 64 GiB of RAM with the hole below 4 GiB, one CPU, everything CPUID can offer. Violations are counted. */
model_config_t fixture_config(void);
/* Creates the machine, an empty root, and starts CPU 0 with it. The last machine goes away. */
model_t *fixture_open(const model_config_t *config, model_paging_t paging);
model_t *fixture_start(model_paging_t paging);

uint64_t new_frame(void);     /* its physical address; it is zeroed */
uint64_t new_root(void);      /* another root */
void use_root(uint64_t root); /* entry_put and entry_get work on this one */
void entry_put(uint64_t va, unsigned level, uint64_t value);
uint64_t entry_get(uint64_t va, unsigned level);

model_result_t touch(uint64_t va, model_kind_t kind); /* one byte, CPU 0, at its CPL */
model_result_t touch_as(uint64_t va, model_kind_t kind, model_mode_t mode);
/* The physical address that a read reaches; UINT64_MAX on a fault. */
uint64_t reach(uint64_t va);

#define CHECK_PF(result, code)                                                                                         \
    do {                                                                                                               \
        model_result_t checked_ = (result);                                                                            \
        CHECK(checked_.fault.raised);                                                                                  \
        CHECK_EQUAL(checked_.fault.vector, MODEL_PF);                                                                  \
        CHECK_EQUAL(checked_.fault.error_code, code);                                                                  \
    } while (0)

#define CHECK_FAULT(given, number, code)                                                                               \
    do {                                                                                                               \
        model_fault_t checked_ = (given);                                                                              \
        CHECK(checked_.raised);                                                                                        \
        CHECK_EQUAL(checked_.vector, number);                                                                          \
        CHECK_EQUAL(checked_.error_code, code);                                                                        \
    } while (0)

#define CHECK_DONE(given) CHECK(!(given).raised)

#endif
