/* SPDX-License-Identifier: MIT */
/* measure.h - readings of the time-stamp counter, their median, and rows of it in words. */
#ifndef BENCH_VM_MEASURE_H
#define BENCH_VM_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUNDS_MAX 256

static unsigned rounds __attribute__((unused)) = 65;
static uint64_t values[ROUNDS_MAX];
static unsigned count;
static uint64_t clock_cost;
static bool good = true;

/* --- words --- */

static char line[160];
static unsigned length;

static void say(const char *text)
{
    while (*text != '\0' && length < sizeof(line))
        line[length++] = *text++;
}

static void say_number(uint64_t number)
{
    char digits[21];
    unsigned at = sizeof(digits) - 1;
    uint32_t rest = (uint32_t)number;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    say(&digits[at]);
}

static void end_line(void)
{
    say("\n");
    call(NUMBER_WRITE, 1, (long)line, (long)length, 0, 0);
    length = 0;
}

static void expect(bool true_here, const char *what)
{
    if (true_here || !good)
        return;
    good = false;
    say("bench: failed: ");
    say(what);
    end_line();
}

/* --- measuring --- */

static inline uint64_t timestamp(void)
{
    unsigned low;
    unsigned high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void note(uint64_t start, uint64_t end)
{
    uint64_t cost = end - start;

    if (count < ROUNDS_MAX)
        values[count++] = cost > clock_cost ? cost - clock_cost : 0;
}

static uint64_t median(void)
{
    for (unsigned at = 1; at < count; at++) {
        uint64_t value = values[at];
        unsigned to = at;

        for (; to > 0 && values[to - 1] > value; to--)
            values[to] = values[to - 1];
        values[to] = value;
    }
    return count == 0 ? 0 : values[count / 2];
}

/* The row of what was noted, for each of `parts` that one round made; nothing of it is left. */
static uint64_t row(const char *name, unsigned parts, const char *target)
{
    uint32_t value = (uint32_t)median();

    say("bench\t");
    say(name);
    say("\t");
    say_number((value + parts / 2) / parts);
    say("\tinstructions\t");
    say(target);
    end_line();
    count = 0;
    return value;
}

static inline void absent(const char *name)
{
    say("absent\t");
    say(name);
    end_line();
}

#define MEASURE(expression)                                                                                            \
    do {                                                                                                               \
        uint64_t start_ = timestamp();                                                                                 \
        expression;                                                                                                    \
        note(start_, timestamp());                                                                                     \
    } while (0)

#endif
