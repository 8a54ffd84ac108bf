/* SPDX-License-Identifier: MIT */
/*
 * isolate.c - one of two programs that use the same address at the same time.
 *
 *     isolate LETTER
 *
 * Fills a page at a fixed address with LETTER, lets others run, and looks whether every byte is still its own. Exit
 * status: 0 if so, 1 otherwise.
 */
#include "linux.h"
#include "runtime.h"

#define ADDRESS ((uintptr_t)0x10000000)
#define ROUNDS  8
#define SPINS   400000

/* Long enough for a timer to come in between. */
static void spin(void)
{
    for (volatile unsigned i = 0; i < SPINS; i++)
        ;
}

/* The first byte that is not `letter`, or `letter` if all are. */
static char look(const volatile char *page, char letter)
{
    for (size_t i = 0; i < PAGE_BYTES; i++) {
        if (page[i] != letter)
            return page[i];
    }
    return letter;
}

int main(int argc, char **argv)
{
    volatile char *page = (volatile char *)ADDRESS;
    char letter = 'A';
    char seen;
    intptr_t result;

    if (argc > 1 && argv[1][0] != '\0')
        letter = argv[1][0];
    result =
        linux_mmap(ADDRESS, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
    if (result != (intptr_t)ADDRESS) {
        print("isolate: no page at 0x%x: error %d\n", (unsigned)ADDRESS, (int)-result);
        return 1;
    }
    for (size_t i = 0; i < PAGE_BYTES; i++)
        page[i] = letter;
    seen = letter;
    for (unsigned round = 0; round < ROUNDS && seen == letter; round++) {
        linux_sched_yield();
        spin();
        seen = look(page, letter);
    }
    print("at 0x%x I see %c\n", (unsigned)ADDRESS, seen);
    return seen == letter ? 0 : 1;
}
