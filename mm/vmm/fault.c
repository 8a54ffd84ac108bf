/* SPDX-License-Identifier: MIT */
/*
 * fault.c - keeping promises.
 *
 * Problem: a page is touched that the MMU will not let through. It may be promised, shared until it is written,
 * already repaired by another CPU, forbidden, or nothing at all.
 *
 * Idea: a fault is three hops: here, the cursor, a frame. The cursor is opened on the one page in the way that brings
 * its last table, the entry says what is the matter, and the entry that makes it right is written before the
 * cursor is closed. Nothing else is consulted. The copies from and to a process (user.c) need the same, so the work is
 * done by quire_vmm_open_page(), which leaves the cursor open: the lock is held from the decision to the last byte.
 *
 * Invariants: a frame is zeroed, or wholly copied, before an entry names it. Nothing is changed unless the page ends up
 * usable for this access. The kernel's accesses to a process's pages come through user.c and never fault, so a fault
 * that does not come from ring 3 is refused on them.
 *
 * Spurious faults are right: another CPU was faster, or this CPU held an old translation with fewer rights, which may
 * be kept after rights were added (SDM volume 3, 4.10.4.3). They end with QUIRE_OK and no change.
 *
 * The warm way. Most faults are first touches of pages that are promised as the one before was. The raw word is
 * compared with the last promise that was kept, and what that became is written with a new frame: nothing is decoded,
 * judged or encoded. A promise's word decides all of that alone, so what is remembered is never out of date.
 *
 * Rejected: taking and zeroing the frame before the lock. It shortens the time under the lock by a page's clearing, and
 * costs an allocation and a release for every fault that turns out to need none.
 */
#include "space.h"

#include "../panic.h"
#include "../string.h"

#define ACCESS_ALL   (QUIRE_ACCESS_WRITE | QUIRE_ACCESS_EXEC | QUIRE_ACCESS_USER | QUIRE_ACCESS_KEY)
#define REPEATS_TOLD 64 /* a power of two: from there on, each doubling is told */

/* SDM volume 3, 4.6.2: a fetch asks no key. */
static bool key_forbids(const quire_space_t *space, uint8_t key, unsigned access)
{
    uint32_t forbidden = space->key_rights >> (2 * key) & 3;

    if ((access & QUIRE_ACCESS_EXEC) != 0)
        return false;
    return (forbidden & 1) != 0 || (forbidden != 0 && (access & QUIRE_ACCESS_WRITE) != 0);
}

static bool allowed(const quire_space_t *space, const quire_page_t *page, unsigned access)
{
    unsigned rights = page->prot;
    unsigned wanted = ((access & QUIRE_ACCESS_WRITE) != 0 ? (unsigned)QUIRE_PROT_WRITE : 0) |
                      ((access & QUIRE_ACCESS_EXEC) != 0 ? (unsigned)QUIRE_PROT_EXEC : 0) |
                      ((access & QUIRE_ACCESS_USER) != 0 ? (unsigned)QUIRE_PROT_USER : 0);

    /* Not the kernel on a process's pages, and nobody on pages without any right. */
    if (((rights ^ wanted) & QUIRE_PROT_USER) != 0 || (rights & PROT_ACCESS) == 0 || (wanted & ~rights) != 0)
        return false;
    return (access & QUIRE_ACCESS_KEY) == 0 && !key_forbids(space, page->key, access);
}

/* Whether this access is right on this page, which may still need work before it can be done. */
static quire_status_t check_access(const quire_space_t *space, quire_va_t va, const quire_page_t *page, unsigned access)
{
    bool forced = (access & QUIRE_VMM_ACCESS_FORCED) != 0;

    switch (page->kind) {
    case QUIRE_PAGE_EMPTY:
        return QUIRE_NOT_FOUND;
    case QUIRE_PAGE_MAPPED:
    case QUIRE_PAGE_RESERVED:
        return forced || allowed(space, page, access) ? QUIRE_OK : QUIRE_DENIED;
    case QUIRE_PAGE_HIDDEN:
        return forced ? QUIRE_OK : QUIRE_DENIED;
    case QUIRE_PAGE_GUARD:
    case QUIRE_PAGE_OBJECT:
    case QUIRE_PAGE_SWAPPED:
        return QUIRE_DENIED;
    case QUIRE_PAGE_BUSY:
        return QUIRE_AGAIN;
    case QUIRE_PAGE_TABLE:
        break;
    }
    quire_panic_at("vmm: a page that is a table", va, space->table.space);
}

quire_status_t quire_vmm_alloc_frame(quire_space_t *space, bool zeroed, quire_frame_t *frame)
{
    static const quire_pmm_request_t kernels[] = {
        {.owner = QUIRE_OWNER_HEAP, .lifetime = QUIRE_LIFETIME_LONG},
        {.owner = QUIRE_OWNER_HEAP, .lifetime = QUIRE_LIFETIME_LONG, .zeroed = true},
    };
    static const quire_pmm_request_t users[] = {
        {.owner = QUIRE_OWNER_USER, .lifetime = QUIRE_LIFETIME_MOVABLE},
        {.owner = QUIRE_OWNER_USER, .lifetime = QUIRE_LIFETIME_MOVABLE, .zeroed = true},
    };

    return quire_pmm_alloc(space->table.pmm, is_kernel(space) ? kernels[zeroed] : users[zeroed], frame);
}

/* What resolve_promise() made of this promise is remembered, and which accesses it is for: those of ring 3 or those of
   the kernel, that its rights allow, by a thread that its key keeps from nothing. */
static void remember(quire_space_t *space, const quire_cursor_t *cursor, unsigned prot, const quire_page_t *made)
{
    space->resolved = quire_cursor_resolves(cursor, made);
    space->resolved_page = *made;
    space->resolved_key = (uint32_t)3 << (2 * made->key);
    space->resolved_needs = (prot & QUIRE_PROT_USER) != 0 ? (unsigned)QUIRE_ACCESS_USER : 0;
    space->resolved_decides = (unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_KEY | QUIRE_VMM_ACCESS_FORCED |
                              ((prot & QUIRE_PROT_WRITE) != 0 ? 0 : (unsigned)QUIRE_ACCESS_WRITE) |
                              ((prot & QUIRE_PROT_EXEC) != 0 ? 0 : (unsigned)QUIRE_ACCESS_EXEC);
}

/* The page is promised in the words of the last promise that was kept, for an access that this one allows. */
static inline bool resolves_again(const quire_space_t *space, const quire_cursor_t *cursor, unsigned access)
{
    return quire_cursor_promises(cursor, &space->resolved) &&
           ((access ^ space->resolved_needs) & space->resolved_decides) == 0 &&
           (space->key_rights & space->resolved_key) == 0;
}

static inline quire_status_t resolve_again(quire_space_t *space, quire_cursor_t *cursor, quire_page_t *page)
{
    quire_frame_t frame;
    quire_status_t status = quire_vmm_alloc_frame(space, true, &frame);

    if (status != QUIRE_OK)
        return status;
    quire_cursor_fill(cursor, &space->resolved, frame);
    space->repeats = 0;
    *page = space->resolved_page;
    page->payload = frame.number;
    return QUIRE_OK;
}

/* A promise becomes a page of zeros; one without any right becomes a hidden one. */
static quire_status_t resolve_promise(quire_space_t *space, quire_cursor_t *cursor, quire_va_t va, quire_page_t *page)
{
    quire_page_t made = {.prot = page->prot, .key = page->key, .flags = page_flags(space)};
    quire_frame_t frame;
    quire_status_t status = quire_vmm_alloc_frame(space, true, &frame);

    if (status != QUIRE_OK)
        return status;
    made.kind = (page->prot & PROT_ACCESS) == 0 ? QUIRE_PAGE_HIDDEN : QUIRE_PAGE_MAPPED;
    made.payload = frame.number;
    space->repeats = 0;
    (void)quire_cursor_put(cursor, va, &made);
    remember(space, cursor, page->prot, &made);
    *page = made;
    return QUIRE_OK;
}

static void copy_frame(quire_frame_t to, quire_frame_t from)
{
    void *target = quire_port_window_open(to);
    void *source = quire_port_window_open(from);

    memcpy(target, source, QUIRE_PAGE_BYTES);
    quire_port_window_close(source);
    quire_port_window_close(target);
}

/* The page's frame becomes this space's alone. The last holder keeps the frame: with one reference, and under this
   tree's lock, nobody else can gain one. */
static quire_status_t make_private(quire_space_t *space, quire_cursor_t *cursor, quire_va_t va, quire_page_t *page)
{
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    quire_frame_t old = quire_frame((size_t)page->payload);
    quire_page_t own = *page;
    quire_frame_t frame = old;

    own.flags &= (uint16_t)~QUIRE_PAGE_COPY_ON_WRITE;
    if (quire_pmm_references(space->table.pmm, old) != 1) {
        quire_status_t status = quire_vmm_alloc_frame(space, false, &frame);

        if (status != QUIRE_OK)
            return status;
        copy_frame(frame, old);
        /* What is in this frame is nowhere else but there, and no MMU has seen it come. */
        own.flags |= QUIRE_PAGE_DIRTY;
        (void)quire_cursor_mark(cursor, va, va + QUIRE_PAGE_BYTES, &empty);
    }
    own.payload = frame.number;
    space->repeats = 0;
    (void)quire_cursor_put(cursor, va, &own);
    *page = own;
    return QUIRE_OK;
}

/* A page can be marked copy-on-write and yet not be writable by right: then only a writer by force comes here. */
static quire_status_t repair(quire_space_t *space, quire_cursor_t *cursor, quire_va_t va, unsigned access,
                             quire_page_t *page)
{
    if (page->kind == QUIRE_PAGE_RESERVED)
        return resolve_promise(space, cursor, va, page);
    if ((access & QUIRE_ACCESS_WRITE) != 0 && (page->flags & QUIRE_PAGE_COPY_ON_WRITE) != 0)
        return make_private(space, cursor, va, page);
    return QUIRE_OK;
}

/* There was no memory for the page's table, or another reason not to open it. The page is still looked at: an access
   that is wrong anyway is answered as wrong, however little memory there is. */
static __attribute__((noinline)) quire_status_t check_access_unopened(quire_space_t *space, quire_va_t va,
                                                                      unsigned access, quire_status_t opened)
{
    quire_cursor_t cursor;
    quire_status_t status = opened;

    if (opened == QUIRE_NO_MEMORY)
        status = quire_cursor_open(&cursor, &space->table, va, va + QUIRE_PAGE_BYTES, QUIRE_CURSOR_READ);
    if (status != QUIRE_OK)
        return status;
    quire_page_t page = quire_cursor_page(&cursor, va);
    quire_cursor_close(&cursor);
    status = check_access(space, va, &page, access);
    return status != QUIRE_OK ? status : opened;
}

/* The page as it is found, and as it must be for this access. */
static __attribute__((noinline)) quire_status_t mend(quire_space_t *space, quire_va_t va, unsigned access,
                                                     quire_cursor_t *cursor, quire_page_t *page)
{
    quire_page_t found = quire_cursor_page(cursor, va);
    quire_status_t status = check_access(space, va, &found, access);

    if (status == QUIRE_OK)
        status = repair(space, cursor, va, access, &found);
    if (status == QUIRE_OK)
        *page = found;
    return status;
}

static inline quire_status_t open_page(quire_space_t *space, quire_va_t va, unsigned access, quire_cursor_t *cursor,
                                       quire_page_t *page)
{
    quire_va_t start = quire_page_down(va);
    quire_status_t status;

    if (start < space->start || start >= space->end)
        return QUIRE_NOT_FOUND;
    status = quire_cursor_open_page(cursor, &space->table, start);
    if (__builtin_expect(status != QUIRE_OK, 0))
        return check_access_unopened(space, start, access, status);
    if (__builtin_expect(resolves_again(space, cursor, access), 1))
        status = resolve_again(space, cursor, page);
    else
        status = mend(space, start, access, cursor, page);
    if (__builtin_expect(status != QUIRE_OK, 0))
        quire_cursor_close(cursor);
    return status;
}

quire_status_t quire_vmm_open_page(quire_space_t *space, quire_va_t va, unsigned access, quire_cursor_t *cursor,
                                   quire_page_t *page)
{
    return open_page(space, va, access, cursor, page);
}

/* Counts a fault that was answered; returns how often it has come, at the times when that should be said. */
static unsigned count_repeat(quire_space_t *space, quire_va_t va)
{
    if (space->repeat_at != va) {
        space->repeat_at = va;
        space->repeats = 0;
        return 0;
    }
    unsigned times = ++space->repeats;
    return times >= REPEATS_TOLD && (times & (times - 1)) == 0 ? times : 0;
}

quire_status_t quire_vmm_fault(quire_space_t *space, quire_va_t va, unsigned access)
{
    quire_page_t page = {.kind = QUIRE_PAGE_EMPTY};
    quire_cursor_t cursor;
    quire_status_t status;
    unsigned times = 0;

    if (QUIRE_CHECKS && (access & ~(unsigned)ACCESS_ALL) != 0)
        quire_panic_at(
            "vmm: an access that is no set of quire_access_t (the page-fault code as the processor gave it?)", va,
            space->table.space);
    access &= ACCESS_ALL;
    quire_event(.kind = QUIRE_EVENT_FAULT, .space = space->table.space, .address = va,
                .detail = access / QUIRE_ACCESS_WRITE);
    status = open_page(space, va, access, &cursor, &page);
    if (status == QUIRE_OK) {
        space->faults++;
        if (QUIRE_CHECKS)
            times = count_repeat(space, va);
        quire_cursor_close(&cursor);
    }
    if (QUIRE_CHECKS && __builtin_expect(times != 0, 0))
        quire_vmm_tell_repeats(space, va, times);
    quire_event(.kind = QUIRE_EVENT_FAULT_DONE, .space = space->table.space, .address = va, .frame = page.payload,
                .detail = (uint64_t)status);
    return status;
}

bool quire_vmm_key_forbids(quire_space_t *space, quire_va_t va, unsigned access)
{
    quire_va_t start = quire_page_down(va);
    quire_cursor_t cursor;
    quire_page_t page;

    if (va < space->start || va >= space->end ||
        quire_cursor_open(&cursor, &space->table, start, start + QUIRE_PAGE_BYTES, QUIRE_CURSOR_READ) != QUIRE_OK)
        return false;
    page = quire_cursor_page(&cursor, start);
    quire_cursor_close(&cursor);
    if (page.kind != QUIRE_PAGE_MAPPED && page.kind != QUIRE_PAGE_RESERVED)
        return false;
    return (access & QUIRE_ACCESS_KEY) != 0 || key_forbids(space, page.key, access);
}
