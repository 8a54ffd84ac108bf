/* SPDX-License-Identifier: MIT */
/*
 * loader.c - a judged executable into an address space, as Linux maps it.
 *
 * Problem: segments are counted in bytes, memory in pages; two segments may meet in a page, overlap, or come in any
 * order, and the file may end before they do. Idea: do what mapping the file would do. A segment is the whole pages of
 * the file that its bytes lie in, put over whatever is there; so in a shared page the later one wins, and has the same
 * bytes if they are neighbours in the file. The rest of the last page is zeroed if the segment can be written to, and
 * what the segment has more in memory is zeros that can be written to, whatever its rights: a promise.
 *
 * Pages that lie wholly beyond the end of the file are guards: touching them is what it is on Linux, the end.
 *
 * Invariant: rights are exactly what the segment asks for from the beginning. The bytes go in through
 * quire_vmm_poke(), which does not need them to be writable, so no page is ever writable and executable for a moment,
 * unless the file asks for that.
 */
#include "loader.h"

typedef struct load {
    quire_space_t *space;
    const uint8_t *file;
    size_t bytes;
    bool readable_is_executable;
    const char **reason;
} load_t;

static unsigned prot_of(const load_t *load, unsigned elf_prot)
{
    unsigned prot = QUIRE_PROT_NONE;

    if ((elf_prot & ELF_PROT_READ) != 0 && load->readable_is_executable)
        elf_prot |= ELF_PROT_EXEC;
    if ((elf_prot & ELF_PROT_EXEC) != 0)
        prot |= QUIRE_PROT_EXEC | QUIRE_PROT_READ;
    if ((elf_prot & ELF_PROT_WRITE) != 0)
        prot |= QUIRE_PROT_WRITE | QUIRE_PROT_READ;
    if ((elf_prot & ELF_PROT_READ) != 0)
        prot |= QUIRE_PROT_READ;
    return prot;
}

static quire_status_t put(const load_t *load, quire_va_t start, quire_va_t end, unsigned prot, unsigned guard)
{
    quire_va_t va;

    if (start >= end)
        return QUIRE_OK;
    return quire_vmm_reserve(load->space, start, end - start, prot, QUIRE_RESERVE_REPLACE | guard, &va);
}

/* The bytes of the last page behind those of the file. */
static quire_status_t clear_tail(const load_t *load, const elf_segment_t *segment, quire_va_t known_end)
{
    static const uint8_t zeros[QUIRE_PAGE_BYTES];
    quire_va_t at = (quire_va_t)(segment->address + segment->file_bytes);

    if (segment->memory_bytes == segment->file_bytes || (segment->prot & ELF_PROT_WRITE) == 0 ||
        (at & QUIRE_PAGE_MASK) == 0)
        return QUIRE_OK;
    if (at >= known_end) {
        *load->reason = "it is cut short: what it wants zeroed lies beyond the end of the file";
        return QUIRE_INVALID;
    }
    return quire_vmm_poke(load->space, at, zeros, (size_t)(quire_page_up(at) - at));
}

static quire_status_t put_file(const load_t *load, const elf_segment_t *segment)
{
    quire_va_t start = quire_page_down((quire_va_t)segment->address);
    quire_va_t end = quire_page_up((quire_va_t)(segment->address + segment->file_bytes));
    uint64_t offset = segment->file_offset & ~(uint64_t)QUIRE_PAGE_MASK;
    uint64_t known = offset < load->bytes ? load->bytes - offset : 0;
    quire_va_t known_end = known < end - start ? quire_page_up(start + (quire_va_t)known) : end;
    quire_status_t status = put(load, start, known_end, prot_of(load, segment->prot), 0);

    if (status == QUIRE_OK)
        status = put(load, known_end, end, QUIRE_PROT_NONE, QUIRE_RESERVE_GUARD);
    if (status == QUIRE_OK && known_end > start)
        status = quire_vmm_poke(load->space, start, load->file + offset,
                                known < end - start ? (size_t)known : (size_t)(end - start));
    if (status == QUIRE_OK)
        status = clear_tail(load, segment, known_end);
    return status;
}

static quire_status_t put_segment(const load_t *load, const elf_segment_t *segment)
{
    quire_va_t zeros = quire_page_down((quire_va_t)segment->address);
    quire_va_t end = quire_page_up((quire_va_t)(segment->address + segment->memory_bytes));
    quire_status_t status = QUIRE_OK;

    if (segment->file_bytes != 0) {
        status = put_file(load, segment);
        zeros = quire_page_up((quire_va_t)(segment->address + segment->file_bytes));
    }
    if (status != QUIRE_OK || segment->memory_bytes == segment->file_bytes)
        return status;
    return put(load, zeros, end, prot_of(load, (segment->prot & ELF_PROT_EXEC) | ELF_PROT_READ | ELF_PROT_WRITE), 0);
}

quire_status_t loader_load(quire_space_t *space, const void *file, size_t bytes, const elf_image_t *image,
                           const char **reason)
{
    const load_t load = {space, file, bytes, image->readable_is_executable, reason};
    quire_status_t status = QUIRE_OK;

    *reason = "a segment's place in the address space is taken";
    for (unsigned i = 0; i < image->segment_count && status == QUIRE_OK; i++)
        status = put_segment(&load, &image->segments[i]);
    if (status == QUIRE_NO_MEMORY)
        *reason = "there is not enough memory for it";
    return status;
}
