/* SPDX-License-Identifier: MIT */
/*
 * range.c - which memory is the heap's: asked before an address is read that somebody passed in, or a link names.
 *
 * Problem: a pointer that is freed twice may lead to memory that has gone back to the source and is not mapped any
 * more, and so may a link that was written over. Extents come and go, with holes between them. Idea, twofold:
 *
 *   - Extents stand in a tree by their addresses. It is a treap (Seidel and Aragon, "Randomized search trees", 1996):
 *     a node lies above those of lower priority, and its priority is a hash of its address, so that it needs no word
 *     for it, and a path is a few times the logarithm of the number of extents long.
 *   - Sources place extents side by side, so a few *runs* of memory without a hole cover most heaps wholly. The first
 *     run answers in three instructions, the others in a short loop, and only what is in none is searched in the tree.
 *     The short way through take and give looks at the first run alone; the run that a call had to search for becomes
 *     the first.
 *
 * Each node's check word seals its address, its size and both links, so a damaged one is found before it is followed.
 * A large extent, one of one block, has another seal.
 *
 * Invariants: a run consists of whole extents, and no two runs overlap. Not every extent is in a run: when there are
 * more runs than places, the one that was used longest ago is forgotten.
 *
 * Rejected: one range from the lowest extent to the highest (it has holes); a table by parts of the address (its size
 * is a guess, and extents are not aligned to its parts); a search in the tree alone (a hundred instructions for each
 * link that is examined); asking the source, or the host, whether an address can be read (one more thing to port).
 */
#include "heap.h"

#define PRIORITY_FACTOR ((uintptr_t)0x9e3779b97f4a7c15u)
#define LARGE_MARK      ((uintptr_t)0x5bd1e9955bd1e995u)
#define WORD_BITS       (8 * sizeof(uintptr_t))

/* --- the tree --- */

static uintptr_t turned(const void *link, unsigned bits)
{
    return (uintptr_t)link << bits | (uintptr_t)link >> (WORD_BITS - bits);
}

static uintptr_t extent_seal(const quire_heap_t *heap, const quire_heap_extent_t *extent)
{
    return ~((uintptr_t)extent ^ extent->bytes ^ heap->key ^ turned(extent->lower, 7) ^ turned(extent->upper, 13));
}

bool quire_heap_extent_is_sound(const quire_heap_t *heap, const quire_heap_extent_t *extent)
{
    uintptr_t seal = extent_seal(heap, extent);

    return extent->check == seal || extent->check == (seal ^ LARGE_MARK);
}

bool quire_heap_extent_is_large(const quire_heap_t *heap, const quire_heap_extent_t *extent)
{
    return extent->check == (extent_seal(heap, extent) ^ LARGE_MARK);
}

static uintptr_t priority(const quire_heap_extent_t *extent)
{
    return (uintptr_t)extent / QUIRE_HEAP_ALIGN * PRIORITY_FACTOR;
}

/* A place in the tree: the root, or one link of a node. */
typedef struct place {
    quire_heap_extent_t *node; /* NULL: the root */
    bool upper;
} place_t;

static quire_heap_extent_t *get(const quire_heap_t *heap, place_t place)
{
    if (place.node == NULL)
        return heap->extents;
    return place.upper ? place.node->upper : place.node->lower;
}

/* Its seal is made anew, of the kind that it was. */
static void put(quire_heap_t *heap, place_t place, quire_heap_extent_t *extent)
{
    uintptr_t mark;

    if (place.node == NULL) {
        heap->extents = extent;
        return;
    }
    mark = place.node->check ^ extent_seal(heap, place.node);
    if (place.upper)
        place.node->upper = extent;
    else
        place.node->lower = extent;
    place.node->check = extent_seal(heap, place.node) ^ mark;
}

static place_t side_of(quire_heap_extent_t *node, const quire_heap_extent_t *extent)
{
    return (place_t){node, (uintptr_t)node < (uintptr_t)extent};
}

/* The last extent at or below an address and the first above it. False: a node on the way is damaged. */
static bool descend(const quire_heap_t *heap, uintptr_t address, quire_heap_extent_t **below,
                    quire_heap_extent_t **above, quire_heap_fault_t *fault)
{
    quire_heap_extent_t *node = heap->extents;

    *below = NULL;
    *above = NULL;
    while (node != NULL) {
        if (!quire_heap_extent_is_sound(heap, node))
            return heap_fault(fault, "the header of an extent was overwritten", node);
        if ((uintptr_t)node <= address) {
            *below = node;
            node = node->upper;
        } else {
            *above = node;
            node = node->lower;
        }
    }
    return true;
}

quire_heap_extent_t *quire_heap_range_next(const quire_heap_t *heap, uintptr_t address, quire_heap_fault_t *fault)
{
    quire_heap_extent_t *below;
    quire_heap_extent_t *above;

    return descend(heap, address, &below, &above, fault) ? above : NULL;
}

quire_heap_extent_t *quire_heap_range_find(const quire_heap_t *heap, uintptr_t address, quire_heap_fault_t *fault)
{
    quire_heap_extent_t *below;
    quire_heap_extent_t *above;

    if (!descend(heap, address, &below, &above, fault))
        return NULL;
    return below != NULL && address - (uintptr_t)below < below->bytes ? below : above;
}

/* --- the runs --- */

/* A header that is said to lie at the last address of a span can be read to its end. */
static uintptr_t run_end(const quire_heap_run_t *run)
{
    return run->low + run->span + (LEAST_BYTES - 1);
}

static quire_heap_run_t run_of(uintptr_t low, uintptr_t end)
{
    return (quire_heap_run_t){low, end - low - (LEAST_BYTES - 1)};
}

/* Where a run goes: a place that is free, else that of the last, whose extents are then only in the tree. */
static quire_heap_run_t *vacant(quire_heap_t *heap)
{
    unsigned at = 0;

    while (at < QUIRE_HEAP_RUNS - 1 && heap->runs[at].span != 0)
        at++;
    return &heap->runs[at];
}

/* A run of [low, end) and all that it touches. */
static void run_add(quire_heap_t *heap, uintptr_t low, uintptr_t end)
{
    unsigned at = 0;

    while (at < QUIRE_HEAP_RUNS) {
        quire_heap_run_t *run = &heap->runs[at++];

        if (run->span == 0 || (run_end(run) != low && run->low != end))
            continue;
        low = run->low < low ? run->low : low;
        end = run_end(run) > end ? run_end(run) : end;
        run->span = 0;
        at = 0;
    }
    *vacant(heap) = run_of(low, end);
}

/* [low, end), an extent, is no longer the heap's. The larger part that is left of its run stays in its place. */
static void run_cut(quire_heap_t *heap, uintptr_t low, uintptr_t end)
{
    for (unsigned at = 0; at < QUIRE_HEAP_RUNS; at++) {
        quire_heap_run_t *run = &heap->runs[at];
        uintptr_t from = run->low;
        uintptr_t to = run_end(run);

        if (run->span == 0 || low < from || low >= to)
            continue;
        run->span = 0;
        if (low - from >= to - end) {
            *run = low != from ? run_of(from, low) : *run;
            if (end != to)
                *vacant(heap) = run_of(end, to);
        } else {
            *run = run_of(end, to);
            if (low != from)
                *vacant(heap) = run_of(from, low);
        }
        return;
    }
}

bool quire_heap_range_covers(const quire_heap_t *heap, uintptr_t address)
{
    quire_heap_fault_t fault;
    quire_heap_extent_t *below;
    quire_heap_extent_t *above;

    for (unsigned at = 0; at < QUIRE_HEAP_RUNS; at++) {
        if (address - heap->runs[at].low < heap->runs[at].span)
            return true;
    }
    return descend(heap, address, &below, &above, &fault) && below != NULL &&
           address - (uintptr_t)below < below->bytes - (LEAST_BYTES - 1);
}

void quire_heap_range_favour(quire_heap_t *heap, uintptr_t address)
{
    quire_heap_fault_t fault;
    const quire_heap_extent_t *extent;

    for (unsigned at = 0; at < QUIRE_HEAP_RUNS; at++) {
        quire_heap_run_t run = heap->runs[at];

        if (address - run.low >= run.span)
            continue;
        for (; at > 0; at--)
            heap->runs[at] = heap->runs[at - 1];
        heap->runs[0] = run;
        return;
    }
    extent = quire_heap_range_find(heap, address, &fault);
    if (extent != NULL && (uintptr_t)extent <= address) {
        run_add(heap, (uintptr_t)extent, (uintptr_t)extent + extent->bytes);
        quire_heap_range_favour(heap, address);
    }
}

/* --- both --- */

/* Hung in where its priority belongs; what was there is divided by its address. */
static void hang_in(quire_heap_t *heap, quire_heap_extent_t *extent)
{
    place_t at = {NULL, false};
    place_t lower = {extent, false};
    place_t upper = {extent, true};
    quire_heap_extent_t *node;

    while ((node = get(heap, at)) != NULL && priority(node) > priority(extent))
        at = side_of(node, extent);
    put(heap, at, extent);
    while (node != NULL) {
        bool below = (uintptr_t)node < (uintptr_t)extent;

        put(heap, below ? lower : upper, node);
        *(below ? &lower : &upper) = side_of(node, extent);
        node = below ? node->upper : node->lower;
    }
    put(heap, lower, NULL);
    put(heap, upper, NULL);
}

bool quire_heap_range_add(quire_heap_t *heap, quire_heap_extent_t *extent, bool large, quire_heap_fault_t *fault)
{
    quire_heap_extent_t *below;
    quire_heap_extent_t *above;

    if (!descend(heap, (uintptr_t)extent, &below, &above, fault))
        return false;
    extent->lower = NULL;
    extent->upper = NULL;
    extent->check = extent_seal(heap, extent) ^ (large ? LARGE_MARK : 0);
    hang_in(heap, extent);
    run_add(heap, (uintptr_t)extent, (uintptr_t)extent + extent->bytes);
    return true;
}

/* What removing changes lies on the ways to the addresses next to the extent's. */
bool quire_heap_range_may_remove(const quire_heap_t *heap, const quire_heap_extent_t *extent, quire_heap_fault_t *fault)
{
    quire_heap_extent_t *below;
    quire_heap_extent_t *above;

    if (!descend(heap, (uintptr_t)extent - 1, &below, &above, fault) ||
        !descend(heap, (uintptr_t)extent, &below, &above, fault))
        return false;
    return below == extent || heap_fault(fault, "the header of an extent was overwritten", extent);
}

/* What hangs below it is coalesced in its place. */
void quire_heap_range_remove(quire_heap_t *heap, quire_heap_extent_t *extent)
{
    place_t at = {NULL, false};
    quire_heap_extent_t *lower = extent->lower;
    quire_heap_extent_t *upper = extent->upper;
    quire_heap_extent_t *node;

    while ((node = get(heap, at)) != extent)
        at = side_of(node, extent);
    while (lower != NULL && upper != NULL) {
        bool from_lower = priority(lower) > priority(upper);

        node = from_lower ? lower : upper;
        put(heap, at, node);
        at = (place_t){node, from_lower};
        *(from_lower ? &lower : &upper) = get(heap, at);
    }
    put(heap, at, lower != NULL ? lower : upper);
    run_cut(heap, (uintptr_t)extent, (uintptr_t)extent + extent->bytes);
}
