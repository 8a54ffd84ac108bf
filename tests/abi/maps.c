/* SPDX-License-Identifier: MIT */
/* maps.c - /proc/self/maps: what the program knows of its memory stands there, in Linux's form to the byte. */
#include "calls.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#define AREA_PAGES 7

typedef struct line {
    unsigned long start;
    unsigned long end;
    char rights[5];
    unsigned long offset;
    unsigned major;
    unsigned minor;
    unsigned long inode;
    const char *name; /* ends at a new line */
} line_t;

static char text[1 << 19];
static char again[1 << 19];
static size_t length;
static int unset_pages[4 * 1024] = {0};
static int set_pages[4 * 1024] = {1};
static const char constant[] = "constant";

static size_t read_whole(int file, char *to, size_t piece)
{
    size_t done = 0;
    long got;

    while (done + piece < sizeof(text) && (got = read(file, to + done, piece)) > 0)
        done += (size_t)got;
    to[done] = '\0';
    return done;
}

static void look(void)
{
    int file = open("/proc/self/maps", O_RDONLY);

    length = file < 0 ? 0 : read_whole(file, text, 8192);
    close(file);
}

static const char *parse(const char *at, line_t *line)
{
    const char *end = strchr(at, '\n');
    int name = 0;

    if (end == NULL || sscanf(at, "%lx-%lx %4s %lx %x:%x %lu %n", &line->start, &line->end, line->rights, &line->offset,
                              &line->major, &line->minor, &line->inode, &name) != 7)
        return NULL;
    while (at[name - 1] == '\n')
        name--;
    line->name = at + name;
    return end + 1;
}

/* The line as Linux would print it. */
static int is_exact(const char *at, const char *next, const line_t *line)
{
    static char expected[5000];
    int column = WIDE || is_emulated() ? 73 : 49;
    int size = snprintf(expected, sizeof(expected), "%08lx-%08lx %s %08lx %02x:%02x %lu ", line->start, line->end,
                        line->rights, line->offset, line->major, line->minor, line->inode);

    if (*line->name != '\n')
        size += snprintf(expected + size, sizeof(expected) - (size_t)size, "%*s%.*s",
                         size < column - 1 ? column - size : 1, "", (int)(next - 1 - line->name), line->name);
    expected[size++] = '\n';
    return size == next - at && memcmp(expected, at, (size_t)size) == 0;
}

/* How many lines there are; 0: one is not as it should be, and is shown. */
static long judge(void)
{
    const char *at = text;
    unsigned long end = 0;
    long count = 0;

    while (*at != '\0') {
        line_t line;
        const char *next = parse(at, &line);

        if (next == NULL || !is_exact(at, next, &line) || line.start < end || line.start >= line.end ||
            line.start % PAGE != 0 || line.end % PAGE != 0 || line.rights[3] != 'p') {
            printf("# line: %.120s\n", at);
            return 0;
        }
        end = line.end;
        at = next;
        count++;
    }
    return count;
}

static int find(const void *address, line_t *line)
{
    const char *at = text;

    while (*at != '\0' && (at = parse(at, line)) != NULL) {
        if (line->start <= (uintptr_t)address && (uintptr_t)address < line->end)
            return 1;
    }
    return 0;
}

/* Whether the address lies in a line of these rights and this name; "": none, NULL: any. */
static int is_told(const void *address, const char *rights, const char *name)
{
    line_t line;

    if (!find(address, &line) || strcmp(line.rights, rights) != 0)
        return 0;
    return name == NULL || (strncmp(line.name, name, strlen(name)) == 0 && line.name[strlen(name)] == '\n');
}

/* Whether one line is these pages of the area. */
static int is_line(const char *area, unsigned first, unsigned last, const char *rights)
{
    line_t line;

    return find(area + first * PAGE, &line) && line.start == (uintptr_t)area + first * PAGE &&
           line.end == (uintptr_t)area + last * PAGE && strcmp(line.rights, rights) == 0;
}

static void check_program(void)
{
    char name[4097] = {0};
    uintptr_t heap = ((uintptr_t)CALL(SYS_brk, 0L) + PAGE - 1) / PAGE * PAGE; /* musl has no sbrk */
    char *headers = (char *)getauxval(AT_PHDR);
    line_t line;

    EXPECT(1, readlink("/proc/self/exe", name, sizeof(name) - 1) > 0);
    EXPECT((long)(heap + 3 * PAGE), CALL(SYS_brk, heap + 3 * PAGE));
    look();
    EXPECT(1, judge() >= 5);
    EXPECT(1, is_told((const void *)(uintptr_t)check_program, "r-xp", name));
    EXPECT(1, is_told(&set_pages[2000], "rw-p", name));
    EXPECT(1, is_told(&unset_pages[2000], "rw-p", NULL));
    EXPECT(0, is_told(&unset_pages[2000], "rw-p", name));
    EXPECT(1, is_told(constant, "r--p", name) || is_told(constant, "r-xp", name));
    EXPECT(1, is_told(&line, "rw-p", "[stack]"));
    EXPECT(1, is_told((const void *)getauxval(AT_RANDOM), "rw-p", "[stack]"));
    EXPECT(1, is_told((const void *)heap, "rw-p", "[heap]"));
    EXPECT(1, is_told((const void *)(heap + 2 * PAGE), "rw-p", "[heap]"));
    EXPECT(0, find(NULL, &line));
    EXPECT(0, find((const void *)PAGE, &line));
    EXPECT(1, find(headers, &line) && line.offset == 0 && memcmp((const char *)line.start, ELFMAG, SELFMAG) == 0);
    EXPECT(1, find(headers, &line) && line.inode != 0);
}

/* Between pages that may not be touched, so that neighbours of other origin are not in the way. */
static void check_changes(void)
{
    char *area = fresh(AREA_PAGES * PAGE, PROT_NONE);
    line_t line;

    mprotect(area + PAGE, 5 * PAGE, PROT_READ | PROT_WRITE);
    look();
    EXPECT(1, is_line(area, 1, 6, "rw-p"));
    EXPECT(1, is_told(area + PAGE, "rw-p", ""));
    EXPECT(1, is_told(area, "---p", ""));
    EXPECT(1, is_told(area + 6 * PAGE, "---p", ""));
    mprotect(area + 3 * PAGE, PAGE, PROT_READ);
    look();
    EXPECT(1, is_line(area, 1, 3, "rw-p"));
    EXPECT(1, is_line(area, 3, 4, "r--p"));
    EXPECT(1, is_line(area, 4, 6, "rw-p"));
    mprotect(area + 3 * PAGE, PAGE, PROT_READ | PROT_EXEC);
    look();
    EXPECT(1, is_line(area, 3, 4, "r-xp"));
    mprotect(area + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE);
    look();
    EXPECT(1, is_line(area, 1, 6, "rw-p"));
    munmap(area + 2 * PAGE, PAGE);
    look();
    EXPECT(1, is_line(area, 1, 2, "rw-p"));
    EXPECT(1, is_line(area, 3, 6, "rw-p"));
    EXPECT(0, find(area + 2 * PAGE, &line));
    EXPECT((long)area + 2 * (long)PAGE,
           (long)mmap(area + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS | MAP_FIXED, -1, 0));
    look();
    EXPECT(1, is_line(area, 1, 6, "rw-p"));
    EXPECT(1, judge() > 0);
    munmap(area, AREA_PAGES * PAGE);
    look();
    EXPECT(0, find(area + PAGE, &line));
}

static void check_reading(void)
{
    static const size_t pieces[] = {1, 7, 64, 100, 4096, 65536};
    int file = open("/proc/self/maps", O_RDONLY);
    struct stat status;
    int same = 0;

    length = read_whole(file, text, 8192);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        EXPECT(0, lseek(file, 0, SEEK_SET));
        same += read_whole(file, again, pieces[i]) == length && memcmp(text, again, length) == 0;
    }
    EXPECT(6, same);
    for (size_t at = 0; at < length; at += 13)
        same += pread(file, again, 5, (off_t)at) < 1 || again[0] != text[at];
    EXPECT(6, same);
    EXPECT(0, pread(file, again, 10, (off_t)length));
    EXPECT(0, pread(file, again, 10, 1000000));
    EXPECT(10, CALL(SYS_lseek, file, 10L, (long)SEEK_SET));
    EXPECT(3, read(file, again, 3));
    EXPECT(0, memcmp(again, text + 10, 3));
    EXPECT(20, CALL(SYS_lseek, file, 7L, (long)SEEK_CUR));
    EXPECT(5, read(file, again, 5));
    EXPECT(0, memcmp(again, text + 20, 5));
    EXPECT(-EINVAL, CALL(SYS_lseek, file, 0L, (long)SEEK_END));
    EXPECT(-EINVAL, CALL(SYS_lseek, file, -1L, (long)SEEK_SET));
    EXPECT(0, CALL(SYS_lseek, file, 0L, (long)SEEK_SET));
    EXPECT(-EFAULT, CALL(SYS_read, file, BAD, 100L));
    EXPECT(1, read(file, again, 1));
    EXPECT(text[0], again[0]);
    EXPECT(-EBADF, CALL(SYS_write, file, text, 1L));
    EXPECT(0, fstat(file, &status));
    EXPECT(S_IFREG | 0444, status.st_mode);
    EXPECT(0, status.st_size);
    EXPECT(0, close(file));
}

/* Each page a line: more text than any buffer on the way. */
static void check_many(void)
{
    enum { PAGES = 3000 };
    char *area = fresh(PAGES * PAGE, PROT_READ | PROT_WRITE);
    long good = 0;

    for (unsigned i = 0; i < PAGES; i += 2)
        mprotect(area + i * PAGE, PAGE, PROT_READ);
    look();
    EXPECT(1, length > 100000);
    EXPECT(1, judge() >= PAGES);
    for (unsigned i = 1; i < PAGES - 1; i += 100)
        good += is_line(area, i, i + 1, i % 2 == 0 ? "r--p" : "rw-p");
    EXPECT(30, good);
    munmap(area, PAGES * PAGE);
}

static long opens(const char *name, long flags)
{
    long file = CALL(SYS_open, name, flags);

    if (file >= 0)
        close((int)file);
    return file < 0 ? file : 0;
}

void check_maps(void)
{
    char name[100];
    char target[10];

    check_program();
    check_changes();
    check_reading();
    check_many();
    EXPECT(0, opens("/proc/thread-self/maps", O_RDONLY));
    EXPECT(0, opens("//proc/./self//maps", O_RDONLY | O_NOFOLLOW));
    snprintf(name, sizeof(name), "/proc/%d/maps", (int)getpid());
    EXPECT(0, opens(name, O_RDONLY));
    snprintf(name, sizeof(name), "/proc/0%d/maps", (int)getpid());
    EXPECT(-ENOENT, opens(name, O_RDONLY));
    EXPECT(-ENOENT, opens("/proc/self/mapss", O_RDONLY));
    EXPECT(-ENOTDIR, opens("/proc/self/maps/", O_RDONLY));
    EXPECT(-ENOTDIR, opens("/proc/self/maps", O_DIRECTORY));
    EXPECT(-EINVAL, CALL(SYS_readlink, "/proc/self/maps", target, 10L));
    /* The super-user of a Linux that is not in a container may open it, and write nothing. */
    EITHER(-EACCES, 0, opens("/proc/self/maps", O_WRONLY));
    EITHER(-EACCES, 0, opens("/proc/self/maps", O_RDWR));
}
