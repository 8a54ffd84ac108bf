/* SPDX-License-Identifier: MIT */
/*
 * elf.c - any bytes at all as an executable.
 *
 *     clang -fsanitize=fuzzer,address,undefined -Iinclude -Ikernel -o fuzz-elf tests/fuzz/elf.c kernel/elf.c
 *     ./fuzz-elf -max_total_time=60 [CORPUS]
 *
 * What is accepted is read as the loader would read it, so that the sanitizer sees a segment that leaves the file.
 */
#include "elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static void check_segment(const uint8_t *data, size_t size, const elf_machine_t *machine, const elf_segment_t *segment)
{
    volatile uint8_t sum = 0;

    require(segment->address >= machine->start && segment->memory_bytes != 0);
    require(segment->address <= machine->end && segment->memory_bytes <= machine->end - segment->address);
    require(segment->file_bytes <= segment->memory_bytes);
    require(segment->file_offset <= INT64_MAX - segment->memory_bytes);
    require(!machine->split || segment->file_offset + segment->file_bytes <= size);
    for (uint64_t at = segment->file_offset; at < size && at - segment->file_offset < segment->file_bytes; at++)
        sum = (uint8_t)(sum + data[at]);
}

static void check(const uint8_t *data, size_t size, const elf_machine_t *machine, const elf_image_t *image)
{
    uint64_t last[2] = {0, 0}; /* of data, and of code where that is apart */

    for (unsigned i = 0; i < image->segment_count; i++) {
        const elf_segment_t *segment = &image->segments[i];
        unsigned code = machine->split && (segment->prot & ELF_PROT_EXEC) != 0;
        uint64_t end = segment->address + segment->memory_bytes;

        check_segment(data, size, machine, segment);
        require(!machine->split || segment->address >= last[code]);
        last[code] = end > last[code] ? end : last[code];
    }
    require(image->segment_count > 0 && image->segment_count <= ELF_SEGMENTS_MAX);
    require(image->end == last[0] && image->code_end == last[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const elf_machine_t machines[] = {
        {ELF_CLASS_32, ELF_MACHINE_386, 0x1000, 0xbffff000, false},
        {ELF_CLASS_64, ELF_MACHINE_X86_64, 0x1000, 0x7ffffffff000, false},
        {ELF_CLASS_32, ELF_MACHINE_386, 0, 0x800000, true},
    };

    for (unsigned i = 0; i < 3; i++) {
        const char *reason = NULL;
        elf_image_t image;

        if (elf_parse(data, size, &machines[i], &image, &reason) == QUIRE_OK)
            check(data, size, &machines[i], &image);
        else
            require(reason != NULL);
    }
    return 0;
}
