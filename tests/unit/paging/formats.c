/* SPDX-License-Identifier: MIT */
/* formats.c - entries as words: what is encoded comes back, and what nobody wrote is answered sensibly. */
#include "paging/format/format.h"

#include "test.h"

static const unsigned all_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC | QUIRE_PROT_USER;

/* What an entry gives back of what it was given, by the contract of paging.h. */
static quire_page_t kept(const quire_page_t *page)
{
    quire_page_t result = *page;

    switch (page->kind) {
    case QUIRE_PAGE_EMPTY:
    case QUIRE_PAGE_TABLE:
        return (quire_page_t){.kind = page->kind};
    case QUIRE_PAGE_MAPPED:
        result.prot |= QUIRE_PROT_READ;
        return result;
    case QUIRE_PAGE_HIDDEN:
        result.prot &= QUIRE_PROT_USER;
        result.flags &= (uint16_t)~QUIRE_PAGE_ACCESSED;
        return result;
    case QUIRE_PAGE_RESERVED:
    case QUIRE_PAGE_GUARD:
    case QUIRE_PAGE_OBJECT:
    case QUIRE_PAGE_SWAPPED:
    case QUIRE_PAGE_BUSY:
        result.flags &= QUIRE_PAGE_COPY_ON_WRITE | QUIRE_PAGE_FOREIGN | QUIRE_PAGE_DIRTY | QUIRE_PAGE_UNCACHED;
        return result;
    }
    return result;
}

static void check_round_trip(const quire_format_t *format, unsigned level, const quire_page_t *page)
{
    quire_page_t expected = kept(page);
    uint64_t raw = entry_encode(format, level, page);
    quire_page_t actual = quire_format_decode(format, level, raw);

    CHECK_EQUAL(actual.kind, expected.kind);
    CHECK_EQUAL(actual.prot, expected.prot);
    CHECK_EQUAL(actual.key, expected.key);
    CHECK_EQUAL(actual.flags, expected.flags);
    CHECK_EQUAL(actual.payload, expected.payload);
    CHECK_EQUAL(raw & 1, page->kind == QUIRE_PAGE_MAPPED);
    CHECK_EQUAL(quire_paging_reserved_bits(format, level, raw, 52), 0);
    if (format->entry_bytes == 4)
        CHECK_EQUAL(raw >> 32, 0);
}

/* Every kind, protection and set of flags, with the smallest, the largest and a random payload. */
TEST(paging, every_page_comes_back_from_its_entry)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        uint64_t max = quire_format_payload_max(*format);

        for (unsigned i = 0; i < 9u * 16 * 256 * 3; i++) {
            unsigned level = 1 + (unsigned)test_random_below(quire_format_levels(*format));
            const uint64_t payloads[3] = {0, max, test_random_below(max)};
            quire_page_t page = {.kind = (quire_page_kind_t)(i % 9),
                                 .prot = (uint8_t)(i / 9 % 16),
                                 .key = (uint8_t)(i % 9 < 2 ? 0 : test_random_below(quire_format_keys(*format))),
                                 .flags = (uint16_t)(i / 144 % 256),
                                 .payload = payloads[i / 36864]};

            if (page.kind == QUIRE_PAGE_EMPTY)
                page = (quire_page_t){.kind = QUIRE_PAGE_EMPTY};
            if (page.kind == QUIRE_PAGE_MAPPED || page.kind == QUIRE_PAGE_HIDDEN)
                page.payload &= ~(quire_format_span(*format, level) / QUIRE_PAGE_BYTES - 1);
            if (entry_encodable(*format, level, &page))
                check_round_trip(*format, level, &page);
            else
                CHECK(page.kind == QUIRE_PAGE_TABLE || (page.key != 0 && !(page.prot & QUIRE_PROT_USER)) ||
                      !(page.prot & ~QUIRE_PROT_USER & all_prot) || (page.flags & 3) == 3 || page.payload > SIZE_MAX ||
                      !quire_format_maps_at(*format, level));
        }
    }
}

/* Any word is answered, names nothing beyond the format, and is a table only where tables hang. */
TEST(paging, any_word_is_answered)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        for (unsigned i = 0; i < 20000 * test_effort(); i++) {
            unsigned level = (unsigned)test_random_below(8);
            uint64_t raw = test_random();
            quire_page_t page;
            char words[200];

            if (i % 4 == 0)
                raw &= test_random() & test_random();
            page = quire_format_decode(*format, level, raw);
            CHECK(page.kind <= QUIRE_PAGE_BUSY);
            CHECK(page.prot <= all_prot);
            CHECK(page.key < quire_format_keys(*format));
            CHECK(page.payload >> 40 == 0);
            if (level < 2 || level > quire_format_levels(*format))
                CHECK(page.kind != QUIRE_PAGE_TABLE);
            if (page.kind == QUIRE_PAGE_MAPPED)
                CHECK(quire_format_maps_at(*format, level) || level == quire_format_levels(*format));
            CHECK(quire_page_describe(&page, words, sizeof(words)) < sizeof(words));
        }
    }
}

static const unsigned key_shift = 59; /* SDM volume 3, tables 4-15 to 4-20: bits 62:59 */

static quire_page_t page_of_kind(quire_page_kind_t kind, unsigned prot, unsigned key)
{
    quire_page_t page = {.kind = kind, .prot = (uint8_t)prot, .key = (uint8_t)key};

    if (kind != QUIRE_PAGE_EMPTY)
        page.payload = (uint64_t)1 << 18;
    return page;
}

/* Every kind, protection, key and level: the key stands where the manual has it, or is refused. */
TEST(paging, every_key_comes_back_or_is_refused)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        bool has_keys = quire_format_levels(*format) >= 4;

        CHECK_EQUAL(quire_format_keys(*format), has_keys ? QUIRE_KEYS : 1);
        for (unsigned i = 0; i < 9u * 16 * 20 * quire_format_levels(*format); i++) {
            unsigned key = i % 20;
            unsigned level = 1 + i / 20 / 16 / 9;
            quire_page_t page = page_of_kind((quire_page_kind_t)(i / 20 / 16 % 9), i / 20 % 16, key);
            quire_page_t plain = page;
            bool possible = key == 0 || (key < QUIRE_KEYS && has_keys && (page.prot & QUIRE_PROT_USER));

            plain.key = 0;
            if (!entry_encodable(*format, level, &plain)) {
                CHECK(!entry_encodable(*format, level, &page));
                continue;
            }
            CHECK_EQUAL(entry_encodable(*format, level, &page), possible);
            if (!possible || page.kind == QUIRE_PAGE_EMPTY)
                continue;
            check_round_trip(*format, level, &page);
            CHECK_EQUAL(entry_encode(*format, level, &page),
                        entry_encode(*format, level, &plain) | (uint64_t)key << key_shift);
        }
    }
}

/* A table's entry has no key, and in formats without keys the bits mean nothing. */
TEST(paging, a_key_is_a_pages)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        uint64_t bits = (uint64_t)5 << key_shift;
        bool has_keys = quire_format_keys(*format) > 1;

        CHECK_EQUAL(quire_format_decode(*format, 1, 0x400007 | bits).key, has_keys ? 5 : 0);
        CHECK_EQUAL(quire_format_decode(*format, 2, 0x400087 | bits).key, has_keys ? 5 : 0);
        CHECK_EQUAL(quire_format_decode(*format, 2, 0x400007 | bits).key, 0);
        CHECK_EQUAL(quire_format_decode(*format, 1, 0x82 | bits).key, has_keys ? 5 : 0);
        CHECK_EQUAL(quire_format_decode(*format, 1, 0).key, 0);
    }
}

/* A frame number shifted before it is widened loses what lies above 4 GiB. */
TEST(paging, frames_above_4_gib_keep_their_number)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .prot = QUIRE_PROT_READ, .payload = 0x123456};

        if (quire_format_payload_max(*format) < page.payload) {
            CHECK(!entry_encodable(*format, 1, &page));
            continue;
        }
        CHECK_EQUAL(entry_encode(*format, 1, &page) & (*format)->address_mask, 0x123456000u);
        CHECK_EQUAL(entry_encode_table(*format, 2, quire_frame(0x123456), true) & (*format)->address_mask,
                    0x123456000u);
        CHECK_EQUAL(entry_table(*format, 0x123456067u).number, 0x123456);
    }
}

/* What a not-present entry seems to name must not be memory that could be in a cache. */
TEST(paging, promises_name_no_memory)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        if ((*format)->entry_bytes == 4)
            continue;
        for (unsigned i = 0; i < 1000; i++) {
            quire_page_t page = {.kind = (quire_page_kind_t)(QUIRE_PAGE_RESERVED + test_random_below(6)),
                                 .prot = (uint8_t)test_random_below(16),
                                 .payload = test_random_below((uint64_t)1 << 33)};
            uint64_t raw = entry_encode(*format, 1, &page);

            /* Half of 46 bits, the least that a processor with this fault has, and above. */
            CHECK((raw & (*format)->address_mask) >> 45 == 0x7f);
        }
    }
}

TEST(paging, hardware_bits_stand_where_the_manual_has_them)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        bool no_execute = (*format)->no_execute;
        quire_page_t page = {.kind = QUIRE_PAGE_MAPPED, .prot = QUIRE_PROT_WRITE | QUIRE_PROT_EXEC, .payload = 0x400};

        CHECK_EQUAL(entry_encode(*format, 1, &page), 0x400003u | (no_execute ? 0 : 0x800u));
        page.prot = QUIRE_PROT_READ | QUIRE_PROT_USER;
        CHECK_EQUAL(entry_encode(*format, 1, &page), 0x400005u | (no_execute ? (uint64_t)1 << 63 : 0));
        page.flags = QUIRE_PAGE_PAT | QUIRE_PAGE_WRITE_THROUGH | QUIRE_PAGE_GLOBAL;
        CHECK_EQUAL(entry_encode(*format, 1, &page) & ~((uint64_t)1 << 63), 0x40018du);
        CHECK_EQUAL(entry_encode(*format, 2, &page) & ~((uint64_t)1 << 63), 0x40118du);
        page.flags = QUIRE_PAGE_COPY_ON_WRITE;
        page.prot = QUIRE_PROT_WRITE;
        CHECK_EQUAL(entry_encode(*format, 1, &page) & 2, 0);
        CHECK_EQUAL(entry_encode_table(*format, 2, quire_frame(5), true), 0x5007);
        CHECK_EQUAL(entry_encode_table(*format, 2, quire_frame(5), false),
                    quire_format_levels(*format) == 2 ? 0x5003 : 0x5003);
        if (quire_format_levels(*format) == 3)
            CHECK_EQUAL(entry_encode_table(*format, 3, quire_frame(5), true), 0x5001);
    }
}

TEST(paging, reserved_bits_are_told)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        unsigned levels = quire_format_levels(*format);

        CHECK_EQUAL(quire_paging_reserved_bits(*format, 1, 0x80, 52), 0);
        if (levels == 2) {
            CHECK_EQUAL(quire_paging_reserved_bits(*format, 2, 0x200081, 52), 0x200000);
            CHECK_EQUAL(quire_paging_reserved_bits(*format, 2, 0x100081, 52), 0);
            continue;
        }
        CHECK_EQUAL(quire_paging_reserved_bits(*format, 2, 0x3081, 52), 0x2000);
        CHECK_EQUAL(quire_paging_reserved_bits(*format, 1, (uint64_t)3 << 39 | 1, 40), (uint64_t)1 << 40);
        CHECK_EQUAL(quire_paging_reserved_bits(*format, 1, (uint64_t)1 << 60 | 1, 40),
                    levels == 3 ? (uint64_t)1 << 60 : 0);
        if (levels == 3)
            CHECK_EQUAL(quire_paging_reserved_bits(*format, 3, 0x5027, 52), 0x26);
        else
            CHECK_EQUAL(quire_paging_reserved_bits(*format, 4, 0x50a7, 52), 0x80);
    }
}

TEST(paging, geometry)
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        unsigned levels = quire_format_levels(*format);

        CHECK_EQUAL(quire_format_span(*format, 0), 0);
        CHECK_EQUAL(quire_format_span(*format, 1), 4096);
        CHECK_EQUAL(quire_format_span(*format, 2), levels == 2 ? 4u << 20 : 2u << 20);
        CHECK_EQUAL(quire_format_span(*format, levels + 1), 0);
        CHECK(quire_format_maps_at(*format, 2));
        CHECK(!quire_format_maps_at(*format, 0));
        CHECK(!quire_format_maps_at(*format, 4));
        CHECK_EQUAL(quire_format_maps_at(*format, 3), levels > 3);
        CHECK(quire_format_name(*format)[0] == 'x');
    }
}
