/* SPDX-License-Identifier: MIT */
/*
 * memory_map.c - the firmware's map against a model that keeps one kind for each unit of memory.
 *
 * The model knows nothing of regions: adding takes the higher kind, unit by unit. Whatever order, overlap or shortage
 * of room the entries come in, the map must say the same, or, when the array is full, less usable memory and never
 * more.
 */
#include "test.h"

#define UNITS      96
#define UNIT_BYTES 0x800 /* half a page, so that rounding to frames is exercised too */
#define MANY       64

static quire_memory_region_t storage[MANY];
static uint8_t model[UNITS];

static void model_add(size_t first, size_t count, quire_memory_kind_t kind)
{
    for (size_t at = first; at < first + count && at < UNITS; at++) {
        if (model[at] < kind)
            model[at] = (uint8_t)kind;
    }
}

static quire_memory_kind_t kind_at(const quire_memory_map_t *map, uint64_t address)
{
    for (size_t at = 0; at < map->count; at++) {
        if (map->regions[at].start <= address && address < map->regions[at].end)
            return map->regions[at].kind;
    }
    return (quire_memory_kind_t)0;
}

static void check_same(const quire_memory_map_t *map)
{
    CHECK_OK(quire_memory_map_check(map));
    for (size_t at = 0; at < UNITS; at++) {
        CHECK_EQUAL(kind_at(map, at * UNIT_BYTES), model[at]);
        CHECK_EQUAL(kind_at(map, (at + 1) * UNIT_BYTES - 1), model[at]);
    }
}

static void forget_model(void)
{
    for (size_t at = 0; at < UNITS; at++)
        model[at] = 0;
}

TEST(memory_map, names)
{
    for (int kind = QUIRE_MEMORY_USABLE; kind < QUIRE_MEMORY_KINDS; kind++)
        CHECK(quire_memory_kind_name((quire_memory_kind_t)kind)[0] != '\0');
    CHECK(quire_memory_kind_name((quire_memory_kind_t)99) != NULL);
}

TEST(memory_map, bad_arguments)
{
    quire_memory_map_t map;

    quire_memory_map_init(&map, storage, MANY);
    CHECK_EQUAL(quire_memory_map_add(&map, quire_pa(0), 1, (quire_memory_kind_t)0), QUIRE_INVALID);
    CHECK_EQUAL(quire_memory_map_add(&map, quire_pa(0), 1, QUIRE_MEMORY_KINDS), QUIRE_INVALID);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(5), 0, QUIRE_MEMORY_USABLE));
    CHECK_EQUAL(map.count, 0);
    map.sealed = true;
    CHECK_EQUAL(quire_memory_map_add(&map, quire_pa(0), 1, QUIRE_MEMORY_USABLE), QUIRE_DENIED);
}

TEST(memory_map, a_range_that_wraps_is_cut_at_the_top)
{
    quire_memory_map_t map;

    quire_memory_map_init(&map, storage, MANY);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(UINT64_MAX - 0x1fff), UINT64_MAX, QUIRE_MEMORY_USABLE));
    CHECK_EQUAL(map.count, 1);
    CHECK_EQUAL(map.regions[0].end, UINT64_MAX);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0), UINT64_MAX, QUIRE_MEMORY_RESERVED));
    CHECK_EQUAL(map.count, 1);
    CHECK_EQUAL(map.regions[0].start, 0);
    CHECK_EQUAL(map.regions[0].kind, QUIRE_MEMORY_RESERVED);
    CHECK_OK(quire_memory_map_check(&map));
}

/* Every order of five entries that overlap in every way gives the same map. */
TEST(memory_map, order_does_not_matter)
{
    static const struct {
        uint8_t first;
        uint8_t count;
        uint8_t kind;
    } entries[] = {{2, 60, QUIRE_MEMORY_USABLE},
                   {10, 30, QUIRE_MEMORY_RESERVED},
                   {20, 40, QUIRE_MEMORY_MODULE},
                   {5, 8, QUIRE_MEMORY_BAD},
                   {55, 20, QUIRE_MEMORY_USABLE}};
    uint8_t order[5];

    for (unsigned code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
        unsigned rest = code;
        unsigned seen = 0;
        for (unsigned at = 0; at < 5; at++, rest /= 5) {
            order[at] = (uint8_t)(rest % 5);
            seen |= 1u << order[at];
        }
        if (seen != 31)
            continue;
        quire_memory_map_t map;
        quire_memory_map_init(&map, storage, MANY);
        forget_model();
        for (unsigned at = 0; at < 5; at++) {
            quire_memory_kind_t kind = (quire_memory_kind_t)entries[order[at]].kind;
            CHECK_OK(quire_memory_map_add(&map, quire_pa(entries[order[at]].first * (uint64_t)UNIT_BYTES),
                                          entries[order[at]].count * (uint64_t)UNIT_BYTES, kind));
            model_add(entries[order[at]].first, entries[order[at]].count, kind);
            check_same(&map);
        }
    }
}

static void add_random(quire_memory_map_t *map, bool must_fit)
{
    size_t first = (size_t)test_random_below(UNITS);
    size_t count = (size_t)test_random_below(test_random_below(8) == 0 ? UNITS : 8);
    quire_memory_kind_t kind = (quire_memory_kind_t)(1 + test_random_below(QUIRE_MEMORY_KINDS - 1));

    if (test_random_below(2) == 0)
        kind = QUIRE_MEMORY_USABLE;
    if (first + count > UNITS)
        count = UNITS - first;
    quire_status_t status = quire_memory_map_add(map, quire_pa(first * UNIT_BYTES), count * UNIT_BYTES, kind);
    CHECK(status == QUIRE_OK || (!must_fit && status == QUIRE_NO_MEMORY));
    CHECK(status == QUIRE_OK || map->truncated);
    model_add(first, count, kind);
}

TEST(memory_map, random_entries_with_room)
{
    for (unsigned run = 0; run < 200 * test_effort(); run++) {
        static quire_memory_region_t roomy[UNITS + 2];
        quire_memory_map_t map;
        quire_memory_map_init(&map, roomy, UNITS + 2);
        forget_model();
        for (unsigned step = 0; step < 24; step++) {
            add_random(&map, true);
            check_same(&map);
        }
        CHECK(!map.truncated);
    }
}

/* With too small an array, usable memory may be lost, but nothing becomes usable that should not be. */
TEST(memory_map, random_entries_without_room)
{
    for (unsigned run = 0; run < 400 * test_effort(); run++) {
        quire_memory_map_t map;
        quire_memory_map_init(&map, storage, 4 + run % 5);
        forget_model();
        for (unsigned step = 0; step < 30; step++) {
            add_random(&map, false);
            CHECK_OK(quire_memory_map_check(&map));
            for (size_t at = 0; at < UNITS; at++) {
                quire_memory_kind_t kind = kind_at(&map, at * UNIT_BYTES);
                CHECK(kind != QUIRE_MEMORY_USABLE || model[at] == QUIRE_MEMORY_USABLE);
                CHECK(model[at] <= QUIRE_MEMORY_USABLE || kind > QUIRE_MEMORY_USABLE);
                CHECK(map.truncated || kind == model[at]);
            }
        }
    }
}

TEST(memory_map, thousands_of_entries)
{
    quire_memory_map_t map;

    quire_memory_map_init(&map, storage, MANY);
    for (uint64_t at = 0; at < 4000; at++) {
        uint64_t start = at * 7919 % 4000 * 0x3000;
        quire_memory_kind_t kind = at % 3 == 0 ? QUIRE_MEMORY_RESERVED : QUIRE_MEMORY_USABLE;
        quire_status_t status = quire_memory_map_add(&map, quire_pa(start), 0x2000, kind);
        CHECK(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
    }
    CHECK(map.truncated);
    CHECK_OK(quire_memory_map_check(&map));
    for (uint64_t at = 0; at < 4000; at += 3) {
        uint64_t start = at * 7919 % 4000 * 0x3000;
        CHECK_EQUAL(quire_memory_map_bytes(&map, start, start + 0x2000, QUIRE_MEMORY_USABLE), 0);
    }
}

TEST(memory_map, bytes_of_a_kind)
{
    quire_memory_map_t map;

    quire_memory_map_init(&map, storage, MANY);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0x1000), 0x9000, QUIRE_MEMORY_USABLE));
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0x3000), 0x1800, QUIRE_MEMORY_KERNEL));
    CHECK_EQUAL(quire_memory_map_bytes(&map, 0, UINT64_MAX, QUIRE_MEMORY_USABLE), 0x7800);
    CHECK_EQUAL(quire_memory_map_bytes(&map, 0, UINT64_MAX, QUIRE_MEMORY_KERNEL), 0x1800);
    CHECK_EQUAL(quire_memory_map_bytes(&map, 0x2800, 0x3800, QUIRE_MEMORY_USABLE), 0x800);
    CHECK_EQUAL(quire_memory_map_bytes(&map, 0x3800, 0x3800, QUIRE_MEMORY_KERNEL), 0);
    CHECK_EQUAL(quire_memory_map_bytes(&map, 0, 0x1000, QUIRE_MEMORY_USABLE), 0);
}
