/* SPDX-License-Identifier: MIT */
/*
 * boot.c - any bytes at all as what a boot loader left in memory, by Multiboot 1 or 2.
 *
 *     make fuzz && build/host/fuzz/fuzz-boot -max_total_time=60 [CORPUS]
 *
 * The first byte says which, the rest is memory from address 0x1000 on, where the information begins. What is read must
 * be sound: counts within bounds, texts ended, a map that passes its check; every module that is used lies in usable
 * memory, below the limit, apart from the kernel and the others.
 */
#include <string.h>

#include "boot.h"

#define START     0x1000u
#define LIMIT     ((uint64_t)1 << 36)
#define IMAGE     ((uint64_t)1 << 20)
#define IMAGE_END ((uint64_t)3 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *memory;
static size_t memory_bytes;

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool peek(uint64_t pa, void *to, size_t bytes)
{
    if (pa < START || pa - START > memory_bytes || bytes > memory_bytes - (size_t)(pa - START))
        return false;
    memcpy(to, memory + (pa - START), bytes);
    return true;
}

static void check_module(const boot_info_t *info, size_t number, const quire_memory_map_t *map)
{
    const boot_module_t *module = &info->modules[number];
    uint64_t start = module->start.value;
    uint64_t end = start + module->bytes;

    require(end > start && memchr(module->name, 0, sizeof(module->name)) != NULL);
    if (module->refused != BOOT_NOT_REFUSED)
        return;
    require(end <= LIMIT && (end <= IMAGE || start >= IMAGE_END));
    /* With room in the map it is exact. */
    if (!map->truncated)
        require(quire_memory_map_bytes(map, start, end, QUIRE_MEMORY_MODULE) == module->bytes);
    for (size_t i = 0; i < number; i++) {
        const boot_module_t *other = &info->modules[i];
        if (other->refused == BOOT_NOT_REFUSED)
            require(end <= other->start.value || other->start.value + other->bytes <= start);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const boot_machine_t machine = {LIMIT, IMAGE, IMAGE_END};
    static quire_memory_region_t storage[64];
    static boot_info_t info;
    quire_memory_map_t map;

    if (size < 1)
        return 0;
    memory = data + 1;
    memory_bytes = size - 1;
    memset(&info, 0, sizeof(info));
    quire_memory_map_init(&map, storage, 64);
    require(boot_read(data[0] & 1 ? 0x2BADB002 : 0x36D76289, START, peek, &info, &map));
    require(info.entry_count <= BOOT_ENTRIES_MAX && info.module_count <= BOOT_MODULES_MAX);
    require(memchr(info.command_line, 0, sizeof(info.command_line)) != NULL);
    require(memchr(info.loader, 0, sizeof(info.loader)) != NULL);
    require(quire_memory_map_check(&map) == QUIRE_OK);
    (void)boot_complete_map(&info, &machine, &map);
    require(quire_memory_map_check(&map) == QUIRE_OK);
    require(quire_memory_map_bytes(&map, LIMIT, UINT64_MAX, QUIRE_MEMORY_USABLE) == 0);
    require(quire_memory_map_bytes(&map, IMAGE, IMAGE_END, QUIRE_MEMORY_USABLE) == 0);
    for (size_t i = 0; i < info.module_count; i++)
        check_module(&info, i, &map);
    return 0;
}
