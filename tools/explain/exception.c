/* SPDX-License-Identifier: MIT */
/*
 * exception.c - of a saved machine: the exceptions that are no page faults.
 *
 * The library judges selectors and gates in tables it is given; here they are read out of the saved memory, through the
 * page tables if paging was on. What is not there is left out: the library then says less.
 *
 * A move to CR0, CR3 or CR4 that switches PAE paging on, or changes its root, loads the root's four entries and faults
 * on one with reserved bits (SDM volume 3, 4.4.1). No table is named by that fault, so the root that CR3 has, or is
 * about to get, is looked at.
 */
#include "exception.h"

#include <string.h>

#include <quire/segmentation.h>

#define TABLE_BYTES       0x10000
#define INSTRUCTION_BYTES 15
#define EXPLANATION_BYTES 1024
#define FINDINGS_BYTES    1024
#define PAE_ROOT_ENTRIES  4

/* One of the processor's tables, as much of its beginning as can be read. */
typedef struct table {
    uint64_t words[TABLE_BYTES / sizeof(uint64_t)];
    size_t bytes;
} table_t;

static bool read_bytes(const quire_explain_t *with, uint64_t at, void *to, size_t bytes)
{
    const uint8_t *frame;

    if (with->format != NULL)
        return quire_explain_read(with, (quire_va_t)at, to, bytes);
    frame = with->read(with->context, quire_frame_of_pa(quire_pa(at)));
    if (frame == NULL || (at & QUIRE_PAGE_MASK) + bytes > QUIRE_PAGE_BYTES)
        return false;
    memcpy(to, frame + (at & QUIRE_PAGE_MASK), bytes);
    return true;
}

static void read_table(const quire_explain_t *with, const descriptor_table_t *from, table_t *table)
{
    size_t bytes = from->known ? (size_t)(from->limit & 0xFFFF) + 1 : 0;

    for (table->bytes = 0; table->bytes < bytes;) {
        uint64_t at = from->base + table->bytes;
        size_t count = QUIRE_PAGE_BYTES - (size_t)(at & QUIRE_PAGE_MASK);

        count = count < bytes - table->bytes ? count : bytes - table->bytes;
        if (!read_bytes(with, at, (uint8_t *)table->words + table->bytes, count))
            return;
        table->bytes += count;
    }
}

/* At the end of a page that is the last, an instruction has fewer bytes to read. */
static size_t read_code(const quire_explain_t *with, uint64_t at, uint8_t code[INSTRUCTION_BYTES])
{
    size_t count = INSTRUCTION_BYTES;

    while (count > 0 && !read_bytes(with, at, code, count))
        count--;
    return count;
}

static bool moves_to_control_register(const uint8_t *code, size_t bytes)
{
    return bytes >= 3 && code[0] == 0x0F && code[1] == 0x22;
}

/* The root that the processor refused to load. CR3 may be the register that is written: then the value is in the
   general register that the instruction names. */
static void print_pae_root(FILE *out, const quire_explain_t *with, const register_set_t *set, const uint8_t code[])
{
    static const uint8_t places[] = {0, 2, 3, 1, 7, 6, 4, 5}; /* of the register's number, in `general` */
    bool to_cr3 = (code[2] >> 3 & 7) == 3;
    uint64_t cr3 = to_cr3 ? set->general[places[code[2] & 7]] : set->cr3;
    static char findings[FINDINGS_BYTES];
    const quire_preflight_t flight = {
        .format = &quire_format_x86_pae, .cr3 = cr3, .read = with->read, .context = with->context};
    char *line;

    if (quire_preflight_check(&flight, findings, sizeof(findings)) == QUIRE_OK)
        return;
    for (line = strtok(findings, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strstr(line, "loading CR3 raises #GP") != NULL)
            fprintf(out, "  %s\n", line);
}

static void set_format(const register_set_t *set, quire_exception_t *exception)
{
    const quire_format_t *format = registers_intended_format(set);
    unsigned levels = quire_format_levels(format);

    exception->long_mode = levels > 3;
    exception->address_bits = levels == 5 ? 57 : 48;
    if (exception->long_mode) {
        exception->names = registers_general;
        exception->values = set->general;
        exception->registers = GENERAL_REGISTERS;
    }
}

void exception_print(FILE *out, const quire_explain_t *with, const register_set_t *set, const event_t *event)
{
    static table_t global, local, interrupts;
    static char words[EXPLANATION_BYTES];
    uint8_t code[INSTRUCTION_BYTES] = {0};
    quire_exception_t exception = {.vector = (uint8_t)event->vector,
                                   .error_code = (uint32_t)event->code,
                                   .ring = (uint8_t)set->ring,
                                   .code = code};

    read_table(with, &set->gdt, &global);
    read_table(with, &set->local, &local);
    read_table(with, &set->idt, &interrupts);
    exception.code_bytes = read_code(with, event->instruction, code);
    exception.tables = (quire_segment_tables_t){set->gdt.known ? global.words : NULL, global.bytes,
                                                set->local.known ? local.words : NULL, local.bytes};
    exception.interrupts = set->idt.known ? interrupts.words : NULL;
    exception.interrupt_bytes = interrupts.bytes;
    set_format(set, &exception);
    if (quire_exception_explain(&exception, words, sizeof(words)) != 0)
        fprintf(out, "%s%s", words[0] == ' ' ? "" : "  ", words);
    if (event->vector == 13 && event->code == 0 && registers_intended_format(set) == &quire_format_x86_pae &&
        moves_to_control_register(code, exception.code_bytes))
        print_pae_root(out, with, set, code);
}
