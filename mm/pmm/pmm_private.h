/* SPDX-License-Identifier: MIT */
/* pmm_private.h - what the files of the PMM share: the record of a frame, and how frames become bits and fields. */
#ifndef QUIRE_PMM_PRIVATE_H
#define QUIRE_PMM_PRIVATE_H

#include <quire/pmm.h>

#define FIELD_ORDER  9 /* a field: 512 frames, 2 MiB, one cache line of bitmap */
#define FIELD_FRAMES ((size_t)1 << FIELD_ORDER)
#define WORD_FRAMES  64
#define FIELD_WORDS  (FIELD_FRAMES / WORD_FRAMES)

/* A record: references, order and owner of the block that starts at the frame. */
#define RECORD_REFERENCES  0x000fffffu
#define RECORD_ORDER_SHIFT 20
#define RECORD_OWNER_SHIFT 24
#define RECORD_HEAD        0x10000000u /* first frame of an allocated block */
#define RECORD_MANAGED     0x20000000u /* the PMM hands it out */

/* Records change under the lock but are also read without it: by holders who ask for a count, and by reports. Releasing
   a reference comes before the count that shows it, so a holder that reads 1 may write to the frame: the others have
   finished with it. */
static inline uint32_t record_read(const quire_pmm_t *pmm, size_t index)
{
    return __atomic_load_n(&pmm->records[index], __ATOMIC_ACQUIRE);
}

static inline void record_write(quire_pmm_t *pmm, size_t index, uint32_t record)
{
    __atomic_store_n(&pmm->records[index], record, __ATOMIC_RELEASE);
}

static inline unsigned record_order(uint32_t record)
{
    return record >> RECORD_ORDER_SHIFT & 0xf;
}

static inline quire_owner_t record_owner(uint32_t record)
{
    return (quire_owner_t)(record >> RECORD_OWNER_SHIFT & 0xf);
}

static inline bool covers(const quire_pmm_t *pmm, quire_frame_t frame)
{
    return frame.number >= pmm->first_frame && frame.number < pmm->end_frame;
}

static inline bool bit_free(const quire_pmm_t *pmm, size_t index)
{
    return pmm->bitmap[index / WORD_FRAMES] >> (index % WORD_FRAMES) & 1;
}

/* The first frame number above a zone. */
static inline size_t zone_end(quire_zone_t zone)
{
    switch (zone) {
    case QUIRE_ZONE_BELOW_16M:
        return ((size_t)16 << 20) >> QUIRE_PAGE_SHIFT;
    case QUIRE_ZONE_BELOW_4G:
        return (size_t)1 << (32 - QUIRE_PAGE_SHIFT);
    case QUIRE_ZONE_ANY:
    case QUIRE_ZONES:
        break;
    }
    return SIZE_MAX;
}

/* Marks frames free or used in the bitmap and the counters; the caller holds the lock. Blocks of at most 64 frames
   lie in one word, larger ones are whole words. */
void pmm_mark(quire_pmm_t *pmm, size_t index, unsigned order, bool free);

#endif
