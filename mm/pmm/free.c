/* SPDX-License-Identifier: MIT */
/*
 * free.c - giving frames back: the path of one frame, and every wrong free.
 *
 * One frame that nobody else holds goes into the calling CPU's magazine: its tag says that it is allocated, its chunk
 * that the tag can be read. Everything else goes the slow way, which tells the cases apart and names them.
 *
 * The tag is rewritten before the frame goes where others can find it: until then it is the freer's alone.
 */
#include "pmm.h"

#include <quire/event.h>

/* One frame, when the magazine is full, shut or in use. */
static __attribute__((noinline)) quire_status_t put_slowly(quire_pmm_t *pmm, size_t index)
{
    quire_pmm_cpu_cache_put(pmm, index);
    return QUIRE_OK;
}

/* Frees one frame whose tag says that nobody else holds it. The fast path: into the calling CPU's magazine. */
static inline quire_status_t free_frame(quire_pmm_t *pmm, size_t index, uint8_t tag, unsigned class)
{
    if (TELLING)
        quire_pmm_tell(QUIRE_EVENT_FRAME_FREE, frame_number(pmm, index), tag);
    if (QUIRE_PMM_POISON)
        quire_pmm_poison_fill(pmm, index, tag);
    store_relaxed(&pmm->tags[index], (uint8_t)(tag & ~(TAG_CODE | TAG_SHARED)));
    unsigned cpu = quire_port_cpu();
    if (UNLIKELY(cpu >= pmm->cpu_count))
        return put_slowly(pmm, index);
    magazine_t *magazine = magazine_of(pmm, cpu, class);
    if (LIKELY(load_own(&magazine->inside) == 0)) {
        store_relaxed(&magazine->inside, 1);
        interrupt_fence();
        uint32_t limit = load_acquire(&magazine->limit);
        uint32_t count = load_relaxed(&magazine->count);
        if (LIKELY(count < limit)) {
            store_relaxed(&magazine->entries[count], (uint32_t)index);
            store_relaxed(&magazine->count, count + 1);
            store_release(&magazine->inside, 0);
            return QUIRE_OK;
        }
        store_release(&magazine->inside, 0);
    }
    return put_slowly(pmm, index);
}

/* Frees a block of any order that nobody else holds. */
static void free_block(quire_pmm_t *pmm, size_t index, uint8_t tag)
{
    unsigned order = (tag & TAG_CODE) - 1u;

    if (order == 0) {
        (void)free_frame(pmm, index, tag, class_of(load_relaxed(&pmm->chunks[index >> CHUNK_ORDER])));
        return;
    }
    if (TELLING)
        quire_pmm_tell(QUIRE_EVENT_FRAME_FREE, frame_number(pmm, index), tag);
    if (QUIRE_PMM_POISON)
        quire_pmm_poison_fill(pmm, index, tag);
    store_relaxed(&pmm->tags[index], (uint8_t)(tag & ~(TAG_CODE | TAG_SHARED)));
    quire_pmm_block_free(pmm, index, order);
}

/* A caller's mistake, which has changed nothing. */
static quire_status_t wrong(const quire_pmm_t *pmm, size_t index, const char *what)
{
    quire_pmm_report(pmm, index, what, false);
    return QUIRE_CORRUPT;
}

/* The cases that are not one exclusive frame in an ordinary chunk. */
static __attribute__((noinline)) quire_status_t free_slowly(quire_pmm_t *pmm, size_t index, unsigned order)
{
    uint8_t tag = tag_of(pmm, index);

    if (!starts_block(tag))
        return wrong(pmm, index, "is freed, and no block starts there");
    if (order > QUIRE_PMM_ORDER_MAX || (tag & TAG_CODE) != order + 1)
        return wrong(pmm, index, "is freed with an order that is not its block's");
    if ((tag & TAG_SHARED) && load_acquire(&pmm->extra[index]) != 0)
        return wrong(pmm, index, "is freed while others hold it");
    free_block(pmm, index, tag);
    return QUIRE_OK;
}

/* Not in the first bank: so far from its beginning. */
static __attribute__((noinline)) quire_status_t free_far(quire_pmm_t *pmm, size_t distance, unsigned order)
{
    size_t index = quire_pmm_bank_index(pmm, pmm->first_frame + distance);

    return index == NONE ? QUIRE_CORRUPT : free_slowly(pmm, index, order);
}

quire_status_t quire_pmm_free(quire_pmm_t *pmm, quire_frame_t frame, unsigned order)
{
    size_t index = frame.number - pmm->first_frame;

    if (UNLIKELY(index >= pmm->near_frames))
        return free_far(pmm, index, order);
    /* A tag that has just been written for the first time is seen by who sees that it has been. */
    uint32_t state = load_acquire(&pmm->chunks[index >> CHUNK_ORDER]);
    uint8_t tag = load_relaxed(&pmm->tags[index]);
    if (UNLIKELY(order != 0 || (state & CHUNK_SPECIAL) || (tag & (TAG_CODE | TAG_SHARED)) != TAG_FRAME))
        return free_slowly(pmm, index, order);
    return free_frame(pmm, index, tag, class_of(state));
}

quire_status_t quire_pmm_release(quire_pmm_t *pmm, quire_frame_t frame, bool *freed)
{
    size_t index = frame_index(pmm, frame);
    if (index == NONE)
        return QUIRE_CORRUPT;
    uint8_t tag = tag_of(pmm, index);
    bool last = true;
    if (!starts_block(tag))
        return wrong(pmm, index, "is released, and no block starts there");
    if (tag & TAG_SHARED) {
        uint32_t before = fetch_sub(&pmm->extra[index], 1);
        last = before == 0;
        if (UNLIKELY(last || before >= EXTRA_PINNED))
            store_relaxed(&pmm->extra[index], last ? 0 : EXTRA_PINNED);
    }
    if (last)
        free_block(pmm, index, tag);
    if (freed != NULL)
        *freed = last;
    return QUIRE_OK;
}
