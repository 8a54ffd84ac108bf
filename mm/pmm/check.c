/* SPDX-License-Identifier: MIT */
/*
 * check.c - recounts everything from the bitmap and the tags, and says in the log which frame broke which rule.
 *
 * The check trusts nothing that it has not looked at: magazines are judged before anything is found through them, and a
 * number that is too large is never used as an index. It changes nothing, so what is corrupt stays as it was found. It
 * wants a quiet moment: a CPU that is in the middle of an operation looks like a broken rule.
 *
 * Blocks. Frames are looked at in order, and the end of the last block is remembered: a block that starts before it
 * overlaps. Claims. Each frame that is free and whose bit is clear must be in exactly one magazine. Both sides are
 * counted, and added up as numbers made of the frames (claim_mark), so that one frame claimed twice does not stand for
 * another that is lost; only where the sums differ, each such frame is looked for in all magazines, to name it.
 *
 * What it cannot see, because nothing contradicts it: another valid owner, the last owner of a free frame, a count of
 * references of a shared frame (who holds it is not known here), a hint in a hierarchical bitmap too many (a search is
 * disappointed once), another valid lifetime of a chunk, and whatever lies in words that are not in use.
 */
#include "pmm.h"

static bool broken(const char *rule)
{
    quire_port_log(QUIRE_LOG_ERROR, rule);
    return false;
}

/* False, with a sentence about the frame. */
static bool bad(const quire_pmm_t *pmm, size_t index, const char *what)
{
    quire_pmm_report(pmm, index, what, false);
    return false;
}

static bool bad_chunk(const quire_pmm_t *pmm, size_t chunk, const char *what)
{
    return bad(pmm, chunk << CHUNK_ORDER, what);
}

typedef struct census {
    size_t managed;
    size_t zone_managed[QUIRE_ZONES];
    size_t claimed; /* free, and the bit is clear: in somebody's CPU cache */
    uint32_t marks; /* sum of their claim_mark */
    size_t block_end;
} census_t;

static void note_claimed(census_t *census, size_t index)
{
    census->claimed++;
    census->marks += claim_mark(index);
}

/* --- frames --- */

static bool has_owner(uint8_t tag)
{
    unsigned owner = tag >> TAG_OWNER_SHIFT;

    return owner != QUIRE_OWNER_NONE && owner < QUIRE_OWNERS;
}

static bool check_references(const quire_pmm_t *pmm, size_t index, uint8_t tag)
{
    uint32_t extra = load_relaxed(&pmm->extra[index]);

    /* A table's word is its holder's. */
    if (starts_block(tag) && tag >> TAG_OWNER_SHIFT == QUIRE_OWNER_TABLE && !(tag & TAG_SHARED))
        return true;
    if (!(tag & TAG_SHARED) && extra != 0)
        return bad(pmm, index, "has references and is not marked as shared");
    return extra <= EXTRA_PINNED || bad(pmm, index, "has more references than can be");
}

/* A block of less than a chunk. */
static bool check_start(const quire_pmm_t *pmm, size_t index, uint8_t tag, census_t *census)
{
    unsigned order = (tag & TAG_CODE) - 1u;

    if (index < census->block_end)
        return bad(pmm, index, "starts a block inside another one");
    if (order > RUN_ORDER_MAX)
        return bad(pmm, index, "starts a block that its chunk has no room for");
    if ((index & (((size_t)1 << order) - 1)) != 0)
        return bad(pmm, index, "starts a block that is not aligned to its size");
    if (!has_owner(tag))
        return bad(pmm, index, "is in use and has no owner");
    census->block_end = index + ((size_t)1 << order);
    return true;
}

static bool check_no_start(const quire_pmm_t *pmm, size_t index, uint8_t tag, bool managed, const census_t *census)
{
    if (!managed && index < census->block_end)
        return bad(pmm, index, "is not managed and in a block");
    if (managed ? (tag & TAG_SHARED) != 0 : tag != TAG_UNMANAGED)
        return bad(pmm, index, "has a tag that no frame can have");
    return true;
}

/* One frame of a chunk whose metadata are written. */
static bool check_frame(const quire_pmm_t *pmm, size_t index, bool set, census_t *census)
{
    uint8_t tag = load_relaxed(&pmm->tags[index]);
    bool managed = (tag & TAG_CODE) != TAG_UNMANAGED;
    bool starts = managed && (tag & TAG_CODE) != TAG_FREE;

    if (!(starts ? check_start(pmm, index, tag, census) : check_no_start(pmm, index, tag, managed, census)))
        return false;
    if (set && !managed)
        return bad(pmm, index, "is free and is not managed");
    if (set && index < census->block_end)
        return bad(pmm, index, "is free and in a block");
    if (managed && quire_pmm_bank_rest(pmm, index) == 0)
        return bad(pmm, index, "is managed and lies beyond the end of memory");
    census->managed += managed;
    if (managed && !set && index >= census->block_end)
        note_claimed(census, index);
    return check_references(pmm, index, tag);
}

/* --- chunks --- */

static bool check_written_chunk(const quire_pmm_t *pmm, size_t chunk, uint32_t state, census_t *census)
{
    const word_t *words = chunk_words(pmm, chunk);
    unsigned count = 0;

    if (state & ~(CHUNK_COUNT | CHUNK_CLASS))
        return bad_chunk(pmm, chunk, "begins a chunk whose state cannot be");
    if ((state & CHUNK_COUNT) < CHUNK_FRAMES &&
        (class_of(state) == CLASS_LOW) != (class_for(pmm, chunk, 0) == CLASS_LOW))
        return bad_chunk(pmm, chunk, "begins a chunk that serves the wrong requests");
    for (unsigned at = 0; at < CHUNK_FRAMES; at++) {
        bool set = load_relaxed(&words[at / WORD_FRAMES]) >> (at % WORD_FRAMES) & 1;
        if (!check_frame(pmm, (chunk << CHUNK_ORDER) + at, set, census))
            return false;
        count += set;
    }
    return count == (state & CHUNK_COUNT) ||
           bad_chunk(pmm, chunk, "begins a chunk whose counter is not its number of bits");
}

/* A chunk that was written before it was taken as a whole has been left as it was: all free. */
static bool check_left(const quire_pmm_t *pmm, size_t chunk, unsigned from)
{
    size_t start = chunk << CHUNK_ORDER;

    for (unsigned at = 0; at < CHUNK_WORDS; at++) {
        if (load_relaxed(chunk_words(pmm, chunk) + at) != WORD_FULL)
            return bad(pmm, start + at * WORD_FRAMES, "lies in a huge block, whose bits were changed");
    }
    for (unsigned at = from; at < CHUNK_FRAMES; at++) {
        if ((load_relaxed(&pmm->tags[start + at]) & (TAG_CODE | TAG_SHARED)) != TAG_FREE ||
            load_relaxed(&pmm->extra[start + at]) != 0)
            return bad(pmm, start + at, "lies in a huge block and has a tag or references of its own");
    }
    return true;
}

static bool is_tail(const quire_pmm_t *pmm, size_t chunk)
{
    return chunk < pmm->chunk_count &&
           (load_relaxed(&pmm->chunks[chunk]) & (CHUNK_HUGE | CHUNK_TAIL)) == (CHUNK_HUGE | CHUNK_TAIL);
}

static bool check_head(const quire_pmm_t *pmm, size_t chunk)
{
    size_t index = chunk << CHUNK_ORDER;
    uint8_t tag = load_relaxed(&pmm->tags[index]);
    unsigned code = tag & TAG_CODE;
    bool pair = code == QUIRE_PMM_ORDER_MAX + 1 && (chunk & 1) == 0 && is_tail(pmm, chunk + 1);

    if (code != CHUNK_ORDER + 1 && !pair)
        return bad(pmm, index, "begins a huge chunk and starts no huge block");
    return (has_owner(tag) || bad(pmm, index, "is in use and has no owner")) && check_references(pmm, index, tag);
}

static bool check_tail(const quire_pmm_t *pmm, size_t chunk)
{
    uint32_t head = (chunk & 1) ? load_relaxed(&pmm->chunks[chunk - 1]) & (CHUNK_HUGE | CHUNK_TAIL) : 0;

    if (head == CHUNK_HUGE &&
        (load_relaxed(&pmm->tags[(chunk - 1) << CHUNK_ORDER]) & TAG_CODE) == QUIRE_PMM_ORDER_MAX + 1)
        return true;
    return bad_chunk(pmm, chunk, "begins the second half of a block without a first");
}

static bool check_huge(const quire_pmm_t *pmm, size_t chunk, uint32_t state, census_t *census)
{
    bool tail = (state & CHUNK_TAIL) != 0;

    census->managed += CHUNK_FRAMES;
    if ((state & ~(CHUNK_HUGE | CHUNK_TAIL | CHUNK_FRESH | CHUNK_NAMED)) ||
        (state & (CHUNK_FRESH | CHUNK_NAMED)) == CHUNK_NAMED)
        return bad_chunk(pmm, chunk, "begins a huge chunk whose state cannot be");
    if (!(tail ? check_tail(pmm, chunk) : check_head(pmm, chunk)))
        return false;
    return (state & CHUNK_FRESH) || check_left(pmm, chunk, tail ? 0 : 1);
}

static bool check_fresh(const quire_pmm_t *pmm, size_t chunk, uint32_t state, census_t *census)
{
    census->managed += CHUNK_FRAMES;
    if ((state & ~CHUNK_NAMED) != (CHUNK_FRESH | CHUNK_FRAMES))
        return bad_chunk(pmm, chunk, "begins a fresh chunk that is not whole");
    if ((state & CHUNK_NAMED) && (load_relaxed(&pmm->tags[chunk << CHUNK_ORDER]) & (TAG_CODE | TAG_SHARED)) != TAG_FREE)
        return bad_chunk(pmm, chunk, "is free, and its tag says that a block starts there");
    return true;
}

static bool check_chunk(const quire_pmm_t *pmm, size_t chunk, census_t *census)
{
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);

    if ((state & CHUNK_COUNT) > CHUNK_FRAMES)
        return bad_chunk(pmm, chunk, "begins a chunk that counts more frames than it has");
    if (state & CHUNK_ABSENT)
        return state == CHUNK_ABSENT || bad_chunk(pmm, chunk, "begins a chunk without memory whose state cannot be");
    if (state & CHUNK_HUGE)
        return check_huge(pmm, chunk, state, census);
    if (state & CHUNK_FRESH)
        return check_fresh(pmm, chunk, state, census);
    return check_written_chunk(pmm, chunk, state, census);
}

/* --- hierarchical bitmaps --- */

static bool summarised(const quire_pmm_t *pmm, unsigned bitmap, size_t chunk)
{
    const word_t *words = pmm->bitmaps + bitmap * pmm->shape.words;
    size_t at = chunk;

    for (unsigned level = 0; level < pmm->shape.levels; level++) {
        if (!(load_relaxed(words + pmm->shape.offset[level] + at / WORD_FRAMES) >> (at % WORD_FRAMES) & 1))
            return false;
        at /= WORD_FRAMES;
    }
    return true;
}

/* A free frame must be in a hierarchical bitmap, or be the chunk that some CPU claims from. */
static bool is_found(const quire_pmm_t *pmm, size_t chunk, unsigned class)
{
    bool found =
        quire_pmm_bitmap_test(pmm, BITMAP_MANY + class, chunk) || quire_pmm_bitmap_test(pmm, BITMAP_FEW + class, chunk);

    for (unsigned cpu = 0; cpu < pmm->cpu_count && !found; cpu++) {
        for (unsigned at = 0; at < CLASSES; at++)
            found |= load_relaxed(&magazine_of(pmm, cpu, at)->chunk) == chunk;
    }
    return found;
}

/* The search for blocks goes by these: where there is a run, its order and all lower ones must say so. */
static bool check_runs(const quire_pmm_t *pmm, size_t chunk)
{
    for (unsigned best = quire_pmm_run_best(pmm, chunk); best > 0; best--) {
        if (!quire_pmm_bitmap_test(pmm, BITMAP_ORDER + best, chunk))
            return bad_chunk(pmm, chunk,
                             "begins a chunk with a free block that is not in the hierarchical bitmap of its order");
    }
    return true;
}

static bool check_whole(const quire_pmm_t *pmm, size_t chunk)
{
    if (!quire_pmm_bitmap_test(pmm, BITMAP_WHOLE, chunk))
        return bad_chunk(pmm, chunk, "begins a whole chunk that is in no hierarchical bitmap");
    if ((chunk & 1) == 0 && is_whole(pmm, chunk + 1) && !quire_pmm_bitmap_test(pmm, BITMAP_PAIR, chunk))
        return bad_chunk(pmm, chunk, "begins a pair of whole chunks that is in no hierarchical bitmap");
    return true;
}

static bool check_bitmaps(const quire_pmm_t *pmm, size_t chunk)
{
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);
    unsigned count = state & CHUNK_COUNT;

    if (count == CHUNK_FRAMES && !check_whole(pmm, chunk))
        return false;
    if (count > 0 && count < CHUNK_FRAMES) {
        if (!is_found(pmm, chunk, class_of(state)))
            return bad_chunk(pmm, chunk, "begins a chunk with free frames that is in no hierarchical bitmap");
        if (!check_runs(pmm, chunk))
            return false;
    }
    for (unsigned bitmap = BITMAP_MANY; bitmap <= BITMAP_ORDER + RUN_ORDER_MAX; bitmap++) {
        if (quire_pmm_bitmap_test(pmm, bitmap, chunk) && !summarised(pmm, bitmap, chunk))
            return bad_chunk(pmm, chunk, "begins a chunk whose branch of a hierarchical bitmap is lost");
    }
    return true;
}

static void count_zones(const quire_pmm_t *pmm, size_t chunk, size_t frames, census_t *census)
{
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        census->zone_managed[zone] += chunk < pmm->zone_chunks[zone] ? frames : 0;
}

static bool check_totals(const quire_pmm_t *pmm, const census_t *census)
{
    if (census->managed != pmm->total_frames)
        return broken("pmm: the total is not the sum of the frames");
    for (int zone = 0; zone < QUIRE_ZONES; zone++) {
        if (census->zone_managed[zone] != pmm->zone_total_frames[zone])
            return broken("pmm: a zone's total is not the sum of its frames");
    }
    return true;
}

quire_status_t quire_pmm_check(const quire_pmm_t *pmm)
{
    census_t census = {0};

    if (!quire_pmm_cpu_caches_are_sound(pmm))
        return QUIRE_CORRUPT;
    for (size_t chunk = 0; chunk < pmm->chunk_count; chunk++) {
        size_t before = census.managed;
        if (!check_chunk(pmm, chunk, &census) || !check_bitmaps(pmm, chunk))
            return QUIRE_CORRUPT;
        count_zones(pmm, chunk, census.managed - before, &census);
    }
    if (!check_totals(pmm, &census) || !quire_pmm_claims_match(pmm, census.claimed, census.marks))
        return QUIRE_CORRUPT;
    return QUIRE_OK;
}
