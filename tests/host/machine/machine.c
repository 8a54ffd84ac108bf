/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the machine for each format.
 *
 * Where RAM lies is chosen so that a number cut to 32 bits, or taken as signed, leads elsewhere: just below 4 GiB for
 * 32-bit paging, across 4 GiB for PAE, at 1 TiB and 8 TiB for the long formats. There is little of it, so that
 * shortage comes by itself.
 */
#include "machine.h"

#include <string.h>

#define FRAMES      768
#define FRAMES_FEW  208
#define SEAM        ((quire_va_t)0x40000000) /* 1 GiB: tables of all levels but the highest meet there */
#define KERNEL_AREA (16 * MIB)

#define STEPS_BETWEEN 200 /* from one thing that happens in the middle of the library to the next */

typedef struct place {
    quire_va_t shared_start;
    size_t first_frame;
} place_t;

/* By the number of levels. */
static const place_t places[] = {[2] = {(quire_va_t)0xc0000000u, 0x100000 - FRAMES},
                                 [3] = {(quire_va_t)0xc0000000u, 0x100000 - FRAMES_FEW / 2},
                                 [4] = {(quire_va_t)0xffff800000000000u, 0x10000000},
                                 [5] = {(quire_va_t)0xff00000000000000u, 0x80000000}};

static machine_t the_machine;

static size_t free_frames(const machine_t *machine)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(machine->pmm, &stats);
    return stats.free_frames;
}

bool machine_is_scarce(const machine_t *machine, size_t pages)
{
    return free_frames(machine) < pages + 16;
}

static void begin_flat(machine_t *machine, unsigned space, quire_va_t start, size_t count)
{
    flat_t *flat = &machine->flats[space];

    flat->format = machine->format;
    flat->user = space != 0;
    flat->start = start;
    flat->count = count;
    flat_set(flat, (run_t){0, count}, FLAT_NOTHING, 0);
}

/* One page, of device memory. */
static void start_gate(machine_t *machine, quire_va_t shared_start)
{
    quire_cursor_t cursor;

    machine->gate_va = shared_start + 2 * KERNEL_AREA;
    CHECK_OK(
        quire_table_create_kernel(&machine->isolation, machine->format, machine->pmm, QUIRE_ZONE_ANY, shared_start));
    CHECK_OK(quire_cursor_open(&cursor, &machine->isolation, machine->gate_va, machine->gate_va + PAGE,
                               QUIRE_CURSOR_POPULATE));
    CHECK_OK(quire_cursor_map(&cursor, machine->gate_va, 1, quire_frame(HOST_MODEL_DEVICE), QUIRE_PROT_READ,
                              QUIRE_PAGE_FOREIGN));
    quire_cursor_close(&cursor);
    quire_table_seal(&machine->isolation);
    CHECK_OK(quire_table_use_isolation(&machine->flats[0].space.table, &machine->isolation));
}

static void start_kernel(machine_t *machine, const place_t *place)
{
    quire_va_t area = place->shared_start + KERNEL_AREA;
    flat_t *kernel = &machine->flats[0];

    begin_flat(machine, 0, area, (size_t)(8 * MIB / PAGE));
    memset(&kernel->space, 0, sizeof(kernel->space));
    CHECK_OK(quire_table_create_kernel(&kernel->space.table, machine->format, machine->pmm, QUIRE_ZONE_ANY,
                                       place->shared_start));
    CHECK_OK(quire_table_pin(&kernel->space.table, area, area + kernel->count * PAGE));
    quire_table_seal(&kernel->space.table);
    if (machine->isolated)
        start_gate(machine, place->shared_start);
    CHECK_OK(quire_vmm_create_kernel(&kernel->space, area, area + kernel->count * PAGE));
    host_model_boot(quire_table_root(&kernel->space.table));
}

machine_t *machine_start(const quire_format_t *format, unsigned variant)
{
    static const model_caching_t caching[] = {MODEL_KEEP, MODEL_KEEP, MODEL_RANDOM, MODEL_KEEP};
    const place_t *place = &places[quire_format_levels(format)];
    machine_t *machine = &the_machine;

    for (unsigned i = 0; i < SPACES; i++)
        flat_set(&machine->flats[i], (run_t){0, machine->flats[i].count}, FLAT_NOTHING, 0);
    memset(machine, 0, sizeof(*machine));
    machine->format = format;
    machine->next_id = 1;
    machine->isolated = variant % 2 == 1;
    host_model_start(&(host_model_config_t){.format = format,
                                            .first = quire_frame(place->first_frame),
                                            .frames = variant % 4 == 0 ? FRAMES : FRAMES_FEW,
                                            .cpus = CPUS,
                                            .caching = caching[variant % 4],
                                            .large_page_fragments = variant % 2 == 1,
                                            .tags = variant % 4 == 0 || variant % 4 == 3,
                                            .check_live = variant % 4 == 3});
    machine->pmm = host_model_pmm();
    start_kernel(machine, place);
    machine->free_frames = free_frames(machine);
    for (unsigned i = 1; i < SPACES; i++) {
        begin_flat(machine, i, SEAM - PAGES_MAX / 2 * PAGE, PAGES_MAX);
        CHECK_OK(quire_vmm_create(&machine->flats[i].space, &machine->flats[0].space, machine->next_id++,
                                  machine->flats[i].start, machine->flats[i].start + PAGES_MAX * PAGE));
    }
    return machine;
}

/* While the library works, now and then: the other CPU translates ahead of use, or loads its tree anew. */
static void on_step(void *context, bool writes)
{
    machine_t *machine = context;
    unsigned running = quire_port_cpu();
    unsigned other = (running + 1) % CPUS;
    const flat_t *flat = &machine->flats[test_random_below(4) == 0 ? 0 : machine->current[other]];

    (void)writes;
    if (machine->until_step-- > 0)
        return;
    machine->until_step = (unsigned)test_random_below(2 * STEPS_BETWEEN);
    switch (test_random_below(8)) {
    case 0:
        host_model_prefetch_everything(other);
        break;
    case 1:
        host_use_cpu(other);
        quire_vmm_activate(&machine->flats[0].space);
        quire_vmm_activate(&machine->flats[machine->current[other]].space);
        host_use_cpu(running);
        break;
    default:
        (void)host_model_prefetch(other, flat_address(flat, machine_random_page(flat)));
    }
}

void machine_interrupt(machine_t *machine, bool wanted)
{
    host_model_steps(wanted ? on_step : NULL, machine);
}

void machine_switch(machine_t *machine, unsigned cpu, unsigned space)
{
    host_use_cpu(cpu);
    quire_vmm_activate(&machine->flats[space].space);
    host_model_set_pkru(cpu, machine->flats[space].space.key_rights);
    host_use_cpu(machine->cpu);
    machine->current[cpu] = space;
}

void machine_enter_user(machine_t *machine, unsigned cpu)
{
    if (!machine->isolated || machine->current[cpu] == 0)
        return;
    host_use_cpu(cpu);
    machine->crossing[cpu] = quire_table_cross(&machine->flats[machine->current[cpu]].space.table);
    host_use_cpu(machine->cpu);
    host_model_mov_cr3(cpu, machine->crossing[cpu].user);
}

/* What ring 3 might have seen of the kernel while it ran: the isolation tree, and nothing else. */
void machine_leave_user(machine_t *machine, unsigned cpu)
{
    model_translation_t found;

    if (!machine->isolated || machine->current[cpu] == 0)
        return;
    CHECK(host_model_translate(cpu, machine->gate_va, &found));
    CHECK(!host_model_translate(cpu, machine->flats[0].start, &found));
    host_model_mov_cr3(cpu, machine->crossing[cpu].kernel);
}

void machine_leave(machine_t *machine, unsigned space)
{
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        if (machine->current[cpu] == space)
            machine_switch(machine, cpu, 0);
    }
}

/* What memory says of a page, past all caches, is what the flat model says. */
static void verify_page(const flat_t *flat, size_t index)
{
    const flat_page_t *page = &flat->pages[index];
    bool present = page->kind == FLAT_PROMISE && page->filled && (page->prot & PROT_ACCESS) != 0;
    bool no_execute = quire_format_levels(flat->format) > 2 && (page->prot & QUIRE_PROT_EXEC) == 0;
    model_translation_t found;

    CHECK_EQUAL(host_model_translate(0, flat_address(flat, index), &found), present);
    if (!present)
        return;
    if (!page->perhaps)
        CHECK_EQUAL(found.writable, (page->prot & QUIRE_PROT_WRITE) != 0 && !page->shared);
    CHECK_EQUAL(found.user, flat->user);
    CHECK_EQUAL(found.key, page->key);
    CHECK_EQUAL(found.global, !flat->user);
    CHECK_EQUAL(found.no_execute, no_execute);
    CHECK(found.dirty || !page->dirty);
}

void machine_verify(machine_t *machine)
{
    unsigned before = machine->current[0];
    quire_space_t *spaces[SPACES];

    for (unsigned space = 0; space < SPACES; space++)
        spaces[space] = &machine->flats[space].space;
    CHECK_OK(quire_pmm_check(machine->pmm));
    quire_status_t status = quire_vmm_check_all(spaces, SPACES, 0);
    CHECK(status == QUIRE_OK || (status == QUIRE_NO_MEMORY && free_frames(machine) < 2));
    for (unsigned space = 0; space < SPACES; space++) {
        flat_t *flat = &machine->flats[space];

        CHECK_OK(quire_vmm_check(&flat->space));
        CHECK_EQUAL(flat->space.reserved_pages,
                    flat->count - flat_count_kind(flat, (run_t){0, flat->count}, FLAT_NOTHING));
        machine_switch(machine, 0, space);
        for (size_t i = 0; i < flat->count; i++)
            verify_page(flat, i);
        if (space != 0)
            machine_read_all(machine, space);
    }
    machine_switch(machine, 0, before);
}

void machine_end(machine_t *machine)
{
    flat_t *kernel = &machine->flats[0];

    machine_verify(machine);
    for (unsigned space = 1; space < SPACES; space++) {
        machine_leave(machine, space);
        quire_vmm_destroy(&machine->flats[space].space);
    }
    CHECK_OK(quire_vmm_unmap(&kernel->space, kernel->start, kernel->count * QUIRE_PAGE_BYTES));
    CHECK_OK(quire_pmm_check(machine->pmm));
    CHECK_EQUAL(free_frames(machine), machine->free_frames);
}
