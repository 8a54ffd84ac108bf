/* SPDX-License-Identifier: MIT */
/*
 * harvest.c - dirty bits that are read and cleared while CPUs write, against a list of what was written since.
 *
 * The CPUs keep every translation they may. So a dirty bit that was cleared without a flush stays clear when the page
 * is written again, and that page would be taken for clean.
 */
#include "host_model.h"

#define PAGE   ((quire_va_t)QUIRE_PAGE_BYTES)
#define PAGES  24
#define CPUS   2
#define USER   ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER)
#define FRAMES 256

static struct {
    quire_table_t kernel;
    quire_table_t tree;
    bool written[PAGES]; /* since its dirty bit was cleared */
    bool used[PAGES];    /* since its accessed bit was cleared */
    quire_va_t large;    /* a large page, for the last entry of the lists */
} world;

static quire_va_t address_of(unsigned page)
{
    return page == PAGES - 1 ? world.large : (1 + (quire_va_t)page) * PAGE;
}

static quire_va_t bytes_of(unsigned page)
{
    return page == PAGES - 1 ? world.large : PAGE;
}

static void map(unsigned page, unsigned level, quire_frame_t frame)
{
    quire_cursor_t cursor;
    quire_va_t va = address_of(page);

    CHECK_OK(quire_cursor_open(&cursor, &world.tree, va, va + bytes_of(page),
                               level == 1 ? QUIRE_CURSOR_POPULATE : QUIRE_CURSOR_EDGES));
    CHECK_OK(quire_cursor_map(&cursor, va, level, frame, USER, QUIRE_PAGE_FOREIGN));
    quire_cursor_close(&cursor);
}

static void start(const quire_format_t *format, bool tags)
{
    static const quire_va_t starts[] = {[2] = (quire_va_t)0xc0000000u,
                                        [3] = (quire_va_t)0xc0000000u,
                                        [4] = (quire_va_t)0xffff800000000000u,
                                        [5] = (quire_va_t)0xff00000000000000u};
    unsigned levels = quire_format_levels(format);
    quire_va_t shared = starts[levels];

    world.large = (quire_va_t)quire_format_span(format, 2);
    host_model_start(&(host_model_config_t){.format = format,
                                            .first = quire_frame(levels < 4 ? 0x100000 - FRAMES : 0x10000000),
                                            .frames = FRAMES,
                                            .cpus = CPUS,
                                            .tags = tags});
    quire_pmm_t *pmm = host_model_pmm();
    CHECK_OK(quire_table_create_kernel(&world.kernel, format, pmm, QUIRE_ZONE_ANY, shared));
    quire_table_seal(&world.kernel);
    host_model_boot(quire_table_root(&world.kernel));
    CHECK_OK(quire_table_create(&world.tree, &world.kernel, 1));
    for (unsigned page = 0; page < PAGES; page++) {
        map(page, page == PAGES - 1 ? 2 : 1, quire_frame(HOST_MODEL_DEVICE + (page == PAGES - 1 ? 0x1000 : page)));
        world.written[page] = false;
        world.used[page] = false;
    }
}

static void access_page(unsigned page)
{
    bool write = test_random_below(2) == 0;
    quire_va_t va = address_of(page) + (quire_va_t)test_random_below(bytes_of(page) - 8);

    (void)host_model_access((unsigned)test_random_below(CPUS), va, 8, write ? MODEL_WRITE : MODEL_READ, MODEL_USER);
    world.written[page] |= write;
    world.used[page] = true;
}

static void harvest(unsigned page)
{
    static const unsigned wanted[] = {0, QUIRE_PAGE_ACCESSED, QUIRE_PAGE_DIRTY, QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY};
    unsigned flags = wanted[test_random_below(4)];
    quire_va_t va = address_of(page);
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &world.tree, va, va + bytes_of(page), QUIRE_CURSOR_EDGES));
    quire_extent_t extent = quire_cursor_harvest(&cursor, va, flags);
    quire_cursor_close(&cursor);
    CHECK_EQUAL((extent.page.flags & QUIRE_PAGE_DIRTY) != 0, world.written[page]);
    /* The other way round a CPU may have used what it had kept. */
    CHECK(world.used[page] || !(extent.page.flags & QUIRE_PAGE_ACCESSED));
    if (flags & QUIRE_PAGE_DIRTY)
        world.written[page] = false;
    if (flags & QUIRE_PAGE_ACCESSED)
        world.used[page] = false;
}

static void run(const quire_format_t *format, bool tags)
{
    start(format, tags);
    for (unsigned step = 0; step < 4000 * test_effort(); step++) {
        unsigned page = (unsigned)test_random_below(PAGES);

        host_use_cpu((unsigned)test_random_below(CPUS));
        if (test_random_below(64) == 0)
            quire_table_load(test_random_below(4) == 0 ? &world.kernel : &world.tree);
        else if (test_random_below(3) == 0)
            harvest(page);
        else if (host_model_loaded(0) == 1 && host_model_loaded(1) == 1)
            access_page(page);
    }
    CHECK_OK(quire_table_check(&world.tree));
}

TEST(machine, dirty_bits_are_exact)
{
    run(&quire_format_x86_32, false);
    run(&quire_format_x86_pae, false);
    run(&quire_format_x86_4level, false);
    run(&quire_format_x86_5level, false);
    if (sizeof(uintptr_t) == sizeof(uint64_t))
        run(&quire_format_x86_4level, true);
}
