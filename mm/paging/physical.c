/* SPDX-License-Identifier: MIT */
/*
 * physical.c - reading tables by physical address, on the machine itself or out of a saved one.
 *
 * What is read is copied or looked at at once: a caller's function need keep no more than one frame, and a window is
 * closed before the next is opened.
 */
#include "physical.h"

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
