/* SPDX-License-Identifier: MIT */
/*
 * event.h - one fixed binary record for every change the library makes.
 *
 * Records go into a ring that the host lends with quire_event_start(); before that, and after quire_event_stop(),
 * nothing is recorded. Compiled with QUIRE_EVENTS=0, quire_event() vanishes and costs no instruction. The oldest
 * record is overwritten when the ring is full; a reader that was overtaken is told how many it lost.
 *
 * The record's layout is an interface: 64 bytes, little-endian, in files as in memory. New kinds are added at
 * the end, before QUIRE_EVENT_KINDS.
 */
#ifndef QUIRE_EVENT_H
#define QUIRE_EVENT_H

#include <quire/types.h>

#ifndef QUIRE_EVENTS
#define QUIRE_EVENTS 1
#endif

/* The comment gives the fields that have a meaning beside time, cpu and space. */
typedef enum quire_event_kind {
    QUIRE_EVENT_NONE = 0,
    /* PMM */
    QUIRE_EVENT_FRAME_ALLOC, /* frame, bytes, level = order, detail = owner tag */
    QUIRE_EVENT_FRAME_FREE,  /* frame, bytes, level = order, detail = owner tag it had */
    QUIRE_EVENT_FRAME_ZERO,  /* frame, bytes */
    /* paging */
    QUIRE_EVENT_ENTRY, /* address, level, before, after: one page-table entry changed; frame = the table's frame */
    QUIRE_EVENT_TABLE_ALLOC, /* address, level, frame */
    QUIRE_EVENT_TABLE_FREE,  /* address, level, frame */
    QUIRE_EVENT_FLUSH,       /* address, bytes; bytes 0 = the whole space */
    QUIRE_EVENT_LOAD_ROOT,   /* frame = the root table, now in CR3, detail = its tag (PCID) */
    /* VMM */
    QUIRE_EVENT_SPACE_CREATE,  /* frame = root */
    QUIRE_EVENT_SPACE_DESTROY, /* frame = root */
    QUIRE_EVENT_RESERVE,       /* address, bytes, detail = protection: promised, no frame taken */
    QUIRE_EVENT_POPULATE,      /* address, bytes */
    QUIRE_EVENT_UNMAP,         /* address, bytes */
    QUIRE_EVENT_PROTECT,       /* address, bytes, detail = protection */
    QUIRE_EVENT_FAULT,         /* address, detail = access: entry into quire_vmm_fault */
    QUIRE_EVENT_FAULT_DONE,    /* address, frame = the frame mapped, detail = status */
    /* heap */
    QUIRE_EVENT_HEAP_ALLOC,  /* address = block given, bytes = asked for, detail = block size */
    QUIRE_EVENT_HEAP_FREE,   /* address, bytes = block size */
    QUIRE_EVENT_HEAP_SEARCH, /* bytes = block size wanted, detail = size found, 0 if none: address = block found */
    QUIRE_EVENT_HEAP_GROW,   /* address, bytes: memory got from the source */
    QUIRE_EVENT_HEAP_SHRINK, /* address, bytes: memory given back to the source */
    QUIRE_EVENT_HEAP_SPLIT,  /* address = the block kept, bytes = its size, detail = size of the free rest */
    QUIRE_EVENT_HEAP_JOIN,   /* address = the joined block, bytes = its size now */
    /* host: what surrounds the library */
    QUIRE_EVENT_SYSCALL,      /* detail = number, before, after = first two arguments */
    QUIRE_EVENT_SYSCALL_DONE, /* detail = number, after = result */
    QUIRE_EVENT_TRAP,      /* address = CR2 or instruction, detail = vector, before = error code, after = instruction */
    QUIRE_EVENT_TRAP_DONE, /* detail = vector */
    QUIRE_EVENT_MARK,      /* detail = a number the host or a program chose, to find its place again */
    QUIRE_EVENT_FRAME_SPLIT, /* frame, bytes, level = order, detail = owner: a block has become blocks of one frame */
    QUIRE_EVENT_KINDS,
} quire_event_kind_t;

typedef struct quire_event {
    uint64_t time;    /* time-stamp counter at the moment of recording */
    uint16_t kind;    /* quire_event_kind_t */
    uint8_t level;    /* page-table level (1 = the table that maps 4 KiB pages) or order */
    uint8_t cpu;      /* CPU index */
    uint32_t space;   /* address space: 0 is the kernel's, others as the VMM numbered them */
    uint64_t address; /* virtual address */
    uint64_t frame;   /* frame number; 0 = none */
    uint64_t bytes;
    uint64_t before;
    uint64_t after;
    uint64_t detail;
} quire_event_t;

#ifndef __cplusplus
_Static_assert(sizeof(quire_event_t) == 64, "the record is an interface");
#endif

/* The kind's name as tools print it ("frame-alloc"); never NULL. */
const char *quire_event_name(unsigned kind);

/* Lends `records` (a power of two, at least 2) slots of storage and starts recording. QUIRE_INVALID otherwise. */
quire_status_t quire_event_start(quire_event_t *storage, size_t records) QUIRE_MUST_CHECK;
void quire_event_stop(void);

/* The number of records ever written: the sequence number that the next one will get. */
uint64_t quire_event_count(void);

/* Copies the record with sequence number *cursor into *event, advances the cursor and returns true; false when there is
   none yet. When the ring has overtaken the cursor, the cursor jumps to the oldest record that is left. */
bool quire_event_read(uint64_t *cursor, quire_event_t *event);

/* Records one event; time and CPU are filled in. Use the macro, which vanishes when events are compiled out. */
void quire_event_record(const quire_event_t *event);

/* Records an event as it stands, time included: for events that another program recorded. */
void quire_event_import(const quire_event_t *event);

#if QUIRE_EVENTS
extern bool quire_event_enabled;
#define quire_event(...)                                                                                               \
    do {                                                                                                               \
        if (__builtin_expect(quire_event_enabled, 0))                                                                  \
            quire_event_record(&(quire_event_t){__VA_ARGS__});                                                         \
    } while (0)
#else
/* Checked by the compiler, and gone. */
#define quire_event(...)                                                                                               \
    do {                                                                                                               \
        if (0)                                                                                                         \
            quire_event_record(&(quire_event_t){__VA_ARGS__});                                                         \
    } while (0)
#endif

#endif
