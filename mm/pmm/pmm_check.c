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

static const char *check_tail(const quire_pmm_t *pmm, size_t field)
{
    unsigned code = pmm->tags[field << FIELD_ORDER] & TAG_CODE;

    if (code == FIELD_ORDER + 1)
        return NULL;
    if (code == QUIRE_PMM_ORDER_MAX + 1 && (field & 1) == 0 && (pmm->fields[field + 1] & FIELD_TAIL))
        return NULL;
    return "pmm: a huge field does not start a huge block";
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
        return (state & FIELD_TAIL) ? NULL : check_tail(pmm, field);
    }
    if (state & FIELD_FRESH) {
        census->managed += FIELD_FRAMES;
        return count == FIELD_FRAMES ? NULL : "pmm: a fresh field is not whole";
    }
    return check_written_field(pmm, field, census);
}

/* A free frame must be in a tree, or be the field that some CPU claims from. */
static const char *check_trees(const quire_pmm_t *pmm, size_t field)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);
    unsigned count = state & FIELD_COUNT;
    bool adopted = false;

    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++) {
        for (unsigned class = 0; class < CLASSES; class ++)
            adopted |= magazine_of(pmm, cpu, class)->field == field;
    }
    if (count == FIELD_FRAMES && !pmm_tree_test(pmm, TREE_WHOLE, field))
        return "pmm: a whole field is in no tree";
    bool found =
        pmm_tree_test(pmm, TREE_MANY + class_of(state), field) || pmm_tree_test(pmm, TREE_FEW + class_of(state), field);
    if (count > 0 && count < FIELD_FRAMES && !adopted && !found)
        return "pmm: a field with free frames is in no tree";
    if (pmm_tree_test(pmm, TREE_WHOLE, field) && pmm_tree_next(pmm, TREE_WHOLE, field, field + 1) != field)
        return "pmm: a tree has lost a branch";
    return NULL;
}

static size_t count_claimed(const quire_pmm_t *pmm)
{
    size_t claimed = 0;

    for (unsigned cpu = 0; cpu < pmm->slot_count; cpu++) {
        for (unsigned class = 0; class < CLASSES; class ++) {
            const magazine_t *magazine = magazine_of(pmm, cpu, class);
            claimed += load_relaxed(&magazine->count) + count_bits(load_relaxed(&magazine->mask));
        }
    }
    return claimed;
}

quire_status_t quire_pmm_check(const quire_pmm_t *pmm)
{
    census_t census = {0};

    pmm_slot_drain(pmm);
    for (size_t field = 0; field < pmm->field_count; field++) {
        const char *rule = check_field(pmm, field, &census);
        if (rule == NULL)
            rule = check_trees(pmm, field);
        if (rule != NULL)
            return broken(rule);
    }
    if (census.managed != pmm->total_frames)
        return broken("pmm: the total is not the sum of the frames");
    if (census.claimed != count_claimed(pmm))
        return broken("pmm: frames have been lost, or are claimed twice");
    return QUIRE_OK;
}
