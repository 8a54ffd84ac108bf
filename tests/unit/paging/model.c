/* SPDX-License-Identifier: MIT */
#include "model.h"

static void add_border(model_t *model, quire_va_t border)
{
    size_t at = 0;

    while (at < model->count && model->cells[at].start < border)
        at++;
    if (at < model->count && model->cells[at].start == border)
        return;
    CHECK(model->count < CELLS_MAX);
    for (size_t i = model->count++; i > at; i--)
        model->cells[i] = model->cells[i - 1];
    model->cells[at] = (cell_t){.start = border};
}

void model_make(model_t *model, fixture_t *fixture, quire_table_t *table)
{
    const quire_format_t *format = fixture->format;
    quire_va_t limit = fixture->top - PAGE;

    *model = (model_t){.fixture = fixture, .table = table};
    add_border(model, 0);
    for (unsigned level = 1; level <= quire_format_levels(format); level++) {
        quire_va_t span = (quire_va_t)quire_format_span(format, level);

        for (quire_va_t i = 1; i <= 2; i++)
            add_border(model, i * span);
        add_border(model, 2 * span - PAGE);
        add_border(model, 2 * span + PAGE);
        add_border(model, 2 * span + 2 * PAGE);
        add_border(model, 2 * span - 2 * PAGE);
        if (level > 1)
            add_border(model, 2 * span - (quire_va_t)quire_format_span(format, level - 1));
    }
    for (size_t i = 0; i < model->count; i++)
        model->cells[i].end = i + 1 < model->count ? model->cells[i + 1].start : limit;
    CHECK(model->cells[model->count - 1].start < limit);
}

size_t model_cell_pages(const cell_t *cell)
{
    return (size_t)((cell->end - cell->start) >> QUIRE_PAGE_SHIFT);
}

bool model_has_frame(const quire_page_t *page)
{
    return page->kind == QUIRE_PAGE_MAPPED || page->kind == QUIRE_PAGE_HIDDEN;
}

size_t model_mapped_pages(const model_t *model, size_t first, size_t end)
{
    size_t pages = 0;

    for (size_t i = first; i < end; i++)
        pages += model->cells[i].page.kind == QUIRE_PAGE_MAPPED ? model_cell_pages(&model->cells[i]) : 0;
    return pages;
}

size_t model_taken_pages(const model_t *model, size_t first, size_t end)
{
    size_t pages = 0;

    for (size_t i = first; i < end; i++)
        pages += model->cells[i].page.kind == QUIRE_PAGE_EMPTY ? 0 : model_cell_pages(&model->cells[i]);
    return pages;
}

quire_page_t model_protected(const quire_page_t *page, unsigned prot, unsigned key)
{
    quire_page_t result = *page;
    bool reachable = (prot & ~(unsigned)QUIRE_PROT_USER) != 0;

    if (page->kind == QUIRE_PAGE_EMPTY)
        return result;
    result.prot = (uint8_t)prot;
    if (key != KEY_KEPT)
        result.key = (uint8_t)key;
    if ((prot & QUIRE_PROT_USER) == 0)
        result.key = 0;
    if (!model_has_frame(page))
        return result;
    result.kind = reachable ? QUIRE_PAGE_MAPPED : QUIRE_PAGE_HIDDEN;
    if (reachable)
        result.prot |= QUIRE_PROT_READ;
    else
        result.flags &= (uint16_t)~QUIRE_PAGE_ACCESSED;
    return result;
}

static void check_cell(quire_cursor_t *cursor, const cell_t *cell, quire_va_t va)
{
    quire_extent_t extent = quire_cursor_query(cursor, va);
    quire_page_t page = extent.page;

    if (model_has_frame(&cell->page))
        page.payload += (va - extent.start) >> QUIRE_PAGE_SHIFT;
    CHECK(extent.start <= va && va < extent.end);
    CHECK_EQUAL(page.kind, cell->page.kind);
    CHECK_EQUAL(page.prot, cell->page.prot);
    CHECK_EQUAL(page.key, cell->page.key);
    CHECK_EQUAL(page.flags, cell->page.flags);
    CHECK_EQUAL(page.payload,
                cell->page.payload + (model_has_frame(&cell->page) ? (va - cell->start) >> QUIRE_PAGE_SHIFT : 0));
}

void model_check(const model_t *model)
{
    fixture_t *fixture = model->fixture;
    quire_va_t end = model->cells[model->count - 1].end;
    quire_pmm_stats_t stats;
    quire_cursor_t cursor;
    size_t owned = 0;

    CHECK_OK(quire_cursor_open(&cursor, model->table, 0, end, QUIRE_CURSOR_READ));
    for (size_t i = 0; i < model->count; i++) {
        const cell_t *cell = &model->cells[i];
        quire_va_t random = (quire_va_t)test_random_below(model_cell_pages(cell)) * PAGE;

        check_cell(&cursor, cell, cell->start);
        check_cell(&cursor, cell, cell->start + random);
        check_cell(&cursor, cell, cell->end - PAGE);
        owned += model_has_frame(&cell->page) && !(cell->page.flags & QUIRE_PAGE_FOREIGN);
    }
    quire_cursor_close(&cursor);
    CHECK_OK(quire_table_check(model->table));
    CHECK_EQUAL(model->table->mapped_pages, model_mapped_pages(model, 0, model->count));
    quire_pmm_stats(fixture->pmm, &stats);
    CHECK_EQUAL(stats.owner_frames[QUIRE_OWNER_USER], owned);
    CHECK_EQUAL(stats.owner_frames[QUIRE_OWNER_TABLE], fixture->kernel.table_frames + model->table->table_frames);
}
