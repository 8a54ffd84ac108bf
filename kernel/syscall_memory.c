/* SPDX-License-Identifier: MIT */
/*
 * syscall_memory.c - brk, mmap, munmap, mprotect. What is about memory that is there already: syscall_advice.c.
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
#include "breathe.h"
#include "calls.h"
#include "limits.h"
#include "memory.h"
#include "segments.h"

/* x86 knows no pages that can be written or executed but not read. */
static unsigned prot_of(process_t *process, uintptr_t linux_prot)
{
    unsigned prot = QUIRE_PROT_NONE;

    if ((linux_prot & PROT_READ) != 0 && linux_of(process)->readable_is_executable)
        linux_prot |= PROT_EXEC;

    if ((linux_prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) != 0)
        prot |= QUIRE_PROT_READ;
    if ((linux_prot & PROT_WRITE) != 0)
        prot |= QUIRE_PROT_WRITE;
    if ((linux_prot & PROT_EXEC) != 0)
        prot |= QUIRE_PROT_EXEC;
    return prot;
}

bool round_length(uintptr_t *bytes)
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

bool too_much(uintptr_t bytes)
{
    return bytes >> QUIRE_PAGE_SHIFT > memory_frames;
}

/* The boot word "wx": nothing is both written and executed. -EACCES, as Linux answers where a policy forbids it. */
static bool wx_forbids(uintptr_t linux_prot)
{
    const uintptr_t both = PROT_WRITE | PROT_EXEC;

    return (linux_prot & both) == both && boot_option("wx", NULL, 0);
}

bool next_area(process_t *process, quire_va_t from, quire_va_t end, quire_vmm_range_t *range)
{
    while (quire_vmm_next_range_within(&process->space, from, end, range) == QUIRE_OK) {
        if (!range->guard)
            return true;
        from = range->end;
    }
    return false;
}

/* The end of what is mapped without a hole from `start` on, at most `end`. */
static quire_va_t mapped_end(process_t *process, quire_va_t start, quire_va_t end)
{
    quire_va_t at = start;
    quire_vmm_range_t range;

    while (at < end && next_area(process, at, end, &range) && range.start <= at)
        at = range.end;
    return at;
}

static quire_status_t unmap_step(quire_space_t *space, quire_va_t start, size_t bytes, const void *context)
{
    (void)context;
    return quire_vmm_unmap(space, start, bytes);
}

quire_status_t unmap_memory(process_t *process, quire_va_t start, quire_va_t end)
{
    return breathe_over_present(process, start, end, unmap_step, NULL);
}

static quire_status_t populate_step(quire_space_t *space, quire_va_t start, size_t bytes, const void *context)
{
    (void)context;
    return quire_vmm_populate(space, start, bytes);
}

/* A page stays free between the break and what lies above it, as on Linux. */
static quire_status_t grow_break(process_t *process, quire_va_t from, quire_va_t to)
{
    quire_vmm_range_t range;
    quire_va_t va;

    if (too_much(to - from) || !limits_allow(process, to - from, true, 0, 0) ||
        quire_vmm_next_range_within(&process->space, from, to + QUIRE_PAGE_BYTES, &range) != QUIRE_NOT_FOUND)
        return QUIRE_NO_MEMORY;
    return quire_vmm_reserve(&process->space, from, to - from, prot_of(process, PROT_READ | PROT_WRITE),
                             QUIRE_RESERVE_FIXED, &va);
}

CALL(brk)
{
    quire_va_t wanted = argument[0];
    quire_va_t old_end = quire_page_up(process->break_end);
    quire_va_t new_end;
    quire_status_t status = QUIRE_OK;

    if (wanted < process->break_start || wanted > ARCH_USER_END || !limits_allow_break(process, wanted))
        wanted = 0;
    if (process->segments != NULL)
        return (call_result_t)segments_break(process, wanted);
    if (wanted == 0)
        return (call_result_t)process->break_end;
    new_end = quire_page_up(wanted);
    if (new_end > old_end)
        status = grow_break(process, old_end, new_end);
    else if (new_end < old_end)
        status = unmap_memory(process, new_end, old_end);
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
    uintptr_t page; /* of the file, where the mapping would begin */
} wish_t;

/* In Linux's order of questions; rounds wish->bytes. */
static call_result_t check_wish(process_t *process, wish_t *wish)
{
    bool fixed = (wish->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
    uintptr_t type = wish->flags & MAP_TYPE;
    bool writable = type == MAP_PRIVATE && (wish->prot & PROT_WRITE) != 0;
    quire_va_t end;
    quire_vmm_range_t range;

    if ((wish->flags & MAP_ANONYMOUS) == 0) {
        uintptr_t number = wish->file & UINT32_MAX;

        if (number >= FILES_MAX || linux_of(process)->files[number].kind == FILE_CLOSED)
            return -EBADF;
    }
    if (wish->bytes == 0)
        return -EINVAL;
    if (!round_length(&wish->bytes) || wish->bytes > ARCH_USER_END - ARCH_USER_START)
        return -ENOMEM;
    if (wish->page > UINTPTR_MAX - (wish->bytes >> QUIRE_PAGE_SHIFT))
        return -EOVERFLOW;
    if (fixed && wish->address > ARCH_USER_END - wish->bytes)
        return -ENOMEM;
    if (fixed && !is_aligned(wish->address))
        return -EINVAL;
    if (fixed && wish->address < ARCH_USER_START)
        return -EPERM;
    if (wx_forbids(wish->prot))
        return -EACCES;
    if ((wish->flags & MAP_FIXED_NOREPLACE) != 0 &&
        next_area(process, wish->address, wish->address + wish->bytes, &range))
        return -EEXIST;
    if ((wish->flags & MAP_ANONYMOUS) == 0)
        return -ENODEV;
    if (type != MAP_PRIVATE && (type != MAP_SHARED || (wish->flags & MAP_GROWSDOWN) != 0))
        return -EINVAL;
    /* There are no huge pages set aside. */
    if ((wish->flags & MAP_HUGETLB) != 0 || (writable && (wish->flags & MAP_NORESERVE) == 0 && too_much(wish->bytes)))
        return -ENOMEM;
    end = fixed ? wish->address + wish->bytes : wish->address;
    return limits_allow(process, wish->bytes, writable, wish->address, end) ? 0 : -ENOMEM;
}

/* MAP_32BIT: the lowest hole of the second gigabyte, or the hint if it ends there. For 64-bit programs; to 32-bit ones
   all addresses are alike. */
static quire_status_t reserve_low(process_t *process, const wish_t *wish, unsigned prot, quire_va_t *va)
{
    const quire_va_t first = (quire_va_t)1 << 30;
    const quire_va_t last = (quire_va_t)1 << 31;
    quire_va_t at = wish->address != 0 && wish->address <= last - wish->bytes ? wish->address : first;
    quire_vmm_range_t range;

    if (wish->bytes > last)
        return QUIRE_NO_SPACE;
    if (at != first && quire_vmm_next_range_within(&process->space, at, at + wish->bytes, &range) != QUIRE_NOT_FOUND)
        at = first;
    while (at <= last - wish->bytes &&
           quire_vmm_next_range_within(&process->space, at, at + wish->bytes, &range) == QUIRE_OK)
        at = range.end;
    if (at > last - wish->bytes)
        return QUIRE_NO_SPACE;
    return quire_vmm_reserve(&process->space, at, wish->bytes, prot, QUIRE_RESERVE_FIXED, va);
}

/* A hint is rounded down, and one below what may be mapped is taken for the first address that may. Room for a stack to
   grow is nothing to Linux: what is fixed may replace it. */
static quire_status_t reserve(process_t *process, const wish_t *wish, quire_va_t *va)
{
    unsigned prot = prot_of(process, wish->prot);
    quire_va_t hint = wish->address & ~(uintptr_t)QUIRE_PAGE_MASK;

    if ((wish->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0)
        return quire_vmm_reserve(&process->space, hint, wish->bytes, prot, QUIRE_RESERVE_REPLACE, va);
    if (hint != 0 && hint < ARCH_USER_START)
        hint = ARCH_USER_START;
    if (sizeof(uintptr_t) == 8 && (wish->flags & MAP_32BIT) != 0) {
        wish_t low = *wish;

        low.address = hint;
        return reserve_low(process, &low, prot, va);
    }
    return quire_vmm_reserve(&process->space, hint, wish->bytes, prot, 0, va);
}

/* What a mapping is put over goes first, a piece at a time, to its promises, which cost little to replace. */
static quire_status_t discard_step(quire_space_t *space, quire_va_t start, size_t bytes, const void *context)
{
    (void)context;
    return quire_vmm_discard(space, start, bytes);
}

static call_result_t map(process_t *process, wish_t wish)
{
    quire_va_t va;
    quire_status_t status;
    call_result_t result = check_wish(process, &wish);

    if (result != 0)
        return result;
    if ((wish.flags & MAP_FIXED) != 0 && wish.bytes > BREATH_RANGE_BYTES) {
        status = breathe_over_present(process, wish.address, wish.address + wish.bytes, discard_step, NULL);
        if (status != QUIRE_OK)
            return call_error(status);
    }
    status = reserve(process, &wish, &va);
    if (status != QUIRE_OK)
        return call_error(status);
    /* Populating is a wish: Linux does not report when it fails either. */
    if ((wish.flags & (MAP_POPULATE | MAP_LOCKED)) != 0 && prot_of(process, wish.prot) != QUIRE_PROT_NONE) {
        status = breathe_over(process, va, va + wish.bytes, populate_step, NULL);
        (void)status;
    }
    return (call_result_t)va;
}

CALL(mmap)
{
    if (!is_aligned(argument[5]))
        return -EINVAL;
    return map(process, (wish_t){argument[0], argument[1], argument[2], argument[3], argument[4],
                                 argument[5] >> QUIRE_PAGE_SHIFT});
}

CALL(mmap_pages)
{
    return map(process, (wish_t){argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]});
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
    return call_error(unmap_memory(process, start, start + bytes));
}

typedef struct protection {
    unsigned prot;
    int key;
} protection_t;

static quire_status_t protect_step(quire_space_t *space, quire_va_t start, size_t bytes, const void *context)
{
    const protection_t *wanted = context;

    if (wanted->key == KEY_KEPT)
        return quire_vmm_protect(space, start, bytes, wanted->prot);
    return quire_vmm_protect_key(space, start, bytes, wanted->prot, (unsigned)wanted->key);
}

/* PROT_GROWSDOWN: from the beginning of the area, which must be the stack's. */
static call_result_t begin_of_stack(process_t *process, quire_va_t *start, quire_va_t end)
{
    quire_vmm_range_t range;
    quire_va_t at = process->stack_low;

    if (!next_area(process, *start, end, &range))
        return -ENOMEM;
    if (range.start < at)
        return -EINVAL;
    while (next_area(process, at, process->space.end, &range) && range.end <= *start)
        at = range.end;
    *start = range.start;
    return 0;
}

/* What the flags of growing areas ask beside the range; it is one that a process can have. */
static call_result_t check_growing(process_t *process, uintptr_t prot, quire_va_t *start, quire_va_t end)
{
    quire_vmm_range_t range;

    if ((prot & PROT_GROWSDOWN) != 0)
        return begin_of_stack(process, start, end);
    if ((prot & PROT_GROWSUP) != 0)
        return next_area(process, *start, end, &range) && range.start <= *start ? -EINVAL : -ENOMEM;
    return 0;
}

/* In Linux's order of questions. */
call_result_t protect_memory(process_t *process, const uintptr_t *argument, int key)
{
    quire_va_t start = argument[0];
    uintptr_t bytes = argument[1];
    uintptr_t prot = argument[2];
    protection_t wanted = {prot_of(process, prot), key};
    quire_va_t end;
    call_result_t result;
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
    end = start + bytes < ARCH_USER_END ? start + bytes : ARCH_USER_END;
    if (start >= end)
        return -ENOMEM;
    if (wx_forbids(prot))
        return -EACCES;
    result = check_growing(process, prot, &start, end);
    if (result != 0)
        return result;
    /* What lies before a hole changes, as on Linux. */
    end = mapped_end(process, start, end);
    if ((prot & PROT_WRITE) != 0 && !limits_allow_writing(process, start, end))
        return -ENOMEM;
    if (end > start)
        status = breathe_over_present(process, start, end, protect_step, &wanted);
    if (status != QUIRE_OK)
        return call_error(status);
    return end == argument[0] + bytes ? 0 : -ENOMEM;
}

CALL(mprotect)
{
    return protect_memory(process, argument, KEY_KEPT);
}
