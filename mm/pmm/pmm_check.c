/* SPDX-License-Identifier: MIT */
/*
 * pmm_check.c - recounts everything from the bitmap and the tags, and says in the log which frame broke which rule.
 *
 * The check trusts nothing that it has not looked at: magazines are judged before anything is found through them, and a
 * number that is too large is never used as an index. It changes nothing, so what is corrupt stays as it was found. It
 * wants a quiet moment: a CPU that is in the middle of an operation looks like a broken rule.
 *
 * Blocks. Frames are looked at in order, and the end of the last block is remembered: a block that starts before it
 * overlaps. Claims. Each frame that is free and whose bit is clear must be in exactly one magazine. Both sides are
 * counted, and added up as numbers made of the frames (pmm_mark), so that one frame claimed twice does not stand for
 * another that is lost; only where the sums differ, each such frame is looked for in all magazines, to name it.
 *
 * What it cannot see, because nothing contradicts it: another valid owner, the last owner of a free frame, a count of
 * references of a shared frame (who holds it is not known here), a hint in a tree too many (a search is disappointed
 * once), another valid lifetime of a field, and whatever lies in words that are not in use.
 */
#include "pmm/pmm_private.h"

static bool broken(const char *rule)
{
    quire_port_log(QUIRE_LOG_ERROR, rule);
    return false;
}

/* False, with a sentence about the frame. */
static bool bad(const quire_pmm_t *pmm, size_t index, const char *what)
{
    pmm_complain(pmm, index, what, false);
    return false;
}

static bool bad_field(const quire_pmm_t *pmm, size_t field, const char *what)
{
    return bad(pmm, field << FIELD_ORDER, what);
}

typedef struct census {
    size_t managed;
    size_t zone_managed[QUIRE_ZONES];
    size_t claimed; /* free, and the bit is clear: in somebody's slot */
    uint32_t marks; /* sum of their pmm_mark */
    size_t block_end;
} census_t;

static void note_claimed(census_t *census, size_t index)
{
    census->claimed++;
    census->marks += pmm_mark(index);
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

    if (!(tag & TAG_SHARED) && extra != 0)
        return bad(pmm, index, "has references and is not marked as shared");
    return extra <= EXTRA_PINNED || bad(pmm, index, "has more references than can be");
}

/* A block of less than a field. */
static bool check_start(const quire_pmm_t *pmm, size_t index, uint8_t tag, census_t *census)
{
    unsigned order = (tag & TAG_CODE) - 1u;

    if (index < census->block_end)
        return bad(pmm, index, "starts a block inside another one");
    if (order > RUN_ORDER_MAX)
        return bad(pmm, index, "starts a block that its field has no room for");
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

/* One frame of a field whose metadata are written. */
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
    if (managed && pmm_bank_rest(pmm, index) == 0)
        return bad(pmm, index, "is managed and lies beyond the end of memory");
    census->managed += managed;
    if (managed && !set && index >= census->block_end)
        note_claimed(census, index);
    return check_references(pmm, index, tag);
}

/* --- fields --- */

static bool check_written_field(const quire_pmm_t *pmm, size_t field, uint32_t state, census_t *census)
{
    const word_t *words = pmm_field_words(pmm, field);
    unsigned count = 0;

    if (state & ~(FIELD_COUNT | FIELD_CLASS))
        return bad_field(pmm, field, "begins a field whose state cannot be");
    if ((state & FIELD_COUNT) < FIELD_FRAMES &&
        (class_of(state) == CLASS_LOW) != (class_for(pmm, field, 0) == CLASS_LOW))
        return bad_field(pmm, field, "begins a field that serves the wrong requests");
    for (unsigned at = 0; at < FIELD_FRAMES; at++) {
        bool set = load_relaxed(&words[at / WORD_FRAMES]) >> (at % WORD_FRAMES) & 1;
        if (!check_frame(pmm, (field << FIELD_ORDER) + at, set, census))
            return false;
        count += set;
    }
    return count == (state & FIELD_COUNT) ||
           bad_field(pmm, field, "begins a field whose counter is not its number of bits");
}

/* A field that was written before it was taken as a whole has been left as it was: all free. */
static bool check_left(const quire_pmm_t *pmm, size_t field, unsigned from)
{
    size_t start = field << FIELD_ORDER;

    for (unsigned at = 0; at < FIELD_WORDS; at++) {
        if (load_relaxed(pmm_field_words(pmm, field) + at) != WORD_FULL)
            return bad(pmm, start + at * WORD_FRAMES, "lies in a huge block, whose bits were changed");
    }
    for (unsigned at = from; at < FIELD_FRAMES; at++) {
        if ((load_relaxed(&pmm->tags[start + at]) & (TAG_CODE | TAG_SHARED)) != TAG_FREE ||
            load_relaxed(&pmm->extra[start + at]) != 0)
            return bad(pmm, start + at, "lies in a huge block and has a tag or references of its own");
    }
    return true;
}

static bool is_tail(const quire_pmm_t *pmm, size_t field)
{
    return field < pmm->field_count &&
           (load_relaxed(&pmm->fields[field]) & (FIELD_HUGE | FIELD_TAIL)) == (FIELD_HUGE | FIELD_TAIL);
}

static bool check_head(const quire_pmm_t *pmm, size_t field)
{
    size_t index = field << FIELD_ORDER;
    uint8_t tag = load_relaxed(&pmm->tags[index]);
    unsigned code = tag & TAG_CODE;
    bool pair = code == QUIRE_PMM_ORDER_MAX + 1 && (field & 1) == 0 && is_tail(pmm, field + 1);

    if (code != FIELD_ORDER + 1 && !pair)
        return bad(pmm, index, "begins a huge field and starts no huge block");
    return (has_owner(tag) || bad(pmm, index, "is in use and has no owner")) && check_references(pmm, index, tag);
}

static bool check_tail(const quire_pmm_t *pmm, size_t field)
{
    uint32_t head = (field & 1) ? load_relaxed(&pmm->fields[field - 1]) & (FIELD_HUGE | FIELD_TAIL) : 0;

    if (head == FIELD_HUGE &&
        (load_relaxed(&pmm->tags[(field - 1) << FIELD_ORDER]) & TAG_CODE) == QUIRE_PMM_ORDER_MAX + 1)
        return true;
    return bad_field(pmm, field, "begins the second half of a block without a first");
}

static bool check_huge(const quire_pmm_t *pmm, size_t field, uint32_t state, census_t *census)
{
    bool tail = (state & FIELD_TAIL) != 0;

    census->managed += FIELD_FRAMES;
    if ((state & ~(FIELD_HUGE | FIELD_TAIL | FIELD_FRESH | FIELD_NAMED)) ||
        (state & (FIELD_FRESH | FIELD_NAMED)) == FIELD_NAMED)
        return bad_field(pmm, field, "begins a huge field whose state cannot be");
    if (!(tail ? check_tail(pmm, field) : check_head(pmm, field)))
        return false;
    return (state & FIELD_FRESH) || check_left(pmm, field, tail ? 0 : 1);
}

static bool check_fresh(const quire_pmm_t *pmm, size_t field, uint32_t state, census_t *census)
{
    census->managed += FIELD_FRAMES;
    if ((state & ~FIELD_NAMED) != (FIELD_FRESH | FIELD_FRAMES))
        return bad_field(pmm, field, "begins a fresh field that is not whole");
    if ((state & FIELD_NAMED) && (load_relaxed(&pmm->tags[field << FIELD_ORDER]) & (TAG_CODE | TAG_SHARED)) != TAG_FREE)
        return bad_field(pmm, field, "is free, and its tag says that a block starts there");
    return true;
}

static bool check_field(const quire_pmm_t *pmm, size_t field, census_t *census)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);

    if ((state & FIELD_COUNT) > FIELD_FRAMES)
        return bad_field(pmm, field, "begins a field that counts more frames than it has");
    if (state & FIELD_ABSENT)
        return state == FIELD_ABSENT || bad_field(pmm, field, "begins a field without memory whose state cannot be");
    if (state & FIELD_HUGE)
        return check_huge(pmm, field, state, census);
    if (state & FIELD_FRESH)
        return check_fresh(pmm, field, state, census);
    return check_written_field(pmm, field, state, census);
}

/* --- trees --- */

static bool summarised(const quire_pmm_t *pmm, unsigned tree, size_t field)
{
    const word_t *words = pmm->trees + tree * pmm->shape.words;
    size_t at = field;

    for (unsigned level = 0; level < pmm->shape.levels; level++) {
        if (!(load_relaxed(words + pmm->shape.offset[level] + at / WORD_FRAMES) >> (at % WORD_FRAMES) & 1))
            return false;
        at /= WORD_FRAMES;
    }
    return true;
}

/* A free frame must be in a tree, or be the field that some CPU claims from. */
static bool is_found(const quire_pmm_t *pmm, size_t field, unsigned class)
{
    bool found = pmm_tree_test(pmm, TREE_MANY + class, field) || pmm_tree_test(pmm, TREE_FEW + class, field);

    for (unsigned cpu = 0; cpu < pmm->slot_count && !found; cpu++) {
        for (unsigned at = 0; at < CLASSES; at++)
            found |= load_relaxed(&magazine_of(pmm, cpu, at)->field) == field;
    }
    return found;
}

/* The search for blocks goes by these: where there is a run, its order and all lower ones must say so. */
static bool check_runs(const quire_pmm_t *pmm, size_t field)
{
    for (unsigned best = pmm_run_best(pmm, field); best > 0; best--) {
        if (!pmm_tree_test(pmm, TREE_ORDER + best, field))
            return bad_field(pmm, field, "begins a field with a free block that is not in the tree of its order");
    }
    return true;
}

static bool check_whole(const quire_pmm_t *pmm, size_t field)
{
    if (!pmm_tree_test(pmm, TREE_WHOLE, field))
        return bad_field(pmm, field, "begins a whole field that is in no tree");
    if ((field & 1) == 0 && is_whole(pmm, field + 1) && !pmm_tree_test(pmm, TREE_PAIR, field))
        return bad_field(pmm, field, "begins a pair of whole fields that is in no tree");
    return true;
}

static bool check_trees(const quire_pmm_t *pmm, size_t field)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);
    unsigned count = state & FIELD_COUNT;

    if (count == FIELD_FRAMES && !check_whole(pmm, field))
        return false;
    if (count > 0 && count < FIELD_FRAMES) {
        if (!is_found(pmm, field, class_of(state)))
            return bad_field(pmm, field, "begins a field with free frames that is in no tree");
        if (!check_runs(pmm, field))
            return false;
    }
    for (unsigned tree = TREE_MANY; tree <= TREE_ORDER + RUN_ORDER_MAX; tree++) {
        if (pmm_tree_test(pmm, tree, field) && !summarised(pmm, tree, field))
            return bad_field(pmm, field, "begins a field whose branch of a tree is lost");
    }
    return true;
}

static void count_zones(const quire_pmm_t *pmm, size_t field, size_t frames, census_t *census)
{
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        census->zone_managed[zone] += field < pmm->zone_fields[zone] ? frames : 0;
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

    if (!pmm_slots_are_sound(pmm))
        return QUIRE_CORRUPT;
    for (size_t field = 0; field < pmm->field_count; field++) {
        size_t before = census.managed;
        if (!check_field(pmm, field, &census) || !check_trees(pmm, field))
            return QUIRE_CORRUPT;
        count_zones(pmm, field, census.managed - before, &census);
    }
    if (!check_totals(pmm, &census) || !pmm_claims_match(pmm, census.claimed, census.marks))
        return QUIRE_CORRUPT;
    return QUIRE_OK;
}
