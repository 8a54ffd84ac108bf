/* SPDX-License-Identifier: MIT */
/* flat.c - the flat model's arithmetic. */
#include "flat.h"

#include <stdlib.h>
#include <string.h>

static bool reachable(const flat_page_t *page)
{
    return page->kind == FLAT_PROMISE && page->filled && (page->prot & PROT_ACCESS) != 0;
}

static bool has_no_execute(const flat_t *flat)
{
    return quire_format_levels(flat->format) > 2;
}

/* The kernel's pages have no key. PKRU is that of the space's one thread, on whatever CPU it runs. */
static bool key_refuses(const flat_t *flat, const flat_page_t *page, model_kind_t kind)
{
    return flat->user && expect_key_refuses(flat->space.key_rights, page->key, kind);
}

/* What the library should say of an access that faulted. */
static quire_status_t judge(const flat_t *flat, const flat_page_t *page, model_kind_t kind, bool from_user)
{
    if (page->kind == FLAT_NOTHING)
        return QUIRE_NOT_FOUND;
    if (page->kind == FLAT_GUARD || (page->prot & PROT_ACCESS) == 0 || from_user != flat->user)
        return QUIRE_DENIED;
    if (kind == MODEL_WRITE && (page->prot & QUIRE_PROT_WRITE) == 0)
        return QUIRE_DENIED;
    if (key_refuses(flat, page, kind))
        return QUIRE_DENIED;
    return kind == MODEL_EXECUTE && (page->prot & QUIRE_PROT_EXEC) == 0 ? QUIRE_DENIED : QUIRE_OK;
}

/* SDM volume 3, 4.6 and 4.7: the kernel runs with CR0.WP, without SMEP and SMAP. */
flat_answer_t flat_expect(const flat_t *flat, size_t index, model_kind_t kind, bool from_user)
{
    const flat_page_t *page = &flat->pages[index];
    flat_answer_t answer = {.status = judge(flat, page, kind, from_user)};
    bool here = reachable(page);
    bool refused = here && key_refuses(flat, page, kind);

    if (!here || refused || (from_user && !flat->user))
        answer.faults = true;
    if (kind == MODEL_WRITE && ((page->prot & QUIRE_PROT_WRITE) == 0 || page->shared))
        answer.faults = true;
    if (kind == MODEL_EXECUTE && has_no_execute(flat) && (page->prot & QUIRE_PROT_EXEC) == 0)
        answer.faults = true;
    answer.code = here ? MODEL_PF_P : 0;
    answer.code |= refused ? MODEL_PF_PK : 0;
    answer.code |= from_user ? MODEL_PF_U : 0;
    answer.code |= kind == MODEL_WRITE ? MODEL_PF_W : 0;
    answer.code |= kind == MODEL_EXECUTE && has_no_execute(flat) ? MODEL_PF_ID : 0;
    return answer;
}

void flat_repair(flat_page_t *page, bool write)
{
    page->filled = true;
    if (write) {
        page->shared = false;
        page->perhaps = false;
    }
}

void flat_empty_page(flat_page_t *page)
{
    free(page->bytes);
    page->bytes = NULL;
    page->filled = false;
    page->shared = false;
    page->perhaps = false;
    page->dirty = false;
}

void flat_set(flat_t *flat, run_t run, flat_kind_t kind, uint8_t prot)
{
    for (size_t i = run.first; i < run.first + run.count; i++) {
        flat_empty_page(&flat->pages[i]);
        flat->pages[i].kind = (uint8_t)kind;
        flat->pages[i].prot = kind == FLAT_PROMISE ? prot : 0;
        flat->pages[i].key = 0;
    }
}

static uint8_t *new_bytes(const uint8_t *from)
{
    uint8_t *bytes = malloc(QUIRE_PAGE_BYTES);

    CHECK(bytes != NULL);
    if (from != NULL)
        memcpy(bytes, from, QUIRE_PAGE_BYTES);
    else
        memset(bytes, 0, QUIRE_PAGE_BYTES);
    return bytes;
}

void flat_copy(flat_t *child, flat_t *parent)
{
    for (size_t i = 0; i < parent->count; i++) {
        flat_page_t *page = &parent->pages[i];

        flat_empty_page(&child->pages[i]);
        page->shared = page->filled;
        page->perhaps = false;
        child->pages[i] = *page;
        if (page->bytes != NULL)
            child->pages[i].bytes = new_bytes(page->bytes);
    }
}

void flat_move(flat_t *flat, run_t from, run_t to)
{
    static flat_page_t pages[PAGES_MAX];
    const flat_page_t last = flat->pages[from.first + from.count - 1];
    size_t kept = from.count < to.count ? from.count : to.count;

    for (size_t i = 0; i < kept; i++) {
        pages[i] = flat->pages[from.first + i];
        flat->pages[from.first + i].bytes = NULL;
    }
    flat_set(flat, from, FLAT_NOTHING, 0);
    flat_set(flat, to, (flat_kind_t)last.kind, last.prot);
    for (size_t i = kept; i < to.count; i++)
        flat->pages[to.first + i].key = last.key;
    for (size_t i = 0; i < kept; i++)
        flat->pages[to.first + i] = pages[i];
}

uint8_t flat_byte(const flat_t *flat, size_t offset)
{
    const uint8_t *bytes = flat->pages[offset / QUIRE_PAGE_BYTES].bytes;

    return bytes == NULL ? 0 : bytes[offset % QUIRE_PAGE_BYTES];
}

void flat_write(flat_t *flat, size_t offset, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        flat_page_t *page = &flat->pages[(offset + i) / QUIRE_PAGE_BYTES];

        if (page->bytes == NULL)
            page->bytes = new_bytes(NULL);
        page->bytes[(offset + i) % QUIRE_PAGE_BYTES] = from[i];
    }
}

bool flat_same(const flat_t *flat, size_t offset, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (flat_byte(flat, offset + i) != bytes[i])
            return false;
    }
    return true;
}

size_t flat_count_kind(const flat_t *flat, run_t run, flat_kind_t kind)
{
    size_t count = 0;

    for (size_t i = run.first; i < run.first + run.count; i++)
        count += flat->pages[i].kind == kind;
    return count;
}

bool flat_is_free(const flat_t *flat, run_t run)
{
    return run.first + run.count <= flat->count && flat_count_kind(flat, run, FLAT_NOTHING) == run.count;
}

bool flat_has_hole(const flat_t *flat, size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < flat->count && length < count; i++)
        length = flat->pages[i].kind == FLAT_NOTHING ? length + 1 : 0;
    return length >= count;
}
