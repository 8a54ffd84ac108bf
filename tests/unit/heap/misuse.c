/* SPDX-License-Identifier: MIT */
/*
 * misuse.c - every kind of misuse is reported once, with its address, and the heap is left as it was, bit for bit.
 *
 * The tests know the layout of a block (two words of header, two links in a free one) because damage is done to it
 * here.
 */
#include "support.h"

#include "string.h"

static size_t *header_of(void *block)
{
    return (size_t *)(void *)((uint8_t *)block - HEAP_HEADER_BYTES);
}

TEST(heap, freeing_null_is_nothing)
{
    heap_home_t *home = heap_home();

    heap_remember(home);
    quire_heap_free(&home->heap, NULL);
    heap_expect_unchanged(home);
    heap_expect_sound(home);
}

/* Alone, and after its memory was joined with the block below, the block above, or both. */
TEST(heap, tells_a_double_free)
{
    for (unsigned joined = 0; joined < 4; joined++) {
        heap_home_t *home = heap_home();
        void *blocks[3];

        heap_allocate_three(home, blocks);
        if (joined & 1)
            quire_heap_free(&home->heap, blocks[0]);
        if (joined & 2)
            quire_heap_free(&home->heap, blocks[2]);
        quire_heap_free(&home->heap, blocks[1]);
        heap_expect_sound(home);
        heap_expect_refused(home, blocks[1], blocks[1]);
        CHECK(heap_report_says(home, "freed twice"));
        if (joined & 1)
            heap_expect_refused(home, blocks[0], blocks[0]);
        if (joined & 2)
            heap_expect_refused(home, blocks[2], blocks[2]);
        heap_expect_sound(home);
    }
}

TEST(heap, tells_a_double_free_after_later_neighbours_were_freed)
{
    heap_home_t *home = heap_home();
    void *blocks[3];

    heap_allocate_three(home, blocks);
    quire_heap_free(&home->heap, blocks[1]);
    quire_heap_free(&home->heap, blocks[0]);
    quire_heap_free(&home->heap, blocks[2]);
    for (unsigned i = 0; i < 3; i++)
        heap_expect_refused(home, blocks[i], blocks[i]);
    heap_expect_sound(home);
}

TEST(heap, tells_a_foreign_free)
{
    heap_home_t *home = heap_home();
    quire_heap_t *other = test_memory(sizeof(*other));
    size_t on_stack[64];
    void *blocks[3];
    void *theirs;

    quire_heap_init(other, &home->heap.source);
    heap_allocate_three(home, blocks);
    theirs = quire_heap_alloc(other, 100);
    CHECK(theirs != NULL);
    memset(on_stack, 0x5a, sizeof(on_stack));
    heap_expect_refused(home, &on_stack[32], &on_stack[32]);
    heap_expect_refused(home, theirs, theirs);
    heap_expect_refused(home, home, home);
    heap_expect_refused(home, (void *)(uintptr_t)(QUIRE_HEAP_ALIGN * 3), (void *)(uintptr_t)(QUIRE_HEAP_ALIGN * 3));
    heap_expect_refused(home, (void *)(UINTPTR_MAX - QUIRE_HEAP_ALIGN + 1),
                        (void *)(UINTPTR_MAX - QUIRE_HEAP_ALIGN + 1));
    CHECK_OK(quire_heap_check(&home->heap));
    CHECK_OK(quire_heap_check(other));
    CHECK_EQUAL(home->reports, 0);
}

TEST(heap, tells_a_free_of_any_address_inside_a_block)
{
    heap_home_t *home = heap_home();
    void *blocks[3];

    heap_allocate_three(home, blocks);
    heap_fill(blocks[1], 200, 9);
    for (size_t offset = 1; offset < 200; offset++) {
        void *inside = (uint8_t *)blocks[1] + offset;

        heap_remember(home);
        quire_heap_free(&home->heap, inside);
        heap_expect_report(home, inside);
        CHECK(heap_report_says(home, offset % QUIRE_HEAP_ALIGN == 0 ? "middle of a block" : "not aligned"));
        heap_expect_unchanged(home);
    }
    heap_expect_sound(home);
}

/* One byte, one word, or much: what follows is a header, and the block that was written too far is named. */
TEST(heap, tells_a_write_beyond_the_end)
{
    static const uint8_t values[] = {0, 0x41, 0xff};

    for (unsigned i = 0; i < sizeof(values); i++) {
        for (size_t beyond = 1; beyond <= HEAP_HEADER_BYTES; beyond++) {
            heap_home_t *home = heap_home();
            uint8_t saved[HEAP_HEADER_BYTES];
            uint8_t *end;
            void *blocks[3];

            heap_allocate_three(home, blocks);
            end = (uint8_t *)blocks[1] + quire_heap_usable_bytes(&home->heap, blocks[1]);
            memcpy(saved, end, sizeof(saved));
            memset(end, values[i], beyond);
            if (memcmp(saved, end, sizeof(saved)) == 0)
                continue;
            heap_expect_refused(home, blocks[1], blocks[1]);
            heap_expect_refused(home, blocks[2], blocks[2]);
            CHECK_EQUAL(quire_heap_check(&home->heap), QUIRE_CORRUPT);
            heap_expect_report(home, blocks[2]);
            memcpy(end, saved, sizeof(saved));
            heap_expect_sound(home);
            test_home_release();
        }
    }
}

TEST(heap, tells_a_write_below_the_start)
{
    heap_home_t *home = heap_home();
    void *blocks[3];
    size_t saved;

    heap_allocate_three(home, blocks);
    for (unsigned word = 0; word < 2; word++) {
        saved = header_of(blocks[1])[word];
        header_of(blocks[1])[word] = 0x4141;
        heap_expect_refused(home, blocks[1], blocks[1]);
        header_of(blocks[1])[word] = saved;
    }
    heap_expect_sound(home);
}

/* Stand for an address that is known only inside write_after_free(). */
#define TO_ITSELF    1
#define TO_NEIGHBOUR 2

/* A write into a freed block hits its links. Whoever would follow them refuses. */
static void write_after_free(unsigned word, size_t value)
{
    heap_home_t *home = heap_home();
    size_t *links;
    size_t saved;
    void *blocks[3];
    void *wall = quire_heap_alloc(&home->heap, 10);

    CHECK(wall != NULL);
    heap_allocate_three(home, blocks);
    quire_heap_free(&home->heap, blocks[1]);
    links = blocks[1];
    saved = links[word];
    if (value == TO_ITSELF)
        value = (size_t)blocks[1];
    else if (value == TO_NEIGHBOUR)
        value = (size_t)blocks[2];
    links[word] = value;
    heap_remember(home);
    quire_heap_free(&home->heap, blocks[0]);
    heap_expect_report(home, blocks[1]);
    quire_heap_free(&home->heap, blocks[2]);
    heap_expect_report(home, blocks[1]);
    CHECK(quire_heap_realloc(&home->heap, blocks[0], 300) == NULL);
    heap_expect_report(home, blocks[1]);
    CHECK(quire_heap_alloc(&home->heap, 200) == NULL);
    heap_expect_report(home, blocks[1]);
    CHECK_EQUAL(quire_heap_check(&home->heap), QUIRE_CORRUPT);
    heap_expect_report(home, blocks[1]);
    heap_expect_unchanged(home);
    links[word] = saved;
    heap_expect_sound(home);
    CHECK(quire_heap_alloc(&home->heap, 200) == blocks[1]);
    test_home_release();
}

TEST(heap, tells_a_write_into_a_freed_block)
{
    for (unsigned word = 0; word < 2; word++) {
        write_after_free(word, 0);
        write_after_free(word, SIZE_MAX);
        write_after_free(word, 0x41414141);
        write_after_free(word, QUIRE_HEAP_ALIGN);
        write_after_free(word, TO_ITSELF);
        write_after_free(word, TO_NEIGHBOUR);
    }
}

/* Links that agree with each other, but are in no list. */
TEST(heap, believes_no_ring_without_the_heap_in_it)
{
    heap_home_t *home = heap_home();
    void *blocks[3];
    void **links;
    void **forged;

    heap_allocate_three(home, blocks);
    quire_heap_free(&home->heap, blocks[1]);
    links = blocks[1];
    forged = blocks[2];
    for (unsigned pair = 0; pair < 2; pair++) {
        links[0] = links[1] = pair == 0 ? blocks[1] : blocks[2];
        forged[0] = forged[1] = blocks[1];
        heap_remember(home);
        quire_heap_free(&home->heap, blocks[0]);
        heap_expect_report(home, blocks[1]);
        CHECK_EQUAL(quire_heap_check(&home->heap), QUIRE_CORRUPT);
        heap_expect_report(home, blocks[1]);
        heap_expect_unchanged(home);
    }
}

/* The search behind the first block of a class, and the trim, follow no wild link either. */
TEST(heap, search_and_trim_stop_at_damage)
{
    heap_home_t *home = heap_home();
    const size_t small = 32 * QUIRE_HEAP_ALIGN;
    void *wall = quire_heap_alloc(&home->heap, 1);
    size_t *tight = quire_heap_alloc(&home->heap, small);
    quire_heap_stats_t stats;
    void *rest;
    void *spare;

    quire_heap_stats(&home->heap, &stats);
    rest = quire_heap_alloc(&home->heap, stats.largest_free_bytes - HEAP_HEADER_BYTES);
    CHECK(wall != NULL && rest != NULL);
    quire_heap_free(&home->heap, tight);
    tight[0] = SIZE_MAX & ~(size_t)63;
    spare = quire_heap_alloc(&home->heap, small + 2 * QUIRE_HEAP_ALIGN);
    CHECK(spare != NULL);
    CHECK_EQUAL(home->extents, 2);
    CHECK_EQUAL(home->reports, 0);
    quire_heap_free(&home->heap, spare);
    CHECK_EQUAL(home->reports, 0);
    ((size_t *)spare)[0] = SIZE_MAX & ~(size_t)63;
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(home->extents, 2);
}

/* Once the memory is the source's again, its addresses are foreign. */
TEST(heap, tells_a_free_of_what_went_back)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 10 * HEAP_GROW_BYTES);
    const char *foreign;

    quire_heap_free(&home->heap, home);
    heap_expect_report(home, home);
    foreign = home->what;
    quire_heap_free(&home->heap, block);
    quire_heap_trim(&home->heap);
    CHECK_EQUAL(home->extents, 0);
    heap_remember(home);
    quire_heap_free(&home->heap, block);
    heap_expect_report(home, block);
    CHECK(home->what == foreign && heap_report_says(home, "no longer"));
    heap_expect_unchanged(home);
}

/* The classic attack: links that point at memory which looks like a block, to have a word of it overwritten. */
TEST(heap, follows_no_link_that_is_not_answered)
{
    heap_home_t *home = heap_home();
    void *blocks[3];
    void *victim;
    void **links;

    victim = quire_heap_alloc(&home->heap, 200);
    heap_allocate_three(home, blocks);
    quire_heap_free(&home->heap, blocks[1]);
    links = blocks[1];
    links[0] = victim;
    links[1] = victim;
    memset(victim, 0x41, 200);
    heap_remember(home);
    quire_heap_free(&home->heap, blocks[0]);
    heap_expect_report(home, blocks[1]);
    CHECK(quire_heap_alloc(&home->heap, 200) == NULL);
    heap_expect_report(home, blocks[1]);
    heap_expect_unchanged(home);
}

TEST(heap, tells_an_overwritten_extent_header)
{
    heap_home_t *home = heap_home();
    void *block = quire_heap_alloc(&home->heap, 100);
    size_t *extent = (size_t *)(void *)((uint8_t *)block - HEAP_HEADER_BYTES - HEAP_EXTENT_BYTES);

    for (unsigned word = 0; word < 4; word++) {
        size_t saved = extent[word];

        extent[word] = 0x4141;
        heap_remember(home);
        quire_heap_free(&home->heap, block);
        heap_expect_report(home, extent);
        CHECK_EQUAL(quire_heap_check(&home->heap), QUIRE_CORRUPT);
        heap_expect_report(home, extent);
        quire_heap_trim(&home->heap);
        heap_expect_unchanged(home);
        extent[word] = saved;
        heap_expect_sound(home);
    }
    quire_heap_free(&home->heap, block);
    heap_expect_sound(home);
}

static void free_twice(void *context)
{
    heap_home_t *home = context;
    void *block = quire_heap_alloc(&home->heap, 10);

    quire_heap_free(&home->heap, block);
    quire_heap_free(&home->heap, block);
}

TEST(heap, misuse_panics_when_nobody_takes_the_report)
{
    heap_home_t *home = heap_home();

    home->heap.report = NULL;
    CHECK(test_panics(free_twice, home));
}
