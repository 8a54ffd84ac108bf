/* SPDX-License-Identifier: MIT */
/*
 * support.h - what the heap's tests share: a source that can be watched and made to fail, and a list of misuse reports.
 *
 * The source hands out runs of small chunks of one arena. It fills them with rubbish, so that a heap that hopes for
 * zeros is found out, spoils what comes back, and insists that exactly what it gave comes back.
 */
#ifndef TESTS_UNIT_HEAP_SUPPORT_H
#define TESTS_UNIT_HEAP_SUPPORT_H

#include "test.h"

#define HEAP_CHUNK_BYTES  1024
#define HEAP_CHUNKS       512
#define HEAP_GROW_BYTES   (4 * HEAP_CHUNK_BYTES)
#define HEAP_EXTENT_BYTES (4 * sizeof(void *)) /* what the heap itself needs of an extent */
#define HEAP_HEADER_BYTES (2 * sizeof(void *))
#define HEAP_LEAST_BYTES  (4 * sizeof(void *))
#define HEAP_ARENA_BYTES  (HEAP_CHUNKS * HEAP_CHUNK_BYTES)

typedef struct heap_home {
    quire_heap_t heap;
    uint8_t *arena;
    uint16_t length[HEAP_CHUNKS]; /* chunks given from here on; 0: none begins here */
    bool taken[HEAP_CHUNKS];
    size_t offset;     /* added to every address given: a source need not be page-aligned */
    size_t grows_left; /* then the source fails; SIZE_MAX: never */
    size_t grow_calls;
    size_t extents;       /* given and not taken back */
    size_t touched_bytes; /* of the arena: nothing above was ever given */
    /* the reports */
    unsigned reports;
    const char *what;
    const void *address;
    uint8_t *snapshot;
} heap_home_t;

/* A home of its own, its source ready, its heap initialised and reporting here. */
heap_home_t *heap_home(void);

/* The heap checks itself, its statistics add up, and nothing was reported since the last call. */
void heap_expect_sound(heap_home_t *home);

/* Remembers every byte of the heap and its arena; later, that none has changed. */
void heap_remember(heap_home_t *home);
void heap_expect_unchanged(const heap_home_t *home);

/* Exactly one report since the last, about this address. */
void heap_expect_report(heap_home_t *home, const void *address);

/* The sentence of the last report speaks of this. */
bool heap_report_says(const heap_home_t *home, const char *words);

/* Three used blocks of 200 bytes in a row, with a wall behind them. */
void heap_allocate_three(heap_home_t *home, void *blocks[3]);

/* Each call that takes a block refuses this one, reports `address`, and changes nothing. */
void heap_expect_refused(heap_home_t *home, void *block, const void *address);

/* Bytes of a block that come from its number, and whether they are still there. */
void heap_fill(void *block, size_t bytes, unsigned seed);
bool heap_is_filled(const void *block, size_t bytes, unsigned seed);

#endif
