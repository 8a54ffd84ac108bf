/* SPDX-License-Identifier: MIT */
/*
 * segment-pages.c - a program that lives by segments asks for pages, by every call that Linux has for it, over its own
 * data, over its neighbours' and anywhere: none of them is for it, and its memory stays as it was.
 *
 * Exit status: 0; 1 if a call was answered otherwise, or something has changed.
 */
#include "gate.h"
#include "linux.h"
#include "runtime.h"

#define WINDOW_START 0x20000000u
#define WINDOW_BYTES 0x00800000u
#define READ_WRITE   3u
#define FIXED        0x32u /* private, anonymous, at this place and no other */
#define POPULATED    0x8022u

static unsigned failures;
static volatile char mark[PAGE_BYTES * 3];

static void refused(const char *name, intptr_t number, uintptr_t first, uintptr_t second, uintptr_t third,
                    uintptr_t fourth)
{
    intptr_t answer = linux_call(number, first, second, third, fourth, (uintptr_t)-1, 0);

    if (answer == -ENOSYS)
        return;
    failures++;
    print("%s at 0x%zx: %zd\n", name, (size_t)first, (size_t)answer);
}

/* The oldest mmap has its arguments in memory. */
static void refused_in_memory(uintptr_t start, uintptr_t bytes, uintptr_t flags)
{
    const uint32_t words[6] = {start, bytes, READ_WRITE, flags, (uint32_t)-1, 0};

    refused("mmap", 90, (uintptr_t)words, 0, 0, 0);
}

static void ask_for(uintptr_t start, uintptr_t bytes)
{
    refused_in_memory(start, bytes, FIXED);
    refused("mmap2", 192, start, bytes, READ_WRITE, FIXED);
    refused("munmap", 91, start, bytes, 0, 0);
    refused("mprotect", 125, start, bytes, READ_WRITE, 0);
    refused("mremap", 163, start, bytes, bytes, 0);
    refused("madvise", 219, start, bytes, MADV_DONTNEED, 0);
    refused("pkey_mprotect", 380, start, bytes, READ_WRITE, (uintptr_t)-1);
    refused("mincore", 218, start, bytes, (uintptr_t)mark, 0);
    refused("remap_file_pages", 257, start, bytes, 0, 0);
    refused("shmat", 397, 0, start, 0, 0);
    refused("msync", 144, start, bytes, 0, 0);
    refused("mlock", 150, start, bytes, 0, 0);
}

int main(int argc, char **argv)
{
    const uint32_t area[4] = {(uint32_t)-1, 0, 0xfffff, 0x51};
    uint32_t base = gate_ask(GATE_BASE);

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof(mark); i++)
        mark[i] = (char)i;
    refused_in_memory(0, 0x1000000, POPULATED);
    refused("mmap2", 192, 0, 0x1000000, READ_WRITE, POPULATED);
    ask_for(base & ~0xfffu, PAGE_BYTES);
    ask_for(WINDOW_START, WINDOW_BYTES);
    ask_for(WINDOW_START + WINDOW_BYTES, PAGE_BYTES);
    refused("set_thread_area", 243, (uintptr_t)area, 0, 0, 0);
    refused("modify_ldt", 123, 1, (uintptr_t)area, sizeof(area), 0);
    for (size_t i = 0; i < sizeof(mark); i++)
        failures += mark[i] != (char)i;
    print("%u calls for pages were answered, or bytes changed\n", failures);
    return failures == 0 ? 0 : 1;
}
