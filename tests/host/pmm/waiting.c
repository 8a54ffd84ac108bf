/* SPDX-License-Identifier: MIT */
/*
 * waiting.c - who waits for other CPUs when memory is short, for what, and who does not.
 *
 * The other CPU is one that stands in the middle of a change, as its magazine and the state say; it goes on when this
 * one asks for a shootdown.
 */
#include <string.h>

#include "host.h"
#include "pmm/pmm.h"

#define FRAMES      8192
#define FIRST_FRAME 0x50000

static quire_pmm_t pmm;

static size_t start_pmm(size_t frames)
{
    static quire_memory_region_t regions[4];
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), frames * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    size_t bytes = quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
    CHECK_OK(quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), test_memory(bytes), bytes));
    CHECK(pmm.cpu_count > 1);
    return frames;
}

static quire_status_t take(unsigned order, bool no_wait)
{
    const quire_pmm_request_t request = {.owner = QUIRE_OWNER_TEST, .order = (uint8_t)order, .no_wait = no_wait};
    quire_frame_t frame;

    return quire_pmm_alloc(&pmm, request, &frame);
}

static size_t take_all(bool no_wait)
{
    size_t count = 0;

    while (take(0, no_wait) == QUIRE_OK)
        count++;
    return count;
}

static uint64_t shootdowns(void)
{
    quire_shootdown_t last;

    return host_shootdowns(&last);
}

/* All that another CPU has not claimed can be had without asking it, in any order; not a fence is asked for. */
TEST(pmm_waiting, who_must_not_wait_asks_nobody)
{
    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        size_t frames = start_pmm(FRAMES);
        uint64_t before = shootdowns();
        host_use_cpu(1);
        CHECK_OK(take(0, true));
        host_use_cpu(0);
        while (take(order, true) == QUIRE_OK)
            continue;
        size_t claimed = magazine_of(&pmm, 1, 0)->count + count_bits(magazine_of(&pmm, 1, 0)->mask);
        size_t rest = take_all(true);
        CHECK_EQUAL(take(0, true), QUIRE_NO_MEMORY);
        CHECK_EQUAL(shootdowns(), before);
        quire_pmm_stats_t stats;
        quire_pmm_stats(&pmm, &stats);
        CHECK_EQUAL(stats.free_frames, claimed);
        CHECK(rest <= frames);
        /* The others are had by who may wait. */
        CHECK_EQUAL(take_all(false), claimed);
        CHECK(shootdowns() > before);
        CHECK_OK(quire_pmm_check(&pmm));
    }
}

static bool must_not_be_asked(void *context, unsigned order)
{
    (void)context;
    (void)order;
    CHECK(false);
    return false;
}

TEST(pmm_waiting, who_must_not_wait_does_not_ask_the_shrinker)
{
    start_pmm(FRAMES);
    CHECK_EQUAL(take_all(true), FRAMES);
    quire_pmm_set_shrinker(&pmm, must_not_be_asked, NULL);
    CHECK_EQUAL(take(0, true), QUIRE_NO_MEMORY);
    CHECK_EQUAL(take(9, true), QUIRE_NO_MEMORY);
}

static pmm_claim_t in_hand;

/* CPU 1 goes on: what it has claimed comes into its magazine, and it leaves. */
static void end_claim(void)
{
    magazine_t *magazine = magazine_of(&pmm, 1, 0);

    if (load_acquire(&magazine->floor) == 0 || in_hand.mask == 0)
        return;
    store_relaxed(&magazine->base, in_hand.base);
    store_relaxed(&magazine->mask, in_hand.mask);
    in_hand.mask = 0;
    store_release(&magazine->inside, 0);
}

TEST(pmm_waiting, a_cpu_in_the_middle_of_claiming_is_waited_for)
{
    start_pmm(FRAMES);
    magazine_t *magazine = magazine_of(&pmm, 1, 0);
    in_hand = (pmm_claim_t){.most = MAGAZINE_REFILL, .entries = magazine->entries};
    magazine->inside = 1;
    CHECK(quire_pmm_search_frames(&pmm, QUIRE_ZONE_ANY, &in_hand) && in_hand.mask != 0);
    host_on_shootdown(end_claim);
    CHECK_EQUAL(take_all(false), FRAMES);
    CHECK_OK(quire_pmm_check(&pmm));
}

/* What a CPU has claimed and not yet moved into its magazine is taken back as well. */
TEST(pmm_waiting, a_claimed_word_is_taken_back_from_an_empty_magazine)
{
    start_pmm(FRAMES);
    host_use_cpu(1);
    CHECK_OK(take(0, false));
    magazine_t *magazine = magazine_of(&pmm, 1, 0);
    size_t taken = 1;
    while (magazine->count > 0) {
        CHECK_OK(take(0, false));
        taken++;
    }
    CHECK(magazine->mask != 0);
    host_use_cpu(0);
    CHECK_EQUAL(take_all(false), FRAMES - taken);
    CHECK_OK(quire_pmm_check(&pmm));
}

static quire_frame_t to_give;

/* CPU 1 is in the shrinker, which gives a block of two frames and comes back. */
static void end_shrinker(void)
{
    if (to_give.number == 0)
        return;
    CHECK_OK(quire_pmm_free(&pmm, to_give, 1));
    to_give.number = 0;
    store_release(&pmm.shrinking, 0);
}

static bool give_nothing(void *context, unsigned order)
{
    (void)context;
    (void)order;
    return false;
}

static void run_out_while_shrinking(unsigned cpu)
{
    const quire_pmm_request_t pair = {.owner = QUIRE_OWNER_TEST, .order = 1};

    start_pmm(FRAMES);
    CHECK_OK(quire_pmm_alloc(&pmm, pair, &to_give));
    CHECK_EQUAL(take_all(false), FRAMES - 2);
    quire_pmm_set_shrinker(&pmm, give_nothing, NULL);
    pmm.shrinking = cpu + 1;
}

/* Another CPU is asking the shrinker: what it brings is for all. */
TEST(pmm_waiting, a_shrinker_at_work_is_waited_for)
{
    run_out_while_shrinking(1);
    host_on_shootdown(end_shrinker);
    CHECK_EQUAL(take_all(false), 2);
    CHECK_EQUAL(pmm.shrinking, 0);
}

/* But not for ever, not where the call interrupts the shrinker itself, and not by who must not wait. */
TEST(pmm_waiting, a_shrinker_that_does_not_come_back_stops_nobody)
{
    run_out_while_shrinking(1);
    CHECK_EQUAL(take(0, false), QUIRE_NO_MEMORY);
    run_out_while_shrinking(0);
    uint64_t before = shootdowns();
    CHECK_EQUAL(take(0, false), QUIRE_NO_MEMORY);
    run_out_while_shrinking(1);
    before = shootdowns();
    CHECK_EQUAL(take(0, true), QUIRE_NO_MEMORY);
    CHECK_EQUAL(shootdowns(), before);
}

/* A hierarchical bitmap that has lost its bits, as one has while the CPU that clears a bit has not looked again:
 * counters tell. */
TEST(pmm_waiting, what_no_bitmap_leads_to_is_found)
{
    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        for (unsigned no_wait = 0; no_wait < 2; no_wait++) {
            start_pmm(FRAMES);
            memset(pmm.bitmaps, 0, pmm.shape.words * (BITMAP_ORDER + CHUNK_ORDER) * sizeof(word_t));
            CHECK_OK(take(order, no_wait != 0));
        }
    }
}

/* What a check reports of names the frame, its address and its owner. */
TEST(pmm_waiting, a_complaint_names_frame_address_and_owner)
{
    start_pmm(FRAMES);
    CHECK_OK(quire_pmm_take(&pmm, quire_frame(FIRST_FRAME + 4), 4, QUIRE_OWNER_HEAP));
    pmm.tags[4] = QUIRE_OWNER_HEAP << TAG_OWNER_SHIFT | 3;
    CHECK_EQUAL(quire_pmm_check(&pmm), QUIRE_CORRUPT);
    CHECK(strcmp(host_last_log(), "pmm: frame 0x50005, at 0x50005000, starts a block inside another one; its owner: "
                                  "heap") == 0);
    pmm.tags[4] = QUIRE_OWNER_HEAP << TAG_OWNER_SHIFT | TAG_FRAME;
    magazine_t *magazine = magazine_of(&pmm, 1, 0);
    magazine->entries[magazine->count++] = 7;
    CHECK_EQUAL(quire_pmm_check(&pmm), QUIRE_CORRUPT);
    CHECK(strcmp(host_last_log(), "pmm: frame 0x50007, at 0x50007000, is claimed by a CPU and is not free; its owner: "
                                  "heap") == 0);
}
