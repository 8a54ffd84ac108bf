/* SPDX-License-Identifier: MIT */
/*
 * secrets.c - what a program is told of random numbers, and what it may do with memory; TAP where it judges.
 *
 *     secrets random   getrandom twice, AT_RANDOM and /dev/urandom: four lines of hexadecimal digits
 *     secrets wx       memory that is both written and executed, in each way to ask for it: how many answers were
 * EACCES
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define BYTES 16
#define ALL   (PROT_READ | PROT_WRITE | PROT_EXEC)

static void show(const uint8_t *bytes)
{
    for (int i = 0; i < BYTES; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

static int show_random(void)
{
    uint8_t bytes[BYTES] = {0};
    int file = open("/dev/urandom", O_RDONLY);

    for (int i = 0; i < 2; i++) {
        if (getrandom(bytes, sizeof(bytes), 0) != BYTES)
            return 1;
        show(bytes);
    }
    show((const uint8_t *)getauxval(AT_RANDOM));
    if (file < 0 || read(file, bytes, sizeof(bytes)) != BYTES)
        return 1;
    show(bytes);
    return 0;
}

static int refused(int failed)
{
    return failed && errno == EACCES;
}

static int count_refusals(void)
{
    void *data = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int count = 0;

    if (data == MAP_FAILED || code == MAP_FAILED || mprotect(code, 4096, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(code, 4096, PROT_READ | PROT_EXEC) != 0)
        return 100;
    count += refused(mmap(NULL, 4096, ALL, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    count +=
        refused(mmap(data, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
    count += refused(mprotect(data, 4096, ALL) != 0);
    count += refused(mprotect(code, 4096, PROT_WRITE | PROT_EXEC) != 0);
    count += refused(pkey_mprotect(data, 4096, ALL, -1) != 0);
    *(volatile char *)data = 1; /* a call that was refused has changed nothing */
    return count;
}

int main(int argc, char **argv)
{
    return argc > 1 && argv[1][0] == 'r' ? show_random() : count_refusals();
}
