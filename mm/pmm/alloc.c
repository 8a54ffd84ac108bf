/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - taking frames; and the design of the whole.
 *
 * Problem: every page fault takes a frame and every exit frees thousands, on all CPUs at once and from interrupts. It
 * must cost next to nothing, scale to a terabyte, notice every wrong free, keep 2 MiB blocks whole, and never lose a
 * frame because some CPU was stopped at a bad moment.
 *
 * What the hardware wants. A locked instruction costs some twenty cycles even without contention, so there should be
 * none for a frame. A cache line that two CPUs write costs hundreds, so they should work apart. A line is 64 bytes: a
 * bit a frame makes it 512 frames, exactly one large page of the MMU; a byte a frame makes it 64 frames, exactly one
 * word of that bitmap.
 *
 * Idea. The bitmap is the truth (chunk.c): one bit a frame, in chunks of 512, each with a counter. Summaries above the
 * counters (bitmap.c) lead any search to a chunk in a few steps, whatever the size of memory. A CPU claims a whole word
 * with two locked operations and hands its frames out without any (cpu_cache.c); frames freed go the same way back.
 * What a CPU has claimed can be taken back from it. Frames that an idle CPU has filled with zeros (zeroed.c) are such
 * frames. A chunk serves one lifetime class (search.c), so that long-lived frames do not lie scattered among
 * short-lived ones. A byte a frame, the tag, says what block starts there, who owns it, and whether it is shared;
 * freeing looks at it first, which detects double and foreign frees; only shared frames touch their count of
 * references.
 *
 * Cost, metadata: 5.14 bytes a frame (bit, tag, 4 bytes of references, counters and hierarchical bitmaps), written only
 * where memory is used, 2 MiB at a time. Cost, instructions: a frame taken and given back is 88 and none of them
 * locked, where the index of the CPU is known without a call; a third of these see to wrong frees, to interrupts, and
 * to being taken back. The rest is in `./quire bench pmm`.
 *
 * Invariants (quire_pmm_check): a bit is set only on a managed frame outside every block; a counter is the number
 * of its bits; a frame that is free and whose bit is clear is in exactly one CPU cache; total = free + used.
 *
 * Wrong frees. One after the other they are always detected by the tag. Two CPUs that free one frame in the same few
 * instructions may both find it allocated; then the bitmap finds the bit set already, and that is a panic, because by
 * then the frame may have been given to two owners.
 *
 * Rejected. Buddy lists (Linux): a split and a join for many operations, a lock, list heads in the frames or 16 bytes
 * beside each, and a walk through cold lines. Free lists of frames: no larger block is ever found again. LLFree's way
 * (a counter and a bit exchanged for every frame, ATC 2023): three locked operations a call; its counters and its
 * classes of lifetime are the origin of ours. A lock around a plain bitmap: short, but two CPUs are sixteen times
 * slower than one.
 */
#include "pmm.h"

static bool valid_request(quire_pmm_request_t request)
{
    return request.order <= QUIRE_PMM_ORDER_MAX && request.zone < QUIRE_ZONES && request.owner != QUIRE_OWNER_NONE &&
           request.owner < QUIRE_OWNERS && request.lifetime < QUIRE_LIFETIMES;
}

/* `near`: it is in the first bank. */
static inline void hand_out(const quire_pmm_t *pmm, size_t index, bool near, unsigned tag, quire_frame_t *frame)
{
    if (QUIRE_PMM_POISON)
        quire_pmm_poison_verify(pmm, index, (tag & TAG_CODE) - 1);
    store_relaxed(&pmm->tags[index], (uint8_t)tag);
    frame->number = near ? pmm->first_frame + index : frame_number(pmm, index);
    if (TELLING)
        quire_pmm_tell(QUIRE_EVENT_FRAME_ALLOC, frame->number, tag);
}

void quire_pmm_hand_out(const quire_pmm_t *pmm, size_t index, unsigned tag)
{
    quire_frame_t frame;

    hand_out(pmm, index, false, tag, &frame);
}

/* Any request. Not inlined, so that the fast path saves no registers for it. */
static __attribute__((noinline)) quire_status_t alloc_slowly(quire_pmm_t *pmm, quire_pmm_request_t request,
                                                             quire_frame_t *frame)
{
    size_t index = NONE;

    if (!valid_request(request))
        return QUIRE_INVALID;
    quire_status_t status = quire_pmm_block_alloc(pmm, request, &index);
    if (status != QUIRE_OK)
        return status;
    hand_out(pmm, index, false, (unsigned)request.owner << TAG_OWNER_SHIFT | (request.order + 1u), frame);
    if (request.zeroed)
        quire_pmm_zero(pmm, index, request.order);
    return QUIRE_OK;
}

/* One frame out of the calling CPU's magazine, if nothing is out of the ordinary; else NONE. See cpu_cache.c. */
static inline size_t pop(const quire_pmm_t *pmm, unsigned lifetime)
{
    unsigned cpu = quire_port_cpu();

    if (UNLIKELY(cpu >= pmm->cpu_count))
        return NONE;
    magazine_t *magazine = magazine_of(pmm, cpu, lifetime);
    if (UNLIKELY(load_own(&magazine->inside) != 0))
        return NONE;
    store_relaxed(&magazine->inside, 1);
    interrupt_fence();
    uint32_t floor = load_acquire(&magazine->floor);
    uint32_t count = load_relaxed(&magazine->count);
    size_t index = NONE;
    if (LIKELY(count > floor)) {
        index = load_own(&magazine->entries[--count]);
        store_relaxed(&magazine->count, count);
    }
    store_release(&magazine->inside, 0);
    return index;
}

/* One zeroed frame: from those that are ready, or as any other, and then filled. */
static __attribute__((noinline)) quire_status_t alloc_zeroed(quire_pmm_t *pmm, quire_pmm_request_t request,
                                                             quire_frame_t *frame)
{
    size_t index = NONE;

    if (!valid_request(request))
        return QUIRE_INVALID;
    if (request.zone == QUIRE_ZONE_ANY && request.lifetime == QUIRE_LIFETIME_MOVABLE)
        index = quire_pmm_zeroed_take(pmm);
    bool ready = index != NONE;
    if (!ready && request.zone == QUIRE_ZONE_ANY)
        index = pop(pmm, request.lifetime);
    if (index == NONE)
        return alloc_slowly(pmm, request, frame);
    hand_out(pmm, index, false, (unsigned)request.owner << TAG_OWNER_SHIFT | TAG_FRAME, frame);
    if (!ready)
        quire_pmm_zero(pmm, index, 0);
    return QUIRE_OK;
}

/* One frame, when the magazine has none, or one (`index`) that is not of the first bank. */
static __attribute__((noinline)) quire_status_t refill_slowly(quire_pmm_t *pmm, quire_pmm_request_t request,
                                                              size_t index, quire_frame_t *frame)
{
    if (index == NONE && request.lifetime < QUIRE_LIFETIMES)
        index = quire_pmm_cpu_cache_refill(pmm, request.lifetime);
    if (index == NONE)
        return alloc_slowly(pmm, request, frame);
    hand_out(pmm, index, false, (unsigned)request.owner << TAG_OWNER_SHIFT | TAG_FRAME, frame);
    return QUIRE_OK;
}

/* A request as one number, its first byte lowest: so the compiler keeps it in a register. */
static inline uint64_t number_of(quire_pmm_request_t request)
{
    uint64_t number;

    _Static_assert(sizeof(request) == sizeof(number), "a request is one look");
    __builtin_memcpy(&number, &request, sizeof(number));
    return number;
}

/* The fast path is one look and one pop. A lifetime that there is not has a magazine that is always shut. */
quire_status_t quire_pmm_alloc(quire_pmm_t *pmm, quire_pmm_request_t request, quire_frame_t *frame)
{
    const quire_pmm_request_t out_of_the_ordinary = {
        .owner = (uint8_t)~7u, .lifetime = (uint8_t)~3u, .order = 0xff, .zone = 0xff, .zeroed = true};
    uint64_t number = number_of(request);
    unsigned owner = (unsigned)number & 7;

    if (UNLIKELY((number & number_of(out_of_the_ordinary)) != 0 || owner - 1 >= QUIRE_OWNERS - 1u))
        return request.zeroed && request.order == 0 ? alloc_zeroed(pmm, request, frame)
                                                    : alloc_slowly(pmm, request, frame);
    size_t index = pop(pmm, (unsigned)number >> 8 & 3);
    if (LIKELY(index < pmm->near_frames)) {
        hand_out(pmm, index, true, owner << TAG_OWNER_SHIFT | TAG_FRAME, frame);
        return QUIRE_OK;
    }
    return refill_slowly(pmm, request, index, frame);
}
