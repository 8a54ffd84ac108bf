/* SPDX-License-Identifier: MIT */
/*
 * segment-keep.c - fills memory with a pattern of its own and looks, as long as it lives, whether every byte is there.
 *
 *     segment-keep LETTER BYTES ROUNDS
 *
 * Others run between the rounds, and the kernel may have moved its segments: pointers into code, data, heap and stack
 * stay as they are. Exit status: 0; 1 if a byte is wrong.
 */
#include "gate.h"
#include "linux.h"
#include "runtime.h"

typedef bool (*look_t)(const volatile char *block, size_t bytes, char letter);

static bool look_forward(const volatile char *block, size_t bytes, char letter)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block[i] != (char)(letter + i / 4096 % 16))
            return false;
    }
    return true;
}

static bool look_backward(const volatile char *block, size_t bytes, char letter)
{
    for (size_t i = bytes; i-- > 0;) {
        if (block[i] != (char)(letter + i / 4096 % 16))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    look_t looks[] = {look_forward, look_backward}; /* pointers to code, on the stack */
    size_t bytes = 65536;
    size_t rounds = 10;
    bool good = argc == 4 && text_to_number(argv[2], &bytes) && text_to_number(argv[3], &rounds);
    char *block = good ? malloc(bytes) : NULL;

    if (block == NULL) {
        print_error("usage: segment-keep LETTER BYTES ROUNDS, or there is not so much memory\n");
        return 2;
    }
    for (size_t i = 0; i < bytes; i++)
        block[i] = (char)(argv[1][0] + i / 4096 % 16);
    for (size_t round = 0; round < rounds && good; round++) {
        linux_sched_yield();
        good = looks[round % 2](block, bytes, argv[1][0]);
    }
    print("%c: %zu bytes, %s; moved %u times\n", argv[1][0], bytes, good ? "every one as it was" : "some are WRONG",
          gate_ask(GATE_MOVES));
    return good ? 0 : 1;
}
