/* SPDX-License-Identifier: MIT */
/*
 * arena.h - virtual memory by segmentation alone: contiguous segments in one linear arena.
 *
 * Without paging a process's memory is a few segments, each one piece of linear memory. Somebody must find a hole for
 * each (first fit, best fit, worst fit), live with the holes that do not fit anything (external fragmentation), and, if
 * all else fails, move living segments together (compaction). A program notices none of it: it knows selectors and
 * offsets, and the base stands in a descriptor that the kernel rewrites.
 *
 * The shape is the VMM's where the notions agree: reserve, grow, release, check. What differs is the point of the
 * comparison.
 */
#ifndef QUIRE_ARENA_H
#define QUIRE_ARENA_H

#include <quire/types.h>

#define QUIRE_ARENA_GRAIN 16 /* bytes: starts and sizes are multiples of it */

typedef enum quire_fit {
    QUIRE_FIT_FIRST, /* the lowest hole that is large enough */
    QUIRE_FIT_BEST,  /* the smallest */
    QUIRE_FIT_WORST, /* the largest */
} quire_fit_t;

/* A segment in the arena. */
typedef struct quire_arena_segment {
    uint32_t start; /* linear address */
    uint32_t bytes; /* a multiple of the grain */
    uint32_t asked_bytes;
    uint32_t owner; /* the caller's: a process */
    uint32_t index; /* the caller's: a descriptor of it */
} quire_arena_segment_t;

/* Copies `bytes` from one linear address to another, lower or higher, which may overlap, and rewrites the descriptor.
   The owner does not run meanwhile. */
typedef void (*quire_arena_move_t)(void *context, const quire_arena_segment_t *segment, uint32_t new_start);

typedef struct quire_arena {
    uint32_t start; /* linear addresses [start, end) */
    uint32_t end;
    quire_fit_t fit;
    quire_arena_segment_t *segments; /* the caller's array, sorted by start */
    size_t count;
    size_t capacity;
    quire_arena_move_t move; /* NULL: nothing can be moved */
    void *move_context;
    uint64_t moved_bytes; /* since init */
    uint64_t moves;
    uint64_t failures; /* reservations that found no hole */
} quire_arena_t;

typedef struct quire_arena_stats {
    uint32_t used_bytes;
    uint32_t free_bytes;
    uint32_t largest_hole_bytes;
    uint32_t holes;
    uint32_t internal_bytes;        /* used, but not asked for: rounding to the grain */
    uint32_t external_per_thousand; /* 1000 * (1 - largest hole / free): how much of the free memory no single segment
                                       can have */
} quire_arena_stats_t;

/* [start, end), multiples of the grain. */
void quire_arena_init(quire_arena_t *arena, uint32_t start, uint32_t end, quire_fit_t fit,
                      quire_arena_segment_t *storage, size_t capacity);

/* Finds a hole by the arena's policy. QUIRE_NO_SPACE: none is large enough, though compaction might make one.
   QUIRE_NO_MEMORY: more than is free altogether, or the array is full. QUIRE_INVALID: 0 bytes. */
quire_status_t quire_arena_reserve(quire_arena_t *arena, uint32_t bytes, uint32_t owner, uint32_t index,
                                   uint32_t *start) QUIRE_MUST_CHECK;

/* The segment (owner, index) grows or shrinks to `bytes`: in place if the hole above allows, otherwise by moving to
   another hole (the content moves with it). On failure it is as it was. */
quire_status_t quire_arena_resize(quire_arena_t *arena, uint32_t owner, uint32_t index, uint32_t bytes,
                                  uint32_t *start) QUIRE_MUST_CHECK;

/* Forgets the segments of an owner. */
void quire_arena_release(quire_arena_t *arena, uint32_t owner);

/* Moves segments down, lowest first, until a hole of `wanted_bytes` is there or all free memory is one hole. Returns
 * the bytes moved. */
uint64_t quire_arena_compact(quire_arena_t *arena, uint32_t wanted_bytes);

/* NULL if there is none. */
const quire_arena_segment_t *quire_arena_find(const quire_arena_t *arena, uint32_t owner, uint32_t index);

void quire_arena_stats(const quire_arena_t *arena, quire_arena_stats_t *stats);

/* Sorted, disjoint, on the grain, inside. QUIRE_CORRUPT if not. */
quire_status_t quire_arena_check(const quire_arena_t *arena) QUIRE_MUST_CHECK;

#endif
