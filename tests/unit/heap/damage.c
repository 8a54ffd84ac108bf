/* SPDX-License-Identifier: MIT */
/* damage.c - every bit of a heap's metadata matters: the check and free find any that is wrong. */
#include "support.h"

#define WORD_BITS (8 * sizeof(size_t))

static size_t *header_of(void *block)
{
    return (size_t *)(void *)((uint8_t *)block - HEAP_HEADER_BYTES);
}

typedef struct place {
    size_t *words[64];
    void *neighbours[64]; /* a used block whose free has to look at the word */
    unsigned count;
    void *last_used;
} place_t;

/* A free block is looked at when the used block below it is freed. */
static bool note_metadata(void *context, const void *block, size_t bytes, bool used)
{
    place_t *place = context;
    void *payload = (void *)(uintptr_t)block;
    size_t *words = header_of(payload);

    CHECK(bytes >= HEAP_LEAST_BYTES);
    if (used)
        place->last_used = payload;
    for (unsigned i = 0; i < (used ? 2 : 4); i++) {
        if (place->count == 64)
            return false;
        place->neighbours[place->count] = place->last_used;
        place->words[place->count++] = &words[i];
    }
    return true;
}

/* Twelve blocks, every third of them free again, and the memory behind them. */
static heap_home_t *home_with_holes(place_t *place)
{
    heap_home_t *home = heap_home();
    void *blocks[12];

    *place = (place_t){.count = 0};
    for (unsigned i = 0; i < 12; i++)
        blocks[i] = quire_heap_alloc(&home->heap, 100 + i % 3 * QUIRE_HEAP_ALIGN);
    for (unsigned i = 1; i < 12; i += 3)
        quire_heap_free(&home->heap, blocks[i]);
    quire_heap_walk(&home->heap, note_metadata, place);
    CHECK(place->count > 20);
    return home;
}

/* Any one bit of any word that the heap relies on: the check finds it. */
TEST(heap, check_finds_any_flipped_bit)
{
    place_t place;
    heap_home_t *home = home_with_holes(&place);

    for (unsigned i = 0; i < place.count; i++) {
        for (unsigned bit = 0; bit < WORD_BITS; bit++) {
            *place.words[i] ^= (size_t)1 << bit;
            CHECK_EQUAL(quire_heap_check(&home->heap), QUIRE_CORRUPT);
            CHECK_EQUAL(home->reports, 1);
            home->reports = 0;
            *place.words[i] ^= (size_t)1 << bit;
        }
    }
    heap_expect_sound(home);
}

/* And so does freeing the block that the word belongs to, or the one below it; nothing is changed then. */
TEST(heap, free_finds_any_flipped_bit)
{
    place_t place;
    heap_home_t *home = home_with_holes(&place);

    for (unsigned i = 0; i < place.count; i++) {
        for (unsigned bit = 0; bit < WORD_BITS; bit++) {
            *place.words[i] ^= (size_t)1 << bit;
            heap_remember(home);
            quire_heap_free(&home->heap, place.neighbours[i]);
            CHECK_EQUAL(home->reports, 1);
            home->reports = 0;
            heap_expect_unchanged(home);
            *place.words[i] ^= (size_t)1 << bit;
        }
    }
    heap_expect_sound(home);
}

TEST(heap, check_finds_wrong_counts_and_lists)
{
    heap_home_t *home = heap_home();
    quire_heap_t *heap = &home->heap;
    quire_heap_t kept;
    void *hole = quire_heap_alloc(heap, 200);

    CHECK(quire_heap_alloc(heap, 10) != NULL);
    quire_heap_free(heap, hole);
    kept = *heap;
    for (unsigned i = 0; i < 8; i++) {
        size_t *counts[] = {&heap->stats.source_bytes, &heap->stats.used_bytes, &heap->stats.overhead_bytes,
                            &heap->stats.free_blocks,  &heap->stats.extents,    &heap->spare_bytes};
        uint64_t *calls[] = {&heap->stats.allocs, &heap->stats.frees};

        if (i < 6)
            ++*counts[i];
        else
            ++*calls[i - 6];
        CHECK_EQUAL(quire_heap_check(heap), QUIRE_CORRUPT);
        CHECK_EQUAL(home->reports, 1);
        home->reports = 0;
        *heap = kept;
    }
    for (unsigned bin = 0; bin < QUIRE_HEAP_BINS; bin++) {
        heap->bin_map[bin / QUIRE_HEAP_MAP_BITS] ^= 1ul << bin % QUIRE_HEAP_MAP_BITS;
        CHECK_EQUAL(quire_heap_check(heap), QUIRE_CORRUPT);
        home->reports = 0;
        *heap = kept;
    }
    heap_expect_sound(home);
}
