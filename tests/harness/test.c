/* SPDX-License-Identifier: MIT */
/*
 * test.c - runs registered tests and prints TAP.
 *
 * Freestanding: it needs only what a home provides (test.h). Tests are found through the linker's section of pointers,
 * so that no list has to be kept by hand.
 */
#include "test.h"

extern const test_t *const __start_quire_tests[];
extern const test_t *const __stop_quire_tests[];

enum { TEST_PASSED = 0, TEST_FAILED = 1, TEST_SKIPPED = 2 };

static uint64_t random_state;
static const char *skip_reason;

static void write_number(uint64_t value, unsigned base)
{
    char text[24];
    unsigned at = sizeof(text) - 1;

    text[at] = '\0';
    do {
        text[--at] = "0123456789abcdef"[(uint32_t)(value % base)];
        value /= base;
    } while (value != 0);
    test_home_write(&text[at]);
}

static void write_place(const char *file, int line, const char *what)
{
    test_home_write("# ");
    test_home_write(file);
    test_home_write(":");
    write_number((uint64_t)line, 10);
    test_home_write(": ");
    test_home_write(what);
    test_home_write("\n");
}

void test_fail(const char *file, int line, const char *what)
{
    write_place(file, line, what);
    test_home_abandon(TEST_FAILED);
}

void test_fail_equal(const char *file, int line, const char *what, uint64_t actual, uint64_t expected)
{
    write_place(file, line, what);
    test_home_write("#   actual 0x");
    write_number(actual, 16);
    test_home_write(", expected 0x");
    write_number(expected, 16);
    test_home_write("\n");
    test_home_abandon(TEST_FAILED);
}

void test_skip(const char *reason)
{
    skip_reason = reason;
    test_home_abandon(TEST_SKIPPED);
}

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
uint64_t test_random(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t test_random_below(uint64_t bound)
{
    return bound == 0 ? 0 : test_random() % bound;
}

/* Whether `name` is one of `list`, which has commas between its names. */
static bool is_in(const char *name, const char *list)
{
    for (;;) {
        const char *at = name;

        while (*at != '\0' && *at == *list) {
            at++;
            list++;
        }
        if (*at == '\0' && (*list == ',' || *list == '\0'))
            return true;
        while (*list != ',' && *list != '\0')
            list++;
        if (*list++ == '\0')
            return false;
    }
}

static bool selected(const test_t *test, const char *suites)
{
    return suites == NULL || is_in(test->suite, suites);
}

static unsigned run_one(const test_t *test, unsigned number)
{
    random_state = test_home_seed();
    int result = test_home_run(test);
    test_home_release();

    test_home_write(result == TEST_FAILED ? "not ok " : "ok ");
    write_number(number, 10);
    test_home_write(" - ");
    test_home_write(test->suite);
    test_home_write(": ");
    test_home_write(test->name);
    if (result == TEST_SKIPPED) {
        test_home_write(" # SKIP ");
        test_home_write(skip_reason);
    }
    test_home_write("\n");
    if (result != TEST_FAILED)
        return 0;
    test_home_write("# random seed 0x");
    write_number(test_home_seed(), 16);
    test_home_write("\n");
    return 1;
}

unsigned test_run(const char *suites)
{
    unsigned planned = 0;
    unsigned failed = 0;
    unsigned number = 0;

    for (const test_t *const *at = __start_quire_tests; at < __stop_quire_tests; at++)
        planned += selected(*at, suites);
    test_home_write("TAP version 13\n1..");
    write_number(planned, 10);
    test_home_write("\n");
    for (const test_t *const *at = __start_quire_tests; at < __stop_quire_tests; at++) {
        if (selected(*at, suites))
            failed += run_one(*at, ++number);
    }
    return failed;
}
