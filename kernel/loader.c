/* SPDX-License-Identifier: MIT */
/*
 * loader.c - a judged executable into an address space.
 *
 * Problem: segments are counted in bytes, protection in pages, and two segments may meet in one page. Idea: segments
 * ascend, so only the first page of one can already be there, from the one before. That page gets the rights of the
 * later segment, as it does on Linux, where the later mapping of the same file page replaces the earlier; its
 * bytes stay, because they are the same bytes there. Everything else is promised, and only pages that have bytes
 * in the file are filled: bss costs nothing until it is touched.
 *
 * Invariant: rights are exactly what the segment asks for from the beginning. The bytes go in through
 * quire_vmm_poke(), which does not need them to be writable, so no page is ever writable and executable for a moment.
 */
#include "loader.h"

static unsigned prot_of(const elf_segment_t *segment)
{
    unsigned prot = QUIRE_PROT_NONE;

    if ((segment->prot & ELF_PROT_EXEC) != 0)
        prot |= QUIRE_PROT_EXEC | QUIRE_PROT_READ;
    if ((segment->prot & ELF_PROT_WRITE) != 0)
        prot |= QUIRE_PROT_WRITE | QUIRE_PROT_READ;
    if ((segment->prot & ELF_PROT_READ) != 0)
        prot |= QUIRE_PROT_READ;
    return prot;
}

/* [*covered, ...) is what no earlier segment has promised. */
static quire_status_t promise(quire_space_t *space, const elf_segment_t *segment, quire_va_t *covered)
{
    quire_va_t start = quire_page_down((quire_va_t)segment->address);
    quire_va_t end = quire_page_up((quire_va_t)(segment->address + segment->memory_bytes));
    unsigned prot = prot_of(segment);
    quire_va_t va;

    if (start < *covered) {
        quire_status_t status = quire_vmm_protect(space, start, *covered - start, prot);

        if (status != QUIRE_OK)
            return status;
        start = *covered;
    }
    *covered = end;
    if (start == end)
        return QUIRE_OK;
    return quire_vmm_reserve(space, start, end - start, prot, QUIRE_RESERVE_FIXED, &va);
}

quire_status_t loader_load(quire_space_t *space, const void *file, const elf_image_t *image, const char **reason)
{
    quire_va_t covered = space->start;

    for (unsigned i = 0; i < image->segment_count; i++) {
        const elf_segment_t *segment = &image->segments[i];
        quire_status_t status = promise(space, segment, &covered);

        if (status == QUIRE_OK && segment->file_bytes != 0)
            status = quire_vmm_poke(space, (quire_va_t)segment->address, (const uint8_t *)file + segment->file_offset,
                                    (size_t)segment->file_bytes);
        if (status != QUIRE_OK) {
            *reason = status == QUIRE_NO_MEMORY ? "there is not enough memory for it"
                                                : "a segment's place in the address space is taken";
            return status;
        }
    }
    return QUIRE_OK;
}
