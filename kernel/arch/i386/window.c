/* SPDX-License-Identifier: MIT */
/*
 * window.c - two of the library's hooks: making any frame of RAM reachable, on a machine with more RAM than addresses.
 *
 * Frames in the direct map are just there. For the others there are a few pages of address space, the slots; opening a
 * window writes the frame into the slot's entry and flushes that page. Windows are closed in the reverse order of
 * opening, so the slots are a stack. With one CPU and a kernel that is not preempted there is one stack of them.
 *
 * The library's cursor makes the slots, once, mapping a page of zeros that nobody else uses; from then on only the
 * frame number of the entry changes, in place, through the direct map. So the tree stays as the library's check wants
 * it, and opening a window takes no lock and no walk.
 *
 * A closed slot keeps its entry until it is used again: the kernel's half is the kernel's, and a second flush would buy
 * nothing.
 */
#include "../arch.h"

#include <quire/paging.h>

#if ARCH_PAE
typedef uint64_t entry_t;
#define FRAME_BITS (~(entry_t)0 >> 12 & 0xffffffffff000u)
#else
typedef uint32_t entry_t;
#define FRAME_BITS 0xfffff000u
#endif

static uint8_t resting_page[4096] __attribute__((aligned(4096)));
static volatile entry_t *slots; /* NULL until the kernel's own tree is loaded */
static unsigned open_slots;

static uintptr_t slot_address(unsigned slot)
{
    return ARCH_WINDOW_START + (uintptr_t)slot * QUIRE_PAGE_BYTES;
}

static bool in_direct_map(quire_frame_t frame)
{
    return frame.number < (ARCH_DIRECT_BYTES >> QUIRE_PAGE_SHIFT);
}

/* In PAE an entry is two words: it is not present while they disagree. */
static void write_entry(volatile entry_t *entry, quire_frame_t frame)
{
    entry_t value = (*entry & ~FRAME_BITS) | (entry_t)quire_pa_of_frame(frame).value;

#if ARCH_PAE
    volatile uint32_t *words = (volatile uint32_t *)entry;

    words[0] = 0;
    words[1] = (uint32_t)(value >> 32);
    words[0] = (uint32_t)value;
#else
    *entry = value;
#endif
}

void *quire_port_window_open(quire_frame_t frame)
{
    uintptr_t address;

    if (in_direct_map(frame))
        return (void *)(ARCH_DIRECT_START + (uintptr_t)quire_pa_of_frame(frame).value);
    if (slots == NULL)
        quire_port_panic("a window on high memory is wanted before there are any");
    if (open_slots == QUIRE_PORT_WINDOWS)
        quire_port_panic("more windows are open than the port has");
    address = slot_address(open_slots);
    write_entry(&slots[open_slots], frame);
    open_slots++;
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
    return (void *)address;
}

void quire_port_window_close(void *window)
{
    if ((uintptr_t)window < ARCH_WINDOW_START)
        return;
    if (open_slots == 0 || quire_page_down((uintptr_t)window) != slot_address(open_slots - 1))
        quire_port_panic("a window is closed out of order");
    open_slots--;
}

static quire_status_t map_slots(quire_table_t *table, uintptr_t start, uintptr_t end)
{
    quire_frame_t frame = quire_frame(((uintptr_t)resting_page - ARCH_IMAGE_OFFSET) >> QUIRE_PAGE_SHIFT);
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, table, start, end, QUIRE_CURSOR_POPULATE);

    if (status != QUIRE_OK)
        return status;
    for (uintptr_t va = start; va < end && status == QUIRE_OK; va += QUIRE_PAGE_BYTES)
        status = quire_cursor_map(&cursor, va, 1, frame, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_PAGE_FOREIGN);
    quire_cursor_close(&cursor);
    return status;
}

quire_status_t arch_windows_init(quire_table_t *table)
{
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    quire_walk_step_t *last;
    quire_status_t status = map_slots(table, slot_address(0), slot_address(QUIRE_PORT_WINDOWS));

    if (status != QUIRE_OK)
        return status;
    last = &steps[quire_table_walk(table, slot_address(0), steps) - 1];
    slots = (volatile entry_t *)quire_port_window_open(last->table) + last->index;
    return QUIRE_OK;
}
