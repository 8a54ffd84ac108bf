/* SPDX-License-Identifier: MIT */
/*
 * move.c - resizing an area, and moving it with its content.
 *
 * Problem: realloc of a large block wants more room at once and no copying; what lies behind the block may be in the
 * way.
 *
 * Idea: what an area is stands in its entries, so moving them moves it (quire_cursor_move); no byte of content is
 * touched.
 *
 * It happens under one lock, so that no thread sees a page in neither place or in both. What can fail comes first, and
 * has changed nothing then: the tables that the new place needs, for what is added and for what is moved.
 *
 * Rejected: a second reservation, a copy page by page and an unmapping, which needs the memory twice.
 */
#include "space.h"

#include "../panic.h"

typedef struct move {
    quire_space_t *space;
    quire_cursor_t cursor;
    quire_va_t old;
    quire_va_t old_end;
    quire_va_t moving_end; /* of the old range: what is moved; the rest is unmapped */
    quire_va_t new;
    quire_va_t new_end;
    quire_page_t added; /* the promise for what the new range has more */
    bool leaves;        /* the old range keeps its promises, without content */
} move_t;

/* Under the second pass: everything has been acquired. */
static void turn(move_t *move, quire_va_t start, quire_va_t end, quire_cursor_mode_t mode)
{
    if (quire_cursor_reopen(&move->cursor, start, end, mode) != QUIRE_OK)
        quire_panic_at("vmm: a table that was acquired to move pages is gone", start, move->space->table.space);
}

/* Everything has been acquired before. */
static void write_promise(move_t *move, quire_va_t start, quire_va_t end, const quire_page_t *promise)
{
    turn(move, start, end, QUIRE_CURSOR_EDGES);
    (void)quire_cursor_mark(&move->cursor, start, end, promise);
}

/* The ends of the new range are split where they cut something before anything is changed. */
static quire_status_t carry_out(move_t *move)
{
    const quire_page_t empty = {.kind = QUIRE_PAGE_EMPTY};
    quire_va_t moved_end = move->new + (move->moving_end - move->old);
    quire_status_t status = QUIRE_OK;

    if (moved_end < move->new_end)
        status = quire_cursor_reopen(&move->cursor, moved_end, move->new_end, QUIRE_CURSOR_EDGES);
    if (status == QUIRE_OK)
        status = quire_cursor_reopen(&move->cursor, move->old, move->moving_end, QUIRE_CURSOR_EDGES);
    if (status == QUIRE_OK)
        status = quire_cursor_move(&move->cursor, move->old, move->moving_end, move->new, move->leaves);
    if (status != QUIRE_OK)
        return status;
    if (moved_end < move->new_end)
        write_promise(move, moved_end, move->new_end, &move->added);
    if (move->moving_end < move->old_end)
        write_promise(move, move->moving_end, move->old_end, &empty);
    return QUIRE_OK;
}

/* Why an area with this page cannot be moved, if it cannot. */
static quire_status_t movable(const move_t *move, const quire_extent_t *extent)
{
    switch (extent->page.kind) {
    case QUIRE_PAGE_EMPTY:
        return QUIRE_NOT_FOUND;
    case QUIRE_PAGE_MAPPED:
    case QUIRE_PAGE_HIDDEN:
        return extent->level == 1 ? QUIRE_OK : QUIRE_UNSUPPORTED;
    case QUIRE_PAGE_RESERVED:
    case QUIRE_PAGE_GUARD:
    case QUIRE_PAGE_OBJECT:
        return QUIRE_OK;
    case QUIRE_PAGE_SWAPPED:
        return extent->level == 1 ? QUIRE_OK : QUIRE_UNSUPPORTED;
    case QUIRE_PAGE_BUSY:
        return QUIRE_AGAIN;
    case QUIRE_PAGE_TABLE:
        break;
    }
    quire_panic_at("vmm: a page that is a table", extent->start, move->space->table.space);
}

/* Opens the cursor on the old range, finds out whether it can be moved, and what would be added to it. */
static quire_status_t open_old(move_t *move)
{
    quire_status_t status =
        quire_cursor_open(&move->cursor, &move->space->table, move->old, move->old_end, QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    for (quire_va_t va = move->old; va < move->old_end && status == QUIRE_OK;) {
        quire_extent_t extent = quire_vmm_run(&move->cursor, va, move->old_end);

        status = movable(move, &extent);
        move->added = (quire_page_t){.kind = QUIRE_PAGE_RESERVED, .prot = extent.page.prot, .key = extent.page.key};
        if (extent.page.kind == QUIRE_PAGE_GUARD)
            move->added.kind = QUIRE_PAGE_GUARD;
        va = extent.end;
    }
    if (status != QUIRE_OK)
        quire_cursor_close(&move->cursor);
    return status;
}

/* How many pages of a range are taken; the cursor is turned to it, for reading. */
static size_t taken_in(move_t *move, quire_va_t start, quire_va_t end)
{
    turn(move, start, end, QUIRE_CURSOR_READ);
    return quire_cursor_taken(&move->cursor, start, end);
}

/* The cursor is open, and the old range has been looked at. Closes it. */
static quire_status_t carry_and_close(move_t *move, bool replace)
{
    quire_space_t *space = move->space;
    size_t taken = replace ? taken_in(move, move->new, move->new_end) : 0;
    quire_status_t status = carry_out(move);

    if (status == QUIRE_OK) {
        if (!move->leaves)
            quire_event(.kind = QUIRE_EVENT_UNMAP, .space = space->table.space, .address = move->old,
                        .bytes = move->old_end - move->old);
        quire_event(.kind = QUIRE_EVENT_RESERVE, .space = space->table.space, .address = move->new,
                    .bytes = move->new_end - move->new, .detail = move->added.prot);
        space->reserved_pages += pages_between(move->new, move->new_end) - taken;
        if (!move->leaves)
            space->reserved_pages -= pages_between(move->old, move->old_end);
        if (!replace)
            *quire_vmm_search_point(space, move->new_end - move->new) = move->new;
    }
    quire_cursor_close(&move->cursor);
    return status;
}

/* To a hole, wherever there is one: found and filled under one lock, so that nobody else takes it. Closes the cursor.
 */
static quire_status_t carry_to_hole(move_t *move, quire_va_t length)
{
    quire_space_t *space = move->space;
    quire_status_t status;

    turn(move, space->start, space->end, QUIRE_CURSOR_READ);
    status = quire_vmm_find_hole(space, &move->cursor, length, &move->new);
    move->new_end = move->new + length;
    if (status == QUIRE_OK)
        return carry_and_close(move, false);
    quire_cursor_close(&move->cursor);
    return status;
}

static quire_status_t move_anywhere(move_t *move, quire_va_t length)
{
    quire_status_t status = open_old(move);

    return status == QUIRE_OK ? carry_to_hole(move, length) : status;
}

/* QUIRE_EXISTS: what lies behind is not free. The cursor stays open. */
static quire_status_t grow_in_place(move_t *move, quire_va_t end)
{
    quire_status_t status;

    if (taken_in(move, move->old_end, end) != 0)
        return QUIRE_EXISTS;
    status = quire_cursor_reopen(&move->cursor, move->old_end, end, QUIRE_CURSOR_EDGES);
    if (status != QUIRE_OK)
        return status;
    quire_event(.kind = QUIRE_EVENT_RESERVE, .space = move->space->table.space, .address = move->old_end,
                .bytes = end - move->old_end, .detail = move->added.prot);
    (void)quire_cursor_mark(&move->cursor, move->old_end, end, &move->added);
    move->space->reserved_pages += pages_between(move->old_end, end);
    return QUIRE_OK;
}

static quire_status_t grow(move_t *move, quire_va_t length, bool may_move)
{
    quire_status_t status = open_old(move);

    if (status != QUIRE_OK)
        return status;
    move->new = move->old;
    status = length <= move->space->end - move->old ? grow_in_place(move, move->old + length) : QUIRE_EXISTS;
    if (status == QUIRE_EXISTS && may_move)
        return carry_to_hole(move, length);
    quire_cursor_close(&move->cursor);
    return status == QUIRE_EXISTS ? QUIRE_NO_SPACE : status;
}

/* Where it is; what it has more than `length` is unmapped. */
static quire_status_t shrink(move_t *move, quire_va_t length)
{
    quire_status_t status = open_old(move);

    if (status != QUIRE_OK)
        return status;
    quire_cursor_close(&move->cursor);
    move->new = move->old;
    if (move->old + length == move->old_end)
        return QUIRE_OK;
    return quire_vmm_unmap(move->space, move->old + length, (size_t)(move->old_end - move->old - length));
}

static quire_status_t move_fixed(move_t *move, quire_va_t at, size_t bytes)
{
    quire_status_t status = quire_vmm_round_range(move->space, at, bytes, &move->new_end);

    if (status != QUIRE_OK)
        return status;
    if (at < move->old_end && move->old < move->new_end)
        return QUIRE_INVALID;
    move->new = at;
    if (move->new_end - at < move->old_end - move->old)
        move->moving_end = move->old + (move->new_end - at);
    status = open_old(move);
    return status == QUIRE_OK ? carry_and_close(move, true) : status;
}

quire_status_t quire_vmm_move(quire_space_t *space, quire_va_t old, size_t old_bytes, size_t new_bytes, unsigned flags,
                              quire_va_t at, quire_va_t *va)
{
    move_t move = {.space = space, .old = old, .leaves = (flags & QUIRE_MOVE_LEAVE) != 0};
    quire_status_t status = quire_vmm_round_range(space, old, old_bytes, &move.old_end);
    quire_va_t length;

    if (status != QUIRE_OK)
        return status;
    if (new_bytes == 0 || (flags & ~(unsigned)(QUIRE_MOVE_ALLOWED | QUIRE_MOVE_FIXED | QUIRE_MOVE_LEAVE)) != 0)
        return QUIRE_INVALID;
    if (new_bytes > space->end - space->start)
        return QUIRE_NO_SPACE;
    move.moving_end = move.old_end;
    length = quire_page_up((quire_va_t)new_bytes);
    if (move.leaves && ((flags & (QUIRE_MOVE_ALLOWED | QUIRE_MOVE_FIXED)) == 0 || length != move.old_end - old))
        return QUIRE_INVALID;
    if ((flags & QUIRE_MOVE_FIXED) != 0)
        status = move_fixed(&move, at, new_bytes);
    else if (move.leaves)
        status = move_anywhere(&move, length);
    else if (length <= move.old_end - old)
        status = shrink(&move, length);
    else
        status = grow(&move, length, (flags & QUIRE_MOVE_ALLOWED) != 0);
    if (status == QUIRE_OK)
        *va = move.new;
    return status;
}
