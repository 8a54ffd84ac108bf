/* SPDX-License-Identifier: MIT */
/*
 * random.c - random operations on a tree against the model, with frames running out now and then.
 *
 * An operation that answers QUIRE_NO_MEMORY must have changed nothing: the model is then left as it was, and compared.
 */
#include "model.h"

static const unsigned hidden_flags = QUIRE_PAGE_DIRTY | QUIRE_PAGE_WRITE_THROUGH | QUIRE_PAGE_UNCACHED | QUIRE_PAGE_PAT;

static bool enough_memory(quire_status_t status)
{
    if (status != QUIRE_NO_MEMORY)
        CHECK_OK(status);
    return status == QUIRE_OK;
}

static unsigned random_prot(void)
{
    return (unsigned)test_random_below(16);
}

static unsigned random_reachable(void)
{
    return (unsigned)(1 + test_random_below(7)) | (test_random_below(2) ? (unsigned)QUIRE_PROT_USER : 0);
}

/* Some key, or none where there are none. */
static uint8_t random_key(const model_t *model, unsigned prot)
{
    if ((prot & QUIRE_PROT_USER) == 0)
        return 0;
    return (uint8_t)test_random_below(quire_format_keys(model->fixture->format));
}

static void mark(model_t *model, size_t first, size_t end)
{
    static const quire_page_kind_t kinds[] = {QUIRE_PAGE_EMPTY, QUIRE_PAGE_EMPTY, QUIRE_PAGE_RESERVED, QUIRE_PAGE_GUARD,
                                              QUIRE_PAGE_OBJECT};
    quire_page_t page = {.kind = kinds[test_random_below(5)]};
    quire_cursor_mode_t mode = test_random_below(8) == 0 ? QUIRE_CURSOR_POPULATE : QUIRE_CURSOR_EDGES;
    quire_va_t from = model->cells[first].start;
    quire_va_t to = model->cells[end - 1].end;
    size_t taken = model_taken_pages(model, first, end);
    quire_cursor_t cursor;

    if (page.kind != QUIRE_PAGE_EMPTY)
        page.prot = (uint8_t)random_prot();
    page.key = random_key(model, page.prot);
    if (page.kind == QUIRE_PAGE_OBJECT) {
        page.payload = test_random_below(quire_format_payload_max(model->fixture->format));
        page.flags = test_random_below(2) ? QUIRE_PAGE_COPY_ON_WRITE : 0;
    }
    if (!enough_memory(quire_cursor_open(&cursor, model->table, from, to, mode)))
        return;
    CHECK_EQUAL(quire_cursor_mark(&cursor, from, to, &page), taken);
    quire_cursor_close(&cursor);
    for (size_t i = first; i < end; i++)
        model->cells[i].page = page;
}

static void protect(model_t *model, size_t first, size_t end)
{
    quire_va_t from = model->cells[first].start;
    quire_va_t to = model->cells[end - 1].end;
    unsigned prot = random_prot();
    unsigned key = test_random_below(2) ? random_key(model, prot) : KEY_KEPT;
    quire_cursor_t cursor;

    if (!enough_memory(quire_cursor_open(&cursor, model->table, from, to, QUIRE_CURSOR_EDGES)))
        return;
    if (key == KEY_KEPT)
        quire_cursor_protect(&cursor, from, to, prot);
    else
        CHECK_OK(quire_cursor_protect_key(&cursor, from, to, prot, key));
    quire_cursor_close(&cursor);
    for (size_t i = first; i < end; i++)
        model->cells[i].page = model_protected(&model->cells[i].page, prot, key);
}

/* The page that mapping would make, with a frame of the PMM or one of a device. False: no frame is left. */
static bool random_mapped(model_t *model, quire_page_t *page)
{
    quire_frame_t frame = {FOREIGN_BASE + (size_t)test_random_below(1000)};
    bool foreign = test_random_below(4) == 0;

    if (!foreign &&
        quire_pmm_alloc(model->fixture->pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frame) != QUIRE_OK)
        return false;
    *page = (quire_page_t){.kind = QUIRE_PAGE_MAPPED, .prot = (uint8_t)random_reachable(), .payload = frame.number};
    page->flags = (uint16_t)(test_random() & (hidden_flags | QUIRE_PAGE_ACCESSED));
    if (foreign)
        page->flags |= QUIRE_PAGE_FOREIGN;
    else if (test_random_below(2))
        page->flags |= QUIRE_PAGE_COPY_ON_WRITE;
    return true;
}

static void release(model_t *model, const quire_page_t *page)
{
    if (model_has_frame(page) && !(page->flags & QUIRE_PAGE_FOREIGN))
        CHECK_OK(quire_pmm_release(model->fixture->pmm, quire_frame((size_t)page->payload), NULL));
}

static void map(model_t *model, cell_t *cell)
{
    bool taken = model_has_frame(&cell->page);
    quire_page_t page;
    quire_cursor_t cursor;

    if (!random_mapped(model, &page))
        return;
    if (!enough_memory(quire_cursor_open(&cursor, model->table, cell->start, cell->end, QUIRE_CURSOR_POPULATE))) {
        release(model, &page);
        return;
    }
    CHECK_EQUAL(quire_cursor_map(&cursor, cell->start, 1, quire_frame((size_t)page.payload), page.prot, page.flags),
                taken ? QUIRE_EXISTS : QUIRE_OK);
    quire_cursor_close(&cursor);
    if (taken) {
        release(model, &page);
        return;
    }
    cell->page = page;
    cell->page.prot |= QUIRE_PROT_READ;
}

static void take(model_t *model, cell_t *cell)
{
    quire_page_t page;
    quire_cursor_t cursor;

    if (!enough_memory(quire_cursor_open(&cursor, model->table, cell->start, cell->end, QUIRE_CURSOR_POPULATE)))
        return;
    page = quire_cursor_take(&cursor, cell->start);
    CHECK_EQUAL(page.kind, cell->page.kind);
    CHECK_EQUAL(page.prot, cell->page.prot);
    CHECK_EQUAL(page.key, cell->page.key);
    CHECK_EQUAL(page.flags, cell->page.flags);
    CHECK_EQUAL(page.payload, cell->page.payload);
    quire_cursor_close(&cursor);
    release(model, &page);
    cell->page = (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
}

/* Swapped, busy or a plain promise over what holds no frame; new flags over what does. */
static void put(model_t *model, cell_t *cell)
{
    quire_page_t page = cell->page;
    quire_cursor_t cursor;

    if (page.kind == QUIRE_PAGE_MAPPED) {
        page.flags &= QUIRE_PAGE_FOREIGN | QUIRE_PAGE_UNCACHED;
        page.flags |= page.flags & QUIRE_PAGE_FOREIGN || test_random_below(2) ? 0 : QUIRE_PAGE_COPY_ON_WRITE;
        page.key = random_key(model, page.prot);
    } else if (page.kind != QUIRE_PAGE_HIDDEN) {
        page = (quire_page_t){.kind = test_random_below(2) ? QUIRE_PAGE_SWAPPED : QUIRE_PAGE_BUSY,
                              .prot = (uint8_t)random_prot(),
                              .payload = test_random_below(1 << 20)};
        page.flags = test_random_below(2) ? QUIRE_PAGE_COPY_ON_WRITE | QUIRE_PAGE_DIRTY : 0;
        page.key = random_key(model, page.prot);
        if (test_random_below(4) == 0)
            page = (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
    }
    if (!enough_memory(quire_cursor_open(&cursor, model->table, cell->start, cell->end, QUIRE_CURSOR_POPULATE)))
        return;
    unsigned flags = quire_cursor_put(&cursor, cell->start, &page);
    quire_cursor_close(&cursor);
    if (page.kind == QUIRE_PAGE_MAPPED) /* only harvesting clears them */
        page.flags |= cell->page.flags & (QUIRE_PAGE_ACCESSED | QUIRE_PAGE_DIRTY);
    CHECK_EQUAL(flags, page.flags);
    cell->page = page;
}

/* A large page over the cells that make up one entry of a higher level, if some do from `first` on. */
static void map_large(model_t *model, size_t first)
{
    const quire_format_t *format = model->fixture->format;
    unsigned level = 2 + (unsigned)test_random_below(2);
    quire_va_t start = model->cells[first].start;
    quire_va_t end = start + (quire_va_t)quire_format_span(format, level);
    unsigned prot = random_reachable();
    bool taken = false;
    size_t stop = first;

    if (!quire_format_maps_at(format, level) || start % quire_format_span(format, level) != 0)
        return;
    for (; stop < model->count && model->cells[stop].end <= end; stop++)
        taken = taken || model_has_frame(&model->cells[stop].page);
    if (stop == first || model->cells[stop - 1].end != end)
        return;
    quire_status_t status = paging_map_large(model->table, start, level, FOREIGN_BASE, prot, FOREIGN | QUIRE_PAGE_PAT);
    if (taken && status == QUIRE_EXISTS)
        return;
    if (!enough_memory(status))
        return;
    for (size_t i = first; i < stop; i++)
        model->cells[i].page =
            (quire_page_t){.kind = QUIRE_PAGE_MAPPED,
                           .prot = (uint8_t)(prot | QUIRE_PROT_READ),
                           .flags = FOREIGN | QUIRE_PAGE_PAT,
                           .payload = FOREIGN_BASE + ((model->cells[i].start - start) >> QUIRE_PAGE_SHIFT)};
}

static size_t random_single(const model_t *model)
{
    size_t at;

    do {
        at = (size_t)test_random_below(model->count);
    } while (model_cell_pages(&model->cells[at]) != 1);
    return at;
}

static void step(model_t *model)
{
    size_t first = (size_t)test_random_below(model->count);
    size_t end = first + 1 + (size_t)test_random_below(model->count - first);
    cell_t *single = &model->cells[random_single(model)];

    if (test_random_below(2))
        end = first + 1;
    switch (test_random_below(8)) {
    case 0:
        mark(model, first, end);
        break;
    case 1:
        protect(model, first, end);
        break;
    case 2:
        take(model, single);
        break;
    case 3:
        put(model, single);
        break;
    case 4:
        map_large(model, first);
        break;
    default:
        map(model, single);
        break;
    }
}

static void random_steps(fixture_t *fixture)
{
    static model_t model;

    model_make(&model, fixture, &fixture->table);
    for (unsigned i = 0; i < 250 * test_effort(); i++) {
        bool scarce = test_random_below(4) == 0;

        if (scarce)
            test_pmm_leave(fixture->pmm, (size_t)test_random_below(8));
        step(&model);
        if (scarce)
            test_pmm_restore(fixture->pmm);
        model_check(&model);
    }
}

TEST(paging, random_operations_against_a_model)
{
    paging_each_format(random_steps);
}
