/* SPDX-License-Identifier: MIT */
/*
 * boot.c - tests of what the kernel takes from a boot loader: honest, careless and hostile ones.
 *
 * The test plays the loader in a small array that stands for all the memory that can be reached.
 */
#include "test.h"

#include "boot.h"

#define MEMORY_BYTES 65536
#define MULTIBOOT1   0x2BADB002
#define MULTIBOOT2   0x36D76289

static uint8_t *memory;
static boot_info_t *info;
static quire_memory_region_t storage[BOOT_REGIONS_MAX];
static quire_memory_map_t map;
static size_t peeked_bytes;

static bool peek(uint64_t pa, void *to, size_t bytes)
{
    if (pa >= MEMORY_BYTES || bytes > MEMORY_BYTES - pa)
        return false;
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)to)[i] = memory[pa + i];
    peeked_bytes += bytes;
    return true;
}

static void fresh(void)
{
    memory = test_memory(MEMORY_BYTES);
    info = test_memory((sizeof(boot_info_t) + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK);
    peeked_bytes = 0;
    quire_memory_map_init(&map, storage, BOOT_REGIONS_MAX);
}

static void put32(size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        memory[at + i] = (uint8_t)(value >> (8 * i));
}

static void put64(size_t at, uint64_t value)
{
    put32(at, (uint32_t)value);
    put32(at + 4, (uint32_t)(value >> 32));
}

static void put_string(size_t at, const char *text)
{
    do {
        memory[at++] = (uint8_t)*text;
    } while (*text++ != '\0');
}

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Whatever the loader said: counts within bounds, texts terminated. */
static void check_sound(void)
{
    bool terminated = false;

    CHECK(info->entry_count <= BOOT_ENTRIES_MAX);
    CHECK(info->module_count <= BOOT_MODULES_MAX);
    CHECK_OK(quire_memory_map_check(&map));
    for (size_t i = 0; i < sizeof(info->command_line); i++)
        terminated |= info->command_line[i] == '\0';
    CHECK(terminated);
    for (size_t i = 0; i < info->module_count; i++) {
        CHECK(info->modules[i].bytes > 0);
        CHECK(info->modules[i].start.value + info->modules[i].bytes > info->modules[i].start.value);
        CHECK_EQUAL(info->modules[i].name[sizeof(info->modules[i].name) - 1], 0);
    }
}

static void put_entry1(size_t at, uint64_t base, uint64_t bytes, uint32_t type)
{
    put32(at, 20);
    put64(at + 4, base);
    put64(at + 12, bytes);
    put32(at + 20, type);
}

TEST(boot, multiboot_1_is_read)
{
    fresh();
    put32(0x1000, 1u << 0 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9);
    put32(0x1000 + 16, 0x2000);
    put_string(0x2000, "kernel test=heap quiet");
    put32(0x1000 + 20, 1);
    put32(0x1000 + 24, 0x3000);
    put32(0x3000, 0x100000);
    put32(0x3004, 0x123456);
    put32(0x3008, 0x3100);
    put_string(0x3100, "initrd");
    put32(0x1000 + 44, 48);
    put32(0x1000 + 48, 0x4000);
    put_entry1(0x4000, 0, 0x9fc00, 1);
    put_entry1(0x4018, 0x100000000, 0x80000000, 1);
    put32(0x1000 + 64, 0x5000);
    put_string(0x5000, "a loader");

    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
    check_sound();
    CHECK(same(info->command_line, "kernel test=heap quiet"));
    CHECK(same(info->loader, "a loader"));
    CHECK_EQUAL(info->entry_count, 2);
    CHECK_EQUAL(info->entries[1].base, 0x100000000);
    CHECK_EQUAL(info->entries[1].bytes, 0x80000000);
    CHECK_EQUAL(info->module_count, 1);
    CHECK_EQUAL(info->modules[0].start.value, 0x100000);
    CHECK_EQUAL(info->modules[0].bytes, 0x23456);
    CHECK(same(info->modules[0].name, "initrd"));
}

TEST(boot, multiboot_1_without_a_map_has_lower_and_upper_memory)
{
    fresh();
    put32(0x1000, 1);
    put32(0x1004, 639);
    put32(0x1008, 7 << 10);
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
    CHECK_EQUAL(info->entry_count, 2);
    CHECK_EQUAL(info->entries[0].bytes, 639 << 10);
    CHECK_EQUAL(info->entries[1].base, 1 << 20);
    CHECK_EQUAL(info->entries[1].bytes, 7 << 20);
}

static size_t put_tag(size_t at, uint32_t type, uint32_t bytes)
{
    put32(at, type);
    put32(at + 4, bytes);
    return at + ((bytes + 7) & ~7u);
}

TEST(boot, multiboot_2_is_read)
{
    size_t at = 0x1008;

    fresh();
    put_string(at + 8, "quiet");
    at = put_tag(at, 1, 8 + 6);
    put32(at + 8, 0x200000);
    put32(at + 12, 0x200800);
    put_string(at + 16, "initrd.cpio");
    at = put_tag(at, 3, 16 + 12);
    put32(at + 8, 24);
    put64(at + 16, 0x100000);
    put64(at + 24, 0x700000);
    put32(at + 32, 1);
    at = put_tag(at, 6, 16 + 24);
    at = put_tag(at, 0, 8);
    put32(0x1000, (uint32_t)(at - 0x1000));

    CHECK(boot_read(MULTIBOOT2, 0x1000, peek, info, &map));
    check_sound();
    CHECK(same(info->command_line, "quiet"));
    CHECK_EQUAL(info->entry_count, 1);
    CHECK_EQUAL(info->entries[0].base, 0x100000);
    CHECK_EQUAL(info->entries[0].bytes, 0x700000);
    CHECK_EQUAL(info->entries[0].type, 1);
    CHECK_EQUAL(info->module_count, 1);
    CHECK_EQUAL(info->modules[0].bytes, 0x800);
    CHECK(same(info->modules[0].name, "initrd.cpio"));
}

TEST(boot, an_unknown_loader_is_refused)
{
    fresh();
    CHECK(!boot_read(0, 0x1000, peek, info, &map));
    CHECK(!boot_read(MULTIBOOT1 + 1, 0x1000, peek, info, &map));
}

TEST(boot, what_cannot_be_reached_is_left_out)
{
    fresh();
    CHECK(boot_read(MULTIBOOT1, MEMORY_BYTES - 4, peek, info, &map));
    CHECK(boot_read(MULTIBOOT2, UINT64_MAX, peek, info, &map));
    put32(0x1000, UINT32_MAX);
    for (size_t at = 4; at < 128; at += 4)
        put32(0x1000 + at, 0xfffffff0);
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
    check_sound();
    CHECK_EQUAL(info->module_count, 0);
    CHECK_EQUAL(info->command_line[0], 0);
}

static uint64_t bytes_of(quire_memory_kind_t kind)
{
    return quire_memory_map_bytes(&map, 0, UINT64_MAX, kind);
}

/* A map that leaves the memory we can reach: what it reserves is kept, what it calls usable is not believed. */
TEST(boot, a_map_without_end_is_not_believed)
{
    fresh();
    put32(0x1000, 1u << 6 | 1u << 0);
    put32(0x1004, 639);
    put32(0x1008, 7 << 10);
    put32(0x1000 + 44, UINT32_MAX);
    put32(0x1000 + 48, 0x1100);
    for (size_t at = 0x1100; at + 24 < MEMORY_BYTES; at += 24)
        put_entry1(at, at << 12, 0x1000, 1);
    put_entry1(0x1100, 0x200000, 0x1000, 2);
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
    check_sound();
    CHECK(info->map_doubtful);
    CHECK_EQUAL(bytes_of(QUIRE_MEMORY_USABLE), (639 << 10) + (7 << 20) - 0x1000);
    CHECK(peeked_bytes < 3 * MEMORY_BYTES);
}

/* As many as there are, however many: the last one reserves what the first calls usable. */
TEST(boot, no_entry_is_lost)
{
    static const size_t counts[] = {1, 2, BOOT_ENTRIES_MAX, BOOT_ENTRIES_MAX + 1, 1024, 1100, 2500};

    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t count = counts[i];
        fresh();
        put32(0x1000, 1u << 6);
        put32(0x1000 + 44, (uint32_t)count * 24);
        put32(0x1000 + 48, 0x1100);
        for (size_t at = 0; at < count; at++)
            put_entry1(0x1100 + 24 * at, 0x10000000 + 0x2000 * at, 0x1000, 1);
        put_entry1(0x1100, 0x100000, 64 << 20, 1);
        put_entry1(0x1100 + 24 * (count - 1), 0x200000, 0x100000, 2);
        CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
        check_sound();
        CHECK(!info->map_doubtful);
        CHECK_EQUAL(info->entry_count + info->entries_more, count);
        CHECK_EQUAL(quire_memory_map_bytes(&map, 0x200000, 0x300000, QUIRE_MEMORY_USABLE), 0);
        CHECK_EQUAL(map.truncated, count > BOOT_REGIONS_MAX);
        if (!map.truncated)
            CHECK_EQUAL(bytes_of(QUIRE_MEMORY_USABLE), count == 1 ? 0 : (63 << 20) + (uint64_t)0x1000 * (count - 2));
    }
}

TEST(boot, entries_of_size_zero_do_not_loop)
{
    fresh();
    put32(0x1000, 1u << 6);
    put32(0x1000 + 44, 0x1000);
    put32(0x1000 + 48, 0x2000);
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
    CHECK_EQUAL(info->entry_count, 0);

    put32(0x1000, 0x1000);
    CHECK(boot_read(MULTIBOOT2, 0x1000, peek, info, &map));
    put_tag(0x1008, 6, 0x800);
    CHECK(boot_read(MULTIBOOT2, 0x1000, peek, info, &map));
    CHECK_EQUAL(info->entry_count, 0);
}

/* A tag or an entry that is cut: the rest of the map may have said anything. */
TEST(boot, a_map_that_is_cut_is_not_believed)
{
    for (uint32_t lost = 0; lost < 24; lost++) {
        size_t at = 0x1008;
        fresh();
        put32(at + 8, 640);
        put32(at + 12, 1024);
        at = put_tag(at, 4, 16);
        put32(at + 8, 24);
        put64(at + 16, 0x100000);
        put64(at + 24, 0x4000000);
        put32(at + 32, 1);
        put64(at + 40, 0x110000);
        put64(at + 48, 0x1000);
        put32(at + 56, 2);
        at = put_tag(at, 6, 16 + 48 - lost);
        at = put_tag(at, 0, 8);
        put32(0x1000, (uint32_t)(at - 0x1000));
        CHECK(boot_read(MULTIBOOT2, 0x1000, peek, info, &map));
        CHECK_EQUAL(info->map_doubtful, lost != 0);
        CHECK_EQUAL(bytes_of(QUIRE_MEMORY_USABLE), lost == 0 ? 0x4000000 - 0x1000 : (640 << 10) + (1 << 20));
    }
}

TEST(boot, modules_that_are_none)
{
    fresh();
    put32(0x1000, 1u << 3);
    put32(0x1000 + 20, 5000);
    put32(0x1000 + 24, 0x2000);
    for (size_t at = 0x2000; at + 16 <= MEMORY_BYTES; at += 16) {
        put32(at, (uint32_t)at << 12);
        put32(at + 4, at < 0x2080 ? 0x1000 : at < 0x20c0 ? (uint32_t)at << 12 : ((uint32_t)at << 12) + 1);
    }
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
    check_sound();
    CHECK_EQUAL(info->modules_wrong, 8);
    CHECK_EQUAL(info->module_count, BOOT_MODULES_MAX);
    CHECK_EQUAL(info->modules_more, 5000 - 8 - 4 - BOOT_MODULES_MAX);
}

TEST(boot, a_command_line_that_is_too_long_is_told)
{
    for (unsigned length = 1020; length < 1027; length++) {
        fresh();
        put32(0x1000, 1u << 2);
        put32(0x1000 + 16, 0x2000);
        for (size_t at = 0; at < length; at++)
            memory[0x2000 + at] = 'x';
        CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info, &map));
        CHECK_EQUAL(info->command_line_cut, length > 1023);
    }
}

/* Plausible words rather than noise, so that the reader gets far. */
static uint32_t plausible_word(void)
{
    switch (test_random_below(5)) {
    case 0:
        return (uint32_t)test_random_below(32);
    case 1:
        return (uint32_t)test_random_below(MEMORY_BYTES);
    case 2:
        return (uint32_t)test_random_below(256) + MEMORY_BYTES - 128;
    case 3:
        return (uint32_t)test_random();
    default:
        return 0;
    }
}

TEST(boot, random_information_is_survived)
{
    fresh();
    for (unsigned round = 0; round < 100 * test_effort(); round++) {
        for (size_t at = 0; at < 4096; at += 4)
            put32(0x1000 + at, plausible_word());
        *info = (boot_info_t){0};
        quire_memory_map_init(&map, storage, BOOT_REGIONS_MAX);
        CHECK(boot_read(test_random() & 1 ? MULTIBOOT1 : MULTIBOOT2, 0x1000 + test_random_below(64), peek, info, &map));
        check_sound();
    }
}
