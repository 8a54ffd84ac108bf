/* SPDX-License-Identifier: MIT */
/* take.c - the boot allocator in the map, and how regions become frames. */
#include "test.h"

#define MANY 64

static quire_memory_region_t storage[MANY];

TEST(memory_map, frames_of_a_region)
{
    uint64_t first = 77;
    quire_memory_region_t region = {0x1800, 0x4800, QUIRE_MEMORY_USABLE};

    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 2);
    CHECK_EQUAL(first, 2);
    region.kind = QUIRE_MEMORY_RESERVED;
    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 4);
    CHECK_EQUAL(first, 1);

    first = 77;
    region = (quire_memory_region_t){0x1001, 0x2fff, QUIRE_MEMORY_USABLE};
    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 0);
    CHECK_EQUAL(first, 77);
    region = (quire_memory_region_t){0, 0x3000, QUIRE_MEMORY_USABLE};
    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 2);
    CHECK_EQUAL(first, 1);
    region = (quire_memory_region_t){0, 0x1000, QUIRE_MEMORY_USABLE};
    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 0);
    region = (quire_memory_region_t){UINT64_MAX - 0x1fff, UINT64_MAX, QUIRE_MEMORY_USABLE};
    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 2);
    CHECK_EQUAL(first, ((uint64_t)1 << 52) - 2);
    region = (quire_memory_region_t){UINT64_MAX - 1, UINT64_MAX, QUIRE_MEMORY_USABLE};
    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 0);
    /* The same number of bytes just above 4 GiB, where 32-bit arithmetic would wrap. */
    region = (quire_memory_region_t){0x100000001, 0x100003000, QUIRE_MEMORY_USABLE};
    CHECK_EQUAL(quire_memory_map_frames(&region, &first), 2);
    CHECK_EQUAL(first, 0x100001);
}

TEST(memory_map, take_from_the_top)
{
    const quire_pa_t no_limit = {UINT64_MAX};
    quire_memory_map_t map;
    quire_pa_t pa;

    quire_memory_map_init(&map, storage, MANY);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0), 0x10000, QUIRE_MEMORY_USABLE));
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0x20800), 0x10000, QUIRE_MEMORY_USABLE));
    CHECK_OK(quire_memory_map_take(&map, 0x1000, 0x1000, no_limit, &pa));
    CHECK_EQUAL(pa.value, 0x2f000);
    CHECK_OK(quire_memory_map_take(&map, 0x1000, 0x4000, no_limit, &pa));
    CHECK_EQUAL(pa.value, 0x2c000);
    CHECK_OK(quire_memory_map_take(&map, 0x1001, 0x1000, quire_pa(0x2a000), &pa));
    CHECK_EQUAL(pa.value, 0x28000);
    CHECK_OK(quire_memory_map_take(&map, 0xf000, 0x1000, no_limit, &pa));
    CHECK_EQUAL(pa.value, 0x1000);
    /* What is left of the low region is frame 0. */
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0x1000, quire_pa(0x10000), &pa), QUIRE_NO_MEMORY);
    CHECK_OK(quire_memory_map_check(&map));
    CHECK_EQUAL(quire_memory_map_bytes(&map, 0, UINT64_MAX, QUIRE_MEMORY_METADATA), 0x13000);
}

TEST(memory_map, take_refuses)
{
    const quire_pa_t no_limit = {UINT64_MAX};
    quire_memory_map_t map;
    quire_pa_t pa = {123};

    quire_memory_map_init(&map, storage, MANY);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0x100000), 0x100000, QUIRE_MEMORY_USABLE));
    CHECK_EQUAL(quire_memory_map_take(&map, 0, 0x1000, no_limit, &pa), QUIRE_INVALID);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0, no_limit, &pa), QUIRE_INVALID);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0x800, no_limit, &pa), QUIRE_INVALID);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0x3000, no_limit, &pa), QUIRE_INVALID);
    CHECK_EQUAL(quire_memory_map_take(&map, UINT64_MAX, 0x1000, no_limit, &pa), QUIRE_INVALID);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x101000, 0x1000, no_limit, &pa), QUIRE_NO_MEMORY);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0x400000, no_limit, &pa), QUIRE_NO_MEMORY);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, (uint64_t)1 << 63, no_limit, &pa), QUIRE_NO_MEMORY);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0x1000, quire_pa(0x100fff), &pa), QUIRE_NO_MEMORY);
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0x1000, quire_pa(0), &pa), QUIRE_NO_MEMORY);
    map.sealed = true;
    CHECK_EQUAL(quire_memory_map_take(&map, 0x1000, 0x1000, no_limit, &pa), QUIRE_DENIED);
    CHECK_EQUAL(pa.value, 123);
    CHECK_EQUAL(map.count, 1);
}

/* Whatever is taken was usable, is wholly below the limit, and is never given twice, even in a full array. */
TEST(memory_map, random_takes)
{
    for (unsigned run = 0; run < 100 * test_effort(); run++) {
        quire_memory_map_t map;
        quire_memory_map_init(&map, storage, run % 2 == 0 ? 6 : MANY);
        for (unsigned at = 0; at < 6; at++) {
            quire_memory_kind_t kind = at % 3 == 2 ? QUIRE_MEMORY_RESERVED : QUIRE_MEMORY_USABLE;
            quire_status_t status =
                quire_memory_map_add(&map, quire_pa(test_random_below(1 << 20)), test_random_below(1 << 18), kind);
            CHECK(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        }
        for (unsigned step = 0; step < 16; step++) {
            uint64_t usable = quire_memory_map_bytes(&map, 0, UINT64_MAX, QUIRE_MEMORY_USABLE);
            uint64_t bytes = 0x1000 * (1 + test_random_below(6));
            uint64_t align = (uint64_t)0x1000 << test_random_below(4);
            uint64_t limit = test_random_below(1 << 21);
            static quire_memory_region_t before[MANY];
            size_t count = map.count;
            for (size_t at = 0; at < count; at++)
                before[at] = map.regions[at];
            quire_memory_map_t old = {.regions = before, .count = count, .capacity = MANY};
            quire_pa_t pa;
            if (quire_memory_map_take(&map, bytes, align, quire_pa(limit), &pa) != QUIRE_OK)
                continue;
            CHECK(pa.value >= 0x1000 && pa.value % align == 0 && pa.value + bytes <= limit);
            CHECK_EQUAL(quire_memory_map_bytes(&old, pa.value, pa.value + bytes, QUIRE_MEMORY_USABLE), bytes);
            CHECK_EQUAL(quire_memory_map_bytes(&map, pa.value, pa.value + bytes, QUIRE_MEMORY_METADATA), bytes);
            CHECK(quire_memory_map_bytes(&map, 0, UINT64_MAX, QUIRE_MEMORY_USABLE) <= usable - bytes);
            CHECK_OK(quire_memory_map_check(&map));
        }
    }
}

TEST(memory_map, a_sealed_map_gives_nothing_away)
{
    const quire_pa_t no_limit = {UINT64_MAX};
    quire_memory_map_t map;
    quire_pa_t pa = {77};

    quire_memory_map_init(&map, storage, MANY);
    CHECK_OK(quire_memory_map_add(&map, quire_pa(0), 0x10000, QUIRE_MEMORY_USABLE));
    map.sealed = true;
    CHECK(quire_memory_map_take(&map, 0x1000, 0x1000, no_limit, &pa) != QUIRE_OK);
    CHECK_EQUAL(pa.value, 77);
}

TEST(memory_map, the_check_finds_every_broken_rule)
{
    static const quire_memory_region_t broken[][2] = {
        {{0x2000, 0x2000, QUIRE_MEMORY_USABLE}, {0x3000, 0x4000, QUIRE_MEMORY_USABLE}},
        {{0x1000, 0x2000, (quire_memory_kind_t)0}, {0x3000, 0x4000, QUIRE_MEMORY_USABLE}},
        {{0x1000, 0x2000, QUIRE_MEMORY_KINDS}, {0x3000, 0x4000, QUIRE_MEMORY_USABLE}},
        {{0x1000, 0x3001, QUIRE_MEMORY_USABLE}, {0x3000, 0x4000, QUIRE_MEMORY_RESERVED}},
        {{0x1000, 0x3000, QUIRE_MEMORY_USABLE}, {0x3000, 0x4000, QUIRE_MEMORY_USABLE}},
    };
    quire_memory_map_t map;

    for (size_t at = 0; at < sizeof(broken) / sizeof(broken[0]); at++) {
        quire_memory_map_init(&map, storage, MANY);
        storage[0] = broken[at][0];
        storage[1] = broken[at][1];
        map.count = 2;
        CHECK_EQUAL(quire_memory_map_check(&map), QUIRE_CORRUPT);
    }
    quire_memory_map_init(&map, storage, MANY);
    map.count = MANY + 1;
    CHECK_EQUAL(quire_memory_map_check(&map), QUIRE_CORRUPT);
}
