/* SPDX-License-Identifier: MIT */
/*
 * random.c - random numbers that callers of getrandom may use as keys.
 *
 * Problem: programs make keys of what getrandom gives, so nobody may compute it: not from earlier or later output, not
 * from the state as it is found afterwards. Idea: the state is one key of ChaCha20. A request runs the cipher; the
 * first 32 bytes of its stream become the next key before any byte is given away (fast key erasure; D. J. Bernstein,
 * 2017). So what was given before cannot be computed from the state, and output tells nothing about either.
 *
 * A seed is mixed in by adding it to the key and running the cipher, which keeps what was there. It comes from
 *   - RDSEED, or RDRAND, where the CPU has them: credited in full, unless all answers are the same (CPUs were sold that
 *     answer all ones after a sleep);
 *   - the jitter of time stamps around reads of the timer chip, always: a bit is credited for every eighth difference
 *     that is unlike the two before it;
 *   - the moment of each interrupt, the time that the boot took until then: credited with nothing.
 * What is credited is said at boot; if it is too little, also where the kernel is otherwise quiet. Nobody is kept
 * waiting: getrandom answers from what there is, since nothing else would come. Where the emulator counts instructions
 * (the word "icount") the same numbers come on each boot, by the same generator: there runs are meant to repeat,
 * and nothing is credited.
 *
 * Rejected: blocking until there is enough (a machine without a source would stand still for ever), and giving out what
 * RDRAND says as it is.
 */
#include "random.h"

#include "arch/arch.h"
#include "boot.h"
#include "bytes.h"
#include "chacha.h"

#define KEY_BYTES         (4 * CHACHA_KEY_WORDS)
#define JITTER_ROUNDS     16384 /* at most: a clock that steps slowly gives little in each */
#define JITTER_ROUNDS_FEW 32
#define JITTER_SHARE      8

static struct {
    uint32_t key[CHACHA_KEY_WORDS];
    uint64_t moments[4]; /* since the last request */
    unsigned next_moment;
    unsigned credit;
    const char *source;
} generator = {.source = "nothing"};

/* So that a compiler does not leave out what nobody reads any more. */
static void forget(void *memory, size_t bytes)
{
    memset(memory, 0, bytes);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

/* The first half of the block becomes the key, the second is *rest, if anybody wants it. */
static void step(uint8_t rest[CHACHA_BLOCK_BYTES - KEY_BYTES])
{
    static const uint32_t nonce[CHACHA_NONCE_WORDS];
    uint8_t block[CHACHA_BLOCK_BYTES];

    chacha20_block(generator.key, 0, nonce, block);
    memcpy(generator.key, block, KEY_BYTES);
    if (rest != NULL)
        memcpy(rest, block + KEY_BYTES, CHACHA_BLOCK_BYTES - KEY_BYTES);
    forget(block, sizeof(block));
}

void random_add(const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    uint8_t *key = (uint8_t *)generator.key;

    for (size_t done = 0; done < count; done++) {
        key[done % KEY_BYTES] ^= from[done];
        if (done % KEY_BYTES == KEY_BYTES - 1)
            step(NULL);
    }
    if (count % KEY_BYTES != 0)
        step(NULL);
}

void random_note_moment(void)
{
    uint64_t *moment = &generator.moments[generator.next_moment++ % 4];

    *moment = (*moment << 7 | *moment >> 57) ^ arch_timestamp();
}

static void credit(unsigned bits)
{
    generator.credit += bits;
    if (generator.credit > RANDOM_BITS_FULL)
        generator.credit = RANDOM_BITS_FULL;
}

static void gather_from_cpu(void)
{
    uint32_t words[2 * CHACHA_KEY_WORDS];
    unsigned same = 0;
    const char *source = arch_random_words(words, 2 * CHACHA_KEY_WORDS);

    if (source == NULL)
        return;
    for (unsigned i = 1; i < 2 * CHACHA_KEY_WORDS; i++)
        same += words[i] == words[0];
    random_add(words, sizeof(words));
    forget(words, sizeof(words));
    if (same != 0)
        return;
    credit(RANDOM_BITS_FULL);
    generator.source = source;
}

/* Few rounds where the CPU has given enough. Two clocks in each sample: the timer chip's, and the CPU's. */
static void gather_jitter(void)
{
    unsigned rounds = generator.credit < RANDOM_BITS_FULL ? JITTER_ROUNDS : JITTER_ROUNDS_FEW;
    uint64_t samples[KEY_BYTES / sizeof(uint64_t)];
    uint64_t differences[3] = {0, 0, 0};
    uint64_t before = arch_timestamp();
    unsigned unlike = 0;

    for (unsigned round = 0; round < rounds && unlike < RANDOM_BITS_FULL * JITTER_SHARE; round++) {
        uint64_t counter = arch_timer_count();
        uint64_t now = arch_timestamp();

        differences[2] = differences[1];
        differences[1] = differences[0];
        differences[0] = now - before;
        unlike += differences[0] != differences[1] && differences[0] != differences[2];
        samples[round % 4] = counter ^ now << 16;
        before = now;
        if (round % 4 == 3)
            random_add(samples, sizeof(samples));
    }
    if (generator.credit == 0)
        generator.source = "the jitter of its clocks";
    credit(unlike / JITTER_SHARE);
}

void random_init(void)
{
    gather_from_cpu();
    gather_jitter();
}

/* Where instructions are counted all of it repeats, what the emulator's CPU says among it. */
static bool repeats(void)
{
    return boot_option("icount", NULL, 0);
}

unsigned random_credit(void)
{
    return repeats() ? 0 : generator.credit;
}

const char *random_source(void)
{
    return repeats() ? "the count of instructions" : generator.source;
}

void random_bytes(void *to, size_t bytes)
{
    static const uint32_t nonce[CHACHA_NONCE_WORDS];
    uint32_t stream[CHACHA_KEY_WORDS];
    uint8_t block[CHACHA_BLOCK_BYTES];
    uint8_t *at = to;

    random_note_moment();
    random_add(generator.moments, sizeof(generator.moments));
    step((uint8_t *)stream); /* a key for this request alone */
    for (uint32_t counter = 0; bytes > 0; counter++) {
        size_t piece = bytes < sizeof(block) ? bytes : sizeof(block);

        chacha20_block(stream, counter, nonce, block);
        memcpy(at, block, piece);
        at += piece;
        bytes -= piece;
    }
    forget(stream, sizeof(stream));
    forget(block, sizeof(block));
}
