/* SPDX-License-Identifier: MIT */
/*
 * bench.c - what a program meets: memory system calls and page faults, measured from ring 3.
 *
 * One static program without a C library, which runs on this kernel and on Linux alike, there as the first process.
 * Where the emulator counts instructions in the time-stamp counter, a figure is exact and repeats: everything between
 * two readings, traps and calls included, less what reading costs. Each row is the median of its rounds, so that what
 * happens now and then (a new table, a refill, a timer) does not decide it; where a call works on many pages, the
 * figure is that of the call divided by them.
 *
 * Prints lines "bench, row, value, unit, target" with tabs between. Targets stand beside these rows alone: a call of
 * the library, without the way into the kernel, has targets of its own elsewhere. What a kernel does not offer is named
 * ("absent"), not guessed. The word "quick" does with few rounds.
 */
#include "measure.h"

#define PAGE       4096l
#define MANY       256
#define LARGE_AREA 32768l
#define AREAS      20000l

#define READ_ONLY  1
#define READ_WRITE 3
#define PRIVATE    0x22 /* and anonymous */
#define NO_RESERVE 0x4000
#define POPULATE   0x8000
#define MAY_MOVE   1
#define DONTNEED   4

static volatile char sink;

/* --- calls --- */

static char *map(long pages, int flags)
{
    long got = call(NUMBER_MMAP, 0, pages * PAGE, READ_WRITE, PRIVATE | flags, -1);

    expect((unsigned long)got < -4096ul, "mmap");
    return (char *)got;
}

static void unmap(char *area, long pages)
{
    expect(call(NUMBER_MUNMAP, (long)area, pages * PAGE, 0, 0, 0) == 0, "munmap");
}

static void protect(char *area, long pages, long prot)
{
    expect(call(NUMBER_MPROTECT, (long)area, pages * PAGE, prot, 0, 0) == 0, "mprotect");
}

static void discard(char *area, long pages)
{
    expect(call(NUMBER_MADVISE, (long)area, pages * PAGE, DONTNEED, 0, 0) == 0, "madvise");
}

static void touch(char *area, long pages)
{
    for (long page = 0; page < pages; page++)
        *(volatile char *)(area + page * PAGE) = 1;
}

/* --- rows --- */

static void measure_clock(void)
{
    for (unsigned i = 0; i < rounds; i++)
        MEASURE((void)0);
    clock_cost = median();
    count = 0;
}

static void measure_calls(void)
{
    for (unsigned i = 0; i < rounds; i++)
        MEASURE(call(NUMBER_GETPPID, 0, 0, 0, 0, 0));
    row("null system call", 1, "100");
    for (unsigned i = 0; i < rounds; i++)
        MEASURE(unmap(map(1, 0), 1));
    row("mmap + munmap, 1 page, untouched", 1, "1200");
    for (unsigned i = 0; i < rounds; i++) {
        char *area;

        MEASURE((area = map(1, 0), *(volatile char *)area = 1, unmap(area, 1)));
    }
    row("mmap + touch + munmap, 1 page", 1, "3000");
}

static void measure_faults(void)
{
    char *area = map(MANY, 0);

    for (long page = 0; page < MANY; page++)
        MEASURE(*(volatile char *)(area + page * PAGE) = 1);
    row("write fault, a fresh page", 1, TARGET_OF("900", "1400"));
    unmap(area, MANY);
    area = map(MANY, 0);
    for (long page = 0; page < MANY; page++)
        MEASURE(sink = *(volatile char *)(area + page * PAGE));
    row("read fault, a fresh page", 1, "300");
    unmap(area, MANY);
}

static void measure_many(void)
{
    char *area;

    for (unsigned i = 0; i < rounds; i++) {
        MEASURE(area = map(MANY, POPULATE));
        unmap(area, MANY);
    }
    row("populate, per page of 256", MANY, TARGET_OF("650", "1150"));
    for (unsigned i = 0; i < rounds; i++) {
        area = map(MANY, 0);
        touch(area, MANY);
        MEASURE(unmap(area, MANY));
    }
    row("munmap, per touched page of 256", MANY, "100");
    area = map(MANY, 0);
    for (unsigned i = 0; i < rounds; i++) {
        touch(area, MANY);
        MEASURE(discard(area, MANY));
    }
    row("MADV_DONTNEED, per touched page of 256", MANY, "100");
    touch(area, MANY);
    for (unsigned i = 0; i < rounds; i++) {
        touch(area, MANY);
        MEASURE(discard(area + 100 * PAGE, 1));
    }
    row("MADV_DONTNEED, 1 page of a touched area of 256", 1, "500");
    unmap(area, MANY);
}

static void measure_protect(void)
{
    char *one = map(1, 0);
    char *area;

    touch(one, 1);
    for (unsigned i = 0; i < rounds; i++)
        MEASURE(protect(one, 1, i % 2 == 0 ? READ_ONLY : READ_WRITE));
    row("mprotect, an area of 1 page", 1, "500");
    unmap(one, 1);
    area = map(MANY, 0);
    touch(area, MANY);
    for (unsigned i = 0; i < rounds; i++)
        MEASURE(protect(area, MANY, i % 2 == 0 ? READ_ONLY : READ_WRITE));
    row("mprotect, per page of 256", MANY, "20");
    protect(area, MANY, READ_WRITE);
    for (unsigned i = 0; i < rounds; i++) {
        MEASURE(protect(area + 100 * PAGE, 1, READ_ONLY));
        protect(area + 100 * PAGE, 1, READ_WRITE);
    }
    row("mprotect that splits an area of 256", 1, "700");
    unmap(area, MANY);
}

static void measure_large_area(void)
{
    char *area = map(LARGE_AREA, 0);

    touch(area, LARGE_AREA);
    for (unsigned i = 0; i < 9; i++) {
        MEASURE(protect(area, 1, READ_ONLY));
        protect(area, 1, READ_WRITE);
    }
    row("mprotect, the first of 32,768 touched pages", 1, "500");
    for (unsigned i = 0; i < 9; i++) {
        long got;

        MEASURE(got = call(NUMBER_MREMAP, (long)area, LARGE_AREA * PAGE, LARGE_AREA * PAGE, MAY_MOVE, 0));
        expect(got == (long)area, "mremap");
    }
    row("mremap of 32,768 touched pages to the same size", 1, "300");
    unmap(area, LARGE_AREA);
}

/* Something stands behind the area, so that it has to move. */
static void measure_move(long pages, const char *name, const char *target)
{
    for (unsigned i = 0; i < 17; i++) {
        char *area = map(pages + 1, 0);
        long got;

        touch(area, pages + 1);
        protect(area + pages * PAGE, 1, READ_ONLY);
        MEASURE(got = call(NUMBER_MREMAP, (long)area, pages * PAGE, 2 * pages * PAGE, MAY_MOVE, 0));
        expect((unsigned long)got < -4096ul && got != (long)area, "mremap");
        unmap((char *)got, 2 * pages);
        unmap(area + pages * PAGE, 1);
    }
    row(name, 1, target);
}

static void measure_reserve(void)
{
    const long pages = 1l << 18;

    for (unsigned i = 0; i < rounds; i++) {
        char *area;

        MEASURE(area = map(pages, NO_RESERVE));
        unmap(area, pages);
    }
    row("reserve 1 GiB", 1, "1200");
    for (unsigned i = 0; i < rounds; i++) {
        char *area = map(pages, NO_RESERVE);

        MEASURE(unmap(area, pages));
    }
    row("release 1 GiB", 1, "1200");
}

/* Pages of two protections in turn: each is an area of its own to a kernel that keeps lists of them. */
static void measure_areas(void)
{
    char *area = map(AREAS, 0);

    for (long page = 1; page < AREAS; page += 2)
        protect(area + page * PAGE, 1, READ_ONLY);
    for (long page = AREAS / 2; page < AREAS / 2 + 128; page += 2)
        MEASURE(*(volatile char *)(area + page * PAGE) = 1);
    row("20,000 areas: a write fault", 1, TARGET_OF("950", "1450"));
    for (unsigned i = 0; i < rounds; i++) {
        char *one;

        MEASURE(one = map(1, 0));
        unmap(one, 1);
    }
    row("20,000 areas: mmap of 1 page", 1, "1500");
    char *three = map(3, 0);
    for (unsigned i = 0; i < rounds; i++) {
        MEASURE(protect(three + PAGE, 1, READ_ONLY));
        protect(three + PAGE, 1, READ_WRITE);
    }
    row("20,000 areas: an mprotect that splits", 1, "700");
    unmap(three, 3);
    unmap(area, AREAS);
}

static void end_child(long child)
{
    call(NUMBER_KILL, child, 9, 0, 0, 0);
    expect(call(NUMBER_WAIT4, child, 0, 0, 0, 0) == child, "wait4");
}

/* Children that end at once; what one costs. */
static uint64_t measure_children(const char *name, uint64_t less, unsigned parts, const char *target)
{
    for (unsigned i = 0; i < 17; i++) {
        uint64_t start = timestamp();
        long child = call(NUMBER_FORK, 0, 0, 0, 0, 0);

        if (child == 0)
            call(NUMBER_EXIT, 0, 0, 0, 0, 0);
        expect(call(NUMBER_WAIT4, child, 0, 0, 0, 0) == child, "wait4");
        note(start + less, timestamp());
    }
    return row(name, parts, target);
}

/* What touched pages and areas add is measured as the difference to a process without them. */
static void measure_fork(void)
{
    uint64_t alone = measure_children("fork + exit + wait", 0, 1, "20000");
    char *area = map(MANY, 0);

    touch(area, MANY);
    measure_children("fork + exit + wait, more per touched page of 256", alone, MANY, "60");
    unmap(area, MANY);
    area = map(AREAS, 0);
    for (long page = 1; page < AREAS; page += 2)
        protect(area + page * PAGE, 1, READ_ONLY);
    measure_children("20,000 areas: fork + exit + wait, more per area", alone, AREAS, "300");
    unmap(area, AREAS);
}

/* Half of the pages are written while a child shares them, the others when it is gone. */
static void measure_copies(void)
{
    char *area = map(MANY, 0);
    long child;

    touch(area, MANY);
    child = call(NUMBER_FORK, 0, 0, 0, 0, 0);
    if (child < 0) {
        absent("copy-on-write and fork");
        unmap(area, MANY);
        return;
    }
    while (child == 0)
        call(NUMBER_PAUSE, 0, 0, 0, 0, 0);
    for (long page = 0; page < MANY / 2; page++)
        MEASURE(*(volatile char *)(area + page * PAGE) = 2);
    row("copy-on-write: a page is copied", 1, TARGET_OF("950", "1500"));
    end_child(child);
    for (long page = MANY / 2; page < MANY; page++)
        MEASURE(*(volatile char *)(area + page * PAGE) = 2);
    row("copy-on-write: the last owner keeps the page", 1, "250");
    unmap(area, MANY);
    measure_fork();
}

/* As the first process of a machine it ends that machine; where this is refused, it just ends. */
static void finish(void)
{
    say(good ? "bench: all rows\n" : "bench: not all rows\n");
    call(NUMBER_WRITE, 1, (long)line, (long)length, 0, 0);
    if (call(NUMBER_GETPID, 0, 0, 0, 0, 0) == 1)
        call(NUMBER_REBOOT, (long)0xfee1deadu, 672274793, 0x01234567, 0, 0);
    call(NUMBER_EXIT, good ? 0 : 1, 0, 0, 0, 0);
}

void program(const long *stack);

void program(const long *stack)
{
    const char *const *words = (const char *const *)(stack + 1);

    if (stack[0] > 1 && words[1][0] == 'q')
        rounds = 5;
    measure_clock();
    measure_calls();
    measure_faults();
    measure_many();
    measure_protect();
    measure_large_area();
    measure_move(16, "mremap that moves 16 pages to 32", "2500");
    measure_move(256, "mremap that moves 256 pages to 512", "9000");
    measure_reserve();
    measure_areas();
    measure_copies();
    finish();
}
