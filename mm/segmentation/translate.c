/* SPDX-License-Identifier: MIT */
/*
 * translate.c - selector and offset to linear address, as the CPU does it in protected mode.
 *
 * Problem: a segment fault names a selector or nothing at all, and never the rule that was broken. Idea: apply the
 * CPU's rules in the CPU's order, in software, and name the rule. Loading a segment register and using it are two
 * steps, as on the CPU: privilege is settled when the selector is loaded, type and limit with each access.
 *
 * Sources: SDM volume 3, 5.3 (limits), 5.4 (types), 5.5 to 5.7 (privilege), 5.8.1 (code); volume 2, MOV (the order of
 * checks and which of #GP, #SS and #NP each raises).
 *
 * Rejected: one function from selector and offset to address. A register keeps what was loaded even when the table
 * changes; tests, and processes whose segments are moved, need to see that.
 */
#include <quire/segmentation.h>

enum { VECTOR_NOT_PRESENT = 11, VECTOR_STACK = 12, VECTOR_PROTECTION = 13 };

#define DESCRIPTOR_BYTES 8

static quire_status_t refuse(quire_segment_fault_t *fault, unsigned vector, unsigned error_code, const char *reason)
{
    *fault = (quire_segment_fault_t){(uint8_t)vector, (uint16_t)error_code, reason};
    return QUIRE_DENIED;
}

/* The error code of a fault on loading names the selector without its RPL. */
static unsigned selector_code(uint16_t selector)
{
    return selector & ~QUIRE_SELECTOR_RPL;
}

static const uint64_t *find_descriptor(const quire_segment_tables_t *tables, uint16_t selector)
{
    bool local = selector & QUIRE_SELECTOR_LOCAL;
    const uint64_t *table = local ? tables->local : tables->global;
    size_t table_bytes = local ? tables->local_bytes : tables->global_bytes;
    size_t index = selector >> 3;

    if (table == NULL || (index + 1) * DESCRIPTOR_BYTES > table_bytes)
        return NULL;
    return &table[index];
}

static const char *code_refusal(const quire_segment_t *segment, unsigned requested, unsigned current)
{
    if (segment->kind != QUIRE_SEGMENT_CODE)
        return "CS takes code segments only";
    if (segment->conforming)
        return segment->privilege <= current ? NULL : "a conforming segment is entered from the same or an outer ring";
    if (segment->privilege != current)
        return "another ring's code is entered through a gate only";
    return requested <= current ? NULL : "the selector asks for less privilege than the code runs with";
}

static const char *stack_refusal(const quire_segment_t *segment, unsigned requested, unsigned current)
{
    if (segment->kind != QUIRE_SEGMENT_DATA || !segment->writable)
        return "SS takes writable data segments only";
    if (segment->privilege != current || requested != current)
        return "the stack's privilege is the code's own";
    return NULL;
}

static const char *data_refusal(const quire_segment_t *segment, unsigned requested, unsigned current)
{
    bool code = segment->kind == QUIRE_SEGMENT_CODE;

    if (segment->kind != QUIRE_SEGMENT_DATA && !(code && segment->readable))
        return "a data register takes data and readable code only";
    if (code && segment->conforming)
        return NULL;
    return segment->privilege >= current && segment->privilege >= requested
               ? NULL
               : "the segment belongs to a more privileged ring";
}

static const char *load_refusal(const quire_segment_t *segment, quire_segment_register_t use, unsigned requested,
                                unsigned current)
{
    switch (use) {
    case QUIRE_REGISTER_CODE:
        return code_refusal(segment, requested, current);
    case QUIRE_REGISTER_DATA:
        return data_refusal(segment, requested, current);
    case QUIRE_REGISTER_STACK:
        return stack_refusal(segment, requested, current);
    }
    return "no such register";
}

quire_status_t quire_segment_load(const quire_segment_tables_t *tables, uint16_t selector, quire_segment_register_t use,
                                  unsigned current, quire_segment_t *segment, quire_segment_fault_t *fault)
{
    unsigned requested = selector & QUIRE_SELECTOR_RPL;
    unsigned code = selector_code(selector);
    const uint64_t *descriptor;
    quire_segment_t loaded;
    const char *reason;
    uint64_t present;

    if (selector < 4 && use == QUIRE_REGISTER_DATA) {
        *segment = (quire_segment_t){.kind = QUIRE_SEGMENT_DATA};
        return QUIRE_OK;
    }
    if (selector < 4)
        return refuse(fault, VECTOR_PROTECTION, 0, "the null selector");
    descriptor = find_descriptor(tables, selector);
    if (descriptor == NULL)
        return refuse(fault, VECTOR_PROTECTION, code, "the selector lies beyond its table");
    /* The present bit is looked at last: what is wrong with the type is said even of an absent segment. */
    present = (uint64_t)1 << 47;
    if (quire_segment_decode((const uint64_t[2]){*descriptor | present, 0}, false, &loaded) != QUIRE_OK)
        return refuse(fault, VECTOR_PROTECTION, code, "the descriptor is not a segment's");
    reason = load_refusal(&loaded, use, requested, current);
    if (reason != NULL)
        return refuse(fault, VECTOR_PROTECTION, code, reason);
    if ((*descriptor & present) == 0)
        return refuse(fault, use == QUIRE_REGISTER_STACK ? VECTOR_STACK : VECTOR_NOT_PRESENT, code,
                      "the segment is not present");
    *segment = loaded;
    return QUIRE_OK;
}

static const char *type_refusal(const quire_segment_t *segment, unsigned access)
{
    if (segment->limit_bytes == 0)
        return "the register holds the null selector";
    switch ((enum quire_segment_access)access) {
    case QUIRE_SEGMENT_READ:
        return segment->kind == QUIRE_SEGMENT_CODE && !segment->readable ? "the code may be executed, not read" : NULL;
    case QUIRE_SEGMENT_WRITE:
        return segment->kind == QUIRE_SEGMENT_DATA && segment->writable ? NULL : "the segment is read-only";
    case QUIRE_SEGMENT_EXECUTE:
        return segment->kind == QUIRE_SEGMENT_CODE ? NULL : "the segment holds data";
    }
    return "no such access";
}

/* An expand-down segment holds the offsets *above* its limit, up to 64 KiB or 4 GiB by its B flag. */
static bool within_limit(const quire_segment_t *segment, uint32_t offset, uint32_t bytes)
{
    uint64_t end = (uint64_t)offset + bytes;

    if (segment->kind == QUIRE_SEGMENT_DATA && segment->expand_down)
        return offset >= segment->limit_bytes && end <= (segment->wide ? (uint64_t)1 << 32 : (uint64_t)1 << 16);
    return end <= segment->limit_bytes;
}

quire_status_t quire_segment_translate(const quire_segment_t *segment, quire_segment_register_t use, uint32_t offset,
                                       uint32_t bytes, unsigned access, uint32_t *linear, quire_segment_fault_t *fault)
{
    unsigned vector = use == QUIRE_REGISTER_STACK ? VECTOR_STACK : VECTOR_PROTECTION;
    const char *reason = type_refusal(segment, access);

    if (reason != NULL)
        return refuse(fault, VECTOR_PROTECTION, 0, reason);
    if (!within_limit(segment, offset, bytes))
        return refuse(fault, vector, 0, "the offset lies beyond the segment's limit");
    *linear = (uint32_t)segment->base + offset;
    return QUIRE_OK;
}
