/* SPDX-License-Identifier: MIT */
/*
 * tour.c - the kernel's main job.
 *
 * It runs ordinary programs from the initial file system and shows what the layers did for them. Nothing is staged: the
 * story comes from events, the tables are walked as they stand, and what must hold (exit statuses, different frames
 * behind one address, every frame back at the end) is checked here and decides the machine's exit status.
 */
#include "tour.h"

#include "arch/arch.h"
#include "boot.h"
#include "console.h"
#include "launch.h"
#include "memory.h"
#include "print.h"
#include "process.h"
#include "random.h"
#include "show.h"
#include "supervise.h"
#include "walk.h"

#define SHARED_ADDRESS            ((quire_va_t)0x10000000) /* what user/isolate.c maps */
#define STATUS_SEGMENTATION_FAULT 139

static void heading(unsigned number, const char *text)
{
    print("\n%u. %s\n\n", number, text);
}

/* Runs one program to its end; its exit status, or -1 if it could not be started. */
static int run_to_end(const char *path, const char *argument, uint32_t *id)
{
    const char *const argv[] = {path, argument, NULL};
    process_t *process = launch(path, argv);

    if (process == NULL)
        return -1;
    if (id != NULL)
        *id = process->id;
    return supervise_to_end(process);
}

static void show_machine(void)
{
    print("  %s, %u levels of page tables, started by %s\n", quire_format_name(&ARCH_FORMAT),
          quire_format_levels(&ARCH_FORMAT), boot_info.loader);
    arch_show_cpu();
    print("  random numbers are seeded by %s, with %u bits\n", random_source(), random_credit());
    print("  %llu %s from the first instruction to all allocators ready\n\n",
          (unsigned long long)(memory_times.heap_done - boot_info.entry_time), walk_unit());
    show_memory_map();
}

static bool alloc_five(void)
{
    uint64_t from = quire_event_count();
    uint32_t id = 0;
    int status;
    uint64_t cost;

    print("  The program's own words:\n\n    ");
    status = run_to_end("/bin/alloc5", NULL, &id);
    print("\n  What happened, from the events of its address space:\n");
    cost = walk_tell(id, from);
    print("\n  malloc(5) itself took %llu %s, through heap, system call, VMM, page fault, PMM and page tables.\n",
          (unsigned long long)cost, walk_unit());
    return status == 0 && cost != 0;
}

/* The frame behind an address, or 0. */
static uint64_t frame_behind(process_t *process, quire_va_t va)
{
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    unsigned count = quire_table_walk(&process->space.table, va, steps);

    if (count == 0 || steps[count - 1].page.kind != QUIRE_PAGE_MAPPED)
        return 0;
    return steps[count - 1].page.payload;
}

/* Lets both run until each has its page, so that both walks can be shown side by side. */
static bool reach_both(process_t *first, process_t *second)
{
    while (first->state == PROCESS_READY && second->state == PROCESS_READY && !console_interrupted()) {
        if (frame_behind(first, SHARED_ADDRESS) != 0 && frame_behind(second, SHARED_ADDRESS) != 0)
            return true;
        process_run();
    }
    return false;
}

static bool isolation(void)
{
    const char *const argv_a[] = {"/bin/isolate", "A", NULL};
    const char *const argv_b[] = {"/bin/isolate", "B", NULL};
    process_t *first = launch(argv_a[0], argv_a);
    process_t *second;
    bool good;

    if (first == NULL)
        return false;
    second = launch(argv_b[0], argv_b);
    if (second == NULL) {
        supervise_give_up(first, STATUS_GIVEN_UP);
        return false;
    }
    good = reach_both(first, second);
    if (good) {
        print("  process %u, %s A:\n", first->id, first->name);
        show_page_walk(&first->space, SHARED_ADDRESS);
        print("  process %u, %s B:\n", second->id, second->name);
        show_page_walk(&second->space, SHARED_ADDRESS);
        good = frame_behind(first, SHARED_ADDRESS) != frame_behind(second, SHARED_ADDRESS);
        print("\n");
    }
    good &= supervise_to_end(first) == 0;
    good &= supervise_to_end(second) == 0;
    return good;
}

static bool access_control(void)
{
    static const char *const crimes[] = {"kernel", "rodata"};
    bool good = true;

    for (unsigned i = 0; i < sizeof(crimes) / sizeof(crimes[0]); i++) {
        int status = run_to_end("/bin/trespass", crimes[i], NULL);

        print("  exit status %d%s; the kernel goes on\n\n", status,
              status == STATUS_SEGMENTATION_FAULT ? " (128 + SIGSEGV)" : ", but 139 was due");
        good = good && status == STATUS_SEGMENTATION_FAULT;
    }
    return good;
}

static bool checks_hold(void)
{
    return quire_pmm_check(&kernel_pmm) == QUIRE_OK && quire_vmm_check(&kernel_space) == QUIRE_OK &&
           quire_heap_check(&kernel_heap) == QUIRE_OK && quire_memory_map_check(&kernel_map) == QUIRE_OK;
}

/* What the kernel's heap keeps in reserve is not what a process left behind. */
static size_t used_frames(void)
{
    quire_pmm_stats_t stats;

    quire_heap_trim(&kernel_heap);
    quire_pmm_stats(&kernel_pmm, &stats);
    return stats.used_frames;
}

static bool verdict(const char *what, bool good)
{
    print("  %-58s %s\n", what, good ? "yes" : "NO");
    return good;
}

bool tour_run(void)
{
    size_t used_before;
    bool good = true;
    bool walked;
    bool isolated;
    bool controlled;

    heading(1, "The machine's memory");
    show_machine();
    heading(2, "Physical frames: the PMM");
    show_frames();
    used_before = used_frames();
    heading(3, "A process calls malloc(5)");
    walked = alloc_five();
    if (console_interrupted())
        return false;
    heading(4, "Isolation: two processes, one virtual address");
    isolated = isolation();
    if (console_interrupted())
        return false;
    heading(5, "Access control: writing what is not one's own");
    controlled = access_control();
    if (console_interrupted())
        return false;
    heading(6, "All accounts settled");
    good &= verdict("malloc(5) was written, read back and freed", walked);
    good &= verdict("one address, two processes, two frames, their own bytes", isolated);
    good &= verdict("both trespassers died of SIGSEGV", controlled);
    good &= verdict("as many frames used as before the first process", used_frames() == used_before);
    good &= verdict("map, PMM, page tables and heap pass their own checks", checks_hold());
    return good;
}

bool tour_alloc(const char *bytes)
{
    const char *const argv[] = {"/bin/alloc5", bytes, "--stay", NULL};
    uint64_t from = quire_event_count();
    process_t *process = launch(argv[0], argv);
    supervised_t how;

    if (process == NULL)
        return false;
    how = supervise(process);
    walk_tell(process->id, from);
    if (how != SUPERVISED_WAITS) {
        supervise_give_up(process, STATUS_INTERRUPTED);
        return false;
    }
    print("\n  process %u stays: try  walk %u ADDRESS,  maps %u,  kill %u\n", process->id, process->id, process->id,
          process->id);
    return true;
}

static void bench_line(const char *row, uint64_t value, const char *target)
{
    print_always("bench\t%s\t%llu\t%s\t%s\n", row, (unsigned long long)value, walk_unit(), target);
}

bool tour_bench(void)
{
    uint64_t entry = boot_info.entry_time;
    uint64_t from = quire_event_count();
    uint32_t id = 0;

    bench_line("kernel entry to memory map", memory_times.map_done - entry, "");
    bench_line("memory map to PMM", memory_times.pmm_done - memory_times.map_done, "");
    bench_line("PMM to own page tables", memory_times.table_done - memory_times.pmm_done, "");
    bench_line("page tables to heap", memory_times.heap_done - memory_times.table_done, "");
    bench_line("kernel entry to allocators ready", memory_times.heap_done - entry, "2000000");
    if (run_to_end("/bin/alloc5", NULL, &id) != 0)
        return false;
    return walk_bench(id, from);
}
