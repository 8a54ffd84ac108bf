/* SPDX-License-Identifier: MIT */
/*
 * preflight_tables.c - the modes that a format needs, and the bits that a processor reserves.
 *
 * The processor looks at a reserved bit only when it uses the entry, except in a PAE root, whose four entries are
 * loaded with CR3 and checked at once (SDM volume 3, 4.4.1). Here all tables are looked over. A tree that contains
 * itself is walked as often as the processor could; the depth bounds that, but one that contains itself in every entry
 * would take hours: after 131072 tables, which would map 256 GiB by the page, the rest is left out, and that is said.
 */
#include "preflight.h"

#define FOUND_MAX  8 /* one overwritten table would fill pages */
#define TABLES_MAX ((unsigned)1 << 17)

static void say(preflight_t *check, const char *sentence)
{
    preflight_begin(check, sentence);
    quire_text_add(&check->text, "\n");
}

bool quire_preflight_frame_is_free(const preflight_t *check, uint64_t pa)
{
    quire_frame_info_t info = {0};

    if (check->flight->pmm != NULL)
        info = quire_pmm_frame_info(check->flight->pmm, quire_frame_of_pa(quire_pa(pa)));
    return info.managed && !info.allocated;
}

static bool is_off(const preflight_t *check, unsigned which, uint64_t value, uint64_t bit)
{
    return mode_is_off(check->flight->known, which, value, bit);
}

static bool is_on(const preflight_t *check, unsigned which, uint64_t value, uint64_t bit)
{
    return (check->flight->known & which) != 0 && (value & bit) != 0;
}

/* SDM table 4-1: how CR4 and EFER choose the format. What is not known fits. */
void quire_preflight_modes(preflight_t *check)
{
    const quire_format_t *format = check->format;
    const quire_preflight_t *flight = check->flight;
    bool wide = format->entry_bytes == 8;

    if (format->va_bits == 32 && flight->cr3 >> 32 != 0)
        say(check, "CR3 has 32 bits, and the root lies above 4 GiB");
    else if ((flight->cr3 >> 52 & 0x7FF) != 0 || (flight->cr3 & format->address_mask) >> check->physical_bits != 0)
        say(check, "CR3 has reserved bits: loading it raises #GP");
    if (wide ? is_off(check, QUIRE_KNOWN_CR4, flight->cr4, CR4_PAE)
             : is_on(check, QUIRE_KNOWN_CR4, flight->cr4, CR4_PAE))
        say(check, "CR4.PAE does not fit the format of the tables");
    if (format->va_bits > 32 ? is_off(check, QUIRE_KNOWN_EFER, flight->efer, EFER_LME)
                             : is_on(check, QUIRE_KNOWN_EFER, flight->efer, EFER_LME))
        say(check, "EFER.LME does not fit the format of the tables");
    if (format->levels == 5 ? is_off(check, QUIRE_KNOWN_CR4, flight->cr4, CR4_LA57)
                            : is_on(check, QUIRE_KNOWN_CR4, flight->cr4, CR4_LA57))
        say(check, "CR4.LA57 does not fit the format of the tables");
    if (is_off(check, QUIRE_KNOWN_CR0, flight->cr0, CR0_PG))
        say(check, "CR0.PG is clear: no table is looked at, and every address is physical");
    if (is_off(check, QUIRE_KNOWN_CR0, flight->cr0, CR0_WP))
        quire_text_add(&check->text, "note: CR0.WP is clear: the kernel writes to read-only pages, shared ones too\n");
}

/* What is wrong with one present entry; NULL if nothing is. */
static const char *fault_of(const preflight_t *check, unsigned level, uint64_t raw)
{
    const quire_format_t *format = check->format;
    const quire_preflight_t *flight = check->flight;

    /* Emulators mark a PAE root entry as accessed; no processor does. */
    if (format->fixed_root && level == format->levels)
        raw &= ~X86_ACCESSED;
    if (quire_paging_reserved_bits(format, level, raw, check->physical_bits) != 0)
        return format->fixed_root && level == format->levels ? " has reserved bits: loading CR3 raises #GP"
                                                             : " has reserved bits";
    if (format->no_execute && (raw & X86_NO_EXECUTE) && is_off(check, QUIRE_KNOWN_EFER, flight->efer, EFER_NXE))
        return " has the NX bit, which is reserved until EFER.NXE is set";
    if (raw & physical_ignored(format, flight->known, flight->cr4, level))
        return " is a large page, which means a table until CR4.PSE is set";
    return NULL;
}

/* Most of a tree is empty: eight bytes at a time. Stops short of the first entry that is not zero, or of the end. */
static unsigned skip_zeros(const unsigned char *words, unsigned index, unsigned entries, unsigned entry_bytes)
{
    unsigned offset = index * entry_bytes;
    uint64_t eight = 0;

    for (; offset + sizeof(eight) <= entries * entry_bytes; offset += sizeof(eight)) {
        __builtin_memcpy(&eight, words + offset, sizeof(eight)); /* not a call */
        if (eight != 0)
            break;
    }
    return offset / entry_bytes;
}

static uint64_t word_at(const quire_format_t *format, const unsigned char *words, unsigned index)
{
    return format->entry_bytes == 4 ? ((const uint32_t *)(const void *)words)[index]
                                    : ((const uint64_t *)(const void *)words)[index];
}

/* The first entry from *index on, below `entries`, that is not all zeros; *index is where it stands, or `entries`. */
static bool next_entry(const preflight_t *check, uint64_t table, unsigned entries, unsigned *index, uint64_t *raw)
{
    const unsigned char *frame = quire_physical_open(&check->physical, table);
    const unsigned char *words;

    if (frame == NULL)
        return false;
    words = frame + (table & QUIRE_PAGE_MASK);
    *index = skip_zeros(words, *index, entries, check->format->entry_bytes);
    while (*index < entries && word_at(check->format, words, *index) == 0)
        ++*index;
    *raw = *index < entries ? word_at(check->format, words, *index) : 0;
    quire_physical_close(&check->physical, frame);
    return true;
}

static void check_entry(preflight_t *check, uint64_t table, unsigned level, unsigned index, const char *why)
{
    preflight_begin(check, "level ");
    quire_text_decimal(&check->text, level);
    quire_text_add(&check->text, ", entry ");
    quire_text_decimal(&check->text, index);
    quire_text_add(&check->text, " of the table at ");
    quire_text_hex(&check->text, table);
    quire_text_add(&check->text, why);
    quire_text_add(&check->text, "\n");
}

static void say_table(preflight_t *check, uint64_t table, unsigned level, const char *why)
{
    preflight_begin(check, "the table of level ");
    quire_text_decimal(&check->text, level);
    quire_text_add(&check->text, " at ");
    quire_text_hex(&check->text, table);
    quire_text_add(&check->text, why);
}

static void check_tree(preflight_t *check, uint64_t table, unsigned level)
{
    const quire_format_t *format = check->format;
    unsigned entries = format_entries(format, level);

    check->tables++;
    for (unsigned index = 0; index < entries && check->found < FOUND_MAX && check->tables < TABLES_MAX; index++) {
        const char *why = NULL;
        uint64_t raw = 0;

        if (index == 0 && quire_preflight_frame_is_free(check, table))
            say_table(check, table, level, " lies in a frame that the PMM calls free: it would be overwritten\n");
        if (!next_entry(check, table, entries, &index, &raw)) {
            say_table(check, table, level, " is not RAM\n");
            return;
        }
        if (entry_present(raw))
            why = fault_of(check, level, raw);
        if (why != NULL)
            check_entry(check, table, level, index, why);
        else if (raw != 0 && entry_is_table(format, level, raw))
            check_tree(check, raw & format->address_mask, level - 1);
    }
}

void quire_preflight_tables(preflight_t *check)
{
    check_tree(check, physical_root(check->format, check->flight->cr3), check->format->levels);
    if (check->tables >= TABLES_MAX)
        quire_text_add(&check->text, "note: more than 131072 tables: the rest of them was not looked at\n");
}
