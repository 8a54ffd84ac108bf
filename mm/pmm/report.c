/* SPDX-License-Identifier: MIT */
/*
 * report.c - what is known of one frame, and a sentence about it: which, what is wrong with it, and who had it last.
 *
 * The last owner is often the answer, so it stands in every report. It is found in the tag of the block that the
 * frame lies in, or in its own if it is free. There is no printf here: a sentence is put together from texts and one
 * number.
 */
#include "pmm.h"

#include <quire/event.h>

const char *quire_owner_name(quire_owner_t owner)
{
    switch (owner) {
    case QUIRE_OWNER_NONE:
        return "none";
    case QUIRE_OWNER_KERNEL:
        return "kernel";
    case QUIRE_OWNER_TABLE:
        return "page table";
    case QUIRE_OWNER_USER:
        return "user";
    case QUIRE_OWNER_HEAP:
        return "heap";
    case QUIRE_OWNER_DEVICE:
        return "device";
    case QUIRE_OWNER_TEST:
        return "test";
    case QUIRE_OWNERS:
        break;
    }
    return "unknown";
}

size_t quire_pmm_block_start(const quire_pmm_t *pmm, size_t index)
{
    for (unsigned order = 0; order <= QUIRE_PMM_ORDER_MAX; order++) {
        size_t start = index >> order << order;
        unsigned code = tag_of(pmm, start) & TAG_CODE;
        if (code != TAG_FREE && code != TAG_UNMANAGED && start + ((size_t)1 << (code - 1)) > index)
            return start;
    }
    return NONE;
}

quire_frame_info_t quire_pmm_frame_info(const quire_pmm_t *pmm, quire_frame_t frame)
{
    quire_frame_info_t info = {0};

    size_t index = frame_index(pmm, frame);
    if (index == NONE)
        return info;
    uint8_t tag = tag_of(pmm, index);
    if ((tag & TAG_CODE) == TAG_UNMANAGED)
        return info;
    size_t start = quire_pmm_block_start(pmm, index);
    info.managed = true;
    info.allocated = start != NONE;
    info.owner = (quire_owner_t)((info.allocated ? tag_of(pmm, start) : tag) >> TAG_OWNER_SHIFT);
    if (start == index) {
        info.references = quire_pmm_references(pmm, frame);
        info.order = (tag & TAG_CODE) - 1u;
    }
    return info;
}

/* Out of the way, because a record on the stack costs the fast path its registers. */
__attribute__((cold)) void quire_pmm_tell(quire_event_kind_t kind, size_t number, unsigned tag)
{
    unsigned order = (tag & TAG_CODE) - 1;
    unsigned owner = tag >> TAG_OWNER_SHIFT;

    quire_event(.kind = (uint16_t)kind, .level = (uint8_t)order, .frame = number, .bytes = QUIRE_PAGE_BYTES << order,
                .detail = owner);
}

#define SENTENCE_BYTES 160

static size_t append_text(char *sentence, size_t length, const char *text)
{
    while (*text != '\0' && length < SENTENCE_BYTES - 1)
        sentence[length++] = *text++;
    sentence[length] = '\0';
    return length;
}

static size_t append_hex(char *sentence, size_t length, size_t number)
{
    char digits[2 * sizeof(number) + 1];
    size_t at = sizeof(digits) - 1;

    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number & 15];
        number >>= 4;
    } while (number != 0);
    return append_text(sentence, length, digits + at);
}

void quire_pmm_report(const quire_pmm_t *pmm, size_t index, const char *what, bool fatal)
{
    quire_frame_t frame = quire_frame(frame_number(pmm, index));
    quire_frame_info_t info = quire_pmm_frame_info(pmm, frame);
    char sentence[SENTENCE_BYTES];
    size_t length = append_text(sentence, 0, "pmm: frame 0x");

    length = append_hex(sentence, length, frame.number);
    /* An address has three digits more: it may be too wide for a number of this machine. */
    length = append_text(sentence, length, ", at 0x");
    length = append_hex(sentence, length, frame.number);
    length = append_text(sentence, length, "000, ");
    length = append_text(sentence, length, what);
    length = append_text(sentence, length, info.allocated ? "; its owner: " : "; its last owner: ");
    append_text(sentence, length, quire_owner_name(info.owner));
    if (fatal)
        quire_port_panic(sentence);
    quire_port_log(QUIRE_LOG_ERROR, sentence);
}
