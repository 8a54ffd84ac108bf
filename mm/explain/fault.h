/* SPDX-License-Identifier: MIT */
/* fault.h - what the two halves of the explainer share: the walk (fault.c), the trace (trace.c). */
#ifndef QUIRE_EXPLAIN_FAULT_H
#define QUIRE_EXPLAIN_FAULT_H

#include <quire/explain.h>

#include "explain.h"
#include "paging/format/format.h"
#include "text.h"

typedef struct fault {
    const quire_explain_t *explain;
    const quire_format_t *format;
    quire_va_t va;
    uint32_t code;
    unsigned count;
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    bool shared_half;  /* va is the kernel's */
    bool small;        /* an entry has the page-size bit, and the processor does not look at it */
    bool astray;       /* an entry names a frame that is not a table's */
    unsigned rights;   /* quire_prot_t, of all levels together; 0 if nothing is mapped */
    uint64_t reserved; /* reserved bits that are set, in the last entry of `steps` */
} fault_t;

typedef struct trace {
    const char *words;
    bool runs;   /* nobody has made a mistake: the instruction runs again, now or later */
    bool of_key; /* the number of the page's protection key follows */
} trace_t;

/* The fault has been walked, and its address is canonical. */
trace_t quire_explain_trace(const fault_t *fault);

/* Whether this bit of CR4 may have been set. */
static inline bool fault_may_have(const fault_t *fault, uint64_t bit)
{
    return !mode_is_off(fault->explain->known, QUIRE_KNOWN_CR4, fault->explain->cr4, bit);
}

static inline bool fault_at_fixed_root(const fault_t *fault, unsigned level)
{
    return fault->format->fixed_root && level == fault->format->levels;
}

#endif
