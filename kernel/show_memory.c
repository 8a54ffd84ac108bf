/* SPDX-License-Identifier: MIT */
/*
 * show_memory.c - physical memory in text: the firmware's map, and where every frame went.
 *
 * The sums are made from independent sources - the map says how much RAM was found and what was kept out of it, the PMM
 * how much it manages - so that "adds up" is a finding and not a definition.
 */
#include "arch/arch.h"
#include "boot.h"
#include "memory.h"
#include "print.h"
#include "show.h"

#define MAP_COLUMNS      64
#define MAP_ROWS         8
#define SAMPLES_A_CELL   64
#define ENTRIES_TOLD     40
#define FATE_COLUMN      69 /* where the last column of the map begins */
#define KIBIBYTES(bytes) ((unsigned long long)((bytes) >> 10))

typedef struct frame_totals {
    uint64_t found_bytes;                    /* RAM: usable, or carved from usable by ourselves */
    uint64_t kept_bytes[QUIRE_MEMORY_KINDS]; /* by kind, usable not among them */
    uint64_t edge_bytes;                     /* usable bytes that fill no whole frame, and frame 0 */
    uint64_t unreachable_bytes;              /* beyond what this kernel's paging can name */
    uint64_t managed_bytes;
} frame_totals_t;

static uint64_t entry_end(const boot_entry_t *entry)
{
    return entry->bytes > UINT64_MAX - entry->base ? UINT64_MAX : entry->base + entry->bytes;
}

/* One line for each kind that is in it; the first stands on the entry's own line. */
static void show_entry_fate(const boot_entry_t *entry)
{
    uint64_t end = entry_end(entry);
    int indent = 0;

    for (unsigned kind = QUIRE_MEMORY_USABLE; kind < QUIRE_MEMORY_KINDS; kind++) {
        uint64_t bytes = quire_memory_map_bytes(&kernel_map, entry->base, end, (quire_memory_kind_t)kind);

        if (bytes == 0)
            continue;
        print("%*s%11llu KiB  %s\n", indent, "", KIBIBYTES(bytes),
              kind == QUIRE_MEMORY_USABLE ? "the PMM's" : quire_memory_kind_name((quire_memory_kind_t)kind));
        indent = FATE_COLUMN;
    }
    if (indent == 0)
        print("\n");
}

void show_memory_map(void)
{
    print("  %-35s %15s  %-12s %15s\n", "physical addresses", "size", "firmware", "became");
    for (size_t i = 0; i < boot_info.entry_count && i < ENTRIES_TOLD; i++) {
        const boot_entry_t *entry = &boot_info.entries[i];

        print("  %016llx - %016llx %11llu KiB  %-12s ", (unsigned long long)entry->base,
              (unsigned long long)entry_end(entry), KIBIBYTES(entry->bytes),
              quire_memory_kind_name(quire_memory_kind_of_e820(entry->type)));
        show_entry_fate(entry);
    }
    if (boot_info.entry_count > ENTRIES_TOLD)
        print("  ... and %zu entries more\n", boot_info.entry_count - ENTRIES_TOLD + boot_info.entries_more);
    if (kernel_map.truncated)
        print("  the map was too long: what did not fit is not used\n");
}

static void count_usable(frame_totals_t *totals, const quire_memory_region_t *region, uint64_t end_frame)
{
    uint64_t first = 0;
    uint64_t frames = quire_memory_map_frames(region, &first);
    uint64_t beyond = 0;

    if (frames > 0 && first + frames > end_frame)
        beyond = first >= end_frame ? frames : first + frames - end_frame;
    totals->edge_bytes += region->end - region->start - (frames << QUIRE_PAGE_SHIFT);
    totals->unreachable_bytes += beyond << QUIRE_PAGE_SHIFT;
}

static void count_totals(frame_totals_t *totals)
{
    quire_pmm_stats_t stats;
    quire_frame_t first;
    quire_frame_t end;

    *totals =
        (frame_totals_t){.found_bytes = memory_out_of_reach_bytes, .unreachable_bytes = memory_out_of_reach_bytes};
    quire_pmm_bounds(&kernel_pmm, &first, &end);
    quire_pmm_stats(&kernel_pmm, &stats);
    totals->managed_bytes = (uint64_t)stats.total_frames << QUIRE_PAGE_SHIFT;
    for (size_t i = 0; i < kernel_map.count; i++) {
        const quire_memory_region_t *region = &kernel_map.regions[i];

        if (region->kind > QUIRE_MEMORY_METADATA || region->kind == QUIRE_MEMORY_ACPI_RECLAIMABLE)
            continue;
        totals->found_bytes += region->end - region->start;
        if (region->kind == QUIRE_MEMORY_USABLE)
            count_usable(totals, region, end.number);
        else
            totals->kept_bytes[region->kind] += region->end - region->start;
    }
}

bool show_frame_totals(void)
{
    quire_pmm_stats_t stats;
    frame_totals_t totals;
    uint64_t sum;

    count_totals(&totals);
    quire_pmm_stats(&kernel_pmm, &stats);
    sum = totals.managed_bytes + totals.edge_bytes + totals.unreachable_bytes;
    print("  RAM found               %10llu KiB\n", KIBIBYTES(totals.found_bytes));
    for (unsigned kind = QUIRE_MEMORY_LOADER; kind <= QUIRE_MEMORY_METADATA; kind++) {
        sum += totals.kept_bytes[kind];
        if (totals.kept_bytes[kind] != 0)
            print("    - %-17s %10llu KiB\n", quire_memory_kind_name((quire_memory_kind_t)kind),
                  KIBIBYTES(totals.kept_bytes[kind]));
    }
    print("    - frame 0, edges    %10llu KiB\n", KIBIBYTES(totals.edge_bytes));
    if (totals.unreachable_bytes != 0)
        print("    - out of reach      %10llu KiB  beyond what %s can map\n", KIBIBYTES(totals.unreachable_bytes),
              quire_format_name(&ARCH_FORMAT));
    print("    = managed           %10llu KiB  %zu frames = %zu free + %zu used\n", KIBIBYTES(totals.managed_bytes),
          stats.total_frames, stats.free_frames, stats.used_frames);
    for (unsigned owner = QUIRE_OWNER_KERNEL; owner < QUIRE_OWNERS; owner++) {
        if (stats.owner_frames[owner] != 0)
            print("        %-25s %6zu frames\n", quire_owner_name((quire_owner_t)owner), stats.owner_frames[owner]);
    }
    if (sum == totals.found_bytes && stats.free_frames + stats.used_frames == stats.total_frames)
        return true;
    print("  these do NOT add up\n");
    return false;
}

/* What the map draws for an owner, and its colour on a terminal. QUIRE_OWNER_NONE is a free frame. */
static const struct {
    char letter;
    const char *colour;
} looks[QUIRE_OWNERS] = {
    [QUIRE_OWNER_NONE] = {'.', "\033[90m"},  [QUIRE_OWNER_KERNEL] = {'K', "\033[31m"},
    [QUIRE_OWNER_TABLE] = {'T', "\033[35m"}, [QUIRE_OWNER_USER] = {'u', "\033[32m"},
    [QUIRE_OWNER_HEAP] = {'h', "\033[33m"},  [QUIRE_OWNER_DEVICE] = {'d', "\033[36m"},
    [QUIRE_OWNER_TEST] = {'t', "\033[34m"},
};

/* The owner that a cell shows; QUIRE_OWNERS if no frame of it is ours. A cell stands for many frames: it is sampled
   when there are too many to ask each. It shows the most frequent owner; free frames do not count as one, or the few
   that are used would not be seen. */
static unsigned frame_cell(size_t start, size_t frames)
{
    size_t samples = frames < SAMPLES_A_CELL ? frames : SAMPLES_A_CELL;
    size_t counts[QUIRE_OWNERS] = {0};
    unsigned best = QUIRE_OWNERS;

    for (size_t i = 0; i < samples; i++) {
        size_t number = start + (samples == frames ? i : i * (frames / SAMPLES_A_CELL));
        quire_frame_info_t info = quire_pmm_frame_info(&kernel_pmm, quire_frame(number));

        if (info.managed)
            counts[info.allocated ? info.owner : QUIRE_OWNER_NONE]++;
    }
    for (unsigned owner = QUIRE_OWNER_KERNEL; owner < QUIRE_OWNERS; owner++) {
        if (counts[owner] != 0 && (best == QUIRE_OWNERS || counts[owner] > counts[best]))
            best = owner;
    }
    return best == QUIRE_OWNERS && counts[QUIRE_OWNER_NONE] != 0 ? QUIRE_OWNER_NONE : best;
}

/* A colour is written where it changes only: the console is slow. */
static void show_cell(unsigned owner, unsigned *coloured)
{
    if (owner != *coloured && *coloured != QUIRE_OWNERS)
        print("\033[0m");
    if (owner != *coloured && owner != QUIRE_OWNERS)
        print("%s", looks[owner].colour);
    *coloured = owner;
}

static void show_row(size_t start, size_t end, size_t cell, bool colours)
{
    unsigned coloured = QUIRE_OWNERS;

    print("  %012llx |", (unsigned long long)quire_pa_of_frame(quire_frame(start)).value);
    for (size_t column = 0; column < MAP_COLUMNS; column++) {
        size_t at = start + column * cell;
        unsigned owner = at < end ? frame_cell(at, cell < end - at ? cell : end - at) : (unsigned)QUIRE_OWNERS;

        if (colours)
            show_cell(owner, &coloured);
        print("%c", owner < QUIRE_OWNERS ? looks[owner].letter : ' ');
    }
    if (colours)
        show_cell(QUIRE_OWNERS, &coloured);
    print("|\n");
}

static void show_legend(size_t cell)
{
    print("  one character, %zu frames (%zu KiB): . free", cell, cell * (QUIRE_PAGE_BYTES / 1024));
    for (unsigned owner = QUIRE_OWNER_KERNEL; owner < QUIRE_OWNERS; owner++)
        print("  %c %s", looks[owner].letter, quire_owner_name((quire_owner_t)owner));
    print("; mixed: the most frequent\n");
}

void show_frames(void)
{
    /* A person asked for the monitor; otherwise a program may read this. */
    bool colours = boot_option("monitor", NULL, 0);
    quire_pmm_stats_t stats;
    quire_frame_t first;
    quire_frame_t end;
    size_t cell;

    quire_pmm_bounds(&kernel_pmm, &first, &end);
    cell = (end.number + MAP_COLUMNS * MAP_ROWS - 1) / (MAP_COLUMNS * MAP_ROWS);
    show_legend(cell);
    for (size_t start = 0; start < end.number; start += cell * MAP_COLUMNS)
        show_row(start, end.number, cell, colours);
    quire_pmm_stats(&kernel_pmm, &stats);
    print("  whole free 2 MiB frames %10zu      %u of 1000 free frames lie elsewhere\n", stats.free_huge_frames,
          stats.fragmentation_per_thousand);
    print("  zeroed ahead of need    %10zu\n", stats.zeroed_frames);
    show_frame_totals();
}
