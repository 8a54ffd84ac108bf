/* SPDX-License-Identifier: MIT */
/*
 * tags.c - what CPUs with PCIDs keep while they run another tree (mm/paging/tree/asid.c), case by case; the random
 * tests run half of their rounds with PCIDs, too.
 *
 * A stale translation that is used, and a load of CR3 that keeps one of a freed frame, end the test: the home sees to
 * that. What is checked here is where each access leads, and that translations are kept at all.
 */
#include "host_model.h"

#include "cpu/cpu.h"

#define PAGE   ((quire_va_t)QUIRE_PAGE_BYTES)
#define VA     ((quire_va_t)0x40000000)
#define TREES  12
#define USER   ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER)
#define KERNEL ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define FRAMES 256

static struct {
    quire_pmm_t *pmm;
    quire_table_t kernel;
    quire_table_t trees[TREES];
    quire_va_t kernel_va;
} world;

static size_t free_frames(void)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(world.pmm, &stats);
    return stats.free_frames;
}

static void start(const quire_format_t *format, unsigned trees)
{
    const host_model_config_t config = {
        .format = format, .first = quire_frame(0x10000000), .frames = FRAMES, .cpus = 2, .tags = true};
    unsigned levels = quire_format_levels(format);
    quire_va_t shared = levels == 4 ? (quire_va_t)0xffff800000000000u : (quire_va_t)0xff00000000000000u;

    host_model_start(&config);
    world.pmm = host_model_pmm();
    world.kernel_va = shared + VA;
    CHECK_OK(quire_table_create_kernel(&world.kernel, format, world.pmm, QUIRE_ZONE_ANY, shared));
    CHECK_OK(quire_table_pin(&world.kernel, shared, shared + PAGE));
    quire_table_seal(&world.kernel);
    host_model_boot(quire_table_root(&world.kernel));
    for (unsigned i = 0; i < trees; i++)
        CHECK_OK(quire_table_create(&world.trees[i], &world.kernel, i + 1));
}

/* PCIDs are a thing of 64-bit code. */
static void with_both_formats(void (*body)(void), unsigned trees)
{
    if (sizeof(uintptr_t) != sizeof(uint64_t))
        test_skip("a 32-bit program");
    start(&quire_format_x86_4level, trees);
    body();
    start(&quire_format_x86_5level, trees);
    body();
}

static void load(unsigned cpu, const quire_table_t *tree)
{
    host_use_cpu(cpu);
    quire_table_load(tree);
}

static quire_frame_t map_flags(quire_table_t *tree, quire_va_t va, unsigned prot, unsigned flags)
{
    quire_frame_t frame;
    quire_cursor_t cursor;

    CHECK_OK(quire_pmm_alloc(world.pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frame));
    CHECK_OK(quire_cursor_open(&cursor, tree, va, va + PAGE, QUIRE_CURSOR_POPULATE));
    CHECK_OK(quire_cursor_map(&cursor, va, 1, frame, prot, flags));
    quire_cursor_close(&cursor);
    return frame;
}

static quire_frame_t map(quire_table_t *tree, quire_va_t va)
{
    return map_flags(tree, va, USER, 0);
}

static void unmap(quire_table_t *tree, quire_va_t va)
{
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, tree, va, va + PAGE, QUIRE_CURSOR_EDGES));
    (void)quire_cursor_mark(&cursor, va, va + PAGE, &empty);
    quire_cursor_close(&cursor);
}

/* The access reaches the frame; true if the CPU had the translation. */
static bool reaches(unsigned cpu, quire_va_t va, quire_frame_t frame)
{
    model_result_t result = host_model_access(cpu, va, 8, MODEL_READ, MODEL_SUPERVISOR);

    CHECK(!result.fault.raised);
    CHECK_EQUAL(result.piece[0].pa, quire_pa_of_frame(frame).value);
    return result.piece[0].cached;
}

static bool faults(unsigned cpu, quire_va_t va, model_kind_t kind)
{
    return host_model_access(cpu, va, 8, kind, MODEL_SUPERVISOR).fault.raised;
}

static uint32_t kept(unsigned cpu)
{
    host_use_cpu(cpu);
    return quire_table_loads(&world.kernel).kept;
}

static void kept_over_switches(void)
{
    quire_frame_t first = map(&world.trees[0], VA);
    quire_frame_t second = map(&world.trees[1], VA);

    load(0, &world.trees[0]);
    CHECK(!reaches(0, VA, first));
    load(0, &world.trees[1]);
    CHECK(!reaches(0, VA, second));
    for (unsigned round = 1; round <= 5; round++) {
        load(0, &world.trees[0]);
        CHECK(reaches(0, VA, first));
        load(0, &world.trees[1]);
        CHECK(reaches(0, VA, second));
        CHECK_EQUAL(quire_table_loads(&world.trees[1]).kept, 2 * round);
        CHECK_EQUAL(quire_table_loads(&world.trees[1]).loads, 2 + 2 * round);
    }
    CHECK(quire_table_loads(&world.kernel).asid != 0);
    CHECK_EQUAL(kept(1), 0);
}

TEST(machine, tags_keep_translations)
{
    with_both_formats(kept_over_switches, 2);
}

/* Whichever CPU changes a tree that is not running, and whatever it runs itself. */
static void changed_while_away(void)
{
    for (unsigned changer = 0; changer < 2; changer++) {
        quire_frame_t frame = map(&world.trees[0], VA);
        quire_cursor_t cursor;

        (void)map(&world.trees[0], VA + PAGE);
        load(0, &world.trees[0]);
        (void)reaches(0, VA, frame);
        CHECK(!faults(0, VA + PAGE, MODEL_WRITE));
        load(0, &world.trees[1]);
        host_use_cpu(changer);
        unmap(&world.trees[0], VA);
        CHECK_OK(quire_cursor_open(&cursor, &world.trees[0], VA + PAGE, VA + 2 * PAGE, QUIRE_CURSOR_EDGES));
        quire_cursor_protect(&cursor, VA + PAGE, VA + 2 * PAGE, QUIRE_PROT_READ | QUIRE_PROT_USER);
        quire_cursor_close(&cursor);
        load(0, &world.trees[0]);
        CHECK(faults(0, VA, MODEL_READ));
        CHECK(faults(0, VA + PAGE, MODEL_WRITE));
        unmap(&world.trees[0], VA + PAGE);
    }
}

TEST(machine, tags_do_not_outlive_a_change)
{
    with_both_formats(changed_while_away, 2);
}

/* A CPU that runs what it changes has flushed it; the rest is kept. On another CPU it is not. */
static void changed_while_running(void)
{
    quire_frame_t frame = map(&world.trees[0], VA);

    (void)map(&world.trees[0], VA + PAGE);
    for (unsigned cpu = 2; cpu-- > 0;) {
        load(cpu, &world.trees[0]);
        (void)reaches(cpu, VA, frame);
        (void)reaches(cpu, VA, frame);
    }
    unmap(&world.trees[0], VA + PAGE);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        load(cpu, &world.trees[1]);
        load(cpu, &world.trees[0]);
    }
    CHECK(reaches(0, VA, frame));
    CHECK(!reaches(1, VA, frame));
}

TEST(machine, tags_survive_the_cpus_own_flush)
{
    with_both_formats(changed_while_running, 2);
}

static void more_trees_than_asids(void)
{
    quire_frame_t frames[TREES];

    for (unsigned i = 0; i < TREES; i++)
        frames[i] = map(&world.trees[i], VA);
    for (unsigned round = 0; round < 40; round++) {
        unsigned cpu = (unsigned)test_random_below(2);
        unsigned tree = (unsigned)test_random_below(round < 20 ? TREES : 3);

        load(cpu, &world.trees[tree]);
        (void)reaches(cpu, VA, frames[tree]);
    }
    CHECK(kept(0) + kept(1) > 5);
    for (unsigned i = 0; i < TREES; i++) {
        load(0, &world.trees[i]);
        (void)reaches(0, VA, frames[i]);
    }
}

TEST(machine, tags_pass_from_tree_to_tree)
{
    with_both_formats(more_trees_than_asids, TREES);
}

/* The same place in memory, the same identifier, the same frame for a root: another tree. */
static void made_again(void)
{
    uint32_t before;

    load(0, &world.trees[1]);
    for (unsigned round = 0; round < 20; round++) {
        quire_frame_t frame = map(&world.trees[0], VA);

        before = kept(0);
        load(0, &world.trees[0]);
        CHECK_EQUAL(kept(0), before);
        CHECK(!reaches(0, VA, frame));
        load(0, &world.trees[1]);
        quire_table_destroy(&world.trees[0]);
        CHECK_OK(quire_table_create(&world.trees[0], &world.kernel, 1));
    }
}

TEST(machine, tags_know_a_tree_made_again)
{
    with_both_formats(made_again, 2);
}

/* A table of the kernel's half goes: paging-structure caches hold it under every tag. */
static void kernels_tables(void)
{
    quire_frame_t frame = map_flags(&world.kernel, world.kernel_va, KERNEL, QUIRE_PAGE_GLOBAL);

    for (unsigned i = 0; i < 3; i++) {
        load(0, &world.trees[i]);
        (void)reaches(0, world.kernel_va, frame);
        (void)host_model_prefetch(0, world.kernel_va);
        unmap(&world.kernel, world.kernel_va + PAGE);
    }
    for (unsigned i = 0; i < 3; i++) { /* a global translation would hide the tables */
        load(0, &world.trees[i]);
        quire_cpu_flush_page(world.kernel_va);
        (void)reaches(0, world.kernel_va, frame);
    }
    host_use_cpu(1);
    unmap(&world.kernel, world.kernel_va);
    CHECK_EQUAL(world.kernel.mapped_pages, 0);
    frame = map_flags(&world.kernel, world.kernel_va, KERNEL, QUIRE_PAGE_GLOBAL);
    for (unsigned i = 0; i < 3; i++) {
        load(0, &world.trees[i]);
        (void)reaches(0, world.kernel_va, frame);
    }
}

TEST(machine, tags_forget_the_kernels_tables)
{
    with_both_formats(kernels_tables, 3);
}

/* Global pages that change cost no tag anything; the others do. */
static void kernels_pages(void)
{
    quire_frame_t frame = map_flags(&world.kernel, world.kernel_va, KERNEL, QUIRE_PAGE_GLOBAL);
    quire_frame_t other;
    uint32_t before;

    (void)map_flags(&world.kernel, world.kernel_va + PAGE, KERNEL, QUIRE_PAGE_GLOBAL);
    load(0, &world.trees[0]);
    load(0, &world.trees[1]);
    CHECK(!reaches(0, world.kernel_va, frame));
    before = kept(0);
    unmap(&world.kernel, world.kernel_va);
    load(0, &world.trees[0]);
    CHECK_EQUAL(kept(0), before + 1);
    CHECK(faults(0, world.kernel_va, MODEL_READ));

    frame = map_flags(&world.kernel, world.kernel_va, KERNEL, 0);
    other = map_flags(&world.kernel, world.kernel_va + 2 * PAGE, KERNEL, 0);
    (void)reaches(0, world.kernel_va, frame);
    load(0, &world.trees[1]);
    unmap(&world.kernel, world.kernel_va);
    (void)reaches(0, world.kernel_va + 2 * PAGE, other);
    load(0, &world.trees[0]);
    CHECK(faults(0, world.kernel_va, MODEL_READ));
}

TEST(machine, tags_and_pages_of_the_kernel)
{
    with_both_formats(kernels_pages, 2);
}

static void unmap_on_the_other_cpu(void *context)
{
    (void)context;
    host_use_cpu(1);
    unmap(&world.trees[0], VA);
    host_use_cpu(0);
}

/* Another CPU changes the tree when this one is already on its way, and does not know it yet. */
static void changed_while_loading(void)
{
    quire_frame_t frame = map(&world.trees[0], VA);

    load(0, &world.trees[0]);
    (void)reaches(0, VA, frame);
    load(0, &world.trees[1]);
    host_model_before_lock(unmap_on_the_other_cpu, NULL);
    load(0, &world.trees[0]);
    CHECK(faults(0, VA, MODEL_READ));
    load(0, &world.trees[1]);
    load(0, &world.trees[0]);
    CHECK(faults(0, VA, MODEL_READ));
}

TEST(machine, tags_and_a_change_during_the_load)
{
    with_both_formats(changed_while_loading, 2);
}

/* A tree that has used up its generations gets some that nobody else has. */
static void many_changes(void)
{
    const size_t block = (size_t)1 << 20;

    world.trees[0].generation |= block - 1;
    for (unsigned i = 0; i < 3; i++) {
        (void)map(&world.trees[0], VA);
        unmap(&world.trees[0], VA);
        CHECK(world.trees[0].generation / block != world.trees[1].generation / block);
        CHECK(world.trees[0].generation / block != world.kernel.generation / block);
    }
}

TEST(machine, tags_never_see_a_stamp_twice)
{
    with_both_formats(many_changes, 2);
}

static void short_of_memory(void)
{
    const quire_format_t *format = world.kernel.format;
    quire_va_t shared = world.kernel.shared_start;
    quire_frame_t frames[FRAMES];
    size_t taken = 0;
    quire_table_t table = {.space = 99};

    while (quire_pmm_alloc(world.pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frames[taken]) == QUIRE_OK)
        taken++;
    for (size_t left = 0; left < 2; left++) {
        CHECK_EQUAL(quire_table_create_kernel(&table, format, world.pmm, QUIRE_ZONE_ANY, shared), QUIRE_NO_MEMORY);
        CHECK_EQUAL(free_frames(), left);
        CHECK_EQUAL(table.space, 99);
        CHECK_OK(quire_pmm_release(world.pmm, frames[--taken], NULL));
    }
    CHECK_OK(quire_table_create_kernel(&table, format, world.pmm, QUIRE_ZONE_ANY, shared));
    CHECK_EQUAL(free_frames(), 0);
    quire_table_destroy(&table);
    CHECK_EQUAL(free_frames(), 2);
}

TEST(machine, tags_cost_the_kernel_a_frame)
{
    with_both_formats(short_of_memory, 0);
}
