/* SPDX-License-Identifier: MIT */
/*
 * split.c - blocks divided into frames, and frames that are asked for by number.
 *
 * Dividing. A block inside a chunk is its tags: writing one for each frame divides it, the bits are clear already. A
 * whole chunk left its bitmap as it was when it was taken, and a fresh one has none: both are written while the chunk
 * is still marked as huge, so that nobody looks, and the mark goes last. Nothing can fail half-way, because nothing is
 * allocated. A block with several holders is refused: one count cannot become many.
 *
 * By number. As for any frames, their number is reserved in the counter of their chunk and then their bits are taken;
 * whoever else has a reservation there finds other bits. A bit that is clear is in use, or has been claimed by a CPU:
 * then what CPUs have claimed is taken back, once. All or none: what was taken before the failure is put back, and
 * until then no tag has been written.
 *
 * Rejected: a list of forbidden ranges that every search consults (it costs all for what few need).
 */
#include "pmm.h"

#include <quire/event.h>

#include "string.h"

static void write_tags(const quire_pmm_t *pmm, size_t index, size_t frames, uint8_t tag)
{
    /* The first one last: until then it stands for all. */
    while (frames-- > 0)
        store_relaxed(&pmm->tags[index + frames], tag);
}

/* A chunk that is allocated as a whole becomes one of single frames, none of them free. */
static void divide_chunk(const quire_pmm_t *pmm, size_t chunk, uint8_t tag)
{
    size_t start = chunk << CHUNK_ORDER;
    uint32_t state = load_relaxed(&pmm->chunks[chunk]);
    uint32_t class = class_for(pmm, chunk, QUIRE_LIFETIME_MOVABLE);

    for (unsigned word = 0; word < CHUNK_WORDS; word++)
        store_relaxed(chunk_words(pmm, chunk) + word, 0);
    if (state & CHUNK_FRESH)
        fill_zero(pmm->extra + start, CHUNK_FRAMES);
    write_tags(pmm, start, CHUNK_FRAMES, tag);
    store_release(&pmm->chunks[chunk], class << CHUNK_CLASS_SHIFT);
}

quire_status_t quire_pmm_split(quire_pmm_t *pmm, quire_frame_t frame, unsigned order)
{
    size_t index = frame_index(pmm, frame);
    if (index == NONE)
        return QUIRE_CORRUPT;
    size_t chunk = index >> CHUNK_ORDER;
    uint8_t tag = tag_of(pmm, index);
    uint8_t single = (uint8_t)((tag & ~(TAG_CODE | TAG_SHARED)) | TAG_FRAME);
    if (order > QUIRE_PMM_ORDER_MAX || (tag & TAG_CODE) != order + 1)
        return QUIRE_CORRUPT;
    if (quire_pmm_references(pmm, frame) != 1)
        return QUIRE_DENIED;
    if (order > CHUNK_ORDER)
        divide_chunk(pmm, chunk + 1, single);
    if (order >= CHUNK_ORDER)
        divide_chunk(pmm, chunk, single);
    else
        write_tags(pmm, index, (size_t)1 << order, single);
    quire_event(.kind = QUIRE_EVENT_FRAME_SPLIT, .level = (uint8_t)order, .frame = frame.number,
                .bytes = QUIRE_PAGE_BYTES << order, .detail = (uint64_t)(tag >> TAG_OWNER_SHIFT));
    return QUIRE_OK;
}

/* --- by number --- */

/* The end of the part of [index, end) that lies in the same word of bitmap. */
static size_t stretch_end(size_t index, size_t end)
{
    size_t next = (index | (WORD_FRAMES - 1)) + 1;

    return next < end ? next : end;
}

static word_t stretch_bits(size_t index, size_t end)
{
    size_t frames = end - index;

    return (frames == WORD_FRAMES ? WORD_FULL : ((word_t)1 << frames) - 1) << (index % WORD_FRAMES);
}

/* Whether frames of one word are free. */
static bool has_bits(const quire_pmm_t *pmm, size_t index, size_t end)
{
    uint32_t state = quire_pmm_chunk_ready(pmm, index >> CHUNK_ORDER, QUIRE_LIFETIME_LONG);
    size_t at = (index & (CHUNK_FRAMES - 1)) / WORD_FRAMES;
    word_t bits = stretch_bits(index, end);

    if ((state & CHUNK_COUNT) == 0 || (state & CHUNK_FRESH))
        return (state & CHUNK_COUNT) != 0;
    return (chunk_word(chunk_words(pmm, index >> CHUNK_ORDER), state, at) & bits) == bits;
}

static bool has_range(const quire_pmm_t *pmm, size_t index, size_t end)
{
    size_t at = index;

    while (at < end && has_bits(pmm, at, stretch_end(at, end)))
        at = stretch_end(at, end);
    return at >= end;
}

/* Frames of one word. */
static bool take_stretch(const quire_pmm_t *pmm, size_t index, size_t end)
{
    size_t chunk = index >> CHUNK_ORDER;
    word_t *word = pmm->frame_bits + index / WORD_FRAMES;
    word_t bits = stretch_bits(index, end);
    unsigned frames = (unsigned)(end - index);

    if (quire_pmm_chunk_reserve(pmm, chunk, QUIRE_LIFETIME_LONG, frames, frames) == 0)
        return false;
    word_t now = load_relaxed(word);
    while ((now & bits) == bits) {
        if (replace(word, &now, now & ~bits))
            return true;
    }
    quire_pmm_chunk_unreserve(pmm, chunk, frames);
    return false;
}

static bool take_range(const quire_pmm_t *pmm, size_t index, size_t end)
{
    /* Looks before it reserves: what goes back has been hidden from others meanwhile. */
    if (!has_range(pmm, index, end))
        return false;
    for (size_t at = index; at < end; at = stretch_end(at, end)) {
        if (take_stretch(pmm, at, stretch_end(at, end)))
            continue;
        for (size_t back = index; back < at; back = stretch_end(back, at))
            quire_pmm_chunk_put(pmm, back & ~(size_t)(WORD_FRAMES - 1), stretch_bits(back, stretch_end(back, at)));
        return false;
    }
    return true;
}

quire_status_t quire_pmm_take(quire_pmm_t *pmm, quire_frame_t first, size_t count, quire_owner_t owner)
{
    size_t index = frame_index(pmm, first);

    if (count == 0 || index == NONE || count > quire_pmm_bank_rest(pmm, index) || owner == QUIRE_OWNER_NONE ||
        owner >= QUIRE_OWNERS)
        return QUIRE_INVALID;
    for (size_t at = index; at < index + count; at++) {
        if ((tag_of(pmm, at) & TAG_CODE) == TAG_UNMANAGED)
            return QUIRE_INVALID;
    }
    if (!take_range(pmm, index, index + count)) {
        quire_pmm_cpu_cache_revoke(pmm);
        if (!take_range(pmm, index, index + count))
            return QUIRE_EXISTS;
    }
    for (size_t at = index; at < index + count; at++)
        quire_pmm_hand_out(pmm, at, (unsigned)owner << TAG_OWNER_SHIFT | TAG_FRAME);
    return QUIRE_OK;
}
