/* SPDX-License-Identifier: MIT */
/* model.c - the model, and its comparison with the space. The operations are in model_step.c. */
#include "model.h"

#include "string.h"

void vmm_model_create(model_t *model, fixture_t *fixture, uint32_t id, uint8_t *bytes)
{
    *model = (model_t){.fixture = fixture, .bytes = bytes};
    memset(bytes, 0, MODEL_BYTES);
    CHECK_OK(quire_vmm_create(&model->space, &fixture->kernel, id, MODEL_START, MODEL_END));
    model->alive = true;
}

void vmm_model_fill(model_t *model)
{
    quire_va_t va;

    CHECK_OK(quire_vmm_reserve(&model->space, MODEL_START, MODEL_BYTES, READ_WRITE, QUIRE_RESERVE_REPLACE, &va));
    memset(model->bytes, 0, MODEL_BYTES);
    model->space.key_rights = 0;
    for (size_t i = 0; i < MODEL_PAGES; i++) {
        uint8_t *bytes = model->bytes + i * QUIRE_PAGE_BYTES;

        model->pages[i] = (model_page_t){.kind = MODEL_PROMISE, .prot = READ_WRITE, .filled = i % 3 != 0};
        if (!model->pages[i].filled)
            continue;
        memset(bytes, (int)test_random_below(255) + 1, QUIRE_PAGE_BYTES);
        CHECK_OK(quire_vmm_copy_to_user(&model->space, MODEL_START + i * PAGE, bytes, QUIRE_PAGE_BYTES, NULL));
    }
}

bool vmm_model_fork(model_t *model, model_t *child, uint32_t id, bool scarce)
{
    quire_status_t status = quire_vmm_fork(&model->space, &child->space, id);

    if (scarce && status == QUIRE_NO_MEMORY)
        return false;
    CHECK_OK(status);
    memcpy(child->pages, model->pages, sizeof(child->pages));
    memcpy(child->bytes, model->bytes, MODEL_BYTES);
    child->alive = true;
    return true;
}

static quire_page_kind_t expected_kind(const model_page_t *page)
{
    if (page->kind == MODEL_NOTHING)
        return QUIRE_PAGE_EMPTY;
    if (page->kind == MODEL_GUARD)
        return QUIRE_PAGE_GUARD;
    if (!page->filled)
        return QUIRE_PAGE_RESERVED;
    return page->prot == QUIRE_PROT_NONE ? QUIRE_PAGE_HIDDEN : QUIRE_PAGE_MAPPED;
}

static void verify_page(model_t *model, quire_cursor_t *cursor, size_t index)
{
    const model_page_t *expected = &model->pages[index];
    quire_page_t page = quire_cursor_query(cursor, MODEL_START + index * PAGE).page;
    unsigned always = page.kind == QUIRE_PAGE_MAPPED ? QUIRE_PROT_READ : 0;

    CHECK_EQUAL(page.kind, expected_kind(expected));
    if (page.kind == QUIRE_PAGE_EMPTY)
        return;
    CHECK_EQUAL(page.key, expected->key);
    CHECK_EQUAL(page.prot | always, expected->prot | (unsigned)QUIRE_PROT_USER | always);
}

static void verify_counts(model_t *model)
{
    size_t reserved = 0;
    size_t mapped = 0;

    for (size_t i = 0; i < MODEL_PAGES; i++) {
        reserved += model->pages[i].kind != MODEL_NOTHING;
        mapped += expected_kind(&model->pages[i]) == QUIRE_PAGE_MAPPED;
    }
    CHECK_EQUAL(model->space.reserved_pages, reserved);
    CHECK_EQUAL(model->space.table.mapped_pages, mapped);
}

/* A few bytes of every page, and every byte of one. */
static void verify_content(model_t *model)
{
    static uint8_t page[QUIRE_PAGE_BYTES];
    size_t whole = (size_t)test_random_below(MODEL_PAGES);

    for (size_t i = 0; i < MODEL_PAGES; i++) {
        size_t bytes = i == whole ? QUIRE_PAGE_BYTES : 16;
        quire_status_t status = quire_vmm_peek(&model->space, page, MODEL_START + i * PAGE, bytes);

        switch (model->pages[i].kind) {
        case MODEL_NOTHING:
            CHECK_EQUAL(status, QUIRE_NOT_FOUND);
            break;
        case MODEL_GUARD:
            CHECK_EQUAL(status, QUIRE_DENIED);
            break;
        case MODEL_PROMISE:
            CHECK_OK(status);
            CHECK(memcmp(page, model->bytes + i * QUIRE_PAGE_BYTES, bytes) == 0);
            break;
        }
    }
}

/* The ranges cover exactly what is not empty, and each is of one kind. */
static void verify_ranges(model_t *model)
{
    quire_va_t at = 0;
    size_t index = 0;
    quire_vmm_range_t range;

    while (quire_vmm_next_range(&model->space, at, &range) == QUIRE_OK) {
        size_t filled = 0;

        CHECK(range.start < range.end && range.start >= at && range.end <= MODEL_END);
        for (; MODEL_START + index * PAGE < range.start; index++)
            CHECK_EQUAL(model->pages[index].kind, MODEL_NOTHING);
        for (; MODEL_START + index * PAGE < range.end; index++) {
            CHECK_EQUAL(model->pages[index].kind == MODEL_GUARD, range.guard);
            CHECK_EQUAL(model->pages[index].key, range.key);
            CHECK(model->pages[index].kind != MODEL_NOTHING);
            filled += model->pages[index].filled;
        }
        CHECK_EQUAL(range.mapped_pages, filled);
        at = range.end;
    }
    for (; index < MODEL_PAGES; index++)
        CHECK_EQUAL(model->pages[index].kind, MODEL_NOTHING);
}

void vmm_model_verify(model_t *model)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_vmm_check(&model->space));
    CHECK_OK(quire_cursor_open(&cursor, &model->space.table, MODEL_START, MODEL_END, QUIRE_CURSOR_READ));
    for (size_t i = 0; i < MODEL_PAGES; i++)
        verify_page(model, &cursor, i);
    quire_cursor_close(&cursor);
    verify_counts(model);
    verify_content(model);
    verify_ranges(model);
}
