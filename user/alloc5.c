/* SPDX-License-Identifier: MIT */
/*
 * alloc5.c - the program whose one malloc is told through all layers.
 *
 *     alloc5 [BYTES] [--stay]
 *
 * Allocates BYTES (5), writes "Quire" into them, as much as fits, reads it back, and frees. Events mark each step.
 * With --stay the block is not freed and the program never ends, so that its address space can be looked at.
 * Exit status: 0, or 1 if memory was refused or did not keep what was written.
 */
#include "linux.h"
#include "runtime.h"

enum mark { MARK_CALL = 1, MARK_GIVEN, MARK_WRITTEN, MARK_READ, MARK_FREED };

static const char word[] = "Quire";

typedef struct options {
    size_t bytes;
    bool stay;
} options_t;

static bool parse(int argc, char **argv, options_t *options)
{
    *options = (options_t){.bytes = sizeof(word) - 1};
    for (int i = 1; i < argc; i++) {
        if (text_equal(argv[i], "--stay"))
            options->stay = true;
        else if (!text_to_number(argv[i], &options->bytes))
            return false;
    }
    return true;
}

/* Through a volatile pointer: memory is really written and really read. */
static void write_bytes(volatile char *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = word[i];
}

static void read_bytes(const volatile char *from, char *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = from[i];
    to[bytes] = '\0';
}

static _Noreturn void stay(void)
{
    for (;;)
        linux_pause();
}

static int run(const options_t *options)
{
    size_t fits = options->bytes < sizeof(word) - 1 ? options->bytes : sizeof(word) - 1;
    char written[sizeof(word)];
    char seen[sizeof(word)];
    char *block;

    events_start();
    events_mark(MARK_CALL);
    block = malloc(options->bytes);
    events_mark(MARK_GIVEN);
    if (block == NULL) {
        events_flush();
        print("malloc(%zu) was refused: there is not so much memory, or no hole for it\n", options->bytes);
        return 1;
    }
    write_bytes(block, fits);
    events_mark(MARK_WRITTEN);
    read_bytes(block, seen, fits);
    events_mark(MARK_READ);
    if (!options->stay) {
        free(block);
        events_mark(MARK_FREED);
    }
    events_flush();
    memcpy(written, word, fits);
    written[fits] = '\0';
    print("malloc(%zu) = %p, wrote \"%s\", read back \"%s\"%s\n", options->bytes, (void *)block, written, seen,
          options->stay ? "" : ", freed");
    if (options->stay)
        stay();
    return memcmp(seen, word, fits) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    options_t options;

    if (parse(argc, argv, &options))
        return run(&options);
    print_error("usage: alloc5 [BYTES] [--stay]\n");
    return 1;
}
