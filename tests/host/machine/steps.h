/* SPDX-License-Identifier: MIT */
/* steps.h - operations of the library that another CPU interrupts between any two steps (steps.c). */
#ifndef QUIRE_TEST_MACHINE_STEPS_H
#define QUIRE_TEST_MACHINE_STEPS_H

#include "host_model.h"

#define STEPS_PAGE   ((quire_va_t)QUIRE_PAGE_BYTES)
#define STEPS_MIB    ((quire_va_t)1 << 20)
#define STEPS_FRAMES 192
#define STEPS_FILLED 6 /* pages that have frames */
#define STEPS_WRITES 1024
#define STEPS_PAGES  9 /* and promises behind them */
#define STEPS_AT     (((quire_va_t)1 << 30) - 3 * STEPS_PAGE)
#define STEPS_ONE    (&steps.spaces[0]) /* whose pages they are */
#define STEPS_TWO    (&steps.spaces[1])

typedef struct steps_page {
    quire_va_t va;      /* where it is, or will be */
    uint8_t byte;       /* the first */
    bool written;       /* by CPU 1 */
    bool gone;          /* nothing is said of it any more */
    unsigned harvested; /* flags that were taken from it */
} steps_page_t;

typedef struct steps {
    const quire_format_t *format;
    quire_pmm_t *pmm;
    quire_space_t kernel;
    quire_space_t spaces[2];
    quire_space_t child;
    bool has_child;
    bool child_is_alike; /* its pages are the first space's */
    bool two_is_gone;
    quire_space_t *away; /* what CPU 1 loads when it leaves the first space */
    quire_va_t kernel_va;
    steps_page_t pages[STEPS_FILLED];
    size_t step;
    size_t when;
    size_t writes[STEPS_WRITES]; /* the steps, of a run that is not interrupted, before which the library writes */
    size_t write_count;
    const char *name; /* of the operation, for a debugger */
} steps_t;

extern steps_t steps;

/* The operations; a NULL name ends them. */
typedef struct steps_operation {
    const char *name;
    void (*prepare)(void);
    void (*run)(void);    /* between two steps of this */
    void (*finish)(void); /* what it alone has to say, and to give back */
    bool ends_two;        /* the second space may not be loaded */
} steps_operation_t;
extern const steps_operation_t steps_operations[];

/* A machine with a kernel's space, on two CPUs; processes are each test's own. */
void steps_start(const quire_format_t *format, bool tags);
size_t steps_free_frames(void);
void steps_load(unsigned cpu, quire_space_t *space);
/* CPU 1 in the first space; nothing where it runs another. */
void steps_write(unsigned page, uint8_t byte);
void steps_read(unsigned page);
/* Writes to pages 0 and 2, reads 0 to 3. */
void steps_use_pages(void);

#endif
