/* SPDX-License-Identifier: MIT */
/*
 * rules.c - the PMM's check finds each rule that is broken.
 *
 * Metadata are spoiled in one place, the check must answer, and everything is put back before the next. Without this
 * the check could have become blind, and every test that ends with it would prove less than it says.
 */
#include "simulated.h"

#include "pmm/pmm.h"
#include "string.h"

static simulated_t simulated;
static uint8_t *metadata;
static uint8_t *saved;
static size_t metadata_bytes;
static quire_frame_t single; /* allocated; the rest of its chunk is free */
static quire_frame_t huge;   /* a block that is a whole chunk */

static size_t index_of(quire_frame_t frame)
{
    return frame.number - simulated.pmm.first_frame;
}

static size_t chunk_of(quire_frame_t frame)
{
    return index_of(frame) >> CHUNK_ORDER;
}

/* A chunk of this state, whose frames have not been touched yet. */
static size_t chunk_that_is(uint32_t state)
{
    size_t chunk = simulated.pmm.chunk_count - 2;

    while (!(simulated.pmm.chunks[chunk] & state)) {
        CHECK(chunk > 0);
        chunk--;
    }
    return chunk;
}

static void free_one_is_unmanaged(quire_pmm_t *pmm)
{
    pmm->tags[index_of(single) ^ 1] = TAG_UNMANAGED;
}

static void allocated_one_is_free(quire_pmm_t *pmm)
{
    chunk_words(pmm, chunk_of(single))[index_of(single) % CHUNK_FRAMES / WORD_FRAMES] |=
        (word_t)1 << (index_of(single) % WORD_FRAMES);
}

static void end_comes_earlier(quire_pmm_t *pmm)
{
    pmm->banks[0].frames = (chunk_of(single) << CHUNK_ORDER) + 1;
}

static void references_without_mark(quire_pmm_t *pmm)
{
    pmm->extra[index_of(single)] = 1;
}

static void counter_differs(quire_pmm_t *pmm)
{
    pmm->chunks[chunk_of(single)]--;
}

static void counter_too_large(quire_pmm_t *pmm)
{
    pmm->chunks[chunk_of(single)] |= CHUNK_COUNT;
}

static void absent_chunk_counts(quire_pmm_t *pmm)
{
    pmm->chunks[chunk_that_is(CHUNK_ABSENT)]++;
}

static void fresh_chunk_lacks_one(quire_pmm_t *pmm)
{
    pmm->chunks[chunk_that_is(CHUNK_FRESH)]--;
}

static void huge_chunk_counts(quire_pmm_t *pmm)
{
    pmm->chunks[chunk_of(huge)]++;
}

static void huge_chunk_without_block(quire_pmm_t *pmm)
{
    pmm->tags[index_of(huge)] = TAG_FRAME;
}

static void whole_chunk_in_no_bitmap(quire_pmm_t *pmm)
{
    quire_pmm_bitmap_clear(pmm, BITMAP_WHOLE, chunk_that_is(CHUNK_FRESH));
}

static void chunk_in_no_bitmap(quire_pmm_t *pmm)
{
    size_t chunk = chunk_of(single);
    unsigned class = class_of(pmm->chunks[chunk]);

    quire_pmm_bitmap_clear(pmm, BITMAP_MANY + class, chunk);
    quire_pmm_bitmap_clear(pmm, BITMAP_FEW + class, chunk);
    for (unsigned cpu = 0; cpu < pmm->cpu_count; cpu++) {
        for (unsigned at = 0; at < CLASSES; at++)
            magazine_of(pmm, cpu, at)->chunk = CHUNK_NONE;
    }
}

static void total_differs(quire_pmm_t *pmm)
{
    pmm->total_frames++;
}

static void one_is_lost(quire_pmm_t *pmm)
{
    allocated_one_is_free(pmm);
    pmm->tags[index_of(single)] = TAG_FREE;
    chunk_words(pmm, chunk_of(single))[index_of(single) % CHUNK_FRAMES / WORD_FRAMES] &=
        ~((word_t)1 << (index_of(single) % WORD_FRAMES));
}

static void branch_is_lost(quire_pmm_t *pmm)
{
    word_t *bitmap = pmm->bitmaps + BITMAP_WHOLE * pmm->shape.words;

    bitmap[pmm->shape.offset[pmm->shape.levels - 1]] = 0;
}

/* The calling CPU's own; empty. */
static magazine_t *empty_magazine(const quire_pmm_t *pmm)
{
    return magazine_of(pmm, quire_port_cpu(), QUIRE_LIFETIME_LONG);
}

static void claim_of_too_many(quire_pmm_t *pmm)
{
    empty_magazine(pmm)->count = MAGAZINE_FRAMES + 1;
}

static void claim_of_a_huge_frame(quire_pmm_t *pmm)
{
    magazine_t *magazine = empty_magazine(pmm);

    magazine->entries[0] = (uint32_t)index_of(huge) + 1;
    magazine->count = 1;
}

static void claim_of_a_used_frame(quire_pmm_t *pmm)
{
    magazine_t *magazine = empty_magazine(pmm);

    magazine->base = index_of(single) & ~(size_t)(WORD_FRAMES - 1);
    magazine->mask = (word_t)1 << (index_of(single) % WORD_FRAMES);
}

static void tail_without_head(quire_pmm_t *pmm)
{
    pmm->chunks[chunk_of(huge)] |= CHUNK_TAIL;
}

static void (*const spoilers[])(quire_pmm_t *pmm) = {
    free_one_is_unmanaged,
    allocated_one_is_free,
    end_comes_earlier,
    references_without_mark,
    counter_differs,
    counter_too_large,
    absent_chunk_counts,
    fresh_chunk_lacks_one,
    huge_chunk_counts,
    huge_chunk_without_block,
    whole_chunk_in_no_bitmap,
    chunk_in_no_bitmap,
    total_differs,
    one_is_lost,
    branch_is_lost,
    claim_of_too_many,
    claim_of_a_huge_frame,
    claim_of_a_used_frame,
    tail_without_head,
};

static void begin(void)
{
    const quire_pmm_request_t one = {.owner = QUIRE_OWNER_TEST};
    const quire_pmm_request_t chunk = {.owner = QUIRE_OWNER_TEST, .order = CHUNK_ORDER};

    simulated_begin(&simulated);
    simulated_usable(&simulated, 0x3000, 1500);
    simulated_usable(&simulated, 0x4000, 80000); /* hierarchical bitmaps of two levels */
    metadata_bytes = quire_pmm_metadata_bytes(&simulated.map, no_limit);
    metadata = test_memory(metadata_bytes);
    saved = test_memory(metadata_bytes);
    CHECK_OK(quire_pmm_init(&simulated.pmm, &simulated.map, no_limit, metadata, metadata_bytes));
    CHECK_OK(quire_pmm_alloc(&simulated.pmm, one, &single));
    CHECK_OK(quire_pmm_alloc(&simulated.pmm, chunk, &huge));
    CHECK_OK(quire_pmm_check(&simulated.pmm));
}

TEST(pmm, check_finds_every_broken_rule)
{
    begin();
    quire_pmm_t before = simulated.pmm;
    memcpy(saved, metadata, metadata_bytes);
    for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++) {
        spoilers[i](&simulated.pmm);
        if (quire_pmm_check(&simulated.pmm) != QUIRE_CORRUPT)
            CHECK_EQUAL(i, SIZE_MAX); /* which one */
        simulated.pmm = before;
        memcpy(metadata, saved, metadata_bytes);
        CHECK_OK(quire_pmm_check(&simulated.pmm));
    }
}

TEST(pmm, bounds_cover_all_frames)
{
    quire_frame_t first;
    quire_frame_t end;

    begin();
    quire_pmm_bounds(&simulated.pmm, &first, &end);
    CHECK(first.number <= 0x3000 && end.number >= 0x4000 + 80000);
    CHECK(first.number <= single.number && single.number < end.number);
}

TEST(pmm, every_owner_has_a_name)
{
    for (unsigned owner = 0; owner < QUIRE_OWNERS; owner++) {
        for (unsigned other = 0; other < owner; other++)
            CHECK(quire_owner_name((quire_owner_t)owner) != quire_owner_name((quire_owner_t)other));
        CHECK(quire_owner_name((quire_owner_t)owner)[0] != '\0');
    }
    CHECK(quire_owner_name(QUIRE_OWNERS)[0] != '\0');
}
