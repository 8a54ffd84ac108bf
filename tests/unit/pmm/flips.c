/* SPDX-License-Identifier: MIT */
/*
 * flips.c - bits of the metadata flipped, one at a time (all of them in a long run): quire_pmm_check() says so, or it
 * harms nobody.
 *
 * Which flips may go unseen is told for each kind of word, and why in mm/pmm/check.c. With those that steer
 * searches all frames must still be had.
 */
#include "pmm/pmm.h"
#include "simulated.h"
#include "string.h"

#define BLOCKS 40

static simulated_t simulated;
static unsigned char *metadata;
static unsigned char *saved;
static size_t bytes;
static size_t free_before;
static quire_frame_t blocks[BLOCKS];

/* Chunks of every kind: below 16 MiB, absent, in part, fresh, huge fresh and huge written, a pair. */
static void begin(void)
{
    quire_pmm_t *pmm = &simulated.pmm;
    quire_frame_t huge;

    simulated_begin(&simulated);
    simulated_usable(&simulated, 0xc00, 700);
    simulated_usable(&simulated, 0x1400, 5000);
    bytes = quire_pmm_metadata_bytes(&simulated.map, no_limit);
    metadata = test_memory(bytes);
    saved = test_memory(bytes);
    CHECK_OK(quire_pmm_init(pmm, &simulated.map, no_limit, metadata, bytes));
    for (unsigned i = 0; i < BLOCKS; i++) {
        quire_pmm_request_t request = {.owner = (uint8_t)(1 + i % (QUIRE_OWNERS - 1)),
                                       .order = (uint8_t)(i % 5 == 0 ? i / 10 : 0),
                                       .zone = i % 7 == 0 ? QUIRE_ZONE_BELOW_16M : QUIRE_ZONE_ANY,
                                       .lifetime = (uint8_t)(i % QUIRE_LIFETIMES)};
        CHECK_OK(quire_pmm_alloc(pmm, request, &blocks[i]));
    }
    CHECK_OK(quire_pmm_retain(pmm, blocks[1]));
    for (unsigned i = 2; i < BLOCKS; i += 7)
        CHECK_OK(quire_pmm_free(pmm, blocks[i], i % 5 == 0 ? i / 10 : 0));
    CHECK_OK(quire_pmm_alloc(pmm, request_of(10), &huge));
    CHECK_OK(quire_pmm_alloc(pmm, request_of(9), &huge));
    CHECK_OK(quire_pmm_split(pmm, huge, 9));
    for (size_t at = 0; at < 512; at++)
        CHECK_OK(quire_pmm_free(pmm, quire_frame(huge.number + at), 0));
    CHECK_OK(quire_pmm_alloc(pmm, request_of(9), &huge));
    free_before = free_frames(pmm);
    CHECK_OK(quire_pmm_check(pmm));
    memcpy(saved, metadata, bytes);
}

/* Every free frame can be had, whatever is wrong; then all is as it was. */
static void all_can_be_had(void)
{
    quire_frame_t frame;
    size_t count = 0;

    while (quire_pmm_alloc(&simulated.pmm, request_of(0), &frame) == QUIRE_OK)
        count++;
    CHECK_EQUAL(count, free_before);
    memcpy(metadata, saved, bytes);
}

typedef bool (*harmless_t)(size_t byte, unsigned bit);

/* Flips each bit of the area; those that the check does not see must be harmless by their place. */
static unsigned flip(void *area, size_t area_bytes, harmless_t harmless, bool steers)
{
    unsigned char *at = area;
    unsigned unseen = 0;
    unsigned stride = test_effort() > 1 ? 1 : 5; /* a short run looks at some */

    for (size_t byte = 0; byte < area_bytes; byte++) {
        for (unsigned bit = (unsigned)test_random_below(stride); bit < 8; bit += stride) {
            at[byte] ^= (unsigned char)(1u << bit);
            bool seen = quire_pmm_check(&simulated.pmm) == QUIRE_CORRUPT;
            if (!seen && steers)
                all_can_be_had();
            else
                at[byte] ^= (unsigned char)(1u << bit);
            if (!seen && !harmless(byte, bit))
                CHECK_EQUAL(byte * 8 + bit, SIZE_MAX); /* which one */
            unseen += !seen;
        }
    }
    CHECK_OK(quire_pmm_check(&simulated.pmm));
    return unseen;
}

static uint32_t state_of(size_t chunk)
{
    return simulated.pmm.chunks[chunk];
}

/* The lifetime of a chunk; whether one that is free as a whole has been written; who had a fresh one last. */
static bool state_is_a_hint(size_t byte, unsigned bit)
{
    uint32_t state = state_of(byte / 4);
    uint32_t flipped = 1u << (byte % 4 * 8 + bit);
    bool whole = (state & CHUNK_COUNT) == CHUNK_FRAMES;

    if (flipped & CHUNK_CLASS)
        return !(state & (CHUNK_HUGE | CHUNK_ABSENT | CHUNK_FRESH));
    if (flipped == CHUNK_FRESH)
        return (whole || (state & CHUNK_HUGE)) && !(state & CHUNK_FRESH);
    return flipped == CHUNK_NAMED && (state & CHUNK_FRESH);
}

TEST(pmm_flips, chunks)
{
    begin();
    CHECK(flip(simulated.pmm.chunks, simulated.pmm.chunk_count * 4, state_is_a_hint, true) > 0);
}

/* Bits that have never been written. */
static bool chunk_is_unread(size_t byte, unsigned bit)
{
    (void)bit;
    return (state_of(byte / 64) & (CHUNK_FRESH | CHUNK_ABSENT)) != 0;
}

TEST(pmm_flips, bitmap)
{
    begin();
    (void)flip(simulated.pmm.frame_bits, simulated.pmm.chunk_count * 64, chunk_is_unread, false);
}

/* An owner that is another owner; the mark of a share, where the count says that there is none, or is a table's word.
 */
static bool tag_is_another(size_t index, unsigned bit)
{
    uint32_t state = state_of(index >> CHUNK_ORDER);
    uint8_t tag = simulated.pmm.tags[index];
    unsigned code = tag & TAG_CODE;
    unsigned owner = (tag ^ 1u << bit) >> TAG_OWNER_SHIFT;

    bool head = (state & (CHUNK_HUGE | CHUNK_TAIL)) == CHUNK_HUGE && (index & (CHUNK_FRAMES - 1)) == 0;
    if ((state & (CHUNK_FRESH | CHUNK_ABSENT)) && !head)
        return true;
    if (code == TAG_UNMANAGED || bit < 4)
        return false;
    if (bit == 4)
        return code != TAG_FREE && (!(tag & TAG_SHARED) || tag >> TAG_OWNER_SHIFT == QUIRE_OWNER_TABLE);
    return code == TAG_FREE || (owner != QUIRE_OWNER_NONE && owner < QUIRE_OWNERS);
}

/* The first frames of each chunk, where blocks start. */
TEST(pmm_flips, tags)
{
    begin();
    uint8_t *tags = simulated.pmm.tags;

    for (size_t chunk = 0; chunk < simulated.pmm.chunk_count; chunk++) {
        for (size_t index = chunk << CHUNK_ORDER; index < (chunk << CHUNK_ORDER) + 40; index++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                bool harmless = tag_is_another(index, bit);
                tags[index] ^= (uint8_t)(1u << bit);
                if (quire_pmm_check(&simulated.pmm) != QUIRE_CORRUPT && !harmless)
                    CHECK_EQUAL(index * 8 + bit, SIZE_MAX); /* which one */
                tags[index] ^= (uint8_t)(1u << bit);
            }
        }
    }
}

/* How many share a frame is known to them alone. */
static bool count_is_another(size_t byte, unsigned bit)
{
    uint32_t state = state_of(byte / 4 >> CHUNK_ORDER);
    bool head = (state & (CHUNK_HUGE | CHUNK_TAIL)) == CHUNK_HUGE && (byte / 4 & (CHUNK_FRAMES - 1)) == 0;

    (void)bit;
    return ((state & (CHUNK_FRESH | CHUNK_ABSENT)) && !head) || (simulated.pmm.tags[byte / 4] & TAG_SHARED);
}

TEST(pmm_flips, references)
{
    begin();
    size_t shared = blocks[1].number - simulated.pmm.first_frame;
    (void)flip(simulated.pmm.extra, 4 * 64, count_is_another, false);
    for (unsigned bit = 0; bit < 32; bit++) {
        simulated.pmm.extra[shared] ^= 1u << bit;
        CHECK(quire_pmm_check(&simulated.pmm) == (bit == 31 ? QUIRE_CORRUPT : QUIRE_OK));
        simulated.pmm.extra[shared] ^= 1u << bit;
    }
}

/* Hints that are not needed; a chunk to begin with; words that are not in use. */
static bool is_only_a_hint(size_t byte, unsigned bit)
{
    (void)byte;
    (void)bit;
    return true;
}

TEST(pmm_flips, bitmaps)
{
    begin();
    size_t words = simulated.pmm.shape.words * (BITMAP_ORDER + CHUNK_ORDER);
    unsigned unseen = flip(simulated.pmm.bitmaps, words * sizeof(word_t), is_only_a_hint, true);
    CHECK(unseen < words * sizeof(word_t) * 8);
}

static bool is_not_in_use(size_t byte, unsigned bit)
{
    size_t at = byte % sizeof(magazine_t);
    const magazine_t *magazine = &simulated.pmm.magazines[byte / sizeof(magazine_t)];

    (void)bit;
    if (at >= offsetof(magazine_t, entries))
        return at >= offsetof(magazine_t, entries) + 4 * magazine->count;
    if (at >= offsetof(magazine_t, base))
        return magazine->mask == 0 && at < offsetof(magazine_t, mask);
    /* Another chunk to claim from, or the padding behind it. */
    return at >= offsetof(magazine_t, chunk);
}

TEST(pmm_flips, magazines)
{
    begin();
    (void)flip(simulated.pmm.magazines, MAGAZINES * sizeof(magazine_t), is_not_in_use, true);
}

static unsigned times_found;

static void spoil(size_t index, uint8_t tag)
{
    uint8_t before = simulated.pmm.tags[index];

    simulated.pmm.tags[index] = tag;
    times_found += quire_pmm_check(&simulated.pmm) == QUIRE_CORRUPT;
    simulated.pmm.tags[index] = before;
}

/* A block that takes in its neighbours, a neighbour that lies in a block, two that share their frames. */
TEST(pmm_flips, blocks_that_overlap)
{
    quire_pmm_t *pmm = simulated_pmm(&simulated, 0x3000, 512);
    quire_frame_t frame;
    quire_frame_t four;

    CHECK_OK(quire_pmm_alloc(pmm, request_of(0), &frame));
    CHECK_OK(quire_pmm_free(pmm, frame, 0));
    CHECK_OK(quire_pmm_take(pmm, quire_frame(0x3000), 8, QUIRE_OWNER_USER));
    CHECK_OK(quire_pmm_alloc(pmm, request_of(2), &four));
    times_found = 0;
    for (unsigned order = 1; order <= 3; order++)
        spoil(0, (uint8_t)(QUIRE_OWNER_USER << TAG_OWNER_SHIFT | (order + 1)));
    spoil(four.number - 0x3000 + 2, QUIRE_OWNER_HEAP << TAG_OWNER_SHIFT | TAG_FRAME);
    spoil(four.number - 0x3000, QUIRE_OWNER_HEAP << TAG_OWNER_SHIFT | 2);
    CHECK_EQUAL(times_found, 5);
    CHECK_OK(quire_pmm_check(pmm));
}
