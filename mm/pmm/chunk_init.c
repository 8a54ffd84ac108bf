/* SPDX-License-Identifier: MIT */
/*
 * chunk_init.c - chunks that nobody has used yet: how their metadata are written without hiding what is in them.
 *
 * Problem: the metadata of a fresh chunk are 2.6 KB that have never been written. Somebody must write them before its
 * first frame goes out; and while one CPU does, perhaps stopped in the middle, the others must not be told that there
 * is no memory.
 *
 * Idea: a chunk is written in parts of 64 frames, by whoever needs frames of it. The first opens it: it is fresh no
 * longer, counts no free frame, and all parts are marked as unwritten. Parts are given to writers in order; each is
 * written by one CPU, which then publishes it: takes its mark away and adds its frames to the counter in one step, and
 * is given the next part in the same. Who comes meanwhile and finds too little writes parts as well. So a CPU that is
 * stopped while it writes hides one part, and no CPU waits for another.
 *
 * What an unwritten part holds is garbage. Nobody looks at its tags or bits: tag_of() and is_written() ask its mark
 * first. Marks only ever go away, so a mark that was seen a moment ago is at worst a part overlooked. A published part
 * is seen whole, because its writer's exchange of the state releases it and readers acquire the state.
 *
 * The chunk stays in the hierarchical bitmap of whole chunks until a search is disappointed by it; then whoever
 * publishes its next part puts it where it belongs.
 *
 * Rejected: one writer for all of it (while it writes, others see a full chunk; if it is stopped, for ever); several
 * writers of the same words (a late one writes over what has been handed out); words of bitmap written at the start
 * (they alone are more than all that starting touches).
 */
#include "pmm.h"

#include "string.h"

#define NEXT_ONE (1u << CHUNK_NEXT_SHIFT)

static unsigned next_part(uint32_t state)
{
    return (state & CHUNK_NEXT) >> CHUNK_NEXT_SHIFT;
}

/* True: the chunk is open and this CPU writes its first part. */
static bool open_chunk(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime)
{
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);
    uint32_t class = class_for(pmm, chunk, lifetime) << CHUNK_CLASS_SHIFT;

    if (!(state & CHUNK_FRESH) || (state & CHUNK_COUNT) != CHUNK_FRAMES)
        return false;
    return replace(&pmm->chunks[chunk], &state, (state & CHUNK_NAMED) | class | CHUNK_UNWRITTEN | NEXT_ONE);
}

/* The part that this CPU is to write; PARTS if there is none. */
static unsigned claim_part(const quire_pmm_t *pmm, size_t chunk)
{
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);

    do {
        if (!(state & CHUNK_UNWRITTEN) || next_part(state) == PARTS)
            return PARTS;
    } while (!replace(&pmm->chunks[chunk], &state, state + NEXT_ONE));
    return next_part(state);
}

static void write_part(const quire_pmm_t *pmm, size_t chunk, unsigned part)
{
    size_t start = chunk * CHUNK_FRAMES + part * PART_FRAMES;
    word_t *words = pmm->frame_bits + start / WORD_FRAMES;
    /* The tag of the first frame tells its last owner, if it has had one. */
    unsigned named = part == 0 && (load_relaxed(&pmm->chunks[chunk]) & CHUNK_NAMED);

    fill_zero(pmm->tags + start + named, PART_FRAMES - named);
    fill_zero(pmm->extra + start, PART_FRAMES);
    for (unsigned word = 0; word < PART_FRAMES / WORD_FRAMES; word++)
        store_relaxed(words + word, WORD_FULL);
}

/* The part's frames can be had from now on. Returns the next one to write; PARTS if there is none. */
static unsigned publish_part(const quire_pmm_t *pmm, size_t chunk, unsigned part)
{
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);
    uint32_t after;

    do {
        after = (state & ~(1u << (CHUNK_UNWRITTEN_SHIFT + part))) + PART_FRAMES;
        if (!(after & CHUNK_UNWRITTEN))
            after &= ~(CHUNK_NEXT | CHUNK_NAMED);
        else if (next_part(state) < PARTS)
            after += NEXT_ONE;
    } while (!replace(&pmm->chunks[chunk], &state, after));
    /* Which hierarchical bitmaps lead here matters when the last part comes, or when none does any more. */
    if (!(after & CHUNK_UNWRITTEN) || !quire_pmm_bitmap_test(pmm, BITMAP_WHOLE, chunk)) {
        quire_pmm_chunk_reindex(pmm, chunk);
        if ((after & CHUNK_COUNT) != CHUNK_FRAMES)
            quire_pmm_run_hint(pmm, chunk, quire_pmm_run_best(pmm, chunk));
    }
    return next_part(state);
}

bool quire_pmm_chunk_init(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime)
{
    unsigned part = open_chunk(pmm, chunk, lifetime) ? 0 : claim_part(pmm, chunk);

    if (part == PARTS)
        return false;
    while (part < PARTS) {
        write_part(pmm, chunk, part);
        part = publish_part(pmm, chunk, part);
    }
    return true;
}
