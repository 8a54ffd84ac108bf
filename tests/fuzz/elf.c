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

static void check(const uint8_t *data, const elf_machine_t *machine, const elf_image_t *image)
{
    uint64_t last[2] = {machine->start, machine->start}; /* of data, and of code where that is apart */
    volatile uint8_t sum = 0;

    for (unsigned i = 0; i < image->segment_count; i++) {
        const elf_segment_t *segment = &image->segments[i];
        unsigned code = machine->split && (segment->prot & ELF_PROT_EXEC) != 0;

        require(segment->address >= last[code] && segment->memory_bytes != 0);
        require(segment->memory_bytes <= machine->end - segment->address);
        require(segment->file_bytes <= segment->memory_bytes);
        for (uint64_t at = 0; at < segment->file_bytes; at++)
            sum = (uint8_t)(sum + data[segment->file_offset + at]);
        last[code] = segment->address + segment->memory_bytes;
    }
    require(image->segment_count > 0 && (image->end == last[0] || image->end == 0));
    require(image->code_end == last[1] || image->code_end == 0);
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
            check(data, &machines[i], &image);
        else
            require(reason != NULL);
    }
    return 0;
}
