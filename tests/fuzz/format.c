/* SPDX-License-Identifier: MIT */
/*
 * format.c - any word in any place of any format: answered, described, and stable under decoding what was encoded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paging/format/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(const quire_format_t *format, unsigned level, uint64_t raw)
{
    quire_page_t page = entry_decode(format, level, raw);
    char words[256];

    if (quire_page_describe(&page, words, sizeof(words)) >= sizeof(words) - 1)
        abort();
    if (page.kind == QUIRE_PAGE_TABLE || !entry_encodable(format, level, &page))
        return;
    quire_page_t again = entry_decode(format, level, entry_encode(format, level, &page));
    if (again.kind != page.kind || again.payload != page.payload || again.prot != page.prot || again.key != page.key ||
        again.flags != page.flags)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const quire_format_t *const formats[] = {&quire_format_x86_32, &quire_format_x86_pae,
                                                    &quire_format_x86_4level, &quire_format_x86_5level};
    uint64_t raw = 0;

    if (size < 2 + sizeof(raw))
        return 0;
    const quire_format_t *format = formats[data[0] & 3];
    memcpy(&raw, data + 2, format->entry_bytes);
    check_word(format, 1 + data[1] % format->levels, raw);
    return 0;
}
