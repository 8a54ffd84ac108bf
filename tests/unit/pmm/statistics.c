/* SPDX-License-Identifier: MIT */
/* statistics.c - what the PMM says about itself in situations whose figures are known. */
#include "pmm/pmm.h"
#include "simulated.h"

static simulated_t simulated;

static unsigned fragmentation(const quire_pmm_t *pmm)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(pmm, &stats);
    return stats.fragmentation_per_thousand;
}

/* One frame taken from each huge frame leaves none whole; a quarter given back leaves three quarters unusable. */
TEST(pmm, fragmentation_is_what_no_huge_frame_can_use)
{
    enum { HUGE_FRAMES = 8 };
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, HUGE_FRAMES * 512);
    quire_frame_t halves[2 * HUGE_FRAMES];
    quire_pmm_stats_t stats;

    CHECK_EQUAL(fragmentation(pmm), 0);
    for (unsigned at = 0; at < 2 * HUGE_FRAMES; at++)
        CHECK_OK(quire_pmm_alloc(pmm, request_of(8), &halves[at]));
    CHECK_EQUAL(fragmentation(pmm), 0);
    for (unsigned at = 0; at < 2 * HUGE_FRAMES; at++) {
        if (halves[at].number % 512 == 0)
            CHECK_OK(quire_pmm_free(pmm, halves[at], 8));
    }
    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.fragmentation_per_thousand, 1000);
    CHECK_EQUAL(stats.free_huge_frames, 0);
    CHECK_EQUAL(stats.largest_free_order, 8);
    for (unsigned at = 0, given = 0; at < 2 * HUGE_FRAMES && given < 2; at++) {
        if (halves[at].number % 512 == 0)
            continue;
        CHECK_OK(quire_pmm_free(pmm, halves[at], 8));
        given++;
    }
    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.free_huge_frames, 2);
    CHECK_EQUAL(stats.fragmentation_per_thousand, 600);
    CHECK_OK(quire_pmm_check(pmm));
}

TEST(pmm, huge_frames_by_zone)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x1000 - 1024, 4 * 1024);
    quire_pmm_request_t request = request_of(9);
    quire_pmm_stats_t stats;
    quire_frame_t frame;

    request.zone = QUIRE_ZONE_BELOW_16M;
    for (size_t left = 2;; left--) {
        quire_pmm_stats(pmm, &stats);
        CHECK_EQUAL(stats.zone_free_huge_frames[QUIRE_ZONE_BELOW_16M], left);
        CHECK_EQUAL(stats.zone_free_huge_frames[QUIRE_ZONE_BELOW_4G], left + 6);
        CHECK_EQUAL(stats.zone_free_huge_frames[QUIRE_ZONE_ANY], left + 6);
        CHECK_EQUAL(stats.free_huge_frames, left + 6);
        if (left == 0)
            break;
        CHECK_OK(quire_pmm_alloc(pmm, request, &frame));
    }
    CHECK_EQUAL(quire_pmm_alloc(pmm, request, &frame), QUIRE_NO_MEMORY);
}

/* What the calling CPU claimed goes back before anything is counted. */
TEST(pmm, a_cpu_alone_counts_no_claims)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 1024);
    quire_pmm_stats_t stats;
    quire_frame_t frame;

    CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.claimed_frames, 0);
    CHECK_EQUAL(stats.free_frames, 1023);
    CHECK_EQUAL(stats.free_huge_frames, 1);
    CHECK_EQUAL(stats.fragmentation_per_thousand, 511 * 1000 / 1023);
}

/* --- the check finds what it promises to find --- */

static quire_pmm_t *used_pmm(void)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 4096);
    quire_frame_t frame;

    CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
    CHECK_OK(quire_pmm_alloc(pmm, request_of(10), &frame));
    CHECK_OK(quire_pmm_check(pmm));
    return pmm;
}

static void corrupt(magazine_t *magazine, unsigned way)
{
    switch (way) {
    case 0:
        magazine->count = MAGAZINE_FRAMES + 1;
        break;
    case 1:
        magazine->count = UINT32_MAX;
        break;
    case 2:
        magazine->entries[0] = UINT32_MAX;
        break;
    case 3:
        magazine->entries[0] = magazine->entries[1];
        break;
    case 4:
        magazine->base = SIZE_MAX / 2 + 1;
        break;
    case 5:
        magazine->base |= 1;
        break;
    default:
        magazine->mask = WORD_FULL;
        break;
    }
}

/* Who asks because something is wrong gets an answer, and what is wrong stays to be found. */
TEST(pmm, statistics_of_a_corrupt_magazine)
{
    enum { WAYS = 7 };
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 1024);
    magazine_t *magazine = magazine_of(pmm, 0, QUIRE_LIFETIME_MOVABLE);
    quire_pmm_stats_t stats;
    quire_frame_t frame;

    for (unsigned way = 0; way < WAYS; way++) {
        CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
        magazine_t before = *magazine;
        CHECK(before.count > 2 && before.mask != 0);
        corrupt(magazine, way);
        quire_pmm_stats(pmm, &stats);
        CHECK(stats.free_frames <= stats.total_frames && stats.used_frames < stats.total_frames);
        CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);
        *magazine = before;
        CHECK_OK(quire_pmm_check(pmm));
        CHECK_OK(quire_pmm_free(pmm, frame, 0));
        quire_pmm_stats(pmm, &stats);
        CHECK_EQUAL(stats.free_frames, stats.total_frames);
    }
}

TEST(pmm, the_check_finds_wrong_totals)
{
    quire_pmm_t *pmm = used_pmm();

    pmm->zone_total_frames[QUIRE_ZONE_BELOW_4G]--;
    CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);
    pmm = used_pmm();
    pmm->total_frames++;
    CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);
}

/* A magazine with a frame that the bitmap has too. Shut, so that the check does not put it back. */
TEST(pmm, the_check_finds_a_wrong_claim)
{
    quire_pmm_t *pmm = used_pmm();
    magazine_t *magazine = magazine_of(pmm, quire_port_cpu(), QUIRE_LIFETIME_LONG);

    magazine->floor = SHUT;
    magazine->entries[0] = 4095;
    magazine->count = 1;
    CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);
}

TEST(pmm, the_check_finds_blocks_that_no_search_finds)
{
    quire_pmm_t *pmm = used_pmm();
    size_t chunk = 0;

    while (!quire_pmm_bitmap_test(pmm, BITMAP_ORDER + 1, chunk))
        chunk++;
    quire_pmm_bitmap_clear(pmm, BITMAP_ORDER + 1, chunk);
    CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);

    pmm = used_pmm();
    for (chunk = 0; !quire_pmm_bitmap_test(pmm, BITMAP_PAIR, chunk) ||
                    !quire_pmm_bitmap_test(pmm, BITMAP_WHOLE, chunk) ||
                    !quire_pmm_bitmap_test(pmm, BITMAP_WHOLE, chunk + 1);)
        chunk += 2;
    quire_pmm_bitmap_clear(pmm, BITMAP_PAIR, chunk);
    CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);
}

TEST(pmm, the_check_finds_a_tail_alone)
{
    quire_pmm_t *pmm = used_pmm();
    size_t chunk = 0;

    while (!(pmm->chunks[chunk] & CHUNK_TAIL))
        chunk++;
    pmm->chunks[chunk - 1] &= ~CHUNK_HUGE;
    CHECK_EQUAL(quire_pmm_check(pmm), QUIRE_CORRUPT);
}
