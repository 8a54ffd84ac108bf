/* SPDX-License-Identifier: MIT */
/*
 * preflight.c - what would go wrong if a tree were loaded, before it is.
 *
 * Problem. A mistake in the first page tables has one symptom, a reset: the instruction after the load is not mapped,
 * the page fault finds no handler, the double fault finds none either (SDM volume 3, 6.15: triple fault). Nothing is
 * left to say why.
 *
 * Idea. Do beforehand what the processor will do: read the tables as physical memory, from the value for CR3 on, and
 * translate what it will need at once: the next instruction, the stack, the descriptor tables, the task's stacks, and
 * the handlers of the faults. Then look over all tables for bits that this processor reserves.
 *
 * Nothing here looks at quire_table_t: any tree of a known format can be asked about, whoever made it.
 *
 * Rejected: loading the tree and catching the fault (there is nothing to catch it with).
 */
#include "preflight.h"

#define STACK_NEEDED_BYTES 256 /* for the frames of a fault, and of a fault in its handler */

static const char free_frame[] = " lies in a frame that the PMM calls free: keep it out of the memory map\n";
static const char read_failed[] = ": one of its tables is not RAM\n";

static regime_t regime_of(const preflight_t *check)
{
    return (regime_t){.physical = check->physical,
                      .format = check->format,
                      .cr3 = check->flight->cr3,
                      .cr4 = check->flight->cr4,
                      .known = check->flight->known};
}

/* False: a table was not RAM. */
static bool translate(const preflight_t *check, quire_va_t va, translation_t *result)
{
    const regime_t regime = regime_of(check);

    return quire_physical_translate(&regime, va, result);
}

static void report(preflight_t *check, const char *what, quire_va_t va, const char *why)
{
    preflight_begin(check, what);
    quire_text_add(&check->text, " at ");
    quire_text_hex(&check->text, va);
    quire_text_add(&check->text, why);
}

/* One page that the processor will use, in ring 0, with some rights. */
static void check_page(preflight_t *check, const char *what, quire_va_t va, unsigned rights, uint64_t users_forbidden)
{
    translation_t found;

    if (!format_canonical(check->format, va)) {
        report(check, what, va, " is no address: not canonical\n");
        return;
    }
    if (!translate(check, va, &found)) {
        report(check, what, va, read_failed);
        return;
    }
    if (!found.present) {
        report(check, what, va, " is not mapped: the entry of level ");
        quire_text_decimal(&check->text, found.level);
        quire_text_add(&check->text, found.raw == 0 ? " is empty\n" : " is not present\n");
        return;
    }
    if ((rights & QUIRE_PROT_WRITE) && !(found.rights & QUIRE_PROT_WRITE) &&
        physical_write_protects(check->flight->known, check->flight->cr0))
        report(check, what, va, " is mapped read-only\n");
    if ((rights & QUIRE_PROT_EXEC) && !(found.rights & QUIRE_PROT_EXEC))
        report(check, what, va, " is mapped, but not executable\n");
    if (quire_preflight_frame_is_free(check, found.pa))
        report(check, what, va, free_frame);
    if ((check->flight->known & QUIRE_KNOWN_CR4) && (check->flight->cr4 & users_forbidden) &&
        (found.rights & QUIRE_PROT_USER))
        report(check, what, va, " is a page of ring 3, which SMEP and SMAP keep the kernel from\n");
}

static void check_bytes(preflight_t *check, const char *what, quire_va_t va, uint32_t last, unsigned rights)
{
    unsigned found = check->found;

    for (quire_va_t page = quire_page_down(va); page - quire_page_down(va) <= (va & QUIRE_PAGE_MASK) + last;
         page += QUIRE_PAGE_BYTES) {
        check_page(check, what, page < va ? va : page, rights, CR4_SMAP);
        if (check->found != found)
            return;
    }
}

/* False where nothing is mapped, which others report about. */
static bool read_linear(const preflight_t *check, quire_va_t va, void *to, size_t bytes)
{
    const regime_t regime = regime_of(check);

    return quire_physical_read_linear(&regime, va, to, bytes);
}

static void check_instruction(preflight_t *check)
{
    const quire_preflight_t *flight = check->flight;
    translation_t found;

    if (flight->instruction == 0)
        return;
    check_page(check, "the next instruction", flight->instruction, QUIRE_PROT_EXEC, CR4_SMEP);
    if (flight->from_unpaged && translate(check, flight->instruction, &found) && found.present &&
        found.pa != flight->instruction) {
        report(check, "the next instruction", flight->instruction, " is mapped to another place, ");
        quire_text_hex(&check->text, found.pa);
        quire_text_add(&check->text, ": until paging is on, it lies at its own address\n");
    }
}

/* A stack that overflows should meet a page that is not there. */
static void note_guard_page(preflight_t *check)
{
    quire_va_t below = check->flight->stack_start - 1;
    translation_t found;

    if (check->flight->stack_start == 0 || !format_canonical(check->format, below) ||
        !translate(check, below, &found) || !found.present)
        return;
    quire_text_add(&check->text, "note: below the stack, at ");
    quire_text_hex(&check->text, below);
    quire_text_add(&check->text, ", something is mapped: an overflow would overwrite it in silence\n");
}

static bool is_long(const preflight_t *check)
{
    return check->format->va_bits > 32;
}

/* The handlers of the faults that a mistake brings: double fault, stack, protection, page (SDM 6.3.1, 6.10 and 6.14).
 */
static void check_handlers(preflight_t *check)
{
    static const uint8_t vectors[] = {8, 12, 13, 14};
    static const char *const names[] = {"the double-fault handler", "the stack-fault handler",
                                        "the protection-fault handler", "the page-fault handler"};
    const quire_preflight_t *flight = check->flight;
    size_t gate_bytes = is_long(check) ? 16 : 8;

    for (unsigned i = 0; i < sizeof(vectors); i++) {
        uint8_t gate[16] = {0};
        size_t offset = vectors[i] * gate_bytes;

        if (offset + gate_bytes - 1 > flight->idt_limit) {
            preflight_begin(check, names[i]);
            quire_text_add(&check->text, " lies beyond the limit of the IDT\n");
            continue;
        }
        if (!read_linear(check, flight->idt + (quire_va_t)offset, gate, gate_bytes))
            continue;
        if (!(gate[5] & 0x80)) {
            preflight_begin(check, names[i]);
            quire_text_add(&check->text, " has no gate that is present\n");
            continue;
        }
        uint64_t handler = gate[0] | (uint64_t)gate[1] << 8 | (uint64_t)gate[6] << 16 | (uint64_t)gate[7] << 24;
        for (unsigned byte = 8; byte < 12; byte++)
            handler |= (uint64_t)gate[byte] << (8 * (byte - 4));
        /* A task gate names a TSS instead. */
        if ((gate[5] & 0x1F) != 5)
            check_page(check, names[i], (quire_va_t)handler, QUIRE_PROT_EXEC, CR4_SMEP);
    }
}

/* The ring-0 stack that the task state names (SDM 7.2.1 and 7.7). */
static void preflight_task_stack(preflight_t *check)
{
    uint8_t bytes[8] = {0};
    size_t width = is_long(check) ? 8 : 4;
    uint64_t stack = 0;

    if (!read_linear(check, check->flight->tss + 4, bytes, width))
        return;
    for (size_t i = 0; i < width; i++)
        stack |= (uint64_t)bytes[i] << (8 * i);
    if (stack != 0)
        check_page(check, "the ring-0 stack in the TSS, below", (quire_va_t)stack - 1, QUIRE_PROT_WRITE, CR4_SMAP);
}

static void check_environment(preflight_t *check)
{
    const quire_preflight_t *flight = check->flight;

    if (flight->stack > STACK_NEEDED_BYTES)
        check_bytes(check, "the stack", flight->stack - STACK_NEEDED_BYTES, STACK_NEEDED_BYTES - 1, QUIRE_PROT_WRITE);
    note_guard_page(check);
    /* The processor writes accessed and busy bits into the GDT. */
    if (flight->gdt_limit != 0)
        check_bytes(check, "the GDT", flight->gdt, flight->gdt_limit, QUIRE_PROT_WRITE);
    if (flight->idt_limit != 0) {
        check_bytes(check, "the IDT", flight->idt, flight->idt_limit, QUIRE_PROT_READ);
        check_handlers(check);
    }
    if (flight->tss_limit != 0) {
        check_bytes(check, "the TSS", flight->tss, flight->tss_limit,
                    is_long(check) ? QUIRE_PROT_READ : QUIRE_PROT_WRITE);
        preflight_task_stack(check);
    }
}

quire_status_t quire_preflight_check(const quire_preflight_t *flight, char *bytes, size_t size)
{
    preflight_t check = {.flight = flight, .format = flight->format, .text = {bytes, size, 0}};

    check.physical = (physical_t){flight->read, flight->context};
    check.physical_bits = flight->physical_bits == 0 ? 52 : flight->physical_bits;
    if (size != 0)
        bytes[0] = '\0';
    quire_preflight_modes(&check);
    quire_preflight_tables(&check);
    check_instruction(&check);
    check_environment(&check);
    return check.found == 0 ? QUIRE_OK : QUIRE_CORRUPT;
}
