/* SPDX-License-Identifier: MIT */
/* support.c - the watched source, and what every test of the heap expects after each step. */
#include "support.h"

#include "string.h"

static size_t chunks_for(const heap_home_t *home, size_t bytes)
{
    return (bytes + home->offset + HEAP_CHUNK_BYTES - 1) / HEAP_CHUNK_BYTES;
}

/* The first run of free chunks that is long enough, or HEAP_CHUNKS. */
static size_t find_run(const heap_home_t *home, size_t chunks)
{
    size_t run = 0;

    for (size_t i = 0; i < HEAP_CHUNKS; i++) {
        run = home->taken[i] ? 0 : run + 1;
        if (run == chunks)
            return i + 1 - chunks;
    }
    return HEAP_CHUNKS;
}

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    heap_home_t *home = context;
    size_t chunks = chunks_for(home, bytes);
    size_t first = chunks > HEAP_CHUNKS ? HEAP_CHUNKS : find_run(home, chunks);

    home->grow_calls++;
    if (home->grows_left == 0 || first == HEAP_CHUNKS)
        return QUIRE_NO_MEMORY;
    if (home->grows_left != SIZE_MAX)
        home->grows_left--;
    for (size_t i = 0; i < chunks; i++)
        home->taken[first + i] = true;
    home->length[first] = (uint16_t)chunks;
    home->extents++;
    if (home->touched_bytes < (first + chunks) * HEAP_CHUNK_BYTES)
        home->touched_bytes = (first + chunks) * HEAP_CHUNK_BYTES;
    *memory = home->arena + first * HEAP_CHUNK_BYTES + home->offset;
    *memory_bytes = chunks * HEAP_CHUNK_BYTES - home->offset;
    memset(*memory, 0xa5, *memory_bytes);
    return QUIRE_OK;
}

static void shrink(void *context, void *memory, size_t bytes)
{
    heap_home_t *home = context;
    size_t from_arena = (size_t)((uint8_t *)memory - home->arena) - home->offset;
    size_t first = from_arena / HEAP_CHUNK_BYTES;
    size_t chunks;

    CHECK_EQUAL(from_arena % HEAP_CHUNK_BYTES, 0);
    CHECK(first < HEAP_CHUNKS);
    chunks = home->length[first];
    CHECK(chunks != 0);
    CHECK_EQUAL(bytes, chunks * HEAP_CHUNK_BYTES - home->offset);
    memset(memory, 0xd5, bytes);
    for (size_t i = 0; i < chunks; i++)
        home->taken[first + i] = false;
    home->length[first] = 0;
    home->extents--;
}

static void report(void *context, const char *what, const void *address)
{
    heap_home_t *home = context;

    home->reports++;
    home->what = what;
    home->address = address;
}

heap_home_t *heap_home(void)
{
    heap_home_t *home = test_memory(sizeof(*home));

    home->arena = test_memory(HEAP_ARENA_BYTES);
    home->snapshot = test_memory(sizeof(home->heap) + HEAP_ARENA_BYTES);
    home->grows_left = SIZE_MAX;
    quire_heap_init(&home->heap, &(quire_heap_source_t){
                                     .context = home, .grow = grow, .shrink = shrink, .grow_bytes = HEAP_GROW_BYTES});
    home->heap.report = report;
    home->heap.report_context = home;
    return home;
}

void heap_expect_sound(heap_home_t *home)
{
    quire_heap_stats_t stats;

    CHECK_OK(quire_heap_check(&home->heap));
    CHECK_EQUAL(home->reports, 0);
    quire_heap_stats(&home->heap, &stats);
    CHECK_EQUAL(stats.extents, home->extents);
    CHECK_EQUAL(stats.grows - stats.shrinks, home->extents);
    CHECK_EQUAL(stats.used_bytes + stats.free_bytes + stats.overhead_bytes, stats.source_bytes);
    CHECK(stats.used_blocks * HEAP_LEAST_BYTES <= stats.used_bytes);
    CHECK(stats.free_blocks * HEAP_LEAST_BYTES <= stats.free_bytes);
    CHECK(stats.largest_free_bytes <= stats.free_bytes);
    CHECK((stats.largest_free_bytes == 0) == (stats.free_blocks == 0));
    CHECK_EQUAL(stats.allocs - stats.frees, stats.used_blocks);
}

void heap_remember(heap_home_t *home)
{
    memcpy(home->snapshot, &home->heap, sizeof(home->heap));
    memcpy(home->snapshot + sizeof(home->heap), home->arena, home->touched_bytes);
}

/* The lock belongs to the port, which may leave in it what it likes. */
void heap_expect_unchanged(const heap_home_t *home)
{
    const size_t lock_bytes = sizeof(home->heap.lock);

    CHECK(memcmp(home->snapshot + lock_bytes, (const uint8_t *)&home->heap + lock_bytes,
                 sizeof(home->heap) - lock_bytes) == 0);
    CHECK(memcmp(home->snapshot + sizeof(home->heap), home->arena, home->touched_bytes) == 0);
}

void heap_expect_report(heap_home_t *home, const void *address)
{
    CHECK_EQUAL(home->reports, 1);
    CHECK(home->what != NULL && home->what[0] != '\0');
    CHECK_EQUAL((uintptr_t)home->address, (uintptr_t)address);
    home->reports = 0;
}

bool heap_report_says(const heap_home_t *home, const char *words)
{
    for (const char *from = home->what; *from != '\0'; from++) {
        size_t at = 0;

        while (words[at] != '\0' && from[at] == words[at])
            at++;
        if (words[at] == '\0')
            return true;
    }
    return false;
}

void heap_allocate_three(heap_home_t *home, void *blocks[3])
{
    for (unsigned i = 0; i < 3; i++)
        blocks[i] = quire_heap_alloc(&home->heap, 200);
    CHECK(quire_heap_alloc(&home->heap, 10) != NULL);
    CHECK((uintptr_t)blocks[0] < (uintptr_t)blocks[1] && (uintptr_t)blocks[1] < (uintptr_t)blocks[2]);
}

void heap_expect_refused(heap_home_t *home, void *block, const void *address)
{
    heap_remember(home);
    quire_heap_free(&home->heap, block);
    heap_expect_report(home, address);
    CHECK(quire_heap_realloc(&home->heap, block, 50) == NULL);
    heap_expect_report(home, address);
    CHECK(quire_heap_realloc(&home->heap, block, 5000) == NULL);
    heap_expect_report(home, address);
    CHECK_EQUAL(quire_heap_usable_bytes(&home->heap, block), 0);
    heap_expect_report(home, address);
    heap_expect_unchanged(home);
}

static uint8_t pattern(size_t at, unsigned seed)
{
    return (uint8_t)(at * 7 + seed * 31 + (at >> 8));
}

void heap_fill(void *block, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)block)[i] = pattern(i, seed);
}

bool heap_is_filled(const void *block, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++) {
        if (((const uint8_t *)block)[i] != pattern(i, seed))
            return false;
    }
    return true;
}
