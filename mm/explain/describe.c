/* SPDX-License-Identifier: MIT */
/* describe.c - a decoded entry in words. */
#include "paging/format/format.h"
#include "text.h"

/* The kind, and its payload where it has one. */
static void add_kind(text_t *text, const quire_page_t *page)
{
    const char *payload = NULL;

    switch (page->kind) {
    case QUIRE_PAGE_EMPTY:
        quire_text_add(text, "empty");
        return;
    case QUIRE_PAGE_TABLE:
        payload = "table in frame ";
        break;
    case QUIRE_PAGE_MAPPED:
        payload = "frame ";
        break;
    case QUIRE_PAGE_RESERVED:
        quire_text_add(text, "reserved, a zeroed frame on first touch");
        return;
    case QUIRE_PAGE_GUARD:
        quire_text_add(text, "guard, an access is an error");
        return;
    case QUIRE_PAGE_HIDDEN:
        payload = "hidden frame ";
        break;
    case QUIRE_PAGE_OBJECT:
        payload = "from object ";
        break;
    case QUIRE_PAGE_SWAPPED:
        payload = "swapped to slot ";
        break;
    case QUIRE_PAGE_BUSY:
        payload = "busy, ticket ";
        break;
    }
    quire_text_add(text, payload == NULL ? "unknown " : payload);
    quire_text_hex(text, page->payload);
}

static void add_prot(text_t *text, const quire_page_t *page)
{
    quire_text_add(text, page->prot & QUIRE_PROT_USER ? ", user" : ", kernel");
    if (page->kind == QUIRE_PAGE_HIDDEN)
        return;
    if (!(page->prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)))
        quire_text_add(text, ", no access");
    else
        quire_text_add(text, page->prot & QUIRE_PROT_WRITE ? ", writable" : ", read-only");
    if (page->prot & QUIRE_PROT_EXEC)
        quire_text_add(text, ", executable");
}

static void add_flags(text_t *text, unsigned flags)
{
    static const char *const words[] = {", copy on write", ", foreign",       ", global",   ", accessed",
                                        ", dirty",         ", write-through", ", uncached", ", upper cache types"};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (flags >> i & 1)
            quire_text_add(text, words[i]);
}

size_t quire_page_describe(const quire_page_t *page, char *bytes, size_t size)
{
    text_t text = {bytes, size, 0};

    if (size == 0)
        return 0;
    bytes[0] = '\0';
    add_kind(&text, page);
    if (page->kind != QUIRE_PAGE_EMPTY && page->kind != QUIRE_PAGE_GUARD) {
        add_prot(&text, page);
        add_flags(&text, page->flags);
        if (page->key != 0) {
            quire_text_add(&text, ", key ");
            quire_text_decimal(&text, page->key);
        }
    }
    return text.length;
}
