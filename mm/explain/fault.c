/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a page fault in words.
 *
 * Problem. "Page fault at 0x8, error 6" says what happened to those who know the codes by heart, and not why.
 *
 * Idea. Walk as the processor walks, say each entry in words, combine the rights of all levels as it does (SDM 4.6),
 * and compare them with the access. What then remains is a small number of traces: nothing there, a promise that was
 * not kept, a right that is missing, a translation that was out of date, an overwritten table. The trace is a guess;
 * the entries above it are not.
 *
 * There is one explainer, for live and for saved machines: it knows tables only as physical memory. What a not-present
 * entry promises, and what the three bits mean that the processor leaves to software, it says of Quire's own trees
 * only; of anybody else's, they are the kernel's own.
 *
 * What the handler answered is the last word, if it was asked: the trace of the entries is told if it leads to the same
 * answer, and otherwise what the two together say (trace.c).
 *
 * No lock is taken: the caller may be a panic inside the tree's lock. On the live machine a frame is followed only if
 * the PMM says that it is a table, so that an overwritten entry leads nowhere.
 */
#include "fault.h"

#define SOFTWARE_BITS (X86_COPY | X86_RIGHT | X86_EXEC)

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
    raw &= ~(SOFTWARE_BITS | (fault_may_have(fault, CR4_PKE) ? 0 : X86_KEY_MASK));
    return entry_decode(fault->format, level, fault->format->no_execute ? raw : raw | X86_EXEC);
}

static uint64_t reserved_bits(const fault_t *fault, unsigned level, uint64_t raw)
{
    uint64_t reserved = quire_paging_reserved_bits(fault->format, level, raw, 52);

    if (fault->format->no_execute && entry_present(raw) &&
        mode_is_off(fault->explain->known, QUIRE_KNOWN_EFER, fault->explain->efer, EFER_NXE))
        reserved |= raw & X86_NO_EXECUTE;
    /* Emulators mark a PAE root entry as accessed; no processor does. */
    return fault_at_fixed_root(fault, level) ? reserved & ~X86_ACCESSED : reserved;
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
    ignored = step->raw & physical_ignored(fault->format, fault->explain->known, fault->explain->cr4, level);
    if (ignored != 0 && entry_present(step->raw))
        fault->small = true;
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
    quire_text_add(text, fault->code & QUIRE_FAULT_USER ? "ring 3 " : "the kernel ");
    if (fault->code & QUIRE_FAULT_FETCH)
        quire_text_add(text, "fetches an instruction at ");
    else
        quire_text_add(text, fault->code & QUIRE_FAULT_WRITE ? "writes at " : "reads at ");
    quire_text_hex(text, fault->va);
    if (fault->code & QUIRE_FAULT_RESERVED)
        quire_text_add(text, ": a reserved bit is set\n");
    else if (fault->code & QUIRE_FAULT_KEY)
        quire_text_add(text, ": its protection key forbids it\n");
    else
        quire_text_add(text, fault->code & QUIRE_FAULT_PRESENT ? ": not allowed\n" : ": not present\n");
}

static void add_steps(text_t *text, const fault_t *fault)
{
    for (unsigned i = 0; i < fault->count; i++) {
        const quire_walk_step_t *step = &fault->steps[i];

        quire_text_add(text, "  level ");
        quire_text_decimal(text, step->level);
        quire_text_add(text, ", entry ");
        quire_text_decimal(text, step->index);
        quire_text_add(text, ": ");
        quire_text_hex(text, step->raw);
        quire_text_add(text, ": ");
        if (step->raw != 0 && step->page.kind == QUIRE_PAGE_EMPTY)
            quire_text_add(text, "not present");
        else
            text->length += quire_page_describe(&step->page, text->bytes + text->length, text->size - text->length);
        if (fault->small && step->page.kind == QUIRE_PAGE_TABLE && (step->raw & X86_LARGE))
            quire_text_add(text, "; its page-size bit means nothing until CR4.PSE is set");
        quire_text_add(text, "\n");
    }
}

static void add_rights_of(text_t *text, const char *who, unsigned rights)
{
    quire_text_add(text, who);
    quire_text_add(text, rights & QUIRE_PROT_READ ? " may read" : " may nothing");
    if (rights & QUIRE_PROT_WRITE)
        quire_text_add(text, ", write");
    if (rights & QUIRE_PROT_EXEC)
        quire_text_add(text, ", execute");
}

static void add_rights(text_t *text, const fault_t *fault)
{
    if (fault->rights == 0)
        return;
    add_rights_of(text, "  now ring 3", fault->rights & QUIRE_PROT_USER ? fault->rights : 0);
    add_rights_of(
        text, "; the kernel",
        fault->rights |
            (physical_write_protects(fault->explain->known, fault->explain->cr0) ? 0 : (unsigned)QUIRE_PROT_WRITE));
    quire_text_add(text, "\n");
}

static void add_trace(text_t *text, const fault_t *fault)
{
    trace_t trace = quire_explain_trace(fault);

    quire_text_add(text, "  likely: ");
    quire_text_add(text, trace.words);
    if (trace.of_key)
        quire_text_decimal(text, fault->steps[fault->count - 1].page.key);
    quire_text_add(text, "\n");
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
        quire_text_add(&text, "  likely: no address at all (not canonical): such an access raises #GP, not #PF\n");
        return text.length;
    }
    walk(&fault);
    add_steps(&text, &fault);
    add_rights(&text, &fault);
    add_trace(&text, &fault);
    return text.length;
}

size_t quire_explain_fault(const quire_table_t *table, quire_va_t va, uint32_t code, quire_status_t answer, char *bytes,
                           size_t size)
{
    const quire_explain_t explain = {.format = format_of(table),
                                     .cr3 = quire_pa_of_frame(table->root).value,
                                     .shared_start = table->shared_start,
                                     .promises = true,
                                     .answered = true,
                                     .answer = answer,
                                     .pmm = table->pmm};

    return quire_explain(&explain, va, code, bytes, size);
}

bool quire_explain_read(const quire_explain_t *explain, quire_va_t va, void *to, size_t bytes)
{
    const regime_t regime = {.physical = {explain->read, explain->context},
                             .format = explain->format,
                             .cr3 = explain->cr3,
                             .cr4 = explain->cr4,
                             .known = explain->known};

    return quire_physical_read_linear(&regime, va, to, bytes);
}
