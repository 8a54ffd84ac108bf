/* SPDX-License-Identifier: MIT */
/*
 * pmm.h - physical memory: every frame of RAM, free or used. One per machine.
 *
 * A frame is taken with quire_pmm_alloc(), which gives it one reference; sharers retain it and each holder
 * releases it; the last release frees it. Blocks of 2^order frames are contiguous and aligned to their size, and are
 * retained and released by their first frame. All calls are safe on any CPU and from interrupts, and take no lock
 * (quire_pmm_add() excepted). A thread must not be moved to another CPU, nor another thread run in its place, in the
 * middle of a call.
 *
 * Two calls wait for other CPUs, and only when they would fail otherwise: quire_pmm_alloc() without `no_wait`, and
 * quire_pmm_take(). They ask for a shootdown (port.h), and a CPU that spins on a lock of the host's own with interrupts
 * off may never answer it. So: whoever holds a lock that others wait for in this way, and does not know that they
 * answer, asks with `no_wait`. The library itself waits: it holds no locks but those taken by quire_port_lock(), whose
 * waiters answer.
 *
 * Freeing what is not allocated (twice, foreign, reserved, the middle of a block, the wrong order) is always
 * detected in O(1), changes nothing and answers QUIRE_CORRUPT.
 *
 * Built with -DQUIRE_PMM_POISON=1, for debugging, the PMM fills frames when they are freed and panics, naming the frame
 * and its last owner, when one is handed out that was written meanwhile. Windows must work on all frames then.
 */
#ifndef QUIRE_PMM_H
#define QUIRE_PMM_H

#include <quire/memory_map.h>
#include <quire/port.h>
#include <quire/types.h>

/* CPUs that get a claim of their own; others work, with locked instructions. */
#ifndef QUIRE_PMM_CPUS
#define QUIRE_PMM_CPUS 16
#endif

#define QUIRE_PMM_ORDER_MAX 10 /* 4 MiB blocks: the large page of 32-bit paging */

typedef enum quire_zone {
    QUIRE_ZONE_ANY = 0,
    QUIRE_ZONE_BELOW_4G,  /* for devices with 32-bit addresses */
    QUIRE_ZONE_BELOW_16M, /* for ISA DMA */
    QUIRE_ZONES,
} quire_zone_t;

/* Who holds a frame; kept with it, and after it is freed, for reports. */
typedef enum quire_owner {
    QUIRE_OWNER_NONE = 0,
    QUIRE_OWNER_KERNEL,
    QUIRE_OWNER_TABLE, /* page tables */
    QUIRE_OWNER_USER,  /* pages of processes */
    QUIRE_OWNER_HEAP,  /* the kernel heap's pages */
    QUIRE_OWNER_DEVICE,
    QUIRE_OWNER_TEST,
    QUIRE_OWNERS,
} quire_owner_t;

/* How long a frame will probably live, so that huge frames stay whole. A hint, never an obligation. */
typedef enum quire_lifetime {
    QUIRE_LIFETIME_MOVABLE = 0, /* a process's page: short-lived, could be moved */
    QUIRE_LIFETIME_LONG,        /* the kernel's own */
    QUIRE_LIFETIME_TABLE,       /* page tables: short-lived, cannot be moved */
    QUIRE_LIFETIMES,
} quire_lifetime_t;

/* What is wanted. Eight bytes, so that it travels in a register (or two) and is judged at one look. Best a constant:
   one that is written byte by byte and passed on at once makes the CPU wait for its own stores. */
typedef struct quire_pmm_request {
    uint8_t owner;    /* quire_owner_t */
    uint8_t lifetime; /* quire_lifetime_t */
    uint8_t order;    /* 2^order frames; at most QUIRE_PMM_ORDER_MAX */
    uint8_t zone;     /* quire_zone_t */
    bool zeroed;
    bool no_wait;      /* see quire_pmm_alloc() */
    uint8_t unused[2]; /* 0 */
} quire_pmm_request_t;

typedef struct quire_pmm quire_pmm_t;

typedef struct quire_pmm_stats {
    size_t total_frames; /* frames the PMM manages: usable RAM */
    size_t free_frames;  /* total = free + used, always */
    size_t used_frames;
    size_t claimed_frames; /* of the free frames, those that CPUs have claimed and not handed out: they can be had, but
                              lie in no free block until then. The calling CPU puts back its own first, but for: */
    size_t zeroed_frames;  /* of the claimed frames, those that are filled with zeros already */
    size_t cpu_claimed_frames[QUIRE_PMM_CPUS]; /* the claimed frames by CPU */
    size_t zone_total_frames[QUIRE_ZONES];     /* by zone; the narrower zones are part of the wider */
    size_t zone_free_frames[QUIRE_ZONES];
    size_t zone_free_huge_frames[QUIRE_ZONES];
    size_t owner_frames[QUIRE_OWNERS]; /* used frames by owner; [QUIRE_OWNER_NONE] is 0 */
    size_t free_huge_frames;           /* whole free, aligned runs of 512 frames */
    unsigned largest_free_order; /* the largest order that could be allocated now; meaningless if free_frames is 0 */
    /* External fragmentation: how much of the free memory, per thousand and rounded down, does not lie in free huge
       frames and so cannot serve a request of order 9. 0: all of it can, or nothing is free. This is Linux's unusable
       free space index (extfrag/unusable_index in its debugfs, by M. Gorman) for that order. */
    unsigned fragmentation_per_thousand;
    size_t metadata_bytes;
} quire_pmm_stats_t;

typedef struct quire_frame_info {
    bool managed;        /* RAM that the PMM hands out; if false the rest is 0 */
    bool allocated;      /* part of an allocated block */
    quire_owner_t owner; /* present owner, or the last one if the frame is free */
    uint32_t references; /* of the block, if this is its first frame */
    unsigned order;      /* of the block, if this is its first frame */
} quire_frame_info_t;

/* Bytes of metadata needed for a map, to be taken from it with quire_memory_map_take() (page aligned): some 5.14 for
   each frame that is usable or can become so, and at most 5 MiB for holes between them, however wide. Frames at or
   above `limit` are left out: what the CPU or its paging cannot reach. 0: no usable frame; or, and then it is logged,
   more RAM than can be counted (16 TiB; 1 TiB in a 32-bit kernel), or with frame numbers that fit into no size_t:
   nothing is left out in silence. */
size_t quire_pmm_metadata_bytes(const quire_memory_map_t *map, quire_pa_t limit);

/* Takes over every usable frame of the map below `limit`, and seals the map. `metadata` are that many bytes of mapped
   memory, which stay the PMM's. QUIRE_INVALID: the bytes needed are 0, or metadata unaligned or too small. */
quire_status_t quire_pmm_init(quire_pmm_t *pmm, quire_memory_map_t *map, quire_pa_t limit, void *metadata,
                              size_t metadata_bytes) QUIRE_MUST_CHECK;

/* QUIRE_NO_MEMORY: nothing of that order is left in that zone. QUIRE_INVALID: no such order, zone or owner.
   QUIRE_ZONE_ANY and QUIRE_ZONE_BELOW_4G search from above: what lies above 4 GiB first, then what lies above 16 MiB,
   and memory for ISA DMA last. In each, the hint of lifetime decides between chunks, and never makes a request fail.
   Before it fails, a request takes back what other CPUs have claimed, and asks the shrinker. With `no_wait` it does
   neither, and fails although up to some hundred frames a CPU may be free: what other CPUs have claimed
   (claimed_frames). A CPU that is stopped in the middle of a call keeps up to 64 frames from all others, and what lies
   in its own magazine. */
quire_status_t quire_pmm_alloc(quire_pmm_t *pmm, quire_pmm_request_t request, quire_frame_t *frame) QUIRE_MUST_CHECK;

/* Frees a block that has exactly one reference. QUIRE_CORRUPT: see above; also when it is shared. */
quire_status_t quire_pmm_free(quire_pmm_t *pmm, quire_frame_t frame, unsigned order) QUIRE_MUST_CHECK;

/* One more holder. A count that would overflow sticks at its maximum and the frame is then never freed. */
quire_status_t quire_pmm_retain(quire_pmm_t *pmm, quire_frame_t frame) QUIRE_MUST_CHECK;

/* One holder less; frees the block when it was the last (*freed, which may be NULL, tells). */
quire_status_t quire_pmm_release(quire_pmm_t *pmm, quire_frame_t frame, bool *freed) QUIRE_MUST_CHECK;

/* References of a block, 0 if it is not allocated. */
uint32_t quire_pmm_references(const quire_pmm_t *pmm, quire_frame_t frame);

/* The word that is kept beside a block for its references beyond the first; NULL: no such frame. A page table has one
   holder, so for a frame of QUIRE_OWNER_TABLE the word is that holder's own, to count in or to mark as it likes: 0 when
   the frame is handed out, and 0 again before it is freed. Such a frame is not retained. Of a frame that somebody
   shares it is the PMM's. */
uint32_t *quire_pmm_far_word(const quire_pmm_t *pmm, quire_frame_t frame); /* beyond the first bank */
static inline uint32_t *quire_pmm_word(const quire_pmm_t *pmm, quire_frame_t frame);

quire_frame_info_t quire_pmm_frame_info(const quire_pmm_t *pmm, quire_frame_t frame);
const char *quire_owner_name(quire_owner_t owner);

/* Makes one block of 2^order frames into as many blocks of one frame, each with the same owner and one holder, so that
   parts of it can be freed. QUIRE_CORRUPT: no block of that order starts there. QUIRE_DENIED: it has several holders,
   whose count cannot be divided. */
quire_status_t quire_pmm_split(quire_pmm_t *pmm, quire_frame_t frame, unsigned order) QUIRE_MUST_CHECK;

/* Takes the very frames [first, first + count), all or none; each is a block of one frame afterwards. For memory that
   turns out bad, that a device insists on, or that is to be switched off. May wait, as quire_pmm_alloc() may.
   QUIRE_EXISTS: one of them is in use.
   QUIRE_INVALID: one of them is not managed, or there is no such owner. */
quire_status_t quire_pmm_take(quire_pmm_t *pmm, quire_frame_t first, size_t count,
                              quire_owner_t owner) QUIRE_MUST_CHECK;

/* Fills one free frame with zeros ahead of need, to be called when the CPU has nothing better to do: requests for one
   zeroed frame of QUIRE_LIFETIME_MOVABLE are then served without waiting for it. False: enough are ready, or memory is
   short. The frames stay free: they go to whoever needs them when nothing else is left. */
bool quire_pmm_zero_ahead(quire_pmm_t *pmm);

/* Adds the usable frames of a range that was kept out at init (loader and module memory that has been read, ACPI).
   QUIRE_EXISTS: part of it is managed already. QUIRE_INVALID: outside what the metadata cover, which is all that the
   map names as RAM of any kind. */
quire_status_t quire_pmm_add(quire_pmm_t *pmm, quire_pa_t start, uint64_t bytes) QUIRE_MUST_CHECK;

/* Called when an allocation that may wait would fail, with the order that is wanted, before it fails: gives frames back
   and tells whether it gave any. It runs in the context of that allocation, without a lock, and is not called again
   before it returns: another CPU that runs out waits for a while, until it does. It must not wait for locks that
   callers of quire_pmm_alloc() may hold. */
typedef bool (*quire_pmm_shrinker_t)(void *context, unsigned order);
void quire_pmm_set_shrinker(quire_pmm_t *pmm, quire_pmm_shrinker_t shrinker, void *context);

/* Reads the state of every chunk and the tags of those in use: for people, not for a fast path. Exact while no other
   CPU allocates or frees; otherwise each figure is of some moment during the call. Answers as well as it can where
   magazines were overwritten; that they were, quire_pmm_check() tells. */
void quire_pmm_stats(const quire_pmm_t *pmm, quire_pmm_stats_t *stats);

/* Frame numbers [*first, *end) are what the metadata cover. There may be wide holes between. */
void quire_pmm_bounds(const quire_pmm_t *pmm, quire_frame_t *first, quire_frame_t *end);

/* Recounts everything from the bitmap: chunks, zones, claims, and what searches go by. QUIRE_CORRUPT, and the broken
   rule in the log, if one of them lies. Wants a moment in which no other CPU allocates or frees. */
quire_status_t quire_pmm_check(const quire_pmm_t *pmm) QUIRE_MUST_CHECK;

/* Private to mm/pmm, here so that the host can provide the storage; see mm/pmm/pmm.h. */
typedef struct quire_pmm_shape {
    size_t words; /* of one hierarchical bitmap */
    unsigned levels;
    uint32_t offset[5];
    uint32_t bits[5];
} quire_pmm_shape_t;

struct quire_pmm {
    size_t first_frame; /* the frame that bit 0 stands for; a multiple of 1024 */
    size_t near_frames; /* frames of the first bank: those that a subtraction finds */
    uint32_t *chunks;   /* the state of each 512 frames */
    uint8_t *tags;      /* one a frame: what starts there, and whose it is */
    struct quire_pmm_magazine *magazines;
    unsigned cpu_count;
    unsigned shrinking;
    uintptr_t *frame_bits; /* 1 = free and not claimed */
    uint32_t *extra;       /* one a frame: references beyond the first */
    uintptr_t *bitmaps;
    quire_pmm_shape_t shape;
    struct quire_pmm_bank *banks; /* in order of address */
    size_t bank_count;
    size_t frame_count; /* indices, up to the last frame */
    size_t chunk_count;
    size_t zone_chunks[QUIRE_ZONES]; /* chunks below the end of each zone */
    size_t stride;                   /* how far apart the CPUs begin their searches */
    quire_pmm_shrinker_t shrinker;
    void *shrinker_context;
    quire_lock_t lock; /* for quire_pmm_add() alone */
    size_t total_frames;
    size_t zone_total_frames[QUIRE_ZONES];
    size_t metadata_bytes;
};

static inline uint32_t *quire_pmm_word(const quire_pmm_t *pmm, quire_frame_t frame)
{
    size_t index = frame.number - pmm->first_frame;

    return index < pmm->near_frames ? &pmm->extra[index] : quire_pmm_far_word(pmm, frame);
}

#endif
