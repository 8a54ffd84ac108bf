/* SPDX-License-Identifier: MIT */
/*
 * fresh.c - fields that nobody has used yet: how their metadata are written without hiding what is in them.
 *
 * Problem: the metadata of a fresh field are 2.6 KB that have never been written. Somebody must write them before its
 * first frame goes out; and while one CPU does, perhaps stopped in the middle, the others must not be told that there
 * is no memory.
 *
 * Idea: a field is written in units of 64 frames, by whoever needs frames of it. The first opens it: it is fresh no
 * longer, counts no free frame, and all units are marked as unwritten. Units are given to writers in order; each is
 * written by one CPU, which then publishes it: takes its mark away and adds its frames to the counter in one step, and
 * is given the next unit in the same. Who comes meanwhile and finds too little writes units as well. So a CPU that is
 * stopped while it writes hides one unit, and no CPU waits for another.
 *
 * What an unwritten unit holds is garbage. Nobody looks at its tags or bits: tag_of() and is_written() ask its mark
 * first. Marks only ever go away, so a mark that was seen a moment ago is at worst an unit overlooked. A published unit
 * is seen whole, because its writer's exchange of the state releases it and readers acquire the state.
 *
 * The field stays in the tree of whole fields until a search is disappointed by it; then whoever publishes its next
 * unit puts it where it belongs.
 *
 * Rejected: one writer for all of it (while it writes, others see a full field; if it is stopped, for ever); several
 * writers of the same words (a late one writes over what has been handed out); words of bitmap written at the start
 * (they alone are more than all that starting touches).
 */
#include "pmm/pmm_private.h"

#include "string.h"

#define NEXT_ONE (1u << FIELD_NEXT_SHIFT)

static unsigned next_unit(uint32_t state)
{
    return (state & FIELD_NEXT) >> FIELD_NEXT_SHIFT;
}

/* True: the field is open and this CPU writes its first unit. */
static bool open_field(const quire_pmm_t *pmm, size_t field, unsigned lifetime)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);
    uint32_t class = class_for(pmm, field, lifetime) << FIELD_CLASS_SHIFT;

    if (!(state & FIELD_FRESH) || (state & FIELD_COUNT) != FIELD_FRAMES)
        return false;
    return replace(&pmm->fields[field], &state, (state & FIELD_NAMED) | class | FIELD_UNWRITTEN | NEXT_ONE);
}

/* The unit that this CPU is to write; UNITS if there is none. */
static unsigned claim_unit(const quire_pmm_t *pmm, size_t field)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);

    do {
        if (!(state & FIELD_UNWRITTEN) || next_unit(state) == UNITS)
            return UNITS;
    } while (!replace(&pmm->fields[field], &state, state + NEXT_ONE));
    return next_unit(state);
}

static void write_unit(const quire_pmm_t *pmm, size_t field, unsigned unit)
{
    size_t start = field * FIELD_FRAMES + unit * UNIT_FRAMES;
    word_t *words = pmm->bitmap + start / WORD_FRAMES;
    /* The tag of the first frame tells its last owner, if it has had one. */
    unsigned named = unit == 0 && (load_relaxed(&pmm->fields[field]) & FIELD_NAMED);

    fill_zero(pmm->tags + start + named, UNIT_FRAMES - named);
    fill_zero(pmm->extra + start, UNIT_FRAMES);
    for (unsigned word = 0; word < UNIT_FRAMES / WORD_FRAMES; word++)
        store_relaxed(words + word, WORD_FULL);
}

/* The unit's frames can be had from now on. Returns the next one to write; UNITS if there is none. */
static unsigned publish_unit(const quire_pmm_t *pmm, size_t field, unsigned unit)
{
    uint32_t state = load_relaxed(&pmm->fields[field]);
    uint32_t after;

    do {
        after = (state & ~(1u << (FIELD_UNWRITTEN_SHIFT + unit))) + UNIT_FRAMES;
        if (!(after & FIELD_UNWRITTEN))
            after &= ~(FIELD_NEXT | FIELD_NAMED);
        else if (next_unit(state) < UNITS)
            after += NEXT_ONE;
    } while (!replace(&pmm->fields[field], &state, after));
    /* Which trees lead here matters when the last unit comes, or when none does any more. */
    if (!(after & FIELD_UNWRITTEN) || !pmm_tree_test(pmm, TREE_WHOLE, field)) {
        pmm_field_settle(pmm, field);
        if ((after & FIELD_COUNT) != FIELD_FRAMES)
            pmm_run_hint(pmm, field, pmm_run_best(pmm, field));
    }
    return next_unit(state);
}

bool pmm_field_materialise(const quire_pmm_t *pmm, size_t field, unsigned lifetime)
{
    unsigned unit = open_field(pmm, field, lifetime) ? 0 : claim_unit(pmm, field);

    if (unit == UNITS)
        return false;
    while (unit < UNITS) {
        write_unit(pmm, field, unit);
        unit = publish_unit(pmm, field, unit);
    }
    return true;
}
