/* SPDX-License-Identifier: MIT */
/*
 * syscall_memory.c - brk, mmap, munmap, mprotect, madvise, mremap.
 *
 * Problem: Linux's calls have corners that programs rely on: which error comes first, what rounding does, what a call
 * has done when it fails half way. Idea: here are only those corners; the work is one call into the VMM.
 *
 * Memory is private and anonymous. MAP_SHARED with MAP_ANONYMOUS is the same thing as long as a process has no
 * children, and is accepted. Files cannot be mapped: -ENODEV, as for a file system without that ability.
 *
 * Promises cost nothing, so a process may be promised more than there is. As on Linux (the heuristic of
 * vm.overcommit_memory 0) a single wish for more writable memory than the machine has is refused, unless
 * MAP_NORESERVE says that it is meant.
 *
 * What lies below ARCH_USER_START is never given: the kernel's own null pointers must not lead into a process's memory.
 * Processes are the super-user's, without CAP_SYS_RAWIO, as in a container: MAP_FIXED answers EPERM, and a hint is
 * moved up to where memory may be (vm.mmap_min_addr).
 */
#include "arch/arch.h"
#include "boot.h"
#include "calls.h"
#include "memory.h"
#include "segments.h"

/* x86 knows no pages that can be written or executed but not read. */
static unsigned prot_of(uintptr_t linux_prot)
{
    unsigned prot = QUIRE_PROT_NONE;

    if ((linux_prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) != 0)
        prot |= QUIRE_PROT_READ;
    if ((linux_prot & PROT_WRITE) != 0)
        prot |= QUIRE_PROT_WRITE;
    if ((linux_prot & PROT_EXEC) != 0)
        prot |= QUIRE_PROT_EXEC;
    return prot;
}

/* Rounds up to pages; false if that wraps. 0 stays 0. */
static bool round_length(uintptr_t *bytes)
{
    if (*bytes > UINTPTR_MAX - QUIRE_PAGE_MASK)
        return false;
    *bytes = (*bytes + QUIRE_PAGE_MASK) & ~(uintptr_t)QUIRE_PAGE_MASK;
    return true;
}

static bool is_aligned(uintptr_t address)
{
    return (address & QUIRE_PAGE_MASK) == 0;
}

/* What the machine could never hold is not promised. */
static bool too_much(uintptr_t bytes)
{
    return bytes >> QUIRE_PAGE_SHIFT > memory_frames;
}

/* The boot word "wx": nothing is both written and executed. -EACCES, as Linux answers where a policy forbids it. */
static bool wx_forbids(uintptr_t linux_prot)
{
    const uintptr_t both = PROT_WRITE | PROT_EXEC;

    return (linux_prot & both) == both && boot_option("wx", NULL, 0);
}

/* The end of what is mapped without a hole from `start` on, at most `end`. */
static quire_va_t mapped_end(quire_space_t *space, quire_va_t start, quire_va_t end)
{
    quire_va_t at = start;
    quire_vmm_range_t range;

    while (at < end && quire_vmm_next_range(space, at, &range) == QUIRE_OK && range.start <= at && !range.guard)
        at = range.end;
    return at < end ? at : end;
}

CALL(brk)
{
    quire_va_t wanted = argument[0];
    quire_va_t old_end = quire_page_up(process->break_end);
    quire_va_t new_end;
    quire_va_t va;
    quire_status_t status = QUIRE_OK;

    if (process->segments != NULL)
        return (call_result_t)segments_break(process, argument[0]);
    if (wanted < process->break_start || wanted > ARCH_USER_END)
        return (call_result_t)process->break_end;
    new_end = quire_page_up(wanted);
    if (new_end > old_end && too_much(new_end - old_end))
        status = QUIRE_NO_MEMORY;
    else if (new_end > old_end)
        status = quire_vmm_reserve(&process->space, old_end, new_end - old_end, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
                                   QUIRE_RESERVE_FIXED, &va);
    else if (new_end < old_end)
        status = quire_vmm_unmap(&process->space, new_end, old_end - new_end);
    if (status == QUIRE_OK)
        process->break_end = wanted;
    return (call_result_t)process->break_end;
}

typedef struct wish {
    uintptr_t address;
    uintptr_t bytes;
    uintptr_t prot;
    uintptr_t flags;
    uintptr_t file;
} wish_t;

/* In Linux's order of questions; rounds wish->bytes. */
static call_result_t check_wish(process_t *process, wish_t *wish)
{
    bool fixed = (wish->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
    uintptr_t type = wish->flags & MAP_TYPE;

    if ((wish->flags & MAP_ANONYMOUS) == 0) {
        uintptr_t number = wish->file & UINT32_MAX;

        if (number >= FILES_MAX || linux_of(process)->files[number].kind == FILE_CLOSED)
            return -EBADF;
    }
    if (wish->bytes == 0)
        return -EINVAL;
    if (!round_length(&wish->bytes) || wish->bytes > ARCH_USER_END - ARCH_USER_START)
        return -ENOMEM;
    if (fixed && wish->address > ARCH_USER_END - wish->bytes)
        return -ENOMEM;
    if (fixed && !is_aligned(wish->address))
        return -EINVAL;
    if (fixed && wish->address < ARCH_USER_START)
        return -EPERM;
    if (wx_forbids(wish->prot))
        return -EACCES;
    if ((wish->flags & MAP_ANONYMOUS) == 0)
        return -ENODEV;
    if (type != MAP_PRIVATE && (type != MAP_SHARED || (wish->flags & MAP_GROWSDOWN) != 0))
        return -EINVAL;
    /* There are no huge pages set aside, and no way to search below 2 GiB only. */
    if ((wish->flags & MAP_HUGETLB) != 0 || (sizeof(uintptr_t) == 8 && (wish->flags & MAP_32BIT) != 0 && !fixed))
        return -ENOMEM;
    if (type == MAP_PRIVATE && (wish->prot & PROT_WRITE) != 0 && (wish->flags & MAP_NORESERVE) == 0 &&
        too_much(wish->bytes))
        return -ENOMEM;
    return 0;
}

static call_result_t map(process_t *process, wish_t wish)
{
    quire_space_t *space = &process->space;
    unsigned flags = 0;
    quire_va_t va;
    quire_status_t status;
    call_result_t result = check_wish(process, &wish);

    if (result != 0)
        return result;
    if ((wish.flags & MAP_FIXED_NOREPLACE) != 0)
        flags = QUIRE_RESERVE_FIXED;
    else if ((wish.flags & MAP_FIXED) != 0)
        flags = QUIRE_RESERVE_REPLACE;
    else if (wish.address >= QUIRE_PAGE_BYTES && wish.address < ARCH_USER_START)
        wish.address = ARCH_USER_START;
    status = quire_vmm_reserve(space, wish.address, wish.bytes, prot_of(wish.prot), flags, &va);
    if (status != QUIRE_OK)
        return call_error(status);
    /* Populating is a wish: Linux does not report when it fails either. */
    if ((wish.flags & (MAP_POPULATE | MAP_LOCKED)) != 0 && prot_of(wish.prot) != QUIRE_PROT_NONE) {
        status = quire_vmm_populate(space, va, wish.bytes);
        (void)status;
    }
    return (call_result_t)va;
}

CALL(mmap)
{
    if (!is_aligned(argument[5]))
        return -EINVAL;
    return map(process, (wish_t){argument[0], argument[1], argument[2], argument[3], argument[4]});
}

CALL(mmap_pages)
{
    return map(process, (wish_t){argument[0], argument[1], argument[2], argument[3], argument[4]});
}

CALL(munmap)
{
    quire_va_t start = argument[0];
    uintptr_t bytes = argument[1];

    if (!is_aligned(start) || !range_is_user(start, bytes) || !round_length(&bytes) || bytes == 0 ||
        !range_is_user(start, bytes))
        return -EINVAL;
    if (start < ARCH_USER_START) {
        uintptr_t below = ARCH_USER_START - start;

        if (bytes <= below)
            return 0;
        start += below;
        bytes -= below;
    }
    return call_error(quire_vmm_unmap(&process->space, start, bytes));
}

static quire_status_t protect(quire_space_t *space, quire_va_t start, quire_va_t end, uintptr_t prot, int key)
{
    if (key == KEY_KEPT)
        return quire_vmm_protect(space, start, end - start, prot_of(prot));
    return quire_vmm_protect_key(space, start, end - start, prot_of(prot), (unsigned)key);
}

/* In Linux's order of questions. */
call_result_t protect_memory(process_t *process, const uintptr_t *argument, int key)
{
    quire_va_t start = argument[0];
    uintptr_t bytes = argument[1];
    uintptr_t prot = argument[2];
    quire_va_t end;
    quire_status_t status = QUIRE_OK;

    if ((prot & PROT_GROWSDOWN) != 0 && (prot & PROT_GROWSUP) != 0)
        return -EINVAL;
    if (!is_aligned(start))
        return -EINVAL;
    if (bytes == 0)
        return 0;
    if (!round_length(&bytes) || start + bytes <= start)
        return -ENOMEM;
    if ((prot & ~(uintptr_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP)) != 0)
        return -EINVAL;
    if (key != KEY_KEPT && !key_is_allocated(process, key))
        return -EINVAL;
    if ((prot & PROT_GROWSDOWN) != 0 || (prot & PROT_GROWSUP) != 0)
        return -EINVAL;
    if (!range_is_user(start, bytes) || start < ARCH_USER_START)
        return -ENOMEM;
    if (wx_forbids(prot))
        return -EACCES;
    /* What lies before a hole changes, as on Linux. */
    end = mapped_end(&process->space, start, start + bytes);
    if (end > start)
        status = protect(&process->space, start, end, prot, key);
    if (status != QUIRE_OK)
        return call_error(status);
    return end == start + bytes ? 0 : -ENOMEM;
}

CALL(mprotect)
{
    return protect_memory(process, argument, KEY_KEPT);
}

/* False: no such advice for anonymous memory. */
static bool is_advice(uintptr_t advice)
{
    return advice <= MADV_DONTNEED || advice == MADV_FREE || (advice >= MADV_DONTFORK && advice <= MADV_POPULATE_WRITE);
}

/* Takes the advice for what is mapped of [start, end); *whole tells that there was no hole. */
static quire_status_t advise(quire_space_t *space, quire_va_t start, quire_va_t end, uintptr_t advice, bool *whole)
{
    quire_va_t at = start;
    quire_vmm_range_t range;
    quire_status_t status = QUIRE_OK;

    *whole = true;
    while (at < end && status == QUIRE_OK && quire_vmm_next_range(space, at, &range) == QUIRE_OK && range.start < end) {
        quire_va_t from = range.start > at ? range.start : at;
        quire_va_t to = range.end < end ? range.end : end;

        *whole &= range.start <= at && !range.guard;
        if (!range.guard && (advice == MADV_DONTNEED || advice == MADV_FREE))
            status = quire_vmm_discard(space, from, to - from);
        else if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
            status = quire_vmm_populate(space, from, to - from);
        at = to;
    }
    *whole &= at >= end;
    return status;
}

CALL(madvise)
{
    quire_va_t start = argument[0];
    uintptr_t bytes = argument[1];
    uintptr_t advice = argument[2] & UINT32_MAX;
    bool whole;
    quire_status_t status;

    if (!is_advice(advice) || !is_aligned(start) || !round_length(&bytes) || start + bytes < start)
        return -EINVAL;
    if (bytes == 0)
        return 0;
    if (!range_is_user(start, bytes))
        return -ENOMEM;
    status = advise(&process->space, start, start + bytes, advice, &whole);
    if (status != QUIRE_OK)
        return call_error(status);
    return whole ? 0 : -ENOMEM;
}

static bool overlap(quire_va_t a, uintptr_t a_bytes, quire_va_t b, uintptr_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* The new place that a caller has chosen, in Linux's order of questions. */
static call_result_t check_target(quire_va_t to, uintptr_t new_bytes, quire_va_t from, uintptr_t old_bytes)
{
    if (!is_aligned(to) || !range_is_user(to, new_bytes) || overlap(from, old_bytes, to, new_bytes))
        return -EINVAL;
    return to < ARCH_USER_START ? -EPERM : 0;
}

/* What is asked of the old area: it is there, and looks the same all over. */
static call_result_t check_source(process_t *process, quire_va_t from, uintptr_t old_bytes, uintptr_t new_bytes)
{
    quire_vmm_range_t range;

    if (quire_vmm_next_range(&process->space, from, &range) != QUIRE_OK || range.start > from || range.guard ||
        range.end - from < old_bytes)
        return -EFAULT;
    if (old_bytes == 0)
        return -EINVAL;
    return new_bytes > old_bytes && (range.prot & QUIRE_PROT_WRITE) != 0 && too_much(new_bytes - old_bytes) ? -ENOMEM
                                                                                                            : 0;
}

CALL(mremap)
{
    quire_va_t from = argument[0];
    uintptr_t old_bytes = argument[1];
    uintptr_t new_bytes = argument[2];
    bool may_move = (argument[3] & MREMAP_MAYMOVE) != 0;
    bool fixed = (argument[3] & MREMAP_FIXED) != 0;
    unsigned flags = (may_move ? QUIRE_MOVE_ALLOWED : 0) | (fixed ? QUIRE_MOVE_FIXED : 0);
    call_result_t result = 0;
    quire_status_t status;
    quire_va_t va;

    if ((argument[3] & ~(uintptr_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0 || (fixed && !may_move) || !is_aligned(from))
        return -EINVAL;
    if (!round_length(&old_bytes) || !round_length(&new_bytes) || new_bytes == 0 || !range_is_user(from, old_bytes) ||
        new_bytes > ARCH_USER_END)
        return -EINVAL;
    if (fixed)
        result = check_target(argument[4], new_bytes, from, old_bytes);
    if (result == 0)
        result = check_source(process, from, old_bytes, new_bytes);
    if (result != 0)
        return result;
    status = quire_vmm_move(&process->space, from, old_bytes, new_bytes, flags, fixed ? argument[4] : 0, &va);
    return status == QUIRE_OK ? (call_result_t)va : call_error(status);
}
