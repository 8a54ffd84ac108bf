/* SPDX-License-Identifier: MIT */
/*
 * arena.c - contiguous segments in one linear arena.
 *
 * Problem: segments of any size come and go; each must be one piece. Idea: an array of segments sorted by address; the
 * holes are what lies between neighbours, so that a hole needs no record and joining two is forgetting what stood
 * between them.
 *
 * Invariant: sorted, disjoint, every start and size on the grain. A move never overtakes a neighbour: compaction goes
 * from the bottom up, so each segment slides into the hole below it.
 *
 * Rejected: free lists and trees of holes. They find a hole faster, and hide what is to be seen here; a machine of
 * this kind has few segments.
 */
#include <quire/arena.h>

#include "string.h"

#define NOWHERE SIZE_MAX

static uint32_t round_up(uint32_t bytes)
{
    return (bytes + QUIRE_ARENA_GRAIN - 1) & ~(uint32_t)(QUIRE_ARENA_GRAIN - 1);
}

/* Hole number `at` lies below segment `at`; the last one, number count, reaches to the arena's end. */
static uint32_t hole_start(const quire_arena_t *arena, size_t at)
{
    return at == 0 ? arena->start : arena->segments[at - 1].start + arena->segments[at - 1].bytes;
}

static uint32_t hole_bytes(const quire_arena_t *arena, size_t at)
{
    uint32_t end = at == arena->count ? arena->end : arena->segments[at].start;

    return end - hole_start(arena, at);
}

static bool is_better(quire_fit_t fit, uint32_t bytes, uint32_t best_bytes)
{
    switch (fit) {
    case QUIRE_FIT_FIRST:
        return false;
    case QUIRE_FIT_BEST:
        return bytes < best_bytes;
    case QUIRE_FIT_WORST:
        return bytes > best_bytes;
    }
    return false;
}

static size_t find_hole(const quire_arena_t *arena, uint32_t bytes)
{
    size_t best = NOWHERE;

    for (size_t at = 0; at <= arena->count; at++) {
        uint32_t hole = hole_bytes(arena, at);

        if (hole >= bytes && (best == NOWHERE || is_better(arena->fit, hole, hole_bytes(arena, best))))
            best = at;
    }
    return best;
}

static uint32_t free_bytes(const quire_arena_t *arena)
{
    uint32_t sum = 0;

    for (size_t at = 0; at <= arena->count; at++)
        sum += hole_bytes(arena, at);
    return sum;
}

static size_t find_segment(const quire_arena_t *arena, uint32_t owner, uint32_t index)
{
    for (size_t at = 0; at < arena->count; at++) {
        if (arena->segments[at].owner == owner && arena->segments[at].index == index)
            return at;
    }
    return NOWHERE;
}

static void insert(quire_arena_t *arena, size_t at, quire_arena_segment_t segment)
{
    memmove(&arena->segments[at + 1], &arena->segments[at], (arena->count - at) * sizeof(segment));
    arena->segments[at] = segment;
    arena->count++;
}

static void take_out(quire_arena_t *arena, size_t at)
{
    arena->count--;
    memmove(&arena->segments[at], &arena->segments[at + 1], (arena->count - at) * sizeof(*arena->segments));
}

static void move_segment(quire_arena_t *arena, quire_arena_segment_t *segment, uint32_t new_start)
{
    arena->move(arena->move_context, segment, new_start);
    arena->moved_bytes += segment->bytes;
    arena->moves++;
    segment->start = new_start;
}

void quire_arena_init(quire_arena_t *arena, uint32_t start, uint32_t end, quire_fit_t fit,
                      quire_arena_segment_t *storage, size_t capacity)
{
    *arena = (quire_arena_t){.start = start, .end = end, .fit = fit, .segments = storage, .capacity = capacity};
}

quire_status_t quire_arena_reserve(quire_arena_t *arena, uint32_t bytes, uint32_t owner, uint32_t index,
                                   uint32_t *start)
{
    uint32_t rounded = round_up(bytes);
    size_t hole;

    if (bytes == 0 || find_segment(arena, owner, index) != NOWHERE)
        return QUIRE_INVALID;
    if (rounded < bytes || rounded > free_bytes(arena) || arena->count == arena->capacity)
        return QUIRE_NO_MEMORY;
    hole = find_hole(arena, rounded);
    if (hole == NOWHERE) {
        arena->failures++;
        return QUIRE_NO_SPACE;
    }
    *start = hole_start(arena, hole);
    insert(arena, hole, (quire_arena_segment_t){*start, rounded, bytes, owner, index});
    return QUIRE_OK;
}

/* To another hole: the segment is taken out of the order and put in at its new place. Its old place is free only then.
 */
static quire_status_t resize_elsewhere(quire_arena_t *arena, size_t at, uint32_t rounded)
{
    size_t hole = find_hole(arena, rounded);
    quire_arena_segment_t segment = arena->segments[at];
    uint32_t target;

    if (hole == NOWHERE || arena->move == NULL)
        return QUIRE_NO_SPACE;
    target = hole_start(arena, hole);
    move_segment(arena, &segment, target);
    segment.bytes = rounded;
    take_out(arena, at);
    insert(arena, hole > at ? hole - 1 : hole, segment);
    return QUIRE_OK;
}

quire_status_t quire_arena_resize(quire_arena_t *arena, uint32_t owner, uint32_t index, uint32_t bytes, uint32_t *start)
{
    size_t at = find_segment(arena, owner, index);
    uint32_t rounded = round_up(bytes);
    quire_status_t status = QUIRE_OK;

    if (at == NOWHERE)
        return QUIRE_NOT_FOUND;
    if (bytes == 0 || rounded < bytes)
        return QUIRE_INVALID;
    if (rounded <= arena->segments[at].bytes + hole_bytes(arena, at + 1))
        arena->segments[at].bytes = rounded;
    else
        status = resize_elsewhere(arena, at, rounded);
    if (status != QUIRE_OK) {
        arena->failures++;
        return status;
    }
    at = find_segment(arena, owner, index);
    arena->segments[at].asked_bytes = bytes;
    *start = arena->segments[at].start;
    return QUIRE_OK;
}

void quire_arena_release(quire_arena_t *arena, uint32_t owner)
{
    size_t kept = 0;

    for (size_t at = 0; at < arena->count; at++) {
        if (arena->segments[at].owner != owner)
            arena->segments[kept++] = arena->segments[at];
    }
    arena->count = kept;
}

uint64_t quire_arena_compact(quire_arena_t *arena, uint32_t wanted_bytes)
{
    uint64_t before = arena->moved_bytes;

    for (size_t at = 0; arena->move != NULL && at < arena->count; at++) {
        if (find_hole(arena, round_up(wanted_bytes)) != NOWHERE)
            break;
        if (hole_bytes(arena, at) != 0)
            move_segment(arena, &arena->segments[at], hole_start(arena, at));
    }
    return arena->moved_bytes - before;
}

const quire_arena_segment_t *quire_arena_find(const quire_arena_t *arena, uint32_t owner, uint32_t index)
{
    size_t at = find_segment(arena, owner, index);

    return at == NOWHERE ? NULL : &arena->segments[at];
}

void quire_arena_stats(const quire_arena_t *arena, quire_arena_stats_t *stats)
{
    *stats = (quire_arena_stats_t){.free_bytes = free_bytes(arena)};
    stats->used_bytes = arena->end - arena->start - stats->free_bytes;
    for (size_t at = 0; at <= arena->count; at++) {
        uint32_t hole = hole_bytes(arena, at);

        stats->holes += hole != 0;
        stats->largest_hole_bytes = hole > stats->largest_hole_bytes ? hole : stats->largest_hole_bytes;
    }
    for (size_t at = 0; at < arena->count; at++)
        stats->internal_bytes += arena->segments[at].bytes - arena->segments[at].asked_bytes;
    /* In KiB the product stays within 32 bits up to 4 GiB; bytes do not matter here. */
    if (stats->free_bytes >> 10 != 0)
        stats->external_per_thousand =
            1000 - (uint32_t)(1000 * (stats->largest_hole_bytes >> 10)) / (stats->free_bytes >> 10);
}

quire_status_t quire_arena_check(const quire_arena_t *arena)
{
    uint32_t end = arena->start;

    if (arena->count > arena->capacity || arena->start > arena->end)
        return QUIRE_CORRUPT;
    for (size_t at = 0; at < arena->count; at++) {
        const quire_arena_segment_t *segment = &arena->segments[at];

        if (segment->start < end || segment->bytes == 0 || segment->bytes > arena->end - segment->start)
            return QUIRE_CORRUPT;
        if (((segment->start | segment->bytes) & (QUIRE_ARENA_GRAIN - 1)) != 0 || segment->asked_bytes > segment->bytes)
            return QUIRE_CORRUPT;
        end = segment->start + segment->bytes;
    }
    return QUIRE_OK;
}
