/* SPDX-License-Identifier: MIT */
/*
 * user.c - the kernel's hands in a process's memory.
 *
 * Problem: a system call brings an address. It may point anywhere: into the kernel, at nothing, across the end, at
 * a page that another thread unmaps at this moment. The kernel must neither fault nor be talked into touching what the
 * process itself may not touch.
 *
 * Idea: the address is never dereferenced. It is looked up in the process's page table, one page at a time, by the same
 * code that handles the process's faults and with the rights of the process; the bytes are then reached through a
 * window on the frame. The cursor stays open, and the tree locked, until they are copied, so the frame cannot be taken
 * away or turned into somebody else's in between. No SMAP dance, no fix-up table, no recovery from a fault.
 *
 * A window is not the process's translation, so the MMU notes nothing: the accessed bit and, for a write, the dirty bit
 * are set by hand, or a page cleaner would think that nothing had changed. A page that is hidden, which only the
 * kernel's own hand reaches, has a dirty bit like any other, and keeps it until it is shown again.
 *
 * The processor's look at PKRU is missing too: the space says what the thread's PKRU forbids, and fault.c asks.
 *
 * Pages that are not RAM of the PMM's (QUIRE_PAGE_FOREIGN) have no window and are refused.
 *
 * Locks: the kernel's buffer is touched under the process's lock. Should that touch fault, the kernel's own tree is
 * locked after the process's; nobody locks them in the other order.
 */
#include "space.h"

#include "../panic.h"
#include "../string.h"

#define READING   ((unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_READ)
#define WRITING   ((unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_WRITE)
#define MODIFYING (QUIRE_VMM_ACCESS_FORCED | QUIRE_ACCESS_WRITE)

/* How many of `left` bytes lie in the page of va. */
static size_t bytes_in_page(quire_va_t va, size_t left)
{
    size_t here = QUIRE_PAGE_BYTES - (size_t)(va & QUIRE_PAGE_MASK);

    return here < left ? here : left;
}

/* What the MMU would note of this access. An accessed bit is nothing that a hidden page has. */
static uint16_t noted_bits(const quire_page_t *page, unsigned access)
{
    unsigned bits = (access & QUIRE_ACCESS_WRITE) != 0 ? QUIRE_PAGE_DIRTY : 0;

    return (uint16_t)(page->kind == QUIRE_PAGE_MAPPED ? bits | QUIRE_PAGE_ACCESSED : bits);
}

static quire_status_t open_frame(quire_space_t *space, quire_va_t va, unsigned access, quire_cursor_t *cursor,
                                 uint8_t **window)
{
    quire_page_t page;
    uint16_t noted;
    quire_status_t status = quire_vmm_open_page(space, va, access, cursor, &page);

    if (status != QUIRE_OK)
        return status;
    if (!has_frame(&page)) {
        quire_cursor_close(cursor);
        return QUIRE_DENIED;
    }
    noted = noted_bits(&page, access);
    if ((page.flags & noted) != noted) {
        page.flags |= noted;
        (void)quire_cursor_put(cursor, quire_page_down(va), &page);
    }
    *window = quire_port_window_open(quire_frame((size_t)page.payload));
    return QUIRE_OK;
}

static void close_frame(quire_cursor_t *cursor, uint8_t *window)
{
    quire_port_window_close(window);
    quire_cursor_close(cursor);
}

static quire_status_t read_part(quire_space_t *space, quire_va_t va, void *to, size_t bytes)
{
    quire_cursor_t cursor;
    uint8_t *window;
    quire_status_t status = open_frame(space, va, READING, &cursor, &window);

    if (status != QUIRE_OK)
        return status;
    memcpy(to, window + (va & QUIRE_PAGE_MASK), bytes);
    close_frame(&cursor, window);
    return QUIRE_OK;
}

/* `from` NULL: zeros. */
static quire_status_t write_part(quire_space_t *space, quire_va_t va, const void *from, size_t bytes, unsigned access)
{
    quire_cursor_t cursor;
    uint8_t *window;
    quire_status_t status = open_frame(space, va, access, &cursor, &window);

    if (status != QUIRE_OK)
        return status;
    if (from == NULL)
        memset(window + (va & QUIRE_PAGE_MASK), 0, bytes);
    else
        memcpy(window + (va & QUIRE_PAGE_MASK), from, bytes);
    close_frame(&cursor, window);
    return QUIRE_OK;
}

/* Nothing there and not allowed are one answer to a process that passed a bad pointer. */
static quire_status_t pointer_status(quire_status_t status)
{
    return status == QUIRE_NOT_FOUND ? QUIRE_DENIED : status;
}

static quire_status_t write_range(quire_space_t *space, quire_va_t to, const uint8_t *from, size_t bytes,
                                  unsigned access, size_t *copied)
{
    quire_status_t status = QUIRE_OK;
    size_t done = 0;

    /* `to + done` cannot wrap: the space ends below the top of the address space, and its end stops the loop. */
    while (done < bytes && status == QUIRE_OK) {
        size_t here = bytes_in_page(to + done, bytes - done);

        status = write_part(space, to + done, from == NULL ? NULL : from + done, here, access);
        if (status == QUIRE_OK)
            done += here;
    }
    if (copied != NULL)
        *copied = done;
    return status;
}

quire_status_t quire_vmm_copy_from_user(quire_space_t *space, void *to, quire_va_t from, size_t bytes, size_t *copied)
{
    quire_status_t status = QUIRE_OK;
    size_t done = 0;

    while (done < bytes && status == QUIRE_OK) {
        size_t here = bytes_in_page(from + done, bytes - done);

        status = read_part(space, from + done, (uint8_t *)to + done, here);
        if (status == QUIRE_OK)
            done += here;
    }
    if (copied != NULL)
        *copied = done;
    return pointer_status(status);
}

quire_status_t quire_vmm_copy_to_user(quire_space_t *space, quire_va_t to, const void *from, size_t bytes,
                                      size_t *copied)
{
    return pointer_status(write_range(space, to, from, bytes, WRITING, copied));
}

quire_status_t quire_vmm_clear_user(quire_space_t *space, quire_va_t to, size_t bytes)
{
    return pointer_status(write_range(space, to, NULL, bytes, WRITING, NULL));
}

/* Copies up to and with the terminator; *done counts what was copied, *ended tells whether the terminator was met. */
static quire_status_t read_string_part(quire_space_t *space, quire_va_t va, char *to, size_t bytes, size_t *done,
                                       bool *ended)
{
    quire_cursor_t cursor;
    const char *text;
    uint8_t *window;
    size_t count = 0;
    quire_status_t status = open_frame(space, va, READING, &cursor, &window);

    if (status != QUIRE_OK)
        return status;
    text = (const char *)window + (va & QUIRE_PAGE_MASK);
    while (count < bytes && !*ended) {
        /* One reading of each byte: another thread of the process may be writing it. */
        char letter = *(const volatile char *)&text[count];

        to[count++] = letter;
        *ended = letter == '\0';
    }
    close_frame(&cursor, window);
    *done += count;
    return QUIRE_OK;
}

quire_status_t quire_vmm_copy_string_from_user(quire_space_t *space, char *to, quire_va_t from, size_t size,
                                               size_t *length)
{
    bool ended = false;
    size_t done = 0;

    while (done < size && !ended) {
        quire_status_t status =
            read_string_part(space, from + done, to + done, bytes_in_page(from + done, size - done), &done, &ended);

        if (status != QUIRE_OK)
            return pointer_status(status);
    }
    if (!ended)
        return QUIRE_NO_SPACE;
    *length = done - 1;
    return QUIRE_OK;
}

quire_status_t quire_vmm_poke(quire_space_t *space, quire_va_t to, const void *from, size_t bytes)
{
    return write_range(space, to, from, bytes, MODIFYING, NULL);
}

/* Under an open cursor: the bytes of a page as they are, without changing anything. */
static quire_status_t look(const quire_space_t *space, const quire_page_t *page, quire_va_t va, void *to, size_t bytes)
{
    uint8_t *window;

    switch (page->kind) {
    case QUIRE_PAGE_EMPTY:
        return QUIRE_NOT_FOUND;
    case QUIRE_PAGE_RESERVED:
        memset(to, 0, bytes);
        return QUIRE_OK;
    case QUIRE_PAGE_MAPPED:
    case QUIRE_PAGE_HIDDEN:
        if (!has_frame(page))
            return QUIRE_DENIED;
        window = quire_port_window_open(quire_frame((size_t)page->payload));
        memcpy(to, window + (va & QUIRE_PAGE_MASK), bytes);
        quire_port_window_close(window);
        return QUIRE_OK;
    case QUIRE_PAGE_GUARD:
    case QUIRE_PAGE_OBJECT:
    case QUIRE_PAGE_SWAPPED:
        return QUIRE_DENIED;
    case QUIRE_PAGE_BUSY:
        return QUIRE_AGAIN;
    case QUIRE_PAGE_TABLE:
        break;
    }
    quire_panic_at("vmm: a page that is a table", va, space->table.space);
}

static quire_status_t peek_part(quire_space_t *space, quire_va_t va, void *to, size_t bytes)
{
    quire_va_t start = quire_page_down(va);
    quire_cursor_t cursor;
    quire_page_t page;
    quire_status_t status;

    if (start < space->start || start >= space->end)
        return QUIRE_NOT_FOUND;
    status = quire_cursor_open(&cursor, &space->table, start, start + QUIRE_PAGE_BYTES, QUIRE_CURSOR_READ);
    if (status != QUIRE_OK)
        return status;
    page = quire_cursor_page(&cursor, start);
    status = look(space, &page, va, to, bytes);
    quire_cursor_close(&cursor);
    return status;
}

quire_status_t quire_vmm_peek(quire_space_t *space, void *to, quire_va_t from, size_t bytes)
{
    quire_status_t status = QUIRE_OK;

    for (size_t done = 0; done < bytes && status == QUIRE_OK;) {
        size_t here = bytes_in_page(from + done, bytes - done);

        status = peek_part(space, from + done, (uint8_t *)to + done, here);
        done += here;
    }
    return status;
}
