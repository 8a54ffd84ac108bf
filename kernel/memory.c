/* SPDX-License-Identifier: MIT */
/*
 * memory.c - from the boot loader's map to all allocators ready.
 *
 * Problem: each layer needs the one below it, and the first needs memory before there is anyone to ask for it. Order:
 *
 *   1. The firmware's entries are in a memory map already; what must be kept out follows: the kernel's image and the
 *      modules. The boot information has been copied, so its memory is free.
 *   2. The PMM's metadata is taken out of the map, from below what the boot page tables reach, and the PMM takes over
 *      what is left.
 *   3. The kernel's own page tables: the direct map of RAM in the largest pages that fit, and the image, each part with
 *      the rights it needs and no more (kernel.ld puts them on pages of their own). Their frames come from a zone that
 *      the boot tables reach. Where the direct map shows the image a second time, it shows it read-only.
 *   4. The area for reservations is pinned, the tree is loaded and sealed; the boot tables, identity mapping and all,
 *      are gone.
 *   5. The kernel's space serves the area, and the kernel's heap grows from it, its memory populated at once: the
 * kernel never faults on its own heap.
 *
 * Nothing here loops over frames. Only RAM is mapped: device memory has no translation until somebody maps it.
 *
 * A failure before step 5 is the end: a machine that cannot hold the kernel. It is said in words.
 */
#include "memory.h"

#include "arch/arch.h"
#include "boot.h"
#include "print.h"

#define MIB            ((uint64_t)1 << 20)
#define FINDINGS_BYTES 512
#define AREA_BYTES_MIN (16 * MIB)
#define KEPT_FLAGS     (QUIRE_PAGE_FOREIGN | QUIRE_PAGE_GLOBAL)
#define READ           QUIRE_PROT_READ
#define READ_WRITE     (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define READ_EXEC      (QUIRE_PROT_READ | QUIRE_PROT_EXEC)

quire_memory_map_t kernel_map;
quire_pmm_t kernel_pmm;
quire_space_t kernel_space;
quire_heap_t kernel_heap;
size_t memory_frames;
uint64_t memory_out_of_reach_bytes;
memory_times_t memory_times;

static void must(quire_status_t status, const char *what)
{
    if (status == QUIRE_OK)
        return;
    print_always("quire: bringing up memory: %s\n", quire_status_name(status));
    quire_port_panic(what);
}

static uint64_t physical(const char *symbol)
{
    return (uint64_t)((uintptr_t)symbol - ARCH_IMAGE_OFFSET);
}

/* Physical addresses end here: for the CPU, or for this kernel. */
static uint64_t reach(void)
{
    unsigned bits = arch_physical_bits() < ARCH_RAM_BITS ? arch_physical_bits() : ARCH_RAM_BITS;

    return (uint64_t)1 << bits;
}

static void complete_map(void)
{
    const boot_machine_t machine = {
        .limit = reach(), .image_start = (uintptr_t)image_physical_start, .image_end = (uintptr_t)image_physical_end};
    boot_findings_t findings = boot_complete_map(&boot_info, &machine, &kernel_map);

    memory_out_of_reach_bytes = findings.out_of_reach_bytes;
    boot_report(&findings, machine.limit, &kernel_map);
}

/* The records lie in what the boot tables reach. If all RAM's do not fit there, less RAM is used, from the top. */
static void init_pmm(void)
{
    uint64_t limit = reach();
    quire_status_t status;
    quire_pa_t metadata;
    size_t bytes;

    do {
        bytes = quire_pmm_metadata_bytes(&kernel_map, quire_pa(limit));
        if (bytes == 0)
            quire_port_panic("the boot loader named no usable memory");
        status = quire_memory_map_take(&kernel_map, bytes, QUIRE_PAGE_BYTES, quire_pa(ARCH_BOOT_BYTES), &metadata);
        if (status == QUIRE_NO_MEMORY)
            limit -= limit >> 3;
    } while (status == QUIRE_NO_MEMORY && limit > ARCH_BOOT_BYTES);
    must(status, "there is no room for the frames' own records");
    if (limit != reach() && quire_memory_map_bytes(&kernel_map, limit, UINT64_MAX, QUIRE_MEMORY_USABLE) != 0)
        print_always("quire: RAM at or above %llu MiB is not used: there is no room for the records of its frames\n",
                     (unsigned long long)(limit >> 20));
    must(quire_pmm_init(&kernel_pmm, &kernel_map, quire_pa(limit),
                        (void *)(ARCH_DIRECT_START + (uintptr_t)metadata.value), bytes),
         "the frames cannot be taken over");
}

static bool fits(uint64_t va, uint64_t pa, uint64_t bytes, unsigned level)
{
    uint64_t span = quire_format_span(&ARCH_FORMAT, level);

    return quire_format_maps_at(&ARCH_FORMAT, level) && arch_maps_at(level) && ((va | pa) & (span - 1)) == 0 &&
           bytes >= span;
}

static unsigned largest_level(uint64_t va, uint64_t pa, uint64_t bytes)
{
    unsigned level = quire_format_levels(&ARCH_FORMAT);

    while (level > 1 && !fits(va, pa, bytes, level))
        level--;
    return level;
}

/* How far pages of one level are the right choice: to the end, or to where larger ones fit. */
static uint64_t run_bytes(uint64_t va, uint64_t pa, uint64_t bytes, unsigned level)
{
    uint64_t span = quire_format_span(&ARCH_FORMAT, level);

    for (unsigned larger = level + 1; larger <= quire_format_levels(&ARCH_FORMAT); larger++) {
        uint64_t larger_span = quire_format_span(&ARCH_FORMAT, larger);
        uint64_t skip = (0 - va) & (larger_span - 1);

        if (skip != 0 && skip < bytes && fits(va + skip, pa + skip, bytes - skip, larger))
            return skip;
    }
    return bytes & ~(span - 1);
}

static void map_run(uint64_t va, uint64_t pa, uint64_t bytes, unsigned level, unsigned prot)
{
    quire_cursor_mode_t mode = level == 1 ? QUIRE_CURSOR_POPULATE : QUIRE_CURSOR_EDGES;
    uint64_t span = quire_format_span(&ARCH_FORMAT, level);
    quire_cursor_t cursor;

    must(quire_cursor_open(&cursor, &kernel_space.table, (quire_va_t)va, (quire_va_t)(va + bytes), mode),
         "there is no room for the kernel's page tables");
    for (uint64_t done = 0; done < bytes; done += span)
        must(quire_cursor_map(&cursor, (quire_va_t)(va + done), level, quire_frame_of_pa(quire_pa(pa + done)), prot,
                              KEPT_FLAGS),
             "there is no room for the kernel's page tables");
    quire_cursor_close(&cursor);
}

/* Maps [pa, pa + bytes) at va, page aligned all, in the largest pages that fit. */
static void map_range(uint64_t va, uint64_t pa, uint64_t bytes, unsigned prot)
{
    while (bytes > 0) {
        unsigned level = largest_level(va, pa, bytes);
        uint64_t run = run_bytes(va, pa, bytes, level);

        map_run(va, pa, run, level, prot);
        va += run;
        pa += run;
        bytes -= run;
    }
}

/* The part of [start, end) that lies in [from, to), at its place in the direct map. */
static void map_direct_part(uint64_t start, uint64_t end, uint64_t from, uint64_t to, unsigned prot)
{
    from = from > start ? from : start;
    to = to < end ? to : end;
    if (from < to)
        map_range(ARCH_DIRECT_START + from, from, to - from, prot);
}

/* On i386 the direct map is where the image runs; on x86_64 it is only another view of it. */
static void map_direct(uint64_t start, uint64_t end)
{
    unsigned text_prot = ARCH_IMAGE_OFFSET == ARCH_DIRECT_START ? READ_EXEC : READ;

    map_direct_part(start, end, 0, physical(text_start), READ_WRITE);
    map_direct_part(start, end, physical(text_start), physical(rodata_start), text_prot);
    map_direct_part(start, end, physical(rodata_start), physical(data_start), READ);
    map_direct_part(start, end, physical(data_start), UINT64_MAX, READ_WRITE);
}

static bool is_ram(quire_memory_kind_t kind)
{
    return kind != QUIRE_MEMORY_RESERVED && kind != QUIRE_MEMORY_BAD;
}

/* Of what is not RAM, the kernel's image is mapped all the same: it runs there. */
static void keep_image(uint64_t *first, uint64_t *last)
{
    uint64_t start = (uintptr_t)image_physical_start & ~(uintptr_t)QUIRE_PAGE_MASK;
    uint64_t end = ((uintptr_t)image_physical_end + QUIRE_PAGE_MASK) & ~(uintptr_t)QUIRE_PAGE_MASK;

    *first = *first > start ? *first : start;
    *last = *last < end ? *last : end;
}

/* Neighbouring regions of whatever kind become one run, so that large pages fit. The first MiB is there in any case:
   firmware tables are looked for in it. */
static void map_ram(void)
{
    uint64_t start = 0;
    uint64_t end = MIB;

    for (size_t i = 0; i < kernel_map.count; i++) {
        const quire_memory_region_t *region = &kernel_map.regions[i];
        uint64_t first = region->start & ~(uint64_t)QUIRE_PAGE_MASK;
        uint64_t last = region->end < ARCH_DIRECT_BYTES ? region->end : ARCH_DIRECT_BYTES;

        last = (last + QUIRE_PAGE_MASK) & ~(uint64_t)QUIRE_PAGE_MASK;
        if (!is_ram(region->kind))
            keep_image(&first, &last);
        if (first >= last)
            continue;
        if (first > end) {
            map_direct(start, end);
            start = first;
        }
        end = last > end ? last : end;
    }
    map_direct(start, end);
}

static void map_image(void)
{
    if (ARCH_IMAGE_OFFSET == ARCH_DIRECT_START)
        return;
    map_range((uintptr_t)text_start, physical(text_start), (uintptr_t)(rodata_start - text_start), READ_EXEC);
    map_range((uintptr_t)rodata_start, physical(rodata_start), (uintptr_t)(data_start - rodata_start), READ);
    map_range((uintptr_t)data_start, physical(data_start), (uintptr_t)(image_end - data_start), READ_WRITE);
}

/* A stack that overflows meets a guard page. */
static void guard_stacks(void)
{
    const quire_page_t guard = {.kind = QUIRE_PAGE_GUARD};
    quire_cursor_t cursor;
    quire_va_t start;

    for (unsigned i = 0; arch_stack_guard(i, &start) != NULL; i++) {
        must(quire_cursor_open(&cursor, &kernel_space.table, start, start + QUIRE_PAGE_BYTES, QUIRE_CURSOR_EDGES),
             "there is no room for the kernel's page tables");
        (void)quire_cursor_mark(&cursor, start, start + QUIRE_PAGE_BYTES, &guard);
        quire_cursor_close(&cursor);
    }
}

/* In two-level paging every 4 MiB of the area cost a frame for good, so a small machine gets a small area. */
static quire_va_t area_end(void)
{
    uint64_t bytes = (uint64_t)kernel_pmm.total_frames << QUIRE_PAGE_SHIFT;
    uint64_t most = ARCH_AREA_END - ARCH_AREA_START;

    if (quire_format_levels(&ARCH_FORMAT) > 2 || bytes > most)
        bytes = most;
    bytes &= ~(4 * MIB - 1);
    return (quire_va_t)(ARCH_AREA_START + (bytes < AREA_BYTES_MIN ? AREA_BYTES_MIN : bytes));
}

/* A wrong tree would reset the machine without a word. */
static void check_before_load(void)
{
    static char findings[FINDINGS_BYTES];
    quire_preflight_t preflight = {
        .format = &ARCH_FORMAT, .cr3 = quire_table_root(&kernel_space.table).value, .pmm = &kernel_pmm};

    arch_preflight(&preflight);
    if (quire_preflight_check(&preflight, findings, sizeof(findings)) == QUIRE_OK)
        return;
    print_always("%s\n", findings);
    quire_port_panic("memory: the kernel's own page tables would not carry it");
}

static void build_tables(void)
{
    quire_zone_t zone = ARCH_BOOT_BYTES < (uint64_t)1 << 32 ? QUIRE_ZONE_BELOW_16M : QUIRE_ZONE_BELOW_4G;
    quire_va_t end = area_end();

    must(quire_table_create_kernel(&kernel_space.table, &ARCH_FORMAT, &kernel_pmm, zone, ARCH_KERNEL_START),
         "there is no room for the kernel's page tables");
    map_ram();
    map_image();
    guard_stacks();
    must(arch_windows_init(&kernel_space.table), "there is no room for windows on high memory");
    must(quire_table_pin(&kernel_space.table, ARCH_AREA_START, end), "there is no room for the kernel's page tables");
    check_before_load();
    quire_table_load(&kernel_space.table);
    arch_memory_ready(&kernel_space.table);
    quire_table_seal(&kernel_space.table);
    must(quire_vmm_create_kernel(&kernel_space, ARCH_AREA_START, end), "the kernel's address space");
}

static quire_status_t grow_heap(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    quire_space_t *space = context;
    quire_va_t va;
    quire_status_t status = quire_vmm_reserve(space, 0, bytes, READ_WRITE, 0, &va);

    if (status != QUIRE_OK)
        return status;
    bytes = (size_t)quire_page_up(bytes);
    status = quire_vmm_populate(space, va, bytes);
    if (status != QUIRE_OK) {
        (void)!quire_vmm_unmap(space, va, bytes);
        return status;
    }
    *memory = (void *)va;
    *memory_bytes = bytes;
    return QUIRE_OK;
}

static void shrink_heap(void *context, void *memory, size_t bytes)
{
    must(quire_vmm_unmap(context, (quire_va_t)memory, bytes), "the heap's memory cannot be given back");
}

static void count_frames(void)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(&kernel_pmm, &stats);
    memory_frames = stats.total_frames;
}

void memory_init(void)
{
    const quire_heap_source_t source = {.context = &kernel_space, .grow = grow_heap, .shrink = shrink_heap};

    complete_map();
    memory_times.map_done = arch_timestamp();
    init_pmm();
    memory_times.pmm_done = arch_timestamp();
    build_tables();
    memory_times.table_done = arch_timestamp();
    quire_heap_init(&kernel_heap, &source);
    memory_times.heap_done = arch_timestamp();
    count_frames();
}

void memory_read_physical(quire_pa_t from, void *to, size_t bytes)
{
    uint8_t *at = to;

    while (bytes > 0) {
        size_t offset = (size_t)(from.value & QUIRE_PAGE_MASK);
        size_t count = QUIRE_PAGE_BYTES - offset < bytes ? QUIRE_PAGE_BYTES - offset : bytes;
        uint8_t *window = quire_port_window_open(quire_frame_of_pa(from));

        __builtin_memcpy(at, window + offset, count);
        quire_port_window_close(window);
        at += count;
        bytes -= count;
        from.value += count;
    }
}
