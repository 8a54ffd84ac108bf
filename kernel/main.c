/* SPDX-License-Identifier: MIT */
/*
 * main.c - what the kernel does, in order.
 *
 * The boot code has copied the loader's words into boot_info and the serial ports work. The command line says what is
 * wanted:
 *
 *     (nothing)      the main job: the tour from the memory map to alloc(5)
 *     monitor        the same, then the monitor
 *     run            the program run/program of the initial file system; its exit status is the machine's
 *     account        after `run`: every frame must be back, and all checks hold; or the status is 125
 *     test[=SUITES]  the unit tests, in a kernel that has them; of these suites, with commas between them
 *     check          allocate and free every frame there is, run a process, and account for all of it
 *     bench          figures of the bring-up and of the walk; bench=paging: of the library's calls
 *     bench=switch   what a switch of memory costs, by pages and by segments
 *     demo=fragmentation  memory without paging, drawn while processes come and go
 *     overflow[=STACK]  uses up a stack of the kernel: the one it boots on, "process", or a number (selfcheck.h): what
 *                    follows must be a report in words, not a reset
 *     quiet          only what cannot be left unsaid
 *     stop           stands still after the report of a fault that ends a process or the kernel, for ./quire explain
 *     icount         the emulator counts instructions in the time-stamp counter
 *     ports=FIRST-LAST,...  ports that programs may ask for, by ioperm and iopl; unsaid: none
 *     wx             no program gets memory that is both written and executed
 *     nopcid         leaves process-context identifiers off
 *     kpti, nokpti   ring 3 runs without the kernel's page tables (x86_64); unsaid: if the CPU is known to need it
 *     lf             new lines on the console are line feeds alone
 *     events         stream events to the fourth serial port
 */
#include "arch/arch.h"
#include "bench_paging.h"
#include "boot.h"
#include "console.h"
#include "fragmentation.h"
#include "initrd.h"
#include "launch.h"
#include "memory.h"
#include "monitor.h"
#include "ports.h"
#include "print.h"
#include "random.h"
#include "selfcheck.h"
#include "show.h"
#include "supervise.h"
#include "switch_cost.h"
#include "tour.h"
#include "walk.h"

#define EVENT_RECORDS_FEW  4096
#define EVENT_RECORDS_MANY 32768
#define RICH_FRAMES        16384 /* 64 MiB */

/* Present only in the kernel that holds the tests. */
extern unsigned kernel_tests(const char *suites) __attribute__((weak));

static int run_tests(void)
{
    char suites[64];

    if (kernel_tests == NULL) {
        print("this kernel holds no tests\n");
        return 1;
    }
    return kernel_tests(boot_option("test", suites, sizeof(suites)) && suites[0] != '\0' ? suites : NULL) == 0 ? 0 : 1;
}

/* Programs and the tour are watched; tests and measurements of the bring-up are not disturbed. */
static void start_watching(void)
{
    if (!walk_start_events(memory_frames >= RICH_FRAMES ? EVENT_RECORDS_MANY : EVENT_RECORDS_FEW))
        print("quire: no memory for the event ring\n");
}

static bool is_option(const char *name, const char *wanted)
{
    char value[16];

    if (!boot_option(name, value, sizeof(value)))
        return false;
    for (size_t i = 0; value[i] == wanted[i]; i++) {
        if (value[i] == '\0')
            return true;
    }
    return false;
}

static int do_what_is_wanted(void)
{
    char which[16];

    if (boot_option("test", NULL, 0))
        return run_tests();
    if (boot_option("check", NULL, 0))
        return selfcheck_run() ? 0 : 1;
    if (boot_option("run", NULL, 0)) {
        if (boot_option("events", NULL, 0))
            start_watching();
        return launch_requested();
    }
    if (is_option("bench", "paging"))
        return bench_paging() ? 0 : 1;
    if (boot_option("overflow", which, sizeof(which)))
        selfcheck_overflow(which);
    if (is_option("bench", "switch"))
        return switch_cost_run() ? 0 : 1;
    if (is_option("demo", "fragmentation"))
        return fragmentation_show() ? 0 : 1;
    start_watching();
    if (boot_option("bench", NULL, 0))
        return tour_bench() ? 0 : 1;

    console_watch(true);
    int status = tour_run() ? 0 : 1;
    if (console_interrupted()) {
        print("\nquire: interrupted\n");
        return STATUS_INTERRUPTED;
    }
    if (boot_option("monitor", NULL, 0))
        monitor_run();
    return status;
}

/* What the drivers and the way out use, whether or not the machine has all of it. */
static void claim_ports(void)
{
    static const quire_io_claim_t mine[] = {
        {0x0f, 1, "DMA controller 1"},
        {0x20, 2, "interrupt controller 1"},
        {0x40, 4, "interval timer"},
        {0x80, 1, "delay"},
        {0xa0, 2, "interrupt controller 2"},
        {0xde, 1, "DMA controller 2"},
        {0xe9, 1, "debug console"},
        {0xf4, 4, "machine exit"},
        {0x2e8, 8, "serial port 4: events"},
        {0x2f8, 8, "serial port 2: standard output"},
        {0x3e8, 8, "serial port 3: standard error"},
        {0x3f8, 8, "serial port 1: console"},
    };

    for (size_t i = 0; i < sizeof(mine) / sizeof(mine[0]); i++)
        ports_claim(mine[i].first, mine[i].count, mine[i].owner);
}

/* Who makes keys on this machine shall know. Where instructions are counted, runs are meant to repeat. */
static void tell_random(void)
{
    if (random_credit() < RANDOM_BITS_FULL && !boot_option("icount", NULL, 0))
        print_always("quire: random numbers are seeded by %s, with %u of %u bits: make no keys here\n", random_source(),
                     random_credit(), RANDOM_BITS_FULL);
}

_Noreturn void kernel_main(void)
{
    int status;

    print_quiet(boot_option("quiet", NULL, 0) && !boot_option("monitor", NULL, 0));
    if (!boot_option("run", NULL, 0))
        print("\nQuire on %s: a kernel's whole memory management\n", ARCH_NAME);
    memory_init();
    arch_init();
    claim_ports();
    ports_read_grants();
    tell_random();
    initrd_init();
    status = do_what_is_wanted();
    if (!boot_option("run", NULL, 0) && (arch_is_isolated() || quire_table_loads(&kernel_space.table).loads != 0))
        show_cpu();
    walk_pump_events();
    if (walk_events_lost() != 0)
        print_always("quire: %llu events were overwritten before they could be streamed\n",
                     (unsigned long long)walk_events_lost());
    arch_exit(true, (unsigned)status);
}
