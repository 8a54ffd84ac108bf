/* SPDX-License-Identifier: MIT */
/*
 * populate.c - keeping all promises of a range at once, or none.
 *
 * Problem: the kernel's heap and pinned memory want every page now. Frames may run out half way, and then the range
 * must be as it was; but page tables do not tell which pages this call has mapped.
 *
 * Idea: acquire first, then mutate. The promises of the range are counted, and that many zeroed frames are taken and
 * chained through their own first words, without the lock. Only then is the range opened for change and the frames
 * are handed out, which cannot fail. If other threads have made more promises in between, more frames are taken and
 * the range is counted again; frames too many go back. Failing at any point is dropping the chain.
 *
 * Taking frames outside the lock also keeps the clearing of many pages out of it.
 *
 * Rejected: mapping page by page and undoing on failure, which needs a record of what to undo.
 */
#include "space.h"

#include "../panic.h"

#define HOPELESS_FROM_FRAMES 256

/* Zeroed frames that wait to be mapped. */
typedef struct chain {
    quire_frame_t chain;
    size_t count;
} chain_t;

static void drop(quire_space_t *space, chain_t *chain, quire_va_t va)
{
    for (; chain->count > 0; chain->count--) {
        if (quire_pmm_free(space->table.pmm, quire_chain_pop(&chain->chain), 0) != QUIRE_OK)
            quire_panic_at("vmm: a frame taken to populate was not ours", va, space->table.space);
    }
}

static quire_status_t extend(quire_space_t *space, chain_t *chain, size_t count)
{
    quire_pmm_stats_t stats;

    /* A hopeless request should not drain the machine for a moment. For a small one asking would cost more than trying.
     */
    if (count - chain->count > HOPELESS_FROM_FRAMES) {
        quire_pmm_stats(space->table.pmm, &stats);
        if (stats.free_frames < count - chain->count)
            return QUIRE_NO_MEMORY;
    }
    while (chain->count < count) {
        quire_frame_t frame;
        quire_status_t status = quire_vmm_alloc_frame(space, true, &frame);

        if (status != QUIRE_OK)
            return status;
        quire_chain_push(&chain->chain, frame);
        chain->count++;
    }
    return QUIRE_OK;
}

/* Frames that this extent lacks, or why it cannot be populated. */
static quire_status_t survey_extent(const quire_space_t *space, const quire_extent_t *extent, size_t *needed)
{
    switch (extent->page.kind) {
    case QUIRE_PAGE_EMPTY:
        return QUIRE_NOT_FOUND;
    case QUIRE_PAGE_MAPPED:
        return QUIRE_OK;
    case QUIRE_PAGE_RESERVED:
        if ((extent->page.prot & PROT_ACCESS) == 0)
            return QUIRE_DENIED;
        *needed += pages_between(extent->start, extent->end);
        return QUIRE_OK;
    case QUIRE_PAGE_GUARD:
    case QUIRE_PAGE_HIDDEN:
    case QUIRE_PAGE_OBJECT:
    case QUIRE_PAGE_SWAPPED:
        return QUIRE_DENIED;
    case QUIRE_PAGE_BUSY:
        return QUIRE_AGAIN;
    case QUIRE_PAGE_TABLE:
        break;
    }
    quire_panic_at("vmm: a page that is a table", extent->start, space->table.space);
}

static quire_status_t survey(const quire_space_t *space, quire_cursor_t *cursor, quire_va_t start, quire_va_t end,
                             size_t *needed)
{
    quire_status_t status = QUIRE_OK;

    *needed = 0;
    for (quire_va_t at = start; at < end && status == QUIRE_OK;) {
        quire_extent_t extent = quire_vmm_run(cursor, at, end);

        status = survey_extent(space, &extent, needed);
        at = extent.end;
    }
    return status;
}

/* The cursor is open to populate and there are enough frames: nothing here can fail. */
static void hand_out(quire_space_t *space, quire_cursor_t *cursor, quire_va_t start, quire_va_t end, chain_t *chain)
{
    quire_event(.kind = QUIRE_EVENT_POPULATE, .space = space->table.space, .address = start, .bytes = end - start);
    chain->count -= quire_cursor_map_chain(cursor, start, end, page_flags(space), &chain->chain);
}

/* Counts under a cursor of this mode, and hands out if it is the one for that and the frames suffice. */
static quire_status_t attempt(quire_space_t *space, quire_va_t start, quire_va_t end, quire_cursor_mode_t mode,
                              chain_t *chain, size_t *needed)
{
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, &space->table, start, end, mode);

    if (status != QUIRE_OK)
        return status;
    status = survey(space, &cursor, start, end, needed);
    if (status == QUIRE_OK && mode == QUIRE_CURSOR_POPULATE && *needed <= chain->count) {
        hand_out(space, &cursor, start, end, chain);
        *needed = 0;
    }
    quire_cursor_close(&cursor);
    return status;
}

quire_status_t quire_vmm_populate(quire_space_t *space, quire_va_t va, size_t bytes)
{
    chain_t chain = {{0}, 0};
    size_t needed = 0;
    quire_va_t end;
    quire_status_t status = quire_vmm_round_range(space, va, bytes, &end);

    if (status == QUIRE_OK)
        status = attempt(space, va, end, QUIRE_CURSOR_READ, &chain, &needed);
    while (status == QUIRE_OK && needed > 0) {
        status = extend(space, &chain, needed);
        if (status == QUIRE_OK)
            status = attempt(space, va, end, QUIRE_CURSOR_POPULATE, &chain, &needed);
    }
    drop(space, &chain, va);
    if (QUIRE_CHECKS && status == QUIRE_OK && is_kernel(space))
        quire_vmm_must_be_in_use(space, va);
    return status;
}
