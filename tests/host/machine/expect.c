/* SPDX-License-Identifier: MIT */
/* expect.c - SDM volume 3, 4.6, 4.7 and 11.12.4, of one decoded entry. */
#include "expect.h"

bool expect_key_refuses(uint32_t pkru, unsigned key, model_kind_t kind)
{
    unsigned refused = pkru >> 2 * key & 3;

    return kind != MODEL_EXECUTE && (refused == 1 || refused == 3 || (refused == 2 && kind == MODEL_WRITE));
}

/* Supervisors' pages have no key. */
static bool key_refuses(uint32_t pkru, const quire_page_t *page, model_kind_t kind)
{
    return (page->prot & QUIRE_PROT_USER) && expect_key_refuses(pkru, page->key, kind);
}

bool expect_allowed(const quire_format_t *format, uint32_t pkru, const quire_page_t *page, model_kind_t kind,
                    model_mode_t mode)
{
    if (page->kind != QUIRE_PAGE_MAPPED || (mode == MODEL_USER && !(page->prot & QUIRE_PROT_USER)))
        return false;
    if (key_refuses(pkru, page, kind))
        return false;
    if (kind == MODEL_WRITE)
        return (page->prot & QUIRE_PROT_WRITE) && !(page->flags & QUIRE_PAGE_COPY_ON_WRITE);
    return kind != MODEL_EXECUTE || (page->prot & QUIRE_PROT_EXEC) || quire_format_levels(format) == 2;
}

uint32_t expect_code(const quire_format_t *format, uint32_t pkru, const quire_page_t *page, model_kind_t kind,
                     model_mode_t mode)
{
    bool present = page->kind == QUIRE_PAGE_MAPPED;
    uint32_t code = present ? MODEL_PF_P : 0;

    code |= kind == MODEL_WRITE ? MODEL_PF_W : 0;
    code |= kind == MODEL_EXECUTE && quire_format_levels(format) > 2 ? MODEL_PF_ID : 0;
    code |= present && key_refuses(pkru, page, kind) ? MODEL_PF_PK : 0;
    return code | (mode == MODEL_USER ? MODEL_PF_U : 0);
}

model_memory_type_t expect_type(const quire_page_t *page)
{
    static const model_memory_type_t types[] = {MODEL_WB, MODEL_WT, MODEL_UC, MODEL_UC,
                                                MODEL_WC, MODEL_WP, MODEL_UC, MODEL_UC};
    unsigned index = (page->flags & QUIRE_PAGE_WRITE_THROUGH ? 1 : 0) | (page->flags & QUIRE_PAGE_UNCACHED ? 2 : 0);

    return types[index | (page->flags & QUIRE_PAGE_PAT ? 4 : 0)];
}
