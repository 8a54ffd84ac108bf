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

    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info));
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
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info));
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

    CHECK(boot_read(MULTIBOOT2, 0x1000, peek, info));
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
    CHECK(!boot_read(0, 0x1000, peek, info));
    CHECK(!boot_read(MULTIBOOT1 + 1, 0x1000, peek, info));
}

TEST(boot, what_cannot_be_reached_is_left_out)
{
    fresh();
    CHECK(boot_read(MULTIBOOT1, MEMORY_BYTES - 4, peek, info));
    CHECK(boot_read(MULTIBOOT2, UINT64_MAX, peek, info));
    put32(0x1000, UINT32_MAX);
    for (size_t at = 4; at < 128; at += 4)
        put32(0x1000 + at, 0xfffffff0);
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info));
    check_sound();
    CHECK_EQUAL(info->module_count, 0);
    CHECK_EQUAL(info->command_line[0], 0);
}

TEST(boot, a_map_without_end_fills_the_table_once)
{
    fresh();
    put32(0x1000, 1u << 6);
    put32(0x1000 + 44, UINT32_MAX);
    put32(0x1000 + 48, 0x1100);
    for (size_t at = 0x1100; at + 24 < MEMORY_BYTES; at += 24)
        put_entry1(at, 0x100000, 0x1000, 1);
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info));
    check_sound();
    CHECK_EQUAL(info->entry_count, BOOT_ENTRIES_MAX);
    CHECK(info->entries_lost);
    CHECK(peeked_bytes < 2 * 24 * BOOT_ENTRIES_MAX);
}

TEST(boot, entries_of_size_zero_do_not_loop)
{
    fresh();
    put32(0x1000, 1u << 6);
    put32(0x1000 + 44, 0x1000);
    put32(0x1000 + 48, 0x2000);
    CHECK(boot_read(MULTIBOOT1, 0x1000, peek, info));
    CHECK_EQUAL(info->entry_count, 0);

    put32(0x1000, 0x1000);
    CHECK(boot_read(MULTIBOOT2, 0x1000, peek, info));
    put_tag(0x1008, 6, 0x800);
    CHECK(boot_read(MULTIBOOT2, 0x1000, peek, info));
    CHECK_EQUAL(info->entry_count, 0);
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
        CHECK(boot_read(test_random() & 1 ? MULTIBOOT1 : MULTIBOOT2, 0x1000 + test_random_below(64), peek, info));
        check_sound();
    }
}
