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
    CHECK_EQUAL(result.segment_count, 2);
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
    image_set(&image, 0, IMAGE_ALIGN, (uint64_t)1 << 63); /* leaves no room: is not kept */
    CHECK_OK(image_parse(&image, &result, &reason));
    CHECK_EQUAL(result.bias, 0x555555554000);
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
    CHECK_OK(image_parse(&image, &result, &reason)); /* one over the other */
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

static void check_accepted(unsigned header, image_field_t field, uint64_t value)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, true);
    image_set(&image, header, field, value);
    CHECK_OK(image_parse(&image, &result, &reason));
    image_check(&image, &result);
}

/* What Linux loads, however odd it looks. */
TEST(elf, no_stricter_than_linux)
{
    check_accepted(1, IMAGE_FILE_BYTES, 0x7000);                /* beyond the end of the file */
    check_accepted(1, IMAGE_OFFSET, 0x123456ff0);               /* wholly */
    check_accepted(1, IMAGE_ADDRESS, 0x401ff0);                 /* overlaps */
    check_accepted(1, IMAGE_ADDRESS, 0x3ff0);                   /* descends */
    check_accepted(0, IMAGE_FLAGS, ELF_PROT_READ);              /* nothing to execute at the entry */
    check_accepted(0, IMAGE_MEMORY_BYTES, 0x100000);            /* reserves the hull of the next */
    check_accepted(1, IMAGE_ADDRESS, (uint64_t)0x7ffffffeaff0); /* to the very end */
}

TEST(elf, identification_is_not_asked)
{
    static const uint64_t entries[] = {0, IMAGE_TEXT - 1, IMAGE_TEXT + 0x2000, IMAGE_DATA};
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, true);
    image_put(&image, 4, 8, 0);
    CHECK_OK(image_parse(&image, &result, &reason));
    for (unsigned i = 0; i < 4; i++) {
        image_set_entry(&image, entries[i]);
        CHECK_OK(image_parse(&image, &result, &reason));
    }
    image_init(&image, false);
    image_put(&image, 18, 2, ELF_MACHINE_486);
    CHECK_OK(image_parse(&image, &result, &reason));
}

/* As many segments as there can be headers; the last one that holds the headers says where they are. */
TEST(elf, many_segments)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    image_init(&image, false);
    image_set_count(&image, ELF_SEGMENTS_MAX);
    for (unsigned i = 0; i < ELF_SEGMENTS_MAX; i++) {
        image_set(&image, i, IMAGE_KIND, 1);
        image_set(&image, i, IMAGE_FLAGS, ELF_PROT_READ | ELF_PROT_EXEC);
        image_set(&image, i, IMAGE_OFFSET, 0);
        image_set(&image, i, IMAGE_FILE_BYTES, 0x100);
        image_set(&image, i, IMAGE_MEMORY_BYTES, 0x100);
        image_set(&image, i, IMAGE_ADDRESS, IMAGE_TEXT + 0x1000 * (uint64_t)i);
    }
    CHECK_OK(image_parse(&image, &result, &reason));
    image_check(&image, &result);
    CHECK_EQUAL(result.segment_count, ELF_SEGMENTS_MAX);
    CHECK_EQUAL(result.headers, IMAGE_TEXT + 0x1000 * (ELF_SEGMENTS_MAX - 1) + 52);
}

/* Older than the question: on 32 bits all that can be read can be executed, on 64 nothing more than it says. */
TEST(elf, a_file_that_is_silent_about_its_stack)
{
    const char *reason = NULL;
    elf_image_t result;
    image_t image;

    for (unsigned wide = 0; wide < 2; wide++) {
        image_init(&image, wide != 0);
        image_set(&image, 2, IMAGE_KIND, 4);
        CHECK_OK(image_parse(&image, &result, &reason));
        CHECK_EQUAL(result.executable_stack, wide == 0);
        CHECK_EQUAL(result.readable_is_executable, wide == 0);
    }
}
