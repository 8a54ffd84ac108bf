/* SPDX-License-Identifier: MIT */
/*
 * exception.c - the exceptions of protection in words: double fault, task state, segment, stack, general protection.
 *
 * Problem. "General protection, error code 0" is all the processor says of a dozen different mistakes.
 *
 * Idea. Two things tell more. An error code that is not 0 names a selector or a gate (SDM volume 3, 6.13), whose
 * descriptor is judged here as the processor judged it. Where it is 0, the instruction says what may have gone wrong,
 * and in long mode a register that holds no address says which one it was.
 *
 * Only the first bytes of an instruction are looked at, no operand is worked out: what is told is likely, not proven.
 */
#include <quire/segmentation.h>

#include "text.h"

enum {
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_TASK = 10,
    VECTOR_NOT_PRESENT = 11,
    VECTOR_STACK = 12,
    VECTOR_PROTECTION = 13,
};

#define CODE_EXTERNAL 1u
#define CODE_GATE     2u
#define CODE_LOCAL    4u

/* The first bytes of an instruction behind its prefixes: 0x100 stands for 0F. */
typedef struct opcode {
    unsigned number;    /* NO_OPCODE: not known */
    unsigned extension; /* the middle field of the byte that follows */
} opcode_t;

#define NO_OPCODE 0x1000u

static bool is_prefix(uint8_t byte, bool long_mode)
{
    static const uint8_t prefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3};

    for (size_t i = 0; i < sizeof(prefixes); i++)
        if (byte == prefixes[i])
            return true;
    return long_mode && (byte & 0xF0) == 0x40;
}

static opcode_t opcode_of(const quire_exception_t *exception)
{
    opcode_t opcode = {.number = NO_OPCODE};
    size_t at = 0;

    while (at < exception->code_bytes && is_prefix(exception->code[at], exception->long_mode))
        at++;
    if (at == exception->code_bytes)
        return opcode;
    opcode.number = exception->code[at++];
    if (opcode.number == 0x0F) {
        if (at == exception->code_bytes)
            return (opcode_t){.number = NO_OPCODE};
        opcode.number = 0x100u | exception->code[at++];
    }
    opcode.extension = at < exception->code_bytes ? exception->code[at] >> 3 & 7 : 0;
    return opcode;
}

static bool is_port_access(unsigned opcode)
{
    return (opcode >= 0xE4 && opcode <= 0xE7) || (opcode >= 0xEC && opcode <= 0xEF) ||
           (opcode >= 0x6C && opcode <= 0x6F);
}

/* Instructions of ring 0 alone: HLT, LLDT, LTR, LGDT, LIDT, LMSW, INVLPG, CLTS, INVD, WBINVD, MOV to and from control
   and debug registers, WRMSR, RDMSR. */
static bool is_ring_0s(opcode_t opcode)
{
    static const uint8_t second[] = {0x06, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x32};

    if (opcode.number == 0xF4)
        return true;
    if (opcode.number == 0x100)
        return opcode.extension == 2 || opcode.extension == 3;
    if (opcode.number == 0x101)
        return opcode.extension == 2 || opcode.extension == 3 || opcode.extension >= 6;
    for (size_t i = 0; i < sizeof(second); i++)
        if (opcode.number == (0x100u | second[i]))
            return true;
    return false;
}

static const char *reason_of_ring_3(opcode_t opcode)
{
    if (is_port_access(opcode.number))
        return "an I/O port that the program has not been given";
    if (opcode.number == 0xFA || opcode.number == 0xFB)
        return "CLI and STI are the kernel's (IOPL is below 3)";
    return is_ring_0s(opcode) ? "an instruction that ring 0 alone may execute" : NULL;
}

static const char *reason_of_ring_0(opcode_t opcode)
{
    switch (opcode.number) {
    case 0x122:
        return "a value that this control register refuses: a bit that is reserved, or not to be set without another; "
               "in "
               "PAE mode, also a root entry with reserved bits (it has no rights)";
    case 0x130:
    case 0x132:
        return "a model-specific register that this processor does not have, or a value that it refuses";
    case 0xCF:
    case 0xCB:
    case 0xCA:
        return "what it returns to: a null selector on the stack, or an address outside its segment or not canonical";
    case 0x101:
        return opcode.extension == 2 || opcode.extension == 3 ? "the base of the table is no address" : NULL;
    default:
        return NULL;
    }
}

static bool is_canonical(const quire_exception_t *exception, uint64_t value)
{
    unsigned bits = exception->address_bits != 0 ? exception->address_bits : 48;

    return (value + ((uint64_t)1 << (bits - 1))) >> bits == 0;
}

/* A register that holds no address: in long mode, the likely pointer. */
static bool add_register(const quire_exception_t *exception, text_t *text)
{
    for (unsigned i = 0; exception->long_mode && i < exception->registers; i++) {
        if (is_canonical(exception, exception->values[i]))
            continue;
        quire_text_add(text, exception->names[i]);
        quire_text_add(text, " holds ");
        quire_text_hex(text, exception->values[i]);
        quire_text_add(text, ", which is no address (not canonical): a pointer that was overwritten, or never set");
        return true;
    }
    return false;
}

static const char *reason_without_code(const quire_exception_t *exception)
{
    switch (exception->vector) {
    case VECTOR_DOUBLE_FAULT:
        return "a fault could not be delivered: its gate, its handler or the handler's stack cannot be reached";
    case VECTOR_STACK:
        return exception->long_mode ? "an address by way of the stack or frame pointer that is not canonical"
                                    : "the stack or frame pointer leads out of the stack's segment";
    case VECTOR_TASK:
        return "the task state is too small, or not a task's";
    case VECTOR_NOT_PRESENT:
        return "a segment that is not present";
    default:
        break;
    }
    return exception->long_mode
               ? "an address that is not canonical, a null selector, or an SSE operand that is not aligned"
               : "an access beyond its segment's limit or against its type, or by a null selector";
}

static void add_reason_without_code(const quire_exception_t *exception, text_t *text)
{
    opcode_t opcode = opcode_of(exception);
    const char *reason = NULL;

    if (exception->vector == VECTOR_PROTECTION)
        reason = exception->ring == 3 ? reason_of_ring_3(opcode) : reason_of_ring_0(opcode);
    if (reason != NULL)
        quire_text_add(text, reason);
    else if (exception->vector == VECTOR_DOUBLE_FAULT || !add_register(exception, text))
        quire_text_add(text, reason_without_code(exception));
}

/* Which register the instruction loads, as far as its first bytes say. False: they do not. */
static bool use_of(opcode_t opcode, quire_segment_register_t *use)
{
    bool stack = opcode.number == 0x17 || opcode.number == 0x1B2 || (opcode.number == 0x8E && opcode.extension == 2);
    bool data = opcode.number == 0x8E || opcode.number == 0x07 || opcode.number == 0x1F || opcode.number == 0x1A1 ||
                opcode.number == 0x1A9 || opcode.number == 0xC4 || opcode.number == 0xC5 ||
                (opcode.number >= 0x1B4 && opcode.number <= 0x1B5);
    bool code = opcode.number == 0xEA || opcode.number == 0x9A || opcode.number == 0xCB || opcode.number == 0xCA ||
                opcode.number == 0xCF || opcode.number == 0xFF;

    *use = stack ? QUIRE_REGISTER_STACK : data ? QUIRE_REGISTER_DATA : QUIRE_REGISTER_CODE;
    return stack || data || code;
}

/* Why the selector was refused; NULL if its descriptor says nothing against it. */
static const char *judge_selector(const quire_exception_t *exception, uint16_t selector)
{
    const bool local = (selector & QUIRE_SELECTOR_LOCAL) != 0;
    const uint64_t *table = local ? exception->tables.local : exception->tables.global;
    size_t table_bytes = local ? exception->tables.local_bytes : exception->tables.global_bytes;
    quire_segment_register_t use;
    quire_segment_fault_t fault;
    quire_segment_t segment;

    if (table == NULL)
        return exception->vector == VECTOR_NOT_PRESENT ? "it names a segment that is not present" : NULL;
    if (((size_t)selector >> 3) * 8 + 7 >= table_bytes)
        return "it lies beyond the table's limit: an entry that was never made, or a table that was never loaded";
    if (table[selector >> 3] == 0)
        return "its entry of the table is empty";
    if (use_of(opcode_of(exception), &use) &&
        quire_segment_load(&exception->tables, (uint16_t)(selector | exception->ring), use, exception->ring, &segment,
                           &fault) != QUIRE_OK)
        return fault.reason;
    return (table[selector >> 3] >> 47 & 1) == 0 ? "its descriptor is not present" : NULL;
}

static const char *judge_gate(const quire_exception_t *exception, unsigned vector)
{
    size_t gate_bytes = exception->long_mode ? 16 : 8;
    uint64_t words[2] = {0, 0};
    quire_gate_t gate;
    quire_status_t status;

    if (exception->interrupts == NULL)
        return NULL;
    if ((vector + 1) * gate_bytes > exception->interrupt_bytes)
        return "it lies beyond the limit of the IDT: the table is too short, or was never loaded";
    words[0] = exception->interrupts[vector * gate_bytes / 8];
    if (exception->long_mode)
        words[1] = exception->interrupts[vector * gate_bytes / 8 + 1];
    status = quire_gate_decode(words, exception->long_mode, &gate);
    if (status == QUIRE_NOT_FOUND)
        return words[0] == 0 ? "there is no such gate: the entry of the IDT is empty" : "the gate is not present";
    if (status != QUIRE_OK || gate.kind == QUIRE_GATE_CALL)
        return "the entry of the IDT is not a gate for interrupts";
    if (exception->ring > gate.privilege && (exception->error_code & CODE_EXTERNAL) == 0)
        return "this ring may not use that gate by INT";
    return "the code segment that the gate names is not one the handler can run in";
}

static void add_named(const quire_exception_t *exception, text_t *text)
{
    unsigned index = exception->error_code >> 3 & 0x1FFF;

    if (exception->error_code & CODE_GATE) {
        quire_text_add(text, "vector ");
        quire_text_decimal(text, index);
        quire_text_add(text, " of the IDT");
    } else {
        quire_text_add(text, "selector ");
        quire_text_hex(text, exception->error_code & 0xFFFC);
        quire_text_add(text, ", entry ");
        quire_text_decimal(text, index);
        quire_text_add(text, exception->error_code & CODE_LOCAL ? " of the LDT" : " of the GDT");
    }
    if (exception->error_code & CODE_EXTERNAL)
        quire_text_add(text, ", on the way to deliver another event");
}

static void add_reason_of_named(const quire_exception_t *exception, text_t *text)
{
    uint16_t selector = (uint16_t)(exception->error_code & 0xFFFC);
    const char *reason = exception->error_code & CODE_GATE ? judge_gate(exception, exception->error_code >> 3 & 0x1FFF)
                                                           : judge_selector(exception, selector);

    if (reason == NULL && exception->vector == VECTOR_TASK)
        reason = "a segment that the task state names cannot be loaded, or it is no task state";
    quire_text_add(text, reason != NULL ? reason : "it leads nowhere that this instruction may go");
}

size_t quire_exception_explain(const quire_exception_t *exception, char *bytes, size_t size)
{
    text_t text = {bytes, size, 0};
    bool named = (exception->error_code & 0xFFFE) != 0 && exception->vector != VECTOR_DOUBLE_FAULT;

    if (size == 0)
        return 0;
    bytes[0] = '\0';
    if (exception->vector != VECTOR_DOUBLE_FAULT &&
        (exception->vector < VECTOR_TASK || exception->vector > VECTOR_PROTECTION))
        return 0;
    if (named) {
        quire_text_add(&text, "the error code names ");
        add_named(exception, &text);
        quire_text_add(&text, "\n");
    }
    quire_text_add(&text, "  likely: ");
    if (named)
        add_reason_of_named(exception, &text);
    else
        add_reason_without_code(exception, &text);
    quire_text_add(&text, "\n");
    return text.length;
}
