/* SPDX-License-Identifier: MIT */
/*
 * complain.c - a sentence about a frame: which, what is wrong with it, and who had it last.
 *
 * The last owner is often the answer, so it stands in every complaint. It is found in the tag of the block that the
 * frame lies in, or in its own if it is free. There is no printf here: a sentence is put together from texts and one
 * number.
 */
#include "pmm/pmm_private.h"

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

void pmm_complain(const quire_pmm_t *pmm, size_t index, const char *what, bool fatal)
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
