/* SPDX-License-Identifier: MIT */
/*
 * keys.c - a program that locks its own memory by protection keys. argv[1] names what it does.
 *
 * Without an ending of its own it exits with 0, or with the number of the line that was disappointed. It needs no C
 * library that knows of keys.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE      4096
#define RW        (PROT_READ | PROT_WRITE)
#define NO_ACCESS 1
#define NO_WRITE  2

#define EXPECT(true_thing)                                                                                             \
    do {                                                                                                               \
        if (!(true_thing)) {                                                                                           \
            printf("line %d: %s; errno %d\n", __LINE__, #true_thing, errno);                                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static unsigned pkru(void)
{
    unsigned value;

    __asm__ volatile("rdpkru" : "=a"(value) : "c"(0) : "edx");
    return value;
}

static void set_rights(int key, unsigned rights)
{
    unsigned value = (pkru() & ~(3u << 2 * key)) | rights << 2 * key;

    __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static long alloc_key(unsigned long flags, unsigned long rights)
{
    return syscall(SYS_pkey_alloc, flags, rights);
}

static long protect(void *at, size_t bytes, int prot, int key)
{
    return syscall(SYS_pkey_mprotect, at, bytes, prot, key);
}

static char *pages(size_t count)
{
    char *at = mmap(NULL, count * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT(at != MAP_FAILED);
    return at;
}

/* A page with a key of its own, and a word in it. */
static char *secret(int *key)
{
    char *at = pages(1);

    strcpy(at, "secret\n");
    *key = (int)alloc_key(0, 0);
    EXPECT(*key > 0);
    EXPECT(protect(at, PAGE, RW, *key) == 0);
    EXPECT(strcmp(at, "secret\n") == 0);
    return at;
}

static void alloc(void)
{
    EXPECT(pkru() == 0x55555554);
    EXPECT(alloc_key(1, 0) == -1 && errno == EINVAL);
    EXPECT(alloc_key(0, 4) == -1 && errno == EINVAL);
    for (int i = 1; i < 16; i++)
        EXPECT(alloc_key(0, NO_WRITE) == i);
    EXPECT(pkru() == 0xaaaaaaa8);
    EXPECT(alloc_key(0, 0) == -1 && errno == ENOSPC);
    EXPECT(syscall(SYS_pkey_free, 7) == 0);
    EXPECT(syscall(SYS_pkey_free, 7) == -1 && errno == EINVAL);
    EXPECT(syscall(SYS_pkey_free, 16) == -1 && errno == EINVAL);
    EXPECT(protect(pages(1), PAGE, RW, 7) == -1 && errno == EINVAL);
    EXPECT(protect(pages(1), PAGE, RW, 8) == 0);
    EXPECT(alloc_key(0, NO_ACCESS) == 7);
    EXPECT(pkru() == 0xaaaa6aa8);
}

/* The kernel does for a program what the program may do, and no more. */
static void copies(void)
{
    int zeros = open("/dev/zero", O_RDONLY);
    int key;
    char *at = secret(&key);

    EXPECT(zeros >= 0 && write(1, at, 7) == 7);
    set_rights(key, NO_WRITE);
    EXPECT(write(1, at, 7) == 7);
    EXPECT(read(zeros, at, 7) == -1 && errno == EFAULT);
    set_rights(key, NO_ACCESS);
    EXPECT(write(1, at, 7) == -1 && errno == EFAULT);
    EXPECT(read(zeros, at, 7) == -1 && errno == EFAULT);
    EXPECT(open(at, O_RDONLY) == -1 && errno == EFAULT);
    EXPECT(mprotect(at, PAGE, PROT_READ) == 0);
    EXPECT(write(1, at, 7) == -1 && errno == EFAULT);
    EXPECT(mprotect(at, PAGE, PROT_NONE) == 0 && mprotect(at, PAGE, RW) == 0);
    EXPECT(write(1, at, 7) == -1 && errno == EFAULT);
    EXPECT(protect(at, PAGE, RW, -1) == 0);
    EXPECT(write(1, at, 7) == -1 && errno == EFAULT);
    EXPECT(protect(at, PAGE, RW, 0) == 0);
    EXPECT(write(1, at, 7) == 7 && read(zeros, at, 7) == 7 && at[0] == 0);
}

/* Long enough for other processes to have a turn, if there are any. */
static void keeps(void)
{
    int key = (int)alloc_key(0, NO_WRITE);
    unsigned before = pkru();

    for (volatile int i = 0; i < 30000000; i++)
        ;
    for (int i = 0; i < 10; i++)
        sched_yield();
    EXPECT(key == 1 && pkru() == before);
}

static void moves(void)
{
    int key;
    char *at = secret(&key);
    char *more = mremap(at, PAGE, 64 * PAGE, MREMAP_MAYMOVE);

    EXPECT(more != MAP_FAILED && strcmp(more, "secret\n") == 0);
    set_rights(key, NO_ACCESS);
    EXPECT(write(1, more, 7) == -1 && errno == EFAULT);
    EXPECT(write(1, more + 63 * PAGE, 7) == -1 && errno == EFAULT);
    set_rights(key, 0);
    EXPECT(madvise(more, PAGE, MADV_DONTNEED) == 0);
    set_rights(key, NO_ACCESS);
    EXPECT(write(1, more, 7) == -1 && errno == EFAULT);
}

/* A key forbids data, not instructions (SDM volume 3, 4.6.2). */
static void executes(void)
{
    int key;
    char *at = secret(&key);

    at[0] = (char)0xc3;
    EXPECT(protect(at, PAGE, PROT_READ | PROT_EXEC, key) == 0);
    set_rights(key, NO_ACCESS);
    ((void (*)(void))(uintptr_t)at)();
}

static void reads(void)
{
    int key;
    char *at = secret(&key);

    set_rights(key, NO_ACCESS);
    printf("read %d\n", *(volatile char *)at);
}

static void writes(void)
{
    int key;
    char *at = secret(&key);

    set_rights(key, NO_WRITE);
    printf("wrote %d\n", *(volatile char *)at = 1);
}

static void promised(void)
{
    char *at = pages(1);
    int key = (int)alloc_key(0, NO_ACCESS);

    EXPECT(protect(at, PAGE, RW, key) == 0);
    printf("read %d\n", *(volatile char *)at);
}

static void own_stack(void)
{
    set_rights(0, NO_WRITE);
}

/* A 32-bit kernel has key 0 only. */
static void none(void)
{
    char *at = pages(1);

    EXPECT(alloc_key(0, 0) == -1 && errno == ENOSPC);
    EXPECT(alloc_key(1, 0) == -1 && errno == EINVAL);
    EXPECT(syscall(SYS_pkey_free, 0) == -1 && errno == EINVAL);
    EXPECT(protect(at, PAGE, RW, 0) == 0);
    EXPECT(protect(at, PAGE, RW, 1) == -1 && errno == EINVAL);
    EXPECT(protect(at, PAGE, PROT_READ, -1) == 0);
    EXPECT(read(open("/dev/zero", O_RDONLY), at, 1) == -1 && errno == EFAULT);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"alloc", alloc},         {"copies", copies}, {"keeps", keeps},   {"moves", moves},
                 {"executes", executes},   {"reads", reads},   {"writes", writes}, {"promised", promised},
                 {"own-stack", own_stack}, {"none", none}};

    setvbuf(stdout, NULL, _IONBF, 0);
    for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    return 99;
}
