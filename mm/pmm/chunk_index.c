/* SPDX-License-Identifier: MIT */
/*
 * chunk_index.c - which hierarchical bitmaps a chunk stands in.
 *
 * It follows from the chunk's state: wholly free, many free, few free, each by class, or in none. Who changes the state
 * in a way that matters (from or to none free, from or to all free, over the border between few and many) moves the
 * chunk; reindex() makes all of them agree, whatever they say now, and is for those who were led to a chunk in vain.
 *
 * The state is changed first, then the bits; who clears a bit looks at the state once more (bitmap.c tells why).
 */
#include "pmm.h"

#define NO_PLACE UINT32_MAX

static unsigned place_of(uint32_t state)
{
    unsigned count = state & CHUNK_COUNT;

    if (count == 0)
        return NO_PLACE;
    if (count == CHUNK_FRAMES)
        return BITMAP_WHOLE;
    return (count >= CHUNK_MANY ? BITMAP_MANY : BITMAP_FEW) + class_of(state);
}

static unsigned place_now(const quire_pmm_t *pmm, size_t chunk)
{
    return place_of(load_ordered(&pmm->chunks[chunk]));
}

/* The chunk has left a place. It may have come back while this was being written down. */
static inline void leave_place(const quire_pmm_t *pmm, size_t chunk, unsigned place)
{
    if (!quire_pmm_bitmap_test(pmm, place, chunk))
        return;
    quire_pmm_bitmap_clear(pmm, place, chunk);
    if (UNLIKELY(place_now(pmm, chunk) == place))
        quire_pmm_bitmap_set(pmm, place, chunk);
}

void quire_pmm_chunk_whole(const quire_pmm_t *pmm, size_t chunk, bool whole)
{
    if (!whole) {
        leave_place(pmm, chunk, BITMAP_WHOLE);
        return;
    }
    quire_pmm_bitmap_set(pmm, BITMAP_WHOLE, chunk);
    if (place_now(pmm, chunk ^ 1) == BITMAP_WHOLE && !quire_pmm_bitmap_test(pmm, BITMAP_PAIR, chunk & ~(size_t)1))
        quire_pmm_bitmap_set(pmm, BITMAP_PAIR, chunk & ~(size_t)1);
}

static void move_place(const quire_pmm_t *pmm, size_t chunk, unsigned from, unsigned to)
{
    if (from == to)
        return;
    if (to == BITMAP_WHOLE)
        quire_pmm_chunk_whole(pmm, chunk, true);
    else if (to != NO_PLACE)
        quire_pmm_bitmap_set(pmm, to, chunk);
    if (from != NO_PLACE)
        leave_place(pmm, chunk, from);
}

void quire_pmm_chunk_move(const quire_pmm_t *pmm, size_t chunk, uint32_t before, uint32_t after)
{
    move_place(pmm, chunk, place_of(before), place_of(after));
}

void quire_pmm_chunk_reindex(const quire_pmm_t *pmm, size_t chunk)
{
    unsigned place;

    do {
        place = place_now(pmm, chunk);
        for (unsigned bitmap = BITMAP_MANY; bitmap <= BITMAP_WHOLE; bitmap++) {
            if (bitmap != place)
                leave_place(pmm, chunk, bitmap);
        }
        move_place(pmm, chunk, NO_PLACE, place);
    } while (place != place_now(pmm, chunk));
}

/* The last free frame has been reserved: no search shall come here for nothing. */
void quire_pmm_chunk_leave(const quire_pmm_t *pmm, size_t chunk, unsigned class)
{
    leave_place(pmm, chunk, BITMAP_FEW + class);
    leave_place(pmm, chunk, BITMAP_MANY + class);
}
