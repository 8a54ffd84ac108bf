/* SPDX-License-Identifier: MIT */
/* refused.c - files that are not executables, or not sound ones: a status, a reason, and nothing else. */
#include "image.h"

static void check_refused(const image_t *image, quire_status_t expected)
{
    elf_image_t result = {.entry = 0x1badc0de};
    const char *reason = NULL;

    CHECK_EQUAL(image_parse(image, &result, &reason), expected);
    CHECK(reason != NULL && reason[0] != '\0');
    CHECK_EQUAL(result.entry, 0x1badc0de);
}

/* One number written over a sound file. */
typedef struct spoiled {
    uint16_t offset;
    uint8_t size;
    uint8_t status;
    uint64_t value;
} spoiled_t;

static void check_spoiled(bool wide, const spoiled_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        image_t image;

        image_init(&image, wide);
        image_put(&image, list[i].offset, list[i].size, list[i].value);
        check_refused(&image, (quire_status_t)list[i].status);
    }
}

TEST(elf, identity)
{
    static const spoiled_t list[] = {
        {0, 1, QUIRE_INVALID, 0x7e},        {1, 3, QUIRE_INVALID, 0},
        {0, 2, QUIRE_UNSUPPORTED, 0x2123},  {16, 2, QUIRE_INVALID, 0},
        {16, 2, QUIRE_INVALID, 1},          {16, 2, QUIRE_INVALID, 4},
        {16, 2, QUIRE_INVALID, 0xffff},     {18, 2, QUIRE_UNSUPPORTED, ELF_MACHINE_386},
        {18, 2, QUIRE_UNSUPPORTED, 0},      {54, 2, QUIRE_INVALID, 55},
        {54, 2, QUIRE_INVALID, 0},          {56, 2, QUIRE_INVALID, 0},
        {56, 2, QUIRE_INVALID, 74},         /* 4,096 bytes of them are the most */ {32, 8, QUIRE_INVALID, IMAGE_BYTES},
        {32, 8, QUIRE_INVALID, UINT64_MAX}, {32, 8, QUIRE_INVALID, UINT64_MAX - 100},
    };

    check_spoiled(true, list, sizeof(list) / sizeof(list[0]));
}

TEST(elf, identity_of_the_other_class)
{
    static const spoiled_t list[] = {
        {18, 2, QUIRE_UNSUPPORTED, ELF_MACHINE_X86_64},
        {42, 2, QUIRE_INVALID, 56},
        {28, 4, QUIRE_INVALID, UINT32_MAX},
    };

    check_spoiled(false, list, sizeof(list) / sizeof(list[0]));
}

static void check_segment(unsigned header, image_field_t field, uint64_t value, quire_status_t expected)
{
    image_t image;

    image_init(&image, true);
    image_set(&image, header, field, value);
    check_refused(&image, expected);
}

TEST(elf, segments)
{
    check_segment(0, IMAGE_FILE_BYTES, 0x2001, QUIRE_INVALID);        /* more than in memory */
    check_segment(1, IMAGE_OFFSET, UINT64_MAX - 15, QUIRE_INVALID);   /* wraps */
    check_segment(1, IMAGE_OFFSET, 0x2ff8, QUIRE_INVALID);            /* disagrees with the address */
    check_segment(1, IMAGE_MEMORY_BYTES, UINT64_MAX, QUIRE_NO_SPACE); /* wraps */
    check_segment(1, IMAGE_ADDRESS, 0xffffffffffffeff0, QUIRE_NO_SPACE);
    check_segment(1, IMAGE_MEMORY_BYTES, (uint64_t)1 << 47, QUIRE_NO_SPACE);
    check_segment(1, IMAGE_ADDRESS, 0xffffffff80000ff0, QUIRE_NO_SPACE); /* the kernel's */
    check_segment(1, IMAGE_ADDRESS, 0x7ffffffffff0, QUIRE_NO_SPACE);
    check_segment(0, IMAGE_ADDRESS, 0, QUIRE_NO_SPACE); /* page 0 */
    check_segment(0, IMAGE_KIND, 3, QUIRE_UNSUPPORTED); /* PT_INTERP */
    check_segment(2, IMAGE_KIND, 3, QUIRE_UNSUPPORTED);
}

TEST(elf, entry)
{
    static const uint64_t entries[] = {0x7ffffffff000, 0xffffffff80000000, UINT64_MAX};

    for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        image_t image;

        image_init(&image, true);
        image_set_entry(&image, entries[i]);
        check_refused(&image, QUIRE_INVALID);
    }
}

TEST(elf, nothing_to_load)
{
    image_t image;

    image_init(&image, true);
    image_set(&image, 0, IMAGE_KIND, 4);
    image_set(&image, 1, IMAGE_KIND, 4);
    check_refused(&image, QUIRE_INVALID);
}

/* Each prefix of a sound file is refused until its program headers are all there; what is cut off behind them reads as
 * zeros. */
static void check_prefixes(bool wide)
{
    size_t needed = wide ? 64 + 3 * 56 : 52 + 3 * 32;
    image_t image;

    image_init(&image, wide);
    for (size_t size = 0; size < IMAGE_BYTES; size += size < 512 ? 1 : 61) {
        elf_image_t result;
        const char *reason = NULL;

        image.size = size;
        if (size < needed)
            CHECK(image_parse(&image, &result, &reason) != QUIRE_OK && reason != NULL);
        else
            CHECK_OK(image_parse(&image, &result, &reason));
    }
}

TEST(elf, cut_short_64)
{
    check_prefixes(true);
}

TEST(elf, cut_short_32)
{
    check_prefixes(false);
}

/* A few bytes of the headers overwritten: refused, or sound in every respect. */
static void check_noise(bool wide)
{
    static const uint64_t favourites[] = {0, 1, 0xfff, 0x1000, 0x7fffffff, 0xffffffff, 0x7ffffffff000, UINT64_MAX};
    image_t image;

    image_init(&image, wide);
    for (unsigned round = 0; round < 3000 * test_effort(); round++) {
        uint8_t saved[256];
        elf_image_t result;
        const char *reason = NULL;

        for (unsigned i = 0; i < sizeof(saved); i++)
            saved[i] = image.bytes[i];
        for (uint64_t i = 1 + test_random_below(3); i > 0; i--) {
            uint64_t value = test_random_below(2) ? test_random() : favourites[test_random_below(8)];

            image_put(&image, (size_t)test_random_below(248), 1u << test_random_below(4), value);
        }
        if (image_parse(&image, &result, &reason) == QUIRE_OK)
            image_check(&image, &result);
        else
            CHECK(reason != NULL);
        for (unsigned i = 0; i < sizeof(saved); i++)
            image.bytes[i] = saved[i];
    }
}

TEST(elf, noise_64)
{
    check_noise(true);
}

TEST(elf, noise_32)
{
    check_noise(false);
}
