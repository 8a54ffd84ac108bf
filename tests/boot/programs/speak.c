/* SPDX-License-Identifier: MIT */
/*
 * speak.c - an ordinary Linux program that knows nothing of Quire; built with glibc and musl, for 32 and 64 bits, by
 * programs.t.
 *
 *     speak MODE [ARGUMENTS...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static int say_words(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    for (char **word = environ; *word != NULL; word++)
        printf("environment: %s\n", *word);
    return 0;
}

/* Every byte value must arrive as it is. */
static int say_bytes(void)
{
    for (int i = 0; i < 16 * 256; i++)
        putchar(i & 0xff);
    return 0;
}

/* More than any pipe holds. */
static int say_much(void)
{
    for (int i = 0; i < 20000; i++)
        printf("line %d of twenty thousand\n", i);
    return 0;
}

static int say_in_turn(void)
{
    for (int i = 0; i < 100; i++) {
        if (write(i & 1 ? 2 : 1, i & 1 ? "error\n" : "output\n", i & 1 ? 6 : 7) < 0)
            return 1;
    }
    return 0;
}

static int say_file(const char *path)
{
    char buffer[512];
    size_t got;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
        fwrite(buffer, 1, got, stdout);
    fclose(file);
    return 0;
}

/* Blocks from 1 byte to 1 MiB, each full of its own number, half of them freed and taken again. */
static int allocate(void)
{
    enum { BLOCKS = 200 };
    unsigned char *block[BLOCKS];
    size_t size[BLOCKS];

    for (int round = 0; round < 2; round++) {
        for (int i = round; i < BLOCKS; i += 1 + round) {
            size[i] = (size_t)1 << (i % 21);
            block[i] = malloc(size[i]);
            if (block[i] == NULL)
                return 1;
            memset(block[i], i, size[i]);
        }
        for (int i = 0; i < BLOCKS; i++) {
            if (block[i][0] != i || block[i][size[i] - 1] != i)
                return 2;
        }
        for (int i = 1; round == 0 && i < BLOCKS; i += 2)
            free(block[i]);
    }
    puts("allocated");
    return 0;
}

static int map(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    volatile char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || memory[3 * page] != 0)
        return 1;
    memory[page] = 1;
    if (mprotect((void *)memory, 4 * page, PROT_READ) != 0 || memory[page] != 1)
        return 2;
    if (munmap((void *)(memory + page), page) != 0 || memory[0] != 0)
        return 3;
    puts("mapped");
    fflush(stdout);
    return (int)memory[page]; /* SIGSEGV */
}

static int ask_for_what_is_not_there(void)
{
    long result = syscall(SYS_reboot, 1, 2, 3, 4);

    printf("result %ld, %s\n", result, errno == ENOSYS ? "ENOSYS" : "another error");
    return 0;
}

static int use_stack(int depth)
{
    volatile char room[4096];

    room[0] = (char)depth;
    return depth == 0 ? 0 : use_stack(depth - 1) + room[0] * 0;
}

static int misbehave(const char *how)
{
    volatile int zero = 0;
    volatile int one = 1;
    static const char constant[] = "constant";

    fprintf(stderr, "about to: %s\n", how);
    if (strcmp(how, "wild") == 0)
        *(volatile int *)0x12345678 = 1;
    if (strcmp(how, "null") == 0)
        return *(volatile int *)(uintptr_t)zero;
    if (strcmp(how, "kernel") == 0)
        return *(volatile int *)(UINTPTR_MAX - 0xfff);
    if (strcmp(how, "constant") == 0)
        *(volatile char *)constant = 1;
    if (strcmp(how, "privileged") == 0)
        __asm__ volatile("hlt");
    if (strcmp(how, "illegal") == 0)
        __asm__ volatile("ud2");
    if (strcmp(how, "divide") == 0)
        return one / zero;
    if (strcmp(how, "abort") == 0)
        abort();
    return 99;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "exit") == 0)
        return atoi(argv[2]);
    if (strcmp(mode, "words") == 0)
        return say_words(argc, argv);
    if (strcmp(mode, "bytes") == 0)
        return say_bytes();
    if (strcmp(mode, "turns") == 0)
        return say_in_turn();
    if (strcmp(mode, "flood") == 0)
        return say_much();
    if (strcmp(mode, "file") == 0)
        return say_file(argv[2]);
    if (strcmp(mode, "allocate") == 0)
        return allocate();
    if (strcmp(mode, "map") == 0)
        return map();
    if (strcmp(mode, "missing") == 0)
        return ask_for_what_is_not_there();
    if (strcmp(mode, "wait") == 0)
        return pause();
    if (strcmp(mode, "stack") == 0)
        return use_stack(1000);
    return misbehave(mode);
}
