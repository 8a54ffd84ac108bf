/* SPDX-License-Identifier: MIT */
/*
 * pmm_check.c - recounts everything from the bitmap and the tags, and says in the log which rule it found broken.
 *
 * The check wants a quiet moment: a CPU that is in the middle of an operation looks like a broken rule. It changes
 * nothing but that the calling CPU puts back what it has claimed.
 */
#include "pmm/pmm_private.h"

static quire_status_t broken(const char *rule)
{
    quire_port_log(QUIRE_LOG_ERROR, rule);
    return QUIRE_CORRUPT;
}

typedef struct census {
    size_t managed;
    size_t zone_managed[QUIRE_ZONES];
    size_t claimed; /* free, and the bit is clear: in somebody's slot */
} census_t;

/* One frame of a field whose metadata are written. */
static const char *check_frame(const quire_pmm_t *pmm, size_t index, bool set, census_t *census)
{
    uint8_t tag = tag_of(pmm, index);
    bool managed = (tag & TAG_CODE) != TAG_UNMANAGED;
    bool allocated = pmm_block_start(pmm, index) != NONE;

    census->managed += managed;
    census->claimed += managed && !allocated && !set;
    if (set && !managed)
        return "pmm: a frame that is not managed is free";
    if (set && allocated)
        return "pmm: a frame is free and in a block";
    if (managed && index >= pmm->frame_count)
        return "pmm: a frame beyond the end of memory is managed";
    if (!(tag & TAG_SHARED) && pmm->extra[index] != 0)
        return "pmm: a frame has references and is not marked as shared";
    return NULL;
}

static const char *check_written_field(const quire_pmm_t *pmm, size_t field, census_t *census)
{
    const word_t *words = pmm->bitmap + field * FIELD_WORDS;
    unsigned count = 0;

    for (unsigned at = 0; at < FIELD_FRAMES; at++) {
        bool set = load_relaxed(&words[at / WORD_FRAMES]) >> (at % WORD_FRAMES) & 1;
        const char *rule = check_frame(pmm, field * FIELD_FRAMES + at, set, census);
        if (rule != NULL)
            return rule;
        count += set;
    }
    return count == (pmm->fields[field] & FIELD_COUNT) ? NULL : "pmm: a field's counter is not its number of bits";
}

static const char *check_head(const quire_pmm_t *pmm, size_t field)
{
    unsigned code = pmm->tags[field << FIELD_ORDER] & TAG_CODE;

    if (code == FIELD_ORDER + 1)
        return NULL;
    if (code == QUIRE_PMM_ORDER_MAX + 1 && (field & 1) == 0 && (pmm->fields[field + 1] & FIELD_TAIL))
        return NULL;
    return "pmm: a huge field does not start a huge block";
}

static const char *check_tail(const quire_pmm_t *pmm, size_t field)
{
    uint32_t head = (field & 1) ? load_relaxed(&pmm->fields[field - 1]) & (FIELD_HUGE | FIELD_TAIL) : 0;

    if (head == FIELD_HUGE && (pmm->tags[(field - 1) << FIELD_ORDER] & TAG_CODE) == QUIRE_PMM_ORDER_MAX + 1)
        return NULL;
    return "pmm: a tail follows no block of two fields";
}

static const char *check_field(const quire_pmm_t *pmm, size_t field, census_t *census)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);
    unsigned count = state & FIELD_COUNT;

    if (count > FIELD_FRAMES)
        return "pmm: a field's counter is too large";
    if (state & FIELD_ABSENT)
        return count == 0 ? NULL : "pmm: a field without memory counts free frames";
    if (state & FIELD_HUGE) {
        census->managed += FIELD_FRAMES;
        if (count != 0)
            return "pmm: a huge field counts free frames";
        return (state & FIELD_TAIL) ? check_tail(pmm, field) : check_head(pmm, field);
    }
    if (state & FIELD_FRESH) {
        census->managed += FIELD_FRAMES;
        return count == FIELD_FRAMES ? NULL : "pmm: a fresh field is not whole";
    }
    return check_written_field(pmm, field, census);
}

/* The search for blocks goes by these: where there is a run, its order and all lower ones must say so. */
static const char *check_runs(const quire_pmm_t *pmm, size_t field)
{
    unsigned best = 0;

    for (unsigned at = 0; at < FIELD_WORDS; at++) {
        unsigned order = pmm_run_largest(pmm, field, at);
        best = order > best ? order : best;
    }
    for (; best > 0; best--) {
        if (!pmm_tree_test(pmm, TREE_ORDER + best, field))
            return "pmm: a field with a free block is not in the tree of its order";
    }
    return NULL;
}

static const char *check_whole(const quire_pmm_t *pmm, size_t field)
{
    if (!pmm_tree_test(pmm, TREE_WHOLE, field))
        return "pmm: a whole field is in no tree";
    if ((field & 1) == 0 && is_whole(pmm, field + 1) && !pmm_tree_test(pmm, TREE_PAIR, field))
        return "pmm: a pair of whole fields is in no tree";
    return NULL;
}

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

/* A bit that is set must be found from the top. */
static const char *check_branches(const quire_pmm_t *pmm, size_t field)
{
    for (unsigned tree = TREE_MANY; tree <= TREE_ORDER + RUN_ORDER_MAX; tree++) {
        if (pmm_tree_test(pmm, tree, field) && !summarised(pmm, tree, field))
            return "pmm: a tree has lost a branch";
    }
    return NULL;
}

/* A free frame must be in a tree, or be the field that some CPU claims from. */
static const char *check_trees(const quire_pmm_t *pmm, size_t field)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);
    unsigned count = state & FIELD_COUNT;
    bool found =
        pmm_tree_test(pmm, TREE_MANY + class_of(state), field) || pmm_tree_test(pmm, TREE_FEW + class_of(state), field);
    const char *rule = NULL;

    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++) {
        for (unsigned class = 0; class < CLASSES; class ++)
            found |= magazine_of(pmm, cpu, class)->field == field;
    }
    if (count == FIELD_FRAMES)
        rule = check_whole(pmm, field);
    else if (count > 0)
        rule = found ? check_runs(pmm, field) : "pmm: a field with free frames is in no tree";
    return rule != NULL ? rule : check_branches(pmm, field);
}

/* --- what CPUs have claimed --- */

/* Free, though its bit says otherwise. */
static bool is_claimed(const quire_pmm_t *pmm, size_t index)
{
    if (index >= pmm->frame_count || (tag_of(pmm, index) & TAG_CODE) != TAG_FREE)
        return false;
    if (load_relaxed(&pmm->fields[index >> FIELD_ORDER]) & FIELD_SPECIAL)
        return false;
    return !(load_relaxed(pmm->bitmap + index / WORD_FRAMES) >> (index % WORD_FRAMES) & 1) &&
           pmm_block_start(pmm, index) == NONE;
}

/* Adds what a magazine holds to *claimed; false: something that it cannot hold. */
static bool count_magazine(const quire_pmm_t *pmm, const magazine_t *magazine, size_t *claimed)
{
    uint32_t count = load_relaxed(&magazine->count);
    size_t base = load_relaxed(&magazine->base);
    word_t mask = load_relaxed(&magazine->mask);

    if (count > MAGAZINE_FRAMES)
        return false;
    *claimed += count + count_bits(mask);
    while (count > 0) {
        if (!is_claimed(pmm, load_relaxed(&magazine->entries[--count])))
            return false;
    }
    for (; mask != 0; mask &= mask - 1) {
        if (!is_claimed(pmm, base + lowest_bit(mask)))
            return false;
    }
    return true;
}

static const char *check_claims(const quire_pmm_t *pmm, size_t expected)
{
    size_t claimed = 0;

    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++) {
        for (unsigned number = 0; number < MAGAZINES; number++) {
            if (!count_magazine(pmm, magazine_of(pmm, cpu, number), &claimed))
                return "pmm: a CPU has claimed a frame that is not free";
        }
    }
    return claimed == expected ? NULL : "pmm: frames have been lost, or are claimed twice";
}

static void count_zones(const quire_pmm_t *pmm, size_t field, size_t frames, census_t *census)
{
    for (int zone = 0; zone < QUIRE_ZONES; zone++)
        census->zone_managed[zone] += field < pmm->zone_fields[zone] ? frames : 0;
}

static const char *check_totals(const quire_pmm_t *pmm, const census_t *census)
{
    if (census->managed != pmm->total_frames)
        return "pmm: the total is not the sum of the frames";
    for (int zone = 0; zone < QUIRE_ZONES; zone++) {
        if (census->zone_managed[zone] != pmm->zone_total_frames[zone])
            return "pmm: a zone's total is not the sum of its frames";
    }
    return check_claims(pmm, census->claimed);
}

quire_status_t quire_pmm_check(const quire_pmm_t *pmm)
{
    census_t census = {0};

    pmm_slot_drain(pmm);
    for (size_t field = 0; field < pmm->field_count; field++) {
        size_t before = census.managed;
        const char *rule = check_field(pmm, field, &census);
        if (rule == NULL)
            rule = check_trees(pmm, field);
        if (rule != NULL)
            return broken(rule);
        count_zones(pmm, field, census.managed - before, &census);
    }
    const char *rule = check_totals(pmm, &census);
    return rule == NULL ? QUIRE_OK : broken(rule);
}
