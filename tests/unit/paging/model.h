/* SPDX-License-Identifier: MIT */
/*
 * model.h - what a tree should say, kept as a flat list of cells.
 *
 * A cell is a range that no operation of the test cuts: a single page near a place where tables meet, or everything
 * between two such places. All its pages say the same (frames count up from page to page).
 */
#ifndef QUIRE_TEST_PAGING_MODEL_H
#define QUIRE_TEST_PAGING_MODEL_H

#include "fixture.h"

#define CELLS_MAX 96

typedef struct cell {
    quire_va_t start;
    quire_va_t end;
    quire_page_t page; /* of the cell's first page */
} cell_t;

typedef struct model {
    fixture_t *fixture;
    quire_table_t *table;
    size_t count;
    cell_t cells[CELLS_MAX];
} model_t;

void model_make(model_t *model, fixture_t *fixture, quire_table_t *table);

/* Compares every cell at three places, and every count. */
void model_check(const model_t *model);

size_t model_cell_pages(const cell_t *cell);
size_t model_mapped_pages(const model_t *model, size_t first, size_t end);
size_t model_taken_pages(const model_t *model, size_t first, size_t end);
bool model_has_frame(const quire_page_t *page);

/* What protection does to a page, by the contract; the key stays if it is KEY_KEPT. */
#define KEY_KEPT QUIRE_KEYS
quire_page_t model_protected(const quire_page_t *page, unsigned prot, unsigned key);

#endif
