/* SPDX-License-Identifier: MIT */
/*
 * living.c - segments that grow and are moved while their processes live, and a window that is given back.
 *
 * Nothing here needs an emulator that checks limits: a wrong base, or a byte lost on the way, is seen by the programs
 * themselves, which look at every byte they own.
 */
#include "segmented.h"

#include "initrd.h"
#include "memory.h"
#include "segments.h"

#define KEEPERS 6

static size_t free_frames(void)
{
    quire_pmm_stats_t stats;

    quire_heap_trim(&kernel_heap);
    quire_pmm_stats(&kernel_pmm, &stats);
    return stats.free_frames;
}

static void check_arena(void)
{
    CHECK(segments_arena() != NULL);
    CHECK_OK(quire_arena_check(segments_arena()));
}

static process_t *keeper(const char *letter, const char *bytes, const char *rounds)
{
    return segmented_start("segment-keep", WORDS(letter, bytes, rounds));
}

/* A few rounds for everybody. */
static void run(unsigned slices)
{
    while (slices-- > 0)
        CHECK(process_run());
}

TEST(segments, leave_nothing)
{
    size_t before = free_frames();
    process_t *process = keeper("A", "100K", "12");

    CHECK(process->segments != NULL);
    CHECK_OK(quire_vmm_check(&process->space));
    check_arena();
    run(2);
    process_kill(process, 137);
    process_reap(process);
    CHECK(segments_arena() == NULL);
    CHECK_EQUAL(free_frames(), before);
}

TEST(segments, pages_and_segments_in_turn)
{
    process_t *first = keeper("A", "50K", "12");
    process_t *paged = segmented_start("isolate", WORDS("P"));
    process_t *second = keeper("B", "50K", "12");

    CHECK(paged->segments == NULL && second->segments != NULL);
    CHECK_EQUAL(segmented_finish(paged), 0);
    CHECK_EQUAL(segmented_finish(first), 0);
    CHECK_EQUAL(segmented_finish(second), 0);
}

/* All are moved, again and again, between any two time slices. */
TEST(segments, moved_while_they_live)
{
    static const char *const letters[KEEPERS] = {"A", "B", "C", "D", "E", "F"};
    process_t *keepers[KEEPERS];
    uint64_t moved = 0;

    for (unsigned i = 0; i < KEEPERS; i++)
        keepers[i] = keeper(letters[i], i % 2 == 0 ? "300K" : "70000", "12");
    run(KEEPERS * 2);
    for (unsigned i = 0; i < KEEPERS; i += 2) {
        process_kill(keepers[i], 137);
        process_reap(keepers[i]);
        moved += segments_compact();
        check_arena();
        run(KEEPERS);
    }
    CHECK(moved > 3 * 70000);
    for (unsigned i = 1; i < KEEPERS; i += 2)
        CHECK_EQUAL(segmented_finish(keepers[i]), 0);
    CHECK(segments_arena() == NULL);
}

/* Room enough, but in two holes: the newcomer makes the others move. */
TEST(segments, compaction_when_no_hole_fits)
{
    process_t *low = keeper("L", "2500K", "3");
    process_t *middle = keeper("M", "1M", "3");
    process_t *high = keeper("H", "2500K", "3");
    process_t *big;

    run(3);
    process_kill(low, 137);
    process_reap(low);
    big = keeper("X", "4M", "1");
    run(2);
    check_arena();
    CHECK(segments_arena()->moves > 0);
    CHECK_EQUAL(segmented_finish(middle), 0);
    process_kill(high, 137);
    process_reap(high);
    CHECK_EQUAL(segmented_finish(big), 0);
}

TEST(segments, grow_in_each_others_way)
{
    static const quire_fit_t fits[] = {QUIRE_FIT_FIRST, QUIRE_FIT_BEST, QUIRE_FIT_WORST};

    for (unsigned i = 0; i < sizeof(fits) / sizeof(fits[0]); i++) {
        process_t *first = segmented_start("segment-grow", WORDS("10000", "500000"));
        process_t *second = segmented_start("segment-grow", WORDS("7000", "300000"));
        process_t *third = segmented_start("segment-grow", WORDS("4096", "200000"));

        segments_arena()->fit = fits[i];
        run(30);
        check_arena();
        CHECK(segments_arena()->moves > 0);
        CHECK_EQUAL(segmented_finish(first), 0);
        CHECK_EQUAL(segmented_finish(second), 0);
        CHECK_EQUAL(segmented_finish(third), 0);
    }
}

TEST(segments, more_than_there_is_is_refused)
{
    process_t *process = segmented_start("segment-grow", WORDS("1M", "9M"));

    CHECK_EQUAL(segmented_finish(process), 3);
}

TEST(segments, a_gate_to_ring_0)
{
    CHECK_EQUAL(segmented_finish(segmented_start("segment-gate", WORDS(NULL))), 0);
}

/* The window needs two blocks of 4 MiB: with none left, and with one, nothing starts and nothing is lost. */
TEST(segments, shortage_of_large_blocks)
{
    static quire_frame_t blocks[256];
    const quire_pmm_request_t request = {.order = QUIRE_PMM_ORDER_MAX, .owner = QUIRE_OWNER_TEST};
    const char *const argv[] = {"segment-gate", NULL};
    size_t count = 0;

    while (count < 256 && quire_pmm_alloc(&kernel_pmm, request, &blocks[count]) == QUIRE_OK)
        count++;
    CHECK(count >= 2 && count < 256);
    for (size_t given = 0; given < 2; given++) {
        const char *reason = NULL;
        process_t *process = NULL;
        size_t before = free_frames();
        initrd_file_t file;

        CHECK_OK(initrd_find("/bin/segment-gate", &file));
        CHECK(process_start(file.data, file.bytes, argv[0], argv, argv + 1, &process, &reason) != QUIRE_OK);
        CHECK(reason != NULL && process == NULL && segments_arena() == NULL);
        CHECK_EQUAL(free_frames(), before);
        CHECK_OK(quire_pmm_free(&kernel_pmm, blocks[--count], QUIRE_PMM_ORDER_MAX));
    }
    CHECK_EQUAL(segmented_finish(segmented_start("segment-gate", WORDS(NULL))), 0);
    while (count > 0)
        CHECK_OK(quire_pmm_free(&kernel_pmm, blocks[--count], QUIRE_PMM_ORDER_MAX));
}
