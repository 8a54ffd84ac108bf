/* SPDX-License-Identifier: MIT */
/*
 * selfcheck.c - every frame of this machine, taken and given back.
 *
 * The frames taken are remembered in a bitmap of our own, from the heap, so that a frame handed out twice is seen, and
 * so that RAM beyond the direct map is covered without touching it. The bitmap is got first; the count is made after
 * that.
 */
#include "selfcheck.h"

#include "arch/arch.h"
#include "launch.h"
#include "memory.h"
#include "print.h"
#include "process.h"
#include "show.h"
#include "supervise.h"

#define SWITCH_WORDS 16 /* more than a switch of stacks pops */

typedef struct taken {
    uint8_t *bits;
    size_t first;
    size_t frames;
    bool doubled;
} taken_t;

/* What the heap keeps in reserve counts as free. */
static size_t free_frames(void)
{
    quire_pmm_stats_t stats;

    quire_heap_trim(&kernel_heap);
    quire_pmm_stats(&kernel_pmm, &stats);
    return stats.free_frames;
}

static bool report(const char *what, bool good)
{
    print_always("check %s: %s\n", what, good ? "ok" : "FAILED");
    return good;
}

static size_t take_all(taken_t *taken)
{
    quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    quire_frame_t frame;
    size_t count = 0;

    while (quire_pmm_alloc(&kernel_pmm, request, &frame) == QUIRE_OK) {
        size_t bit = frame.number - taken->first;

        taken->doubled |= bit >= taken->frames || (taken->bits[bit / 8] & (1u << (bit % 8))) != 0;
        if (bit < taken->frames)
            taken->bits[bit / 8] |= (uint8_t)(1u << (bit % 8));
        count++;
    }
    return count;
}

static size_t give_all(const taken_t *taken)
{
    size_t count = 0;

    for (size_t bit = 0; bit < taken->frames; bit++) {
        if ((taken->bits[bit / 8] & (1u << (bit % 8))) == 0)
            continue;
        if (quire_pmm_free(&kernel_pmm, quire_frame(taken->first + bit), 0) == QUIRE_OK)
            count++;
    }
    return count;
}

static bool check_frames(void)
{
    taken_t taken = {0};
    quire_frame_t first;
    quire_frame_t end;
    size_t before;
    size_t got;
    bool good;

    quire_pmm_bounds(&kernel_pmm, &first, &end);
    taken.first = first.number;
    taken.frames = end.number - first.number;
    taken.bits = quire_heap_alloc_zeroed(&kernel_heap, taken.frames / 8 + 1, 1);
    if (taken.bits == NULL)
        return report("frames: memory for the list of them", false);
    before = free_frames();
    got = take_all(&taken);
    print_always("check frames: %zu free, %zu taken\n", before, got);
    good = report("frames: every free frame can be taken, once", got == before && !taken.doubled);
    good &= report("frames: none is left then", free_frames() == 0);
    good &= report("frames: all can be given back", give_all(&taken) == got && free_frames() == before);
    quire_heap_free(&kernel_heap, taken.bits);
    return good;
}

static bool check_process(void)
{
    const char *const argv[] = {"/bin/alloc5", NULL};
    size_t before = free_frames();
    process_t *process = launch(argv[0], argv);
    int status = -1;
    bool good;

    if (process != NULL)
        status = supervise_to_end(process);
    good = report("process: ran to its end", status == 0);
    good &= report("process: as many frames free as before", free_frames() == before);
    return good;
}

bool selfcheck_run(void)
{
    bool good = report("totals: add up to the RAM found", show_frame_totals());

    good &= check_frames();
    good &= check_process();
    good &= report("layers: pass their own checks",
                   quire_pmm_check(&kernel_pmm) == QUIRE_OK && quire_vmm_check(&kernel_space) == QUIRE_OK &&
                       quire_heap_check(&kernel_heap) == QUIRE_OK && quire_memory_map_check(&kernel_map) == QUIRE_OK);
    good &= report("spaces: each frame has as many holders as mappings", process_check_spaces() == QUIRE_OK);
    return good;
}

/* The result is used after the call, so that no compiler makes a loop of it. */
__attribute__((noinline)) static unsigned descend(volatile unsigned *depth)
{
    volatile unsigned here = *depth + 1;

    return here == 0 ? 0 : descend(&here) + here;
}

/* Small steps: the first byte below the stack that is touched lies in its guard page. */
static _Noreturn void use_up_this_stack(void)
{
    volatile unsigned depth = 0;

    print_always("the stack is used up by %u calls\n", descend(&depth));
    quire_port_panic("selfcheck: the kernel's stack has no end");
}

/* arch_switch_stack() pops a few registers and returns: wherever its return address lies, it is this function's. */
static void prepare_stack(uintptr_t pointer)
{
    uintptr_t *words = (uintptr_t *)pointer;

    for (unsigned i = 0; i < SWITCH_WORDS; i++)
        words[i] = (uintptr_t)use_up_this_stack;
}

/* The second one's block lies below the first one's: a stack without a guard would be written into that. */
static void overflow_of_process(void)
{
    const char *const argv[] = {"/bin/hello", NULL};
    process_t *process = launch(argv[0], argv);
    process_t *neighbour = launch(argv[0], argv);

    if (process == NULL || neighbour == NULL)
        quire_port_panic("selfcheck: no process whose stack could be used up");
    neighbour->state = PROCESS_BLOCKED;
    print_always("check overflow: the stack begins at 0x%zx\n", (size_t)process->stack);
    prepare_stack(process->saved_stack);
    (void)process_run();
}

static void overflow_of_machine(unsigned number)
{
    uintptr_t unused;
    uintptr_t pointer;
    quire_va_t guard;

    if (arch_stack_guard(number, &guard) == NULL)
        quire_port_panic("selfcheck: this machine has no such stack");
    print_always("check overflow: the stack begins at 0x%zx\n", (size_t)(guard + QUIRE_PAGE_BYTES));
    pointer = (uintptr_t)guard + 2 * QUIRE_PAGE_BYTES - SWITCH_WORDS * sizeof(uintptr_t);
    prepare_stack(pointer);
    arch_switch_stack(&unused, pointer);
}

_Noreturn void selfcheck_overflow(const char *which)
{
    if (which[0] == 'p')
        overflow_of_process();
    else if (which[0] >= '1' && which[0] <= '9')
        overflow_of_machine((unsigned)(which[0] - '0'));
    use_up_this_stack();
}
