/* SPDX-License-Identifier: MIT */
/*
 * ports.c - ioperm and iopl, and what the processor makes of them.
 *
 *     ports            the answers of both calls at their edges, and ports that may be used; TAP on standard output
 *     ports touch PORT [WIDTH]          reads a port that was never asked for: dies of SIGSEGV
 *     ports grant FIRST COUNT PORT WIDTH   asks for some, then reads: dies if any byte of the access is outside; 3 if
 *                                          it does not get them
 *     ports levels     3 if iopl gives nothing
 *     ports forge      tries to end the machine with a status of its own, by iopl
 *
 * The ports touched are ones that no machine of this kind has a device on (0x300 and its neighbours, which the machine
 * is started with: --ports 0x300-0x33f); reading them does nothing. Where nobody, or not this user, gets ports, it says
 * so.
 */
#include "linux.h"
#include "runtime.h"

#define FIRST_PORT 0x300
#define LAST_PORT  0x33f

static unsigned checks;
static unsigned failures;

static void check(const char *name, intptr_t actual, intptr_t expected)
{
    checks++;
    failures += actual != expected;
    print("%s %u - %s\n", actual == expected ? "ok" : "not ok", checks, name);
}

static intptr_t ioperm(uintptr_t first, uintptr_t count, int allowed)
{
    return linux_call(LINUX_IOPERM, first, count, (uintptr_t)allowed, 0, 0, 0);
}

static intptr_t iopl(unsigned level)
{
    return linux_call(LINUX_IOPL, level, 0, 0, 0, 0, 0);
}

static uint32_t read_port(uint16_t port, unsigned width)
{
    uint32_t value = 0;

    if (width == 4)
        __asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
    else if (width == 2)
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "d"(port));
    else
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "d"(port));
    return value;
}

static void check_edges(void)
{
    check("no ports at all", ioperm(0, 0, 1), -EINVAL);
    check("beyond the last port", ioperm(0xffff, 2, 1), -EINVAL);
    check("from beyond the last port", ioperm(0x10000, 1, 1), -EINVAL);
    check("a range that wraps", ioperm(1, (uintptr_t)0 - 1, 1), -EINVAL);
    check("a first port that is absurd", ioperm((uintptr_t)0 - 1, 1, 1), -EINVAL);
    check("denying what was never allowed", ioperm(0, 0x10000, 0), 0);
    check("no such level", iopl(4), -EINVAL);
    check("the lowest level", iopl(0), 0);
    check("beside what is given", ioperm(FIRST_PORT - 1, 1, 1), -EPERM);
    check("partly beside what is given", ioperm(LAST_PORT, 2, 1), -EPERM);
    check("all there are", ioperm(0, 0x10000, 1), -EPERM);
}

/* Reaching the line after each read is the test: a refused access ends the program. */
static void check_use(void)
{
    check("one port", ioperm(FIRST_PORT, 1, 1), 0);
    (void)read_port(FIRST_PORT, 1);
    check("the port was read", 0, 0);
    check("the last port", ioperm(LAST_PORT, 1, 1), 0);
    (void)read_port(LAST_PORT, 1);
    check("the last port was read", 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        linux_sched_yield();
        (void)read_port(FIRST_PORT, 1);
    }
    check("after others have run, too", 0, 0);
    check("level 3", iopl(3), 0);
    (void)read_port(LAST_PORT - 3, 4);
    check("every port that is given was allowed", 0, 0);
    check("level 0 again", iopl(0), 0);
    (void)read_port(FIRST_PORT, 1);
    check("what ioperm gave has stayed", 0, 0);
}

/* What tells the emulator that the machine has ended, and how. */
static int forge(void)
{
    for (const char *c = "exit 0\n"; *c != '\0'; c++)
        __asm__ volatile("outb %0, %1" : : "a"(*c), "Nd"((uint16_t)0xe9));
    __asm__ volatile("outb %0, %1" : : "a"((uint8_t)0x10), "Nd"((uint16_t)0xf4));
    return 1;
}

static unsigned number(const char *text)
{
    size_t value = 0;

    return text_to_number(text, &value) ? (unsigned)value : 0;
}

/* One thing, as the words ask; -1: there are none. */
static int do_one(int argc, char **argv)
{
    char what = argc >= 2 ? argv[1][0] : '\0';

    if (what == 't' && argc >= 3) {
        unsigned value = read_port((uint16_t)number(argv[2]), argc > 3 ? number(argv[3]) : 1);

        print("read 0x%x, which should not have been possible\n", value);
        return 1;
    }
    if (what == 'g' && argc >= 6) {
        intptr_t answer = ioperm(number(argv[2]), number(argv[3]), 1);

        if (answer != 0)
            return answer == -EPERM ? 3 : 2;
        (void)read_port((uint16_t)number(argv[4]), number(argv[5]));
        return 0;
    }
    if (what == 'l' || what == 'f') {
        if (iopl(3) != 0)
            return 3;
        return what == 'f' ? forge() : 0;
    }
    return -1;
}

int main(int argc, char **argv)
{
    int status = do_one(argc, argv);

    if (status >= 0)
        return status;
    if (ioperm(FIRST_PORT, 1, 1) != 0) {
        print("1..0 # SKIP nobody gets ports here, or only the super-user\n");
        return 0;
    }
    ioperm(FIRST_PORT, 1, 0);
    check_edges();
    check_use();
    print("1..%u\n", checks);
    return failures == 0 ? 0 : 1;
}
