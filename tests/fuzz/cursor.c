/* SPDX-License-Identifier: MIT */
/*
 * cursor.c - any sequence of cursor operations, on the machine in software.
 *
 * The input is a programme: a format, then operations on a kernel's tree and two processes' trees, which two CPUs load,
 * change and use in turn. The machine keeps every translation that the manuals allow it to keep. Looked for:
 *
 *   - a frame that is freed while a CPU can still reach it (the machine is told at the moment of freeing)
 *   - an access that a stale translation answered
 *   - an access that does what the tree does not say, or the other way round
 *   - anything lost when all trees are destroyed
 *
 * The machine itself, the host of the library, is machine/machine.c.
 */
#include "machine/machine.h"

#define STEPS_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *data;
    size_t size;
} input_t;

/* --- the input --- */

static unsigned next(input_t *input, unsigned bound)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++ % bound;
}

/* A page near a place where tables meet, in the half of the tree. */
static quire_va_t next_page(input_t *input, unsigned tree)
{
    unsigned level = 1 + next(input, quire_format_levels(machine.format));
    unsigned offset = next(input, 16);
    quire_va_t span = (quire_va_t)quire_format_span(machine.format, level);

    if (tree == 0 && level == quire_format_levels(machine.format))
        span /= 2;
    return (tree == 0 ? machine.kernel_area + span : 2 * span) + offset * PAGE - (level == 1 ? 0 : 8 * PAGE);
}

static void next_range(input_t *input, unsigned tree, quire_va_t *start, quire_va_t *end)
{
    quire_va_t a = next_page(input, tree);
    quire_va_t b = next(input, 2) == 0 ? a : next_page(input, tree);

    *start = a < b ? a : b;
    *end = (a < b ? b : a) + PAGE;
}

static unsigned next_prot(input_t *input, unsigned tree)
{
    return next(input, 8) | (tree == 0 ? 0 : (unsigned)QUIRE_PROT_USER);
}

/* --- operations --- */

static quire_status_t open_range(quire_cursor_t *cursor, unsigned tree, quire_va_t start, quire_va_t end,
                                 quire_cursor_mode_t mode)
{
    quire_status_t status = quire_cursor_open(cursor, &machine.trees[tree], start, end, mode);

    if (status != QUIRE_OK && status != QUIRE_NO_MEMORY)
        found("a cursor could not be opened");
    return status;
}

static void touch(input_t *input);

static void map(input_t *input, unsigned tree)
{
    quire_va_t va = next_page(input, tree);
    unsigned prot = next_prot(input, tree) | QUIRE_PROT_READ;
    unsigned choice = next(input, 4);
    unsigned flags = tree == 0 ? (unsigned)QUIRE_PAGE_GLOBAL : 0;
    quire_frame_t frame = {FOREIGN_FIRST + choice};
    quire_cursor_t cursor;

    if (choice == 0)
        flags |= QUIRE_PAGE_FOREIGN;
    else if (quire_pmm_alloc(&machine.pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frame) != QUIRE_OK)
        return;
    if (choice == 1)
        flags |= QUIRE_PAGE_COPY_ON_WRITE;
    quire_status_t status = open_range(&cursor, tree, va, va + PAGE, QUIRE_CURSOR_POPULATE);
    if (status == QUIRE_OK) {
        status = quire_cursor_map(&cursor, va, 1, frame, prot, flags);
        quire_cursor_close(&cursor);
    }
    if (status != QUIRE_OK && choice != 0 && quire_pmm_release(&machine.pmm, frame, NULL) != QUIRE_OK)
        found("a frame that was not mapped was lost");
}

static void map_large(input_t *input, unsigned tree)
{
    unsigned level = 2 + next(input, 2);
    quire_va_t span = (quire_va_t)quire_format_span(machine.format, level);
    quire_va_t va = next_page(input, tree) & ~(span - 1);
    unsigned prot = next_prot(input, tree) | QUIRE_PROT_READ;
    quire_cursor_t cursor;

    if (!quire_format_maps_at(machine.format, level) || va + span > machine.shared_start + (tree == 0 ? span << 8 : 0))
        return;
    if (open_range(&cursor, tree, va, va + span, QUIRE_CURSOR_EDGES) != QUIRE_OK)
        return;
    quire_status_t status = quire_cursor_map(&cursor, va, level, quire_frame(FOREIGN_FIRST), prot, QUIRE_PAGE_FOREIGN);
    if (status == QUIRE_INVALID || status == QUIRE_DENIED)
        found("a large page was refused");
    quire_cursor_close(&cursor);
}

/* Maps whatever is free under one entry to what makes a large page of it, and joins it if that is all of it. */
static void promote(input_t *input, unsigned tree)
{
    quire_va_t span = (quire_va_t)quire_format_span(machine.format, 2);
    quire_va_t va = next_page(input, tree) & ~(span - 1);
    unsigned prot = next_prot(input, tree) | QUIRE_PROT_READ;
    quire_cursor_t cursor;

    if (open_range(&cursor, tree, va, va + span, QUIRE_CURSOR_POPULATE) != QUIRE_OK)
        return;
    for (size_t i = 0; i < span / PAGE; i++) {
        quire_status_t status = quire_cursor_map(&cursor, va + (quire_va_t)i * PAGE, 1, quire_frame(FOREIGN_FIRST + i),
                                                 prot, QUIRE_PAGE_FOREIGN);

        if (status != QUIRE_OK && status != QUIRE_EXISTS)
            found("a page was not mapped");
    }
    quire_cursor_close(&cursor);
    touch(input);
    if (open_range(&cursor, tree, va, va + span, QUIRE_CURSOR_EDGES) != QUIRE_OK)
        return;
    quire_status_t status = quire_cursor_promote(&cursor, va, 2);
    if (status != QUIRE_OK && status != QUIRE_NOT_FOUND && status != QUIRE_EXISTS && status != QUIRE_UNSUPPORTED)
        found("promoting answered strangely");
    quire_cursor_close(&cursor);
}

static void mark(input_t *input, unsigned tree)
{
    static const quire_page_kind_t kinds[] = {QUIRE_PAGE_EMPTY, QUIRE_PAGE_RESERVED, QUIRE_PAGE_GUARD,
                                              QUIRE_PAGE_OBJECT};
    quire_page_t page = {.kind = kinds[next(input, 4)]};
    quire_cursor_mode_t mode = next(input, 4) == 0 ? QUIRE_CURSOR_POPULATE : QUIRE_CURSOR_EDGES;
    quire_va_t start;
    quire_va_t end;
    quire_cursor_t cursor;

    next_range(input, tree, &start, &end);
    if (open_range(&cursor, tree, start, end, mode) != QUIRE_OK)
        return;
    (void)quire_cursor_query(&cursor, start);
    (void)quire_cursor_mark(&cursor, start, end, &page);
    if (quire_cursor_query(&cursor, start).page.kind != page.kind)
        found("a promise was not heard");
    quire_cursor_close(&cursor);
}

static void protect(input_t *input, unsigned tree)
{
    unsigned prot = next_prot(input, tree);
    unsigned key = next(input, 4); /* 3: the key stays */
    bool possible = key == 0 || (tree != 0 && quire_format_keys(machine.format) > 1);
    quire_va_t start;
    quire_va_t end;
    quire_cursor_t cursor;

    next_range(input, tree, &start, &end);
    if (open_range(&cursor, tree, start, end, QUIRE_CURSOR_EDGES) != QUIRE_OK)
        return;
    if (key == 3)
        quire_cursor_protect(&cursor, start, end, prot);
    else if (quire_cursor_protect_key(&cursor, start, end, prot, key) != (possible ? QUIRE_OK : QUIRE_UNSUPPORTED))
        found("a key was refused, or given in vain");
    quire_cursor_close(&cursor);
}

/* Out of one place and into another, under one lock: what moving a mapping does. */
static void move(input_t *input, unsigned tree)
{
    quire_va_t from = next_page(input, tree);
    quire_va_t to = next_page(input, tree);
    quire_cursor_t cursor;

    if (open_range(&cursor, tree, from, from + PAGE, QUIRE_CURSOR_POPULATE) != QUIRE_OK)
        return;
    quire_page_t page = quire_cursor_take(&cursor, from);
    bool moved = quire_cursor_reopen(&cursor, to, to + PAGE, QUIRE_CURSOR_POPULATE) == QUIRE_OK;
    quire_page_kind_t there = moved ? quire_cursor_query(&cursor, to).page.kind : QUIRE_PAGE_MAPPED;
    moved = moved && there != QUIRE_PAGE_MAPPED && there != QUIRE_PAGE_HIDDEN;
    if (moved)
        quire_cursor_put(&cursor, to, &page);
    quire_cursor_close(&cursor);
    if (!moved && (page.kind == QUIRE_PAGE_MAPPED || page.kind == QUIRE_PAGE_HIDDEN) &&
        !(page.flags & QUIRE_PAGE_FOREIGN) &&
        quire_pmm_release(&machine.pmm, quire_frame((size_t)page.payload), NULL) != QUIRE_OK)
        found("a frame that was taken was not there");
}

static void replace_tree(unsigned tree)
{
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        if (machine.loaded[cpu] == tree)
            machine_load(cpu, 0);
    }
    uint32_t space = machine.trees[tree].space;
    if (space != 0)
        quire_table_destroy(&machine.trees[tree]);
    if (quire_table_create(&machine.trees[tree], &machine.trees[0], space + TREES) != QUIRE_OK)
        machine.trees[tree].space = 0;
}

static bool key_refuses(const quire_page_t *page, model_kind_t kind)
{
    unsigned refused = page->prot & QUIRE_PROT_USER ? PKRU >> 2 * page->key & 3 : 0;

    return kind != MODEL_EXECUTE && (refused == 1 || (refused == 2 && kind == MODEL_WRITE));
}

static bool allows(const quire_page_t *page, model_kind_t kind, model_mode_t mode)
{
    if (page->kind != QUIRE_PAGE_MAPPED || (mode == MODEL_USER && !(page->prot & QUIRE_PROT_USER)))
        return false;
    if (key_refuses(page, kind))
        return false;
    if (kind == MODEL_WRITE)
        return (page->prot & QUIRE_PROT_WRITE) && !(page->flags & QUIRE_PAGE_COPY_ON_WRITE);
    return kind != MODEL_EXECUTE || (page->prot & QUIRE_PROT_EXEC) || quire_format_levels(machine.format) == 2;
}

/* A CPU touches a page; the machine and the tree must agree about what happens. */
static void touch(input_t *input)
{
    unsigned cpu = next(input, 2);
    unsigned tree = next(input, 4) == 0 ? 0 : machine.loaded[cpu];
    quire_va_t va = next_page(input, tree);
    model_kind_t kind = (model_kind_t)next(input, 3);
    model_mode_t mode = next(input, 3) == 0 ? MODEL_SUPERVISOR : MODEL_USER;
    quire_cursor_t cursor;

    if (open_range(&cursor, tree, va, va + PAGE, QUIRE_CURSOR_READ) != QUIRE_OK)
        return;
    quire_extent_t extent = quire_cursor_query(&cursor, va);
    quire_cursor_close(&cursor);
    model_result_t result = model_access(machine.model, cpu, va, 8, kind, mode);
    if (result.fault.raised == allows(&extent.page, kind, mode))
        found(result.fault.raised ? "an access faulted that the tree allows" : "an access was allowed in vain");
    if (!result.fault.raised &&
        result.piece[0].pa >> QUIRE_PAGE_SHIFT != extent.page.payload + ((va - extent.start) >> QUIRE_PAGE_SHIFT))
        found("an access reached the wrong frame");
}

static void step(input_t *input)
{
    unsigned operation = next(input, 10);
    unsigned tree = next(input, TREES);

    machine.cpu = next(input, 2);
    if (machine.trees[tree].root.number == 0)
        operation = 6;
    switch (operation) {
    case 0:
    case 1:
        map(input, tree);
        break;
    case 2:
        mark(input, tree);
        break;
    case 3:
        protect(input, tree);
        break;
    case 4:
        move(input, tree);
        break;
    case 5:
        map_large(input, tree);
        break;
    case 6:
        if (tree != 0)
            replace_tree(tree);
        break;
    case 7:
        machine_load(machine.cpu, tree);
        break;
    case 8:
        promote(input, tree);
        break;
    default:
        break;
    }
    for (unsigned i = 0; i < 3; i++)
        touch(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t input = {data, size};

    machine_start(next(&input, 4));
    for (unsigned i = 0; i < STEPS_MAX && input.size > 0; i++)
        step(&input);
    machine_end();
    return 0;
}
