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
 * No lock is taken: the caller may be a panic inside the tree's lock. A frame is followed only if the PMM says that it
 * is a table, so that an overwritten entry leads nowhere.
 */
#include <quire/explain.h>

#include "paging.h"
#include "text.h"

#define NEAR_NULL_BYTES 0x10000u

typedef struct fault {
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

static bool is_table(const quire_table_t *table, quire_frame_t frame)
{
    quire_frame_info_t info = quire_pmm_frame_info(table->pmm, frame);

    return info.allocated && info.owner == QUIRE_OWNER_TABLE;
}

static void read_step(fault_t *fault, unsigned level, quire_frame_t frame)
{
    quire_walk_step_t *step = &fault->steps[fault->count++];
    void *window = quire_port_window_open(frame);

    step->level = level;
    step->index = format_index(fault->format, level, fault->va);
    step->table = frame;
    step->raw = word_read(fault->format, window, step->index);
    step->page = entry_decode(fault->format, level, step->raw);
    quire_port_window_close(window);
    /* Emulators mark a PAE root entry as accessed; no processor does. */
    fault->reserved = quire_paging_reserved_bits(fault->format, level, step->raw, 52);
    if (fault->format->fixed_root && level == fault->format->levels)
        fault->reserved &= ~X86_ACCESSED;
}

static void walk(fault_t *fault, const quire_table_t *table)
{
    const unsigned all = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER;
    quire_frame_t frame = table->root;
    unsigned rights = all;

    for (unsigned level = fault->format->levels; level >= 1; level--) {
        if (!is_table(table, frame)) {
            fault->astray = true;
            return;
        }
        read_step(fault, level, frame);
        quire_page_t page = fault->steps[fault->count - 1].page;
        uint64_t raw = fault->steps[fault->count - 1].raw;
        if (page.kind == QUIRE_PAGE_MAPPED && (page.flags & QUIRE_PAGE_COPY_ON_WRITE))
            page.prot &= (uint8_t)~QUIRE_PROT_WRITE;
        /* A PAE root entry has no rights of its own; without NX every page can be executed. */
        if (!(fault->format->fixed_root && level == fault->format->levels))
            rights &= page.prot | (fault->format->no_execute ? 0 : (unsigned)QUIRE_PROT_EXEC);
        if (page.kind == QUIRE_PAGE_MAPPED)
            fault->rights = rights;
        if (page.kind != QUIRE_PAGE_TABLE || fault->reserved != 0)
            return;
        frame = entry_table(fault->format, raw);
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
    add_rights_of(text, "; the kernel", fault->rights);
    quire_paging_text_add(text, "\n");
}

/* Ring 0 is held to read-only pages too: CR0.WP is set. */
static unsigned needed_rights(const fault_t *fault)
{
    unsigned needed = QUIRE_PROT_READ;

    if (fault->code & QUIRE_FAULT_WRITE)
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
    if ((fault->code & QUIRE_FAULT_WRITE) && !(fault->rights & QUIRE_PROT_WRITE))
        return "a write to what is read-only: code, a constant, or memory whose protection was lowered";
    if ((fault->code & QUIRE_FAULT_FETCH) && !(fault->rights & QUIRE_PROT_EXEC))
        return "a jump into data: a return address or function pointer was overwritten, or is wrong";
    return "a right is missing at a level above";
}

/* The tree allows it: the processor had another reason, or another tree. */
static const char *story_of_the_allowed(const fault_t *fault)
{
    bool users_page = (fault->rights & QUIRE_PROT_USER) != 0;

    if (fault->code & QUIRE_FAULT_KEY)
        return "the page's protection key is switched off in PKRU";
    if (users_page && !(fault->code & QUIRE_FAULT_USER) && (fault->code & QUIRE_FAULT_PRESENT))
        return fault->code & QUIRE_FAULT_FETCH
                   ? "the kernel jumps into a program's memory (SMEP forbids it)"
                   : "the kernel touches a program's memory outside the functions made for it (SMAP forbids it), or a "
                     "stale translation";
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
    return "nothing was ever promised here: a stray pointer, or memory that has been unmapped";
}

/* Write and execute imply read, as they do for present pages. */
static const char *story_of_promise(const fault_t *fault, const quire_page_t *page, const char *otherwise)
{
    unsigned promised = page->prot;

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

static const char *story(const fault_t *fault)
{
    const quire_page_t *page = &fault->steps[fault->count - 1].page;

    if (fault->astray)
        return "an entry names a frame that is not a table's: it was overwritten, or its table freed";
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

size_t quire_explain_fault(const quire_table_t *table, quire_va_t va, uint32_t code, char *bytes, size_t size)
{
    fault_t fault = {.format = format_of(table), .va = va, .code = code, .shared_half = va >= table->shared_start};
    text_t text = {bytes, size, 0};

    if (size == 0)
        return 0;
    bytes[0] = '\0';
    add_access(&text, &fault);
    if (!format_canonical(fault.format, va)) {
        quire_paging_text_add(&text,
                              "  likely: no address at all (not canonical): such an access raises #GP, not #PF\n");
        return text.length;
    }
    walk(&fault, table);
    add_steps(&text, &fault);
    add_rights(&text, &fault);
    quire_paging_text_add(&text, "  likely: ");
    quire_paging_text_add(&text, fault.count == 0 ? "the root is not a table" : story(&fault));
    quire_paging_text_add(&text, "\n");
    return text.length;
}
