/* SPDX-License-Identifier: MIT */
/*
 * explain.h - a page fault in words, and what would go wrong if a tree were loaded.
 *
 * Of this kernel's own trees or of any other's, of this machine or of one whose memory was saved: ./quire explain
 * (tools/explain) is both on a host.
 *
 * Both are for people: a panic, a monitor, a lesson. They change nothing, take no lock and follow no frame that is not
 * a table's, so that they may be asked when the tree itself is in doubt.
 */
#ifndef QUIRE_EXPLAIN_H
#define QUIRE_EXPLAIN_H

#include <quire/paging.h>

/* The x86 page-fault code (SDM volume 3, 4.7). */
enum quire_fault_code {
    QUIRE_FAULT_PRESENT = 1 << 0, /* the translation was there, and forbade the access */
    QUIRE_FAULT_WRITE = 1 << 1,
    QUIRE_FAULT_USER = 1 << 2, /* from ring 3 */
    QUIRE_FAULT_RESERVED = 1 << 3,
    QUIRE_FAULT_FETCH = 1 << 4, /* of an instruction; told only where NX or SMEP is on */
    QUIRE_FAULT_KEY = 1 << 5,
};

/* Which control registers are known. 0 is a value like any other: a CPU that has just left reset has it in CR4. What an
   unknown one decides is taken as this library asks for it, and nothing is said about it. */
enum quire_known {
    QUIRE_KNOWN_CR0 = 1 << 0,
    QUIRE_KNOWN_CR4 = 1 << 1,
    QUIRE_KNOWN_EFER = 1 << 2,
    QUIRE_KNOWN_MODES = QUIRE_KNOWN_CR0 | QUIRE_KNOWN_CR4 | QUIRE_KNOWN_EFER,
};

/* What is known of the processor and its tables at the fault. */
typedef struct quire_explain {
    const quire_format_t *format;
    uint64_t cr3;
    uint64_t cr0, cr4, efer;
    unsigned known;          /* quire_known, of these three */
    quire_va_t shared_start; /* the first address of the kernel's half; 0: not known */
    /* Quire made the tables: not-present entries are promises, bits 9 to 11 of present ones have its meanings.
       Otherwise only what the processor knows is told. */
    bool promises;
    /* What quire_vmm_fault() said, if it was asked. The trace then tells why that was the answer. */
    bool answered;
    quire_status_t answer;
    const quire_pmm_t *pmm; /* of frames, only this one's tables are followed; NULL: whatever can be read */
    /* As in quire_preflight_t. */
    const void *(*read)(void *context, quire_frame_t frame);
    void *context;
} quire_explain_t;

/* Writes several lines: the access; each level's entry, raw and in words; who may do what there; the likely mistake.
   Always terminated, cut if it does not fit (1024 bytes are enough); returns the length. */
size_t quire_explain(const quire_explain_t *explain, quire_va_t va, uint32_t code, char *text, size_t bytes);

/* The same of a tree of this machine, after quire_vmm_fault() has answered `answer`: "no mistake" is said exactly if
   the instruction will run (QUIRE_OK), or has only to wait (QUIRE_AGAIN). */
size_t quire_explain_fault(const quire_table_t *table, quire_va_t va, uint32_t code, quire_status_t answer, char *text,
                           size_t bytes);

/* Reads through the tree, by physical addresses, what a virtual address holds. False: part of it is not mapped. */
bool quire_explain_read(const quire_explain_t *explain, quire_va_t va, void *to, size_t bytes);

/* What the processor will hold once the tree is loaded. Addresses, limits and functions that are 0 are not looked at.
 */
typedef struct quire_preflight {
    const quire_format_t *format;
    uint64_t cr3;
    uint64_t cr0; /* as they will be */
    uint64_t cr4;
    uint64_t efer;
    unsigned known;           /* quire_known, of these three */
    unsigned physical_bits;   /* MAXPHYADDR; 0: 52 */
    quire_va_t instruction;   /* the next one after the load */
    quire_va_t stack;         /* the stack pointer */
    quire_va_t stack_start;   /* the stack's lowest byte: below it nothing should be mapped */
    quire_va_t gdt, idt, tss; /* bases, and limits as LGDT and LIDT take them (the last byte) */
    uint32_t gdt_limit, idt_limit, tss_limit;
    /* Paging is off until now: the instruction must lie where it lies today, at its own physical address. */
    bool from_unpaged;
    /* Code, stack, descriptor tables and page tables must not lie in frames that it would hand out. */
    const quire_pmm_t *pmm;
    /* Reads one frame: its 4096 bytes, valid until the next call; NULL if it is not RAM. A NULL function reads through
       the port's windows, which every frame must then have. */
    const void *(*read)(void *context, quire_frame_t frame);
    void *context;
} quire_preflight_t;

/* To be asked before CR0.PG is set or CR3 is loaded. QUIRE_OK: nothing found. QUIRE_CORRUPT: the processor would reset
   (or fault at once), or memory it runs on would be given away; what and why stands in the text, one line for each
   thing found. Lines that begin with "note: " are no findings: CR0.WP is clear, the stack has no guard page, or a tree
   reaches more than 131072 tables (by containing itself, most likely) and was looked at that far. */
quire_status_t quire_preflight_check(const quire_preflight_t *preflight, char *text, size_t bytes) QUIRE_MUST_CHECK;

#endif
