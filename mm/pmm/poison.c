/* SPDX-License-Identifier: MIT */
/*
 * poison.c - frames that are written after they were freed: found when they are handed out again.
 *
 * Problem: who keeps using a frame it has freed damages the next owner, long after and far away.
 *
 * Idea: a build with QUIRE_PMM_POISON=1 fills each frame with a pattern when it is freed and looks at every word of it
 * when it is allocated. Both go through windows, so that memory above the direct map is covered too. A difference is a
 * panic that names the frame and its last owner.
 *
 * Which frames have been filled is told by their tags: the owner of a free frame is none until it is freed for the
 * first time. So the owner is written into the tag of every frame of a block, not only of the first; nobody else reads
 * the tags inside a block but to find them free.
 *
 * Cost: one page written and one read for each frame. Without the macro the calls in alloc.c and free.c are not
 * compiled. A write that happens to be the pattern is not found, nor is one that has not happened when the frame is
 * handed out again.
 *
 * Rejected: a guard mapping for each freed frame (a flush for each free, and the direct map must be made of small
 * pages); a checksum (a table of its own, and it does not tell what was written).
 */
#include "pmm.h"

#include "string.h"

#define PATTERN_BYTE 0xd5
#define PATTERN      (WORD_FULL / 255 * PATTERN_BYTE)

void quire_pmm_poison_fill(const quire_pmm_t *pmm, size_t index, uint8_t tag)
{
    size_t frames = (size_t)1 << ((tag & TAG_CODE) - 1u);

    for (size_t at = 0; at < frames; at++) {
        void *window = quire_port_window_open(quire_frame(frame_number(pmm, index + at)));
        memset(window, PATTERN_BYTE, QUIRE_PAGE_BYTES);
        quire_port_window_close(window);
        if (at > 0)
            store_relaxed(&pmm->tags[index + at], (uint8_t)(tag >> TAG_OWNER_SHIFT << TAG_OWNER_SHIFT));
    }
}

static bool is_untouched(const quire_pmm_t *pmm, size_t index)
{
    word_t *window = quire_port_window_open(quire_frame(frame_number(pmm, index)));
    bool same = true;

    for (size_t at = 0; at < QUIRE_PAGE_BYTES / sizeof(word_t); at++)
        same &= window[at] == PATTERN;
    quire_port_window_close(window);
    return same;
}

void quire_pmm_poison_verify(const quire_pmm_t *pmm, size_t index, unsigned order)
{
    for (size_t at = index; at < index + ((size_t)1 << order); at++) {
        quire_owner_t owner = (quire_owner_t)(load_relaxed(&pmm->tags[at]) >> TAG_OWNER_SHIFT);
        if (owner != QUIRE_OWNER_NONE && !is_untouched(pmm, at))
            quire_pmm_report(pmm, at, "was written after it was freed", true);
    }
}
