/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the likely reason of a page fault.
 *
 * Problem. The entries say what is; whoever reads them wants to know what went wrong. And there is a handler beside,
 * which has an opinion of its own: a trace that says "no mistake" over a process that was just ended for it helps
 * nobody.
 *
 * Idea. Each trace says whether it ends well (`runs`). For trees that Quire made the traces judge as quire_vmm_fault()
 * does (mm/vmm/fault.c), but for what only it knows: whether there was a frame, and what it was told. If it has
 * answered, and otherwise than the trace ends, the answer is told with what may explain the difference. A test compares
 * the two over every kind of entry, every access and every right.
 */
#include "fault.h"

#define NEAR_NULL_BYTES 0x10000u

static trace_t bad(const char *words)
{
    return (trace_t){.words = words};
}

static trace_t good(const char *words)
{
    return (trace_t){.words = words, .runs = true};
}

static trace_t of_key(void)
{
    return (trace_t){.words = "PKRU forbids it to pages of protection key ", .of_key = true};
}

static bool from_user(const fault_t *fault)
{
    return (fault->code & QUIRE_FAULT_USER) != 0;
}

static const quire_walk_step_t *last_step(const fault_t *fault)
{
    return &fault->steps[fault->count - 1];
}

static bool ring_0_is_held(const fault_t *fault)
{
    return physical_write_protects(fault->explain->known, fault->explain->cr0);
}

static unsigned needed_rights(const fault_t *fault)
{
    unsigned needed = QUIRE_PROT_READ;

    if ((fault->code & QUIRE_FAULT_WRITE) && (from_user(fault) || ring_0_is_held(fault)))
        needed |= QUIRE_PROT_WRITE;
    if (fault->code & QUIRE_FAULT_FETCH)
        needed |= QUIRE_PROT_EXEC;
    if (from_user(fault))
        needed |= QUIRE_PROT_USER;
    return needed;
}

/* Whether the tree, as it stands, allows the access. Where there is no NX bit, Quire's own say in a spare one what may
   be executed, and its handler goes by that. */
static bool is_allowed(const fault_t *fault, const quire_page_t *page)
{
    unsigned rights = fault->rights;

    if (fault->explain->promises && page->kind == QUIRE_PAGE_MAPPED && !(page->prot & QUIRE_PROT_EXEC))
        rights &= ~(unsigned)QUIRE_PROT_EXEC;
    return (rights & needed_rights(fault)) == needed_rights(fault);
}

/* The kernel, on a page that is, or was promised to be, a process's: in a tree of Quire's, nobody's to mend. */
static bool kernel_on_users_page(const fault_t *fault, unsigned prot)
{
    return fault->explain->promises && !from_user(fault) && (prot & QUIRE_PROT_USER) != 0;
}

static const char kernel_on_users[] = "the kernel touches a program's memory outside the functions made for it (SMAP "
                                      "or the fault handler forbids it), or "
                                      "the handler was not told of ring 3";

/* A present page, and a right that is missing. */
static trace_t trace_of_rights(const fault_t *fault, const quire_page_t *page)
{
    bool copies = (page->flags & QUIRE_PAGE_COPY_ON_WRITE) && (page->prot & QUIRE_PROT_WRITE);

    if (from_user(fault) && !(fault->rights & QUIRE_PROT_USER))
        return bad("a program reaches for the kernel's memory");
    if (fault->code & QUIRE_FAULT_KEY)
        return of_key();
    if (kernel_on_users_page(fault, page->prot))
        return bad(kernel_on_users);
    if ((fault->code & QUIRE_FAULT_FETCH) && !(fault->code & QUIRE_FAULT_WRITE) && !(page->prot & QUIRE_PROT_EXEC))
        return bad("a jump into data: a return address or function pointer was overwritten, or is wrong");
    if ((fault->code & QUIRE_FAULT_WRITE) && copies)
        return good("no mistake: the first write to a shared page, which the fault handler copies");
    if ((needed_rights(fault) & QUIRE_PROT_WRITE) && !(fault->rights & QUIRE_PROT_WRITE))
        return bad("a write to what is read-only: code, a constant, or memory whose protection was lowered");
    return bad("a right is missing at a level above");
}

/* The tree allows it: the processor had another reason, or another tree. */
static trace_t trace_of_the_allowed(const fault_t *fault)
{
    bool users_page = (fault->rights & QUIRE_PROT_USER) != 0;

    if (fault->code & QUIRE_FAULT_KEY)
        return of_key();
    if (users_page && !from_user(fault) && (fault->code & QUIRE_FAULT_PRESENT)) {
        if ((fault->code & QUIRE_FAULT_FETCH) && fault_may_have(fault, CR4_SMEP))
            return bad("the kernel jumps into a program's memory (SMEP forbids it)");
        if (!(fault->code & QUIRE_FAULT_FETCH) && fault_may_have(fault, CR4_SMAP))
            return bad(
                "the kernel touches a program's memory outside the functions made for it (SMAP forbids it), or a "
                "stale translation");
    }
    if (kernel_on_users_page(fault, fault->rights))
        return bad(kernel_on_users);
    return good("the tree allows this now: another CPU has mended it, a flush is missing, or another tree is loaded");
}

/* Whether anything stands in entries [from, end) of the level-1 table that the walk ended in. */
static bool something_beside(const fault_t *fault, unsigned from, unsigned end)
{
    const physical_t physical = {fault->explain->read, fault->explain->context};
    const quire_walk_step_t *step = last_step(fault);
    uint64_t raw;

    for (unsigned i = from; step->level == 1 && i < end; i++) {
        if (!quire_physical_entry(&physical, fault->format, quire_pa_of_frame(step->table).value, i, &raw))
            return false;
        if (raw != 0 && entry_kind(fault->format, 1, raw) != QUIRE_PAGE_GUARD)
            return true;
    }
    return false;
}

/* Near 0, with nothing below; near the top, with nothing above. What is between an address and its own end is that
   memory's neighbour. */
static const char *trace_of_the_ends(const fault_t *fault)
{
    unsigned index = last_step(fault)->index;

    if (fault->va < NEAR_NULL_BYTES && !something_beside(fault, 0, index))
        return "a null pointer, or a member of what a null pointer points to";
    if (fault->va >= format_top(fault->format) - NEAR_NULL_BYTES &&
        !something_beside(fault, index + 1, format_entries(fault->format, 1)))
        return "a small negative number used as a pointer: an error code?";
    return NULL;
}

static trace_t trace_of_nothing(const fault_t *fault)
{
    const char *end = trace_of_the_ends(fault);

    if (end != NULL)
        return bad(end);
    if (fault->shared_half && from_user(fault))
        return bad("a program reaches for the kernel's half, where it may touch nothing");
    if (fault->explain->promises)
        return bad("nothing was ever promised here: a stray pointer, or memory that has been unmapped");
    if (last_step(fault)->raw != 0)
        return bad("not present; the entry's other bits are the kernel's own: a page to be fetched, or an overwritten "
                   "table");
    return bad("nothing is mapped here: a stray pointer, or memory that has been unmapped");
}

/* Write and execute imply read, as they do for present pages. */
static trace_t trace_of_promise(const fault_t *fault, const quire_page_t *page, trace_t otherwise)
{
    unsigned promised = page->prot;

    if (fault->code & QUIRE_FAULT_KEY)
        return of_key();
    if (kernel_on_users_page(fault, promised))
        return bad(kernel_on_users);
    if (promised & (QUIRE_PROT_WRITE | QUIRE_PROT_EXEC))
        promised |= QUIRE_PROT_READ;
    return needed_rights(fault) & ~promised
               ? bad("more than was promised: the access needs a right that the promise lacks")
               : otherwise;
}

static trace_t trace_of_kind(const fault_t *fault, const quire_page_t *page)
{
    switch (page->kind) {
    case QUIRE_PAGE_EMPTY:
        return trace_of_nothing(fault);
    case QUIRE_PAGE_TABLE:
        return bad("the way ends at a table that cannot be followed");
    case QUIRE_PAGE_MAPPED:
        return trace_of_rights(fault, page);
    case QUIRE_PAGE_RESERVED:
        return trace_of_promise(fault, page,
                                good("no mistake: the fault handler keeps the promise with a zeroed frame"));
    case QUIRE_PAGE_GUARD:
        return bad("a guard page: a stack has outgrown its room, or an index its array");
    case QUIRE_PAGE_HIDDEN:
        return bad("the page is there, but all access to it was taken away");
    case QUIRE_PAGE_OBJECT:
        return trace_of_promise(fault, page, bad("its content is an object's, and nobody has fetched it yet"));
    case QUIRE_PAGE_SWAPPED:
        return trace_of_promise(fault, page, bad("its content is in swap, and nobody has brought it back yet"));
    case QUIRE_PAGE_BUSY:
        return good("no mistake: input or output for this page is under way, to be tried again");
    }
    return bad("an entry of no known kind");
}

static const char *trace_of_the_astray(const fault_t *fault)
{
    if (fault->small)
        return "a large page means a table until CR4.PSE is set, and its frame is none";
    if (fault->explain->pmm != NULL)
        return fault->count == 0
                   ? "the root is not a table"
                   : "an entry names a frame that is not a table's: it was overwritten, or its table freed";
    return fault->count == 0 ? "CR3 names no memory: it was loaded with a virtual address, or with nonsense"
                             : "the last entry names a table that is not in memory: it was overwritten, or is wrong";
}

static const char *trace_of_reserved_bits(const fault_t *fault)
{
    if (fault->reserved != 0 && fault_at_fixed_root(fault, last_step(fault)->level))
        return "the PAE root's entry has reserved bits (it has no rights): a processor refuses to load CR3 (#GP), an "
               "emulator comes as far as this";
    if (fault->reserved == X86_NO_EXECUTE)
        return "the last entry has the NX bit, which is reserved until EFER.NXE is set";
    if (fault->reserved != 0)
        return "the last entry has reserved bits: it was overwritten";
    return "this processor reserves a bit the format allows: NX without EFER.NXE, a page size or address too large for "
           "it";
}

/* What the entries and the code say. */
static trace_t trace_of_the_entries(const fault_t *fault)
{
    const quire_page_t *page;

    if (fault->astray)
        return bad(trace_of_the_astray(fault));
    page = &last_step(fault)->page;
    if (fault->reserved != 0 || (fault->code & QUIRE_FAULT_RESERVED))
        return bad(trace_of_reserved_bits(fault));
    if (fault->small)
        return bad("a large page means a table until CR4.PSE is set: what lies in its frame was taken for entries");
    if (is_allowed(fault, page))
        return trace_of_the_allowed(fault);
    if ((fault->code & QUIRE_FAULT_PRESENT) && page->kind != QUIRE_PAGE_MAPPED && page->kind != QUIRE_PAGE_EMPTY &&
        !fault->explain->answered)
        return bad("something was mapped at the moment of the fault: it has gone since, or a flush is missing");
    return trace_of_kind(fault, page);
}

/* The handler refused what the entries allow. */
static trace_t trace_of_refusal(const fault_t *fault)
{
    switch (fault->explain->answer) {
    case QUIRE_NO_MEMORY:
        return bad("the promise could not be kept, or the page not copied: no frame of memory was left");
    case QUIRE_NOT_FOUND:
        return bad("the entries allow it, but the address lies outside the part that this space serves");
    case QUIRE_DENIED:
        return bad("the entries allow it, and the handler was told of another access than the processor's: is the "
                   "error code turned into quire_access_t, and PKRU the thread's?");
    case QUIRE_OK:
    case QUIRE_NO_SPACE:
    case QUIRE_INVALID:
    case QUIRE_EXISTS:
    case QUIRE_AGAIN:
    case QUIRE_UNSUPPORTED:
    case QUIRE_CORRUPT:
        break;
    }
    return bad("the entries allow it, but the fault handler has failed");
}

trace_t quire_explain_trace(const fault_t *fault)
{
    trace_t trace = trace_of_the_entries(fault);
    bool runs = fault->explain->answer == QUIRE_OK || fault->explain->answer == QUIRE_AGAIN;

    if (!fault->explain->answered || trace.runs == runs)
        return trace;
    if (!runs)
        return trace_of_refusal(fault);
    return good(
        "no mistake, says the handler: the entries have changed since, or the handler was told of another access "
        "than the processor's");
}
