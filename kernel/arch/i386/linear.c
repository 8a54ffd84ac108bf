/* SPDX-License-Identifier: MIT */
/*
 * linear.c - the window of linear addresses in which all segments lie.
 *
 * Problem: base and limit are to be the only protection, so every segmented process must be able to name every byte of
 * the others, and the kernel must reach all of it in any address space, to move it. Idea: a few blocks of 4 MiB, mapped
 * with large pages at the same addresses in each of their spaces, for ring 3 to read, write and execute. The kernel
 * goes through windows on the frames: so it needs no mapping of its own, and SMAP has nothing to say.
 *
 * Invariant: the blocks are there while anybody has acquired the window. They are foreign to the page tables, which
 * neither retain nor release them.
 *
 * Rejected: one space for all of them, as a machine without paging has it. The rest of this kernel identifies a process
 * with its space, and nothing would be shown by it that is not shown so.
 */
#include "linear.h"

#include "../../bytes.h"
#include "../../memory.h"
#include "../arch.h"

#define BLOCK_SHIFT 22
#define BLOCKS      (LINEAR_BYTES >> BLOCK_SHIFT)
#define ALL_RIGHTS  (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER)

_Static_assert(BLOCK_SHIFT == QUIRE_PAGE_SHIFT + QUIRE_PMM_ORDER_MAX, "a block of the PMM is a large page");

static quire_frame_t blocks[BLOCKS];
static unsigned users;

static void free_blocks(unsigned count)
{
    while (count > 0) {
        if (quire_pmm_free(&kernel_pmm, blocks[--count], QUIRE_PMM_ORDER_MAX) != QUIRE_OK)
            quire_port_panic("segments: the window's memory is not taken back");
    }
}

quire_status_t linear_acquire(void)
{
    const quire_pmm_request_t request = {.order = QUIRE_PMM_ORDER_MAX, .owner = QUIRE_OWNER_USER};

    for (unsigned i = 0; users == 0 && i < BLOCKS; i++) {
        quire_status_t status = quire_pmm_alloc(&kernel_pmm, request, &blocks[i]);

        if (status != QUIRE_OK) {
            free_blocks(i);
            return status;
        }
    }
    users++;
    return QUIRE_OK;
}

void linear_release(void)
{
    if (users == 0)
        quire_port_panic("segments: the window is released more often than acquired");
    if (--users == 0)
        free_blocks(BLOCKS);
}

static quire_frame_t frame_at(uint32_t linear)
{
    uint32_t offset = linear - LINEAR_START;

    if (offset >= LINEAR_BYTES)
        quire_port_panic("segments: an address outside the window");
    return quire_frame(blocks[offset >> BLOCK_SHIFT].number +
                       ((offset & ((1u << BLOCK_SHIFT) - 1)) >> QUIRE_PAGE_SHIFT));
}

quire_status_t linear_map(quire_space_t *space)
{
    uint32_t span = (uint32_t)quire_format_span(&ARCH_FORMAT, 2);
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, &space->table, LINEAR_START, LINEAR_END, QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    for (uint32_t va = LINEAR_START; va < LINEAR_END && status == QUIRE_OK; va += span) {
        status = quire_cursor_map(&cursor, va, 2, frame_at(va), ALL_RIGHTS, QUIRE_PAGE_FOREIGN);
        if (status == QUIRE_OK)
            space->reserved_pages += span >> QUIRE_PAGE_SHIFT;
    }
    quire_cursor_close(&cursor);
    return status;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t to_page_end(uint32_t linear)
{
    return (uint32_t)QUIRE_PAGE_BYTES - (linear & QUIRE_PAGE_MASK);
}

static uint8_t *open_at(uint32_t linear)
{
    return (uint8_t *)quire_port_window_open(frame_at(linear)) + (linear & QUIRE_PAGE_MASK);
}

/* Within one page each. One frame in two windows would hide an overlap from memmove(). */
static void copy_piece(uint32_t to, uint32_t from, uint32_t bytes)
{
    uint8_t *source = open_at(from);

    if (quire_page_down(to) == quire_page_down(from)) {
        memmove(source + (to - from), source, bytes);
    } else {
        uint8_t *target = open_at(to);

        memcpy(target, source, bytes);
        quire_port_window_close(target);
    }
    quire_port_window_close(source);
}

static void copy_down(uint32_t to, uint32_t from, uint32_t bytes)
{
    while (bytes > 0) {
        uint32_t piece = least(bytes, least(to_page_end(to), to_page_end(from)));

        copy_piece(to, from, piece);
        to += piece;
        from += piece;
        bytes -= piece;
    }
}

static void copy_up(uint32_t to, uint32_t from, uint32_t bytes)
{
    while (bytes > 0) {
        uint32_t to_last = to + bytes - 1;
        uint32_t from_last = from + bytes - 1;
        uint32_t piece = least(bytes, least(to_last & QUIRE_PAGE_MASK, from_last & QUIRE_PAGE_MASK) + 1);

        copy_piece(to_last + 1 - piece, from_last + 1 - piece, piece);
        bytes -= piece;
    }
}

void linear_copy(uint32_t to, uint32_t from, uint32_t bytes)
{
    if (to < from)
        copy_down(to, from, bytes);
    else if (to > from)
        copy_up(to, from, bytes);
}

void linear_clear(uint32_t start, uint32_t bytes)
{
    while (bytes > 0) {
        uint32_t piece = least(bytes, to_page_end(start));
        uint8_t *window = open_at(start);

        memset(window, 0, piece);
        quire_port_window_close(window);
        start += piece;
        bytes -= piece;
    }
}

void linear_read(void *to, uint32_t from, size_t bytes)
{
    for (uint8_t *at = to; bytes > 0;) {
        uint32_t piece = least((uint32_t)bytes, to_page_end(from));
        uint8_t *window = open_at(from);

        memcpy(at, window, piece);
        quire_port_window_close(window);
        at += piece;
        from += piece;
        bytes -= piece;
    }
}

void linear_write(uint32_t to, const void *from, size_t bytes)
{
    for (const uint8_t *at = from; bytes > 0;) {
        uint32_t piece = least((uint32_t)bytes, to_page_end(to));
        uint8_t *window = open_at(to);

        memcpy(window, at, piece);
        quire_port_window_close(window);
        at += piece;
        to += piece;
        bytes -= piece;
    }
}
