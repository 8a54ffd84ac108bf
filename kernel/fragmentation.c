/* SPDX-License-Identifier: MIT */
/*
 * fragmentation.c - memory without paging, drawn while processes come and go.
 *
 * The library's arena and the same sequence of processes that ./quire bench segmentation measures, without anything in
 * the memory: what is to be seen is where the holes are. A line is the arena at one moment, a character 256 KiB of it:
 * '.' free, '#' taken, ':' partly. Below a line stands what happened when it made somebody fail, or move.
 */
#include "fragmentation.h"

#include "arena_trace.h"
#include "memory.h"
#include "print.h"

#define MEMORY_BYTES ((uint32_t)16 << 20)
#define LOAD_MOST    ((uint32_t)13 << 20)
#define CELLS        64
#define CELL_BYTES   (MEMORY_BYTES / CELLS)
#define SEGMENTS_MAX (TRACE_LIVING_MAX * TRACE_PARTS)
#define STEPS        400
#define STEPS_A_LINE 20
#define DATA         1

typedef struct demo {
    quire_arena_t arena;
    quire_arena_segment_t storage[SEGMENTS_MAX];
    trace_t trace;
    bool compacts;
    unsigned refused;
    unsigned compactions;
} demo_t;

static void move(void *context, const quire_arena_segment_t *segment, uint32_t new_start)
{
    (void)context;
    (void)segment;
    (void)new_start;
}

static void draw(const demo_t *demo)
{
    uint32_t taken[CELLS] = {0};
    char line[CELLS + 1] = {0};
    quire_arena_stats_t stats;

    for (size_t i = 0; i < demo->arena.count; i++) {
        const quire_arena_segment_t *segment = &demo->arena.segments[i];
        uint32_t end = segment->start + segment->bytes;

        for (uint32_t at = segment->start; at < end;) {
            uint32_t cell_end = (at / CELL_BYTES + 1) * CELL_BYTES;
            uint32_t to = cell_end < end ? cell_end : end;

            taken[at / CELL_BYTES] += to - at;
            at = to;
        }
    }
    for (unsigned cell = 0; cell < CELLS; cell++)
        line[cell] = taken[cell] == 0 ? '.' : taken[cell] == CELL_BYTES ? '#' : ':';
    quire_arena_stats(&demo->arena, &stats);
    print("|%s| %2u holes, %5u KiB free, largest %5u\n", line, stats.holes, stats.free_bytes >> 10,
          stats.largest_hole_bytes >> 10);
}

/* Tells a failure or a compaction; true if it is worth another try. */
static bool make_room(demo_t *demo, uint32_t id, uint32_t bytes)
{
    quire_arena_stats_t stats;

    quire_arena_stats(&demo->arena, &stats);
    if (!demo->compacts) {
        demo->refused++;
        print("   process %u wants %u KiB; %u KiB are free, but in %u pieces: refused\n", id, bytes >> 10,
              stats.free_bytes >> 10, stats.holes);
        return false;
    }
    demo->compactions++;
    print("   process %u wants %u KiB: %u KiB are moved for it\n", id, bytes >> 10,
          (unsigned)(quire_arena_compact(&demo->arena, bytes) >> 10));
    return true;
}

static bool place(demo_t *demo, uint32_t id, uint32_t part, uint32_t bytes)
{
    uint32_t start;
    quire_status_t status = quire_arena_reserve(&demo->arena, bytes, id, part, &start);

    if (status == QUIRE_NO_SPACE && make_room(demo, id, bytes))
        status = quire_arena_reserve(&demo->arena, bytes, id, part, &start);
    return status == QUIRE_OK;
}

static void grow(demo_t *demo, const trace_process_t *process)
{
    uint32_t start;
    uint32_t bytes = process->bytes[DATA];
    quire_status_t status = quire_arena_resize(&demo->arena, process->id, DATA, bytes, &start);

    if (status == QUIRE_NO_SPACE && make_room(demo, process->id, bytes))
        status = quire_arena_resize(&demo->arena, process->id, DATA, bytes, &start);
    if (status != QUIRE_OK && status != QUIRE_NOT_FOUND && demo->compacts)
        demo->refused++;
}

static void step(demo_t *demo)
{
    trace_step_t step;
    bool placed = true;

    trace_next(&demo->trace, &step);
    switch (step.kind) {
    case TRACE_START:
        for (unsigned part = 0; part < TRACE_PARTS && placed; part++)
            placed = place(demo, step.process.id, part, step.process.bytes[part]);
        if (!placed)
            quire_arena_release(&demo->arena, step.process.id);
        break;
    case TRACE_GROW:
        grow(demo, &step.process);
        break;
    case TRACE_END:
        quire_arena_release(&demo->arena, step.process.id);
        break;
    }
}

static void show(demo_t *demo, bool compacts)
{
    *demo = (demo_t){.compacts = compacts};
    quire_arena_init(&demo->arena, 0, MEMORY_BYTES, QUIRE_FIT_FIRST, demo->storage, SEGMENTS_MAX);
    demo->arena.move = move;
    trace_init(&demo->trace, 1, LOAD_MOST);
    print("\nfirst fit, %s: a line is 16 MiB, '#' taken, ':' partly, '.' free\n",
          compacts ? "with compaction" : "without compaction");
    for (unsigned i = 1; i <= STEPS; i++) {
        step(demo);
        if (i % STEPS_A_LINE == 0)
            draw(demo);
    }
    print("%u refused; %u compactions, %u KiB moved altogether\n", demo->refused, demo->compactions,
          (unsigned)(demo->arena.moved_bytes >> 10));
}

bool fragmentation_show(void)
{
    demo_t *demo = quire_heap_alloc(&kernel_heap, sizeof(*demo));

    if (demo == NULL)
        return false;
    show(demo, false);
    show(demo, true);
    print("\nby pages any free frame will do: nothing is refused while a frame is free, and nothing is moved\n");
    quire_heap_free(&kernel_heap, demo);
    return true;
}
