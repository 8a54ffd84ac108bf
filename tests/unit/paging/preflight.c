/* SPDX-License-Identifier: MIT */
/* preflight.c - what would end in a reset is found before. */
#include <quire/explain.h>

#include "fixture.h"

#define TEXT_BYTES 1024

static char text[TEXT_BYTES];

static bool contains(const char *words)
{
    for (const char *from = text; *from != '\0'; from++) {
        size_t at = 0;

        while (words[at] != '\0' && from[at] == words[at])
            at++;
        if (words[at] == '\0')
            return true;
    }
    return false;
}

static void finds(const quire_preflight_t *flight, const char *words)
{
    CHECK_EQUAL(quire_preflight_check(flight, text, TEXT_BYTES), QUIRE_CORRUPT);
    CHECK(contains(words));
}

/* A small kernel: a page each of code, stack, GDT and IDT, in the pinned part. */
typedef struct layout {
    quire_va_t code, stack, gdt, idt;
    quire_frame_t idt_frame;
} layout_t;

static quire_preflight_t sound(fixture_t *fixture, layout_t *layout)
{
    unsigned levels = quire_format_levels(fixture->format);
    quire_preflight_t flight = {.format = fixture->format};

    layout->code = fixture->pinned + PAGE;
    layout->stack = fixture->pinned + 3 * PAGE;
    layout->gdt = fixture->pinned + 4 * PAGE;
    layout->idt = fixture->pinned + 6 * PAGE;
    layout->idt_frame = paging_frame(fixture);
    CHECK_OK(paging_map(&fixture->kernel, layout->code, paging_frame(fixture), READ | QUIRE_PROT_EXEC, 0));
    CHECK_OK(paging_map(&fixture->kernel, layout->stack, paging_frame(fixture), READ_WRITE, 0));
    CHECK_OK(paging_map(&fixture->kernel, layout->gdt, paging_frame(fixture), READ_WRITE, 0));
    CHECK_OK(paging_map(&fixture->kernel, layout->idt, layout->idt_frame, READ, 0));
    flight.cr3 = quire_table_root(&fixture->table).value;
    flight.cr0 = 0x80010001;
    flight.known = QUIRE_KNOWN_MODES;
    flight.cr4 = levels == 2 ? 0x10 : levels == 5 ? 0x1020 : 0x20;
    flight.efer = levels > 3 ? 0x900 : levels == 3 ? 0x800 : 0;
    flight.instruction = layout->code + 0x123;
    flight.stack = layout->stack + PAGE;
    flight.gdt = layout->gdt;
    flight.gdt_limit = 0xff;
    return flight;
}

static void instruction_and_stack(fixture_t *fixture)
{
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);
    quire_preflight_t broken = flight;

    CHECK_OK(quire_preflight_check(&flight, text, TEXT_BYTES));
    CHECK_EQUAL(text[0], '\0');
    broken.instruction = fixture->pinned;
    finds(&broken, "the next instruction");
    CHECK(contains("is not mapped"));
    if (quire_format_levels(fixture->format) > 2) {
        broken.instruction = layout.stack;
        finds(&broken, "not executable");
    }
    broken = flight;
    broken.stack = layout.stack;
    finds(&broken, "the stack");
    broken.stack = layout.code + 0x800;
    finds(&broken, "read-only");
    broken = flight;
    broken.gdt_limit = 0x1fff;
    finds(&broken, "the GDT");
    broken = flight;
    broken.from_unpaged = true;
    finds(&broken, "to another place");
    CHECK_EQUAL(quire_preflight_check(&broken, text, 8), QUIRE_CORRUPT);
    CHECK_EQUAL(text[7], '\0');
}

TEST(paging, preflight_sees_what_is_not_mapped)
{
    paging_each_format(instruction_and_stack);
}

static void modes(fixture_t *fixture)
{
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);
    quire_preflight_t broken = flight;

    broken.cr4 ^= 0x20;
    finds(&broken, "CR4.PAE");
    broken = flight;
    broken.cr4 |= 1;
    broken.efer ^= 0x100;
    finds(&broken, "EFER.LME");
    broken = flight;
    broken.cr4 ^= 0x1000;
    finds(&broken, "CR4.LA57");
    if (quire_format_levels(fixture->format) > 2) {
        broken = flight;
        broken.efer &= ~(uint64_t)0x800;
        finds(&broken, "EFER.NXE");
        broken = flight;
        broken.physical_bits = 24;
        finds(&broken, "reserved bits");
    }
    broken = flight;
    broken.cr3 |= (uint64_t)1 << 53;
    finds(&broken, "CR3 has");
}

TEST(paging, preflight_sees_modes_that_do_not_fit)
{
    paging_each_format(modes);
}

/* 0 is a value: the state of a CPU that has just left reset. What is not known is not looked at. */
static void modes_of_zero(fixture_t *fixture)
{
    unsigned levels = quire_format_levels(fixture->format);
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);
    quire_preflight_t zero = flight;

    zero.cr0 = zero.cr4 = zero.efer = 0;
    finds(&zero, "CR0.PG is clear");
    if (levels > 2)
        finds(&zero, "CR4.PAE");
    if (levels > 3)
        finds(&zero, "EFER.LME");
    if (levels > 2)
        finds(&zero, "EFER.NXE");
    zero.known = 0;
    CHECK_OK(quire_preflight_check(&zero, text, TEXT_BYTES));
    CHECK_EQUAL(text[0], '\0');
    zero = flight;
    zero.efer = 0;
    if (levels == 2)
        CHECK_OK(quire_preflight_check(&zero, text, TEXT_BYTES));
    else
        finds(&zero, levels > 3 ? "EFER.LME" : "EFER.NXE");
}

TEST(paging, preflight_knows_zero_from_unknown)
{
    paging_each_format(modes_of_zero);
}

/* What runs must not be given away: code, stack, tables. The kernel's own are FOREIGN: its image is kept out. */
static void free_frames(fixture_t *fixture)
{
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);
    quire_frame_t frame = paging_frame(fixture);
    quire_preflight_t broken;

    flight.pmm = fixture->pmm;
    CHECK_OK(quire_preflight_check(&flight, text, TEXT_BYTES));
    CHECK_OK(paging_map(&fixture->kernel, fixture->pinned + 8 * PAGE, frame, READ_WRITE | QUIRE_PROT_EXEC, FOREIGN));
    CHECK_OK(quire_pmm_free(fixture->pmm, frame, 0));
    broken = flight;
    broken.instruction = fixture->pinned + 8 * PAGE;
    finds(&broken, "the next instruction at 0x");
    CHECK(contains("lies in a frame that the PMM calls free"));
    broken = flight;
    broken.stack = fixture->pinned + 9 * PAGE;
    finds(&broken, "the stack at 0x");
    broken = flight;
    broken.gdt = fixture->pinned + 8 * PAGE;
    finds(&broken, "the GDT at 0x");
    broken.pmm = NULL;
    CHECK_OK(quire_preflight_check(&broken, text, TEXT_BYTES));
    broken = flight;
    broken.stack_start = fixture->pinned + 9 * PAGE;
    CHECK_OK(quire_preflight_check(&broken, text, TEXT_BYTES));
    CHECK(contains("note: below the stack"));
    broken.stack_start = layout.stack;
    CHECK_OK(quire_preflight_check(&broken, text, TEXT_BYTES));
    CHECK_EQUAL(text[0], '\0');
}

TEST(paging, preflight_sees_what_the_pmm_would_give_away)
{
    paging_each_format(free_frames);
}

/* A tree in memory that was given back. */
static void free_tables(fixture_t *fixture)
{
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);
    quire_frame_t root = paging_frame(fixture);
    void *window = quire_port_window_open(root);

    for (size_t i = 0; i < PAGE; i++)
        ((uint8_t *)window)[i] = 0;
    quire_port_window_close(window);
    CHECK_OK(quire_pmm_free(fixture->pmm, root, 0));
    flight = (quire_preflight_t){.format = fixture->format, .cr3 = quire_pa_of_frame(root).value, .pmm = fixture->pmm};
    finds(&flight, "the table of level ");
    CHECK(contains("lies in a frame that the PMM calls free"));
}

TEST(paging, preflight_sees_tables_that_are_free)
{
    paging_each_format(free_tables);
}

static void write_gate(const layout_t *layout, unsigned vector, size_t gate_bytes, uint64_t handler, uint8_t type)
{
    uint8_t *window = quire_port_window_open(layout->idt_frame);
    uint8_t *gate = window + vector * gate_bytes;

    for (unsigned i = 0; i < gate_bytes; i++)
        gate[i] = 0;
    gate[0] = (uint8_t)handler;
    gate[1] = (uint8_t)(handler >> 8);
    gate[5] = type;
    gate[6] = (uint8_t)(handler >> 16);
    gate[7] = (uint8_t)(handler >> 24);
    for (unsigned i = 8; i < 12 && i < gate_bytes; i++)
        gate[i] = (uint8_t)(handler >> (8 * (i - 4)));
    quire_port_window_close(window);
}

static void handlers(fixture_t *fixture)
{
    static const uint8_t vectors[] = {8, 12, 13, 14};
    size_t gate_bytes = quire_format_levels(fixture->format) > 3 ? 16 : 8;
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);

    flight.idt = layout.idt;
    flight.idt_limit = (uint32_t)(256 * gate_bytes - 1);
    for (unsigned i = 0; i < 4; i++)
        write_gate(&layout, vectors[i], gate_bytes, layout.code + 16 * i, 0x8e);
    CHECK_OK(quire_preflight_check(&flight, text, TEXT_BYTES));
    write_gate(&layout, 14, gate_bytes, layout.gdt + PAGE, 0x8e);
    finds(&flight, "the page-fault handler");
    write_gate(&layout, 14, gate_bytes, layout.code, 0x0e);
    finds(&flight, "no gate that is present");
    write_gate(&layout, 14, gate_bytes, layout.code, 0x8e);
    write_gate(&layout, 8, gate_bytes, 0, 0x85); /* a task gate */
    CHECK_OK(quire_preflight_check(&flight, text, TEXT_BYTES));
    flight.idt_limit = 0x3f;
    finds(&flight, "beyond the limit");
}

TEST(paging, preflight_sees_handlers_that_are_out_of_reach)
{
    paging_each_format(handlers);
}

/* What others do with the bits that the processor leaves to software is no finding. */
static void foreign_bits(fixture_t *fixture)
{
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);
    bool narrow = quire_format_levels(fixture->format) == 2;
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    const quire_walk_step_t *last = &steps[quire_table_walk(&fixture->kernel, layout.stack, steps) - 1];
    uint32_t *window = quire_port_window_open(last->table);

    window[narrow ? last->index : 2 * last->index] |= 0xE00;
    quire_port_window_close(window);
    CHECK_OK(quire_preflight_check(&flight, text, TEXT_BYTES));
    flight.stack = layout.code + 0x800;
    flight.cr0 = 0x80010001;
    finds(&flight, "read-only");
    flight.cr0 = 0x80000001;
    CHECK_OK(quire_preflight_check(&flight, text, TEXT_BYTES));
    CHECK(contains("note: CR0.WP is clear"));
    window = quire_port_window_open(last->table);
    window[narrow ? last->index : 2 * last->index] = (uint32_t)last->raw;
    quire_port_window_close(window);
}

TEST(paging, preflight_of_other_kernels)
{
    paging_each_format(foreign_bits);
}

/* Reads the root, and nothing else: as if all other tables lay where no RAM is. */
static const void *read_root_only(void *context, quire_frame_t frame)
{
    static uint8_t bytes[QUIRE_PAGE_BYTES];
    const quire_frame_t *root = context;

    if (frame.number != root->number)
        return NULL;
    const uint8_t *window = quire_port_window_open(frame);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = window[i];
    quire_port_window_close((void *)(uintptr_t)window);
    return bytes;
}

static void out_of_reach(fixture_t *fixture)
{
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    layout_t layout;
    quire_preflight_t flight = sound(fixture, &layout);
    quire_preflight_t broken = flight;
    quire_frame_t root = fixture->table.root;

    CHECK_OK(quire_preflight_check(&flight, text, TEXT_BYTES));
    broken.read = read_root_only;
    broken.context = &root;
    finds(&broken, "is not RAM");
    broken = flight;
    broken.idt = layout.idt + PAGE;
    broken.idt_limit = 0xfff;
    finds(&broken, "is not mapped");
    CHECK_OK(paging_map(&fixture->table, PAGE, paging_frame(fixture), USER_READ | QUIRE_PROT_EXEC, 0));
    broken = flight;
    broken.instruction = PAGE;
    CHECK_OK(quire_preflight_check(&broken, text, TEXT_BYTES));
    broken.cr4 |= (uint64_t)1 << 20;
    finds(&broken, "SMEP and SMAP");
    if (quire_format_levels(fixture->format) > 2)
        return;
    CHECK_OK(paging_map_large(&fixture->table, span, 2, FOREIGN_BASE, USER_READ, FOREIGN));
    broken = flight;
    broken.cr4 = 0x80;
    finds(&broken, "until CR4.PSE is set");
}

TEST(paging, preflight_sees_what_is_out_of_reach)
{
    paging_each_format(out_of_reach);
}
