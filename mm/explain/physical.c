/* SPDX-License-Identifier: MIT */
/*
 * physical.c - reading tables by physical address, on the machine itself or out of a saved one.
 *
 * What is read is copied or looked at at once: a caller's function need keep no more than one frame, and a window is
 * closed before the next is opened.
 */
#include "explain.h"

#include "string.h"

const unsigned char *quire_physical_open(const physical_t *physical, uint64_t pa)
{
    quire_frame_t frame = quire_frame_of_pa(quire_pa(pa));

    if (physical->read == NULL)
        return quire_port_window_open(frame);
    return physical->read(physical->context, frame);
}

void quire_physical_close(const physical_t *physical, const unsigned char *bytes)
{
    if (physical->read == NULL)
        quire_port_window_close((void *)(uintptr_t)bytes);
}

bool quire_physical_read(const physical_t *physical, uint64_t pa, void *to, size_t bytes)
{
    const unsigned char *frame = quire_physical_open(physical, pa);

    if (frame == NULL)
        return false;
    memcpy(to, frame + (pa & QUIRE_PAGE_MASK), bytes);
    quire_physical_close(physical, frame);
    return true;
}

bool quire_physical_entry(const physical_t *physical, const quire_format_t *format, uint64_t table, unsigned index,
                          uint64_t *raw)
{
    uint64_t word = 0;
    bool done =
        quire_physical_read(physical, table + (uint64_t)index * format->entry_bytes, &word, format->entry_bytes);

    *raw = word;
    return done;
}

bool quire_physical_translate(const regime_t *regime, quire_va_t va, translation_t *result)
{
    const quire_format_t *format = regime->format;
    uint64_t table = physical_root(format, regime->cr3);

    *result = (translation_t){.rights = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER,
                              .level = format->levels};
    for (;; result->level--) {
        unsigned level = result->level;
        quire_page_t page;

        if (!quire_physical_entry(&regime->physical, format, table, format_index(format, level, va), &result->raw))
            return false;
        if (!entry_present(result->raw))
            return true;
        page = entry_decode(format, level, result->raw & ~physical_ignored(format, regime->known, regime->cr4, level));
        result->rights &= physical_rights(format, level, result->raw);
        table = page.payload << QUIRE_PAGE_SHIFT;
        if (page.kind == QUIRE_PAGE_MAPPED) {
            result->present = true;
            result->pa = table + (va & format_reach(format, level));
            return true;
        }
    }
}

bool quire_physical_read_linear(const regime_t *regime, quire_va_t va, void *to, size_t bytes)
{
    unsigned char *next = to;

    while (bytes > 0) {
        size_t count = QUIRE_PAGE_BYTES - (size_t)(va & QUIRE_PAGE_MASK);
        translation_t found;

        count = count < bytes ? count : bytes;
        if (!format_canonical(regime->format, va) || !quire_physical_translate(regime, va, &found) || !found.present ||
            !quire_physical_read(&regime->physical, found.pa, next, count))
            return false;
        next += count;
        va += count;
        bytes -= count;
    }
    return true;
}
