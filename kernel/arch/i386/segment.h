/* SPDX-License-Identifier: MIT */
/* segment.h - what the kernel knows of one segmented process. Private to kernel/arch/i386. */
#ifndef KERNEL_ARCH_SEGMENT_H
#define KERNEL_ARCH_SEGMENT_H

#include <quire/quire.h>

/* Places in an LDT; the first is not used, because its selector looks too much like a null one. */
enum { LOCAL_CODE = 1, LOCAL_DATA, LOCAL_STACK, LOCAL_GATE, LOCAL_WORDS };

#define LOCAL_SELECTOR(place) quire_selector(place, true, 3)

/* The kernel heap's, and the LDT that the CPU reads. */
typedef struct segments {
    uint64_t local[LOCAL_WORDS];
    quire_segment_t segment[LOCAL_STACK + 1]; /* by place; limit_bytes 0: there is none */
    uint64_t descriptor;                      /* of the LDT itself */
    uint32_t owner;                           /* in the arena: the process's identifier */
    uint32_t data_start;                      /* brk does not go below it */
    uint32_t moves;                           /* how often one of its segments was moved */
} segments_t;

/* Makes it one of those that share the window; segments_release() undoes it. */
quire_status_t segment_join(segments_t *segments) QUIRE_MUST_CHECK;

/* Takes a piece of the window, of zeros, and describes it. Other segments may be moved for it. */
quire_status_t segment_reserve(segments_t *segments, unsigned place, uint32_t wanted) QUIRE_MUST_CHECK;

/* entry.S: what the call gate answers: 0: how often the caller was moved; else: the base of its data. */
uint32_t segment_gate(uint32_t question);

#endif
