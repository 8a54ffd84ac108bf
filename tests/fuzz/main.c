/* SPDX-License-Identifier: MIT */
/*
 * main.c - runs a fuzz target without a fuzzer: on the files named, or on so many random inputs.
 *
 *     target FILE...
 *     target -COUNT [SEED]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = 0x51a5e5eed;

static uint8_t random_byte(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint8_t)(state >> 24);
}

static int run_random(unsigned long count)
{
    static uint8_t input[INPUT_BYTES_MAX];

    for (unsigned long i = 0; i < count; i++) {
        size_t bytes = 1 + (size_t)(random_byte() << 8 | random_byte()) % INPUT_BYTES_MAX;

        for (size_t at = 0; at < bytes; at++)
            input[at] = random_byte();
        (void)LLVMFuzzerTestOneInput(input, bytes);
    }
    return 0;
}

static int run_file(const char *path)
{
    static uint8_t input[1 << 20];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t bytes = fread(input, 1, sizeof(input), file);
    fclose(file);
    return LLVMFuzzerTestOneInput(input, bytes);
}

int main(int argc, char **argv)
{
    int status = 0;

    if (argc >= 2 && argv[1][0] == '-') {
        if (argc >= 3)
            state ^= strtoull(argv[2], NULL, 0) << 17;
        return run_random(strtoul(argv[1] + 1, NULL, 10));
    }
    for (int i = 1; i < argc; i++)
        status |= run_file(argv[i]);
    return status;
}
