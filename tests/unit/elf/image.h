/* SPDX-License-Identifier: MIT */
/* image.h - executables made in memory, byte by byte, for the tests of kernel/elf.c. */
#ifndef TESTS_UNIT_ELF_IMAGE_H
#define TESTS_UNIT_ELF_IMAGE_H

#include "test.h"

#include "elf.h"

#define IMAGE_BYTES   0x6000
#define IMAGE_TEXT    0x400000 /* address of the first segment, file offset 0 */
#define IMAGE_ENTRY   0x401010
#define IMAGE_DATA    0x403ff0 /* address of the second, file offset IMAGE_DATA_AT */
#define IMAGE_DATA_AT 0x3ff0

typedef struct image {
    uint8_t *bytes;
    size_t size;
    bool wide; /* ELF-64 */
    elf_machine_t machine;
} image_t;

/* Fields of a program header. */
typedef enum image_field {
    IMAGE_KIND,
    IMAGE_FLAGS,
    IMAGE_OFFSET,
    IMAGE_ADDRESS,
    IMAGE_FILE_BYTES,
    IMAGE_MEMORY_BYTES,
    IMAGE_ALIGN,
} image_field_t;

/* A sound executable of three headers: text (read, execute), data (read, write, with bss), PT_GNU_STACK. */
void image_init(image_t *image, bool wide);

void image_put(image_t *image, size_t offset, unsigned size, uint64_t value);
void image_set(image_t *image, unsigned header, image_field_t field, uint64_t value);
void image_set_entry(image_t *image, uint64_t entry);
void image_set_count(image_t *image, unsigned count);
void image_set_headers(image_t *image, uint64_t offset);

quire_status_t image_parse(const image_t *image, elf_image_t *result, const char **reason) QUIRE_MUST_CHECK;

/* Ends the test if an accepted image is not what elf.h promises. */
void image_check(const image_t *image, const elf_image_t *result);

#endif
