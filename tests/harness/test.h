/* SPDX-License-Identifier: MIT */
/*
 * test.h - one small harness for three homes: the host (64 and 32 bits), and the kernel under QEMU.
 *
 * A test is a function declared with TEST(); it registers itself. Results are TAP version 13 on the home's output. A
 * failed CHECK ends its test. The same test files compile unchanged in every home; what a home cannot do is asked of it
 * below.
 */
#ifndef QUIRE_TEST_H
#define QUIRE_TEST_H

#include <quire/quire.h>

typedef struct test {
    const char *suite; /* "pmm", "paging", ... */
    const char *name;
    void (*run)(void);
} test_t;

/* TEST(suite, name) { ... } */
#define TEST(suite, name)                                                                                              \
    static void test_##suite##_##name(void);                                                                           \
    static const test_t test_record_##suite##_##name = {#suite, #name, test_##suite##_##name};                         \
    __attribute__((section("quire_tests"), used)) static const test_t *const test_pointer_##suite##_##name =           \
        &test_record_##suite##_##name;                                                                                 \
    static void test_##suite##_##name(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            test_fail(__FILE__, __LINE__, #condition);                                                                 \
    } while (0)

/* Both sides are shown, as unsigned 64-bit numbers, when they differ. */
#define CHECK_EQUAL(actual, expected)                                                                                  \
    do {                                                                                                               \
        uint64_t test_actual_ = (uint64_t)(actual);                                                                    \
        uint64_t test_expected_ = (uint64_t)(expected);                                                                \
        if (test_actual_ != test_expected_)                                                                            \
            test_fail_equal(__FILE__, __LINE__, #actual " == " #expected, test_actual_, test_expected_);               \
    } while (0)

#define CHECK_OK(call) CHECK_EQUAL(call, QUIRE_OK)

_Noreturn void test_fail(const char *file, int line, const char *what);
_Noreturn void test_fail_equal(const char *file, int line, const char *what, uint64_t actual, uint64_t expected);
/* Ends the running test as skipped, which TAP counts apart. */
_Noreturn void test_skip(const char *reason);

/* A repeatable random number; every test starts from the same seed, or from the home's (printed when a test fails). */
uint64_t test_random(void);
uint64_t test_random_below(uint64_t bound);

/* How long random tests should run: 1 in a quick run, more in a long one. */
unsigned test_effort(void);

/* Runs the tests of these suites, with commas between them, or all if NULL; prints TAP; returns how many failed. */
unsigned test_run(const char *suites);

/* --- what a home provides --- */

/* Page-aligned, zeroed memory, mapped and ordinary; given back by the home when the test ends. At most 4 MiB a call. */
void *test_memory(size_t bytes);

/* A fresh PMM that manages at least `frames` frames (at most 900) of real or simulated RAM whose windows work; given
   back when the test ends. Frame numbers are arbitrary. */
quire_pmm_t *test_pmm(size_t frames);

/* Allocates until exactly `frames` remain free: the next allocation but `frames` fails. The frames taken come back with
 * test_pmm_restore(). */
void test_pmm_leave(quire_pmm_t *pmm, size_t frames);
void test_pmm_restore(quire_pmm_t *pmm);

/* The formats that this home can use: a list ended by NULL. The kernel has one; the host has all. */
const quire_format_t *const *test_formats(void);

/* How many translations have been flushed since the test began; 0 always where the home cannot count. *counts tells
 * whether it can. */
uint64_t test_flushes(bool *counts);

/* Makes quire_port_panic return to the test: runs `body(context)` and tells whether it panicked. Homes that cannot,
 * skip the test. */
bool test_panics(void (*body)(void *context), void *context);

/* --- what the harness asks of a home --- */
void test_home_write(const char *text);
/* Runs test->run so that test_home_abandon() comes back out of it; returns 0, or the value abandoned with. */
int test_home_run(const test_t *test);
_Noreturn void test_home_abandon(int value);
void test_home_release(void); /* after each test: frees what test_memory and test_pmm gave */
uint64_t test_home_seed(void);

#endif
