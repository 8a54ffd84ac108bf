/* SPDX-License-Identifier: MIT */
/*
 * segments.c - processes that are kept apart by base and limit alone.
 *
 * Problem: give a process memory that nobody else can name, without paging's help, and take the memory away from under
 * it when the room is needed elsewhere. Idea: a process knows selectors and offsets only. Where a segment lies stands
 * in the process's LDT and in the arena; both are rewritten together while the process is in the kernel or not running
 * at all, and the segment registers are loaded anew whenever it goes back to ring 3.
 *
 * A process has two or three segments, each one piece of the window (linear.c):
 *   code    [0, end of its code): may be executed, neither read nor written
 *   data    [0, break): constants, variables, heap; brk moves its limit, and the whole segment if the place above is
 * taken stack   a program linked with a stack size (PT_GNU_STACK) gets an expand-down segment of it. Without one, as
 * gcc wants it, SS is the data segment, and the stack is at its very bottom: a stack that overflows goes below offset
 * 0, which is beyond the limit. The LDT also holds a call gate to ring 0, which tells how often the process was moved,
 * and where it lies.
 *
 * Invariants: a descriptor's base and limit never reach beyond the segment's place in the arena. What a segment gains
 * is zeros. While a segmented process runs, the GDT has no flat segment for ring 3 (tables.c), and it can make none:
 * the calls that would are refused.
 *
 * Rejected: growing the stack by its limit, which would need the place below; and limits in pages for all, which would
 * hide the difference that is to be shown: below 1 MiB a limit is exact to the byte.
 */
#include "../../segments.h"

#include "../../memory.h"
#include "../arch.h"
#include "linear.h"
#include "local.h"
#include "segment.h"

#define SEGMENTS_MAX (3 * PROCESS_MAX)

static quire_arena_segment_t storage[SEGMENTS_MAX];
static quire_arena_t arena;
static segments_t *members[PROCESS_MAX];
static unsigned member_count;
static const segments_t *loaded;

static segments_t *member(uint32_t owner)
{
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        if (members[i] != NULL && members[i]->owner == owner)
            return members[i];
    }
    quire_port_panic("segments: a segment is nobody's");
}

static void encode(segments_t *segments, unsigned place)
{
    uint64_t words[2];
    unsigned count;

    if (quire_segment_encode(&segments->segment[place], words, &count) != QUIRE_OK)
        quire_port_panic("segments: a descriptor that the CPU would refuse");
    segments->local[place] = words[0];
}

/* An expand-down segment ends where its base is, 4 GiB above which its offsets end. */
static void put_base(segments_t *segments, unsigned place, uint32_t start, uint32_t bytes)
{
    quire_segment_t *segment = &segments->segment[place];

    segment->base = segment->expand_down ? (uint64_t)start + bytes : start;
    encode(segments, place);
}

static void move(void *context, const quire_arena_segment_t *segment, uint32_t new_start)
{
    segments_t *segments = member(segment->owner);

    (void)context;
    linear_copy(new_start, segment->start, segment->bytes);
    put_base(segments, segment->index, new_start, segment->bytes);
    segments->moves++;
}

quire_status_t segment_join(segments_t *segments)
{
    quire_status_t status = linear_acquire();
    unsigned place = 0;

    if (status != QUIRE_OK)
        return status;
    if (member_count++ == 0) {
        quire_fit_t fit = arena.fit;

        quire_arena_init(&arena, LINEAR_START, LINEAR_END, fit, storage, SEGMENTS_MAX);
        arena.move = move;
    }
    while (members[place] != NULL)
        place++;
    members[place] = segments;
    return QUIRE_OK;
}

static void leave(segments_t *segments)
{
    quire_arena_release(&arena, segments->owner);
    for (unsigned i = 0; i < PROCESS_MAX; i++) {
        if (members[i] == segments)
            members[i] = NULL;
    }
    member_count--;
    linear_release();
}

quire_arena_t *segments_arena(void)
{
    return member_count != 0 ? &arena : NULL;
}

uint64_t segments_compact(void)
{
    return member_count != 0 ? quire_arena_compact(&arena, LINEAR_BYTES) : 0;
}

/* What a limit can say: above 1 MiB it counts pages. */
static uint32_t sayable(uint32_t bytes)
{
    return bytes <= 0x100000 ? bytes : (uint32_t)quire_page_up(bytes);
}

/* Reserves, after a compaction if there is room but no hole. */
quire_status_t segment_reserve(segments_t *segments, unsigned place, uint32_t wanted)
{
    quire_segment_t *segment = &segments->segment[place];
    uint32_t bytes = place == LOCAL_STACK ? (uint32_t)quire_page_up(wanted) : sayable(wanted);
    uint32_t start;
    quire_status_t status = quire_arena_reserve(&arena, bytes, segments->owner, place, &start);

    if (status == QUIRE_NO_SPACE) {
        (void)quire_arena_compact(&arena, bytes);
        status = quire_arena_reserve(&arena, bytes, segments->owner, place, &start);
    }
    if (status != QUIRE_OK)
        return status;
    segment->kind = place == LOCAL_CODE ? QUIRE_SEGMENT_CODE : QUIRE_SEGMENT_DATA;
    segment->privilege = 3;
    segment->wide = true;
    segment->writable = place != LOCAL_CODE;
    segment->expand_down = place == LOCAL_STACK;
    segment->limit_bytes = segment->expand_down ? ((uint64_t)1 << 32) - bytes : bytes;
    put_base(segments, place, start, bytes);
    linear_clear(start, bytes);
    return QUIRE_OK;
}

void segments_release(process_t *process)
{
    segments_t *segments = process->segments;

    if (segments == NULL)
        return;
    if (loaded == segments) {
        local_table_unload();
        loaded = NULL;
    }
    leave(segments);
    process->segments = NULL;
    quire_heap_free(&kernel_heap, segments);
}

void segments_switch(const process_t *process)
{
    if (process->segments == loaded)
        return;
    loaded = process->segments;
    if (loaded != NULL)
        local_table_load(loaded->descriptor);
    else
        local_table_unload();
}

/* How many of the bytes at an offset are within the data segment. */
static size_t within(const segments_t *segments, uintptr_t offset, size_t bytes)
{
    uint64_t limit = segments->segment[LOCAL_DATA].limit_bytes;

    if (offset >= limit)
        return 0;
    return bytes < limit - offset ? bytes : (size_t)(limit - offset);
}

quire_status_t segments_read(process_t *process, void *to, uintptr_t from, size_t bytes, size_t *copied)
{
    size_t count = within(process->segments, from, bytes);

    linear_read(to, (uint32_t)(process->segments->segment[LOCAL_DATA].base + from), count);
    if (copied != NULL)
        *copied = count;
    return count == bytes ? QUIRE_OK : QUIRE_DENIED;
}

quire_status_t segments_write(process_t *process, uintptr_t to, const void *from, size_t bytes, size_t *copied)
{
    size_t count = within(process->segments, to, bytes);

    linear_write((uint32_t)(process->segments->segment[LOCAL_DATA].base + to), from, count);
    if (copied != NULL)
        *copied = count;
    return count == bytes ? QUIRE_OK : QUIRE_DENIED;
}

uintptr_t segments_break(process_t *process, uintptr_t wanted)
{
    segments_t *segments = process->segments;
    quire_segment_t *data = &segments->segment[LOCAL_DATA];
    uint32_t old_bytes = (uint32_t)data->limit_bytes;
    uint32_t new_bytes = sayable((uint32_t)wanted);
    uint32_t start;
    quire_status_t status;

    if (wanted < segments->data_start || wanted > LINEAR_BYTES)
        return (uintptr_t)process->break_end;
    status = quire_arena_resize(&arena, segments->owner, LOCAL_DATA, new_bytes, &start);
    if (status == QUIRE_NO_SPACE) {
        (void)quire_arena_compact(&arena, new_bytes);
        status = quire_arena_resize(&arena, segments->owner, LOCAL_DATA, new_bytes, &start);
    }
    if (status != QUIRE_OK)
        return (uintptr_t)process->break_end;
    data->limit_bytes = new_bytes;
    put_base(segments, LOCAL_DATA, start, new_bytes);
    if (new_bytes > old_bytes)
        linear_clear(start + old_bytes, new_bytes - old_bytes);
    process->break_end = wanted;
    return wanted;
}

bool segments_refuse(const process_t *process, call_t call)
{
    const call_t paged[] = {call_mmap,          call_mmap_pages, call_munmap, call_mprotect,
                            call_pkey_mprotect, call_madvise,    call_mremap,     call_mincore};

    for (unsigned i = 0; process->segments != NULL && i < sizeof(paged) / sizeof(paged[0]); i++) {
        if (call == paged[i])
            return true;
    }
    return false;
}

uint32_t segment_gate(uint32_t question)
{
    const segments_t *segments = process_current()->segments;

    return question == 0 ? segments->moves : (uint32_t)segments->segment[LOCAL_DATA].base;
}
