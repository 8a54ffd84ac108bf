/* SPDX-License-Identifier: MIT */
/*
 * random.c - what this CPU and its board know that others do not: RDSEED, RDRAND, and the timer chip against the
 * time-stamp counter.
 *
 * Both instructions may have nothing to give for a moment, and say so in the carry flag (SDM volume 1, 7.3.17): they
 * are asked again a few times, RDSEED more patiently.
 */
#include "../arch.h"
#include "cpu.h"

#define RDRAND_TRIES 10
#define RDSEED_TRIES 100

static bool try_rdrand(uint32_t *word)
{
    uint8_t given;

    __asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(given) : : "cc");
    return given != 0;
}

static bool try_rdseed(uint32_t *word)
{
    uint8_t given;

    __asm__ volatile("rdseed %0; setc %1" : "=r"(*word), "=qm"(given) : : "cc");
    return given != 0;
}

static bool fill(bool (*try)(uint32_t *word), unsigned tries, uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned left = tries;

        while (!try(&words[i])) {
            if (--left == 0)
                return false;
            __asm__ volatile("pause");
        }
    }
    return true;
}

const char *arch_random_words(uint32_t *words, size_t count)
{
    bool seeds = cpu_identify(0, 0).a >= 7 && (cpu_identify(7, 0).b & (1u << 18)) != 0;
    bool numbers = (cpu_identify(1, 0).c & (1u << 30)) != 0;

    if (seeds && fill(try_rdseed, RDSEED_TRIES, words, count))
        return "RDSEED";
    return numbers && fill(try_rdrand, RDRAND_TRIES, words, count) ? "RDRAND" : NULL;
}
