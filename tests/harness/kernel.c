/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - the kernel home: runs tests inside the reference kernel.
 *
 * Linked only into the test kernel, whose command-line word `test` calls kernel_tests(). Memory comes from the kernel's
 * own PMM and address space, so a leak of one test would starve the next: everything a test was given is taken back
 * after it, and the sum of free frames must be what it was before the first.
 *
 * Further words: seed=NUMBER, effort=NUMBER (decimal).
 */
#include "arch/arch.h"
#include "boot.h"
#include "home.h"
#include "memory.h"
#include "print.h"
#include "string.h"

#define DEFAULT_SEED 0x51a5e5eed
#define PIECES_MAX   256
#define BLOCKS_MAX   4

static struct {
    quire_va_t start;
    size_t bytes;
} pieces[PIECES_MAX];
static size_t piece_count;

static quire_frame_t blocks[BLOCKS_MAX];
static size_t block_count;

static void *test_target[5];
static int test_result;
static void *panic_target[5];
static bool panic_expected;

static uint64_t number_option(const char *name, uint64_t otherwise)
{
    char text[24];
    uint64_t number = 0;

    if (!boot_option(name, text, sizeof(text)) || text[0] == '\0')
        return otherwise;
    for (const char *c = text; *c >= '0' && *c <= '9'; c++)
        number = number * 10 + (unsigned)(*c - '0');
    return number;
}

/* The last page is promised but never populated: the kernel's own memory is not faulted in, so running over the end is
 * reported at once. */
void *test_memory(size_t bytes)
{
    size_t whole = (bytes + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK;
    quire_va_t va;

    CHECK(piece_count < PIECES_MAX);
    CHECK_OK(quire_vmm_reserve(&kernel_space, 0, whole + QUIRE_PAGE_BYTES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0, &va));
    pieces[piece_count].start = va;
    pieces[piece_count++].bytes = whole + QUIRE_PAGE_BYTES;
    if (whole != 0)
        CHECK_OK(quire_vmm_populate(&kernel_space, va, whole));
    return (void *)(uintptr_t)va;
}

/* Filled with garbage, as RAM is. */
quire_frame_t test_home_block(void)
{
    const quire_pmm_request_t request = {.order = QUIRE_PMM_ORDER_MAX, .owner = QUIRE_OWNER_TEST};

    CHECK(block_count < BLOCKS_MAX);
    CHECK_OK(quire_pmm_alloc(&kernel_pmm, request, &blocks[block_count]));
    for (size_t i = 0; i < TEST_BLOCK_FRAMES; i++) {
        void *window = quire_port_window_open(quire_frame(blocks[block_count].number + i));

        memset(window, 0xa5, QUIRE_PAGE_BYTES);
        quire_port_window_close(window);
    }
    return blocks[block_count++];
}

const quire_format_t *const *test_formats(void)
{
    static const quire_format_t *const only[] = {&ARCH_FORMAT, NULL};

    return only;
}

uint64_t test_flushes(bool *counts)
{
    *counts = false;
    return 0;
}

/* kernel/port.c asks it first; it may not return. */
extern bool (*kernel_panic_hook)(const char *sentence);

static bool catch_panic(const char *sentence)
{
    (void)sentence;
    if (!panic_expected)
        return false;
    panic_expected = false;
    __builtin_longjmp(panic_target, 1);
}

bool test_panics(void (*body)(void *context), void *context)
{
    if (__builtin_setjmp(panic_target) != 0)
        return true;
    kernel_panic_hook = catch_panic;
    panic_expected = true;
    body(context);
    panic_expected = false;
    return false;
}

unsigned test_effort(void)
{
    return (unsigned)number_option("effort", 1);
}

uint64_t test_home_seed(void)
{
    return number_option("seed", DEFAULT_SEED);
}

void test_home_write(const char *text)
{
    print("%s", text);
}

int test_home_run(const test_t *test)
{
    if (__builtin_setjmp(test_target) != 0)
        return test_result;
    test->run();
    return 0;
}

_Noreturn void test_home_abandon(int value)
{
    panic_expected = false;
    test_result = value;
    __builtin_longjmp(test_target, 1);
}

void test_home_release(void)
{
    quire_event_stop();
    test_frames_release();
    while (block_count > 0) {
        if (quire_pmm_free(&kernel_pmm, blocks[--block_count], QUIRE_PMM_ORDER_MAX) != QUIRE_OK)
            quire_port_panic("a test's block of frames could not be given back");
    }
    while (piece_count > 0) {
        piece_count--;
        if (quire_vmm_unmap(&kernel_space, pieces[piece_count].start, pieces[piece_count].bytes) != QUIRE_OK)
            quire_port_panic("a test's memory could not be given back");
    }
}

static size_t free_frames(void)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(&kernel_pmm, &stats);
    return stats.free_frames;
}

unsigned kernel_tests(const char *suite);

unsigned kernel_tests(const char *suite)
{
    size_t before = free_frames();
    unsigned failed = test_run(suite);

    if (free_frames() != before) {
        print("# %zu frames were free before the tests, %zu are after them\n", before, free_frames());
        failed++;
    }
    return failed;
}
