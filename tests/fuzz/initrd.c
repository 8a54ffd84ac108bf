/* SPDX-License-Identifier: MIT */
/*
 * initrd.c - any bytes at all as an initial file system.
 *
 *     clang -fsanitize=fuzzer,address,undefined -Iinclude -Ikernel -o fuzz-initrd tests/fuzz/initrd.c kernel/initrd.c
 *     ./fuzz-initrd -max_total_time=60 [CORPUS]
 *
 * Every byte of every entry is read, so that the sanitizer sees one that leaves the archive.
 */
#include "initrd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volatile uint8_t sum = 0;
    initrd_file_t file;
    size_t offset = 0;

    while (initrd_next(data, size, &offset, &file) == QUIRE_OK) {
        const uint8_t *content = file.data;
        initrd_file_t found;

        if (offset > size)
            __builtin_trap();
        for (size_t i = 0; i < file.bytes; i++)
            sum = (uint8_t)(sum + content[i]);
        if (initrd_search(data, size, file.name, &found) != QUIRE_OK)
            __builtin_trap();
    }
    return 0;
}
