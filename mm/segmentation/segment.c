/* SPDX-License-Identifier: MIT */
/*
 * segment.c - segment descriptors: a description in, the CPU's bytes out, and back.
 *
 * Problem: a descriptor scatters base and limit over its eight bytes, measures the limit in bytes or pages, and means
 * different things by the same bit for code, data and system segments. A wrong one is found out when it is loaded, by a
 * fault that does not say why.
 *
 * Idea: refuse before encoding whatever the CPU would refuse, or what eight (in long mode sixteen) bytes cannot say.
 * The result of encoding is always present, and already marked as accessed, so that the CPU has no reason to write to
 * the table and the table may be read-only (SDM volume 3, 3.4.5.1).
 *
 * Layout (SDM volume 3, figure 3-8): limit 15:0 in bits 0-15, base 23:0 in 16-39, type 40-43, S 44, DPL 45-46, P 47,
 * limit 19:16 in 48-51, AVL 52, L 53, D/B 54, G 55, base 31:24 in 56-63. In long mode an LDT or TSS descriptor has
 * eight more bytes: base 63:32, then zeros (7.2.3).
 *
 * The effective limit is the last offset inside an expand-up segment, and the last one *outside* an expand-down one
 * (5.3). In both cases it is limit_bytes - 1.
 *
 * Invariant: decode(encode(x)) == x for all x that encode accepts.
 *
 * Rejected: bit-fields. Their order is the compiler's business, and the host's tests may run anywhere.
 */
#include <quire/segmentation.h>

#define TYPE_ACCESSED    1u
#define TYPE_WRITABLE    2u /* data */
#define TYPE_READABLE    2u /* code */
#define TYPE_EXPAND_DOWN 4u /* data */
#define TYPE_CONFORMING  4u /* code */
#define TYPE_CODE        8u
#define TYPE_LDT         2u /* system */
#define TYPE_TSS         9u /* system: available, 32 or 64 bits */
#define TYPE_TSS_NARROW  1u /* system: available, 16 bits */
#define TYPE_BUSY        2u /* TSS */

#define BIT_MEMORY   44 /* S: code or data */
#define BIT_PRESENT  47
#define BIT_LONG     53
#define BIT_WIDE     54
#define BIT_GRANULES 55

#define MIB                    ((uint64_t)1 << 20)
#define GIB_4                  ((uint64_t)1 << 32)
#define TSS_BYTES_LEAST        104 /* SDM 7.2.1 and 7.7: a limit below 67h is refused */
#define TSS_NARROW_BYTES_LEAST 44  /* SDM 7.6: below 2Bh */

static bool is_system(quire_segment_kind_t kind)
{
    return kind == QUIRE_SEGMENT_LDT || kind == QUIRE_SEGMENT_TSS;
}

/* 48-bit addresses: what every CPU in long mode accepts, with or without five levels. */
static bool is_canonical(uint64_t address)
{
    uint64_t upper = address >> 47;

    return upper == 0 || upper == 0x1ffff;
}

static const char *limit_refusal(const quire_segment_t *segment)
{
    uint64_t least = segment->narrow ? TSS_NARROW_BYTES_LEAST : TSS_BYTES_LEAST;

    if (segment->limit_bytes == 0)
        return "a segment of no bytes cannot be expressed: its limit would be -1";
    if (segment->limit_bytes > GIB_4)
        return "a segment is at most 4 GiB";
    if (segment->limit_bytes > MIB && (segment->limit_bytes & QUIRE_PAGE_MASK) != 0)
        return "above 1 MiB the limit counts 4 KiB units";
    if (segment->kind == QUIRE_SEGMENT_TSS && segment->limit_bytes < least)
        return "a TSS smaller than its fixed part is refused with #TS";
    return NULL;
}

/* A flag that the kind does not have must not be set: the caller means something that will not happen. */
static const char *flag_refusal(const quire_segment_t *segment)
{
    const char *foreign = "a flag is set that this kind of segment does not have";

    if ((segment->busy || segment->narrow) && segment->kind != QUIRE_SEGMENT_TSS)
        return foreign;
    switch (segment->kind) {
    case QUIRE_SEGMENT_DATA:
        return segment->readable || segment->conforming || segment->long_mode ? foreign : NULL;
    case QUIRE_SEGMENT_CODE:
        if (segment->long_mode && segment->wide)
            return "L and D together are reserved"; /* SDM 3.4.5 */
        return segment->writable || segment->expand_down ? foreign : NULL;
    case QUIRE_SEGMENT_LDT:
    case QUIRE_SEGMENT_TSS:
        if (segment->narrow && segment->long_mode)
            return "long mode has no 16-bit TSS";
        return segment->writable || segment->expand_down || segment->readable || segment->conforming || segment->wide
                   ? foreign
                   : NULL;
    }
    return "no such kind of segment";
}

static const char *base_refusal(const quire_segment_t *segment)
{
    if (is_system(segment->kind) && segment->long_mode)
        return is_canonical(segment->base) ? NULL : "the base is not canonical";
    if (segment->base >= GIB_4)
        return "the base has 32 bits";
    return segment->narrow && segment->base >> 24 != 0 ? "the base of a 16-bit TSS has 24 bits" : NULL;
}

const char *quire_segment_refusal(const quire_segment_t *segment)
{
    const char *refusal = flag_refusal(segment);

    if (segment->privilege > 3)
        return "privilege goes from 0 to 3";
    if (refusal == NULL)
        refusal = base_refusal(segment);
    return refusal != NULL ? refusal : limit_refusal(segment);
}

/* S and the four bits of type. */
static uint64_t type_bits(const quire_segment_t *segment)
{
    uint64_t type = TYPE_ACCESSED | (uint64_t)1 << (BIT_MEMORY - 40);

    switch (segment->kind) {
    case QUIRE_SEGMENT_DATA:
        return type | (segment->writable ? TYPE_WRITABLE : 0) | (segment->expand_down ? TYPE_EXPAND_DOWN : 0);
    case QUIRE_SEGMENT_CODE:
        return type | TYPE_CODE | (segment->readable ? TYPE_READABLE : 0) | (segment->conforming ? TYPE_CONFORMING : 0);
    case QUIRE_SEGMENT_LDT:
        return TYPE_LDT;
    case QUIRE_SEGMENT_TSS:
        return (segment->narrow ? TYPE_TSS_NARROW : TYPE_TSS) | (segment->busy ? TYPE_BUSY : 0);
    }
    return 0;
}

quire_status_t quire_segment_encode(const quire_segment_t *segment, uint64_t words[2], unsigned *count)
{
    bool granules = segment->limit_bytes > MIB;
    bool sixteen_bytes = is_system(segment->kind) && segment->long_mode;
    uint64_t limit;
    uint64_t word;

    if (quire_segment_refusal(segment) != NULL)
        return QUIRE_INVALID;
    limit = (segment->limit_bytes - 1) >> (granules ? QUIRE_PAGE_SHIFT : 0);
    word = limit & 0xffff;
    word |= (limit >> 16 & 0xf) << 48;
    word |= (segment->base & 0xffffff) << 16;
    word |= (segment->base >> 24 & 0xff) << 56;
    word |= type_bits(segment) << 40;
    word |= (uint64_t)segment->privilege << 45;
    word |= (uint64_t)1 << BIT_PRESENT;
    word |= (uint64_t)(segment->long_mode && !sixteen_bytes) << BIT_LONG;
    word |= (uint64_t)segment->wide << BIT_WIDE;
    word |= (uint64_t)granules << BIT_GRANULES;
    words[0] = word;
    if (sixteen_bytes)
        words[1] = segment->base >> 32;
    *count = sixteen_bytes ? 2 : 1;
    return QUIRE_OK;
}

static uint64_t decode_limit_bytes(uint64_t word)
{
    uint64_t limit = (word & 0xffff) | (word >> 48 & 0xf) << 16;

    return (word >> BIT_GRANULES & 1) ? (limit + 1) << QUIRE_PAGE_SHIFT : limit + 1;
}

static quire_status_t decode_system(const uint64_t words[2], bool long_mode, quire_segment_t *segment)
{
    uint64_t type = words[0] >> 40 & 0xf;
    uint64_t idle = type & ~(uint64_t)TYPE_BUSY;

    if (type == TYPE_LDT) {
        segment->kind = QUIRE_SEGMENT_LDT;
    } else if (idle == TYPE_TSS || (idle == TYPE_TSS_NARROW && !long_mode)) {
        segment->kind = QUIRE_SEGMENT_TSS;
        segment->busy = type != idle;
        segment->narrow = idle == TYPE_TSS_NARROW;
    } else {
        return QUIRE_UNSUPPORTED;
    }
    segment->long_mode = long_mode;
    if (long_mode)
        segment->base |= (words[1] & 0xffffffff) << 32;
    return QUIRE_OK;
}

static void decode_memory(uint64_t word, quire_segment_t *segment)
{
    uint64_t type = word >> 40 & 0xf;

    segment->wide = word >> BIT_WIDE & 1;
    if (type & TYPE_CODE) {
        segment->kind = QUIRE_SEGMENT_CODE;
        segment->readable = (type & TYPE_READABLE) != 0;
        segment->conforming = (type & TYPE_CONFORMING) != 0;
        segment->long_mode = word >> BIT_LONG & 1;
    } else {
        segment->kind = QUIRE_SEGMENT_DATA;
        segment->writable = (type & TYPE_WRITABLE) != 0;
        segment->expand_down = (type & TYPE_EXPAND_DOWN) != 0;
    }
}

quire_status_t quire_segment_decode(const uint64_t words[2], bool long_mode, quire_segment_t *segment)
{
    uint64_t word = words[0];
    quire_segment_t decoded = {
        .base = (word >> 16 & 0xffffff) | (word >> 56 & 0xff) << 24,
        .limit_bytes = decode_limit_bytes(word),
        .privilege = (uint8_t)(word >> 45 & 3),
    };

    if (!(word >> BIT_PRESENT & 1))
        return QUIRE_NOT_FOUND;
    if (word >> BIT_MEMORY & 1) {
        decode_memory(word, &decoded);
    } else {
        quire_status_t status = decode_system(words, long_mode, &decoded);

        if (status != QUIRE_OK)
            return status;
    }
    *segment = decoded;
    return QUIRE_OK;
}
