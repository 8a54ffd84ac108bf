/* SPDX-License-Identifier: MIT */
/*
 * pmm.h - what the files of the PMM do for each other. Each calls only those that stand above it in this list.
 *
 *   layout.h       words, chunks, tags, magazines: how the metadata lie in memory
 *   bank.c         which frames there are: stretches of RAM, counted through by one index
 *   bitmap.c       which chunks are worth looking at: hierarchical bitmaps, summaries above the chunks
 *   runs.c         aligned runs of bits inside a chunk
 *   chunk_index.c  which hierarchical bitmaps a chunk stands in
 *   chunk_init.c   chunks that have never been used: their metadata, written when they are needed
 *   chunk.c        512 frames: a counter and a line of bitmap; reserve in the counter, then take the bits
 *   search.c       where to look: zones and lifetimes
 *   references.c   who else holds a frame
 *   report.c       what is known of one frame, and a sentence about it
 *   check_claims.c are the magazines such as they can be?
 *   cpu_cache.c    what one CPU has claimed; taking it back from other CPUs
 *   zeroed.c       frames filled with zeros ahead of need
 *   block.c        requests for more than a frame; the last resort
 *   poison.c       freed frames filled and verified, in debug builds
 *   alloc.c        the public call that takes, and the design as a whole
 *   free.c         the public calls that give back
 *   split.c        blocks divided; frames that are asked for by number
 *   statistics.c   how much of what there is
 *   check.c        everything recounted
 *   init.c         from the firmware's map to a PMM
 */
#ifndef QUIRE_PMM_PMM_H
#define QUIRE_PMM_PMM_H

#include "layout.h"

/* --- bank.c --- */

/* The banks of a map, one after the other. */
typedef struct pmm_survey {
    const quire_memory_map_t *map;
    uint64_t top;     /* frames below this */
    uint64_t bridges; /* frames of holes that may still be covered */
    size_t at;        /* the next region */
    size_t base;      /* the next index */
} pmm_survey_t;

typedef enum pmm_found { PMM_FOUND_NONE, PMM_FOUND_BANK, PMM_FOUND_TOO_MUCH } pmm_found_t;

void quire_pmm_survey_begin(pmm_survey_t *survey, const quire_memory_map_t *map, quire_pa_t limit);
/* TOO_MUCH: there is RAM whose frames cannot be counted. */
pmm_found_t quire_pmm_survey_next(pmm_survey_t *survey, pmm_bank_t *bank);
size_t quire_pmm_bank_number(const quire_pmm_t *pmm, size_t index);
size_t quire_pmm_bank_index(const quire_pmm_t *pmm, size_t number);
/* How many frames follow in memory as they do in the index, this one among them; 0: there is no such frame. */
size_t quire_pmm_bank_rest(const quire_pmm_t *pmm, size_t index);

/* The index of a frame; NONE if the metadata do not cover it. Nearly all machines have one bank: see bank.c. */
static inline size_t frame_index(const quire_pmm_t *pmm, quire_frame_t frame)
{
    size_t index = frame.number - pmm->first_frame;

    return LIKELY(index < pmm->near_frames) ? index : quire_pmm_bank_index(pmm, frame.number);
}

/* The number of the frame that an index stands for. */
static inline size_t frame_number(const quire_pmm_t *pmm, size_t index)
{
    return LIKELY(index < pmm->near_frames) ? pmm->first_frame + index : quire_pmm_bank_number(pmm, index);
}

/* --- bitmap.c --- */
void quire_pmm_bitmap_set(const quire_pmm_t *pmm, unsigned bitmap, size_t chunk);
/* Sets the bits of [low, high), as far as `pattern` (repeated in each word) has them. */
void quire_pmm_bitmap_fill(const quire_pmm_t *pmm, unsigned bitmap, size_t low, size_t high, word_t pattern);
void quire_pmm_bitmap_clear(const quire_pmm_t *pmm, unsigned bitmap, size_t chunk);
/* The first chunk in [from, end) whose bit is set; NONE if there is none. */
size_t quire_pmm_bitmap_next(const quire_pmm_t *pmm, unsigned bitmap, size_t from, size_t end);
/* Whether the hierarchical bitmap has no bit at all. */
bool quire_pmm_bitmap_empty(const quire_pmm_t *pmm, unsigned bitmap);
/* Lays out hierarchical bitmaps for so many chunks; returns how many words all of them take. */
size_t quire_pmm_bitmap_shape(quire_pmm_shape_t *shape, size_t chunks);

/* What a search wants, and what it found: the frames of one word, or single ones. Begins with neither. */
typedef struct pmm_claim {
    unsigned lifetime;
    unsigned most;     /* single frames wanted: 1, or MAGAZINE_REFILL */
    size_t start;      /* the chunk to begin with */
    size_t chunk;      /* found: the chunk, or the last of several; */
    size_t base;       /* the frames of one word: the index of bit 0, */
    word_t mask;       /* and their bits; */
    unsigned count;    /* or, if `mask` is 0, so many single frames, the lowest of each chunk last */
    uint32_t *entries; /* room for `most` */
} pmm_claim_t;

/* --- runs.c --- */
#define RUN_ORDER_MAX (CHUNK_ORDER - 1)
/* Sets bits that are clear; panics if one is not. */
void quire_pmm_set_bits(word_t *word, word_t bits);
/* The largest free run that the word at `at` of a chunk is part of. */
unsigned quire_pmm_run_largest(const quire_pmm_t *pmm, size_t chunk, unsigned at);
/* The largest free run of the chunk. Of one that is partly unwritten it may be too much. */
unsigned quire_pmm_run_best(const quire_pmm_t *pmm, size_t chunk);
/* The chunk may have runs up to this order now. */
void quire_pmm_run_hint(const quire_pmm_t *pmm, size_t chunk, unsigned order);
/* Where a free run starts in a chunk of this state, counted from its first frame; CHUNK_FRAMES if there is none. */
unsigned quire_pmm_run_find(const word_t *words, uint32_t state, unsigned order);
/* Takes the run that was found at `start`; false if somebody was faster. */
bool quire_pmm_run_take_bits(word_t *words, unsigned start, unsigned order);

/* --- chunk_index.c --- */
/* The chunk's state has changed from one to the other: moves it between the hierarchical bitmaps. */
void quire_pmm_chunk_move(const quire_pmm_t *pmm, size_t chunk, uint32_t before, uint32_t after);
/* The last free frame has been reserved: no search shall come here for nothing. */
void quire_pmm_chunk_leave(const quire_pmm_t *pmm, size_t chunk, unsigned class);
/* Makes the hierarchical bitmaps agree with the chunk's state. */
void quire_pmm_chunk_reindex(const quire_pmm_t *pmm, size_t chunk);
/* The chunk has become whole or has ceased to be: changes the hierarchical bitmaps accordingly. */
void quire_pmm_chunk_whole(const quire_pmm_t *pmm, size_t chunk, bool whole);

/* --- chunk_init.c --- */
/* Writes bitmap and tags of a chunk that is fresh or partly unwritten; false if there was nothing to be written here,
   or others are writing all that is left. Who opens a chunk decides which lifetime it serves. */
bool quire_pmm_chunk_init(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime);

/* --- chunk.c --- */
/* The state of a chunk, of which as much is written as can be. */
static inline uint32_t quire_pmm_chunk_ready(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime)
{
    uint32_t state = load_acquire(&pmm->chunks[chunk]);

    while (UNLIKELY(state & (CHUNK_FRESH | CHUNK_UNWRITTEN)) && quire_pmm_chunk_init(pmm, chunk, lifetime))
        state = load_acquire(&pmm->chunks[chunk]);
    return state;
}
/* Claims free frames of the chunk: all of one word if it has many and nothing is claimed yet, else some of several
   words, never more than there is room for. False: it has none. */
bool quire_pmm_chunk_claim(const quire_pmm_t *pmm, size_t chunk, pmm_claim_t *claim);
/* Frees the frames of one word. */
void quire_pmm_chunk_put(const quire_pmm_t *pmm, size_t base, word_t bits);
/* Reserves between `least` and `most` frames; returns how many, 0 if there are not so many. The first to take of a
   whole chunk decides which lifetime it serves. */
unsigned quire_pmm_chunk_reserve(const quire_pmm_t *pmm, size_t chunk, unsigned lifetime, unsigned least,
                                 unsigned most);
/* Gives back a reservation whose bits are still set. */
void quire_pmm_chunk_unreserve(const quire_pmm_t *pmm, size_t chunk, unsigned frames);
/* Adds frames whose bits are set to the counter. */
void quire_pmm_chunk_add(const quire_pmm_t *pmm, size_t chunk, unsigned frames);

/* --- search.c --- */
/* The range of chunks that a request for `zone` searches in its step 0, 1, 2; false: no more. */
bool quire_pmm_zone_range(const quire_pmm_t *pmm, quire_zone_t zone, unsigned *step, size_t *low, size_t *high);
/* Claims free frames wherever the zone has any; false: it has none. */
bool quire_pmm_search_frames(const quire_pmm_t *pmm, quire_zone_t zone, pmm_claim_t *claim);
/* One frame; NONE if there is none. */
size_t quire_pmm_search_one(const quire_pmm_t *pmm, quire_zone_t zone, unsigned lifetime);

/* --- report.c --- */
/* Tells listeners that a block has come or gone; out of the way of the fast paths. */
void quire_pmm_tell(quire_event_kind_t kind, size_t number, unsigned tag);
/* Where the allocated block starts that a frame lies in; NONE: in none. */
size_t quire_pmm_block_start(const quire_pmm_t *pmm, size_t index);
/* Logs "pmm: frame 0x123, at 0x123000, is freed and is not allocated; its last owner: user" ("is freed ..." being
   `what`), or panics with it. */
void quire_pmm_report(const quire_pmm_t *pmm, size_t index, const char *what, bool fatal);

/* --- check_claims.c --- */
/* Two sets of frames are compared by their numbers, and by the sums of these. */
static inline uint32_t claim_mark(size_t index)
{
    uint32_t mixed = (uint32_t)index * 0x9e3779b1u;

    mixed = (mixed ^ mixed >> 15) * 0x85ebca77u;
    return mixed ^ mixed >> 13;
}
/* Whether magazines are such as they can be while no CPU is at work. */
bool quire_pmm_cpu_caches_are_sound(const quire_pmm_t *pmm);
/* Whether a magazine that its owner is inside holds claimed frames and nothing else, each of them once. */
bool quire_pmm_may_go_back(const quire_pmm_t *pmm, const magazine_t *magazine);
/* Whether the magazines hold so many frames, those whose marks add up to `marks`, each of them free. */
bool quire_pmm_claims_match(const quire_pmm_t *pmm, size_t expected, uint32_t marks);

/* --- cpu_cache.c --- */
void quire_pmm_cpu_cache_init(const quire_pmm_t *pmm, unsigned cpu);
/* One frame for a request without zone, by way of the CPU's cache; NONE if there is nothing to be found, or no such
 * cache. */
size_t quire_pmm_cpu_cache_refill(const quire_pmm_t *pmm, unsigned lifetime);
/* Puts back `count` entries; neighbours that lie in one word go together. */
void quire_pmm_cpu_cache_put_entries(const quire_pmm_t *pmm, const uint32_t *entries, unsigned count);
/* Puts a freed frame, whose tag says so already, where it can be found again. */
void quire_pmm_cpu_cache_put(const quire_pmm_t *pmm, size_t index);
/* Puts back what the calling CPU has claimed, but for what it has filled with zeros, and what is not sound. */
void quire_pmm_cpu_cache_drain(const quire_pmm_t *pmm);
/* Puts back what the calling CPU has claimed, and into the hierarchical bitmaps the chunks that CPUs have to
   themselves. Waits for nobody. */
void quire_pmm_cpu_cache_share(const quire_pmm_t *pmm);
/* The same with what all CPUs have claimed, as far as it can be had. Asks the port for a fence, and waits for it. */
void quire_pmm_cpu_cache_revoke(const quire_pmm_t *pmm);
/* Returns when every other CPU has passed a fence; meanwhile this one answers those that ask for theirs. */
void quire_pmm_cpu_cache_fence(void);

/* --- zeroed.c --- */
/* Fills a block with zeros. */
void quire_pmm_zero(const quire_pmm_t *pmm, size_t index, unsigned order);
/* One frame from the calling CPU's pools; NONE if they are empty. */
size_t quire_pmm_zeroed_take(const quire_pmm_t *pmm);

/* --- block.c --- */
quire_status_t quire_pmm_block_alloc(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index);
void quire_pmm_block_free(quire_pmm_t *pmm, size_t index, unsigned order);

/* --- poison.c --- */
/* Fills a block that is about to be freed; `tag` is what it has been allocated with. */
void quire_pmm_poison_fill(const quire_pmm_t *pmm, size_t index, uint8_t tag);
/* Panics if a frame of a block that has been free was written meanwhile. Before the new tag is stored. */
void quire_pmm_poison_verify(const quire_pmm_t *pmm, size_t index, unsigned order);

/* --- alloc.c --- */
/* Writes the tag of a block that has been taken, and tells about it. */
void quire_pmm_hand_out(const quire_pmm_t *pmm, size_t index, unsigned tag);

/* --- init.c, statistics.c --- */
/* The first frame number above a zone. */
size_t quire_pmm_zone_end(quire_zone_t zone);

#endif
