/* SPDX-License-Identifier: MIT */
/*
 * mistakes.c - what an adopter forgets, told where it is made: which sentence, and which address, frame and space it
 * names.
 */
#include <string.h>

#include "cpu/cpu.h"
#include "host.h"

#define PAGE       ((quire_va_t)QUIRE_PAGE_BYTES)
#define START      ((quire_va_t)0x10000)
#define AT         ((quire_va_t)0x400000)
#define AREA_BYTES ((quire_va_t)8 << 20)
#define USER_WRITE ((unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_WRITE)
#define READ_WRITE ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE)

/* A kernel and a process, which are left alone once a panic has come out of them. */
typedef struct machine {
    quire_pmm_t *pmm;
    quire_space_t kernel;
    quire_space_t space;
    quire_va_t area;
    quire_va_t at; /* what the acts below work on */
    quire_frame_t frame;
    unsigned access;
} machine_t;

static machine_t machine;

static void make(const quire_format_t *format)
{
    unsigned levels = quire_format_levels(format);
    quire_va_t shared = levels == 5   ? (quire_va_t)0xff00000000000000u
                        : levels == 4 ? (quire_va_t)0xffff800000000000u
                                      : (quire_va_t)0xc0000000u;

    machine = (machine_t){.pmm = test_pmm(900), .area = shared + ((quire_va_t)16 << 20), .at = AT};
    CHECK_OK(quire_table_create_kernel(&machine.kernel.table, format, machine.pmm, QUIRE_ZONE_ANY, shared));
    CHECK_OK(quire_table_pin(&machine.kernel.table, machine.area, machine.area + AREA_BYTES));
    quire_table_seal(&machine.kernel.table);
    CHECK_OK(quire_vmm_create_kernel(&machine.kernel, machine.area, machine.area + AREA_BYTES));
    CHECK_OK(quire_vmm_create(&machine.space, &machine.kernel, 7, START, (quire_va_t)1 << 30));
}

static void each_format(void (*body)(void))
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        make(*format);
        body();
        test_home_release();
    }
}

static void panics_with(void (*act)(void *), const char *words)
{
    CHECK(test_panics(act, NULL));
    if (strstr(host_panic_sentence(), words) == NULL) {
        test_home_write(host_panic_sentence());
        test_home_write("\n");
        test_fail("the panic", 0, words);
    }
}

static void log_says(const char *words)
{
    if (strstr(host_last_log(), words) == NULL)
        test_fail("the log", 0, words);
}

/* --- CR3 --- */

static void fault(void *context)
{
    (void)context;
    CHECK_OK(quire_vmm_fault(&machine.space, machine.at, USER_WRITE));
}

static void fault_often(void)
{
    for (unsigned i = 0; i < 200; i++)
        fault(NULL);
}

/* The tree is right, and the CPU looks at another. */
static void not_activated(void)
{
    quire_va_t va;

    CHECK_OK(quire_vmm_reserve(&machine.space, AT, PAGE, READ_WRITE, QUIRE_RESERVE_FIXED, &va));
    quire_cpu_told = (quire_cpu_told_t){.has_cr3 = true, .cr3 = quire_table_root(&machine.kernel.table).value};
    for (unsigned i = 0; i < 64; i++)
        fault(NULL);
    CHECK_EQUAL(host_last_log()[0], '\0');
    fault(NULL);
    log_says("the fault at 0x400000 of space 7 came 64 times");
    log_says("the space is not activated on this CPU");
    CHECK(!quire_table_is_loaded(&machine.space.table));
    CHECK(quire_table_is_loaded(&machine.kernel.table));
    fault_often();
    log_says("came 256 times");
}

TEST(vmm, faults_on_a_space_that_was_not_activated_are_told)
{
    each_format(not_activated);
}

/* It is activated, and still they come. */
static void refused_by_the_cpu(void)
{
    quire_va_t va;

    CHECK_OK(quire_vmm_reserve(&machine.space, AT, PAGE, READ_WRITE, QUIRE_RESERVE_FIXED, &va));
    quire_cpu_told = (quire_cpu_told_t){.has_cr3 = true, .cr3 = quire_table_root(&machine.space.table).value};
    fault_often();
    log_says("the CPU refuses what the tree allows");
}

TEST(vmm, faults_that_the_tree_does_not_explain_are_told)
{
    each_format(refused_by_the_cpu);
}

/* What has something to mend each time, or comes elsewhere in between, may come as often as it likes. */
static void ordinary_faults(void)
{
    quire_space_t child;
    quire_va_t va;

    CHECK_OK(quire_vmm_reserve(&machine.space, AT, 4 * PAGE, READ_WRITE, QUIRE_RESERVE_FIXED, &va));
    for (unsigned i = 0; i < 100; i++) {
        CHECK_OK(quire_vmm_fork(&machine.space, &child, 8));
        fault(NULL);
        quire_vmm_destroy(&child);
        CHECK_OK(quire_vmm_discard(&machine.space, AT, 2 * PAGE));
        fault(NULL);
    }
    for (unsigned i = 0; i < 400; i++) {
        machine.at = AT + i % 2 * PAGE;
        fault(NULL);
    }
    CHECK_EQUAL(host_last_log()[0], '\0');
}

TEST(vmm, ordinary_faults_are_not_counted)
{
    each_format(ordinary_faults);
}

static void destroy(void *context)
{
    (void)context;
    quire_vmm_destroy(&machine.space);
}

static void active(void)
{
    quire_cpu_told = (quire_cpu_told_t){.has_cr3 = true, .cr3 = quire_table_root(&machine.space.table).value};
    panics_with(destroy, "the tree that this CPU runs on is destroyed");
    CHECK(strstr(host_panic_sentence(), "of space 7") != NULL);
    quire_cpu_told.cr3 = quire_table_root(&machine.kernel.table).value;
    destroy(NULL);
    CHECK_OK(quire_vmm_check(&machine.kernel));
}

TEST(vmm, the_active_space_is_not_destroyed)
{
    each_format(active);
}

/* --- where the code runs --- */

static void activate(void *context)
{
    (void)context;
    quire_vmm_activate(&machine.space);
}

static void map(quire_table_t *table, quire_va_t va, unsigned prot, unsigned flags, quire_frame_t frame)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, table, va, va + PAGE, QUIRE_CURSOR_POPULATE));
    CHECK_OK(quire_cursor_map(&cursor, va, 1, frame, prot, flags));
    quire_cursor_close(&cursor);
}

static quire_frame_t take(void)
{
    quire_frame_t frame;

    CHECK_OK(quire_pmm_alloc(machine.pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frame));
    return frame;
}

static void lower_half(void)
{
    quire_cpu_told.code = machine.area;
    quire_cpu_told.stack = machine.area;
    activate(NULL);
    quire_cpu_told.code = 0x100123;
    panics_with(activate, "does not map the code that runs");
    CHECK(strstr(host_panic_sentence(), "address 0x100123 of space 7") != NULL);
    quire_cpu_told.is_unpaged = true;
    activate(NULL);
    quire_cpu_told.is_unpaged = false;
    map(&machine.space.table, 0x100000, QUIRE_PROT_READ | QUIRE_PROT_EXEC, 0, take());
    activate(NULL);
    quire_cpu_told.stack = 0x200000;
    panics_with(activate, "does not map the stack that is used");
}

TEST(vmm, a_kernel_in_the_lower_half_is_told)
{
    each_format(lower_half);
}

static quire_table_t fresh;

static void load_fresh(void *context)
{
    (void)context;
    quire_table_load(&fresh);
}

static void seal_fresh(void *context)
{
    (void)context;
    quire_table_seal(&fresh);
}

/* The kernel's own tree, before it is sealed: an image that is not in it, or lies in frames that are for sale. */
static void image(void)
{
    const quire_va_t code = machine.kernel.table.shared_start;
    quire_frame_t frame = take();

    CHECK_OK(quire_table_create_kernel(&fresh, machine.kernel.table.format, machine.pmm, QUIRE_ZONE_ANY, code));
    quire_cpu_told.code = code + 0x123;
    panics_with(load_fresh, "does not map the code that runs");
    map(&fresh, code, QUIRE_PROT_READ | QUIRE_PROT_EXEC, QUIRE_PAGE_FOREIGN, frame);
    load_fresh(NULL);
    CHECK_OK(quire_pmm_free(machine.pmm, frame, 0));
    panics_with(seal_fresh, "the kernel's image is missing from the memory map");
    quire_cpu_told.code = 0;
    quire_cpu_told.stack = code + 0xff0;
    panics_with(seal_fresh, "the stack that is used lies in a frame that the PMM would hand out");
    quire_cpu_told.is_unpaged = true;
    quire_cpu_told.stack = (quire_va_t)frame.number << QUIRE_PAGE_SHIFT;
    panics_with(seal_fresh, "the stack that is used lies in a frame that the PMM would hand out");
    quire_cpu_told = (quire_cpu_told_t){0};
    seal_fresh(NULL);
}

TEST(vmm, an_image_that_is_not_reserved_is_told)
{
    each_format(image);
}

/* --- the kernel's memory --- */

static void populate(void *context)
{
    quire_va_t va;

    (void)context;
    CHECK_OK(quire_vmm_reserve(&machine.kernel, 0, PAGE, READ_WRITE, 0, &va));
    CHECK_OK(quire_vmm_populate(&machine.kernel, va, PAGE));
}

static void kernels_memory(void)
{
    quire_cpu_told = (quire_cpu_told_t){.has_cr3 = true, .cr3 = quire_table_root(&machine.space.table).value};
    populate(NULL);
    CHECK_EQUAL(host_last_log()[0], '\0');
    quire_cpu_told.cr3 = quire_pa_of_frame(take()).value;
    populate(NULL);
    log_says("was quire_table_load called?");
    quire_cpu_told.is_unpaged = true;
    panics_with(populate, "paging is off (CR0.PG): address 0x");
}

TEST(vmm, memory_that_the_cpu_does_not_see_is_told)
{
    each_format(kernels_memory);
}

/* --- the handler's arguments --- */

static void fault_as_told(void *context)
{
    (void)context;
    (void)!quire_vmm_fault(&machine.space, machine.at, machine.access);
}

static void raw_codes(void)
{
    for (machine.access = 1; machine.access < 64; machine.access++)
        panics_with(fault_as_told, "no set of quire_access_t (the page-fault code as the processor gave it?): address "
                                   "0x400000 of space 7");
}

TEST(vmm, a_raw_page_fault_code_is_told)
{
    each_format(raw_codes);
}

/* --- cursors and frames --- */

static void open_twice(void *context)
{
    static quire_cursor_t left;
    quire_cursor_t second;

    (void)context;
    CHECK_OK(quire_cursor_open(&left, &machine.space.table, AT, AT + PAGE, QUIRE_CURSOR_READ));
    CHECK_OK(quire_cursor_open(&second, &machine.space.table, 2 * AT, 2 * AT + PAGE, QUIRE_CURSOR_READ));
}

static void left_open(void)
{
    panics_with(open_twice, "left one open on the same tree, from: address 0x400000 of space 7");
}

TEST(vmm, a_cursor_that_was_left_open_is_told)
{
    each_format(left_open);
}

static void map_frame(void *context)
{
    (void)context;
    map(&machine.space.table, machine.at, QUIRE_PROT_READ | QUIRE_PROT_USER, 0, machine.frame);
}

static void unmap(void *context)
{
    (void)context;
    CHECK_OK(quire_vmm_unmap(&machine.space, machine.at, PAGE));
}

static void free_frame(void)
{
    machine.frame = take();
    CHECK_OK(quire_pmm_free(machine.pmm, machine.frame, 0));
    panics_with(map_frame, "a frame is mapped that the PMM has not given out");
    CHECK(strstr(host_panic_sentence(), "at or above address 0x400000 of space 7") != NULL);
}

TEST(vmm, a_free_frame_is_not_mapped)
{
    each_format(free_frame);
}

/* Nobody can tell when it is done; when it comes out, the sentence says where and what. */
static void freed_while_mapped(void)
{
    machine.frame = take();
    map_frame(NULL);
    CHECK_OK(quire_pmm_free(machine.pmm, machine.frame, 0));
    panics_with(unmap, "it was freed while it was mapped, or mapped twice without quire_pmm_retain: frame 0x");
    CHECK(strstr(host_panic_sentence(), "at or above address 0x400000 of space 7") != NULL);
}

TEST(vmm, a_mapped_frame_that_was_freed_is_named)
{
    each_format(freed_while_mapped);
}

static void mapped_twice(void)
{
    machine.frame = take();
    map_frame(NULL);
    machine.at = AT + 5 * PAGE;
    map_frame(NULL);
    unmap(NULL);
    machine.at = AT;
    panics_with(destroy, "mapped twice without quire_pmm_retain: frame 0x");
    CHECK(strstr(host_panic_sentence(), "address 0x400000 of space 7") != NULL);
}

TEST(vmm, a_frame_mapped_twice_is_named)
{
    each_format(mapped_twice);
}
