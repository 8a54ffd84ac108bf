/* SPDX-License-Identifier: MIT */
/*
 * explain.c - a page fault in words.
 *
 * Problem. "Page fault at 0x8, error 6" says what happened to those who know the codes by heart, and not why.
 *
 * Idea. Walk as the processor walks, say each entry in words, combine the rights of all levels as it does (SDM 4.6),
 * and compare them with the access. What then remains is a small number of stories: nothing there, a promise that was
 * not kept, a right that is missing, a translation that was out of date, an overwritten table. The story is a guess;
 * the entries above it are not.
 *
 * There is one explainer, for live and for saved machines: it knows tables only as physical memory. What a not-present
 * entry promises, and what the three bits mean that the processor leaves to software, it says of Quire's own trees
 * only; of anybody else's, they are the kernel's own.
 *
 * No lock is taken: the caller may be a panic inside the tree's lock. On the live machine a frame is followed only if
 * the PMM says that it is a table, so that an overwritten entry leads nowhere.
 */
#include <quire/explain.h>

#include "paging.h"
#include "physical.h"
#include "text.h"

#define NEAR_NULL_BYTES 0x10000u
#define SOFTWARE_BITS   (X86_COPY | X86_RIGHT | X86_EXEC)

typedef struct fault {
    const quire_explain_t *explain;
    const quire_format_t *format;
    quire_va_t va;
    uint32_t code;
    unsigned count;
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    bool shared_half;  /* va is the kernel's */
    bool astray;       /* an entry names a frame that is not a table's */
    unsigned rights;   /* quire_prot_t, of all levels together; 0 if nothing is mapped */
    uint64_t reserved; /* reserved bits that are set, in the last entry of `steps` */
} fault_t;

static bool modes_known(const fault_t *fault)
{
    return fault->explain->cr4 != 0 || fault->explain->efer != 0;
}

/* Whether this bit of CR4 may have been set. */
static bool may_be_on(const fault_t *fault, uint64_t bit)
{
    return !modes_known(fault) || (fault->explain->cr4 & bit) != 0;
}

static bool is_table(const fault_t *fault, uint64_t pa)
{
    quire_frame_info_t info;

    if (fault->explain->pmm == NULL)
        return true;
    info = quire_pmm_frame_info(fault->explain->pmm, quire_frame_of_pa(quire_pa(pa)));
    return info.allocated && info.owner == QUIRE_OWNER_TABLE;
}

/* What the entry says to those who made it. Of a stranger's, only what it says to the processor. */
static quire_page_t meaning(const fault_t *fault, unsigned level, uint64_t raw)
{
    if (fault->explain->promises)
        return entry_decode(fault->format, level, raw);
    if (!entry_present(raw))
        return (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
    raw &= ~(SOFTWARE_BITS | (may_be_on(fault, CR4_PKE) ? 0 : X86_KEY_MASK));
    return entry_decode(fault->format, level, fault->format->no_execute ? raw : raw | X86_EXEC);
}

static bool is_fixed_root(const fault_t *fault, unsigned level)
{
    return fault->format->fixed_root && level == fault->format->levels;
}

static uint64_t reserved_bits(const fault_t *fault, unsigned level, uint64_t raw)
{
    uint64_t reserved = quire_paging_reserved_bits(fault->format, level, raw, 52);

    if (fault->format->no_execute && modes_known(fault) && !(fault->explain->efer & EFER_NXE) && entry_present(raw))
        reserved |= raw & X86_NO_EXECUTE;
    /* Emulators mark a PAE root entry as accessed; no processor does. */
    return is_fixed_root(fault, level) ? reserved & ~X86_ACCESSED : reserved;
}

/* False: the table is none, or cannot be read. */
static bool read_step(fault_t *fault, unsigned level, uint64_t table)
{
    const physical_t physical = {fault->explain->read, fault->explain->context};
    quire_walk_step_t *step = &fault->steps[fault->count];
    uint64_t ignored;

    step->level = level;
    step->index = format_index(fault->format, level, fault->va);
    step->table = quire_frame_of_pa(quire_pa(table));
    if (!is_table(fault, table) || !quire_physical_entry(&physical, fault->format, table, step->index, &step->raw))
        return false;
    /* Without CR4.PSE the bit that makes a page of 4 MiB is ignored. */
    ignored = fault->format->entry_bytes == 4 && level > 1 && !may_be_on(fault, CR4_PSE) ? X86_LARGE : 0;
    step->page = meaning(fault, level, step->raw & ~ignored);
    fault->reserved = reserved_bits(fault, level, step->raw & ~ignored);
    fault->count++;
    return true;
}

static void walk(fault_t *fault)
{
    uint64_t table = physical_root(fault->format, fault->explain->cr3);
    unsigned rights = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER;

    for (unsigned level = fault->format->levels; level >= 1; level--) {
        fault->astray = !read_step(fault, level, table);
        if (fault->astray)
            return;
        const quire_walk_step_t *step = &fault->steps[fault->count - 1];
        rights &= physical_rights(fault->format, level, step->raw);
        if (step->page.kind == QUIRE_PAGE_MAPPED)
            fault->rights = rights;
        if (step->page.kind != QUIRE_PAGE_TABLE || fault->reserved != 0)
            return;
        table = quire_pa_of_frame(entry_table(fault->format, step->raw)).value;
    }
}

static void add_access(text_t *text, const fault_t *fault)
{
    quire_paging_text_add(text, fault->code & QUIRE_FAULT_USER ? "ring 3 " : "the kernel ");
    if (fault->code & QUIRE_FAULT_FETCH)
        quire_paging_text_add(text, "fetches an instruction at ");
    else
        quire_paging_text_add(text, fault->code & QUIRE_FAULT_WRITE ? "writes at " : "reads at ");
    quire_paging_text_hex(text, fault->va);
    if (fault->code & QUIRE_FAULT_RESERVED)
        quire_paging_text_add(text, ": a reserved bit is set\n");
    else if (fault->code & QUIRE_FAULT_KEY)
        quire_paging_text_add(text, ": its protection key forbids it\n");
    else
        quire_paging_text_add(text, fault->code & QUIRE_FAULT_PRESENT ? ": not allowed\n" : ": not present\n");
}

static void add_steps(text_t *text, const fault_t *fault)
{
    for (unsigned i = 0; i < fault->count; i++) {
        const quire_walk_step_t *step = &fault->steps[i];

        quire_paging_text_add(text, "  level ");
        quire_paging_text_decimal(text, step->level);
        quire_paging_text_add(text, ", entry ");
        quire_paging_text_decimal(text, step->index);
        quire_paging_text_add(text, ": ");
        quire_paging_text_hex(text, step->raw);
        quire_paging_text_add(text, ": ");
        if (step->raw != 0 && step->page.kind == QUIRE_PAGE_EMPTY)
            quire_paging_text_add(text, "not present");
        else
            text->length += quire_page_describe(&step->page, text->bytes + text->length, text->size - text->length);
        quire_paging_text_add(text, "\n");
    }
}

static void add_rights_of(text_t *text, const char *who, unsigned rights)
{
    quire_paging_text_add(text, who);
    quire_paging_text_add(text, rights & QUIRE_PROT_READ ? " may read" : " may nothing");
    if (rights & QUIRE_PROT_WRITE)
        quire_paging_text_add(text, ", write");
    if (rights & QUIRE_PROT_EXEC)
        quire_paging_text_add(text, ", execute");
}

static void add_rights(text_t *text, const fault_t *fault)
{
    if (fault->rights == 0)
        return;
    add_rights_of(text, "  now ring 3", fault->rights & QUIRE_PROT_USER ? fault->rights : 0);
    add_rights_of(text, "; the kernel",
                  fault->rights | (physical_write_protects(fault->explain->cr0) ? 0 : (unsigned)QUIRE_PROT_WRITE));
    quire_paging_text_add(text, "\n");
}

static unsigned needed_rights(const fault_t *fault)
{
    unsigned needed = QUIRE_PROT_READ;

    if ((fault->code & QUIRE_FAULT_WRITE) &&
        ((fault->code & QUIRE_FAULT_USER) || physical_write_protects(fault->explain->cr0)))
        needed |= QUIRE_PROT_WRITE;
    if (fault->code & QUIRE_FAULT_FETCH)
        needed |= QUIRE_PROT_EXEC;
    if (fault->code & QUIRE_FAULT_USER)
        needed |= QUIRE_PROT_USER;
    return needed;
}

/* Whether the tree, as it stands, allows the access. */
static bool is_allowed(const fault_t *fault)
{
    return (fault->rights & needed_rights(fault)) == needed_rights(fault);
}

/* A present page, and a right that is missing. */
static const char *story_of_rights(const fault_t *fault, const quire_page_t *page)
{
    if ((fault->code & QUIRE_FAULT_USER) && !(fault->rights & QUIRE_PROT_USER))
        return "a program reaches for the kernel's memory";
    if ((fault->code & QUIRE_FAULT_WRITE) && (page->flags & QUIRE_PAGE_COPY_ON_WRITE) &&
        (page->prot & QUIRE_PROT_WRITE))
        return "no mistake: the first write to a shared page, which the fault handler copies";
    if ((needed_rights(fault) & QUIRE_PROT_WRITE) && !(fault->rights & QUIRE_PROT_WRITE))
        return "a write to what is read-only: code, a constant, or memory whose protection was lowered";
    if ((fault->code & QUIRE_FAULT_FETCH) && !(fault->rights & QUIRE_PROT_EXEC))
        return "a jump into data: a return address or function pointer was overwritten, or is wrong";
    return "a right is missing at a level above";
}

static const char key_story[] = "PKRU forbids it to pages of protection key ";

/* The tree allows it: the processor had another reason, or another tree. */
static const char *story_of_the_allowed(const fault_t *fault)
{
    bool users_page = (fault->rights & QUIRE_PROT_USER) != 0;

    if (fault->code & QUIRE_FAULT_KEY)
        return key_story;
    if (users_page && !(fault->code & QUIRE_FAULT_USER) && (fault->code & QUIRE_FAULT_PRESENT)) {
        if ((fault->code & QUIRE_FAULT_FETCH) && may_be_on(fault, CR4_SMEP))
            return "the kernel jumps into a program's memory (SMEP forbids it)";
        if (!(fault->code & QUIRE_FAULT_FETCH) && may_be_on(fault, CR4_SMAP))
            return "the kernel touches a program's memory outside the functions made for it (SMAP forbids it), or a "
                   "stale translation";
    }
    return "the tree allows this now: another CPU has mended it, a flush is missing, or another tree is loaded";
}

static const char *story_of_nothing(const fault_t *fault)
{
    if (fault->va < NEAR_NULL_BYTES)
        return "a null pointer, or a member of what a null pointer points to";
    if (fault->va >= format_top(fault->format) - NEAR_NULL_BYTES)
        return "a small negative number used as a pointer: an error code?";
    if (fault->shared_half && (fault->code & QUIRE_FAULT_USER))
        return "a program reaches for the kernel's half, where it may touch nothing";
    if (fault->explain->promises)
        return "nothing was ever promised here: a stray pointer, or memory that has been unmapped";
    if (fault->steps[fault->count - 1].raw != 0)
        return "not present; the entry's other bits are the kernel's own: a page to be fetched, or an overwritten "
               "table";
    return "nothing is mapped here: a stray pointer, or memory that has been unmapped";
}

/* Write and execute imply read, as they do for present pages. */
static const char *story_of_promise(const fault_t *fault, const quire_page_t *page, const char *otherwise)
{
    unsigned promised = page->prot;

    if (fault->code & QUIRE_FAULT_KEY)
        return key_story;

    if (promised & (QUIRE_PROT_WRITE | QUIRE_PROT_EXEC))
        promised |= QUIRE_PROT_READ;
    if (!fault->format->no_execute)
        promised |= QUIRE_PROT_EXEC;
    return needed_rights(fault) & ~promised ? "more than was promised: the access needs a right that the promise lacks"
                                            : otherwise;
}

static const char *story_of_kind(const fault_t *fault, const quire_page_t *page)
{
    switch (page->kind) {
    case QUIRE_PAGE_EMPTY:
        return story_of_nothing(fault);
    case QUIRE_PAGE_TABLE:
        return "the way ends at a table that cannot be followed";
    case QUIRE_PAGE_MAPPED:
        return story_of_rights(fault, page);
    case QUIRE_PAGE_RESERVED:
        return story_of_promise(fault, page, "no mistake: the fault handler keeps the promise with a zeroed frame");
    case QUIRE_PAGE_GUARD:
        return "a guard page: a stack has outgrown its room, or an index its array";
    case QUIRE_PAGE_HIDDEN:
        return "the page is there, but all access to it was taken away";
    case QUIRE_PAGE_OBJECT:
        return story_of_promise(fault, page, "no mistake: the fault handler fetches the content");
    case QUIRE_PAGE_SWAPPED:
        return story_of_promise(fault, page, "no mistake: the fault handler brings the page back");
    case QUIRE_PAGE_BUSY:
        return "no mistake: input or output for this page is under way, to be tried again";
    }
    return "an entry of no known kind";
}

static const char *story_of_the_astray(const fault_t *fault)
{
    if (fault->explain->pmm != NULL)
        return fault->count == 0
                   ? "the root is not a table"
                   : "an entry names a frame that is not a table's: it was overwritten, or its table freed";
    return fault->count == 0 ? "CR3 names no memory: it was loaded with a virtual address, or with nonsense"
                             : "the last entry names a table that is not in memory: it was overwritten, or is wrong";
}

static const char *story(const fault_t *fault)
{
    const quire_page_t *page;

    if (fault->astray)
        return story_of_the_astray(fault);
    page = &fault->steps[fault->count - 1].page;
    if (fault->reserved == X86_NO_EXECUTE && !is_fixed_root(fault, fault->steps[fault->count - 1].level))
        return "the last entry has the NX bit, which is reserved until EFER.NXE is set";
    if (fault->reserved != 0)
        return "the last entry has reserved bits: it was overwritten";
    if (fault->code & QUIRE_FAULT_RESERVED)
        return "this processor reserves a bit the format allows: NX without EFER.NXE, a page size or address too large "
               "for it";
    if (is_allowed(fault))
        return story_of_the_allowed(fault);
    if ((fault->code & QUIRE_FAULT_PRESENT) && page->kind != QUIRE_PAGE_MAPPED)
        return "something was mapped at the moment of the fault: it has gone since, or a flush is missing";
    return story_of_kind(fault, page);
}

static void add_story(text_t *text, const fault_t *fault)
{
    const char *words = story(fault);

    quire_paging_text_add(text, "  likely: ");
    quire_paging_text_add(text, words);
    if (words == key_story)
        quire_paging_text_decimal(text, fault->steps[fault->count - 1].page.key);
    quire_paging_text_add(text, "\n");
}

size_t quire_explain(const quire_explain_t *explain, quire_va_t va, uint32_t code, char *bytes, size_t size)
{
    fault_t fault = {.explain = explain, .format = explain->format, .va = va, .code = code};
    text_t text = {bytes, size, 0};

    fault.shared_half = explain->shared_start != 0 && va >= explain->shared_start;
    if (size == 0)
        return 0;
    bytes[0] = '\0';
    add_access(&text, &fault);
    if (!format_canonical(fault.format, va)) {
        quire_paging_text_add(&text,
                              "  likely: no address at all (not canonical): such an access raises #GP, not #PF\n");
        return text.length;
    }
    walk(&fault);
    add_steps(&text, &fault);
    add_rights(&text, &fault);
    add_story(&text, &fault);
    return text.length;
}

size_t quire_explain_fault(const quire_table_t *table, quire_va_t va, uint32_t code, char *bytes, size_t size)
{
    const quire_explain_t explain = {.format = format_of(table),
                                     .cr3 = quire_pa_of_frame(table->root).value,
                                     .shared_start = table->shared_start,
                                     .promises = true,
                                     .pmm = table->pmm};

    return quire_explain(&explain, va, code, bytes, size);
}
