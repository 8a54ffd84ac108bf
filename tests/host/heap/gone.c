/* SPDX-License-Identifier: MIT */
/*
 * gone.c - a heap whose memory really goes: what is given back can be neither read nor written any more.
 *
 * So a call that looks at memory which is not the heap's ends the program. Large and small blocks come and go until the
 * heap lies on many islands; in between, pointers of every kind are passed to it: freed before, into the middle of
 * blocks, into holes, beyond the ends. Links of free blocks are made to lead into the holes, too.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "host.h"

#define ARENA_PAGES 4096
#define PAGE        4096u
#define SLOTS       64
#define OLD         256

static struct {
    quire_heap_t heap;
    char *arena;
    bool taken[ARENA_PAGES];
    char *blocks[SLOTS];
    char *old[OLD]; /* given once */
    unsigned reports;
} home;

static quire_status_t grow(void *context, size_t bytes, void **memory, size_t *memory_bytes)
{
    size_t pages = (bytes + PAGE - 1) / PAGE;
    size_t run = 0;

    (void)context;
    for (size_t i = 0; i < ARENA_PAGES; i++) {
        run = home.taken[i] ? 0 : run + 1;
        if (run < pages)
            continue;
        *memory = home.arena + (i + 1 - pages) * PAGE;
        *memory_bytes = pages * PAGE;
        for (size_t page = i + 1 - pages; page <= i; page++)
            home.taken[page] = true;
        CHECK(mprotect(*memory, *memory_bytes, PROT_READ | PROT_WRITE) == 0);
        return QUIRE_OK;
    }
    return QUIRE_NO_MEMORY;
}

static void shrink(void *context, void *memory, size_t bytes)
{
    (void)context;
    for (size_t page = 0; page < bytes / PAGE; page++)
        home.taken[((char *)memory - home.arena) / PAGE + page] = false;
    CHECK(mmap(memory, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory);
}

static void report(void *context, const char *what, const void *address)
{
    (void)context;
    (void)what;
    (void)address;
    home.reports++;
}

static void start(void)
{
    home.arena = mmap(NULL, ARENA_PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(home.arena != MAP_FAILED);
    quire_heap_init(&home.heap,
                    &(quire_heap_source_t){.grow = grow, .shrink = shrink, .grow_bytes = 2 * PAGE, .keep_bytes = PAGE});
    home.heap.report = report;
}

static void stop(void)
{
    CHECK_OK(quire_heap_check(&home.heap));
    CHECK_EQUAL(home.reports, 0);
    quire_heap_destroy(&home.heap);
    munmap(home.arena, ARENA_PAGES * PAGE);
}

static void step(void)
{
    char **slot = &home.blocks[test_random_below(SLOTS)];
    size_t bytes = (size_t)test_random_below((uint64_t)1 << (4 + test_random_below(14)));

    if (*slot == NULL) {
        *slot = quire_heap_alloc(&home.heap, bytes);
    } else if (test_random_below(3) == 0) {
        char *moved = quire_heap_realloc(&home.heap, *slot, bytes);

        *slot = moved != NULL ? moved : *slot;
    } else {
        quire_heap_free(&home.heap, *slot);
        *slot = NULL;
    }
    if (*slot != NULL)
        home.old[test_random_below(OLD)] = *slot;
    CHECK_EQUAL(home.reports, 0);
}

/* Any address that no block has now. */
static char *hostile_address(void)
{
    char *address = home.old[test_random_below(OLD)];

    if (address == NULL || test_random_below(2) == 0)
        address = home.arena + test_random_below((ARENA_PAGES + 2) * PAGE / 8) * 8 - PAGE;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (home.blocks[i] == address)
            return NULL;
    }
    return address;
}

static void misuse(void)
{
    char *address = hostile_address();

    if (address == NULL)
        return;
    switch (test_random_below(3)) {
    case 0:
        quire_heap_free(&home.heap, address);
        break;
    case 1:
        CHECK(quire_heap_realloc(&home.heap, address, 100) == NULL);
        break;
    default:
        CHECK_EQUAL(quire_heap_usable_bytes(&home.heap, address), 0);
    }
    CHECK_EQUAL(home.reports, 1);
    home.reports = 0;
}

TEST(heap_gone, what_went_back_is_never_looked_at)
{
    start();
    for (unsigned i = 0; i < 30000 * test_effort(); i++) {
        step();
        misuse();
        if (i % 512 == 0)
            CHECK_OK(quire_heap_check(&home.heap));
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        quire_heap_free(&home.heap, home.blocks[i]);
        home.blocks[i] = NULL;
    }
    stop();
}

typedef struct hole {
    void *links; /* of a free block between two used ones */
    void *used;
} hole_t;

static bool find_hole(void *context, const void *block, size_t bytes, bool used)
{
    hole_t *hole = context;

    (void)bytes;
    if (!used && hole->used != NULL) {
        hole->links = (void *)(uintptr_t)block;
        return false;
    }
    hole->used = used ? (void *)(uintptr_t)block : NULL;
    return true;
}

/* A write into a freed block that makes its links lead to where nothing is mapped: reported, not followed. */
TEST(heap_gone, links_into_holes_are_not_followed)
{
    start();
    for (unsigned i = 0; i < 2000 * test_effort(); i++) {
        hole_t hole = {NULL, NULL};
        char *saved;

        step();
        quire_heap_walk(&home.heap, find_hole, &hole);
        if (hole.links == NULL)
            continue;
        char **link = &((char **)hole.links)[i % 2];
        saved = *link;
        *link = home.arena + test_random_below(ARENA_PAGES * PAGE / 16) * 16;
        if (*link != saved) {
            quire_heap_free(&home.heap, hole.used);
            CHECK_EQUAL(home.reports, 1);
            CHECK_EQUAL(quire_heap_check(&home.heap), QUIRE_CORRUPT);
            CHECK_EQUAL(home.reports, 2);
        }
        home.reports = 0;
        *link = saved;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        quire_heap_free(&home.heap, home.blocks[i]);
        home.blocks[i] = NULL;
    }
    stop();
}
