/* SPDX-License-Identifier: MIT */
/*
 * litmus_chunks.c - chunks and what comes out of them, where memory orders no more than C11 promises: chunks written
 * for the first time, frames reserved and then taken, hierarchical bitmaps and counters, tags, frames filled ahead of
 * need.
 */
#include "litmus.h"

#define STEPPED(name)        litmus_chunks_##name
#define quire_port_shootdown litmus_fence
#include "stepped.h"
#undef quire_port_shootdown

#include "host.h"

#define FIRST_FRAME 0x8000

static quire_pmm_t pmm;
static unsigned char *metadata;
static unsigned char *saved;
static size_t metadata_bytes;

static quire_status_t take(quire_frame_t *frame)
{
    return quire_pmm_alloc(&pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_TEST, .no_wait = true}, frame);
}

static void start_pmm(size_t frames)
{
    static quire_memory_region_t regions[4];
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), frames * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    metadata_bytes = quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
    metadata = test_memory(metadata_bytes);
    saved = test_memory(metadata_bytes);
    CHECK_OK(quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), metadata, metadata_bytes));
}

/* All executions from the present state on; `before` each and `after`. */
static void explore(void (*first)(void), void (*second)(void), void (*before)(void), void (*after)(void))
{
    unsigned executions = 0;

    memcpy(saved, metadata, metadata_bytes);
    litmus_begin(first, second, 2, 1);
    do {
        memcpy(metadata, saved, metadata_bytes);
        before();
        litmus_execute();
        after();
        executions++;
    } while (litmus_next());
    CHECK(executions > 50);
}

static void nothing(void)
{
}

static quire_frame_t got[2];
static bool has[2];
static quire_frame_info_t info;

/* --- a chunk that is written for the first time --- */

static void opener_takes(void)
{
    has[0] = quire_pmm_chunk_init(&pmm, 0, QUIRE_LIFETIME_MOVABLE);
}

static void other_asks(void)
{
    info = quire_pmm_frame_info(&pmm, quire_frame(FIRST_FRAME + PART_FRAMES - 1));
    CHECK_EQUAL(quire_pmm_free(&pmm, quire_frame(FIRST_FRAME + 2 * PART_FRAMES - 1), 0), QUIRE_CORRUPT);
}

static void no_frame_is_allocated(void)
{
    CHECK(has[0] && info.managed && !info.allocated);
    CHECK_OK(quire_pmm_check(&pmm));
}

/* Tags that have never been written say of a free frame that a user has it. Nobody believes them. */
TEST(pmm_litmus, a_unit_is_seen_whole)
{
    start_pmm(CHUNK_FRAMES);
    CHECK(pmm.chunks[0] & CHUNK_FRESH);
    memset(pmm.tags, QUIRE_OWNER_USER << TAG_OWNER_SHIFT | TAG_FRAME, CHUNK_FRAMES);
    memset(pmm.extra, 0xee, CHUNK_FRAMES * sizeof(pmm.extra[0]));
    memset(pmm.frame_bits, 0xee, CHUNK_FRAMES / 8);
    explore(opener_takes, other_asks, nothing, no_frame_is_allocated);
}

/* --- reserved, then taken; hierarchical bitmaps and counters --- */

static void claim_single(unsigned cpu)
{
    uint32_t single = 0;
    pmm_claim_t claim = {.lifetime = QUIRE_LIFETIME_MOVABLE, .most = 1, .entries = &single};

    has[cpu] = quire_pmm_chunk_claim(&pmm, 0, &claim);
    got[cpu].number = single;
}

static void first_claims(void)
{
    claim_single(0);
}

static void second_claims(void)
{
    claim_single(1);
}

static void second_frees_and_claims(void)
{
    quire_pmm_chunk_put(&pmm, 0, (word_t)1 << 1);
    claim_single(1);
}

static void second_frees(void)
{
    has[1] = false;
    quire_pmm_chunk_put(&pmm, 0, (word_t)1 << 1);
}

static unsigned free_at_first;

static void counted(void)
{
    unsigned free = pmm.chunks[0] & CHUNK_COUNT;

    CHECK_EQUAL(free + has[0] + has[1], free_at_first);
    CHECK_EQUAL(count_bits(pmm.frame_bits[0]), free);
    CHECK(!(has[0] && has[1]) || got[0].number != got[1].number);
    CHECK(free == 0 || quire_pmm_bitmap_test(&pmm, BITMAP_FEW + QUIRE_LIFETIME_MOVABLE, 0));
}

/* A chunk of a few frames, of which the second and `more` are allocated. */
static void start_small(unsigned frames, unsigned left)
{
    uint32_t entries[8];
    pmm_claim_t claim = {.lifetime = QUIRE_LIFETIME_MOVABLE, .most = 2, .entries = entries};

    start_pmm(frames);
    CHECK(quire_pmm_chunk_claim(&pmm, 0, &claim));
    for (unsigned at = 0; at < claim.count; at++) {
        if (entries[at] != 1)
            quire_pmm_chunk_put(&pmm, 0, (word_t)1 << entries[at]);
    }
    CHECK_EQUAL(pmm.chunks[0] & CHUNK_COUNT, left);
}

TEST(pmm_litmus, what_is_reserved_is_there)
{
    start_small(3, 2);
    free_at_first = 2;
    explore(first_claims, second_claims, nothing, counted);
    free_at_first = 3;
    memcpy(metadata, saved, metadata_bytes);
    explore(first_claims, second_frees_and_claims, nothing, counted);
}

TEST(pmm_litmus, a_chunk_with_frames_stands_in_a_bitmap)
{
    start_small(2, 1);
    free_at_first = 2;
    explore(first_claims, second_frees, nothing, counted);
}

/* --- tags --- */

static void owner_frees(void)
{
    CHECK_OK(quire_pmm_free(&pmm, got[0], 0));
}

static void other_revokes_and_takes(void)
{
    revoke_number(&pmm, QUIRE_LIFETIME_MOVABLE);
    has[1] = take(&got[1]) == QUIRE_OK;
}

static void tag_is_the_takers(void)
{
    CHECK(!has[1] || pmm.tags[got[1].number - FIRST_FRAME] == (QUIRE_OWNER_TEST << TAG_OWNER_SHIFT | TAG_FRAME));
    CHECK_OK(quire_pmm_check(&pmm));
}

TEST(pmm_litmus, a_tag_is_of_who_has_the_frame)
{
    start_pmm(1);
    CHECK_OK(take(&got[0]));
    explore(owner_frees, other_revokes_and_takes, nothing, tag_is_the_takers);
}

/* --- frames filled ahead of need --- */

#define POOL_FRAMES 80

static uint64_t *ram;
static uint64_t seen[2];

static void idle_fills(void)
{
    has[0] = quire_pmm_zero_ahead(&pmm);
}

static void other_takes_it_back(void)
{
    revoke_number(&pmm, CLASSES);
    for (unsigned at = 0; at < 2; at++) {
        CHECK_OK(take(&got[at]));
        seen[at] = load_relaxed(ram + (got[at].number - FIRST_FRAME) * (QUIRE_PAGE_BYTES / sizeof(*ram)));
    }
}

static void write_frames(void)
{
    for (size_t frame = 0; frame < POOL_FRAMES; frame++)
        ram[frame * (QUIRE_PAGE_BYTES / sizeof(*ram))] = 7;
}

static void what_was_filled_was_seen(void)
{
    for (unsigned at = 0; at < 2; at++)
        CHECK_EQUAL(seen[at], ram[(got[at].number - FIRST_FRAME) * (QUIRE_PAGE_BYTES / sizeof(*ram))]);
    CHECK_OK(quire_pmm_check(&pmm));
}

/* Who takes back a frame that an idle CPU was filling gets it when the last zero has been written, and sees them. */
TEST(pmm_litmus, zeros_come_before_what_the_next_owner_writes)
{
    ram = host_add_ram(quire_frame(FIRST_FRAME), POOL_FRAMES);
    start_pmm(POOL_FRAMES);
    host_use_cpu(0);
    CHECK(quire_pmm_zero_ahead(&pmm));
    explore(idle_fills, other_takes_it_back, write_frames, what_was_filled_was_seen);
}
