/* SPDX-License-Identifier: MIT */
/*
 * vmm.h - address spaces: what a process may touch, and what happens when it does.
 *
 * Reserving writes a promise into the page table and takes no frame; the first touch faults, and
 * quire_vmm_fault() keeps the promise. The page table is the only record: there is no list of regions.
 * A space is one process's; the kernel's own space (id 0) is the upper half that all of them share.
 */
#ifndef QUIRE_VMM_H
#define QUIRE_VMM_H

#include <quire/paging.h>
#include <quire/types.h>

typedef struct quire_space {
    quire_table_t table;
    quire_va_t start; /* the part that is reserved from: page 0 is never in it */
    quire_va_t end;
    quire_va_t search;       /* where the next search for a hole begins: holes are given from the top down */
    quire_va_t search_large; /* the same for what is as large as a large entry */
    size_t reserved_pages;   /* promised or mapped, in 4 KiB units */
    uint64_t faults;         /* page faults answered with QUIRE_OK */
    uint32_t key_rights;     /* see below; the host sets it before it asks for a fault or a copy */
    /* the promise that was kept last, for the next one that says the same: mm/vmm/fault.c */
    quire_resolved_t resolved;
    quire_page_t resolved_page; /* what it becomes, but for the frame */
    unsigned resolved_needs;    /* of an access, the bits that decide whether it is allowed, and what they must be */
    unsigned resolved_decides;
    uint32_t resolved_key; /* what in key_rights would forbid some of them */
    quire_va_t repeat_at;  /* of the last fault: its address, and how often it came again with nothing to mend */
    unsigned repeats;
} quire_space_t;

/* Protection keys (SDM volume 3, 4.6.2). quire_space_t.key_rights is the PKRU register of the thread on whose behalf
   the space is accessed: bit 2n forbids all data accesses to pages of key n, bit 2n + 1 writes. The processor looks at
   the register itself; faults and copies look here, so that a thread gets from the kernel what it gets from the
   processor. 0, which forbids nothing, is right where there are no keys. */

/* What an access wanted. Not the bits of the x86 page-fault code (SDM volume 3, 4.7): a trap handler translates. No
   value has a bit of that code, so that a code passed as it came is told from an access. */
typedef enum quire_access {
    QUIRE_ACCESS_READ = 0,
    QUIRE_ACCESS_WRITE = 0x10000,
    QUIRE_ACCESS_EXEC = 0x20000,
    QUIRE_ACCESS_USER = 0x40000, /* from ring 3, or in its name */
    QUIRE_ACCESS_KEY = 0x80000,  /* the processor refused it for the page's key */
} quire_access_t;

enum quire_reserve_flags {
    QUIRE_RESERVE_FIXED = 1,   /* exactly at `at`; QUIRE_EXISTS if anything is there */
    QUIRE_RESERVE_REPLACE = 2, /* exactly at `at`; what is there is unmapped first (Linux: MAP_FIXED) */
    QUIRE_RESERVE_GUARD = 4,   /* an access is an error; protection is ignored */
};

/* The kernel's space. The caller has created and sealed space->table, in place: every process's table points at it.
   [start, end) is the part of the pinned area that quire_vmm_reserve serves from; nothing stands in it yet.
   QUIRE_INVALID: not page aligned, empty, or not in the shared half. QUIRE_DENIED: not pinned. */
quire_status_t quire_vmm_create_kernel(quire_space_t *space, quire_va_t start, quire_va_t end) QUIRE_MUST_CHECK;

/* A process's space, [start, end) of it for the process: both page aligned, start at least one page, end at most where
 * the kernel's half begins. */
quire_status_t quire_vmm_create(quire_space_t *space, quire_space_t *kernel, uint32_t id, quire_va_t start,
                                quire_va_t end) QUIRE_MUST_CHECK;

/* A second space with the same content, for a second process: pages that were written are shared until one of the two
   writes again, promises are copied, and no page is. On failure the parent's pages are what they were.
   QUIRE_NO_MEMORY: no frame for a table. QUIRE_INVALID: `id` 0, or the kernel's space. QUIRE_AGAIN: a page is busy.
   QUIRE_UNSUPPORTED: a page that cannot be shared so (a large page). */
quire_status_t quire_vmm_fork(quire_space_t *parent, quire_space_t *child, uint32_t id) QUIRE_MUST_CHECK;

/* Gives back every frame and every table. The space must not be active on any CPU; on this one, that is a panic. */
void quire_vmm_destroy(quire_space_t *space);

/* Makes it this CPU's address space. */
void quire_vmm_activate(quire_space_t *space);

/* Promises `bytes` (rounded up to pages) with `prot` (quire_prot_t; QUIRE_PROT_USER is added in a process's space).
   Without FIXED or REPLACE, `at` is a hint, 0 for none: used if free, otherwise a hole is found, from the top down.
   QUIRE_INVALID, QUIRE_EXISTS, QUIRE_NO_SPACE, QUIRE_NO_MEMORY (for tables). */
quire_status_t quire_vmm_reserve(quire_space_t *space, quire_va_t at, size_t bytes, unsigned prot, unsigned flags,
                                 quire_va_t *va) QUIRE_MUST_CHECK;

/* Unmaps and forgets [va, va + bytes), whatever is there; holes are fine (Linux: munmap). */
quire_status_t quire_vmm_unmap(quire_space_t *space, quire_va_t va, size_t bytes) QUIRE_MUST_CHECK;

/* QUIRE_NOT_FOUND if a page of the range is empty; then nothing was changed. Keys stay. */
quire_status_t quire_vmm_protect(quire_space_t *space, quire_va_t va, size_t bytes, unsigned prot) QUIRE_MUST_CHECK;

/* The same, and gives the range a protection key (Linux: pkey_mprotect). QUIRE_INVALID: no such key.
   QUIRE_UNSUPPORTED: a key other than 0 in the kernel's space, or in a format without keys. */
quire_status_t quire_vmm_protect_key(quire_space_t *space, quire_va_t va, size_t bytes, unsigned prot,
                                     unsigned key) QUIRE_MUST_CHECK;

/* Drops the content and keeps the promise: the next touch finds zeros (Linux: MADV_DONTNEED). */
quire_status_t quire_vmm_discard(quire_space_t *space, quire_va_t va, size_t bytes) QUIRE_MUST_CHECK;

enum quire_move_flags {
    QUIRE_MOVE_ALLOWED = 1, /* to a hole, if it cannot stay where it is */
    QUIRE_MOVE_FIXED = 2,   /* to `at`, whose pages are unmapped first; not overlapping the old range */
    QUIRE_MOVE_LEAVE = 4,   /* beside one of these, the size as it was: always moves; the old range stays promised as it
                               was, but empty (Linux: MREMAP_DONTUNMAP) */
};

/* Resizes [old, old + old_bytes) to new_bytes and may move it, with its content; *va is where it is then. What is added
   is promised like the last page before it. (Linux: mremap.) Without flags it stays. QUIRE_NOT_FOUND: a page of the old
   range is empty. QUIRE_NO_SPACE: it cannot stay and may not move, or no hole is large enough. QUIRE_AGAIN,
   QUIRE_UNSUPPORTED: a page of it is busy, or large. */
quire_status_t quire_vmm_move(quire_space_t *space, quire_va_t old, size_t old_bytes, size_t new_bytes, unsigned flags,
                              quire_va_t at, quire_va_t *va) QUIRE_MUST_CHECK;

/* Keeps the promises of a range now; of the kernel's space once paging is on, on a CPU that has a tree of this kernel
 * loaded, since it is there to be used. Either the whole range is mapped or, on failure, what was not mapped before is
 * a promise again. */
quire_status_t quire_vmm_populate(quire_space_t *space, quire_va_t va, size_t bytes) QUIRE_MUST_CHECK;

/* The page-fault handler: QUIRE_OK = run the instruction again. QUIRE_NOT_FOUND: nothing is there (SEGV_MAPERR).
   QUIRE_DENIED: not allowed (SEGV_ACCERR). QUIRE_NO_MEMORY: no frame. `access` is a set of quire_access_t; a panic if
   it has other bits (with QUIRE_CHECKS). A fault that comes again and again, where there is nothing to mend, is logged:
   CR3 holds another tree, most likely. */
quire_status_t quire_vmm_fault(quire_space_t *space, quire_va_t va, unsigned access) QUIRE_MUST_CHECK;

/* Whether it is the page's key that forbids this access, its protection aside: for a signal's code (Linux: SEGV_PKUERR
   instead of SEGV_ACCERR) and for quire_explain_fault(), which then wants QUIRE_FAULT_KEY. */
bool quire_vmm_key_forbids(quire_space_t *space, quire_va_t va, unsigned access);

/* Fault-safe copies between the kernel and a process's memory, which may be any address at all: it is checked, promises
   are kept on the way, and nothing faults. QUIRE_DENIED: some byte is not the process's to read (from) or write (to);
   *copied (may be NULL) tells how many bytes were done before it. */
quire_status_t quire_vmm_copy_from_user(quire_space_t *space, void *to, quire_va_t from, size_t bytes,
                                        size_t *copied) QUIRE_MUST_CHECK;
quire_status_t quire_vmm_copy_to_user(quire_space_t *space, quire_va_t to, const void *from, size_t bytes,
                                      size_t *copied) QUIRE_MUST_CHECK;
/* Fills with zeros likewise. */
quire_status_t quire_vmm_clear_user(quire_space_t *space, quire_va_t to, size_t bytes) QUIRE_MUST_CHECK;
/* Copies a terminated string of at most `size` bytes with its terminator; *length is without it. QUIRE_NO_SPACE: no
 * terminator within size. */
quire_status_t quire_vmm_copy_string_from_user(quire_space_t *space, char *to, quire_va_t from, size_t size,
                                               size_t *length) QUIRE_MUST_CHECK;
/* Copies into pages whatever their protection says, for a loader or a debugger; the pages must be promised or mapped.
   A page that other spaces share becomes the space's own first. After a failure the bytes before the page it failed on
   have been written. */
quire_status_t quire_vmm_poke(quire_space_t *space, quire_va_t to, const void *from, size_t bytes) QUIRE_MUST_CHECK;
/* Reads likewise. Unlike the copies it keeps no promise: a promised page reads as zeros, and nothing changes. */
quire_status_t quire_vmm_peek(quire_space_t *space, void *to, quire_va_t from, size_t bytes) QUIRE_MUST_CHECK;

/* Neighbouring pages of one kind, protection and key, for /proc/self/maps and its kin. Finds the first at or above
 * `from`; QUIRE_NOT_FOUND: no more. */
typedef struct quire_vmm_range {
    quire_va_t start;
    quire_va_t end;
    uint8_t prot;
    uint8_t key;
    bool guard;
    size_t mapped_pages; /* of it, present or hidden; the rest is promised */
} quire_vmm_range_t;
quire_status_t quire_vmm_next_range(quire_space_t *space, quire_va_t from, quire_vmm_range_t *range) QUIRE_MUST_CHECK;
/* The same, cut off at `end` (rounded up to pages): what lies beyond is not looked at. */
quire_status_t quire_vmm_next_range_within(quire_space_t *space, quire_va_t from, quire_va_t end,
                                           quire_vmm_range_t *range) QUIRE_MUST_CHECK;

/* Walks the table's invariants and the space's own: nothing below start, prot includes USER below and never above,
 * counts agree. */
quire_status_t quire_vmm_check(quire_space_t *space) QUIRE_MUST_CHECK;

/* Checks each of these spaces, the kernel's among them, and then all together: quire_table_check_all() says what is
   counted, what `held` is, what it costs, and when it may be called. */
quire_status_t quire_vmm_check_all(quire_space_t *const *spaces, size_t count, size_t held) QUIRE_MUST_CHECK;

#endif
