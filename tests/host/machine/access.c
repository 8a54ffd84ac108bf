/* SPDX-License-Identifier: MIT */
/*
 * access.c - a CPU reads, writes or executes, as a process or as the kernel, and takes the faults that come.
 *
 * Each fault must be one that the flat model expects, with its very error code, and the library's answer must be the
 * expected one. A fault that the flat model does not expect is allowed only if memory, past all caches, does not
 * justify it either: rights were added, and the CPU held a translation with fewer (SDM volume 3, 4.10.4.3).
 */
#include "machine.h"

#define FAULTS_MAX 6

typedef struct access {
    unsigned cpu;
    flat_t *flat;
    size_t offset; /* of the first byte, from the start of the flat space */
    size_t bytes;
    model_kind_t kind;
    model_mode_t mode;
    uint8_t data[16];
} access_t;

/* Mostly where tables meet: many pages that are never met again find no bug. */
size_t machine_random_page(const flat_t *flat)
{
    size_t seams = flat->count / 512;
    size_t near = 512 * (size_t)test_random_below(seams + 1) + (size_t)test_random_below(16);

    if (test_random_below(8) == 0)
        return (size_t)test_random_below(flat->count);
    return near < 8 ? near : near - 8 < flat->count ? near - 8 : flat->count - 1;
}

/* Mostly a page that may be accessed. */
static size_t random_target(const flat_t *flat)
{
    size_t index = machine_random_page(flat);

    for (unsigned tries = 0; tries < 4 && flat->pages[index].kind != FLAT_PROMISE; tries++)
        index = machine_random_page(flat);
    return index;
}

static access_t random_access(machine_t *machine)
{
    static const uint8_t kinds[] = {MODEL_READ, MODEL_READ, MODEL_WRITE, MODEL_WRITE, MODEL_WRITE, MODEL_EXECUTE};
    access_t access = {.cpu = (unsigned)test_random_below(CPUS)};
    unsigned current = machine->current[access.cpu];
    bool in_kernel = current == 0 || test_random_below(6) == 0;
    size_t offset = (size_t)test_random_below(QUIRE_PAGE_BYTES);

    access.flat = &machine->flats[in_kernel ? 0 : current];
    access.kind = (model_kind_t)kinds[test_random_below(sizeof(kinds))];
    access.mode = (test_random_below(8) == 0) == in_kernel ? MODEL_USER : MODEL_SUPERVISOR;
    if (test_random_below(16) == 0)
        offset = QUIRE_PAGE_BYTES - 3;
    access.offset = random_target(access.flat) * QUIRE_PAGE_BYTES + offset;
    access.bytes = 1 + (size_t)test_random_below(sizeof(access.data));
    if (access.kind == MODEL_EXECUTE && offset + access.bytes > QUIRE_PAGE_BYTES)
        access.bytes = 1;
    if (access.offset + access.bytes > access.flat->count * QUIRE_PAGE_BYTES)
        access.bytes = 1;
    for (size_t i = 0; i < sizeof(access.data); i++)
        access.data[i] = (uint8_t)test_random();
    return access;
}

/* The access from `done` on; *done is moved by what succeeded. */
static model_fault_t perform(access_t *access, size_t *done)
{
    quire_va_t va = access->flat->start + access->offset + *done;
    size_t left = access->bytes - *done;
    size_t moved = 0;
    model_fault_t fault;

    if (access->kind == MODEL_READ) {
        fault = host_model_read(access->cpu, va, access->data + *done, left, access->mode, &moved);
        CHECK(flat_same(access->flat, access->offset + *done, access->data + *done, moved));
    } else if (access->kind == MODEL_WRITE) {
        fault = host_model_write(access->cpu, va, access->data + *done, left, access->mode, &moved);
        flat_write(access->flat, access->offset + *done, access->data + *done, moved);
    } else {
        fault = host_model_access(access->cpu, va, (uint32_t)left, MODEL_EXECUTE, access->mode).fault;
        moved = fault.raised ? 0 : left;
    }
    *done += moved;
    return fault;
}

/* As ring 3, on the tables that are ring 3's. */
static model_fault_t perform_in_ring_3(machine_t *machine, access_t *access, size_t *done)
{
    machine_enter_user(machine, access->cpu);
    if (test_random_below(4) == 0)
        (void)host_model_prefetch(access->cpu, flat_address(access->flat, machine_random_page(access->flat)));
    model_fault_t fault = perform(access, done);
    machine_leave_user(machine, access->cpu);
    return fault;
}

/* Every page of [from, to) was accessed: the flat model must have allowed it. */
static void check_allowed(const access_t *access, size_t from, size_t to)
{
    for (size_t i = from / QUIRE_PAGE_BYTES; from < to && i <= (to - 1) / QUIRE_PAGE_BYTES; i++) {
        CHECK(!flat_expect(access->flat, i, access->kind, access->mode == MODEL_USER).faults);
        if (access->kind == MODEL_WRITE)
            access->flat->pages[i].dirty = true;
    }
}

static bool memory_allows(const access_t *access, quire_va_t va)
{
    model_translation_t found;

    if (!host_model_translate(access->cpu, va, &found) || (access->mode == MODEL_USER && !found.user))
        return false;
    return access->kind == MODEL_READ || (access->kind == MODEL_WRITE ? found.writable : !found.no_execute);
}

static unsigned access_bits(const access_t *access, uint32_t code)
{
    unsigned bits = access->mode == MODEL_USER ? QUIRE_ACCESS_USER : 0;

    if (code & MODEL_PF_PK)
        bits |= QUIRE_ACCESS_KEY;
    if (access->kind == MODEL_WRITE)
        bits |= QUIRE_ACCESS_WRITE;
    return access->kind == MODEL_EXECUTE ? bits | QUIRE_ACCESS_EXEC : bits;
}

/* What a trap handler does. True: the instruction runs again. */
static bool handle(machine_t *machine, access_t *access, const model_fault_t *fault)
{
    size_t index = (size_t)((fault->address - access->flat->start) / PAGE);
    bool from_user = access->mode == MODEL_USER;
    flat_answer_t expected = flat_expect(access->flat, index, access->kind, from_user);
    quire_status_t status;

    machine->faults++;
    CHECK_EQUAL(fault->vector, MODEL_PF);
    CHECK(fault->address - access->flat->start - access->offset < access->bytes);
    if (!expected.faults && access->flat->pages[index].perhaps && access->kind == MODEL_WRITE) {
        CHECK_EQUAL(fault->error_code, expected.code);
    } else if (!expected.faults) {
        CHECK(memory_allows(access, fault->address));
        CHECK(fault->error_code & MODEL_PF_P);
        machine->spurious++;
    } else {
        CHECK_EQUAL(fault->error_code, expected.code);
    }
    host_use_cpu(access->cpu);
    machine->cpu = access->cpu;
    status = quire_vmm_fault(&access->flat->space, fault->address, access_bits(access, fault->error_code));
    if (!machine_happened(machine, status, expected.status, 1))
        return false;
    flat_repair(&access->flat->pages[index], access->kind == MODEL_WRITE);
    return true;
}

/* Speculation: somewhere else, so that no fault drops what is cached by it. */
static void prefetch(machine_t *machine)
{
    unsigned cpu = (unsigned)test_random_below(CPUS);
    const flat_t *flat = &machine->flats[test_random_below(4) == 0 ? 0 : machine->current[cpu]];

    if (test_random_below(4) == 0)
        (void)host_model_prefetch(cpu, flat_address(flat, machine_random_page(flat)));
}

void machine_access(machine_t *machine)
{
    access_t access = random_access(machine);
    size_t done = 0;

    machine->accesses++;
    prefetch(machine);
    for (unsigned faults = 0; done < access.bytes; faults++) {
        size_t before = done;
        bool ring_3 = access.mode == MODEL_USER && access.flat->user;
        model_fault_t fault = ring_3 ? perform_in_ring_3(machine, &access, &done) : perform(&access, &done);

        check_allowed(&access, access.offset + before, access.offset + done);
        CHECK(faults < FAULTS_MAX);
        if (fault.raised && !handle(machine, &access, &fault))
            break;
    }
}

void machine_read_all(machine_t *machine, unsigned space)
{
    static uint8_t bytes[QUIRE_PAGE_BYTES];
    flat_t *flat = &machine->flats[space];
    size_t done;

    for (size_t i = 0; i < flat->count; i++) {
        if (flat_expect(flat, i, MODEL_READ, flat->user).faults)
            continue;
        model_fault_t fault = host_model_read(0, flat_address(flat, i), bytes, sizeof(bytes),
                                              flat->user ? MODEL_USER : MODEL_SUPERVISOR, &done);
        CHECK(!fault.raised);
        CHECK(flat_same(flat, i * QUIRE_PAGE_BYTES, bytes, sizeof(bytes)));
    }
}
