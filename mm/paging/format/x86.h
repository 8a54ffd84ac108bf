/* SPDX-License-Identifier: MIT */
/*
 * x86.h - the four x86 formats as words: encode and decode. Included by format.h only.
 *
 * Problem. Four formats that differ in width, depth and a few bits, and one set of meanings (quire_page_t).
 *
 * Present entries are the processor's (Intel SDM volume 3, 4.3 to 4.5). Three bits are ours, 9 to 11:
 *
 *     bit  9  COPY    the frame is shared until it is written: never hardware-writable
 *     bit 10  with COPY: writable by right, so that the first write copies; without it: FOREIGN, not the PMM's frame
 *     bit 11  EXEC by right, where there is no NX bit to say so
 *
 * Foreign and copy-on-write therefore exclude each other: the 32-bit entry has no fourth bit to tell them apart. In an
 * entry that names a table bit 9 says PINNED.
 *
 * Not-present entries are all ours but for bit 0. The low twelve bits are the same in every format:
 *
 *     bits 1-3   kind, as promise_code() numbers it; 0 only in an entry that is all zeros
 *     bits 4-7   protection: read, write, execute, user
 *     bits 8-11  copy-on-write, foreign, dirty, uncached
 *     bits 12-   payload: 20 bits in a 32-bit entry, 40 in a 64-bit one
 *     bits 59-62 protection key, where a present entry has it too: with four and five levels
 *
 * A hidden page has no protection but user, so its bits 4-6 hold write-through, global and PAT instead: a page that is
 * hidden and shown again has lost nothing but its accessed bit.
 *
 * In 64-bit entries the payload is stored inverted. A processor with the L1 terminal fault reads, speculatively, the
 * cache lines that a not-present entry's address bits name; inverted, a payload below half the physical address space
 * names no RAM. An empty entry names frame 0, which holds nothing (Intel's L1TF guidance; the PMM never hands out
 * frame 0). 32-bit entries have no bits above RAM to hide in: there is no such cure for them.
 *
 * The protection key is a user's page's (SDM volume 3, 4.6.2). In a supervisor's page the same bits are for PKS, which
 * is not used: they stay 0, and a page that loses USER loses its key.
 *
 * Rejected: a kind that looks like the processor's swap format of another kernel (nobody else reads our entries), and
 * a table of functions per format (an indirect call in the fault path, for four formats that share their code).
 */
#ifndef QUIRE_PAGING_X86_H
#define QUIRE_PAGING_X86_H

#define X86_PRESENT       ((uint64_t)1 << 0)
#define X86_WRITE         ((uint64_t)1 << 1)
#define X86_USER          ((uint64_t)1 << 2)
#define X86_WRITE_THROUGH ((uint64_t)1 << 3)
#define X86_UNCACHED      ((uint64_t)1 << 4)
#define X86_ACCESSED      ((uint64_t)1 << 5)
#define X86_DIRTY         ((uint64_t)1 << 6)
#define X86_PAT_SMALL     ((uint64_t)1 << 7) /* level 1 */
#define X86_LARGE         ((uint64_t)1 << 7) /* above level 1: PS */
#define X86_GLOBAL        ((uint64_t)1 << 8)
#define X86_COPY          ((uint64_t)1 << 9)
#define X86_PINNED        ((uint64_t)1 << 9) /* in an entry that names a table */
#define X86_RIGHT         ((uint64_t)1 << 10)
#define X86_FOREIGN       ((uint64_t)1 << 10)
#define X86_EXEC          ((uint64_t)1 << 11)
#define X86_PAT_LARGE     ((uint64_t)1 << 12)
#define X86_NO_EXECUTE    ((uint64_t)1 << 63)

#define X86_KEY_SHIFT 59
#define X86_KEY_MASK  ((uint64_t)(QUIRE_KEYS - 1) << X86_KEY_SHIFT)

#define X86_PROMISE_CODE(raw)     ((unsigned)((raw) >> 1) & 7)
#define X86_PROMISE_PROT_SHIFT    4
#define X86_PROMISE_WRITE_THROUGH ((uint64_t)1 << 4) /* these three in hidden pages only */
#define X86_PROMISE_GLOBAL        ((uint64_t)1 << 5)
#define X86_PROMISE_PAT           ((uint64_t)1 << 6)
#define X86_PROMISE_USER          ((uint64_t)1 << 7)
#define X86_PROMISE_COPY          ((uint64_t)1 << 8)
#define X86_PROMISE_FOREIGN       ((uint64_t)1 << 9)
#define X86_PROMISE_DIRTY         ((uint64_t)1 << 10)
#define X86_PROMISE_UNCACHED      ((uint64_t)1 << 11)

#define FORMAT_x86_32                                                                                                  \
    {                                                                                                                  \
        .name = "x86 32-bit", .address_mask = 0xFFFFF000u, .promise_invert = 0, .levels = 2, .entry_bytes = 4,         \
        .index_bits = 10, .root_index_bits = 10, .va_bits = 32, .page_levels = 1 << 1 | 1 << 2,                        \
        .root_zone = QUIRE_ZONE_BELOW_4G, .no_execute = false, .fixed_root = false, .keys = false                      \
    }

/* The four root entries of PAE are loaded with CR3 and cannot be changed under a running tree (SDM 4.4.1): they are
   made tables at creation and stay. That costs a process at most two frames it might not have needed, and spares
   reloading CR3 on every CPU for what is otherwise the one change that needs no flush: not-present to present. */
#define FORMAT_x86_pae                                                                                                 \
    {                                                                                                                  \
        .name = "x86 PAE", .address_mask = 0x000FFFFFFFFFF000u, .promise_invert = 0x000FFFFFFFFFF000u, .levels = 3,    \
        .entry_bytes = 8, .index_bits = 9, .root_index_bits = 2, .va_bits = 32, .page_levels = 1 << 1 | 1 << 2,        \
        .root_zone = QUIRE_ZONE_BELOW_4G, .no_execute = true, .fixed_root = true, .keys = false                        \
    }

#define FORMAT_x86_4level                                                                                              \
    {                                                                                                                  \
        .name = "x86 4-level", .address_mask = 0x000FFFFFFFFFF000u, .promise_invert = 0x000FFFFFFFFFF000u,             \
        .levels = 4, .entry_bytes = 8, .index_bits = 9, .root_index_bits = 9, .va_bits = 48,                           \
        .page_levels = 1 << 1 | 1 << 2 | 1 << 3, .root_zone = QUIRE_ZONE_ANY, .no_execute = true, .fixed_root = false, \
        .keys = true                                                                                                   \
    }

#define FORMAT_x86_5level                                                                                              \
    {                                                                                                                  \
        .name = "x86 5-level", .address_mask = 0x000FFFFFFFFFF000u, .promise_invert = 0x000FFFFFFFFFF000u,             \
        .levels = 5, .entry_bytes = 8, .index_bits = 9, .root_index_bits = 9, .va_bits = 57,                           \
        .page_levels = 1 << 1 | 1 << 2 | 1 << 3, .root_zone = QUIRE_ZONE_ANY, .no_execute = true, .fixed_root = false, \
        .keys = true                                                                                                   \
    }

static inline bool entry_present(uint64_t raw)
{
    return (raw & X86_PRESENT) != 0;
}

static inline bool entry_is_table(const quire_format_t *format, unsigned level, uint64_t raw)
{
    return level > 1 && entry_present(raw) && !((raw & X86_LARGE) && format_page_at(format, level));
}

/* The table that such an entry names. */
static inline quire_frame_t entry_table(const quire_format_t *format, uint64_t raw)
{
    return quire_frame_of_pa(quire_pa(raw & format->address_mask));
}

/* The numbers that stand in entries; 7 is not used. */
static inline unsigned promise_code(quire_page_kind_t kind)
{
    switch (kind) {
    case QUIRE_PAGE_EMPTY:
    case QUIRE_PAGE_TABLE:
    case QUIRE_PAGE_MAPPED:
        return 0;
    case QUIRE_PAGE_RESERVED:
        return 1;
    case QUIRE_PAGE_GUARD:
        return 2;
    case QUIRE_PAGE_HIDDEN:
        return 3;
    case QUIRE_PAGE_OBJECT:
        return 4;
    case QUIRE_PAGE_SWAPPED:
        return 5;
    case QUIRE_PAGE_BUSY:
        return 6;
    }
    return 0;
}

/* What the entry says, without the rest. A word that nobody wrote is a guard: an access to it is an error. */
static inline quire_page_kind_t entry_kind(const quire_format_t *format, unsigned level, uint64_t raw)
{
    static const uint8_t kinds[8] = {QUIRE_PAGE_GUARD,  QUIRE_PAGE_RESERVED, QUIRE_PAGE_GUARD, QUIRE_PAGE_HIDDEN,
                                     QUIRE_PAGE_OBJECT, QUIRE_PAGE_SWAPPED,  QUIRE_PAGE_BUSY,  QUIRE_PAGE_GUARD};

    if (entry_is_table(format, level, raw))
        return QUIRE_PAGE_TABLE;
    if (entry_present(raw))
        return QUIRE_PAGE_MAPPED;
    return raw == 0 ? QUIRE_PAGE_EMPTY : (quire_page_kind_t)kinds[X86_PROMISE_CODE(raw)];
}

static inline bool promise_is_hidden(uint64_t raw)
{
    return X86_PROMISE_CODE(raw) == promise_code(QUIRE_PAGE_HIDDEN);
}

/* Whether the frame of a mapped or hidden page is the PMM's. */
static inline bool page_is_owned(uint64_t raw)
{
    return entry_present(raw) ? (raw & (X86_COPY | X86_FOREIGN)) != X86_FOREIGN : !(raw & X86_PROMISE_FOREIGN);
}

/* The frame of a mapped or hidden page. Large entries keep other things in the low bits of the address; the large
   32-bit entry keeps address bits 39-32 there (PSE-36, SDM 4.3), which we never write but can read. */
static inline uint64_t entry_frame(const quire_format_t *format, unsigned level, uint64_t raw)
{
    uint64_t address = (entry_present(raw) ? raw : raw ^ format->promise_invert) & format->address_mask;
    uint64_t frame = (address >> QUIRE_PAGE_SHIFT) & ~(format_pages(format, level) - 1);

    if (entry_present(raw) && level > 1 && format->entry_bytes == 4)
        frame |= (raw >> 13 & 0xFF) << 20;
    return frame;
}

static inline unsigned flag_if(uint64_t raw, uint64_t bit, unsigned flag)
{
    return raw & bit ? flag : 0;
}

static inline uint64_t bit_if(unsigned set, unsigned flag, uint64_t bit)
{
    return set & flag ? bit : 0;
}

static inline uint8_t entry_key(const quire_format_t *format, uint64_t raw)
{
    return format->keys ? (uint8_t)((raw & X86_KEY_MASK) >> X86_KEY_SHIFT) : 0;
}

static inline uint64_t key_bits(const quire_format_t *format, const quire_page_t *page)
{
    return format->keys ? (uint64_t)page->key << X86_KEY_SHIFT : 0;
}

/* Pairs that stand side by side in the page and in the word: moved together. */
#define X86_MMU_SHIFT   2 /* accessed and dirty; up from the page to the word */
#define X86_CACHE_SHIFT 2 /* write-through and uncached; down */
#define X86_OWN_SHIFT   8 /* copy-on-write and foreign in a promise; up */
_Static_assert(QUIRE_PAGE_ACCESSED << X86_MMU_SHIFT == X86_ACCESSED && QUIRE_PAGE_DIRTY << X86_MMU_SHIFT == X86_DIRTY &&
                   QUIRE_PAGE_WRITE_THROUGH >> X86_CACHE_SHIFT == X86_WRITE_THROUGH &&
                   QUIRE_PAGE_UNCACHED >> X86_CACHE_SHIFT == X86_UNCACHED &&
                   QUIRE_PAGE_COPY_ON_WRITE << X86_OWN_SHIFT == X86_PROMISE_COPY &&
                   QUIRE_PAGE_FOREIGN << X86_OWN_SHIFT == X86_PROMISE_FOREIGN,
               "the pairs stand alike");

static inline unsigned decode_mmu(uint64_t raw)
{
    return (unsigned)(raw & (X86_ACCESSED | X86_DIRTY)) >> X86_MMU_SHIFT;
}

static inline unsigned decode_cache(uint64_t raw)
{
    return (unsigned)(raw & (X86_WRITE_THROUGH | X86_UNCACHED)) << X86_CACHE_SHIFT;
}

static inline uint64_t encode_mmu(unsigned flags)
{
    return (flags & (QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY)) << X86_MMU_SHIFT;
}

static inline uint64_t encode_cache(unsigned flags)
{
    return (flags & (QUIRE_PAGE_WRITE_THROUGH | QUIRE_PAGE_UNCACHED)) >> X86_CACHE_SHIFT;
}

static inline quire_page_t decode_present(const quire_format_t *format, unsigned level, uint64_t raw, bool is_table)
{
    quire_page_t page = {.kind = is_table ? QUIRE_PAGE_TABLE : QUIRE_PAGE_MAPPED};
    unsigned prot =
        QUIRE_PROT_READ | flag_if(raw, X86_WRITE, QUIRE_PROT_WRITE) | flag_if(raw, X86_USER, QUIRE_PROT_USER);
    unsigned flags = decode_cache(raw) | decode_mmu(is_table ? raw & X86_ACCESSED : raw);

    if (format->no_execute ? !(raw & X86_NO_EXECUTE) : is_table || (raw & X86_EXEC))
        prot |= QUIRE_PROT_EXEC;
    if (is_table) {
        page.payload = (raw & format->address_mask) >> QUIRE_PAGE_SHIFT;
        /* PAE's root entries have no bits for rights: they take none away (SDM table 4-8). */
        if (format->fixed_root && level == format->levels)
            prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER;
    } else {
        page.payload = entry_frame(format, level, raw);
        page.key = entry_key(format, raw);
        flags |= flag_if(raw, X86_GLOBAL, QUIRE_PAGE_GLOBAL) |
                 flag_if(raw, level == 1 ? X86_PAT_SMALL : X86_PAT_LARGE, QUIRE_PAGE_PAT);
        if (raw & X86_COPY) {
            flags |= QUIRE_PAGE_COPY_ON_WRITE;
            prot |= flag_if(raw, X86_RIGHT, QUIRE_PROT_WRITE);
        } else {
            flags |= flag_if(raw, X86_FOREIGN, QUIRE_PAGE_FOREIGN);
        }
    }
    page.prot = (uint8_t)prot;
    page.flags = (uint16_t)flags;
    return page;
}

static inline quire_page_t decode_promise(const quire_format_t *format, unsigned level, uint64_t raw)
{
    quire_page_t page = {.kind = entry_kind(format, level, raw)};
    unsigned flags = (unsigned)(raw & (X86_PROMISE_COPY | X86_PROMISE_FOREIGN)) >> X86_OWN_SHIFT |
                     flag_if(raw, X86_PROMISE_DIRTY, QUIRE_PAGE_DIRTY) |
                     flag_if(raw, X86_PROMISE_UNCACHED, QUIRE_PAGE_UNCACHED);

    if (page.kind == QUIRE_PAGE_EMPTY)
        return page;
    page.key = entry_key(format, raw);
    if (page.kind == QUIRE_PAGE_HIDDEN) {
        page.payload = entry_frame(format, level, raw);
        page.prot = (uint8_t)flag_if(raw, X86_PROMISE_USER, QUIRE_PROT_USER);
        flags |= flag_if(raw, X86_PROMISE_WRITE_THROUGH, QUIRE_PAGE_WRITE_THROUGH) |
                 flag_if(raw, X86_PROMISE_GLOBAL, QUIRE_PAGE_GLOBAL) | flag_if(raw, X86_PROMISE_PAT, QUIRE_PAGE_PAT);
    } else {
        page.payload = ((raw ^ format->promise_invert) & format->address_mask) >> QUIRE_PAGE_SHIFT;
        page.prot = (uint8_t)(raw >> X86_PROMISE_PROT_SHIFT & 0xF);
    }
    page.flags = (uint16_t)flags;
    return page;
}

static inline quire_page_t entry_decode(const quire_format_t *format, unsigned level, uint64_t raw)
{
    if (entry_present(raw))
        return decode_present(format, level, raw, entry_is_table(format, level, raw));
    return decode_promise(format, level, raw);
}

static inline uint64_t encode_mapped(const quire_format_t *format, unsigned level, const quire_page_t *page)
{
    unsigned prot = page->prot;
    unsigned flags = page->flags;
    uint64_t raw = page->payload << QUIRE_PAGE_SHIFT | key_bits(format, page) | X86_PRESENT |
                   bit_if(prot, QUIRE_PROT_USER, X86_USER) | encode_mmu(flags) | encode_cache(flags) |
                   bit_if(flags, QUIRE_PAGE_GLOBAL, X86_GLOBAL);

    if (level == 1)
        raw |= bit_if(flags, QUIRE_PAGE_PAT, X86_PAT_SMALL);
    else
        raw |= X86_LARGE | bit_if(flags, QUIRE_PAGE_PAT, X86_PAT_LARGE);
    if (flags & QUIRE_PAGE_COPY_ON_WRITE)
        raw |= X86_COPY | bit_if(prot, QUIRE_PROT_WRITE, X86_RIGHT);
    else
        raw |= bit_if(prot, QUIRE_PROT_WRITE, X86_WRITE) | bit_if(flags, QUIRE_PAGE_FOREIGN, X86_FOREIGN);
    if (format->no_execute)
        return prot & QUIRE_PROT_EXEC ? raw : raw | X86_NO_EXECUTE;
    return raw | bit_if(prot, QUIRE_PROT_EXEC, X86_EXEC);
}

static inline uint64_t encode_promise(const quire_format_t *format, const quire_page_t *page)
{
    unsigned flags = page->flags;
    uint64_t raw = (uint64_t)promise_code(page->kind) << 1 | key_bits(format, page) |
                   ((page->payload << QUIRE_PAGE_SHIFT & format->address_mask) ^ format->promise_invert) |
                   (uint64_t)(flags & (QUIRE_PAGE_COPY_ON_WRITE | QUIRE_PAGE_FOREIGN)) << X86_OWN_SHIFT |
                   bit_if(flags, QUIRE_PAGE_DIRTY, X86_PROMISE_DIRTY) |
                   bit_if(flags, QUIRE_PAGE_UNCACHED, X86_PROMISE_UNCACHED);

    if (page->kind == QUIRE_PAGE_HIDDEN)
        return raw | bit_if(page->prot, QUIRE_PROT_USER, X86_PROMISE_USER) |
               bit_if(flags, QUIRE_PAGE_WRITE_THROUGH, X86_PROMISE_WRITE_THROUGH) |
               bit_if(flags, QUIRE_PAGE_GLOBAL, X86_PROMISE_GLOBAL) | bit_if(flags, QUIRE_PAGE_PAT, X86_PROMISE_PAT);
    return raw | (uint64_t)(page->prot & 0xF) << X86_PROMISE_PROT_SHIFT;
}

/* Anything but a table. The caller has asked entry_encodable(). */
static inline uint64_t entry_encode(const quire_format_t *format, unsigned level, const quire_page_t *page)
{
    if (page->kind == QUIRE_PAGE_MAPPED)
        return encode_mapped(format, level, page);
    return page->kind == QUIRE_PAGE_EMPTY ? 0 : encode_promise(format, page);
}

/* An entry that names a table allows everything that the entries below it may allow: they alone decide. Only the
   kernel's half is closed to ring 3 as a whole. A PAE root entry may hold neither of these bits (SDM 4.4.1). */
static inline uint64_t entry_encode_table(const quire_format_t *format, unsigned level, quire_frame_t frame, bool user)
{
    uint64_t raw = quire_pa_of_frame(frame).value | X86_PRESENT;

    if (format->fixed_root && level == format->levels)
        return raw;
    return raw | X86_WRITE | (user ? X86_USER : 0);
}

static inline bool key_encodable(const quire_format_t *format, unsigned key, unsigned prot)
{
    return key == 0 || (key < QUIRE_KEYS && format->keys && (prot & QUIRE_PROT_USER));
}

/* Whether an entry of this level can say all that the page says. */
static inline bool entry_encodable(const quire_format_t *format, unsigned level, const quire_page_t *page)
{
    bool has_frame = page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN;

    if (page->kind == QUIRE_PAGE_TABLE || (format->fixed_root && level == format->levels))
        return false;
    if (page->payload > format->address_mask >> QUIRE_PAGE_SHIFT || (has_frame && page->payload > SIZE_MAX))
        return false;
    if (has_frame && (!format_page_at(format, level) || (page->payload & (format_pages(format, level) - 1))))
        return false;
    if (page->kind == QUIRE_PAGE_MAPPED && !(page->prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)))
        return false;
    if (!key_encodable(format, page->key, page->prot))
        return false;
    return !((page->flags & QUIRE_PAGE_FOREIGN) && (page->flags & QUIRE_PAGE_COPY_ON_WRITE));
}

/* The bits of a present entry that this format reserves and that are set: the processor faults on them (SDM 4.7,
   RSVD). `physical_bits` is the processor's MAXPHYADDR, at most 52. */
uint64_t quire_paging_reserved_bits(const quire_format_t *format, unsigned level, uint64_t raw, unsigned physical_bits);

#endif
