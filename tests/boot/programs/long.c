/* SPDX-License-Identifier: MIT */
/* long.c - limits of time and stack, and calls that last: long MODE. The parent of nothing: who ends it is the kernel.
 *
 *     cpu     reads two gigabytes again and again, in one call each time, with a limit of one second of CPU
 *     deep    uses more stack than it is allowed
 *     reach   uses less, and lets the kernel write to the far end of it first
 *     raise   allows itself more stack than there was, and uses it
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

static int deeper(int pages)
{
    volatile char page[4096];

    page[0] = (char)pages;
    return pages == 0 ? 0 : deeper(pages - 1) + page[0];
}

static int reach(void)
{
    char room[1 << 20];
    int zero = open("/dev/zero", O_RDONLY);

    return read(zero, room, 100) != 100 || memchr(room, 1, 100) != NULL;
}

static void limit(int which, rlim_t bytes)
{
    struct rlimit wanted = {bytes, RLIM_INFINITY};

    if (setrlimit(which, &wanted) != 0)
        _exit(2);
}

static void read_for_ever(void)
{
    char *area = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static struct iovec pieces[1024];
    int random = open("/dev/urandom", O_RDONLY);

    for (int i = 0; i < 1024; i++)
        pieces[i] = (struct iovec){area, 2 << 20};
    limit(RLIMIT_CPU, 1);
    for (;;)
        if (readv(random, pieces, 1024) < 0)
            _exit(3);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "cpu") == 0)
        read_for_ever();
    if (strcmp(mode, "deep") == 0) {
        limit(RLIMIT_STACK, 1 << 20);
        deeper(300);
    }
    if (strcmp(mode, "reach") == 0)
        return reach();
    if (strcmp(mode, "raise") == 0) {
        limit(RLIMIT_STACK, 32 << 20);
        deeper(5000);
    }
    return 0;
}
