/* SPDX-License-Identifier: MIT */
/*
 * registers.c - a processor's registers, out of text that somebody saved.
 *
 * Problem. The text is a log: registers stand among other words, several times, and the set that tells what went wrong
 * is followed by those of a CPU that has reset itself since.
 *
 * Idea. Fields are looked for by name, wherever they stand in a line, so that a log's prefixes and line ends do not
 * matter; QEMU's names are in capitals and followed by "=", the Quire kernel's are not. A set begins with the line that
 * QEMU or the kernel begins one with. Lines of QEMU's log that tell an exception belong to the set that follows. A
 * double fault names no reason: the exception that came just before it does, and is kept as the first.
 *
 * Rejected: a grammar for each version of QEMU. The names have been the same for fifteen years, the rest has not.
 */
#include "registers.h"

#include <string.h>

#define CR0_PG    ((uint64_t)1 << 31)
#define CR4_PAE   ((uint64_t)1 << 5)
#define CR4_LA57  ((uint64_t)1 << 12)
#define EFER_LONG ((uint64_t)5 << 8) /* LME, LMA */

#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT   14
#define EXCEPTIONS          32
#define FIELDS_MAX          3

#define WANTED (REGISTER_CR0 | REGISTER_CR3 | REGISTER_CR4)

/* QEMU's names; the Quire kernel's are the same in small letters. The first eight may be of 32 bits. */
const char *const registers_general[GENERAL_REGISTERS] = {"RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP", "RSP",
                                                          "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
static const char *const small_names[GENERAL_REGISTERS] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                                           "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const narrow_names[] = {"EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP"};
static const char *const narrow_small_names[] = {"eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"};

typedef struct line {
    const char *text;
    size_t length;
} line_t;

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool has_at(line_t line, size_t at, const char *words)
{
    size_t length = strlen(words);

    return at <= line.length && length <= line.length - at && memcmp(line.text + at, words, length) == 0;
}

static bool has(line_t line, const char *words)
{
    for (size_t at = 0; at < line.length; at++)
        if (has_at(line, at, words))
            return true;
    return false;
}

/* A hexadecimal number of at most 16 digits, after blanks; *at moves behind it. */
static bool read_number(line_t line, size_t *at, uint64_t *value)
{
    size_t digits = 0;
    uint64_t number = 0;

    while (*at < line.length && line.text[*at] == ' ')
        ++*at;
    if (has_at(line, *at, "0x"))
        *at += 2;
    for (; *at < line.length && digit(line.text[*at]) >= 0; ++*at, digits++)
        number = number << 4 | (uint64_t)digit(line.text[*at]);
    if (digits == 0 || digits > 16 || (*at < line.length && is_name(line.text[*at])))
        return false;
    *value = number;
    return true;
}

/* The numbers that follow a name, at most `count`; returns how many there were. */
static unsigned read_field(line_t line, const char *name, uint64_t *values, unsigned count)
{
    size_t length = strlen(name);
    unsigned found = 0;

    for (size_t at = 0; at < line.length && found == 0; at++) {
        size_t next = at + length;

        if ((at > 0 && is_name(line.text[at - 1])) || !has_at(line, at, name) || next >= line.length ||
            (line.text[next] != '=' && line.text[next] != ' '))
            continue;
        while (next < line.length && (line.text[next] == ' ' || line.text[next] == '='))
            next++;
        while (found < count && read_number(line, &next, &values[found]))
            found++;
    }
    return found;
}

/* A register of one number, by either of its names. */
static bool read_register(line_t line, const char *name, const char *other, uint64_t *value)
{
    uint64_t number;

    if (read_field(line, name, &number, 1) == 0 && read_field(line, other, &number, 1) == 0)
        return false;
    *value = number;
    return true;
}

/* Base and limit, which QEMU and the kernel print alike; the task register has its selector before them. */
static void read_table(line_t line, const char *name, const char *other, unsigned before, descriptor_table_t *table)
{
    uint64_t values[FIELDS_MAX];
    unsigned count = before + 2;

    if (read_field(line, name, values, count) != count && read_field(line, other, values, count) != count)
        return;
    /* The null selector: none was ever loaded. */
    if (before == 0 || values[0] != 0)
        *table = (descriptor_table_t){values[before], (uint32_t)values[before + 1], true};
}

static void read_segments(line_t line, register_set_t *set)
{
    uint64_t values[FIELDS_MAX];

    if (read_field(line, "CS", values, 2) == 2)
        set->code_base = values[1];
    if (read_field(line, "SS", values, 2) == 2)
        set->stack_base = values[1];
    if (read_field(line, "cs", values, 1) == 1)
        set->ring = (unsigned)values[0] & 3;
    if (read_field(line, "CPL", values, 1) == 1)
        set->ring = (unsigned)values[0] & 3;
}

static void read_registers(line_t line, register_set_t *set)
{
    uint64_t code;

    set->known |= read_register(line, "CR0", "cr0", &set->cr0) ? REGISTER_CR0 : 0u;
    set->known |= read_register(line, "CR2", "cr2", &set->cr2) ? REGISTER_CR2 : 0u;
    set->known |= read_register(line, "CR3", "cr3", &set->cr3) ? REGISTER_CR3 : 0u;
    set->known |= read_register(line, "CR4", "cr4", &set->cr4) ? REGISTER_CR4 : 0u;
    set->known |= read_register(line, "EFER", "efer", &set->efer) ? REGISTER_EFER : 0u;
    set->known |= read_register(line, "EIP", "eip", &set->instruction) ? REGISTER_INSTRUCTION : 0u;
    set->known |= read_register(line, "RIP", "rip", &set->instruction) ? REGISTER_INSTRUCTION | REGISTER_WIDE : 0u;
    set->known |= read_register(line, "ESP", "esp", &set->stack) ? REGISTER_STACK : 0u;
    set->known |= read_register(line, "RSP", "rsp", &set->stack) ? REGISTER_STACK : 0u;
    read_segments(line, set);
    read_table(line, "GDT", "gdt", 0, &set->gdt);
    read_table(line, "IDT", "idt", 0, &set->idt);
    read_table(line, "TR", "tr", 1, &set->task);
    read_table(line, "LDT", "ldt", 1, &set->local);
    for (unsigned i = 0; i < GENERAL_REGISTERS; i++)
        (void)read_register(line, registers_general[i], small_names[i], &set->general[i]);
    for (unsigned i = 0; i < sizeof(narrow_names) / sizeof(narrow_names[0]); i++)
        (void)read_register(line, narrow_names[i], narrow_small_names[i], &set->general[i]);
    if (set->quire && read_field(line, "error", &code, 1) == 1)
        set->event.code = code;
    if (set->quire && read_field(line, "answer", &code, 1) == 1) {
        set->event.answered = true;
        set->event.answer = (unsigned)code;
    }
}

static bool has_paging(const register_set_t *set)
{
    return (set->cr0 & CR0_PG) != 0;
}

/* The set that was being read is complete. */
static void close_set(register_parser_t *parser)
{
    register_set_t *set = &parser->current;

    if (!parser->open || (set->known & WANTED) != WANTED) {
        parser->open = false;
        return;
    }
    parser->open = false;
    set->number = ++parser->count;
    if (set->quire) {
        set->event.instruction = set->instruction;
        set->event.address = set->cr2;
    }
    if (parser->wanted != 0 ? parser->wanted == set->number : has_paging(set) || !has_paging(&parser->chosen))
        parser->chosen = *set;
}

/* An exception belongs to the set that follows it; the last one of all also to a CPU that reset itself over it. */
static void open_set(register_parser_t *parser)
{
    close_set(parser);
    parser->open = true;
    parser->current = (register_set_t){.triple = parser->resets};
    if (parser->pending || parser->resets) {
        parser->current.event = parser->last;
        parser->current.first = parser->first;
    }
    parser->pending = false;
    parser->resets = false;
}

/* "v=0e e=0002 i=0 cpl=0 IP=0008:... pc=... SP=... CR2=...", at the beginning of an exception. */
static bool read_event(register_parser_t *parser, line_t line)
{
    uint64_t vector;
    uint64_t software = 0;
    event_t event = {.known = true};

    if (read_field(line, "v", &vector, 1) != 1 || read_field(line, "e", &event.code, 1) != 1)
        return false;
    close_set(parser);
    event.vector = (unsigned)vector;
    (void)read_field(line, "i", &software, 1);
    (void)read_field(line, "pc", &event.instruction, 1);
    (void)read_field(line, "CR2", &event.address, 1);
    if (software != 0 || vector >= EXCEPTIONS)
        event = (event_t){0};
    parser->first = event.known && vector == VECTOR_DOUBLE_FAULT ? parser->last : (event_t){0};
    parser->last = event;
    parser->pending = true;
    return true;
}

const char *registers_exception(unsigned vector)
{
    static const char *const names[EXCEPTIONS] = {
        [6] = "invalid instruction",        [VECTOR_DOUBLE_FAULT] = "double fault", [10] = "invalid task state",
        [11] = "segment not present",       [12] = "stack segment fault",           [13] = "general protection fault",
        [VECTOR_PAGE_FAULT] = "page fault",
    };

    return vector < EXCEPTIONS ? names[vector] : NULL;
}

static bool begins_report(line_t line)
{
    return has(line, "quire: the kernel has failed:") || has(line, "quire: panic:") ||
           (has(line, "quire: process ") && has(line, " at instruction 0x"));
}

/* "...: page fault at instruction 0x...": the first of its kind, for a process may be called anything but not after it.
 */
static bool names_exception(line_t line, const char *name)
{
    static const char at_instruction[] = " at instruction 0x";

    for (size_t at = 0; at < line.length; at++)
        if (has_at(line, at, ": ") && has_at(line, at + 2, name) && has_at(line, at + 2 + strlen(name), at_instruction))
            return true;
    return false;
}

static void open_report(register_parser_t *parser, line_t line)
{
    parser->pending = false;
    open_set(parser);
    parser->current.quire = true;
    for (unsigned vector = 0; vector < EXCEPTIONS; vector++) {
        const char *name = registers_exception(vector);

        if (name == NULL || !names_exception(line, name))
            continue;
        parser->current.event.known = true;
        parser->current.event.vector = vector;
    }
}

void registers_begin(register_parser_t *parser, unsigned wanted)
{
    *parser = (register_parser_t){.wanted = wanted};
}

void registers_line(register_parser_t *parser, const char *text, size_t length)
{
    line_t line = {text, length};

    if (begins_report(line)) {
        open_report(parser, line);
        return;
    }
    if (read_event(parser, line))
        return;
    if (has(line, "Triple fault")) {
        parser->resets = true;
        close_set(parser);
        return;
    }
    if (has_at(line, 0, "EAX=") || has_at(line, 0, "RAX="))
        open_set(parser);
    if (parser->open)
        read_registers(line, &parser->current);
}

bool registers_end(register_parser_t *parser, register_set_t *set)
{
    close_set(parser);
    if (parser->chosen.number == 0)
        return false;
    *set = parser->chosen;
    return true;
}

/* Where EFER is not told, the width of the registers tells the mode. */
static bool is_long_mode(const register_set_t *set)
{
    return set->known & REGISTER_EFER ? (set->efer & EFER_LONG) != 0 : (set->known & REGISTER_WIDE) != 0;
}

const quire_format_t *registers_intended_format(const register_set_t *set)
{
    if (!(set->cr4 & CR4_PAE))
        return &quire_format_x86_32;
    if (!is_long_mode(set))
        return &quire_format_x86_pae;
    return set->cr4 & CR4_LA57 ? &quire_format_x86_5level : &quire_format_x86_4level;
}

const quire_format_t *registers_format(const register_set_t *set)
{
    return has_paging(set) ? registers_intended_format(set) : NULL;
}

unsigned registers_known_modes(const register_set_t *set)
{
    return (set->known & REGISTER_CR0 ? (unsigned)QUIRE_KNOWN_CR0 : 0) |
           (set->known & REGISTER_CR4 ? (unsigned)QUIRE_KNOWN_CR4 : 0) |
           (set->known & REGISTER_EFER ? (unsigned)QUIRE_KNOWN_EFER : 0);
}
