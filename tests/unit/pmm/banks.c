/* SPDX-License-Identifier: MIT */
/*
 * banks.c - RAM in pieces that lie far apart: metadata follow the RAM, and every rule holds at the borders.
 *
 * The oracle is a list of the stretches that were put into the map: whatever is handed out must lie in one of them,
 * whole, once.
 */
#include "simulated.h"

#define GIB_FRAMES ((size_t)1 << 18)
#define STRETCHES  6
#define BLOCK      ((size_t)1 << QUIRE_PMM_ORDER_MAX)
#define HELD_MAX   4096

typedef struct stretch {
    size_t first;
    size_t frames;
} stretch_t;

typedef struct held {
    size_t first;
    unsigned order;
} held_t;

static simulated_t simulated;
static stretch_t stretches[STRETCHES];
static unsigned stretch_count;
static held_t held[HELD_MAX];
static size_t held_count;

static quire_pmm_t *start(const stretch_t *list, unsigned count)
{
    simulated_begin(&simulated);
    stretch_count = count;
    for (unsigned at = 0; at < count; at++) {
        stretches[at] = list[at];
        simulated_usable(&simulated, list[at].first, list[at].frames);
    }
    return simulated_start(&simulated);
}

static bool is_ram(size_t first, size_t frames)
{
    for (unsigned at = 0; at < stretch_count; at++) {
        if (first >= stretches[at].first && first + frames <= stretches[at].first + stretches[at].frames)
            return true;
    }
    return false;
}

static bool is_held(size_t first, size_t frames)
{
    for (size_t at = 0; at < held_count; at++) {
        if (first < held[at].first + ((size_t)1 << held[at].order) && held[at].first < first + frames)
            return true;
    }
    return false;
}

static bool hold_one(quire_pmm_t *pmm, unsigned order, quire_zone_t zone)
{
    quire_pmm_request_t request = request_of(order);
    quire_frame_t frame;

    request.zone = (uint8_t)zone;
    request.lifetime = (uint8_t)test_random_below(QUIRE_LIFETIMES);
    if (held_count == HELD_MAX || quire_pmm_alloc(pmm, request, &frame) != QUIRE_OK)
        return false;
    CHECK_EQUAL(frame.number & (((size_t)1 << order) - 1), 0);
    CHECK(is_ram(frame.number, (size_t)1 << order));
    CHECK(!is_held(frame.number, (size_t)1 << order));
    CHECK(zone != QUIRE_ZONE_BELOW_4G || frame.number < (size_t)1 << 20);
    CHECK(zone != QUIRE_ZONE_BELOW_16M || frame.number < (size_t)1 << 12);
    quire_frame_info_t info = quire_pmm_frame_info(pmm, frame);
    CHECK(info.managed && info.allocated && info.order == order && info.references == 1);
    held[held_count++] = (held_t){frame.number, order};
    return true;
}

static void free_one(quire_pmm_t *pmm, size_t at)
{
    quire_frame_t frame = quire_frame(held[at].first);

    if (test_random_below(2) == 0) {
        bool freed = false;
        CHECK_OK(quire_pmm_retain(pmm, frame));
        CHECK_EQUAL(quire_pmm_references(pmm, frame), 2);
        CHECK_EQUAL(quire_pmm_free(pmm, frame, held[at].order), QUIRE_CORRUPT);
        CHECK_OK(quire_pmm_release(pmm, frame, &freed));
        CHECK(!freed);
        CHECK_OK(quire_pmm_release(pmm, frame, &freed));
        CHECK(freed);
    } else {
        CHECK_OK(quire_pmm_free(pmm, frame, held[at].order));
    }
    CHECK_EQUAL(quire_pmm_free(pmm, frame, held[at].order), QUIRE_CORRUPT);
    held[at] = held[--held_count];
}

/* What is not RAM is nobody's, however near a border it lies. */
static void check_borders(quire_pmm_t *pmm)
{
    bool freed;

    for (unsigned at = 0; at < stretch_count; at++) {
        const size_t beside[] = {stretches[at].first - 1, stretches[at].first + stretches[at].frames,
                                 (stretches[at].first & ~(BLOCK - 1)) - 1,
                                 (stretches[at].first + stretches[at].frames + BLOCK) & ~(BLOCK - 1)};
        for (unsigned i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
            quire_frame_t frame = quire_frame(beside[i]);
            if (is_ram(beside[i], 1))
                continue;
            CHECK(!quire_pmm_frame_info(pmm, frame).managed);
            CHECK_EQUAL(quire_pmm_free(pmm, frame, 0), QUIRE_CORRUPT);
            CHECK_EQUAL(quire_pmm_retain(pmm, frame), QUIRE_CORRUPT);
            CHECK_EQUAL(quire_pmm_release(pmm, frame, &freed), QUIRE_CORRUPT);
            CHECK_EQUAL(quire_pmm_split(pmm, frame, 0), QUIRE_CORRUPT);
            CHECK_EQUAL(quire_pmm_references(pmm, frame), 0);
            CHECK_EQUAL(quire_pmm_take(pmm, frame, 1, QUIRE_OWNER_TEST), QUIRE_INVALID);
        }
        /* A range that begins in RAM and leaves it. */
        CHECK_EQUAL(
            quire_pmm_take(pmm, quire_frame(stretches[at].first + stretches[at].frames - 1), 2, QUIRE_OWNER_TEST),
            QUIRE_INVALID);
    }
}

/* Blocks of one order until there are no more: as many as the stretches hold, aligned, and no more. */
static void check_all_blocks(quire_pmm_t *pmm, unsigned order)
{
    size_t expected = 0;
    size_t size = (size_t)1 << order;

    for (unsigned at = 0; at < stretch_count; at++) {
        size_t low = (stretches[at].first + size - 1) & ~(size - 1);
        size_t high = (stretches[at].first + stretches[at].frames) & ~(size - 1);
        expected += low < high ? (high - low) >> order : 0;
    }
    while (held_count < HELD_MAX && hold_one(pmm, order, QUIRE_ZONE_ANY))
        ;
    CHECK_EQUAL(held_count, expected);
    CHECK_OK(quire_pmm_check(pmm));
    while (held_count > 0)
        free_one(pmm, (size_t)test_random_below(held_count));
    CHECK_OK(quire_pmm_check(pmm));
}

static void random_stretches(stretch_t *list, unsigned count)
{
    size_t at = test_random_below(3) == 0 ? 1 : (size_t)test_random_below(5000) + 1;

    for (unsigned i = 0; i < count; i++) {
        list[i] = (stretch_t){at, 1 + (size_t)test_random_below(i % 2 == 0 ? 700 : 5000)};
        at += list[i].frames + (size_t)1 + (size_t)test_random_below((uint64_t)1 << (3 + test_random_below(22)));
    }
}

TEST(pmm_banks, random_stretches_of_ram)
{
    for (unsigned run = 0; run < 20 * test_effort(); run++) {
        stretch_t list[STRETCHES];
        unsigned count = 1 + (unsigned)test_random_below(STRETCHES);

        held_count = 0;
        random_stretches(list, count);
        quire_pmm_t *pmm = start(list, count);
        size_t total = free_frames(pmm);
        check_borders(pmm);
        for (unsigned order = 5; order <= QUIRE_PMM_ORDER_MAX; order++)
            check_all_blocks(pmm, order);
        for (unsigned step = 0; step < 600; step++) {
            if (test_random_below(5) < 3)
                (void)hold_one(pmm, (unsigned)test_random_below(QUIRE_PMM_ORDER_MAX + 1),
                               (quire_zone_t)test_random_below(QUIRE_ZONES));
            else if (held_count > 0)
                free_one(pmm, (size_t)test_random_below(held_count));
        }
        CHECK_OK(quire_pmm_check(pmm));
        while (held_count > 0)
            free_one(pmm, held_count - 1);
        CHECK_EQUAL(free_frames(pmm), total);
        check_borders(pmm);
        CHECK_OK(quire_pmm_check(pmm));
    }
}

TEST(pmm_banks, frames_of_each_stretch_are_taken_by_number)
{
    const stretch_t list[] = {{300, 1000}, {0x100000 + 5, 2000}, {0x4000000 - 7, 3000}};
    quire_pmm_t *pmm = start(list, 3);
    size_t total = free_frames(pmm);

    for (unsigned at = 0; at < 3; at++)
        CHECK_OK(quire_pmm_take(pmm, quire_frame(list[at].first), list[at].frames, QUIRE_OWNER_TEST));
    CHECK_EQUAL(free_frames(pmm), 0);
    CHECK_OK(quire_pmm_check(pmm));
    for (unsigned at = 0; at < 3; at++) {
        for (size_t frame = 0; frame < list[at].frames; frame++)
            CHECK_OK(quire_pmm_free(pmm, quire_frame(list[at].first + frame), 0));
    }
    CHECK_EQUAL(free_frames(pmm), total);
    CHECK_OK(quire_pmm_check(pmm));
}

/* Neighbours in the index, where nothing is lost by rounding, are none in memory. */
TEST(pmm_banks, no_range_goes_over_a_border)
{
    const stretch_t list[] = {{BLOCK, 3 * BLOCK}, {64 * BLOCK, BLOCK}};
    quire_pmm_t *pmm = start(list, 2);

    for (size_t before = 1; before < 5; before++) {
        quire_frame_t first = quire_frame(4 * BLOCK - before);
        CHECK_EQUAL(quire_pmm_take(pmm, first, before + 1, QUIRE_OWNER_TEST), QUIRE_INVALID);
        CHECK_OK(quire_pmm_take(pmm, first, before, QUIRE_OWNER_TEST));
        for (size_t at = 0; at < before; at++)
            CHECK_OK(quire_pmm_free(pmm, quire_frame(first.number + at), 0));
    }
    CHECK_EQUAL(quire_pmm_add(pmm, quire_pa_of_frame(quire_frame(4 * BLOCK - 1)), 2 * QUIRE_PAGE_BYTES), QUIRE_INVALID);
    CHECK_OK(quire_pmm_check(pmm));
}

/* One gibibyte at 1 MiB, another far away: the records are those of two. */
TEST(pmm_banks, records_follow_ram)
{
    const uint64_t most = (uint64_t)1 << (sizeof(size_t) == 8 ? 32 : 30);

    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x100, 2 * GIB_FRAMES);
    size_t together = quire_pmm_metadata_bytes(&simulated.map, no_limit);
    CHECK(together / (2 * GIB_FRAMES) == 5);
    for (uint64_t far = GIB_FRAMES * 4; far <= most; far *= 4) {
        simulated_begin(&simulated);
        simulated_usable(&simulated, 0x100, GIB_FRAMES);
        simulated_usable(&simulated, (size_t)far, GIB_FRAMES);
        size_t bytes = quire_pmm_metadata_bytes(&simulated.map, no_limit);
        CHECK(bytes >= together / 2 && bytes <= together + 3 * QUIRE_PAGE_BYTES);
    }
}

/* A stray page costs next to nothing wherever it is, and is a frame like any other. */
TEST(pmm_banks, a_stray_page)
{
    for (unsigned bits = 33; bits < 40 + (sizeof(size_t) == 8 ? 12u : 4u); bits++) {
        const stretch_t list[] = {{0x100, 0x8000}, {(size_t)1 << (bits - QUIRE_PAGE_SHIFT), 1}};
        quire_pmm_t *pmm = start(list, 2);
        quire_pmm_stats_t stats;
        quire_frame_t first;
        quire_frame_t end;

        quire_pmm_stats(pmm, &stats);
        CHECK_EQUAL(stats.total_frames, 0x8001);
        CHECK_EQUAL(stats.zone_total_frames[QUIRE_ZONE_BELOW_4G], 0x8000);
        CHECK(stats.metadata_bytes < 0x8000 * 6 + 0x10000);
        quire_pmm_bounds(pmm, &first, &end);
        CHECK(first.number <= 0x100 && end.number == list[1].first + 1);
        CHECK_OK(quire_pmm_take(pmm, quire_frame(list[1].first), 1, QUIRE_OWNER_TEST));
        CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(list[1].first), 1, QUIRE_OWNER_TEST), QUIRE_EXISTS);
        CHECK_OK(quire_pmm_free(pmm, quire_frame(list[1].first), 0));
        CHECK_OK(quire_pmm_check(pmm));
    }
}

/* RAM that begins at an odd 2 MiB: the first pair of chunks is no block of 4 MiB, and the chunk before is nobody's. */
TEST(pmm_banks, ram_that_begins_at_an_odd_2_mib)
{
    static const size_t starts[] = {0x200, 0x1200, 0x100200, 0x140200};

    for (unsigned at = 0; at < sizeof(starts) / sizeof(starts[0]); at++) {
        for (size_t frames = 512; frames <= 5 * 512; frames += 512) {
            const stretch_t one[] = {{starts[at], frames}};
            const stretch_t two[] = {{0x10, 512}, {starts[at] + 0x400000, frames}};
            held_count = 0;
            for (unsigned order = 9; order <= 10; order++) {
                check_all_blocks(start(one, 1), order);
                check_all_blocks(start(two, 2), order);
            }
            quire_pmm_stats_t stats;
            quire_pmm_stats(start(one, 1), &stats);
            CHECK_EQUAL(stats.largest_free_order, frames >= 3 * 512 ? 10 : 9);
        }
    }
}

/* Memory that the map keeps out and names as RAM can be added later, wherever it lies, and only it. */
TEST(pmm_banks, what_is_kept_out_joins_later)
{
    static const quire_memory_kind_t kinds[] = {QUIRE_MEMORY_ACPI_RECLAIMABLE, QUIRE_MEMORY_LOADER, QUIRE_MEMORY_MODULE,
                                                QUIRE_MEMORY_KERNEL};
    static const size_t places[] = {0x10, 0x3000, 0x8123, 0x80000, 0x800000};

    for (unsigned at = 0; at < sizeof(kinds) / sizeof(kinds[0]); at++) {
        for (unsigned place = 0; place < sizeof(places) / sizeof(places[0]); place++) {
            quire_pa_t pa = quire_pa_of_frame(quire_frame(places[place]));
            simulated_begin(&simulated);
            simulated_usable(&simulated, 0x4000, 0x4000);
            CHECK_OK(quire_memory_map_add(&simulated.map, pa, 0x1234000, kinds[at]));
            quire_pmm_t *pmm = simulated_start(&simulated);
            size_t before = free_frames(pmm);
            CHECK_OK(quire_pmm_add(pmm, pa, 0x1234000));
            CHECK_EQUAL(free_frames(pmm), before + 0x1234);
            CHECK_OK(quire_pmm_check(pmm));
            CHECK_EQUAL(quire_pmm_add(pmm, pa, 0x1234000), QUIRE_EXISTS);
            CHECK_EQUAL(quire_pmm_add(pmm, quire_pa((uint64_t)1 << 43), 0x1000), QUIRE_INVALID);
            CHECK_EQUAL(quire_pmm_add(pmm, quire_pa((uint64_t)1 << 60), 0x1000), QUIRE_INVALID);
            CHECK_OK(quire_pmm_check(pmm));
        }
    }
}

/* Taking the records out of the map does not change what they are to cover. */
TEST(pmm_banks, records_are_as_many_after_they_are_taken)
{
    for (unsigned run = 0; run < 100; run++) {
        stretch_t list[STRETCHES];
        unsigned count = 1 + (unsigned)test_random_below(STRETCHES);
        quire_pa_t pa;

        random_stretches(list, count);
        list[0].frames = 5000;
        if (count > 1 && list[1].first < list[0].first + 5000)
            continue;
        simulated_begin(&simulated);
        for (unsigned at = 0; at < count; at++)
            simulated_usable(&simulated, list[at].first, list[at].frames);
        size_t bytes = quire_pmm_metadata_bytes(&simulated.map, no_limit);
        CHECK_OK(quire_memory_map_take(&simulated.map, bytes, QUIRE_PAGE_BYTES, no_limit, &pa));
        CHECK_EQUAL(quire_pmm_metadata_bytes(&simulated.map, no_limit), bytes);
        CHECK_OK(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, test_memory(bytes), bytes));
        CHECK_OK(quire_pmm_check(&simulated.pmm));
        CHECK_OK(quire_pmm_add(&simulated.pmm, pa, bytes));
        CHECK_OK(quire_pmm_check(&simulated.pmm));
    }
}

/* More RAM than can be counted is an error, never a part of it in silence. */
TEST(pmm_banks, more_than_can_be_counted)
{
    void *memory = test_memory(QUIRE_PAGE_BYTES);
    uint64_t most = (uint64_t)1 << (sizeof(size_t) == 8 ? 44 : 40);

    simulated_begin(&simulated);
    CHECK_OK(quire_memory_map_add(&simulated.map, quire_pa(0), most, QUIRE_MEMORY_USABLE));
    CHECK(quire_pmm_metadata_bytes(&simulated.map, no_limit) != 0);
    CHECK_OK(quire_memory_map_add(&simulated.map, quire_pa(2 * most), 0x1000, QUIRE_MEMORY_USABLE));
    CHECK_EQUAL(quire_pmm_metadata_bytes(&simulated.map, no_limit), 0);
    CHECK_EQUAL(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, memory, QUIRE_PAGE_BYTES), QUIRE_INVALID);
    CHECK(!simulated.map.sealed);
    CHECK(quire_pmm_metadata_bytes(&simulated.map, quire_pa(2 * most)) != 0);
    simulated_begin(&simulated);
    CHECK_OK(quire_memory_map_add(&simulated.map, quire_pa(0x1000), UINT64_MAX, QUIRE_MEMORY_USABLE));
    CHECK_EQUAL(quire_pmm_metadata_bytes(&simulated.map, no_limit), 0);
}
