/* SPDX-License-Identifier: MIT */
/*
 * event.c - the ring of event records.
 *
 * Problem: every layer, on every CPU and inside interrupt handlers, tells what it changed; one reader, which may be
 * slower, wants whole records in order, and wants to know when it has missed some. Recording must be cheap, must not
 * wait, and must not need a lock, for it happens under every lock there is.
 *
 * Idea: a writer claims its place with one atomic addition, so two writers never share a slot. The claimed number,
 * counted from the start of recording, is `lap * records + slot`. A record is published by the last store into its
 * slot: the kind, with the low 8 bits of the lap above it. A reader that finds another lap there knows that the record
 * it wants is still being written. After copying a record it looks at the counter again: if a whole lap has been
 * claimed since, what it copied may be mixed, and it starts over at the oldest record left. Between its claim and the
 * record a writer has a fence, and so has a reader between its copy and the look: else the look could miss the claim.
 *
 * Invariants:
 *   - a slot that has never been written carries lap 255, which the first lap (0) is not;
 *   - the lap is taken off before a record leaves the ring, so readers see the documented layout;
 *   - words of a record are stored and loaded one by one with relaxed atomics, so that a race with an overtaking writer
 *     is harmless and defined; the release store of the kind and the acquire load of it order the rest.
 *
 * The counter is one machine word, because 32-bit x86 has no 64-bit atomic addition without a library. Its upper half
 * is kept beside it: see widen().
 *
 * A writer that is interrupted for a whole lap of the ring may write over a newer record. That needs `records` events
 * inside one interruption; the result is one wrong record, never a wrong address.
 *
 * Rejected: the port's lock (a cost on each event, and a deadlock in a non-maskable interrupt); one ring per CPU (their
 * order must then be rebuilt from time stamps, which differ between CPUs).
 */
#include <quire/event.h>
#include <quire/port.h>

#include "cpu/cpu.h"
#include "string.h"

static const char *const names[QUIRE_EVENT_KINDS] = {
    [QUIRE_EVENT_NONE] = "none",
    [QUIRE_EVENT_FRAME_ALLOC] = "frame-alloc",
    [QUIRE_EVENT_FRAME_FREE] = "frame-free",
    [QUIRE_EVENT_FRAME_ZERO] = "frame-zero",
    [QUIRE_EVENT_ENTRY] = "entry",
    [QUIRE_EVENT_TABLE_ALLOC] = "table-alloc",
    [QUIRE_EVENT_TABLE_FREE] = "table-free",
    [QUIRE_EVENT_FLUSH] = "flush",
    [QUIRE_EVENT_LOAD_ROOT] = "load-root",
    [QUIRE_EVENT_SPACE_CREATE] = "space-create",
    [QUIRE_EVENT_SPACE_DESTROY] = "space-destroy",
    [QUIRE_EVENT_RESERVE] = "reserve",
    [QUIRE_EVENT_POPULATE] = "populate",
    [QUIRE_EVENT_UNMAP] = "unmap",
    [QUIRE_EVENT_PROTECT] = "protect",
    [QUIRE_EVENT_FAULT] = "fault",
    [QUIRE_EVENT_FAULT_DONE] = "fault-done",
    [QUIRE_EVENT_HEAP_ALLOC] = "heap-alloc",
    [QUIRE_EVENT_HEAP_FREE] = "heap-free",
    [QUIRE_EVENT_HEAP_SEARCH] = "heap-search",
    [QUIRE_EVENT_HEAP_GROW] = "heap-grow",
    [QUIRE_EVENT_HEAP_SHRINK] = "heap-shrink",
    [QUIRE_EVENT_HEAP_SPLIT] = "heap-split",
    [QUIRE_EVENT_HEAP_JOIN] = "heap-join",
    [QUIRE_EVENT_SYSCALL] = "syscall",
    [QUIRE_EVENT_SYSCALL_DONE] = "syscall-done",
    [QUIRE_EVENT_TRAP] = "trap",
    [QUIRE_EVENT_TRAP_DONE] = "trap-done",
    [QUIRE_EVENT_MARK] = "mark",
    [QUIRE_EVENT_FRAME_SPLIT] = "frame-split",
};

const char *quire_event_name(unsigned kind)
{
    if (kind >= QUIRE_EVENT_KINDS || names[kind] == NULL)
        return "unknown";
    return names[kind];
}

#if QUIRE_EVENTS

#define KIND_BITS 8
#define KIND_MASK ((1u << KIND_BITS) - 1)

_Static_assert(QUIRE_EVENT_KINDS <= KIND_MASK, "the lap shares the 16 bits of the kind");

/* A record is moved in machine words; its fields are read through another type. */
typedef uintptr_t __attribute__((may_alias)) word_t;
#define RECORD_WORDS (sizeof(quire_event_t) / sizeof(word_t))

bool quire_event_enabled;

static struct {
    quire_event_t *slots;
    size_t records;    /* a power of two */
    unsigned lap_bits; /* log2(records) */
    uint64_t base;     /* sequence number of the first record in this storage */
    size_t claimed;    /* low word of the number of records claimed, on top of base */
    size_t high_even;  /* its high word, while the top bit of `claimed` is clear */
    size_t high_odd;   /* the same while that bit is set */
} ring;

/*
 * The whole count. The writer whose claim enters one half of the low word's range prepares the high word for the other
 * half, 2^31 records before it is needed, so that no reader ever sees the low word wrapped and the high word not.
 */
static uint64_t widen(size_t low)
{
    const size_t *high = low >> (sizeof(low) * 8 - 1) ? &ring.high_odd : &ring.high_even;

    return sizeof(low) == 8 ? low : (uint64_t)__atomic_load_n(high, __ATOMIC_RELAXED) << 32 | low;
}

static void prepare_high(size_t low)
{
    if (low == 0)
        __atomic_store_n(&ring.high_odd, ring.high_even, __ATOMIC_RELAXED);
    else if (low == (size_t)1 << (sizeof(low) * 8 - 1))
        __atomic_store_n(&ring.high_even, ring.high_odd + 1, __ATOMIC_RELAXED);
}

static uint64_t claimed_count(void)
{
    return widen(__atomic_load_n(&ring.claimed, __ATOMIC_ACQUIRE));
}

static uint16_t tag_of(uint64_t number, unsigned kind)
{
    return (uint16_t)((unsigned)(number >> ring.lap_bits) << KIND_BITS | (kind & KIND_MASK));
}

quire_status_t quire_event_start(quire_event_t *storage, size_t records)
{
    if (storage == NULL || records < 2 || (records & (records - 1)) != 0)
        return QUIRE_INVALID;
    quire_event_stop();
    memset(storage, 0, records * sizeof(*storage));
    for (size_t slot = 0; slot < records; slot++)
        storage[slot].kind = KIND_MASK << KIND_BITS;
    ring.base = quire_event_count();
    ring.slots = storage;
    ring.records = records;
    ring.lap_bits = 0;
    while ((size_t)1 << ring.lap_bits < records)
        ring.lap_bits++;
    ring.claimed = 0;
    ring.high_even = 0;
    ring.high_odd = 0;
    __atomic_store_n(&quire_event_enabled, true, __ATOMIC_RELEASE);
    return QUIRE_OK;
}

void quire_event_stop(void)
{
    __atomic_store_n(&quire_event_enabled, false, __ATOMIC_RELEASE);
}

uint64_t quire_event_count(void)
{
    return ring.base + claimed_count();
}

/* Everything but the word that holds the kind goes first; that word publishes the record. */
static void publish(quire_event_t *slot, const quire_event_t *record)
{
    const size_t tag_word = offsetof(quire_event_t, kind) / sizeof(word_t);
    const word_t *from = (const word_t *)record;
    word_t *to = (word_t *)slot;

    for (size_t word = 0; word < RECORD_WORDS; word++) {
        if (word != tag_word)
            __atomic_store_n(&to[word], from[word], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&to[tag_word], from[tag_word], __ATOMIC_RELEASE);
}

void quire_event_import(const quire_event_t *event)
{
    quire_event_t record = *event;
    size_t low;

    if (!__atomic_load_n(&quire_event_enabled, __ATOMIC_ACQUIRE))
        return;
    low = __atomic_fetch_add(&ring.claimed, 1, __ATOMIC_ACQ_REL);
    /* Who copies any of what follows finds the claim. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    prepare_high(low);
    record.kind = tag_of(widen(low), event->kind);
    publish(&ring.slots[low & (ring.records - 1)], &record);
}

void quire_event_record(const quire_event_t *event)
{
    quire_event_t record = *event;

    record.time = quire_cpu_timestamp();
    record.cpu = (uint8_t)quire_port_cpu();
    quire_event_import(&record);
}

/* False while the record is still being written, or when the ring has overtaken it. */
static bool copy_record(uint64_t number, quire_event_t *copy)
{
    quire_event_t *slot = &ring.slots[number & (ring.records - 1)];
    const word_t *from = (const word_t *)slot;
    word_t *to = (word_t *)copy;
    uint16_t tag = __atomic_load_n(&slot->kind, __ATOMIC_ACQUIRE);

    if (tag >> KIND_BITS != tag_of(number, 0) >> KIND_BITS)
        return false;
    for (size_t word = 0; word < RECORD_WORDS; word++)
        to[word] = __atomic_load_n(&from[word], __ATOMIC_RELAXED);
    copy->kind = tag & KIND_MASK;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return claimed_count() - number <= ring.records;
}

bool quire_event_read(uint64_t *cursor, quire_event_t *event)
{
    quire_event_t copy;

    for (;;) {
        uint64_t end = claimed_count();
        uint64_t oldest = end > ring.records ? end - ring.records : 0;
        uint64_t number = *cursor > ring.base ? *cursor - ring.base : 0;

        if (number < oldest)
            number = oldest;
        if (number >= end)
            return false;
        if (copy_record(number, &copy)) {
            *event = copy;
            *cursor = ring.base + number + 1;
            return true;
        }
        if (claimed_count() - number <= ring.records)
            return false;
    }
}

#else

quire_status_t quire_event_start(quire_event_t *storage, size_t records)
{
    (void)storage;
    (void)records;
    return QUIRE_UNSUPPORTED;
}

void quire_event_stop(void)
{
}

uint64_t quire_event_count(void)
{
    return 0;
}

bool quire_event_read(uint64_t *cursor, quire_event_t *event)
{
    (void)cursor;
    (void)event;
    return false;
}

void quire_event_record(const quire_event_t *event)
{
    (void)event;
}

void quire_event_import(const quire_event_t *event)
{
    (void)event;
}

#endif
