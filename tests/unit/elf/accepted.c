/* SPDX-License-Identifier: MIT */
/* accepted.c - sound executables: what elf_parse() says of them. */
#include "image.h"

static void check_sound(bool wide)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, wide);
    CHECK_OK(image_parse(&image, &result, &reason));
    image_check(&image, &result);
    CHECK(!result.relocatable && !result.executable_stack);
    CHECK_EQUAL(result.entry, IMAGE_ENTRY);
    CHECK_EQUAL(result.segment_count, 2);
    CHECK_EQUAL(result.segments[0].prot, ELF_PROT_READ | ELF_PROT_EXEC);
    CHECK_EQUAL(result.segments[1].address, IMAGE_DATA);
    CHECK_EQUAL(result.segments[1].file_bytes, 0x1234);
    CHECK_EQUAL(result.end, IMAGE_DATA + 0x8000);
    CHECK_EQUAL(result.headers, IMAGE_TEXT + (wide ? 64 : 52));
    CHECK_EQUAL(result.header_count, 3);
    CHECK_EQUAL(result.header_bytes, wide ? 56 : 32);
}

TEST(elf, sound_64)
{
    check_sound(true);
}

TEST(elf, sound_32)
{
    check_sound(false);
}

TEST(elf, executable_stack_is_told)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, true);
    image_set(&image, 2, IMAGE_FLAGS, 7);
    CHECK_OK(image_parse(&image, &result, &reason));
    CHECK(result.executable_stack);
}

/* Text that ends and data that begins within one page, as linkers without -z separate-code place them. */
TEST(elf, segments_may_meet_in_a_page)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, true);
    image_set(&image, 0, IMAGE_FILE_BYTES, 0x3ff0);
    image_set(&image, 0, IMAGE_MEMORY_BYTES, 0x3ff0);
    CHECK_OK(image_parse(&image, &result, &reason));
    image_check(&image, &result);
}

TEST(elf, empty_segments_are_skipped)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, true);
    image_set(&image, 1, IMAGE_FILE_BYTES, 0);
    image_set(&image, 1, IMAGE_MEMORY_BYTES, 0);
    CHECK_OK(image_parse(&image, &result, &reason));
    CHECK_EQUAL(result.segment_count, 1);
}

/* A segment without bytes in the file may have any offset. */
TEST(elf, pure_bss)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, false);
    image_set(&image, 1, IMAGE_FILE_BYTES, 0);
    image_set(&image, 1, IMAGE_OFFSET, 0x123);
    CHECK_OK(image_parse(&image, &result, &reason));
    image_check(&image, &result);
}

TEST(elf, headers_outside_segments)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, true);
    image_set(&image, 0, IMAGE_OFFSET, 0x1000);
    image_set(&image, 0, IMAGE_ADDRESS, 0x401000);
    image_set(&image, 0, IMAGE_FILE_BYTES, 0x1000);
    image_set(&image, 0, IMAGE_MEMORY_BYTES, 0x1000);
    CHECK_OK(image_parse(&image, &result, &reason));
    CHECK_EQUAL(result.headers, 0);
}

static void make_relocatable(image_t *image, bool wide)
{
    image_init(image, wide);
    image_put(image, 16, 2, 3); /* ET_DYN */
    image_set(image, 0, IMAGE_ADDRESS, 0);
    image_set(image, 1, IMAGE_ADDRESS, IMAGE_DATA - IMAGE_TEXT);
    image_set_entry(image, IMAGE_ENTRY - IMAGE_TEXT);
}

static void check_placed(bool wide)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    make_relocatable(&image, wide);
    CHECK_OK(image_parse(&image, &result, &reason));
    image_check(&image, &result);
    CHECK(result.relocatable);
    CHECK_EQUAL(result.bias, wide ? 0x555555554000 : 0x7ffff000);
    CHECK_EQUAL(result.entry, result.bias + IMAGE_ENTRY - IMAGE_TEXT);
    CHECK_EQUAL(result.segments[0].address, result.bias);
    CHECK_EQUAL(result.headers, result.bias + (wide ? 64 : 52));
}

TEST(elf, position_independent_64)
{
    check_placed(true);
}

TEST(elf, position_independent_32)
{
    check_placed(false);
}

TEST(elf, position_independent_aligned)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    make_relocatable(&image, true);
    image_set(&image, 0, IMAGE_ALIGN, 0x200000);
    image_set(&image, 1, IMAGE_ALIGN, 12345); /* not a power of two: means nothing */
    CHECK_OK(image_parse(&image, &result, &reason));
    CHECK_EQUAL(result.bias & 0x1fffff, 0);
    image_set(&image, 0, IMAGE_ALIGN, (uint64_t)1 << 63);
    CHECK_EQUAL(image_parse(&image, &result, &reason), QUIRE_NO_SPACE);
}

TEST(elf, position_independent_too_large)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    make_relocatable(&image, true);
    image_set(&image, 1, IMAGE_MEMORY_BYTES, (uint64_t)1 << 46);
    CHECK_EQUAL(image_parse(&image, &result, &reason), QUIRE_NO_SPACE);
}

/* Code and data both at address 0: sound only where they are two address spaces. */
TEST(elf, code_and_data_apart)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, false);
    image.machine.start = 0;
    image_set(&image, 0, IMAGE_ADDRESS, 0);
    image_set(&image, 1, IMAGE_OFFSET, 0x3000);
    image_set(&image, 1, IMAGE_ADDRESS, 0);
    image_set(&image, 2, IMAGE_MEMORY_BYTES, 0x2000);
    image_set_entry(&image, 0x10);
    CHECK_EQUAL(image_parse(&image, &result, &reason), QUIRE_INVALID);
    image.machine.split = true;
    CHECK_OK(image_parse(&image, &result, &reason));
    CHECK_EQUAL(result.code_end, 0x2000);
    CHECK_EQUAL(result.end, 0x8000);
    CHECK_EQUAL(result.stack_bytes, 0x2000);
    image_set(&image, 1, IMAGE_FLAGS, ELF_PROT_READ | ELF_PROT_EXEC);
    CHECK_EQUAL(image_parse(&image, &result, &reason), QUIRE_INVALID);
    image_put(&image, 16, 2, 3); /* ET_DYN */
    CHECK_EQUAL(image_parse(&image, &result, &reason), QUIRE_UNSUPPORTED);
}
