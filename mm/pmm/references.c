/* SPDX-License-Identifier: MIT */
/*
 * references.c - who else holds a frame: a count beyond the first holder, read only where the tag says that there is
 * one.
 *
 * The count is raised before the mark is set, so that who sees the mark finds the count. It sticks at half of what it
 * can hold: a frame so widely shared is never freed.
 *
 * A page table is never shared, so its word is its holder's (quire_pmm_word): nothing here reads it, and the check lets
 * it be what it is as long as the table is in use.
 */
#include "pmm.h"

quire_status_t quire_pmm_retain(quire_pmm_t *pmm, quire_frame_t frame)
{
    size_t index = frame_index(pmm, frame);
    if (index == NONE)
        return QUIRE_CORRUPT;
    uint8_t tag = tag_of(pmm, index);
    if (!starts_block(tag))
        return QUIRE_CORRUPT;
    /* The count first: who sees the mark must find the count. */
    if (UNLIKELY(fetch_add(&pmm->extra[index], 1) >= EXTRA_PINNED - 1))
        store_relaxed(&pmm->extra[index], EXTRA_PINNED);
    if (!(tag & TAG_SHARED))
        fetch_or(&pmm->tags[index], TAG_SHARED);
    return QUIRE_OK;
}

uint32_t quire_pmm_references(const quire_pmm_t *pmm, quire_frame_t frame)
{
    size_t index = frame_index(pmm, frame);
    if (index == NONE)
        return 0;
    uint8_t tag = tag_of(pmm, index);
    if (!starts_block(tag))
        return 0;
    /* Who finds itself alone may write into the frame: what former holders did with it has happened before. */
    return 1 + ((tag & TAG_SHARED) ? load_acquire(&pmm->extra[index]) : 0);
}

uint32_t *quire_pmm_far_word(const quire_pmm_t *pmm, quire_frame_t frame)
{
    size_t index = frame_index(pmm, frame);

    return index == NONE ? NULL : &pmm->extra[index];
}
