/* SPDX-License-Identifier: MIT */
/*
 * interpreter.c - runs the scenarios and prints what happened. Freestanding: it is part of the probe kernel and of the
 * model's runner, so that a difference in output is a difference between machines.
 */
#include "scenario.h"

enum { P = 1, A = 0x20, D = 0x40, PS = 0x80 };

static const char *const operation_names[] = {
    [READ] = "read",         [WRITE] = "write",       [EXECUTE] = "execute", [FS_READ] = "fs-read",
    [FS_WRITE] = "fs-write", [SS_READ] = "ss-read",   [LOAD_LDT] = "lldt",   [PEEK] = "peek",
    [TRY_CR0] = "mov-cr0",   [TRY_CR3] = "mov-cr3",   [TRY_CR4] = "mov-cr4", [TRY_EFER] = "wrmsr-efer",
    [TRY_PAT] = "wrmsr-pat", [TRY_INVLPG] = "invlpg",
};

static void print(const char *text)
{
    while (*text)
        backend_print(*text++);
}

static void print_hex(uint64_t value)
{
    unsigned shift = 60;

    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (;; shift -= 4) {
        backend_print("0123456789abcdef"[value >> shift & 15]);
        if (shift == 0)
            return;
    }
}

static void print_key(const char *scenario, unsigned step, unsigned mode)
{
    print(mode == MODE_32 ? "32/" : mode == MODE_PAE ? "pae/" : mode == MODE_4_LEVEL ? "long/" : "la57/");
    print(scenario);
    backend_print('/');
    for (unsigned unit = 100; unit > 0; unit /= 10) {
        if (step >= unit || unit == 1)
            backend_print((char)('0' + step / unit % 10));
    }
    backend_print(' ');
}

static void print_flags(unsigned mode)
{
    static const char *const names[] = {"1", "1N", "2", "2N", "3", "4", "5"};

    backend_print(' ');
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint32_t pa = entry_address((entry_t)i, mode);
        if (pa == 0 || !(backend_peek(pa, entry_bytes(mode)) & P))
            continue;
        uint64_t value = backend_peek(pa, entry_bytes(mode));
        backend_print((value & PS) && i >= E2 && i <= E3 ? 'L' : 'E'); /* L: a large page, not a table */
        print(names[i]);
        backend_print(value & A ? 'a' : '-');
        backend_print(value & D ? 'd' : '-');
    }
}

static void print_outcome(const step_t *step, outcome_t outcome)
{
    static const char *const names[] = {[6] = "#UD", [11] = "#NP", [12] = "#SS", [13] = "#GP", [14] = "#PF"};
    bool reads = step->operation == READ || step->operation == FS_READ || step->operation == SS_READ;

    if (outcome.vector == 0x80) {
        print("ok ");
        if (reads)
            print_hex(outcome.value);
        else
            backend_print('-');
        return;
    }
    if (outcome.vector < sizeof names / sizeof *names && names[outcome.vector])
        print(names[outcome.vector]);
    else
        print_hex(outcome.vector);
    backend_print(':');
    print_hex(outcome.error_code);
    backend_print(' ');
    if (outcome.vector == 14)
        print_hex(outcome.cr2);
    else
        backend_print('-');
}

void run_step(const char *scenario, unsigned number, const step_t *step, unsigned mode, bool *ac)
{
    if (step->operation == PUT)
        put_entry((entry_t)step->entry, mode, step->value);
    else if (step->operation == POKE)
        backend_poke((uint32_t)step->offset, step->value, step->bytes);
    else if (step->operation == AC)
        *ac = step->value != 0;
    else if (step->operation < READ && step->operation != PEEK)
        backend_control(step, mode);
    if (step->operation < READ && step->operation != PEEK)
        return;

    print_key(scenario, number, mode);
    print(operation_names[step->operation]);
    if (step->operation == PEEK) {
        print(" ok ");
        print_hex(backend_peek((uint32_t)step->offset, 1));
    } else {
        print(step->entry ? "-by-user " : " ");
        print_outcome(step, backend_access(step, mode, *ac));
    }
    print_flags(mode);
    print("\n");
}

void print_absent(const char *scenario, unsigned mode)
{
    print_key(scenario, 0, mode);
    print("- not-there - -\n");
}

static void run_scenario(const scenario_t *scenario, unsigned mode)
{
    bool ac = false;

    if (!backend_has(scenario->needs)) {
        print_absent(scenario->name, mode);
        return;
    }
    begin_scenario(mode);
    for (unsigned i = 0; scenario->steps[i].operation != DONE; i++)
        run_step(scenario->name, i, &scenario->steps[i], mode, &ac);
}

void run_scenarios(unsigned mode)
{
    for (unsigned i = 0; i < scenario_count; i++) {
        if (scenarios[i].modes & mode)
            run_scenario(&scenarios[i], mode);
    }
    run_random(mode);
    begin_scenario(mode);
}
