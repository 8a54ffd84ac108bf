/* SPDX-License-Identifier: MIT */
/*
 * test_segment_load.c - loading segment registers, GDTR and LDTR. SDM volume 2, MOV, JMP, LLDT; volume 3, chapter 5.
 */
#include "test_fixture.h"

enum { GDT = 0x200000, LDT = 0x201000, ENTRIES = 16 };
enum { PRESENT = 0x80, CODE_OR_DATA = 0x10, DPL3 = 0x60 };

/* A descriptor from its parts, written out from SDM figure 3-8. */
static uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
    return (limit & 0xFFFF) | (uint64_t)(base & 0xFFFFFF) << 16 | (uint64_t)access << 40 |
           (uint64_t)(limit >> 16 & 0xF) << 48 | (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

static void put(uint32_t table, unsigned index, uint64_t value)
{
    model_physical_write(fixture.machine, table + 8 * index, &value, sizeof value);
}

static uint64_t get(uint32_t table, unsigned index)
{
    uint64_t value;

    model_physical_read(fixture.machine, table + 8 * index, &value, sizeof value);
    return value;
}

static model_t *with_gdt(void)
{
    model_t *machine = fixture_start(MODEL_PAGING_OFF);

    CHECK_DONE(model_lgdt(machine, 0, GDT, 8 * ENTRIES - 1));
    return machine;
}

static model_fault_t load(model_segment_t segment, uint16_t selector)
{
    return model_load_segment(fixture.machine, 0, segment, selector);
}

/* SDM 3.4.5: the fields, granularity, and the accessed bit that the load sets. */
TEST(model, load_decodes)
{
    model_t *machine = with_gdt();

    put(GDT, 3, descriptor(0x12345678, 0xABCDE, PRESENT | CODE_OR_DATA | 2, 0xC));
    CHECK_DONE(load(MODEL_FS, 0x18));
    model_descriptor_t fs = model_get_segment(machine, 0, MODEL_FS);
    CHECK_EQUAL(fs.base, 0x12345678);
    CHECK_EQUAL(fs.limit, 0xABCDEFFF);
    CHECK(fs.usable && fs.present && fs.big && fs.code_or_data);
    CHECK_EQUAL(fs.type, 3);
    CHECK_EQUAL(get(GDT, 3) >> 40 & 0xFF, PRESENT | CODE_OR_DATA | 3);
    put(GDT, 3, descriptor(0, 0xABCDE, PRESENT | CODE_OR_DATA | 2, 0x4));
    CHECK_EQUAL(model_get_segment(machine, 0, MODEL_FS).limit, 0xABCDEFFF); /* cached until loaded again */
    CHECK_DONE(load(MODEL_FS, 0x18));
    CHECK_EQUAL(model_get_segment(machine, 0, MODEL_FS).limit, 0xABCDE);
}

/* SDM 3.5.1: the last byte of the descriptor must be inside the limit. */
TEST(model, load_beyond_the_table)
{
    model_t *machine = with_gdt();

    CHECK_FAULT(load(MODEL_DS, 8 * ENTRIES), MODEL_GP, 8 * ENTRIES);
    CHECK_FAULT(load(MODEL_DS, 0xFFF8 | 3), MODEL_GP, 0xFFF8);
    put(GDT, 2, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 2, 0xC));
    CHECK_DONE(model_lgdt(machine, 0, GDT, 8 * 2 + 6));
    CHECK_FAULT(load(MODEL_DS, 0x10), MODEL_GP, 0x10);
    CHECK_DONE(model_lgdt(machine, 0, GDT, 8 * 2 + 7));
    CHECK_DONE(load(MODEL_DS, 0x10));
}

/* SDM volume 2, MOV: type, then privilege, then presence. */
TEST(model, load_data_refusals)
{
    model_t *machine = with_gdt();

    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | 2, 0)); /* a system descriptor */
    CHECK_FAULT(load(MODEL_DS, 8), MODEL_GP, 8);
    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 8, 0)); /* execute-only code */
    CHECK_FAULT(load(MODEL_DS, 8), MODEL_GP, 8);
    put(GDT, 1, descriptor(0, 0xFFFFF, CODE_OR_DATA | 2, 0));
    CHECK_FAULT(load(MODEL_DS, 8), MODEL_NP, 8);
    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 2, 0));
    CHECK_FAULT(load(MODEL_DS, 8 | 3), MODEL_GP, 8); /* RPL 3 > DPL 0 */
    model_set_cpl(machine, 0, 3);
    CHECK_FAULT(load(MODEL_DS, 8), MODEL_GP, 8);
    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | DPL3 | 2, 0));
    CHECK_DONE(load(MODEL_DS, 8 | 3));
}

/* SDM 5.5 and volume 2: readable conforming code may be loaded whatever the privilege. */
TEST(model, load_conforming_code_as_data)
{
    model_t *machine = with_gdt();

    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 0xE, 0));
    put(GDT, 2, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 0xA, 0));
    model_set_cpl(machine, 0, 3);
    CHECK_DONE(load(MODEL_DS, 8 | 3));
    CHECK_FAULT(load(MODEL_DS, 16 | 3), MODEL_GP, 16);
}

/* SDM volume 2, MOV to SS: RPL and DPL must both equal the CPL; not present is #SS. */
TEST(model, load_stack_refusals)
{
    model_t *machine = with_gdt();

    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 2, 0xC));
    put(GDT, 2, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | DPL3 | 2, 0xC));
    CHECK_DONE(load(MODEL_SS_REGISTER, 8));
    CHECK_FAULT(load(MODEL_SS_REGISTER, 8 | 3), MODEL_GP, 8);
    CHECK_FAULT(load(MODEL_SS_REGISTER, 16), MODEL_GP, 16);
    model_set_cpl(machine, 0, 3);
    CHECK_DONE(load(MODEL_SS_REGISTER, 16 | 3));
    put(GDT, 2, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | DPL3 | 0, 0xC));
    CHECK_FAULT(load(MODEL_SS_REGISTER, 16 | 3), MODEL_GP, 16);
    put(GDT, 2, descriptor(0, 0xFFFFF, CODE_OR_DATA | DPL3 | 2, 0xC));
    CHECK_FAULT(load(MODEL_SS_REGISTER, 16 | 3), MODEL_SS, 16);
}

/* SDM volume 2, JMP: the rules of a far jump. */
TEST(model, load_code)
{
    model_t *machine = with_gdt();

    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 0xA, 0xC));
    put(GDT, 2, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 0xE, 0xC));
    put(GDT, 3, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | 2, 0xC));
    put(GDT, 4, descriptor(0, 0xFFFFF, CODE_OR_DATA | 0xA, 0xC));
    CHECK_DONE(load(MODEL_CS, 8));
    CHECK_FAULT(load(MODEL_CS, 8 | 1), MODEL_GP, 8);
    CHECK_FAULT(load(MODEL_CS, 24), MODEL_GP, 24);
    CHECK_FAULT(load(MODEL_CS, 32), MODEL_NP, 32);
    model_set_cpl(machine, 0, 3);
    CHECK_FAULT(load(MODEL_CS, 8), MODEL_GP, 8);
    CHECK_DONE(load(MODEL_CS, 16)); /* conforming: runs at the CPL of the caller */
    CHECK_EQUAL(model_get_segment(machine, 0, MODEL_CS).selector, 16 | 3);
}

/* SDM 5.2.1: L and D together are #GP in long mode. */
TEST(model, load_code_in_long_mode)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);

    entry_put(GDT, 1, GDT | P | W);
    CHECK_DONE(model_lgdt(machine, 0, GDT, 8 * ENTRIES - 1));
    put(GDT, 1, descriptor(0, 0, PRESENT | CODE_OR_DATA | 0xA, 0x6));
    CHECK_FAULT(load(MODEL_CS, 8), MODEL_GP, 8);
    put(GDT, 1, descriptor(0, 0, PRESENT | CODE_OR_DATA | 0xA, 0x2));
    CHECK_DONE(load(MODEL_CS, 8));
    CHECK(model_get_segment(machine, 0, MODEL_CS).long_mode);
}

/* SDM 3.5.1: selectors with TI set are found in the LDT; the LDT's own descriptor stands in the GDT. */
TEST(model, local_descriptors)
{
    model_t *machine = with_gdt();

    CHECK_FAULT(load(MODEL_ES, 0xC), MODEL_GP, 0xC); /* no LDT yet */
    put(GDT, 5, descriptor(LDT, 0xF, PRESENT | 2, 0));
    put(LDT, 1, descriptor(0x40000000, 0xFF, PRESENT | CODE_OR_DATA | 2, 0));
    CHECK_DONE(model_lldt(machine, 0, 0x28));
    CHECK_DONE(load(MODEL_ES, 0xC));
    CHECK_EQUAL(model_get_segment(machine, 0, MODEL_ES).base, 0x40000000);
    CHECK_FAULT(load(MODEL_ES, 0x14), MODEL_GP, 0x14); /* beyond the LDT's limit */
    CHECK_DONE(load(MODEL_ES, 4 | 8));
    put(LDT, 0, descriptor(0, 0xFF, PRESENT | CODE_OR_DATA | 2, 0));
    CHECK_DONE(load(MODEL_ES, 4)); /* index 0 of the LDT is not null */
}

/* SDM 3.5.2 and 7.2.3: in long mode the LDT's descriptor has 16 bytes, and its base 64 bits. */
TEST(model, local_table_in_long_mode)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t base = UINT64_C(0xFFFF800012345000);

    entry_put(GDT, 1, GDT | P | W);
    entry_put(base, 1, LDT | P | W);
    CHECK_DONE(model_lgdt(machine, 0, GDT, 8 * ENTRIES - 1));
    put(GDT, 6, descriptor((uint32_t)base, 0xF, PRESENT | 2, 0));
    put(GDT, 7, base >> 32);
    put(LDT, 1, descriptor(0x1000, 0xFF, PRESENT | CODE_OR_DATA | 2, 0));
    CHECK_DONE(model_lldt(machine, 0, 0x30));
    CHECK_DONE(load(MODEL_FS, 0xC));
    CHECK_EQUAL(model_get_segment(machine, 0, MODEL_FS).base, 0x1000);
    CHECK_DONE(model_lgdt(machine, 0, GDT, 8 * 7 - 1)); /* cuts the upper half off */
    CHECK_FAULT(model_lldt(machine, 0, 0x30), MODEL_GP, 0x30);
}

/* SDM volume 2, LLDT. */
TEST(model, lldt_refusals)
{
    model_t *machine = with_gdt();

    put(GDT, 5, descriptor(LDT, 0xF, PRESENT | 9, 0)); /* a TSS */
    CHECK_FAULT(model_lldt(machine, 0, 0x28), MODEL_GP, 0x28);
    put(GDT, 5, descriptor(LDT, 0xF, 2, 0));
    CHECK_FAULT(model_lldt(machine, 0, 0x28), MODEL_NP, 0x28);
    CHECK_FAULT(model_lldt(machine, 0, 0x2C), MODEL_GP, 0x2C);
    CHECK_FAULT(model_lldt(machine, 0, 0x800), MODEL_GP, 0x800);
    CHECK_DONE(model_lldt(machine, 0, 0));
    CHECK_FAULT(load(MODEL_ES, 0xC), MODEL_GP, 0xC);
    model_set_cpl(machine, 0, 3);
    CHECK_FAULT(model_lldt(machine, 0, 0), MODEL_GP, 0);
    CHECK_FAULT(model_lgdt(machine, 0, 0, 0), MODEL_GP, 0);
}

/* SDM 4.6: reading a descriptor is an implicit supervisor access: the CPL does not count, paging does. */
TEST(model, descriptors_go_through_paging)
{
    model_t *machine = fixture_start(MODEL_PAGING_32);

    CHECK_DONE(model_lgdt(machine, 0, 0x7000, 8 * ENTRIES - 1));
    model_fault_t fault = load(MODEL_ES, 8);
    CHECK_FAULT(fault, MODEL_PF, 0);
    CHECK_EQUAL(fault.address, 0x7008);
    entry_put(0x7000, 1, GDT | P);
    put(GDT, 1, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | DPL3 | 3, 0xC));
    put(GDT, 2, descriptor(0, 0xFFFFF, PRESENT | CODE_OR_DATA | DPL3 | 2, 0xC));
    model_set_cpl(machine, 0, 3);
    CHECK_DONE(load(MODEL_ES, 8 | 3));
    /* The accessed bit has to be set, and the page is read-only. */
    CHECK_FAULT(load(MODEL_ES, 16 | 3), MODEL_PF, MODEL_PF_P | MODEL_PF_W);
}
