/* SPDX-License-Identifier: MIT */
/*
 * churn.c - allocates, resizes and frees at random, and looks at every byte.
 *
 *     churn [ROUNDS] [SEED]
 *
 * Each block is filled with a pattern of its own, which must still be there when the block is freed or resized. In the
 * end everything is freed and the heap checks itself. Exit status: 0, or 1 with a line that says what was wrong.
 */
#include "runtime.h"

#define SLOTS          256
#define DEFAULT_ROUNDS 20000

typedef struct slot {
    uint8_t *block;
    size_t bytes;
    uint8_t pattern;
} slot_t;

static slot_t slots[SLOTS];
static uint32_t random_state;

/* xorshift32 (Marsaglia, Xorshift RNGs, 2003). */
static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Mostly small, sometimes large: the number of bits is uniform. */
static size_t random_bytes(void)
{
    uint32_t limit = (uint32_t)1 << (next_random() % 16 + 1);

    return next_random() & (limit - 1);
}

static bool intact(const slot_t *slot, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (slot->block[i] != slot->pattern)
            return false;
    }
    return true;
}

static bool complain(const char *what, const slot_t *slot)
{
    print("churn: %s: block %p of %zu bytes\n", what, (void *)slot->block, slot->bytes);
    return false;
}

static void fill(slot_t *slot)
{
    slot->pattern = (uint8_t)next_random();
    memset(slot->block, slot->pattern, slot->bytes);
}

static bool allocate(slot_t *slot)
{
    slot->bytes = random_bytes();
    slot->block = malloc(slot->bytes);
    if (slot->block == NULL)
        return complain("no memory", slot);
    fill(slot);
    return true;
}

static bool release(slot_t *slot)
{
    if (!intact(slot, slot->bytes))
        return complain("overwritten", slot);
    free(slot->block);
    slot->block = NULL;
    return true;
}

static bool resize(slot_t *slot)
{
    size_t bytes = random_bytes();
    uint8_t *block = realloc(slot->block, bytes);

    if (block == NULL)
        return complain("no memory to resize", slot);
    slot->block = block;
    if (!intact(slot, bytes < slot->bytes ? bytes : slot->bytes))
        return complain("not kept by realloc", slot);
    slot->bytes = bytes;
    fill(slot);
    return true;
}

static bool step(slot_t *slot)
{
    if (slot->block == NULL)
        return allocate(slot);
    return next_random() % 4 == 0 ? resize(slot) : release(slot);
}

int main(int argc, char **argv)
{
    size_t rounds = DEFAULT_ROUNDS;
    size_t seed = 1;

    if ((argc > 1 && !text_to_number(argv[1], &rounds)) || (argc > 2 && !text_to_number(argv[2], &seed))) {
        print_error("usage: churn [ROUNDS] [SEED]\n");
        return 1;
    }
    random_state = (uint32_t)seed | 1;
    for (size_t round = 0; round < rounds; round++) {
        if (!step(&slots[next_random() % SLOTS]))
            return 1;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].block != NULL && !release(&slots[i]))
            return 1;
    }
    if (!malloc_trim_and_check())
        return 1;
    print("churn: %zu rounds, every byte as it was written\n", rounds);
    return 0;
}
