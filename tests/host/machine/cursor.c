/* SPDX-License-Identifier: MIT */
/*
 * cursor.c - random work with cursors on a kernel's tree and a process's, large pages included, beside a list of ranges
 * that says what each page should be; two CPUs use the trees all the time.
 *
 * Each access must do what the list says: reach the right frame, by the right cache type, or fault with the right code.
 */
#include "expect.h"
#include "extents.h"

#include <stdio.h>

#define PAGE       ((quire_va_t)QUIRE_PAGE_BYTES)
#define CPUS       2
#define TREES      2
#define FRAMES     160
#define ROUNDS     4
#define OPERATIONS 6250
#define LIMIT      (SIZE_MAX >> 1)
#define PKRU       0xe4e4e4e4u /* of four keys one is free, one not to be used, one not to be written, one both */

typedef struct world {
    const quire_format_t *format;
    quire_pmm_t *pmm;
    quire_table_t trees[TREES]; /* number 0 is the kernel's */
    extents_t expected[TREES];
    quire_va_t shared_start;
    unsigned loaded[CPUS];
    uint64_t operations;
    uint64_t faults;
} world_t;

static world_t world;

/* --- places --- */

/* A page near a place where tables meet. */
static quire_va_t random_page(unsigned tree)
{
    unsigned levels = quire_format_levels(world.format);
    unsigned level = 1 + (unsigned)test_random_below(levels);
    quire_va_t span = (quire_va_t)quire_format_span(world.format, level);
    quire_va_t base = tree == 0 ? world.shared_start + (level == levels ? span / 2 : span) : 2 * span;

    return base + test_random_below(16) * PAGE - (level == 1 ? 0 : 8 * PAGE);
}

static void random_range(unsigned tree, quire_va_t *start, quire_va_t *end)
{
    quire_va_t a = random_page(tree);
    quire_va_t b = test_random_below(2) == 0 ? a : random_page(tree);

    *start = a < b ? a : b;
    *end = (a < b ? b : a) + PAGE;
}

static unsigned random_prot(unsigned tree)
{
    return (unsigned)test_random_below(8) | (tree == 0 || test_random_below(8) == 0 ? 0 : (unsigned)QUIRE_PROT_USER);
}

static uint8_t random_key(unsigned prot)
{
    return prot & QUIRE_PROT_USER ? (uint8_t)test_random_below(quire_format_keys(world.format)) : 0;
}

static unsigned random_attributes(unsigned tree)
{
    unsigned cache = QUIRE_PAGE_WRITE_THROUGH | QUIRE_PAGE_UNCACHED | QUIRE_PAGE_PAT;

    return ((unsigned)test_random() & cache) | (tree == 0 ? (unsigned)QUIRE_PAGE_GLOBAL : 0);
}

static bool open_range(quire_cursor_t *cursor, unsigned tree, quire_va_t start, quire_va_t end,
                       quire_cursor_mode_t mode)
{
    quire_status_t status = quire_cursor_open(cursor, &world.trees[tree], start, end, mode);

    if (status != QUIRE_NO_MEMORY)
        CHECK_OK(status);
    return status == QUIRE_OK;
}

/* --- work --- */

static void map(unsigned tree)
{
    quire_va_t va = random_page(tree);
    quire_page_t before = extents_at(&world.expected[tree], va);
    quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .prot = (uint8_t)(random_prot(tree) | QUIRE_PROT_READ)};
    quire_frame_t frame = {HOST_MODEL_DEVICE + (size_t)test_random_below(1000)};
    unsigned choice = (unsigned)test_random_below(4);
    quire_cursor_t cursor;

    page.flags = (uint16_t)random_attributes(tree);
    if (choice == 0)
        page.flags |= QUIRE_PAGE_FOREIGN;
    else if (quire_pmm_alloc(world.pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frame) != QUIRE_OK)
        return;
    if (choice == 1)
        page.flags |= QUIRE_PAGE_COPY_ON_WRITE;
    page.payload = frame.number;
    quire_status_t status = QUIRE_NO_MEMORY;
    if (open_range(&cursor, tree, va, va + PAGE, QUIRE_CURSOR_POPULATE)) {
        status = quire_cursor_map(&cursor, va, 1, frame, page.prot, page.flags);
        CHECK_EQUAL(status, extents_hold_frame(&before) ? QUIRE_EXISTS : QUIRE_OK);
        quire_cursor_close(&cursor);
    }
    if (status == QUIRE_OK)
        extents_set(&world.expected[tree], va, va + PAGE, &page);
    else if (choice != 0)
        CHECK_OK(quire_pmm_release(world.pmm, frame, NULL));
}

static void map_large(unsigned tree)
{
    unsigned level = 2 + (unsigned)test_random_below(2);
    quire_va_t span = (quire_va_t)quire_format_span(world.format, level);
    quire_va_t va = random_page(tree) & ~(span - 1);
    extents_t *expected = &world.expected[tree];
    quire_page_t page = {.kind = QUIRE_PAGE_MAPPED,
                         .prot = (uint8_t)(random_prot(tree) | QUIRE_PROT_READ),
                         .flags = (uint16_t)(QUIRE_PAGE_FOREIGN | random_attributes(tree)),
                         .payload = HOST_MODEL_DEVICE};
    quire_cursor_t cursor;

    if (!quire_format_maps_at(world.format, level) || level == quire_format_levels(world.format))
        return;
    if (va < expected->at[0].start || va + span > expected->end)
        return;
    if (!open_range(&cursor, tree, va, va + span, QUIRE_CURSOR_EDGES))
        return;
    bool taken = extents_count(expected, va, va + span, QUIRE_PAGE_MAPPED, false) != 0 ||
                 extents_count(expected, va, va + span, QUIRE_PAGE_HIDDEN, false) != 0;
    quire_status_t status = quire_cursor_map(&cursor, va, level, quire_frame(HOST_MODEL_DEVICE), page.prot, page.flags);
    quire_cursor_close(&cursor);
    if (status == QUIRE_NO_MEMORY)
        return;
    CHECK_EQUAL(status, taken ? QUIRE_EXISTS : QUIRE_OK);
    if (status == QUIRE_OK)
        extents_set(expected, va, va + span, &page);
}

static void mark(unsigned tree)
{
    static const quire_page_kind_t kinds[] = {QUIRE_PAGE_EMPTY, QUIRE_PAGE_RESERVED, QUIRE_PAGE_GUARD,
                                              QUIRE_PAGE_OBJECT};
    quire_page_t page = {.kind = kinds[test_random_below(4)]};
    quire_cursor_t cursor;
    quire_va_t start;
    quire_va_t end;

    random_range(tree, &start, &end);
    if (page.kind != QUIRE_PAGE_EMPTY)
        page.prot = (uint8_t)random_prot(tree);
    page.key = random_key(page.prot);
    if (page.kind == QUIRE_PAGE_OBJECT)
        page.payload = test_random_below(quire_format_payload_max(world.format));
    if (!open_range(&cursor, tree, start, end, QUIRE_CURSOR_EDGES))
        return;
    size_t empty = extents_count(&world.expected[tree], start, end, QUIRE_PAGE_EMPTY, false);
    CHECK_EQUAL((quire_cursor_mark(&cursor, start, end, &page) + empty) & LIMIT, ((end - start) / PAGE) & LIMIT);
    quire_cursor_close(&cursor);
    extents_set(&world.expected[tree], start, end, &page);
}

static void protect(unsigned tree)
{
    unsigned prot = random_prot(tree);
    unsigned key = test_random_below(2) == 0 ? random_key(prot) : EXTENTS_KEY_KEPT;
    quire_cursor_t cursor;
    quire_va_t start;
    quire_va_t end;

    random_range(tree, &start, &end);
    if (!open_range(&cursor, tree, start, end, QUIRE_CURSOR_EDGES))
        return;
    if (key == EXTENTS_KEY_KEPT)
        quire_cursor_protect(&cursor, start, end, prot);
    else
        CHECK_OK(quire_cursor_protect_key(&cursor, start, end, prot, key));
    quire_cursor_close(&cursor);
    extents_protect(&world.expected[tree], start, end, prot, key);
}

/* One entry instead of a table: nothing that is asked or accessed afterwards may tell. */
static void promote(unsigned tree)
{
    unsigned level = 2 + (unsigned)test_random_below(2);
    extents_t *expected = &world.expected[tree];
    quire_va_t span = (quire_va_t)quire_format_span(world.format, level);
    quire_va_t va = random_page(tree) & ~(span - 1);
    quire_cursor_t cursor;

    if (level >= quire_format_levels(world.format) || va < expected->at[0].start || va + span > expected->end ||
        !open_range(&cursor, tree, va, va + span, QUIRE_CURSOR_EDGES))
        return;
    quire_page_t page = extents_at(expected, va);
    bool one = extents_are_one(expected, va, va + span);
    quire_status_t status = quire_cursor_promote(&cursor, va, level);
    quire_cursor_close(&cursor);
    if (page.kind == QUIRE_PAGE_EMPTY || (!one && !extents_hold_frame(&page)))
        CHECK_EQUAL(status, QUIRE_NOT_FOUND);
    else if (!extents_hold_frame(&page) && level == 2)
        CHECK(status == QUIRE_OK || status == QUIRE_EXISTS);
}

/* Out of one place and into another, under one lock; back if the other is taken. */
static void move(unsigned tree)
{
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    extents_t *expected = &world.expected[tree];
    quire_va_t from = random_page(tree);
    quire_va_t to = random_page(tree);
    quire_page_t there = extents_at(expected, to);
    quire_page_t page = extents_at(expected, from);
    quire_cursor_t cursor;

    if (extents_hold_frame(&there) || !open_range(&cursor, tree, to, to + PAGE, QUIRE_CURSOR_POPULATE))
        return;
    if (quire_cursor_reopen(&cursor, from, from + PAGE, QUIRE_CURSOR_POPULATE) == QUIRE_OK) {
        quire_page_t taken = quire_cursor_take(&cursor, from);

        CHECK_EQUAL(taken.kind, page.kind);
        CHECK_EQUAL(taken.prot, page.prot);
        CHECK_EQUAL(taken.key, page.key);
        CHECK_EQUAL(taken.payload, page.payload);
        CHECK_OK(quire_cursor_reopen(&cursor, to, to + PAGE, QUIRE_CURSOR_POPULATE));
        quire_cursor_put(&cursor, to, &taken);
        extents_set(expected, from, from + PAGE, &empty);
        extents_set(expected, to, to + PAGE, &page);
    }
    quire_cursor_close(&cursor);
}

static void switch_tree(unsigned cpu, unsigned tree)
{
    host_use_cpu(cpu);
    quire_table_load(&world.trees[tree]);
    world.loaded[cpu] = tree;
}

/* --- use --- */

static void touch(void)
{
    static const model_mode_t modes[] = {MODEL_USER, MODEL_USER, MODEL_SUPERVISOR};
    unsigned cpu = (unsigned)test_random_below(CPUS);
    unsigned tree = test_random_below(3) == 0 ? 0 : world.loaded[cpu];
    quire_va_t va = random_page(tree);
    quire_page_t page = extents_at(&world.expected[tree], va);
    model_kind_t kind = (model_kind_t)test_random_below(3);
    model_mode_t mode = modes[test_random_below(3)];
    model_result_t result = host_model_access(cpu, va, 8, kind, mode);

    world.operations++;
    if (test_random_below(4) == 0)
        (void)host_model_prefetch(cpu, random_page(test_random_below(3) == 0 ? 0 : world.loaded[cpu]));
    CHECK_EQUAL(result.fault.raised, !expect_allowed(world.format, PKRU, &page, kind, mode));
    if (result.fault.raised) {
        world.faults++;
        CHECK_EQUAL(result.fault.vector, MODEL_PF);
        CHECK_EQUAL(result.fault.error_code, expect_code(world.format, PKRU, &page, kind, mode));
        return;
    }
    CHECK_EQUAL(result.piece[0].pa, page.payload << QUIRE_PAGE_SHIFT);
    CHECK_EQUAL(result.piece[0].type, expect_type(&page));
    if (kind == MODEL_WRITE) {
        page.flags |= QUIRE_PAGE_DIRTY;
        extents_set(&world.expected[tree], va, va + PAGE, &page);
    }
}

/* What the library says of a page is what the list says; what was written is dirty. */
static void query(unsigned tree)
{
    const unsigned by_mmu = QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY;
    quire_va_t va = random_page(tree);
    quire_page_t expected = extents_at(&world.expected[tree], va);
    quire_cursor_t cursor;

    CHECK(open_range(&cursor, tree, va, va + PAGE, QUIRE_CURSOR_READ));
    quire_extent_t extent = quire_cursor_query(&cursor, va);
    quire_cursor_close(&cursor);
    if (extents_hold_frame(&extent.page))
        extent.page.payload += (va - extent.start) >> QUIRE_PAGE_SHIFT;
    CHECK_EQUAL(extent.page.kind, expected.kind);
    CHECK_EQUAL(extent.page.prot, expected.prot);
    CHECK_EQUAL(extent.page.key, expected.key);
    CHECK_EQUAL(extent.page.payload, expected.payload);
    CHECK_EQUAL(extent.page.flags & ~by_mmu, expected.flags & ~by_mmu);
    CHECK((extent.page.flags & QUIRE_PAGE_DIRTY) || !(expected.flags & QUIRE_PAGE_DIRTY));
}

/* --- the world --- */

static void start(const quire_format_t *format, unsigned variant)
{
    static const quire_va_t starts[] = {[2] = (quire_va_t)0xc0000000u,
                                        [3] = (quire_va_t)0xc0000000u,
                                        [4] = (quire_va_t)0xffff800000000000u,
                                        [5] = (quire_va_t)0xff00000000000000u};
    static const size_t first_frames[] = {
        [2] = 0x100000 - FRAMES, [3] = 0x100000 - FRAMES / 2, [4] = 0x10000000, [5] = 0x80000000};
    unsigned levels = quire_format_levels(format);
    quire_va_t span = (quire_va_t)quire_format_span(format, levels);

    world = (world_t){.format = format, .shared_start = starts[levels]};
    host_model_start(&(host_model_config_t){.format = format,
                                            .first = quire_frame(first_frames[levels]),
                                            .frames = FRAMES,
                                            .cpus = CPUS,
                                            .caching = variant == 2 ? MODEL_RANDOM : MODEL_KEEP,
                                            .large_page_fragments = variant % 2 == 1,
                                            .tags = variant == 0 || variant == 3,
                                            .check_live = variant == 3});
    world.pmm = host_model_pmm();
    CHECK_OK(quire_table_create_kernel(&world.trees[0], format, world.pmm, QUIRE_ZONE_ANY, world.shared_start));
    CHECK_OK(quire_table_pin(&world.trees[0], world.shared_start, world.shared_start + PAGE));
    quire_table_seal(&world.trees[0]);
    host_model_boot(quire_table_root(&world.trees[0]));
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        host_model_set_pkru(cpu, PKRU);
    CHECK_OK(quire_table_create(&world.trees[1], &world.trees[0], 1));
    extents_init(&world.expected[0], world.shared_start, world.shared_start + (span - PAGE));
    extents_init(&world.expected[1], 0, 2 * span + 64 * PAGE);
}

static void check_all(void)
{
    for (unsigned tree = 0; tree < TREES; tree++) {
        const extents_t *expected = &world.expected[tree];

        CHECK_OK(quire_table_check(&world.trees[tree]));
        CHECK_EQUAL(world.trees[tree].mapped_pages,
                    extents_count(expected, expected->at[0].start, expected->end, QUIRE_PAGE_MAPPED, false));
    }
    CHECK_OK(quire_pmm_check(world.pmm));
}

static void finish(void)
{
    quire_pmm_stats_t stats;

    check_all();
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        switch_tree(cpu, 0);
    quire_table_destroy(&world.trees[1]);
    quire_pmm_stats(world.pmm, &stats);
    const extents_t *expected = &world.expected[0];
    CHECK_EQUAL(stats.owner_frames[QUIRE_OWNER_TABLE], world.trees[0].table_frames);
    CHECK_EQUAL(stats.owner_frames[QUIRE_OWNER_USER],
                extents_count(expected, world.shared_start, expected->end, QUIRE_PAGE_MAPPED, true) +
                    extents_count(expected, world.shared_start, expected->end, QUIRE_PAGE_HIDDEN, true));
}

static void step(void)
{
    static void (*const steps[])(unsigned) = {map, map, map, map_large, mark, protect, promote, move, query};
    unsigned tree = (unsigned)test_random_below(TREES);
    unsigned cpu = (unsigned)test_random_below(CPUS);

    world.operations++;
    host_use_cpu(cpu);
    if (test_random_below(16) == 0)
        switch_tree(cpu, tree);
    else
        steps[test_random_below(sizeof(steps) / sizeof(steps[0]))](tree);
}

static void run_format(const quire_format_t *format)
{
    char line[120];

    for (unsigned variant = 0; variant < ROUNDS; variant++) {
        start(format, variant);
        for (unsigned i = 0; world.operations < OPERATIONS * test_effort(); i++) {
            step();
            touch();
            touch();
            if (i % 256 == 0)
                check_all();
        }
        finish();
        snprintf(line, sizeof(line), "# %s: %llu operations with cursors and accesses, %llu page faults\n",
                 quire_format_name(format), (unsigned long long)world.operations, (unsigned long long)world.faults);
        test_home_write(line);
    }
}

#define FORMAT(name, format)                                                                                           \
    TEST(machine, name)                                                                                                \
    {                                                                                                                  \
        run_format(&format);                                                                                           \
    }
FORMAT(cursors_32_bit, quire_format_x86_32)
FORMAT(cursors_pae, quire_format_x86_pae)
FORMAT(cursors_4_level, quire_format_x86_4level)
FORMAT(cursors_5_level, quire_format_x86_5level)
