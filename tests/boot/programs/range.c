/* SPDX-License-Identifier: MIT */
/*
 * range.c - what calls and faults on one page cost, in a touched area that doubles ten times around it.
 *
 * Built like bench/vm's program, with the same readings; the emulator counts instructions. The page stands where it
 * stands throughout, so that its tables are the same ones. Each call's line comes once for each size of the area.
 */
#include "measure.h"

#define PAGE       4096l
#define MIDDLE     0x20005000l
#define SMALLEST   16l
#define DOUBLINGS  10
#define ROUNDS     9
#define READ_ONLY  1
#define READ_WRITE 3
#define PRIVATE    0x22 /* and anonymous */
#define FIXED      0x10
#define MAY_MOVE   1
#define DONTNEED   4
#define POPULATE   23 /* for writing */

static char *const page = (char *)MIDDLE;
static volatile char sink;

static void map(char *at, long pages)
{
    expect(call(NUMBER_MMAP, (long)at, pages * PAGE, READ_WRITE, PRIVATE | FIXED, -1) == (long)at, "mmap");
}

static void unmap(char *at, long pages)
{
    expect(call(NUMBER_MUNMAP, (long)at, pages * PAGE, 0, 0, 0) == 0, "munmap");
}

static void protect(long prot)
{
    expect(call(NUMBER_MPROTECT, (long)page, PAGE, prot, 0, 0) == 0, "mprotect");
}

static void advise(long advice)
{
    expect(call(NUMBER_MADVISE, (long)page, PAGE, advice, 0, 0) == 0, "madvise");
}

static long resize(char *at, long pages, long to)
{
    return call(NUMBER_MREMAP, (long)at, pages * PAGE, to * PAGE, MAY_MOVE, 0);
}

static void touch(char *at, long pages)
{
    for (long i = 0; i < pages; i++)
        *(volatile char *)(at + i * PAGE) = 1;
}

#define MEASURE_ROUNDS(name, before, measured, after)                                                                  \
    do {                                                                                                               \
        for (unsigned round_ = 0; round_ < ROUNDS; round_++) {                                                         \
            before;                                                                                                    \
            MEASURE(measured);                                                                                         \
            after;                                                                                                     \
        }                                                                                                              \
        row(name, 1, "");                                                                                              \
    } while (0)

static void measure_faults(void)
{
    MEASURE_ROUNDS("write fault", advise(DONTNEED), touch(page, 1), (void)0);
    MEASURE_ROUNDS("read fault", advise(DONTNEED), sink = *(volatile char *)page, (void)0);
    touch(page, 1);
}

static void measure_calls(void)
{
    long got = 0;

    MEASURE_ROUNDS("mprotect", (void)0, protect(READ_ONLY), protect(READ_WRITE));
    MEASURE_ROUNDS("mprotect back", protect(READ_ONLY), protect(READ_WRITE), (void)0);
    MEASURE_ROUNDS("MADV_DONTNEED", touch(page, 1), advise(DONTNEED), (void)0);
    MEASURE_ROUNDS("MADV_POPULATE_WRITE", advise(DONTNEED), advise(POPULATE), (void)0);
    MEASURE_ROUNDS("munmap", (void)0, unmap(page, 1), (map(page, 1), touch(page, 1)));
    MEASURE_ROUNDS("mmap into a hole", unmap(page, 1), map(page, 1), touch(page, 1));
    MEASURE_ROUNDS("mmap over a page", touch(page, 1), map(page, 1), touch(page, 1));
    MEASURE_ROUNDS("mremap to the same size", (void)0, got = resize(page, 1, 1), expect(got == MIDDLE, "mremap"));
    MEASURE_ROUNDS("mremap that moves the page", (void)0, got = resize(page, 1, 2),
                   (expect((unsigned long)got < -4096ul && got != MIDDLE, "mremap"), unmap((char *)got, 2),
                    map(page, 1), touch(page, 1)));
}

static void measure_area(char *area, long pages)
{
    long got = 0;

    MEASURE_ROUNDS("mremap of the whole area to the same size", (void)0, got = resize(area, pages, pages),
                   expect(got == (long)area, "mremap"));
    MEASURE_ROUNDS("mmap elsewhere", (void)0, got = call(NUMBER_MMAP, 0, PAGE, READ_WRITE, PRIVATE, -1),
                   unmap((char *)got, 1));
}

void program(const long *stack);

void program(const long *stack)
{
    (void)stack;
    for (int doubling = 0; doubling <= DOUBLINGS; doubling++) {
        long pages = SMALLEST << doubling;
        char *area = page - pages / 2 * PAGE;

        map(area, pages);
        touch(area, pages);
        measure_faults();
        measure_calls();
        measure_area(area, pages);
        unmap(area, pages);
    }
    call(NUMBER_EXIT, good ? 0 : 1, 0, 0, 0, 0);
}
