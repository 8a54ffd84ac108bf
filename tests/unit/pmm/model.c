/* SPDX-License-Identifier: MIT */
/*
 * model.c - random operations against a model that is one small record a frame and nothing else.
 *
 * The model finds room by trying every place. It knows when an allocation must succeed and when it must fail, what
 * every statistic must be, and what every frame must answer.
 */
#include "simulated.h"

#define FRAMES     1800
#define FIRST      (0x1000 - 640) /* a part below 16 MiB */
#define HOLE_START 200            /* a hole that is not managed */
#define HOLE_END   300

typedef struct model_frame {
    uint32_t references; /* of the block that starts here; 0 = no block starts here */
    uint8_t order;
    uint8_t owner;
    bool used;
    bool hole;
} model_frame_t;

static simulated_t simulated;
static model_frame_t model[FRAMES];

static bool can_allocate(unsigned order, size_t end)
{
    size_t frames = (size_t)1 << order;
    size_t first = (FIRST + frames - 1) / frames * frames - FIRST;

    for (size_t start = first; start + frames <= FRAMES && FIRST + start + frames <= end; start += frames) {
        size_t at = start;
        while (at < start + frames && !model[at].used && !model[at].hole)
            at++;
        if (at == start + frames)
            return true;
    }
    return false;
}

static size_t end_of(unsigned zone)
{
    return zone == QUIRE_ZONE_BELOW_16M ? 0x1000 : zone == QUIRE_ZONE_BELOW_4G ? 0x100000 : SIZE_MAX;
}

static void try_alloc(quire_pmm_t *pmm)
{
    quire_pmm_request_t request = {.owner = (uint8_t)(1 + test_random_below(QUIRE_OWNERS - 1)),
                                   .lifetime = (uint8_t)test_random_below(QUIRE_LIFETIMES),
                                   .zone = (uint8_t)(test_random_below(4) == 0 ? test_random_below(QUIRE_ZONES) : 0)};
    quire_frame_t frame;

    if (test_random_below(2) == 0)
        request.order = (uint8_t)test_random_below(QUIRE_PMM_ORDER_MAX + 1);
    bool possible = can_allocate(request.order, end_of(request.zone));
    quire_status_t status = quire_pmm_alloc(pmm, request, &frame);
    CHECK_EQUAL(status, possible ? QUIRE_OK : QUIRE_NO_MEMORY);
    if (!possible)
        return;
    size_t start = frame.number - FIRST;
    CHECK(frame.number >= FIRST && start + ((size_t)1 << request.order) <= FRAMES);
    CHECK(frame.number + ((size_t)1 << request.order) <= end_of(request.zone));
    CHECK_EQUAL(frame.number & (((size_t)1 << request.order) - 1), 0);
    for (size_t at = start; at < start + ((size_t)1 << request.order); at++) {
        CHECK(!model[at].used && !model[at].hole);
        model[at].used = true;
        model[at].owner = request.owner;
    }
    model[start].references = 1;
    model[start].order = request.order;
}

static void model_free(size_t start)
{
    model[start].references = 0;
    for (size_t at = start; at < start + ((size_t)1 << model[start].order); at++)
        model[at].used = false;
}

static void try_free(quire_pmm_t *pmm, size_t start)
{
    unsigned order = test_random_below(8) == 0 ? (unsigned)test_random_below(12) : model[start].order;
    bool valid = model[start].references == 1 && order == model[start].order;

    CHECK_EQUAL(quire_pmm_free(pmm, quire_frame(FIRST + start), order), valid ? QUIRE_OK : QUIRE_CORRUPT);
    if (valid)
        model_free(start);
}

static void try_share(quire_pmm_t *pmm, size_t start)
{
    bool valid = model[start].references > 0;

    CHECK_EQUAL(quire_pmm_retain(pmm, quire_frame(FIRST + start)), valid ? QUIRE_OK : QUIRE_CORRUPT);
    model[start].references += valid;
}

static void try_release(quire_pmm_t *pmm, size_t start)
{
    bool valid = model[start].references > 0;
    bool freed = !valid;

    CHECK_EQUAL(quire_pmm_release(pmm, quire_frame(FIRST + start), &freed), valid ? QUIRE_OK : QUIRE_CORRUPT);
    CHECK_EQUAL(freed, !valid || model[start].references == 1);
    if (valid && --model[start].references == 0)
        model_free(start);
}

static void try_split(quire_pmm_t *pmm, size_t start)
{
    unsigned order = test_random_below(8) == 0 ? (unsigned)test_random_below(12) : model[start].order;
    bool valid = model[start].references > 0 && order == model[start].order;
    bool shared = model[start].references > 1;

    CHECK_EQUAL(quire_pmm_split(pmm, quire_frame(FIRST + start), order), !valid   ? QUIRE_CORRUPT
                                                                         : shared ? QUIRE_DENIED
                                                                                  : QUIRE_OK);
    for (size_t at = start; valid && !shared && at < start + ((size_t)1 << order); at++) {
        model[at].references = 1;
        model[at].order = 0;
    }
}

static void try_take(quire_pmm_t *pmm)
{
    size_t start = (size_t)test_random_below(FRAMES);
    size_t end = start + 1 + (size_t)test_random_below(test_random_below(4) == 0 ? 800 : 20);
    bool managed = end <= FRAMES;
    bool unused = true;

    for (size_t at = start; at < end && at < FRAMES; at++) {
        managed = managed && !model[at].hole;
        unused = unused && !model[at].used;
    }
    CHECK_EQUAL(quire_pmm_take(pmm, quire_frame(FIRST + start), end - start, QUIRE_OWNER_DEVICE),
                !managed  ? QUIRE_INVALID
                : !unused ? QUIRE_EXISTS
                          : QUIRE_OK);
    for (size_t at = start; managed && unused && at < end; at++)
        model[at] = (model_frame_t){.references = 1, .owner = QUIRE_OWNER_DEVICE, .used = true};
}

static void check_stats(const quire_pmm_t *pmm)
{
    quire_pmm_stats_t expected = {0};
    quire_pmm_stats_t stats;
    size_t run = 0;

    for (size_t at = 0; at < FRAMES; at++) {
        bool free = !model[at].used && !model[at].hole;
        expected.total_frames += !model[at].hole;
        expected.free_frames += free;
        expected.owner_frames[model[at].owner] += model[at].used;
        expected.zone_free_frames[QUIRE_ZONE_BELOW_16M] += free && FIRST + at < 0x1000;
        expected.zone_total_frames[QUIRE_ZONE_BELOW_16M] += !model[at].hole && FIRST + at < 0x1000;
        run = (FIRST + at) % 512 == 0 ? free : run + free;
        expected.free_huge_frames += run == 512;
        expected.zone_free_huge_frames[QUIRE_ZONE_BELOW_16M] += run == 512 && FIRST + at < 0x1000;
    }
    quire_pmm_stats(pmm, &stats);
    CHECK_EQUAL(stats.total_frames, expected.total_frames);
    CHECK_EQUAL(stats.free_frames, expected.free_frames);
    CHECK_EQUAL(stats.used_frames, expected.total_frames - expected.free_frames);
    CHECK_EQUAL(stats.zone_free_frames[QUIRE_ZONE_ANY], expected.free_frames);
    CHECK_EQUAL(stats.zone_free_frames[QUIRE_ZONE_BELOW_4G], expected.free_frames);
    CHECK_EQUAL(stats.zone_total_frames[QUIRE_ZONE_BELOW_4G], expected.total_frames);
    CHECK_EQUAL(stats.zone_free_frames[QUIRE_ZONE_BELOW_16M], expected.zone_free_frames[QUIRE_ZONE_BELOW_16M]);
    CHECK_EQUAL(stats.zone_total_frames[QUIRE_ZONE_BELOW_16M], expected.zone_total_frames[QUIRE_ZONE_BELOW_16M]);
    for (unsigned owner = 1; owner < QUIRE_OWNERS; owner++)
        CHECK_EQUAL(stats.owner_frames[owner], expected.owner_frames[owner]);
    if (stats.free_frames > 0) {
        CHECK(can_allocate(stats.largest_free_order, SIZE_MAX));
        CHECK(stats.largest_free_order == QUIRE_PMM_ORDER_MAX || !can_allocate(stats.largest_free_order + 1, SIZE_MAX));
    }
    CHECK_EQUAL(stats.free_huge_frames > 0, can_allocate(9, SIZE_MAX));
    CHECK_EQUAL(stats.free_huge_frames, expected.free_huge_frames);
    CHECK_EQUAL(stats.zone_free_huge_frames[QUIRE_ZONE_ANY], expected.free_huge_frames);
    CHECK_EQUAL(stats.zone_free_huge_frames[QUIRE_ZONE_BELOW_4G], expected.free_huge_frames);
    CHECK_EQUAL(stats.zone_free_huge_frames[QUIRE_ZONE_BELOW_16M],
                expected.zone_free_huge_frames[QUIRE_ZONE_BELOW_16M]);
    size_t scattered = expected.free_frames - 512 * expected.free_huge_frames;
    CHECK_EQUAL(stats.fragmentation_per_thousand,
                expected.free_frames == 0 ? 0 : scattered * 1000 / expected.free_frames);
}

static void check_frames(const quire_pmm_t *pmm)
{
    for (size_t at = 0; at < FRAMES; at++) {
        quire_frame_info_t info = quire_pmm_frame_info(pmm, quire_frame(FIRST + at));
        CHECK_EQUAL(info.managed, !model[at].hole);
        CHECK_EQUAL(info.allocated, model[at].used);
        CHECK_EQUAL(info.references, model[at].references);
        CHECK_EQUAL(quire_pmm_references(pmm, quire_frame(FIRST + at)), model[at].references);
        CHECK(!model[at].used || info.owner == (quire_owner_t)model[at].owner);
        CHECK(model[at].references == 0 || info.order == model[at].order);
    }
}

static quire_pmm_t *begin(void)
{
    simulated_begin(&simulated);
    simulated_usable(&simulated, FIRST, HOLE_START);
    simulated_usable(&simulated, FIRST + HOLE_END, FRAMES - HOLE_END);
    for (size_t at = 0; at < FRAMES; at++)
        model[at] = (model_frame_t){.hole = at >= HOLE_START && at < HOLE_END};
    return simulated_start(&simulated);
}

TEST(pmm, random_operations)
{
    quire_pmm_t *pmm = begin();

    for (unsigned step = 0; step < 12000 * test_effort(); step++) {
        size_t place = (size_t)test_random_below(FRAMES);
        /* Phases of growth and of shrinking, so that both ends are reached. */
        bool growing = (step / 600) % 2 == 0;
        for (unsigned tries = 0; tries < 8 && model[place].references == 0; tries++)
            place = (size_t)test_random_below(FRAMES);
        switch (test_random_below(8)) {
        case 0:
            if (step % 3 == 0)
                try_split(pmm, place);
            else if (step % 3 == 1 && growing)
                try_take(pmm);
            else
                try_share(pmm, place);
            break;
        case 1:
            try_release(pmm, place);
            break;
        case 2:
        case 3:
            try_free(pmm, place);
            break;
        default:
            if (growing)
                try_alloc(pmm);
            else
                try_release(pmm, place);
        }
        if (step % 64 == 0) {
            CHECK_OK(quire_pmm_check(pmm));
            check_stats(pmm);
        }
        if (step % 512 == 0)
            check_frames(pmm);
    }
}

/* Until nothing is left, and back, again and again: nothing is lost and nothing appears. */
TEST(pmm, exhaust_and_back)
{
    static size_t taken[FRAMES];
    quire_pmm_t *pmm = begin();
    size_t total = free_frames(pmm);

    for (unsigned round = 0; round < 20 * test_effort(); round++) {
        size_t count = 0;
        quire_frame_t frame;
        quire_pmm_request_t request = request_of(0);
        request.lifetime = (uint8_t)(round % QUIRE_LIFETIMES);
        while (quire_pmm_alloc(pmm, request, &frame) == QUIRE_OK) {
            CHECK(count < total);
            taken[count++] = frame.number;
        }
        CHECK_EQUAL(count, total);
        CHECK_EQUAL(free_frames(pmm), 0);
        CHECK_OK(quire_pmm_check(pmm));
        for (size_t left = count; left > 0; left--) {
            size_t pick = (size_t)test_random_below(left);
            CHECK_OK(quire_pmm_free(pmm, quire_frame(taken[pick]), 0));
            taken[pick] = taken[left - 1];
        }
        CHECK_EQUAL(free_frames(pmm), total);
        CHECK_OK(quire_pmm_check(pmm));
    }
    /* All of it is whole again: the largest block can be had. */
    CHECK(can_allocate(10, SIZE_MAX));
    quire_frame_t frame;
    CHECK_OK(quire_pmm_alloc(pmm, request_of(10), &frame));
}
