/* SPDX-License-Identifier: MIT */
/*
 * registers.h - a processor's registers, out of text that somebody saved.
 *
 * Three kinds of text are understood, in any mixture, and one file may hold many sets of registers:
 *
 *   - `info registers` of QEMU's monitor, for one CPU or (-a) for all;
 *   - QEMU's log with -d int or -d cpu_reset: the same, after a line that tells the interrupt's vector and error code;
 *   - the last words of the Quire kernel, out of a log of its serial line.
 *
 * Whatever else stands in the text is skipped. Sets that lack CR0, CR3 or CR4 do not count.
 */
#ifndef EXPLAIN_REGISTERS_H
#define EXPLAIN_REGISTERS_H

#include <quire/explain.h>

/* What a CPU was told by an exception. */
typedef struct event {
    bool known;
    bool answered; /* by Quire's handler, with this status */
    unsigned answer;
    unsigned vector;
    uint64_t code;
    uint64_t instruction;
    uint64_t address; /* CR2, of a page fault */
} event_t;

typedef struct descriptor_table {
    uint64_t base;
    uint32_t limit;
    bool known;
} descriptor_table_t;

#define GENERAL_REGISTERS 16
extern const char *const registers_general[GENERAL_REGISTERS];

typedef struct register_set {
    unsigned number; /* the first of the text is 1 */
    unsigned known;  /* bits REGISTER_* */
    uint64_t cr0, cr2, cr3, cr4, efer;
    uint64_t instruction, stack; /* offsets; code_base and stack_base are their segments' */
    uint64_t code_base, stack_base;
    uint64_t general[GENERAL_REGISTERS]; /* as registers_general names them; 0 if not told */
    unsigned ring;
    descriptor_table_t gdt, idt, task, local;
    event_t event; /* the exception these registers belong to */
    event_t first; /* the exception whose delivery failed, and ended in a double or triple fault */
    bool triple;   /* the CPU has reset itself */
    bool quire;    /* the Quire kernel's own words */
} register_set_t;

enum {
    REGISTER_CR0 = 1 << 0,
    REGISTER_CR3 = 1 << 1,
    REGISTER_INSTRUCTION = 1 << 2,
    REGISTER_STACK = 1 << 3,
    REGISTER_CR2 = 1 << 4,
    REGISTER_CR4 = 1 << 5,
    REGISTER_EFER = 1 << 6,
    REGISTER_WIDE = 1 << 7, /* they have 64 bits */
};

typedef struct register_parser {
    unsigned wanted;
    unsigned count;
    bool open;    /* `current` is being read */
    bool pending; /* an exception was told, and no set has come since */
    bool resets;  /* the same of a triple fault */
    event_t last; /* of the event lines so far: the last, and the one whose delivery failed */
    event_t first;
    register_set_t current;
    register_set_t chosen;
} register_parser_t;

/* In words; NULL: of no interest here. */
const char *registers_exception(unsigned vector);

/* `wanted`: the number of the set to be taken; 0 takes the last one with paging on, or the last. */
void registers_begin(register_parser_t *parser, unsigned wanted);
/* One line, without its end. Any bytes. */
void registers_line(register_parser_t *parser, const char *line, size_t length);
/* False: there is no such set. parser->count tells how many there are. */
bool registers_end(register_parser_t *parser, register_set_t *set);

/* NULL: paging is off. */
const quire_format_t *registers_format(const register_set_t *set);
/* The format that the modes stand for, whether paging is on or not yet. */
const quire_format_t *registers_intended_format(const register_set_t *set);
/* quire_known: which of CR0, CR4 and EFER the text had. */
unsigned registers_known_modes(const register_set_t *set);

#endif
