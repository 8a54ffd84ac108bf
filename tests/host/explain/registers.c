/* SPDX-License-Identifier: MIT */
/* registers.c - registers are found in whatever text they stand in, and the right set of them is taken. */
#include "explain/registers.h"

#include <string.h>

#include "test.h"

static const char paged[] = "RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000001 RDX=0000000000000002\n"
                            "RIP=ffffffff8010eb92 RFL=00200046 [---Z-P-] CPL=3 II=0 A20=1 SMM=0 HLT=1\n"
                            "CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\n"
                            "SS =0010 0000000000001000 ffffffff 00af9b00 DPL=0 DS [-WA]\n"
                            "TR =0030 ffffffff8015d6e0 00002068 00008900 DPL=0 TSS64-avl\n"
                            "GDT=     ffffffff80160760 0000003f\n"
                            "IDT=     ffffffff8015f760 00000fff\n"
                            "CR0=80010033 CR2=ffffffff80139fe8 CR3=0000000001000000 CR4=00300ea0\n"
                            "EFER=0000000000000d01\n";
static const char unpaged[] = "EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000663\n"
                              "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\n"
                              "CS =f000 ffff0000 0000ffff 00009b00\n"
                              "TR =0000 00000000 0000ffff 00008b00\n"
                              "GDT=     00000000 0000ffff\n"
                              "CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\n"
                              "EFER=0000000000000000\n";

static void feed(register_parser_t *parser, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        registers_line(parser, text, length);
        text += length + (text[length] == '\n');
    }
}

static register_set_t last_of(const char *text, const char *more)
{
    register_parser_t parser;
    register_set_t set = {0};

    registers_begin(&parser, 0);
    feed(&parser, text);
    feed(&parser, more);
    CHECK(registers_end(&parser, &set));
    return set;
}

TEST(explain, registers_of_the_monitor)
{
    register_set_t set = last_of(paged, "");

    CHECK_EQUAL(set.cr0, 0x80010033);
    CHECK_EQUAL(set.cr2, 0xffffffff80139fe8);
    CHECK_EQUAL(set.cr3, 0x1000000);
    CHECK_EQUAL(set.cr4, 0x300ea0);
    CHECK_EQUAL(set.efer, 0xd01);
    CHECK_EQUAL(set.instruction, 0xffffffff8010eb92);
    CHECK_EQUAL(set.ring, 3);
    CHECK_EQUAL(set.stack_base, 0x1000);
    CHECK_EQUAL(set.gdt.base, 0xffffffff80160760);
    CHECK_EQUAL(set.gdt.limit, 0x3f);
    CHECK_EQUAL(set.idt.limit, 0xfff);
    CHECK_EQUAL(set.task.base, 0xffffffff8015d6e0);
    CHECK_EQUAL(set.task.limit, 0x2068);
    CHECK(!set.event.known && !set.first.known && !set.triple && !set.quire);
    CHECK(registers_format(&set) == &quire_format_x86_4level);
    set.cr4 |= 0x1000;
    CHECK(registers_format(&set) == &quire_format_x86_5level);
    set.efer = 0x800;
    CHECK(registers_format(&set) == &quire_format_x86_pae);
    set.cr4 = 0x10;
    CHECK(registers_format(&set) == &quire_format_x86_32);
}

TEST(explain, a_null_task_register_is_none)
{
    register_set_t set = last_of(unpaged, "");

    CHECK(registers_format(&set) == NULL);
    CHECK(!set.task.known && set.task.limit == 0);
    CHECK_EQUAL(set.code_base, 0xffff0000);
    CHECK_EQUAL(set.instruction, 0xfff0);
}

TEST(explain, the_last_set_with_paging_is_taken)
{
    register_parser_t parser;
    register_set_t set;

    CHECK_EQUAL(last_of(paged, unpaged).number, 1);
    CHECK_EQUAL(last_of(unpaged, paged).number, 2);
    CHECK_EQUAL(last_of(paged, paged).number, 2);
    registers_begin(&parser, 2);
    feed(&parser, paged);
    feed(&parser, unpaged);
    CHECK(registers_end(&parser, &set));
    CHECK_EQUAL(set.cr0, 0x60000010);
    registers_begin(&parser, 3);
    feed(&parser, paged);
    CHECK(!registers_end(&parser, &set));
    CHECK_EQUAL(parser.count, 1);
}

static const char page_fault[] = "     0: v=0e e=0002 i=0 cpl=0 IP=0008:000000000010005d pc=000000000010005d "
                                 "SP=0010:0000000000107000 CR2=00000000deadbeef\n";
static const char double_fault[] = "check_exception old: 0xe new 0xe\n"
                                   "     1: v=08 e=0000 i=0 cpl=0 IP=0008:000000000010005d pc=000000000010005d "
                                   "SP=0010:0000000000107000 env->regs[R_EAX]=0000000080000011\n";
static const char timer[] = "     2: v=20 e=0000 i=0 cpl=0 IP=0008:0000000000100000 pc=0000000000100000 "
                            "SP=0010:0000000000107000 env->regs[R_EAX]=0000000080000011\n";

TEST(explain, an_exception_belongs_to_the_registers_that_follow)
{
    register_set_t set = last_of(page_fault, paged);

    CHECK(set.event.known);
    CHECK_EQUAL(set.event.vector, 14);
    CHECK_EQUAL(set.event.code, 2);
    CHECK_EQUAL(set.event.address, 0xdeadbeef);
    CHECK_EQUAL(set.event.instruction, 0x10005d);
    CHECK(!last_of(timer, paged).event.known);
}

TEST(explain, a_triple_fault_is_traced_to_its_beginning)
{
    static char text[8192];
    register_set_t set;

    strcpy(text, page_fault);
    strcat(text, paged);
    strcat(text, double_fault);
    strcat(text, paged);
    strcat(text, "check_exception old: 0x8 new 0xe\nTriple fault\nCPU Reset (CPU 0)\n");
    set = last_of(text, "");
    CHECK_EQUAL(set.number, 2);
    CHECK_EQUAL(set.first.vector, 14);
    CHECK_EQUAL(set.first.address, 0xdeadbeef);
    strcat(text, paged);
    set = last_of(text, unpaged);
    CHECK_EQUAL(set.number, 3);
    CHECK(set.triple);
    CHECK_EQUAL(set.event.vector, 8);
    CHECK_EQUAL(set.first.address, 0xdeadbeef);
    /* Registers that come later have nothing to do with it. */
    strcat(text, paged);
    set = last_of(text, "");
    CHECK(!set.triple && !set.first.known && !set.event.known);
}

static const char report[] = "quire: process 2 (mistakes): page fault at instruction 0x401000\r\n"
                             "  ring 3 reads at 0x18: not present\r\n"
                             "  level 2, entry 0: 0x0: empty\r\n"
                             "  eax 00000000  ebx 00000000  ecx 00000000  edx 00000000\r\n"
                             "  eip 00401000  eflags 00000202  cs 001b  ds 0023  es 0023  fs 0000  gs 0000\r\n"
                             "  error 4\r\n"
                             "  cr0 80010033  cr2 18  cr3 1013000  cr4 6b0  efer 0\r\n"
                             "  gdt c0160760 3f  idt c015f760 7ff  tr 30 c015d6e0 2068\r\n";

TEST(explain, the_kernels_last_words_are_registers_too)
{
    register_set_t set = last_of(report, "  the process ends with status 139; the kernel goes on\n");

    CHECK(set.quire && set.event.known);
    CHECK_EQUAL(set.event.vector, 14);
    CHECK_EQUAL(set.event.code, 4);
    CHECK_EQUAL(set.event.address, 0x18);
    CHECK_EQUAL(set.event.instruction, 0x401000);
    CHECK_EQUAL(set.ring, 3);
    CHECK_EQUAL(set.cr3, 0x1013000);
    CHECK_EQUAL(set.idt.base, 0xc015f760);
    CHECK_EQUAL(set.task.limit, 0x2068);
    CHECK(registers_format(&set) == &quire_format_x86_pae);
}

TEST(explain, words_that_only_look_like_registers_are_not)
{
    register_parser_t parser;
    register_set_t set;

    registers_begin(&parser, 0);
    feed(&parser, "CR0=80010033 CR3=1000\n"); /* of no set */
    CHECK(!registers_end(&parser, &set));
    set = last_of(paged, "XCR0=0000000000000007 CR30=5 CR4=12345678901234567 CR4=zz CR3=\nCR3");
    CHECK_EQUAL(set.cr0, 0x80010033);
    CHECK_EQUAL(set.cr3, 0x1000000);
    CHECK_EQUAL(set.cr4, 0x300ea0);
}
