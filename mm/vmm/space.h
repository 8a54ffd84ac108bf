/* SPDX-License-Identifier: MIT */
/* space.h - what the files of mm/vmm share. Nobody else includes it. */
#ifndef QUIRE_VMM_SPACE_H
#define QUIRE_VMM_SPACE_H

#include <quire/event.h>
#include <quire/vmm.h>

#define PROT_ACCESS (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)

static inline bool is_kernel(const quire_space_t *space)
{
    return space->table.kernel == NULL;
}

static inline size_t pages_between(quire_va_t start, quire_va_t end)
{
    return (size_t)((end - start) >> QUIRE_PAGE_SHIFT);
}

/* The frame is the space's own or shared with other spaces, as opposed to device memory. */
static inline bool has_frame(const quire_page_t *page)
{
    return (page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN) &&
           (page->flags & QUIRE_PAGE_FOREIGN) == 0;
}

static inline bool aligned_range(quire_va_t start, quire_va_t end)
{
    return ((start | end) & QUIRE_PAGE_MASK) == 0 && start < end;
}

/* Where the half that is a process's own ends. */
quire_va_t quire_vmm_lower_top(const quire_table_t *table);

/* The numbers of a space whose table has just been made. */
void quire_vmm_begin_space(quire_space_t *space, quire_va_t start, quire_va_t end, size_t reserved_pages);

/* [va, va + bytes) in whole pages, if it lies in the part of the space that is given out; otherwise QUIRE_INVALID.
   Written so that no sum can wrap. */
quire_status_t quire_vmm_round_range(const quire_space_t *space, quire_va_t va, size_t bytes,
                                     quire_va_t *end) QUIRE_MUST_CHECK;

/* The protection as it is stored: USER in a process's space and never in the kernel's. */
quire_status_t quire_vmm_round_prot(const quire_space_t *space, unsigned prot, uint8_t *stored) QUIRE_MUST_CHECK;

/* The extent at va, cut to [va, end). */
quire_extent_t quire_vmm_extent(quire_cursor_t *cursor, quire_va_t va, quire_va_t end);

/* The same for all pages from va on that say the same but for payload, accessed and dirty (quire_cursor_run). */
quire_extent_t quire_vmm_run(quire_cursor_t *cursor, quire_va_t va, quire_va_t end);

/* Where the search for so many bytes begins; the caller moves it to what was placed. */
quire_va_t *quire_vmm_search_point(quire_space_t *space, quire_va_t bytes);

/* The highest hole of `bytes` (whole pages) below that point, or else below the end; aligned, if that is worth it
   and there is room. The cursor is open on [space->start, space->end). QUIRE_NO_SPACE. */
quire_status_t quire_vmm_find_hole(quire_space_t *space, quire_cursor_t *cursor, quire_va_t bytes,
                                   quire_va_t *va) QUIRE_MUST_CHECK;

/* Beside quire_access_t: the kernel's own access, whatever the protection says. What it writes to becomes private. */
#define QUIRE_VMM_ACCESS_FORCED 0x100000u

/* Opens the page that holds va for this access, and does what a fault has to do: afterwards *page is MAPPED (or HIDDEN,
   if forced) with the rights that the access needs, and the cursor is open and still holds the lock. Anything but
   QUIRE_OK: the cursor is closed. */
quire_status_t quire_vmm_open_page(quire_space_t *space, quire_va_t va, unsigned access, quire_cursor_t *cursor,
                                   quire_page_t *page) QUIRE_MUST_CHECK;

/* report.c: a fault has come many times. */
void quire_vmm_tell_repeats(const quire_space_t *space, quire_va_t va, unsigned times);
/* Panics if paging is off, and logs if this CPU has no tree of this kernel: memory at `va` is about to be used. */
void quire_vmm_must_be_in_use(const quire_space_t *kernel, quire_va_t va);

/* A frame for a page of this space. */
quire_status_t quire_vmm_alloc_frame(quire_space_t *space, bool zeroed, quire_frame_t *frame) QUIRE_MUST_CHECK;

/* Attributes that every page of this space carries. */
static inline uint16_t page_flags(const quire_space_t *space)
{
    return is_kernel(space) ? QUIRE_PAGE_GLOBAL : 0;
}

#endif
