/* SPDX-License-Identifier: MIT */
/*
 * segmentation.h - descriptors, and the tables that x86 keeps them in.
 *
 * Pure encoding and decoding: a description goes in, the 8 or 16 bytes that the CPU reads come out (Intel SDM volume 3,
 * 3.4.5 code and data, 3.5 system descriptors, 5.8.3 call gates, 6.11 IDT gates, 7.2 TSS). What the CPU would refuse is
 * refused here first, in words. The same rules are applied to whole accesses, selector and offset to linear address, as
 * the CPU applies them (chapter 5), so that a fault can be explained and a table can be tested without a CPU.
 */
#ifndef QUIRE_SEGMENTATION_H
#define QUIRE_SEGMENTATION_H

#include <quire/types.h>

typedef enum quire_segment_kind {
    QUIRE_SEGMENT_DATA, /* read-only or writable, may expand down */
    QUIRE_SEGMENT_CODE, /* execute-only or readable, may be conforming */
    QUIRE_SEGMENT_LDT,
    QUIRE_SEGMENT_TSS, /* 16 bytes in long mode */
} quire_segment_kind_t;

typedef struct quire_segment {
    quire_segment_kind_t kind;
    uint64_t base;        /* linear address; above 32 bits only for LDT and TSS in long mode */
    uint64_t limit_bytes; /* size: the last valid offset plus one; for expand-down, the first valid offset. Above 1 MiB:
                             a multiple of 4 KiB */
    uint8_t privilege;    /* DPL, 0 to 3 */
    bool writable;        /* DATA */
    bool expand_down;     /* DATA */
    bool readable;        /* CODE */
    bool conforming;      /* CODE */
    bool wide;            /* CODE and DATA: D/B, 32-bit */
    bool long_mode;       /* CODE: L; LDT and TSS: the 16-byte form */
    bool narrow;          /* TSS: the 16-bit form of the 80286 */
    bool busy;            /* TSS: a task runs on it, or is nested below the one that runs */
} quire_segment_t;

typedef enum quire_gate_kind {
    QUIRE_GATE_INTERRUPT, /* clears IF */
    QUIRE_GATE_TRAP,
    QUIRE_GATE_TASK, /* i386: selector of a TSS; stands in the GDT, an LDT or the IDT */
    QUIRE_GATE_CALL, /* stands in the GDT or an LDT: a far call goes up to the ring of the code segment */
} quire_gate_kind_t;

typedef struct quire_gate {
    quire_gate_kind_t kind;
    uint64_t offset;
    uint16_t selector;
    uint8_t privilege;       /* the least privileged ring that may use it by INT n or a far call */
    uint8_t interrupt_stack; /* long mode: IST index 1 to 7, 0 = none */
    uint8_t parameters;      /* CALL outside long mode: words copied from the caller's stack, at most 31 */
    bool long_mode;          /* the 16-byte form */
    bool narrow;             /* INTERRUPT, TRAP, CALL: the 16-bit form of the 80286 */
} quire_gate_t;

/* Why the CPU would refuse this descriptor, or why its bytes cannot say it, as a sentence; NULL if it can be encoded.
 */
const char *quire_segment_refusal(const quire_segment_t *segment);
const char *quire_gate_refusal(const quire_gate_t *gate);

/* Writes 1 or 2 words of 8 bytes (2 in the long-mode system form) into `words`; *count says how many. QUIRE_INVALID:
   see the refusal. */
quire_status_t quire_segment_encode(const quire_segment_t *segment, uint64_t words[2],
                                    unsigned *count) QUIRE_MUST_CHECK;
quire_status_t quire_gate_encode(const quire_gate_t *gate, uint64_t words[2], unsigned *count) QUIRE_MUST_CHECK;

/* The inverse. `long_mode`: system descriptors are read in their 16-byte form. QUIRE_NOT_FOUND: not present.
   QUIRE_UNSUPPORTED: of another kind, or a type that the CPU reserves. */
quire_status_t quire_segment_decode(const uint64_t words[2], bool long_mode, quire_segment_t *segment) QUIRE_MUST_CHECK;
quire_status_t quire_gate_decode(const uint64_t words[2], bool long_mode, quire_gate_t *gate) QUIRE_MUST_CHECK;

#define QUIRE_SELECTOR_LOCAL 4u /* in the LDT */
#define QUIRE_SELECTOR_RPL   3u

static inline uint16_t quire_selector(unsigned index, bool local, unsigned privilege)
{
    return (uint16_t)(index << 3 | (local ? QUIRE_SELECTOR_LOCAL : 0u) | privilege);
}

/* --- what the CPU does with them: legacy protected mode --- */

/* The tables that the CPU would look in. Sizes in bytes; a selector whose 8 bytes do not lie wholly inside is beyond.
 */
typedef struct quire_segment_tables {
    const uint64_t *global;
    size_t global_bytes;
    const uint64_t *local;
    size_t local_bytes;
} quire_segment_tables_t;

typedef enum quire_segment_register {
    QUIRE_REGISTER_CODE,  /* CS, by a far jump or call without a gate, or by a return */
    QUIRE_REGISTER_DATA,  /* DS, ES, FS, GS: a null selector may be loaded, and not be used */
    QUIRE_REGISTER_STACK, /* SS */
} quire_segment_register_t;

/* The exception that the CPU would raise: vector, error code, and the reason as a sentence. Vector 0 (a divide error
   elsewhere) means that nothing is wrong. */
typedef struct quire_segment_fault {
    uint8_t vector; /* 11 #NP, 12 #SS, 13 #GP */
    uint16_t error_code;
    const char *reason;
} quire_segment_fault_t;

/* Loads a selector into a segment register at privilege `current` (SDM 5.5 to 5.8.1.1). A null selector for DATA gives
   a segment whose limit_bytes is 0: every use of it is refused. QUIRE_DENIED: *fault says what the CPU raises. */
quire_status_t quire_segment_load(const quire_segment_tables_t *tables, uint16_t selector, quire_segment_register_t use,
                                  unsigned current, quire_segment_t *segment,
                                  quire_segment_fault_t *fault) QUIRE_MUST_CHECK;

enum quire_segment_access { QUIRE_SEGMENT_READ, QUIRE_SEGMENT_WRITE, QUIRE_SEGMENT_EXECUTE };

/* One access of `bytes` (at least 1) at an offset in a loaded segment: type, then limit (SDM 5.3 and 5.4). The linear
   address wraps at 4 GiB, as the CPU's does. */
quire_status_t quire_segment_translate(const quire_segment_t *segment, quire_segment_register_t use, uint32_t offset,
                                       uint32_t bytes, unsigned access, uint32_t *linear,
                                       quire_segment_fault_t *fault) QUIRE_MUST_CHECK;

/* --- an exception in words --- */

/* What is known of an exception that is no page fault. Tables that are NULL are not looked into. */
typedef struct quire_exception {
    uint8_t vector;
    uint32_t error_code;
    uint8_t ring; /* of the code that it stopped */
    bool long_mode;
    uint8_t address_bits; /* of a linear address in long mode: 48, or 57 with five levels */
    quire_segment_tables_t tables;
    const uint64_t *interrupts; /* the IDT */
    size_t interrupt_bytes;
    const uint8_t *code; /* the instruction, as much of it as is there */
    size_t code_bytes;
    const char *const *names; /* of so many general registers, */
    const uint64_t *values;   /* and what is in them */
    unsigned registers;
} quire_exception_t;

/* Writes what the error code names, if it names anything, and the likely reason: of #DF, #TS, #NP, #SS and #GP. Always
   terminated, cut if it does not fit (512 bytes are enough); returns the length: 0 of other vectors. */
size_t quire_exception_explain(const quire_exception_t *exception, char *text, size_t bytes);

#endif
