/* SPDX-License-Identifier: MIT */
/* show_space.c - virtual memory in text: the CPU, page-table walks, ranges, bytes; the kernel's heap;
 * processes. */
#include "arch/arch.h"
#include "memory.h"
#include "print.h"
#include "process.h"
#include "show.h"
#include "walk_words.h"

#define BYTES_SHOWN  64
#define RANGES_SHOWN 64

void show_page_walk(quire_space_t *space, quire_va_t va)
{
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    unsigned count = quire_table_walk(&space->table, va, steps);

    print("  CR3 0x%llx\n", (unsigned long long)quire_table_root(&space->table).value);
    for (unsigned i = 0; i < count; i++) {
        char words[96];

        quire_page_describe(&steps[i].page, words, sizeof(words));
        print("  level %u  table frame 0x%-7llx entry %3u  0x%016llx  %s\n", steps[i].level,
              (unsigned long long)steps[i].table.number, steps[i].index, (unsigned long long)steps[i].raw, words);
    }
    if (count > 0 && steps[count - 1].page.kind == QUIRE_PAGE_MAPPED) {
        uint64_t span = quire_format_span(&ARCH_FORMAT, steps[count - 1].level);
        uint64_t pa = (steps[count - 1].page.payload << QUIRE_PAGE_SHIFT) + (va & (span - 1));

        print("  0x%llx is physical 0x%llx\n", (unsigned long long)va, (unsigned long long)pa);
    } else {
        print("  0x%llx has no frame\n", (unsigned long long)va);
    }
}

void show_cpu(void)
{
    quire_table_loads_t loads = quire_table_loads(&kernel_space.table);

    arch_show_cpu();
    if (loads.loads != 0)
        print("  %u loads of CR3 under a PCID, %u of them kept translations\n", loads.loads, loads.kept);
}

void show_ranges(quire_space_t *space)
{
    quire_vmm_range_t range;
    quire_va_t at = space->start;

    print("  %-33s %12s  %-22s mapped\n", "addresses", "size", "rights");
    for (unsigned shown = 0; quire_vmm_next_range(space, at, &range) == QUIRE_OK; shown++) {
        if (shown == RANGES_SHOWN) {
            print("  ... and more\n");
            return;
        }
        print("  %016llx-%016llx %8llu KiB  %-22s %zu pages\n", (unsigned long long)range.start,
              (unsigned long long)range.end, (unsigned long long)((range.end - range.start) >> 10),
              range.guard ? "guard: nothing" : walk_prot(range.prot), range.mapped_pages);
        at = range.end;
    }
}

void show_bytes(quire_space_t *space, quire_va_t va)
{
    uint8_t bytes[BYTES_SHOWN];
    quire_status_t status = quire_vmm_peek(space, bytes, va, sizeof(bytes));

    if (status != QUIRE_OK) {
        print("  0x%llx: %s\n", (unsigned long long)va, quire_status_name(status));
        return;
    }
    for (unsigned row = 0; row < BYTES_SHOWN; row += 16) {
        print("  %016llx ", (unsigned long long)(va + row));
        for (unsigned i = 0; i < 16; i++)
            print(" %02x", bytes[row + i]);
        print("  ");
        for (unsigned i = 0; i < 16; i++)
            print("%c", bytes[row + i] >= 32 && bytes[row + i] < 127 ? bytes[row + i] : '.');
        print("\n");
    }
}

void show_heap(void)
{
    quire_heap_stats_t stats;
    quire_status_t status = quire_heap_check(&kernel_heap);

    quire_heap_stats(&kernel_heap, &stats);
    print("  the kernel's heap: %zu bytes in %zu extents, from the VMM\n", stats.source_bytes, stats.extents);
    print("    used   %10zu bytes in %6zu blocks\n", stats.used_bytes, stats.used_blocks);
    print("    free   %10zu bytes in %6zu blocks, the largest %zu bytes\n", stats.free_bytes, stats.free_blocks,
          stats.largest_free_bytes);
    print("    so far %llu allocations, %llu frees; grown %llu times, shrunk %llu times\n",
          (unsigned long long)stats.allocs, (unsigned long long)stats.frees, (unsigned long long)stats.grows,
          (unsigned long long)stats.shrinks);
    print("    its own check: %s\n", quire_status_name(status));
}

void show_processes(void)
{
    static const char *const states[] = {"unused", "ready", "blocked", "ended"};

    print("  %4s %-8s %-18s %10s %10s %8s  %s\n", "pid", "state", "root (CR3)", "promised", "mapped", "faults", "name");
    for (unsigned place = 0; place < PROCESS_MAX; place++) {
        process_t *process = process_at(place);

        if (process == NULL)
            continue;
        print("  %4u %-8s 0x%-16llx %7zu pg %7zu pg %8llu  %s\n", process->id, states[process->state],
              (unsigned long long)quire_table_root(&process->space.table).value, process->space.reserved_pages,
              process->space.table.mapped_pages, (unsigned long long)process->space.faults, process->name);
    }
}
