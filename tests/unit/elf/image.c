/* SPDX-License-Identifier: MIT */
/* image.c - executables made in memory, and what must be true of any that is accepted. */
#include "image.h"

#define USER_START 0x1000

static size_t header_at(const image_t *image, unsigned header)
{
    return image->wide ? 64 + 56 * header : 52 + 32 * header;
}

void image_put(image_t *image, size_t offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size && offset + i < IMAGE_BYTES; i++)
        image->bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

void image_set(image_t *image, unsigned header, image_field_t field, uint64_t value)
{
    static const uint8_t wide_at[] = {0, 4, 8, 16, 32, 40, 48};
    static const uint8_t narrow_at[] = {0, 24, 4, 8, 16, 20, 28};
    bool word = image->wide && field != IMAGE_KIND && field != IMAGE_FLAGS;

    image_put(image, header_at(image, header) + (image->wide ? wide_at : narrow_at)[field], word ? 8 : 4, value);
}

void image_set_entry(image_t *image, uint64_t entry)
{
    image_put(image, 24, image->wide ? 8 : 4, entry);
}

void image_set_count(image_t *image, unsigned count)
{
    image_put(image, image->wide ? 56 : 44, 2, count);
}

void image_set_headers(image_t *image, uint64_t offset)
{
    image_put(image, image->wide ? 32 : 28, image->wide ? 8 : 4, offset);
}

static void set_load(image_t *image, unsigned header, unsigned flags, uint64_t offset, uint64_t address,
                     uint64_t file_bytes, uint64_t memory_bytes)
{
    image_set(image, header, IMAGE_KIND, 1);
    image_set(image, header, IMAGE_FLAGS, flags);
    image_set(image, header, IMAGE_OFFSET, offset);
    image_set(image, header, IMAGE_ADDRESS, address);
    image_set(image, header, IMAGE_FILE_BYTES, file_bytes);
    image_set(image, header, IMAGE_MEMORY_BYTES, memory_bytes);
    image_set(image, header, IMAGE_ALIGN, 0x1000);
}

void image_init(image_t *image, bool wide)
{
    image->bytes = test_memory(IMAGE_BYTES);
    image->size = IMAGE_BYTES;
    image->wide = wide;
    image->machine = (elf_machine_t){wide ? ELF_CLASS_64 : ELF_CLASS_32, wide ? ELF_MACHINE_X86_64 : ELF_MACHINE_386,
                                     USER_START, wide ? 0x7ffffffff000 : 0xbffff000, false};
    image_put(image, 0, 4, 0x464c457f);
    image_put(image, 4, 1, image->machine.class);
    image_put(image, 5, 2, 0x0101); /* little-endian, version 1 */
    image_put(image, 16, 2, 2);     /* ET_EXEC */
    image_put(image, 18, 2, image->machine.machine);
    image_put(image, 20, 4, 1);
    image_set_entry(image, IMAGE_ENTRY);
    image_set_headers(image, header_at(image, 0));
    image_put(image, wide ? 52 : 40, 2, wide ? 64 : 52);
    image_put(image, wide ? 54 : 42, 2, wide ? 56 : 32);
    image_set_count(image, 3);
    set_load(image, 0, ELF_PROT_READ | ELF_PROT_EXEC, 0, IMAGE_TEXT, 0x2000, 0x2000);
    set_load(image, 1, ELF_PROT_READ | ELF_PROT_WRITE, IMAGE_DATA_AT, IMAGE_DATA, 0x1234, 0x8000);
    image_set(image, 2, IMAGE_KIND, 0x6474e551); /* PT_GNU_STACK */
    image_set(image, 2, IMAGE_FLAGS, ELF_PROT_READ | ELF_PROT_WRITE);
}

quire_status_t image_parse(const image_t *image, elf_image_t *result, const char **reason)
{
    return elf_parse(image->bytes, image->size, &image->machine, result, reason);
}

static void check_segments(const image_t *image, const elf_image_t *result)
{
    uint64_t highest = 0;

    for (unsigned i = 0; i < result->segment_count; i++) {
        const elf_segment_t *segment = &result->segments[i];

        CHECK(segment->memory_bytes > 0 && segment->file_bytes <= segment->memory_bytes);
        CHECK(segment->address >= image->machine.start);
        CHECK(segment->memory_bytes <= image->machine.end - segment->address);
        CHECK(segment->file_offset <= INT64_MAX - segment->memory_bytes);
        CHECK(segment->file_bytes == 0 || ((segment->address ^ segment->file_offset) & QUIRE_PAGE_MASK) == 0);
        if (segment->address + segment->memory_bytes > highest)
            highest = segment->address + segment->memory_bytes;
    }
    CHECK_EQUAL(result->end, highest);
}

void image_check(const image_t *image, const elf_image_t *result)
{
    CHECK(result->segment_count >= 1 && result->segment_count <= ELF_SEGMENTS_MAX);
    check_segments(image, result);
    CHECK(result->entry < image->machine.end);
    CHECK(result->headers == 0 || (result->headers >= image->machine.start && result->headers < result->end));
    CHECK((result->bias & QUIRE_PAGE_MASK) == 0 && (result->relocatable || result->bias == 0));
}
