/* SPDX-License-Identifier: MIT */
/* transactions.c - random calls of the VMM on one space, on the library and on the flat model. */
#include "machine.h"

bool machine_happened(machine_t *machine, quire_status_t status, quire_status_t expected, size_t pages)
{
    if (status == QUIRE_NO_MEMORY && expected != QUIRE_NO_MEMORY) {
        CHECK(machine_is_scarce(machine, pages));
        machine->shortages++;
        return false;
    }
    CHECK_EQUAL(status, expected);
    return status == QUIRE_OK;
}

/* Mostly few pages; sometimes so many that whole entries of a higher level are meant, and sometimes just those. */
run_t machine_random_run(const flat_t *flat)
{
    run_t run = {.first = machine_random_page(flat)};
    size_t room = flat->count - run.first;
    size_t most = test_random_below(16) == 0 ? 1100 : 12;

    run.count = 1 + (size_t)test_random_below(room < most ? room : most);
    if (test_random_below(24) == 0) {
        run.first &= ~(size_t)511;
        room = flat->count - run.first;
        run.count = room < 1024 ? room : (size_t)512 << test_random_below(2);
    }
    return run;
}

static size_t bytes_of(run_t run)
{
    return run.count * QUIRE_PAGE_BYTES - (test_random() % 2 == 0 ? 0 : (size_t)test_random_below(QUIRE_PAGE_BYTES));
}

static uint8_t random_prot(void)
{
    static const uint8_t choice[] = {
        QUIRE_PROT_NONE,
        QUIRE_PROT_READ,
        QUIRE_PROT_READ | QUIRE_PROT_EXEC,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC,
    };

    return choice[test_random_below(sizeof(choice))];
}

static void reserve_fixed(machine_t *machine, flat_t *flat)
{
    run_t run = machine_random_run(flat);
    uint8_t prot = random_prot();
    bool guard = test_random_below(8) == 0;
    bool replace = test_random_below(4) == 0;
    unsigned flags = replace ? QUIRE_RESERVE_REPLACE : QUIRE_RESERVE_FIXED;
    quire_status_t expected = replace || flat_is_free(flat, run) ? QUIRE_OK : QUIRE_EXISTS;
    quire_va_t va = 0;
    quire_status_t status = quire_vmm_reserve(&flat->space, flat_address(flat, run.first), bytes_of(run), prot,
                                              guard ? flags | QUIRE_RESERVE_GUARD : flags, &va);

    if (machine_happened(machine, status, expected, 0)) {
        CHECK_EQUAL(va, flat_address(flat, run.first));
        flat_set(flat, run, guard ? FLAT_GUARD : FLAT_PROMISE, prot);
    }
}

static void reserve(machine_t *machine, flat_t *flat)
{
    run_t run = machine_random_run(flat);
    run_t hint = {machine_random_page(flat), run.count};
    bool hinted = test_random() % 2 == 0;
    uint8_t prot = random_prot();
    quire_status_t expected = flat_has_hole(flat, run.count) ? QUIRE_OK : QUIRE_NO_SPACE;
    quire_va_t at = hinted ? flat_address(flat, hint.first) + test_random_below(PAGE) : 0;
    quire_va_t va = 0;
    quire_status_t status = quire_vmm_reserve(&flat->space, at, bytes_of(run), prot, 0, &va);

    if (machine_happened(machine, status, expected, 0)) {
        CHECK(va >= flat->start && va < flat->start + flat->count * PAGE && va % PAGE == 0);
        run.first = (size_t)((va - flat->start) / PAGE);
        CHECK(flat_is_free(flat, run));
        if (hinted && flat_is_free(flat, hint))
            CHECK_EQUAL(run.first, hint.first);
        flat_set(flat, run, FLAT_PROMISE, prot);
    }
}

static void unmap(machine_t *machine, flat_t *flat)
{
    run_t run = machine_random_run(flat);
    quire_status_t status = quire_vmm_unmap(&flat->space, flat_address(flat, run.first), bytes_of(run));

    if (machine_happened(machine, status, QUIRE_OK, 0))
        flat_set(flat, run, FLAT_NOTHING, 0);
}

static void protect(machine_t *machine, flat_t *flat)
{
    run_t run = machine_random_run(flat);
    uint8_t prot = random_prot();
    quire_status_t expected = flat_count_kind(flat, run, FLAT_NOTHING) == 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
    quire_status_t status = quire_vmm_protect(&flat->space, flat_address(flat, run.first), bytes_of(run), prot);

    if (machine_happened(machine, status, expected, 0)) {
        for (size_t i = run.first; i < run.first + run.count; i++)
            flat->pages[i].prot = prot;
    }
}

static void protect_key(machine_t *machine, flat_t *flat)
{
    run_t run = machine_random_run(flat);
    uint8_t prot = random_prot();
    uint8_t key = (uint8_t)test_random_below(QUIRE_KEYS);
    bool possible = key == 0 || (flat->user && quire_format_keys(flat->format) > 1);
    quire_status_t expected = flat_count_kind(flat, run, FLAT_NOTHING) == 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
    quire_status_t status =
        quire_vmm_protect_key(&flat->space, flat_address(flat, run.first), bytes_of(run), prot, key);

    if (machine_happened(machine, status, possible ? expected : QUIRE_UNSUPPORTED, 0)) {
        for (size_t i = run.first; i < run.first + run.count; i++) {
            flat->pages[i].prot = prot;
            flat->pages[i].key = key;
        }
    }
}

/* The process writes to PKRU: mostly a few keys are closed then. */
static void write_pkru(machine_t *machine, flat_t *flat)
{
    if (!flat->user || quire_format_keys(flat->format) == 1)
        return;
    flat->space.key_rights = test_random() % 2 == 0 ? 0 : (uint32_t)(test_random() & test_random() & test_random());
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        if (machine->current[cpu] == (unsigned)(flat - machine->flats))
            host_model_set_pkru(cpu, flat->space.key_rights);
    }
}

static void discard(machine_t *machine, flat_t *flat)
{
    run_t run = machine_random_run(flat);
    quire_status_t status = quire_vmm_discard(&flat->space, flat_address(flat, run.first), bytes_of(run));

    if (machine_happened(machine, status, QUIRE_OK, 0)) {
        for (size_t i = run.first; i < run.first + run.count; i++)
            flat_empty_page(&flat->pages[i]);
    }
}

static void populate(machine_t *machine, flat_t *flat)
{
    run_t run = machine_random_run(flat);
    quire_status_t expected = QUIRE_OK;
    quire_status_t status;

    if (run.count > 80)
        run.count = 80;
    for (size_t i = run.first; i < run.first + run.count && expected == QUIRE_OK; i++) {
        if (flat->pages[i].kind == FLAT_NOTHING)
            expected = QUIRE_NOT_FOUND;
        else if (flat->pages[i].kind == FLAT_GUARD || (flat->pages[i].prot & PROT_ACCESS) == 0)
            expected = QUIRE_DENIED;
    }
    status = quire_vmm_populate(&flat->space, flat_address(flat, run.first), bytes_of(run));
    if (machine_happened(machine, status, expected, run.count)) {
        for (size_t i = run.first; i < run.first + run.count; i++)
            flat_repair(&flat->pages[i], false);
    }
}

static quire_status_t expected_move(const flat_t *flat, run_t old, size_t count, unsigned flags)
{
    run_t behind = {old.first + old.count, count > old.count ? count - old.count : 0};

    if (flat_count_kind(flat, old, FLAT_NOTHING) != 0)
        return QUIRE_NOT_FOUND;
    if (count <= old.count || flat_is_free(flat, behind))
        return QUIRE_OK;
    return (flags & QUIRE_MOVE_ALLOWED) != 0 && flat_has_hole(flat, count) ? QUIRE_OK : QUIRE_NO_SPACE;
}

static void move(machine_t *machine, flat_t *flat)
{
    run_t old = machine_random_run(flat);
    run_t new = machine_random_run(flat);
    unsigned flags = (unsigned)test_random_below(4);
    bool fixed = (flags & QUIRE_MOVE_FIXED) != 0;
    bool apart = new.first >= old.first + old.count || old.first >= new.first + new.count;
    quire_status_t expected = QUIRE_INVALID;
    quire_va_t va = 0;
    quire_status_t status;

    if (!fixed)
        expected = expected_move(flat, old, new.count, flags);
    else if (apart)
        expected = flat_count_kind(flat, old, FLAT_NOTHING) == 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
    status = quire_vmm_move(&flat->space, flat_address(flat, old.first), bytes_of(old), bytes_of(new), flags,
                            flat_address(flat, new.first), &va);
    if (!machine_happened(machine, status, expected, 0))
        return;
    if (fixed)
        CHECK_EQUAL(va, flat_address(flat, new.first));
    new.first = (size_t)((va - flat->start) / PAGE);
    if (!fixed && new.first != old.first)
        CHECK(flat_is_free(flat, new));
    flat_move(flat, old, new);
}

void machine_transaction(machine_t *machine)
{
    static void (*const steps[])(machine_t *, flat_t *) = {
        reserve_fixed, reserve_fixed, reserve_fixed, reserve,     unmap,      protect,
        protect,       discard,       populate,      move,        move,       protect,
        machine_copy,  machine_poke,  protect_key,   protect_key, write_pkru,
    };
    flat_t *flat = &machine->flats[test_random_below(SPACES)];

    machine->operations++;
    machine->cpu = (unsigned)test_random_below(CPUS);
    host_use_cpu(machine->cpu);
    if (test_random_below(64) == 0)
        machine_fork(machine);
    else if (test_random_below(8) == 0)
        machine_switch(machine, machine->cpu, (unsigned)test_random_below(SPACES));
    else
        steps[test_random_below(sizeof(steps) / sizeof(steps[0]))](machine, flat);
}
