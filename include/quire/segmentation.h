/* SPDX-License-Identifier: MIT */
/*
 * segmentation.h - descriptors, and the tables that x86 keeps them in.
 *
 * Pure encoding and decoding: a description goes in, the 8 or 16 bytes that the CPU reads come out (Intel SDM volume 3,
 * 3.4.5 code and data, 3.5 system descriptors, 6.11 IDT gates, 7.2 TSS). What the CPU would refuse is refused here
 * first.
 */
#ifndef QUIRE_SEGMENTATION_H
#define QUIRE_SEGMENTATION_H

#include <quire/types.h>

typedef enum quire_segment_kind {
    QUIRE_SEGMENT_DATA, /* read-only or writable, may expand down */
    QUIRE_SEGMENT_CODE, /* execute-only or readable, may be conforming */
    QUIRE_SEGMENT_LDT,
    QUIRE_SEGMENT_TSS, /* available; 16 bytes in long mode */
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
    bool wide;            /* D/B: 32-bit */
    bool long_mode;       /* CODE: L; LDT and TSS: the 16-byte form */
} quire_segment_t;

typedef enum quire_gate_kind {
    QUIRE_GATE_INTERRUPT, /* clears IF */
    QUIRE_GATE_TRAP,
    QUIRE_GATE_TASK, /* i386: selector of a TSS */
} quire_gate_kind_t;

typedef struct quire_gate {
    quire_gate_kind_t kind;
    uint64_t offset;
    uint16_t selector;
    uint8_t privilege;       /* the least privileged ring that may use it by INT n */
    uint8_t interrupt_stack; /* long mode: IST index 1 to 7, 0 = none */
    bool long_mode;          /* the 16-byte form */
} quire_gate_t;

/* Writes 1 or 2 words of 8 bytes (2 in the long-mode system form) into `words`; *count says how many. QUIRE_INVALID:
 * the CPU would refuse it, or it cannot be expressed. */
quire_status_t quire_segment_encode(const quire_segment_t *segment, uint64_t words[2],
                                    unsigned *count) QUIRE_MUST_CHECK;
quire_status_t quire_gate_encode(const quire_gate_t *gate, uint64_t words[2], unsigned *count) QUIRE_MUST_CHECK;

/* The inverse. `long_mode`: system descriptors are read in their 16-byte form. QUIRE_NOT_FOUND: not present.
 * QUIRE_UNSUPPORTED: a kind not listed above. */
quire_status_t quire_segment_decode(const uint64_t words[2], bool long_mode, quire_segment_t *segment) QUIRE_MUST_CHECK;

static inline uint16_t quire_selector(unsigned index, bool local, unsigned privilege)
{
    return (uint16_t)(index << 3 | (local ? 4u : 0u) | privilege);
}

#endif
