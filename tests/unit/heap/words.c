/* SPDX-License-Identifier: MIT */
/* words.c - the sentences of reports: what was wrong with an address, and that a heap was never initialised. */
#include "support.h"

#include "string.h"

/* What lies in the middle of a block may look like anything: here like the header that a free block left there. */
TEST(heap, tells_the_middle_of_a_block_from_a_double_free)
{
    heap_home_t *home = heap_home();
    void *blocks[3];
    void *joined;

    heap_allocate_three(home, blocks);
    quire_heap_free(&home->heap, blocks[0]);
    quire_heap_free(&home->heap, blocks[1]);
    joined = quire_heap_alloc(&home->heap, 400);
    CHECK(joined == blocks[0]);
    heap_expect_refused(home, blocks[1], blocks[1]);
    CHECK(heap_report_says(home, "middle of a block"));
    quire_heap_free(&home->heap, joined);
    heap_fill(blocks[1], 100, 1);
    heap_expect_refused(home, (uint8_t *)blocks[1] + 4 * QUIRE_HEAP_ALIGN, (uint8_t *)blocks[1] + 4 * QUIRE_HEAP_ALIGN);
    CHECK(heap_report_says(home, "middle of free memory"));
}

/* Each address at which a header would lie in the heap's records, and the ones just outside of an extent. */
TEST(heap, tells_a_free_of_its_own_records)
{
    heap_home_t *home = heap_home();
    uint8_t *first = quire_heap_alloc(&home->heap, 100);

    for (size_t down = QUIRE_HEAP_ALIGN; down <= HEAP_EXTENT_BYTES; down += QUIRE_HEAP_ALIGN) {
        heap_expect_refused(home, first - down, first - down);
        CHECK(heap_report_says(home, "own records"));
    }
    heap_expect_refused(home, first - HEAP_EXTENT_BYTES - QUIRE_HEAP_ALIGN,
                        first - HEAP_EXTENT_BYTES - QUIRE_HEAP_ALIGN);
    CHECK(heap_report_says(home, "no longer"));
    first += HEAP_GROW_BYTES - HEAP_EXTENT_BYTES;
    heap_expect_refused(home, first, first);
    heap_expect_refused(home, first - QUIRE_HEAP_ALIGN, first - QUIRE_HEAP_ALIGN);
    heap_expect_sound(home);
}

/* Every call, on a heap that nobody has initialised: zeros, rubbish, and a copy of one that works. */
static void call_unready(void *context)
{
    static unsigned call;
    quire_heap_t *heap = context;
    quire_heap_stats_t stats;

    switch (call++ % 10) {
    case 0:
        (void)!quire_heap_alloc(heap, 10);
        break;
    case 1:
        (void)!quire_heap_alloc_zeroed(heap, 10, 1);
        break;
    case 2:
        (void)!quire_heap_alloc_aligned(heap, 64, 10);
        break;
    case 3:
        (void)!quire_heap_realloc(heap, NULL, 10);
        break;
    case 4:
        quire_heap_free(heap, NULL);
        break;
    case 5:
        (void)quire_heap_usable_bytes(heap, heap);
        break;
    case 6:
        quire_heap_stats(heap, &stats);
        break;
    case 7:
        quire_heap_trim(heap);
        break;
    case 8:
        (void)!quire_heap_check(heap);
        break;
    default:
        quire_heap_destroy(heap);
        break;
    }
}

TEST(heap, a_heap_before_its_init_says_so)
{
    heap_home_t *home = heap_home();
    quire_heap_t *heap = test_memory(sizeof(*heap));

    for (unsigned call = 0; call < 30; call++) {
        if (call < 10)
            memset(heap, 0, sizeof(*heap));
        else if (call < 20)
            memset(heap, 0xa5, sizeof(*heap));
        else
            memcpy(heap, &home->heap, sizeof(*heap));
        CHECK(test_panics(call_unready, heap));
    }
}
