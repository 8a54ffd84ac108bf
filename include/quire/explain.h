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

/* What is known of the processor and its tables at the fault. Control registers that are 0 are not known; then the
   modes are taken as this library asks for them. */
typedef struct quire_explain {
    const quire_format_t *format;
    uint64_t cr3;
    uint64_t cr0, cr4, efer;
    quire_va_t shared_start; /* the first address of the kernel's half; 0: not known */
    /* Quire made the tables: not-present entries are promises, bits 9 to 11 of present ones have its meanings.
       Otherwise only what the processor knows is told. */
    bool promises;
    const quire_pmm_t *pmm; /* of frames, only this one's tables are followed; NULL: whatever can be read */
    /* As in quire_preflight_t. */
    const void *(*read)(void *context, quire_frame_t frame);
    void *context;
} quire_explain_t;

/* Writes several lines: the access; each level's entry, raw and in words; who may do what there; the likely mistake.
   Always terminated, cut if it does not fit (1024 bytes are enough); returns the length. */
size_t quire_explain(const quire_explain_t *explain, quire_va_t va, uint32_t code, char *text, size_t bytes);

/* The same of a tree of this machine. */
size_t quire_explain_fault(const quire_table_t *table, quire_va_t va, uint32_t code, char *text, size_t bytes);

/* What the processor will hold once the tree is loaded. Fields that are 0 are not looked at, but for cr3. */
typedef struct quire_preflight {
    const quire_format_t *format;
    uint64_t cr3;
    uint64_t cr0; /* as they will be */
    uint64_t cr4;
    uint64_t efer;
    unsigned physical_bits;   /* MAXPHYADDR; 0: 52 */
    quire_va_t instruction;   /* the next one after the load */
    quire_va_t stack;         /* the stack pointer */
    quire_va_t gdt, idt, tss; /* bases, and limits as LGDT and LIDT take them (the last byte) */
    uint32_t gdt_limit, idt_limit, tss_limit;
    /* Paging is off until now: the instruction must lie where it lies today, at its own physical address. */
    bool from_unpaged;
    /* Reads one frame: its 4096 bytes, valid until the next call; NULL if it is not RAM. A NULL function reads through
       the port's windows, which every frame must then have. */
    const void *(*read)(void *context, quire_frame_t frame);
    void *context;
} quire_preflight_t;

/* To be asked before CR0.PG is set or CR3 is loaded. QUIRE_OK: nothing found. QUIRE_CORRUPT: the processor would reset
   (or fault at once); what and why stands in the text, one line for each thing found. A tree that reaches more than
   131072 tables (by containing itself, most likely) is looked at that far; a line says so, and is no finding. */
quire_status_t quire_preflight_check(const quire_preflight_t *preflight, char *text, size_t bytes) QUIRE_MUST_CHECK;

#endif
