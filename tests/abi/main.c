/* SPDX-License-Identifier: MIT */
/* main.c - runs all checks and prints TAP; exit status 1 if one failed. */
#include "calls.h"

#include <string.h>
#include <sys/utsname.h>

static int number;
static int failures;

int on_quire(void)
{
    struct utsname name;

    return uname(&name) == 0 && strstr(name.release, "quire") != NULL;
}

int is_emulated(void)
{
    struct utsname name;

    return !WIDE && uname(&name) == 0 && strcmp(name.machine, "x86_64") == 0;
}

void check(const char *what, long actual, long expected, long other)
{
    int good = actual == expected || (actual == other && !on_quire());

    number++;
    failures += !good;
    printf("%s %d - %s\n", good ? "ok" : "not ok", number, what);
    if (!good)
        printf("#   got %ld, expected %ld\n", actual, expected);
}

void *fresh(uintptr_t bytes, int prot)
{
    void *memory = mmap(NULL, bytes, prot, ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        printf("Bail out! no memory\n");
        _exit(2);
    }
    return memory;
}

/* msync and mincore are not everywhere: a mapping that may not replace anything tells. */
int is_mapped(void *page)
{
    void *got = mmap(page, PAGE, PROT_NONE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (got == MAP_FAILED)
        return 1;
    munmap(got, PAGE);
    return 0;
}

int main(void)
{
    check_map();
    check_protect();
    check_corners();
    check_sharing();
    check_keys();
    check_break();
    check_files();
    check_names();
    check_maps();

    check_process();
    check_signals();
    printf("1..%d\n", number);
    return failures != 0;
}
