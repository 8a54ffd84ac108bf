/* SPDX-License-Identifier: MIT */
/* litmus.c - what a CPU has claimed, and who holds a frame, where memory orders no more than C11 promises. */
#include "litmus.h"

#define STEPPED(name)        litmus_##name
#define quire_port_shootdown litmus_fence
#include "stepped.h"
#undef quire_port_shootdown

#include "host.h"

#define FRAMES      8
#define FIRST_FRAME 0x8000

static quire_pmm_t pmm;
static unsigned char *metadata;
static unsigned char *saved;
static size_t metadata_bytes;

static void start_pmm(void)
{
    static quire_memory_region_t regions[4];
    quire_memory_map_t map;

    quire_memory_map_init(&map, regions, 4);
    CHECK_OK(quire_memory_map_add(&map, quire_pa_of_frame(quire_frame(FIRST_FRAME)), FRAMES * QUIRE_PAGE_BYTES,
                                  QUIRE_MEMORY_USABLE));
    metadata_bytes = quire_pmm_metadata_bytes(&map, quire_pa(UINT64_MAX));
    metadata = test_memory(metadata_bytes);
    saved = test_memory(metadata_bytes);
    CHECK_OK(quire_pmm_init(&pmm, &map, quire_pa(UINT64_MAX), metadata, metadata_bytes));
}

static quire_frame_t got[2];
static bool has[2];

static quire_status_t take(quire_frame_t *frame)
{
    return quire_pmm_alloc(&pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_TEST, .no_wait = true}, frame);
}

static void owner_takes(void)
{
    has[0] = take(&got[0]) == QUIRE_OK;
    has[1] = take(&got[1]) == QUIRE_OK;
}

static void other_revokes(void)
{
    revoke_number(&pmm, QUIRE_LIFETIME_MOVABLE);
}

/* A frame in a magazine goes to its owner, or to who takes it back, and never to both. */
TEST(pmm_litmus, a_claim_is_taken_back)
{
    quire_frame_t frame;
    unsigned executions = 0;

    start_pmm();
    CHECK_OK(take(&frame));
    CHECK(magazine_of(&pmm, 0, 0)->count > 1);
    memcpy(saved, metadata, metadata_bytes);
    litmus_begin(owner_takes, other_revokes, 2, 2);
    do {
        memcpy(metadata, saved, metadata_bytes);
        litmus_execute();
        executions++;
        CHECK(!(has[0] && has[1]) || got[0].number != got[1].number);
        CHECK_OK(quire_pmm_check(&pmm));
        quire_pmm_stats_t stats;
        quire_pmm_stats(&pmm, &stats);
        CHECK_EQUAL(stats.free_frames, (size_t)FRAMES - 1 - has[0] - has[1]);
    } while (litmus_next());
    CHECK(executions > 1000);
}

static uint32_t page;
static uint32_t seen;
static bool alone;
static quire_frame_t shared;

static void reader_leaves(void)
{
    store_relaxed(&page, 1);
    CHECK_OK(quire_pmm_release(&pmm, shared, NULL));
}

static void last_holder_writes(void)
{
    alone = quire_pmm_references(&pmm, shared) == 1;
    seen = load_relaxed(&page);
}

/* Who finds itself the only holder sees what the others did with the frame. */
TEST(pmm_litmus, the_last_holder_sees_what_others_did)
{
    unsigned times_alone = 0;

    start_pmm();
    CHECK_OK(take(&shared));
    CHECK_OK(quire_pmm_retain(&pmm, shared));
    memcpy(saved, metadata, metadata_bytes);
    litmus_begin(reader_leaves, last_holder_writes, 2, 2);
    do {
        memcpy(metadata, saved, metadata_bytes);
        page = 0;
        litmus_execute();
        CHECK(!alone || seen == 1);
        times_alone += alone;
    } while (litmus_next());
    CHECK(times_alone > 0);
}
