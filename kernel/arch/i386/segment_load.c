/* SPDX-License-Identifier: MIT */
/*
 * segment_load.c - a program that was linked for segments, judged and put into them.
 *
 * Problem: such a file has two things at address 0, which is nonsense to everybody else. Idea: the reader of
 * executables is told that code and data are two address spaces, and then checks each as it checks one. What is asked
 * beyond that is a stack: a segment of its own (the file says how large, in PT_GNU_STACK), or the part of the data that
 * lies at 0 and has no bytes in the file.
 *
 * Invariant: nothing is written before its segment has been reserved, and nothing outside it: the reader has compared
 * every part with the ends that the segments were reserved by.
 */
#include "../../segments.h"

#include "../../memory.h"
#include "../arch.h"
#include "linear.h"
#include "local.h"
#include "segment.h"

#define STACK_BYTES_MOST 0x100000u

/* The part of code, or of data, that lies at address 0; NULL if there is none. */
static const elf_segment_t *part_at_zero(const elf_image_t *image, bool code)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const elf_segment_t *part = &image->segments[i];

        if (part->address == 0 && ((part->prot & ELF_PROT_EXEC) != 0) == code)
            return part;
    }
    return NULL;
}

/* Where the first stack pointer may be, and how much room is below it; 0 bytes: there is no stack. */
static uint32_t stack_room(const elf_image_t *image, uint32_t *top)
{
    const elf_segment_t *part = part_at_zero(image, false);

    *top = 0;
    if (image->stack_bytes != 0)
        return image->stack_bytes <= STACK_BYTES_MOST ? (uint32_t)image->stack_bytes : 0;
    if (part == NULL || part->file_bytes != 0)
        return 0;
    *top = (uint32_t)part->memory_bytes & ~15u;
    return *top;
}

quire_status_t segments_parse(const void *file, size_t bytes, elf_image_t *image, const char **reason)
{
    static const elf_machine_t machine = {ARCH_ELF_CLASS, ARCH_ELF_MACHINE, 0, LINEAR_BYTES, true};
    static elf_image_t judged; /* too large for the stack */
    uint32_t top;
    quire_status_t status = elf_parse(file, bytes, &machine, &judged, reason);

    if (status != QUIRE_OK)
        return status;
    *reason = "it is not laid out for segments";
    if (part_at_zero(&judged, true) == NULL || judged.end == 0 || stack_room(&judged, &top) == 0)
        return QUIRE_UNSUPPORTED;
    *image = judged;
    return QUIRE_OK;
}

static quire_status_t reserve_all(segments_t *segments, const elf_image_t *image)
{
    quire_status_t status = segment_reserve(segments, LOCAL_CODE, (uint32_t)image->code_end);

    if (status == QUIRE_OK)
        status = segment_reserve(segments, LOCAL_DATA, (uint32_t)image->end);
    if (status == QUIRE_OK && image->stack_bytes != 0)
        status = segment_reserve(segments, LOCAL_STACK, (uint32_t)image->stack_bytes);
    return status;
}

static void put_gate(segments_t *segments)
{
    const quire_gate_t gate = {.kind = QUIRE_GATE_CALL,
                               .offset = (uintptr_t)segment_gate_entry,
                               .selector = ARCH_SELECTOR_KERNEL_CODE,
                               .privilege = 3};
    uint64_t words[2];
    unsigned count;

    if (quire_gate_encode(&gate, words, &count) != QUIRE_OK)
        quire_port_panic("segments: a gate that the CPU would refuse");
    segments->local[LOCAL_GATE] = words[0];
}

static void fill(const segments_t *segments, const uint8_t *file, const elf_image_t *image)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const elf_segment_t *part = &image->segments[i];
        unsigned place = (part->prot & ELF_PROT_EXEC) != 0 ? LOCAL_CODE : LOCAL_DATA;

        linear_write((uint32_t)(segments->segment[place].base + part->address), file + part->file_offset,
                     (size_t)part->file_bytes);
    }
}

/* argc, argv and an empty environment, down from `top` in the stack's segment; false if they do not fit in `room`. */
static bool put_arguments(const quire_segment_t *stack, uint32_t top, uint32_t room, const char *const *argv,
                          uint32_t *pointer)
{
    const uint32_t base = (uint32_t)stack->base;
    uint32_t words[32] = {0}; /* argc, argv, NULL, NULL for the environment, two zeros for the auxiliary vector */
    uint32_t at = top;
    uint32_t bytes;

    while (argv[words[0]] != NULL) {
        uint32_t length = 1;

        while (argv[words[0]][length - 1] != '\0')
            length++;
        if (length > room / 2 || top - at > room / 2 - length || words[0] + 6 > sizeof(words) / sizeof(words[0]))
            return false;
        at -= length;
        linear_write(base + at, argv[words[0]], length);
        words[++words[0]] = at;
    }
    bytes = (words[0] + 5) * (uint32_t)sizeof(words[0]);
    at = (at - bytes) & ~15u;
    if (top - at > room)
        return false;
    linear_write(base + at, words, bytes);
    *pointer = at;
    return true;
}

static void first_frame(trap_frame_t *frame, uintptr_t entry, uintptr_t stack, bool own_stack)
{
    frame_init_user(frame, entry, stack);
    frame->cs = LOCAL_SELECTOR(LOCAL_CODE);
    frame->ds = LOCAL_SELECTOR(LOCAL_DATA);
    frame->es = LOCAL_SELECTOR(LOCAL_DATA);
    frame->ss = LOCAL_SELECTOR(own_stack ? LOCAL_STACK : LOCAL_DATA);
}

static quire_status_t furnish(process_t *process, const void *file, const elf_image_t *image, const char *const *argv,
                              trap_frame_t *frame, const char **reason)
{
    segments_t *segments = process->segments;
    bool own_stack = image->stack_bytes != 0;
    uint32_t top;
    uint32_t room = stack_room(image, &top);
    uint32_t pointer;
    quire_status_t status = linear_map(&process->space);

    if (status == QUIRE_OK)
        status = reserve_all(segments, image);
    if (status != QUIRE_OK)
        return status;
    fill(segments, file, image);
    put_gate(segments);
    if (!put_arguments(&segments->segment[own_stack ? LOCAL_STACK : LOCAL_DATA], top, room, argv, &pointer)) {
        *reason = "its arguments are too long";
        return QUIRE_INVALID;
    }
    segments->data_start = (uint32_t)image->end;
    process->break_start = segments->data_start;
    process->break_end = segments->data_start;
    first_frame(frame, (uintptr_t)image->entry, pointer, own_stack);
    return QUIRE_OK;
}

quire_status_t segments_load(process_t *process, const void *file, const elf_image_t *image, const char *const *argv,
                             trap_frame_t *frame, const char **reason)
{
    segments_t *segments = quire_heap_alloc_zeroed(&kernel_heap, 1, sizeof(*segments));

    *reason = "there is no room for its segments";
    if (segments == NULL)
        return QUIRE_NO_MEMORY;
    segments->owner = process->id;
    segments->descriptor = local_table_describe(segments->local, sizeof(segments->local));
    if (segment_join(segments) != QUIRE_OK) {
        quire_heap_free(&kernel_heap, segments);
        return QUIRE_NO_MEMORY;
    }
    process->segments = segments;
    return furnish(process, file, image, argv, frame, reason);
}
