/* SPDX-License-Identifier: MIT */
/*
 * memory_map.c - any entries at all as a firmware's map, against an oracle that keeps a kind for each part of the
 * address space; then a PMM over what came out.
 *
 *     make fuzz && build/host/fuzz/fuzz-memory_map -max_total_time=60 [CORPUS]
 *
 * The first byte is the room for regions; then entries of 17 bytes: start, length, type of E820. What the map calls
 * usable must be so for the oracle; with room enough they agree to the byte. A PMM must come up over it or refuse, pass
 * its own check, and give no frame twice nor any that is not usable.
 */
#include <stdlib.h>
#include <string.h>

#include <quire/quire.h>

#define ENTRIES_MAX 40
#define PARTS_MAX   (2 * ENTRIES_MAX + 2)
#define ENTRY_BYTES 17
#define LIMIT       ((uint64_t)1 << 26)
#define RECORDS_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t starts[PARTS_MAX];
static uint8_t kinds[PARTS_MAX]; /* of [starts[i], starts[i + 1]) */
static size_t part_count;
static _Alignas(4096) uint8_t records[RECORDS_MAX];

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

/* Begins a part at `address`. */
static size_t split_at(uint64_t address)
{
    size_t at = part_count;

    while (starts[at - 1] > address)
        at--;
    if (starts[at - 1] == address)
        return at - 1;
    memmove(&starts[at + 1], &starts[at], (part_count - at) * sizeof(starts[0]));
    memmove(&kinds[at + 1], &kinds[at], part_count - at);
    starts[at] = address;
    kinds[at] = kinds[at - 1];
    part_count++;
    return at;
}

static void oracle_add(uint64_t start, uint64_t bytes, uint8_t kind)
{
    uint64_t end = bytes > UINT64_MAX - start ? UINT64_MAX : start + bytes;

    if (start >= end)
        return;
    (void)split_at(start);
    size_t last = split_at(end);
    for (size_t at = split_at(start); at < last; at++)
        kinds[at] = kinds[at] > kind ? kinds[at] : kind;
}

static void compare(const quire_memory_map_t *map)
{
    for (size_t at = 0; at < part_count; at++) {
        uint64_t end = at + 1 < part_count ? starts[at + 1] : UINT64_MAX;
        uint64_t usable = quire_memory_map_bytes(map, starts[at], end, QUIRE_MEMORY_USABLE);
        require(usable == 0 || kinds[at] == QUIRE_MEMORY_USABLE);
        for (unsigned kind = QUIRE_MEMORY_USABLE; kind < QUIRE_MEMORY_KINDS && !map->truncated; kind++) {
            uint64_t bytes = quire_memory_map_bytes(map, starts[at], end, (quire_memory_kind_t)kind);
            require(bytes == (kind == kinds[at] ? end - starts[at] : 0));
        }
    }
}

static void use(quire_memory_map_t *map)
{
    static uint8_t seen[LIMIT >> QUIRE_PAGE_SHIFT];
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST};
    size_t bytes = quire_pmm_metadata_bytes(map, quire_pa(LIMIT));
    quire_pmm_t pmm;
    quire_pmm_stats_t stats;
    quire_frame_t frame;
    size_t count = 0;

    if (bytes == 0 || bytes > RECORDS_MAX)
        return;
    require(quire_pmm_init(&pmm, map, quire_pa(LIMIT), records, bytes) == QUIRE_OK);
    quire_pmm_stats(&pmm, &stats);
    memset(seen, 0, sizeof(seen));
    while (quire_pmm_alloc(&pmm, request, &frame) == QUIRE_OK) {
        uint64_t start = quire_pa_of_frame(frame).value;
        require(start != 0 && start < LIMIT && !seen[frame.number]);
        require(quire_memory_map_bytes(map, start, start + QUIRE_PAGE_BYTES, QUIRE_MEMORY_USABLE) == QUIRE_PAGE_BYTES);
        seen[frame.number] = 1;
        count++;
    }
    require(count == stats.total_frames && quire_pmm_check(&pmm) == QUIRE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static quire_memory_region_t storage[256];
    quire_memory_map_t map;

    if (size < 1)
        return 0;
    quire_memory_map_init(&map, storage, 4 + data[0] % (256 - 4));
    part_count = 1;
    starts[0] = 0;
    kinds[0] = 0;
    for (size_t at = 1, count = 0; at + ENTRY_BYTES <= size && count < ENTRIES_MAX; at += ENTRY_BYTES, count++) {
        uint64_t start;
        uint64_t bytes;
        memcpy(&start, data + at, 8);
        memcpy(&bytes, data + at + 8, 8);
        quire_memory_kind_t kind = quire_memory_kind_of_e820(data[at + 16]);
        quire_status_t status = quire_memory_map_add(&map, quire_pa(start), bytes, kind);
        require(quire_memory_map_check(&map) == QUIRE_OK);
        require(status == QUIRE_OK || status == (kind == QUIRE_MEMORY_NONE ? QUIRE_INVALID : QUIRE_NO_MEMORY));
        if (kind != QUIRE_MEMORY_NONE)
            oracle_add(start, bytes, (uint8_t)kind);
    }
    compare(&map);
    use(&map);
    return 0;
}
