/* SPDX-License-Identifier: MIT */
/*
 * layout.h - how the PMM's metadata lie in memory, and the small questions that are answered by reading them.
 *
 * An *index* counts the frames that the metadata cover, bank by bank in order of address. What the files do with the
 * metadata is in pmm.h.
 */
#ifndef QUIRE_PMM_LAYOUT_H
#define QUIRE_PMM_LAYOUT_H

#include <quire/event.h>
#include <quire/pmm.h>

#include "atomic.h"

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define NONE SIZE_MAX

/* 1: freed frames are filled with a pattern, which is verified when they are allocated. For debug builds. */
#ifndef QUIRE_PMM_POISON
#define QUIRE_PMM_POISON 0
#endif

/* --- words of bitmap: as wide as the machine's --- */

typedef uintptr_t word_t;
#define WORD_FRAMES ((unsigned)(sizeof(word_t) * 8))
#define WORD_ORDER  (sizeof(word_t) == 8 ? 6u : 5u)
#define WORD_FULL   UINTPTR_MAX

/* --- chunks: 512 frames, 2 MiB, one cache line of bitmap --- */

#define CHUNK_ORDER  9u
#define CHUNK_FRAMES (1u << CHUNK_ORDER)
#define CHUNK_WORDS  (CHUNK_FRAMES / WORD_FRAMES)

/* The state of a chunk, one 32-bit word. */
#define CHUNK_COUNT       0x000003ffu /* frames whose bit is set and that nobody has reserved */
#define CHUNK_CLASS       0x00000c00u /* which lifetime it serves, chosen when its first frame is taken */
#define CHUNK_CLASS_SHIFT 10
#define CHUNK_FRESH       0x00001000u /* all free, and bitmap and tags have never been written */
#define CHUNK_ABSENT      0x00002000u /* no frame of it is managed; bitmap and tags have never been written */
#define CHUNK_HUGE        0x00004000u /* allocated as one block; the bitmap was left as it was */
#define CHUNK_TAIL        0x00008000u /* second half of a block of two chunks */
#define CHUNK_NAMED       0x00010000u /* fresh, but the tag of the first frame has been written */
#define CHUNK_UNWRITTEN   0x01fe0000u /* a bit a part: bitmap and tags of these have not been written yet */
#define CHUNK_NEXT        0x1e000000u /* while there are such: so many parts are being written or have been */
#define CHUNK_UNUSED      0xe0000000u
#define CHUNK_SPECIAL     (CHUNK_FRESH | CHUNK_ABSENT | CHUNK_HUGE | CHUNK_TAIL | CHUNK_UNWRITTEN)

#define CHUNK_UNWRITTEN_SHIFT 17
#define CHUNK_NEXT_SHIFT      25
#define PART_FRAMES           64u
#define PARTS                 (CHUNK_FRAMES / PART_FRAMES)

/* Below 16 MiB frames are not cached and not mixed with others: a class of its own. */
#define CLASS_LOW ((unsigned)QUIRE_LIFETIMES)
#define CLASSES   ((unsigned)QUIRE_LIFETIMES + 1)

/* --- tags: one byte a frame --- */

#define TAG_CODE        0x0fu /* 0 free or inside a block, order + 1 = a block starts here */
#define TAG_FREE        0x00u
#define TAG_FRAME       0x01u /* a block of one frame */
#define TAG_UNMANAGED   0x0fu
#define TAG_SHARED      0x10u /* extra[] counts the references beyond the first; it is 0 otherwise */
#define TAG_OWNER_SHIFT 5

/* A count of references that reaches this has come to stay: the frame is never freed. Halfway, so that additions by
   many CPUs at once cannot carry it past the top. */
#define EXTRA_PINNED 0x80000000u

/* --- hierarchical bitmaps: one bit a chunk, and summaries above --- */

enum {
    BITMAP_MANY = 0,                          /* + class: chunks of that class with CHUNK_MANY free frames or more */
    BITMAP_FEW = (int)CLASSES,                /* + class: chunks of that class with fewer */
    BITMAP_WHOLE = BITMAP_FEW + (int)CLASSES, /* wholly free chunks */
    BITMAP_PAIR,                              /* even chunks that are whole together with the next */
    BITMAP_ORDER,                             /* + order, 1 to 8: chunks that may hold a free block of that order */
};

/* A chunk with fewer free frames than this is left alone as long as there are better ones, so that a claim is worth it.
 */
#define CHUNK_MANY 64u

/* --- what one CPU has claimed --- */

#define MAGAZINE_FRAMES 22u
#define MAGAZINE_REFILL 16u

/* Each CPU that has a CPU cache has a magazine for each class (that of low frames is always shut), and pools: magazines
   of frames that are filled with zeros, whose `mask` are claimed frames that are not filled yet. */
#ifndef POOLS
#define POOLS 8u
#endif
#define MAGAZINES (CLASSES + POOLS)

/* Two whole cache lines, so that two CPUs never write the same one. */
typedef struct quire_pmm_magazine {
    _Alignas(128) uint32_t count; /* entries in use; the owner's */
    uint32_t inside;              /* the owner is in the middle of a change */
    uint32_t floor;               /* entries that may not be taken: 0, or all while another CPU takes them back */
    uint32_t limit;               /* entries there is room for: 0 while another CPU takes them back */
    uint32_t chunk;               /* the chunk that frames are claimed from; of the first pool: CHUNK_NONE if the
                                     pools are empty */
    size_t base;                  /* the index that bit 0 of `mask` stands for */
    word_t mask;                  /* claimed frames that are not in `entries` yet */
    uint32_t entries[MAGAZINE_FRAMES];
} magazine_t;

#define SHUT UINT32_MAX /* as a floor */

#define CHUNK_NONE UINT32_MAX

/* --- banks --- */

/* Blocks of the largest order are aligned in memory as in the index. */
#define BLOCK_FRAMES ((size_t)1 << QUIRE_PMM_ORDER_MAX)
/* An index fits into 32 bits: 16 TiB of RAM. And metadata whose size cannot be counted cannot be had. */
#define FRAMES_MAX (sizeof(size_t) == 8 ? (uint64_t)1 << 32 : (uint64_t)1 << 28)

typedef struct quire_pmm_bank {
    size_t first;  /* the number of its first frame; a multiple of BLOCK_FRAMES, as is */
    size_t base;   /* the index of that frame */
    size_t frames; /* as far as there is RAM; the index is used up to the next block */
} pmm_bank_t;

/* --- small helpers --- */

static inline unsigned class_of(uint32_t state)
{
    return (state & CHUNK_CLASS) >> CHUNK_CLASS_SHIFT;
}

static inline bool is_whole(const quire_pmm_t *pmm, size_t chunk)
{
    return (load_relaxed(&pmm->chunks[chunk]) & CHUNK_COUNT) == CHUNK_FRAMES;
}

/* The class that a chunk serves when a request of `lifetime` opens it. */
static inline unsigned class_for(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime)
{
    return chunk < pmm->zone_chunks[QUIRE_ZONE_BELOW_16M] ? CLASS_LOW : lifetime;
}

/* Without the instruction, which not every x86 has, and without the compiler's library. */
static inline unsigned count_bits(word_t word)
{
    word -= word >> 1 & (WORD_FULL / 3);
    word = (word & (WORD_FULL / 5)) + (word >> 2 & (WORD_FULL / 5));
    word = (word + (word >> 4)) & (WORD_FULL / 17);
    return (unsigned)((word * (WORD_FULL / 255)) >> (WORD_FRAMES - 8));
}

static inline unsigned lowest_bit(word_t word)
{
    return sizeof(word_t) == sizeof(unsigned) ? (unsigned)__builtin_ctz((unsigned)word)
                                              : (unsigned)__builtin_ctzll((unsigned long long)word);
}

static inline word_t *chunk_words(const quire_pmm_t *pmm, size_t chunk)
{
    return pmm->frame_bits + chunk * CHUNK_WORDS;
}

/* Whether the metadata of the frame at `offset` in a chunk of this state have been written, once the chunk is open. */
static inline bool is_written(uint32_t state, unsigned offset)
{
    return !(state >> (CHUNK_UNWRITTEN_SHIFT + offset / PART_FRAMES) & 1);
}

/* A word of bitmap of a chunk that has had this state once it was open: 0 as long as nobody has written it. */
static inline word_t chunk_word(const word_t *words, uint32_t state, size_t at)
{
    return UNLIKELY(!is_written(state, (unsigned)at * WORD_FRAMES)) ? 0 : load_relaxed(words + at);
}

static inline magazine_t *magazine_of(const quire_pmm_t *pmm, unsigned cpu, unsigned number)
{
    return &pmm->magazines[(size_t)cpu * MAGAZINES + number];
}

/* The tag of a frame, also where tags have never been written. */
static inline uint8_t tag_of(const quire_pmm_t *pmm, size_t index)
{
    uint32_t state = load_acquire(&pmm->chunks[index >> CHUNK_ORDER]);
    unsigned offset = (unsigned)index & (CHUNK_FRAMES - 1);

    if (UNLIKELY(state & CHUNK_SPECIAL)) {
        bool unread = (state & (CHUNK_FRESH | CHUNK_HUGE)) || !is_written(state, offset);
        if (state & CHUNK_ABSENT)
            return TAG_UNMANAGED;
        if ((state & CHUNK_TAIL) || (unread && (!(state & (CHUNK_HUGE | CHUNK_NAMED)) || offset != 0)))
            return TAG_FREE;
    }
    return load_acquire(&pmm->tags[index]);
}

static inline bool quire_pmm_bitmap_test(const quire_pmm_t *pmm, unsigned bitmap, size_t chunk)
{
    return load_relaxed(pmm->bitmaps + bitmap * pmm->shape.words + chunk / WORD_FRAMES) >> (chunk % WORD_FRAMES) & 1;
}

/* Whether a block starts at a frame with this tag. */
static inline bool starts_block(uint8_t tag)
{
    return (tag & TAG_CODE) != TAG_FREE && (tag & TAG_CODE) != TAG_UNMANAGED;
}

#if QUIRE_EVENTS
#define TELLING UNLIKELY(quire_event_enabled)
#else
#define TELLING false
#endif

/* --- going into one of the calling CPU's magazines and out again; why this is enough is told in cpu_cache.c --- */

/* The calling CPU's magazine, now inside; NULL if it has none, is inside already, or another CPU is taking it back. */
static inline magazine_t *magazine_enter(const quire_pmm_t *pmm, unsigned number)
{
    unsigned cpu = quire_port_cpu();

    if (cpu >= pmm->cpu_count)
        return NULL;
    magazine_t *magazine = magazine_of(pmm, cpu, number);
    if (load_relaxed(&magazine->inside) != 0)
        return NULL;
    store_relaxed(&magazine->inside, 1);
    interrupt_fence();
    if (load_acquire(&magazine->floor) == 0)
        return magazine;
    store_release(&magazine->inside, 0);
    return NULL;
}

static inline void magazine_leave(magazine_t *magazine)
{
    store_release(&magazine->inside, 0);
}

static inline bool magazine_is_empty(const magazine_t *magazine)
{
    return load_relaxed(&magazine->count) == 0 && load_relaxed(&magazine->mask) == 0;
}

/* The newest entry; NONE if there is none. */
static inline size_t magazine_pop(magazine_t *magazine)
{
    uint32_t count = load_relaxed(&magazine->count);

    if (count == 0)
        return NONE;
    size_t index = load_relaxed(&magazine->entries[count - 1]);
    store_relaxed(&magazine->count, count - 1);
    return index;
}

#endif
