/* SPDX-License-Identifier: MIT */
/*
 * pmm_private.h - what the files of the PMM share.
 *
 *   bank.c     which frames there are: stretches of RAM, counted through by one index
 *   tree.c     which fields are worth looking at: summaries of bits above the fields
 *   field.c    512 frames: a counter and a line of bitmap; reserve in the counter, then take the bits
 *   fresh.c    fields that have never been used: their metadata, written when they are needed
 *   run.c      blocks of order 1 to 8 inside a field
 *   search.c   where to look: zones and lifetimes
 *   slot.c     what one CPU has claimed; taking it back from other CPUs
 *   zeroed.c   frames filled with zeros ahead of need
 *   block.c    requests for more than a frame; the last resort
 *   split.c    blocks divided; frames that are asked for by number
 *   pmm_check.c, check_claims.c   everything recounted
 *   poison.c   freed frames filled and verified, in debug builds
 *   pmm.c      the public calls for one frame, and the design as a whole
 *
 * An *index* counts the frames that the metadata cover, bank by bank in order of address.
 */
#ifndef QUIRE_PMM_PRIVATE_H
#define QUIRE_PMM_PRIVATE_H

#include <quire/pmm.h>

#include "pmm/atomic.h"

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

/* --- fields: 512 frames, 2 MiB, one cache line of bitmap --- */

#define FIELD_ORDER  9u
#define FIELD_FRAMES (1u << FIELD_ORDER)
#define FIELD_WORDS  (FIELD_FRAMES / WORD_FRAMES)

/* The state of a field, one 32-bit word. */
#define FIELD_COUNT       0x000003ffu /* frames whose bit is set and that nobody has reserved */
#define FIELD_CLASS       0x00000c00u /* which lifetime it serves, chosen when its first frame is taken */
#define FIELD_CLASS_SHIFT 10
#define FIELD_FRESH       0x00001000u /* all free, and bitmap and tags have never been written */
#define FIELD_ABSENT      0x00002000u /* no frame of it is managed; bitmap and tags have never been written */
#define FIELD_HUGE        0x00004000u /* allocated as one block; the bitmap was left as it was */
#define FIELD_TAIL        0x00008000u /* second half of a block of two fields */
#define FIELD_NAMED       0x00010000u /* fresh, but the tag of the first frame has been written */
#define FIELD_UNWRITTEN   0x01fe0000u /* a bit a unit: bitmap and tags of these have not been written yet */
#define FIELD_NEXT        0x1e000000u /* while there are such: so many units are being written or have been */
#define FIELD_UNUSED      0xe0000000u
#define FIELD_SPECIAL     (FIELD_FRESH | FIELD_ABSENT | FIELD_HUGE | FIELD_TAIL | FIELD_UNWRITTEN)

#define FIELD_UNWRITTEN_SHIFT 17
#define FIELD_NEXT_SHIFT      25
#define UNIT_FRAMES           64u
#define UNITS                 (FIELD_FRAMES / UNIT_FRAMES)

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

/* --- trees: one bit a field, and summaries above --- */

enum {
    TREE_MANY = 0,                        /* + class: fields of that class with FIELD_MANY free frames or more */
    TREE_FEW = (int)CLASSES,              /* + class: fields of that class with fewer */
    TREE_WHOLE = TREE_FEW + (int)CLASSES, /* wholly free fields */
    TREE_PAIR,                            /* even fields that are whole together with the next */
    TREE_ORDER,                           /* + order, 1 to 8: fields that may hold a free block of that order */
};

/* A field with fewer free frames than this is left alone as long as there are better ones, so that a claim is worth it.
 */
#define FIELD_MANY 64u

/* --- what one CPU has claimed --- */

#define MAGAZINE_FRAMES 22u
#define MAGAZINE_REFILL 16u

/* Each CPU that has a slot has a magazine for each class (that of low frames is always shut), and pools: magazines of
   frames that are filled with zeros, whose `mask` are claimed frames that are not filled yet. */
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
    uint32_t field;               /* the field that frames are claimed from; of the first pool: FIELD_NONE if the
                                     pools are empty */
    size_t base;                  /* the index that bit 0 of `mask` stands for */
    word_t mask;                  /* claimed frames that are not in `entries` yet */
    uint32_t entries[MAGAZINE_FRAMES];
} magazine_t;

#define SHUT UINT32_MAX /* as a floor */

#define FIELD_NONE UINT32_MAX

/* --- bank.c --- */

/* Blocks of the largest order are aligned in memory as in the index. */
#define BLOCK_FRAMES ((size_t)1 << QUIRE_PMM_ORDER_MAX)
/* An index fits into 32 bits: 16 TiB of RAM. And metadata whose size cannot be counted cannot be had. */
#define FRAMES_MAX (sizeof(size_t) == 8 ? (uint64_t)1 << 32 : (uint64_t)1 << 28)

typedef struct quire_pmm_bank {
    size_t first;  /* the number of its first frame; a multiple of BLOCK_FRAMES, as is */
    size_t base;   /* the index of that frame */
    size_t frames; /* as far as there is RAM; the index is used up to the next block */
} pmm_bank_t;

/* The banks of a map, one after the other. */
typedef struct pmm_survey {
    const quire_memory_map_t *map;
    uint64_t top;     /* frames below this */
    uint64_t bridges; /* frames of holes that may still be covered */
    size_t at;        /* the next region */
    size_t base;      /* the next index */
} pmm_survey_t;

typedef enum pmm_found { PMM_FOUND_NONE, PMM_FOUND_BANK, PMM_FOUND_TOO_MUCH } pmm_found_t;

void pmm_survey_begin(pmm_survey_t *survey, const quire_memory_map_t *map, quire_pa_t limit);
/* TOO_MUCH: there is RAM whose frames cannot be counted. */
pmm_found_t pmm_survey_next(pmm_survey_t *survey, pmm_bank_t *bank);
size_t pmm_bank_number(const quire_pmm_t *pmm, size_t index);
size_t pmm_bank_index(const quire_pmm_t *pmm, size_t number);
/* How many frames follow in memory as they do in the index, this one among them; 0: there is no such frame. */
size_t pmm_bank_rest(const quire_pmm_t *pmm, size_t index);

/* --- small helpers --- */

/* The index of a frame; NONE if the metadata do not cover it. Nearly all machines have one bank: see bank.c. */
static inline size_t frame_index(const quire_pmm_t *pmm, quire_frame_t frame)
{
    size_t index = frame.number - pmm->first_frame;

    return LIKELY(index < pmm->near_frames) ? index : pmm_bank_index(pmm, frame.number);
}

/* The number of the frame that an index stands for. */
static inline size_t frame_number(const quire_pmm_t *pmm, size_t index)
{
    return LIKELY(index < pmm->near_frames) ? pmm->first_frame + index : pmm_bank_number(pmm, index);
}

static inline unsigned class_of(uint32_t state)
{
    return (state & FIELD_CLASS) >> FIELD_CLASS_SHIFT;
}

static inline bool is_whole(const quire_pmm_t *pmm, size_t field)
{
    return (load_relaxed(&pmm->fields[field]) & FIELD_COUNT) == FIELD_FRAMES;
}

/* The class that a field serves when a request of `lifetime` opens it. */
static inline unsigned class_for(const quire_pmm_t *pmm, size_t field, unsigned lifetime)
{
    return field < pmm->zone_fields[QUIRE_ZONE_BELOW_16M] ? CLASS_LOW : lifetime;
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

static inline word_t *pmm_field_words(const quire_pmm_t *pmm, size_t field)
{
    return pmm->bitmap + field * FIELD_WORDS;
}

/* Whether the metadata of the frame at `offset` in a field of this state have been written, once the field is open. */
static inline bool is_written(uint32_t state, unsigned offset)
{
    return !(state >> (FIELD_UNWRITTEN_SHIFT + offset / UNIT_FRAMES) & 1);
}

/* A word of bitmap of a field that has had this state once it was open: 0 as long as nobody has written it. */
static inline word_t pmm_word(const word_t *words, uint32_t state, size_t at)
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
    uint32_t state = load_acquire(&pmm->fields[index >> FIELD_ORDER]);
    unsigned offset = (unsigned)index & (FIELD_FRAMES - 1);

    if (UNLIKELY(state & FIELD_SPECIAL)) {
        bool unread = (state & (FIELD_FRESH | FIELD_HUGE)) || !is_written(state, offset);
        if (state & FIELD_ABSENT)
            return TAG_UNMANAGED;
        if ((state & FIELD_TAIL) || (unread && (!(state & (FIELD_HUGE | FIELD_NAMED)) || offset != 0)))
            return TAG_FREE;
    }
    return load_acquire(&pmm->tags[index]);
}

/* --- tree.c --- */
void pmm_tree_set(const quire_pmm_t *pmm, unsigned tree, size_t field);
/* Sets the bits of [low, high), as far as `pattern` (repeated in each word) has them. */
void pmm_tree_fill(const quire_pmm_t *pmm, unsigned tree, size_t low, size_t high, word_t pattern);
void pmm_tree_clear(const quire_pmm_t *pmm, unsigned tree, size_t field);
static inline bool pmm_tree_test(const quire_pmm_t *pmm, unsigned tree, size_t field)
{
    return load_relaxed(pmm->trees + tree * pmm->shape.words + field / WORD_FRAMES) >> (field % WORD_FRAMES) & 1;
}
/* The first field in [from, end) whose bit is set; NONE if there is none. */
size_t pmm_tree_next(const quire_pmm_t *pmm, unsigned tree, size_t from, size_t end);
/* Whether the tree has no bit at all. */
bool pmm_tree_empty(const quire_pmm_t *pmm, unsigned tree);
/* Lays out trees for so many fields; returns how many words all of them take. */
size_t pmm_tree_shape(quire_pmm_shape_t *shape, size_t fields);

/* What a search wants, and what it found: the frames of one word, or single ones. Begins with neither. */
typedef struct pmm_claim {
    unsigned lifetime;
    unsigned most;     /* single frames wanted: 1, or MAGAZINE_REFILL */
    size_t start;      /* the field to begin with */
    size_t field;      /* found: the field, or the last of several; */
    size_t base;       /* the frames of one word: the index of bit 0, */
    word_t mask;       /* and their bits; */
    unsigned count;    /* or, if `mask` is 0, so many single frames, the lowest of each field last */
    uint32_t *entries; /* room for `most` */
} pmm_claim_t;

/* --- fresh.c --- */
/* Writes bitmap and tags of a field that is fresh or partly unwritten; false if there was nothing to be written here,
   or others are writing all that is left. Who opens a field decides which lifetime it serves. */
bool pmm_field_materialise(const quire_pmm_t *pmm, size_t field, unsigned lifetime);

/* --- field.c --- */
/* The state of a field, of which as much is written as can be. */
static inline uint32_t pmm_field_ready(const quire_pmm_t *pmm, size_t field, unsigned lifetime)
{
    uint32_t state = load_acquire(&pmm->fields[field]);

    while (UNLIKELY(state & (FIELD_FRESH | FIELD_UNWRITTEN)) && pmm_field_materialise(pmm, field, lifetime))
        state = load_acquire(&pmm->fields[field]);
    return state;
}
/* Makes the trees agree with the field's state. */
void pmm_field_settle(const quire_pmm_t *pmm, size_t field);
/* The field has become whole or has ceased to be: changes the trees accordingly. */
void pmm_field_whole(const quire_pmm_t *pmm, size_t field, bool whole);
/* Claims free frames of the field: all of one word if it has many and nothing is claimed yet, else some of several
   words, never more than there is room for. False: it has none. */
bool pmm_field_claim(const quire_pmm_t *pmm, size_t field, pmm_claim_t *claim);
/* Frees the frames of one word. */
void pmm_field_put(const quire_pmm_t *pmm, size_t base, word_t bits);
/* Reserves between `least` and `most` frames; returns how many, 0 if there are not so many. The first to take of a
   whole field decides which lifetime it serves. */
unsigned pmm_field_reserve(const quire_pmm_t *pmm, size_t field, unsigned lifetime, unsigned least, unsigned most);
/* Gives back a reservation whose bits are still set. */
void pmm_field_unreserve(const quire_pmm_t *pmm, size_t field, unsigned frames);
/* Adds frames whose bits are set to the counter. */
void pmm_field_add(const quire_pmm_t *pmm, size_t field, unsigned frames);

/* --- run.c --- */
#define RUN_ORDER_MAX (FIELD_ORDER - 1)
/* Sets bits that are clear; panics if one is not. */
void pmm_set_bits(word_t *word, word_t bits);
/* The largest free run that the word at `at` of a field is part of. */
unsigned pmm_run_largest(const quire_pmm_t *pmm, size_t field, unsigned at);
/* The largest free run of the field. Of one that is partly unwritten it may be too much. */
unsigned pmm_run_best(const quire_pmm_t *pmm, size_t field);
/* The field may have runs up to this order now. */
void pmm_run_hint(const quire_pmm_t *pmm, size_t field, unsigned order);
bool pmm_run_take(const quire_pmm_t *pmm, size_t field, unsigned lifetime, unsigned order, size_t *index);
void pmm_run_put(const quire_pmm_t *pmm, size_t index, unsigned order);

/* --- search.c --- */
/* The range of fields that a request for `zone` searches in its step 0, 1, 2; false: no more. */
bool pmm_range(const quire_pmm_t *pmm, quire_zone_t zone, unsigned *step, size_t *low, size_t *high);
/* Claims free frames wherever the zone has any; false: it has none. */
bool pmm_search_frames(const quire_pmm_t *pmm, quire_zone_t zone, pmm_claim_t *claim);
/* One frame; NONE if there is none. */
size_t pmm_search_one(const quire_pmm_t *pmm, quire_zone_t zone, unsigned lifetime);

/* --- slot.c --- */
void pmm_slot_init(const quire_pmm_t *pmm, unsigned cpu);
/* One frame for a request without zone, by way of the CPU's slot; NONE if there is nothing to be found, or no slot. */
size_t pmm_slot_refill(const quire_pmm_t *pmm, unsigned lifetime);
/* Puts a freed frame, whose tag says so already, where it can be found again. */
void pmm_slot_put(const quire_pmm_t *pmm, size_t index);
/* Puts back what the calling CPU has claimed, but for what it has filled with zeros, and what is not sound. */
void pmm_slot_drain(const quire_pmm_t *pmm);
/* Puts back what the calling CPU has claimed, and into the trees the fields that CPUs have to themselves. Waits for
   nobody. */
void pmm_slot_share(const quire_pmm_t *pmm);
/* The same with what all CPUs have claimed, as far as it can be had. Asks the port for a fence, and waits for it. */
void pmm_slot_revoke(const quire_pmm_t *pmm);
/* Returns when every other CPU has passed a fence; meanwhile this one answers those that ask for theirs. */
void pmm_slot_fence(void);

/* --- zeroed.c --- */
/* One frame from the calling CPU's pools; NONE if they are empty. */
size_t pmm_zeroed_take(const quire_pmm_t *pmm);

/* --- block.c --- */
quire_status_t pmm_block_alloc(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index);
void pmm_block_free(quire_pmm_t *pmm, size_t index, unsigned order);

/* --- pmm.c --- */
/* Writes the tag of a block that has been taken, and tells about it. */
void pmm_hand_out(const quire_pmm_t *pmm, size_t index, unsigned tag);
/* Fills a block with zeros. */
void pmm_zero(const quire_pmm_t *pmm, size_t index, unsigned order);

/* --- complain.c --- */
/* Logs "pmm: frame 0x123, at 0x123000, is freed and is not allocated; its last owner: user" ("is freed ..." being
   `what`), or panics with it. */
void pmm_complain(const quire_pmm_t *pmm, size_t index, const char *what, bool fatal);

/* --- check_claims.c --- */
/* Two sets of frames are compared by their numbers, and by the sums of these. */
static inline uint32_t pmm_mark(size_t index)
{
    uint32_t mixed = (uint32_t)index * 0x9e3779b1u;

    mixed = (mixed ^ mixed >> 15) * 0x85ebca77u;
    return mixed ^ mixed >> 13;
}
/* Whether magazines are such as they can be while no CPU is at work. */
bool pmm_slots_are_sound(const quire_pmm_t *pmm);
/* Whether a magazine that its owner is inside holds claimed frames and nothing else, each of them once. */
bool pmm_may_go_back(const quire_pmm_t *pmm, const magazine_t *magazine);
/* Whether the magazines hold so many frames, those whose marks add up to `marks`, each of them free. */
bool pmm_claims_match(const quire_pmm_t *pmm, size_t expected, uint32_t marks);

/* --- poison.c --- */
/* Fills a block that is about to be freed; `tag` is what it has been allocated with. */
void pmm_poison_fill(const quire_pmm_t *pmm, size_t index, uint8_t tag);
/* Panics if a frame of a block that has been free was written meanwhile. Before the new tag is stored. */
void pmm_poison_verify(const quire_pmm_t *pmm, size_t index, unsigned order);

/* --- pmm_setup.c, pmm_report.c --- */
/* The first frame number above a zone. */
size_t pmm_zone_end(quire_zone_t zone);
/* Where the allocated block starts that a frame lies in; NONE: in none. */
size_t pmm_block_start(const quire_pmm_t *pmm, size_t index);

#endif
