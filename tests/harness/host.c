/* SPDX-License-Identifier: MIT */
/*
 * host.c - the host home: runs tests in an ordinary process.
 *
 * A failed check, or a panic that a test provokes on purpose, comes back by siglongjmp. A test may only fail on the
 * main thread; elsewhere a failure ends the program, which the caller sees as an incomplete plan.
 *
 * Environment: QUIRE_TEST_SEED (any number), QUIRE_TEST_EFFORT (default 1), QUIRE_TEST_FIRST_FRAME (where RAM begins;
 * when it ends above 4 GiB, formats that cannot name such frames are left out).
 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "home.h"
#include "host.h"
#include "host_machine.h"
#include "test.h"

#define RAM_FIRST_FRAME 0xff000
#define FRAMES_4G       0x100000
#define DEFAULT_SEED    0x51a5e5eed

static pthread_t main_thread;
static sigjmp_buf test_target;
static sigjmp_buf *panic_target;
static char panic_sentence[512];

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

_Noreturn void quire_port_panic(const char *sentence)
{
    if (panic_target != NULL && pthread_equal(pthread_self(), main_thread)) {
        snprintf(panic_sentence, sizeof(panic_sentence), "%s", sentence);
        siglongjmp(*panic_target, 1);
    }
    test_home_write("# panic\n");
    host_broken(sentence);
}

const char *host_panic_sentence(void)
{
    return panic_sentence;
}

/* Locks and windows that the panic left behind are forgotten; the structures it was about are not used again. */
bool test_panics(void (*body)(void *context), void *context)
{
    const host_held_t held = host_machine_held();
    sigjmp_buf here;

    if (sigsetjmp(here, 0) != 0) {
        panic_target = NULL;
        host_machine_forget(held);
        return true;
    }
    panic_target = &here;
    body(context);
    panic_target = NULL;
    return false;
}

const quire_format_t *const *test_formats(void)
{
    static const quire_format_t *const all[] = {&quire_format_x86_32, &quire_format_x86_pae, &quire_format_x86_4level,
                                                &quire_format_x86_5level, NULL};

    return host_ram_end().number <= FRAMES_4G ? all : all + 1;
}

unsigned test_effort(void)
{
    return (unsigned)number_from_environment("QUIRE_TEST_EFFORT", 1);
}

uint64_t test_home_seed(void)
{
    return number_from_environment("QUIRE_TEST_SEED", DEFAULT_SEED);
}

void test_home_write(const char *text)
{
    fputs(text, stdout);
}

int test_home_run(const test_t *test)
{
    int result = sigsetjmp(test_target, 0);

    if (result != 0)
        return result;
    test->run();
    if (host_machine_held().locks != 0)
        host_broken("the test ended with a lock held");
    if (host_machine_held().windows != 0)
        host_broken("the test ended with a window open");
    return 0;
}

_Noreturn void test_home_abandon(int value)
{
    if (!pthread_equal(pthread_self(), main_thread)) {
        fflush(stdout);
        abort();
    }
    panic_target = NULL;
    siglongjmp(test_target, value);
}

void test_home_release(void)
{
    quire_event_stop();
    test_frames_release();
    host_machine_reset();
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        fprintf(stderr, "usage: %s [SUITE]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    main_thread = pthread_self();
    host_machine_make((size_t)number_from_environment("QUIRE_TEST_FIRST_FRAME", RAM_FIRST_FRAME));
    return test_run(argc == 2 ? argv[1] : NULL) == 0 ? 0 : 1;
}
