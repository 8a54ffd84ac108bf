/* SPDX-License-Identifier: MIT */
/* self.c - what a program can find out about the file it was made from, in words, by every name there is for it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static char target[5000];

static void read_link(const char *told, const char *name)
{
    ssize_t length = readlink(name, target, sizeof(target) - 1);

    target[length < 0 ? 0 : length] = '\0';
    printf("%s is a link to: %s\n", told, length < 0 ? strerror(errno) : target);
}

static void read_start(const char *told, const char *name, int flags)
{
    char magic[5] = {0};
    int file = open(name, O_RDONLY | flags);

    if (file < 0 || read(file, magic, 4) != 4)
        printf("%s is not read: %s\n", told, strerror(errno));
    else
        printf("%s begins with %s\n", told, magic + 1);
    if (file >= 0)
        close(file);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"/proc/self/exe",  "/proc/thread-self/exe", "//proc/./self/../self/exe",
                                        "/proc/self/exe/", "/proc/self/exes",       "/proc/99999/exe"};
    static const char *const own[] = {"/proc/%d/exe", "/proc/0%d/exe", "/proc/%dexe"};
    struct stat by_link;
    struct stat by_name;
    char name[100];
    bool same;

    printf("%d: %s, %s\n", argc, argv[0], (const char *)getauxval(AT_EXECFN));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        read_link(names[i], names[i]);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        snprintf(name, sizeof(name), own[i], (int)getpid());
        read_link(own[i], name);
    }
    read_link("once more", "/proc/self/exe");
    read_start("the target", target, 0);
    read_start("the target as a directory", strcat(strcpy(name, "/proc/self/exe"), "/"), 0);
    read_start("the link", "/proc/self/exe", 0);
    read_start("the link, not followed", "/proc/self/exe", O_NOFOLLOW);
    same = stat("/proc/self/exe", &by_link) == 0 && stat(target, &by_name) == 0 && by_link.st_ino == by_name.st_ino;
    printf("one file: %d, of one size: %d\n", same, by_link.st_size == by_name.st_size);
    same = lstat("/proc/self/exe", &by_link) == 0 && S_ISLNK(by_link.st_mode);
    printf("a link: %d\n", same);
    printf("no room for the folder: %s\n", getcwd(name, 1) == NULL ? strerror(errno) : name);
    return 0;
}
