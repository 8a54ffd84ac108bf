/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the public face: sizes checked, the lock taken, misuse reported.
 *
 * Everything that changes a heap happens in bins.c, resize.c and extent.c, under the heap's one lock. What they find
 * wrong comes back here as a *fault* and is reported after the lock is released, so that a report function may print,
 * or even use the heap.
 *
 * Content is copied and cleared outside the lock: the block belongs to the caller by then.
 *
 * Every call first asks whether the heap was initialised, by a pointer to itself that it holds: memory that was never
 * written, and a heap that was copied elsewhere, do not have it. It costs two instructions.
 *
 * Lock order: a heap's lock comes before every lock that its source takes.
 */
#include "heap.h"

#include "string.h"

/* Any odd number without a pattern; two heaps at different addresses get different keys. */
#define KEY_FACTOR ((uintptr_t)0x9e3779b97f4a7c15u)
#define KEY_TERM   ((uintptr_t)0x2545f4914f6cdd1du)

void quire_heap_init(quire_heap_t *heap, const quire_heap_source_t *source)
{
    const quire_heap_source_t kept = *source;

    memset(heap, 0, sizeof(*heap));
    heap->source = kept;
    heap->self = heap;
    heap->key = ((uintptr_t)heap ^ KEY_TERM) * KEY_FACTOR;
    for (unsigned bin = 0; bin <= QUIRE_HEAP_BINS; bin++)
        heap->bins[bin] = (quire_heap_link_t){&heap->bins[bin], &heap->bins[bin]};
}

static _Noreturn void panic(const quire_heap_fault_t *fault)
{
    static const char before[] = "heap: ";
    static const char between[] = ", at 0x";
    char sentence[160];
    size_t at = sizeof(before) - 1;

    memcpy(sentence, before, at);
    for (const char *from = fault->what; *from != '\0' && at < 120; from++)
        sentence[at++] = *from;
    memcpy(&sentence[at], between, sizeof(between) - 1);
    at += sizeof(between) - 1;
    for (unsigned shift = 8 * sizeof(uintptr_t); shift != 0; shift -= 4)
        sentence[at++] = "0123456789abcdef"[(uintptr_t)fault->address >> (shift - 4) & 15];
    sentence[at] = '\0';
    quire_port_panic(sentence);
}

_Noreturn void quire_heap_is_not_ready(const quire_heap_t *heap)
{
    panic(&(quire_heap_fault_t){"a heap is used that was not initialised, or was moved since", heap});
}

void quire_heap_report(quire_heap_t *heap, const quire_heap_fault_t *fault)
{
    if (fault->what == NULL)
        return;
    if (heap->report == NULL)
        panic(fault);
    heap->report(heap->report_context, fault->what, fault->address);
}

/* The block size for a payload, or 0 if that is absurd. */
static inline size_t bytes_for(size_t payload_bytes)
{
    size_t bytes = (payload_bytes + HEADER_BYTES + QUIRE_HEAP_ALIGN - 1) & ~(QUIRE_HEAP_ALIGN - 1);

    if (payload_bytes > MOST_BYTES - HEADER_BYTES - EXTENT_BYTES - QUIRE_PAGE_BYTES)
        return 0;
    return bytes < LEAST_BYTES ? LEAST_BYTES : bytes;
}

void *quire_heap_alloc(quire_heap_t *heap, size_t bytes)
{
    size_t wanted = bytes_for(bytes);
    quire_heap_fault_t fault;
    quire_heap_block_t *block;

    heap_must_be_ready(heap);
    if (wanted == 0)
        return NULL;
    quire_port_lock(&heap->lock);
    block = quire_heap_list_take(heap, wanted, &fault);
    if (__builtin_expect(block != NULL, 1)) {
        quire_event(.kind = QUIRE_EVENT_HEAP_ALLOC, .address = (uintptr_t)block_payload(block), .bytes = bytes,
                    .detail = block_bytes(block));
        quire_port_unlock(&heap->lock);
        return block_payload(block);
    }
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    return NULL;
}

void *quire_heap_alloc_zeroed(quire_heap_t *heap, size_t count, size_t bytes)
{
    size_t product;
    void *payload;

    if (__builtin_mul_overflow(count, bytes, &product))
        return NULL;
    payload = quire_heap_alloc(heap, product);
    if (payload != NULL)
        memset(payload, 0, product);
    return payload;
}

void *quire_heap_alloc_aligned(quire_heap_t *heap, size_t align, size_t bytes)
{
    quire_heap_fault_t fault;
    quire_heap_block_t *block;

    heap_must_be_ready(heap);
    if (align == 0 || (align & (align - 1)) != 0 || align > MOST_BYTES / 4 || bytes > MOST_BYTES / 4)
        return NULL;
    if (align <= QUIRE_HEAP_ALIGN)
        return quire_heap_alloc(heap, bytes);
    quire_port_lock(&heap->lock);
    block = quire_heap_list_take_aligned(heap, bytes_for(bytes), align, &fault);
    if (__builtin_expect(block != NULL, 1)) {
        quire_event(.kind = QUIRE_EVENT_HEAP_ALLOC, .address = (uintptr_t)block_payload(block), .bytes = bytes,
                    .detail = block_bytes(block));
        quire_port_unlock(&heap->lock);
        return block_payload(block);
    }
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    return NULL;
}

void quire_heap_free(quire_heap_t *heap, void *block)
{
    quire_heap_fault_t fault;
    bool released;

    heap_must_be_ready(heap);
    if (block == NULL)
        return;
    quire_port_lock(&heap->lock);
    released = quire_heap_list_release(heap, block_of_payload(block), &fault);
    quire_port_unlock(&heap->lock);
    if (__builtin_expect(!released, 0))
        quire_heap_report(heap, &fault);
}

static void *slide(quire_heap_t *heap, void *block, size_t wanted)
{
    quire_heap_fault_t fault = {NULL, NULL};
    quire_heap_block_t *moved;

    quire_port_lock(&heap->lock);
    moved = quire_heap_list_slide(heap, block_of_payload(block), wanted, &fault);
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    return moved != NULL ? block_payload(moved) : NULL;
}

void *quire_heap_realloc(quire_heap_t *heap, void *block, size_t bytes)
{
    size_t wanted = bytes_for(bytes);
    quire_heap_fault_t fault = {NULL, NULL};
    bool done = false;
    size_t old = 0;
    void *moved;

    heap_must_be_ready(heap);
    if (block == NULL)
        return quire_heap_alloc(heap, bytes);
    if (wanted == 0)
        return NULL;
    quire_port_lock(&heap->lock);
    if (quire_heap_list_resize(heap, block_of_payload(block), wanted, &done, &fault))
        old = block_bytes(block_of_payload(block)) - HEADER_BYTES;
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    if (done || fault.what != NULL)
        return done ? block : NULL;
    moved = quire_heap_alloc(heap, bytes);
    if (moved == NULL) /* a block that was only to be smaller is good enough as it is */
        return wanted <= old + HEADER_BYTES ? block : slide(heap, block, wanted);
    memcpy(moved, block, bytes < old ? bytes : old);
    quire_heap_free(heap, block);
    return moved;
}

size_t quire_heap_usable_bytes(quire_heap_t *heap, const void *block)
{
    quire_heap_neighbours_t neighbours;
    quire_heap_fault_t fault = {NULL, NULL};
    size_t bytes = 0;

    heap_must_be_ready(heap);
    quire_port_lock(&heap->lock);
    if (quire_heap_list_examine(heap, block_of_payload(block), &neighbours, &fault))
        bytes = block_bytes(block_of_payload(block)) - HEADER_BYTES;
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    return bytes;
}

void quire_heap_trim(quire_heap_t *heap)
{
    heap_must_be_ready(heap);
    quire_port_lock(&heap->lock);
    quire_heap_extent_trim(heap);
    quire_port_unlock(&heap->lock);
}

void quire_heap_destroy(quire_heap_t *heap)
{
    void (*report)(void *, const char *, const void *) = heap->report;
    void *report_context = heap->report_context;
    quire_heap_fault_t fault = {NULL, NULL};

    heap_must_be_ready(heap);
    quire_port_lock(&heap->lock);
    while (heap->extents != NULL && heap->source.shrink != NULL &&
           quire_heap_range_may_remove(heap, heap->extents, &fault))
        quire_heap_extent_shrink(heap, heap->extents);
    quire_port_unlock(&heap->lock);
    quire_heap_report(heap, &fault);
    quire_heap_init(heap, &heap->source);
    heap->report = report;
    heap->report_context = report_context;
}
