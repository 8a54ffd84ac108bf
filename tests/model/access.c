/* SPDX-License-Identifier: MIT */
/*
 * access.c - one access through a linear address: the caches, the walk, the fault.
 *
 * Problem: which of all the answers that the architecture allows is given.
 * Idea: the least convenient one. A cached page is used if there is one, the oldest if there are several; its rights
 * are believed even where memory has since granted more (SDM 4.10.4.3, a spurious fault). Only a write through an entry
 * that was cached clean goes to memory, because the dirty bit must be set there (4.8). A fault removes what was cached
 * for its address (4.10.4.1), hence does not recur. A page is cached after the accessed bit is set, and by a write
 * after the dirty bit is (4.10.2.3). An access over two pages is checked on both before data moves; the first page's
 * bits are set even if the second faults.
 */
#include "internal.h"

#include <string.h>

static bool is_spurious(cpu_t *cpu, uint64_t va, request_t request)
{
    cached_t page;
    uint64_t entry;
    const char *why;

    return machine_walk(cpu, va, true, &page, &entry) == WALK_FOUND && machine_refused(cpu, &page, request, &why) == 0;
}

static model_fault_t page_fault(cpu_t *cpu, uint64_t va, request_t request, uint32_t code, const char *why)
{
    model_fault_t fault = machine_fault_of(MODEL_PF, code, why);

    cpu->statistics.page_faults++;
    cpu->statistics.spurious_faults += is_spurious(cpu, va, request);
    cpu->registers.cr2 = va;
    fault.address = va;
    machine_flush_after_page_fault(cpu, va);
    return fault;
}

/* A walk that the processor wants to end in a usable page: marks it and caches it. */
walk_end_t machine_fill(cpu_t *cpu, uint64_t va, uint64_t marks, cached_t *page, uint64_t entry)
{
    if ((entry & marks) != marks && !machine_entry_set(cpu, page->entry_pa, entry, marks))
        return WALK_AGAIN;
    page->dirty = page->dirty || (marks & MODEL_ENTRY_D);
    if (cpu->machine->config.large_page_fragments && page->shift > PAGE_SHIFT) {
        uint64_t offset = (va - page->va) & ~(PAGE_BYTES - 1);
        page->va += offset;
        page->pa += offset;
        page->shift = PAGE_SHIFT;
    }
    if (cpu->machine->config.caching != MODEL_FORGET)
        machine_cache_insert(&cpu->cache, page);
    return WALK_FOUND;
}

static model_fault_t walk_for(cpu_t *cpu, uint64_t va, request_t request, cached_t *page)
{
    uint64_t marks = MODEL_ENTRY_A | (request.kind == MODEL_WRITE ? MODEL_ENTRY_D : 0), entry = 0;

    for (;;) {
        const char *why;
        uint32_t code;

        switch (machine_walk(cpu, va, false, page, &entry)) {
        case WALK_NOT_PRESENT:
            return page_fault(cpu, va, request, machine_fault_code(cpu, request, 0), "not present");
        case WALK_RESERVED:
            code = machine_fault_code(cpu, request, MODEL_PF_P | MODEL_PF_RSVD);
            return page_fault(cpu, va, request, code, "a reserved bit is set in an entry");
        case WALK_FOUND:
            code = machine_refused(cpu, page, request, &why);
            if (code != 0)
                return page_fault(cpu, va, request, code, why);
            if (machine_fill(cpu, va, marks, page, entry) == WALK_FOUND)
                return machine_no_fault();
            break;
        case WALK_AGAIN:
            break;
        }
    }
}

/* MODEL_RANDOM: one time in four, what is cached for the address is gone. */
static void perhaps_forget(cpu_t *cpu, uint64_t va)
{
    if (cpu->machine->config.caching != MODEL_RANDOM)
        return;
    cpu->random = cpu->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    if (cpu->random >> 62 == 0)
        machine_flush_after_page_fault(cpu, va);
}

static void check_use(cpu_t *cpu, uint64_t va, request_t request, const cached_t *used)
{
    cached_t now;
    uint64_t entry;
    const char *why = "it maps another frame";
    walk_end_t end = machine_walk(cpu, va, true, &now, &entry);

    if (end == WALK_FOUND && now.pa + (va - now.va) == used->pa + (va - used->va) &&
        machine_refused(cpu, &now, request, &why) == 0)
        return;
    if (end != WALK_FOUND)
        why = end == WALK_NOT_PRESENT ? "not present" : "a reserved bit is set";
    machine_report(
        cpu->machine,
        (model_violation_t){.kind = MODEL_STALE_USE,
                            .cpu = cpu->index,
                            .level = used->level,
                            .va = va,
                            .frame = (used->pa + (va - used->va)) >> PAGE_SHIFT,
                            .access = used->access},
        "stale translation used: CPU %u, virtual address %#llx, level %u, installed by access #%llu; memory now says: "
        "%s; last invalidation on this CPU: %s",
        cpu->index, (unsigned long long)va, used->level, (unsigned long long)used->access, why, cpu->last_invalidation);
}

static model_fault_t translate_paged(cpu_t *cpu, uint64_t va, request_t request, cached_t *page, bool *hit)
{
    cached_t *cached = machine_cache_find_page(&cpu->cache, va, machine_current_pcid(cpu));

    *hit = false;
    if (cached) {
        const char *why;
        uint32_t code = machine_refused(cpu, cached, request, &why);
        if (code != 0 && !cpu->machine->config.walks_again_before_faults)
            return page_fault(cpu, va, request, code, why);
        if (code == 0 && (request.kind != MODEL_WRITE || cached->dirty)) {
            *page = *cached;
            *hit = true;
            cpu->statistics.tlb_hits++;
            return machine_no_fault();
        }
        if (code != 0)
            machine_flush_after_page_fault(cpu, va);
    }
    return walk_for(cpu, va, request, page);
}

model_fault_t machine_translate(cpu_t *cpu, uint64_t va, request_t request, model_piece_t *piece)
{
    cached_t page;
    bool hit;

    if (machine_paging_of(cpu) == MODEL_PAGING_OFF) {
        *piece = (model_piece_t){.pa = va, .type = machine_unpaged_type(cpu, va)};
        return machine_no_fault();
    }
    perhaps_forget(cpu, va);
    model_fault_t fault = translate_paged(cpu, va, request, &page, &hit);
    if (fault.raised)
        return fault;
    if (cpu->machine->config.check_use)
        check_use(cpu, va, request, &page);
    *piece = (model_piece_t){.pa = page.pa + (va - page.va),
                             .page_bytes = UINT32_C(1) << page.shift,
                             .type = (model_memory_type_t)page.type,
                             .cached = hit};
    return machine_no_fault();
}

model_result_t machine_access_linear(cpu_t *cpu, uint64_t va, uint32_t bytes, request_t request,
                                     uint8_t canonical_vector)
{
    bool wide = machine_is_64_bit(cpu);
    model_result_t result = {.linear = va};

    cpu->access = ++cpu->statistics.accesses;
    if (wide && (!machine_is_canonical(cpu, va) || !machine_is_canonical(cpu, va + bytes - 1))) {
        result.fault = machine_fault_of(canonical_vector, 0, "not a canonical address");
        return result;
    }
    if (!wide && va >> 32 != 0)
        machine_report(cpu->machine, (model_violation_t){.kind = MODEL_WIDE_ADDRESS, .cpu = cpu->index, .va = va},
                       "CPU %u: address %#llx does not fit a linear address of 32 bits", cpu->index,
                       (unsigned long long)va);
    for (uint32_t done = 0; done < bytes && !result.fault.raised;) {
        uint64_t at = wide ? va + done : (va + done) & UINT32_MAX;
        uint32_t room = (uint32_t)(PAGE_BYTES - at % PAGE_BYTES);
        model_piece_t *piece = &result.piece[result.pieces++];

        result.fault = machine_translate(cpu, at, request, piece);
        piece->bytes = bytes - done < room ? bytes - done : room;
        done += piece->bytes;
    }
    if (result.fault.raised)
        result.pieces = 0;
    return result;
}

model_result_t model_access(model_t *machine, unsigned index, uint64_t va, uint32_t bytes, model_kind_t kind,
                            model_mode_t mode)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_result_t result = machine_access_linear(cpu, va, bytes, machine_request_of(cpu, kind, mode), MODEL_GP);

    machine_cpu_unlock(cpu);
    return result;
}

/* Moves what a result's pieces allow; returns how many bytes. */
static size_t move_pieces(cpu_t *cpu, const model_result_t *result, char *data, model_kind_t kind)
{
    size_t moved = 0;

    for (unsigned i = 0; i < result->pieces; i++) {
        const model_piece_t *piece = &result->piece[i];
        if (kind == MODEL_WRITE)
            model_physical_write(cpu->machine, piece->pa, data + moved, piece->bytes);
        else
            model_physical_read(cpu->machine, piece->pa, data + moved, piece->bytes);
        moved += piece->bytes;
    }
    return moved;
}

model_fault_t machine_copy_linear(cpu_t *cpu, uint64_t va, void *data, size_t bytes, request_t request, size_t *done)
{
    size_t moved = 0;
    bool wide = machine_is_64_bit(cpu);
    model_fault_t fault = machine_no_fault();

    while (moved < bytes && !fault.raised) {
        uint32_t room = (uint32_t)(PAGE_BYTES - (va + moved) % PAGE_BYTES);
        uint32_t part = bytes - moved < room ? (uint32_t)(bytes - moved) : room;
        uint64_t at = wide ? va + moved : (va & ~(uint64_t)UINT32_MAX) | ((va + moved) & UINT32_MAX);

        if (moved == 0 && bytes <= 64 && bytes > room)
            part = (uint32_t)bytes; /* what one instruction could do is checked as one access */
        model_result_t result = machine_access_linear(cpu, at, part, request, MODEL_GP);
        fault = result.fault;
        moved += move_pieces(cpu, &result, (char *)data + moved, request.kind);
    }
    if (done)
        *done = moved;
    return fault;
}

model_fault_t model_read(model_t *machine, unsigned index, uint64_t va, void *to, size_t bytes, model_mode_t mode,
                         size_t *done)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    model_fault_t fault = machine_copy_linear(cpu, va, to, bytes, machine_request_of(cpu, MODEL_READ, mode), done);

    machine_cpu_unlock(cpu);
    return fault;
}

model_fault_t model_write(model_t *machine, unsigned index, uint64_t va, const void *from, size_t bytes,
                          model_mode_t mode, size_t *done)
{
    cpu_t *cpu = machine_cpu_lock(machine, index);
    /* The data is only read: the request says so. */
    model_fault_t fault =
        machine_copy_linear(cpu, va, (void *)(uintptr_t)from, bytes, machine_request_of(cpu, MODEL_WRITE, mode), done);

    machine_cpu_unlock(cpu);
    return fault;
}
