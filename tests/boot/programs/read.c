/* SPDX-License-Identifier: MIT */
/*
 * read.c - looks at a directory tree by every call that can: read.c DIRECTORY, which holds what files.t puts there.
 *
 * Prints results only, so that the same tree gives the same output under different names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void tell(const char *what, long result)
{
    printf("%s: %ld%s%s\n", what, result, result < 0 ? " " : "", result < 0 ? strerrorname_np(errno) : "");
}

static unsigned sum(int file)
{
    static unsigned char buffer[5000]; /* more than a page, and not a multiple of one */
    unsigned total = 0;
    long got;

    while ((got = read(file, buffer, sizeof(buffer))) > 0) {
        for (long i = 0; i < got; i++)
            total = total * 31 + buffer[i];
    }
    tell("the last read", got);
    return total;
}

static void look_at(int directory, const char *name)
{
    struct stat status = {0};
    int file = openat(directory, name, O_RDONLY);

    printf("%s\n", name);
    tell("openat succeeds", file < 0 ? -1 : 0);
    tell("fstatat", fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW));
    printf("mode %o, %ld bytes\n", (unsigned)status.st_mode, S_ISREG(status.st_mode) ? (long)status.st_size : 0);
    if (file < 0)
        return;
    tell("fstat", fstat(file, &status));
    printf("sum %u\n", sum(file));
    close(file);
}

static void seek_in(int directory)
{
    char text[8] = "";
    struct iovec pieces[2] = {{text, 2}, {text + 4, 3}};
    int file = openat(directory, "small", O_RDONLY);

    tell("lseek", lseek(file, 3, SEEK_SET));
    tell("readv", readv(file, pieces, 2));
    printf("%.2s %.3s\n", text, text + 4);
    tell("lseek, current", lseek(file, 0, SEEK_CUR));
    tell("lseek, end", lseek(file, -2, SEEK_END));
    tell("read", read(file, text, 8));
    tell("lseek, before the beginning", lseek(file, -1, SEEK_SET));
    tell("lseek, beyond the end", lseek(file, 1000, SEEK_SET));
    tell("read", read(file, text, 8));
    tell("pread", pread(file, text, 4, 2));
    printf("%.4s\n", text);
    tell("pread, before the beginning", pread(file, text, 4, -1));
    tell("pread, beyond the end", pread(file, text, 4, 500000000));
    tell("write", write(file, text, 1));
    close(file);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"small",      "large",  "empty",          "no-such",         "inner",
                                        "inner/file", "small/", "inner/../small", "./inner//./file", "link",
                                        "inner/up",   "inner/", "loop",           "nowhere"};
    char target[64] = "";
    int directory = open(argc > 1 ? argv[1] : "/", O_RDONLY | O_DIRECTORY);

    tell("open succeeds", directory < 0 ? -1 : 0);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        look_at(directory, names[i]);
    seek_in(directory);
    tell("readlinkat", readlinkat(directory, "link", target, sizeof(target) - 1));
    printf("%s\n", target);
    tell("a directory cannot be read", read(directory, target, 1));
    return 0;
}
