/* SPDX-License-Identifier: MIT */
/*
 * check.c - a tree's invariants, walked.
 *
 * Every table is an allocated frame owned as a table and, but for those that are kept, not empty; no word is one that
 * the library would not write; the counts agree; the shared half equals the kernel's. The broken rule goes to the log,
 * with the address, the frame and its owner.
 *
 * The worst that a wrong word can do is to let ring 3 write a page table, or memory that is somebody else's. So a
 * level-1 table is asked whose frame it names: never a table's, unless it is the kernel's window on all memory
 * (FOREIGN); and of a process's page the owner is one whose frames are mapped for processes. FOREIGN pages of a process
 * are another's business: they may name what is allocated and no table, and what is not the PMM's at all. That a frame
 * is in use by another process, and not by this one, no single tree can tell: check_all.c.
 */
#include "text.h"
#include "tree.h"

#define SENTENCE_BYTES 200

typedef struct check {
    const quire_table_t *table;
    const char *broken; /* the first rule found broken, */
    quire_va_t va;      /* where, */
    size_t frame;       /* and of which frame; 0: of none */
    uint64_t mapped_pages;
    size_t table_frames;
    size_t table_frame; /* the table that is looked at */
} check_t;

static void breaks_at(check_t *check, const char *rule, quire_va_t va, size_t frame)
{
    if (check->broken != NULL)
        return;
    check->broken = rule;
    check->va = va;
    check->frame = frame;
}

static void breaks(check_t *check, const char *rule)
{
    breaks_at(check, rule, 0, 0);
}

static void add_frame(text_t *text, const quire_table_t *table, quire_frame_t frame)
{
    quire_frame_info_t info = quire_pmm_frame_info(table->pmm, frame);

    quire_text_add(text, "frame ");
    quire_text_hex(text, frame.number);
    quire_text_add(text, info.allocated ? ", its owner: " : ", its last owner: ");
    quire_text_add(text, info.managed ? quire_owner_name(info.owner) : "nobody here");
}

void quire_paging_report(const quire_table_t *table, const char *rule, quire_va_t va, quire_frame_t frame)
{
    const quire_format_t *format = format_of(table);
    unsigned unused = (unsigned)sizeof(va) * 8 - format->va_bits;
    char sentence[SENTENCE_BYTES] = "";
    text_t text = {sentence, sizeof(sentence), 0};

    quire_text_add(&text, rule);
    quire_text_add(&text, ": ");
    if (frame.number == 0 || va != NOWHERE) {
        quire_text_add(&text, "space ");
        quire_text_decimal(&text, table->space);
    }
    if (frame.number != 0 && va != NOWHERE) {
        /* The bits above the translated ones, as an address that a CPU takes has them. */
        if (format->va_bits > 32)
            va = (quire_va_t)((intptr_t)(va << unused) >> unused);
        quire_text_add(&text, ", address ");
        quire_text_hex(&text, va);
        quire_text_add(&text, ", ");
    }
    if (frame.number != 0)
        add_frame(&text, table, frame);
    quire_port_log(QUIRE_LOG_ERROR, sentence);
}

static const char *rule_of_foreign(bool for_process, quire_frame_info_t info)
{
    if (!for_process || !info.managed)
        return NULL;
    if (!info.allocated)
        return "paging: a process's page names a free frame";
    return info.owner == QUIRE_OWNER_TABLE ? "paging: a process's page names a page table" : NULL;
}

/* The rule that a page breaks by naming such a frame, which begins a block, or NULL. */
static const char *rule_of_frame(bool for_process, quire_frame_info_t info)
{
    if (!info.allocated)
        return "paging: a frame is mapped that is not allocated";
    if (info.owner == QUIRE_OWNER_TABLE)
        return "paging: a page names a page table";
    if (for_process && info.owner != QUIRE_OWNER_USER && info.owner != QUIRE_OWNER_DEVICE &&
        info.owner != QUIRE_OWNER_TEST)
        return "paging: a process's page names memory of another owner";
    return info.references == 0 ? "paging: a page names the inside of a block" : NULL;
}

/* Every frame of the page; of the PMM's it is enough to ask each block. */
static void check_frames(check_t *check, unsigned level, quire_va_t va, const quire_page_t *page)
{
    uint64_t pages = format_pages(format_of(check->table), level);
    bool for_process = check->table->kernel != NULL || (page->prot & QUIRE_PROT_USER) != 0;
    bool foreign = (page->flags & QUIRE_PAGE_FOREIGN) != 0;

    if (foreign && !for_process)
        return;
    for (uint64_t at = 0; at < pages && check->broken == NULL;) {
        quire_frame_t frame = quire_frame((size_t)(page->payload + at));
        quire_frame_info_t info = quire_pmm_frame_info(check->table->pmm, frame);
        const char *rule = foreign ? rule_of_foreign(for_process, info) : rule_of_frame(for_process, info);

        if (rule != NULL)
            breaks_at(check, rule, va + ((quire_va_t)at << QUIRE_PAGE_SHIFT), frame.number);
        at += foreign ? 1 : (uint64_t)1 << info.order;
    }
}

static void check_entry(check_t *check, unsigned level, quire_va_t va, uint64_t raw)
{
    const quire_format_t *format = format_of(check->table);
    quire_page_t page = entry_decode(format, level, raw);
    uint64_t mmu_bits = entry_present(raw) ? X86_ACCESSED | X86_DIRTY : 0;

    if (quire_paging_reserved_bits(format, level, raw, 52) != 0)
        breaks_at(check, "paging: a reserved bit is set", va, check->table_frame);
    if (!entry_encodable(format, level, &page) || ((entry_encode(format, level, &page) ^ raw) & ~mmu_bits) != 0)
        breaks_at(check, "paging: an entry that the library did not write", va, check->table_frame);
    if (check->broken == NULL && (page.kind == QUIRE_PAGE_MAPPED || page.kind == QUIRE_PAGE_HIDDEN))
        check_frames(check, level, va, &page);
    if (page.kind == QUIRE_PAGE_MAPPED)
        check->mapped_pages += format_pages(format, level);
}

static void check_table_entry(check_t *check, unsigned level, quire_va_t va, uint64_t raw)
{
    const quire_format_t *format = format_of(check->table);
    uint64_t own_bits = X86_ACCESSED | (level == format->levels ? X86_PINNED : 0);
    quire_frame_t frame = entry_table(format, raw);
    uint64_t plain = entry_encode_table(format, level, frame, (raw & X86_USER) != 0);

    /* An emulator may mark a PAE root entry as accessed, where the manual reserves the bit; a CPU does not look again.
     */
    if (quire_paging_reserved_bits(format, level, raw & ~(uint64_t)X86_ACCESSED, 52) != 0)
        breaks_at(check, "paging: a reserved bit is set", va, check->table_frame);
    if (((plain ^ raw) & ~own_bits) != 0)
        breaks_at(check, "paging: a table's entry that the library did not write", va, check->table_frame);
}

/* Entries [first, end) of the table whose first entry covers va. */
static void check_tree(check_t *check, quire_frame_t frame, unsigned level, quire_va_t va, unsigned first, unsigned end)
{
    const quire_format_t *format = format_of(check->table);
    quire_frame_info_t info = quire_pmm_frame_info(check->table->pmm, frame);

    if (!info.allocated || info.owner != QUIRE_OWNER_TABLE || info.references != 1) {
        breaks_at(check, "paging: a table stands in a frame that is not a table's", va, frame.number);
        return;
    }
    void *window = quire_port_window_open(frame);
    bool empty = true;
    check->table_frames++;
    for (unsigned i = first; i < end && check->broken == NULL; i++) {
        uint64_t raw = word_read(format, window, i);
        quire_va_t at = va + ((quire_va_t)i << format_shift(format, level));

        empty = empty && raw == 0;
        check->table_frame = frame.number;
        if (entry_is_table(format, level, raw)) {
            check_table_entry(check, level, at, raw);
            check_tree(check, entry_table(format, raw), level - 1, at, 0, format_entries(format, level - 1));
        } else if (raw != 0) {
            check_entry(check, level, at, raw);
        }
    }
    quire_port_window_close(window);
    /* Root entries that keep their tables whatever they hold are all that may lead to an empty one. */
    if (empty && level + 1 < format->levels)
        breaks_at(check, "paging: an empty table was not given back", va, frame.number);
}

/* From root entry `first` on, the tree is the kernel's. */
static void check_shared(check_t *check, unsigned first)
{
    const quire_table_t *table = check->table;
    const quire_format_t *format = format_of(table);

    if (!quire_paging_root_is_copy(table, table->root, table->kernel->root, first,
                                   format_entries(format, format->levels)))
        breaks(check, "paging: the shared half differs from the kernel's");
    if (table->user_root.number == 0)
        return;
    const char *rule = quire_paging_user_root_check(table);
    check->table_frames++;
    if (rule != NULL)
        breaks(check, rule);
}

quire_status_t quire_table_check(quire_table_t *table)
{
    const quire_format_t *format = format_of(table);
    unsigned levels = format->levels;
    unsigned end =
        table->kernel != NULL ? format_index(format, levels, table->shared_start) : format_entries(format, levels);
    check_t check = {.table = table};

    quire_port_lock(&table->lock);
    check_tree(&check, table->root, levels, 0, 0, end);
    if (table->kernel != NULL)
        check_shared(&check, end);
    if (check.mapped_pages != table->mapped_pages)
        breaks(&check, "paging: the count of mapped pages is wrong");
    if (check.table_frames != table->table_frames)
        breaks(&check, "paging: the count of tables is wrong");
    quire_port_unlock(&table->lock);
    if (check.broken == NULL)
        return QUIRE_OK;
    quire_paging_report(table, check.broken, check.va, quire_frame(check.frame));
    return QUIRE_CORRUPT;
}
