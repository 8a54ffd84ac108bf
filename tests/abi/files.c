/* SPDX-License-Identifier: MIT */
/* files.c - read, write and their kin on standard streams and devices; names. Streams are expected to be pipes. */
#include "calls.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static char text[8192];

static void check_write(void)
{
    long null = CALL(SYS_open, "/dev/null", (long)O_WRONLY);

    EXPECT(1, null > 2);
    EXPECT(-EBADF, CALL(SYS_write, -1L, text, 1L));
    EXPECT(-EBADF, CALL(SYS_write, 1000L, text, 1L));
    EXPECT(-EBADF, CALL(SYS_write, 1000L, BAD, 1L));
    EXPECT(0, CALL(SYS_write, 1L, text, 0L));
    EXPECT(-EFAULT, CALL(SYS_write, 1L, BAD, 1L));
    EXPECT(-EFAULT, CALL(SYS_write, 1L, 8L, 1L));
    if (WIDE)
        EXPECT(-EFAULT, CALL(SYS_write, 1L, text, ~(uintptr_t)0));
    EXPECT(5, CALL(SYS_write, null, text, 5L));
    EXPECT(-EBADF, CALL(SYS_read, null, text, 1L));
    EXPECT(-ENOTTY, CALL(SYS_ioctl, null, (long)TCGETS, text));
    EXPECT(0, CALL(SYS_close, null));
    EXPECT(-EBADF, CALL(SYS_close, null));
    EXPECT(-EBADF, CALL(SYS_close, -1L));
    EXPECT(-EBADF, CALL(SYS_ioctl, null, (long)TCGETS, text));
}

static void check_read(void)
{
    long zero = CALL(SYS_openat, (long)AT_FDCWD, "/dev/zero", (long)O_RDONLY);
    char *area = fresh(2 * PAGE, PROT_READ | PROT_WRITE);

    munmap(area + PAGE, PAGE);
    area[0] = 1;
    EXPECT(0, CALL(SYS_read, zero, area, 0L));
    EXPECT(100, CALL(SYS_read, zero, area, 100L));
    EXPECT(0, area[0]);
    EXPECT(8192, CALL(SYS_read, zero, text, 8192L));
    EXPECT(-EFAULT, CALL(SYS_read, zero, BAD, 1L));
    EXPECT(-EFAULT, CALL(SYS_read, zero, area + PAGE, 1L));
    EXPECT(-EBADF, CALL(SYS_read, 1000L, area, 1L));
    EXPECT(-EBADF, CALL(SYS_write, zero, area, 1L));
    EXPECT(0, CALL(SYS_close, zero));
    munmap(area, PAGE);
}

/* More than a call moves: less is moved. 32-bit programs have no room for such a piece, so there are many. */
static void check_long_vectors(long null)
{
    enum { PIECES = 1024 };
    static struct iovec pieces[PIECES];
    uintptr_t bytes = (uintptr_t)4 << 20;
    char *area = fresh(bytes, PROT_NONE);

    for (unsigned i = 0; i < PIECES; i++)
        pieces[i] = (struct iovec){area, bytes};
    EXPECT(0x7ffff000, CALL(SYS_writev, null, pieces, (long)PIECES));
    EXPECT(0, CALL(SYS_readv, null, pieces, (long)PIECES));
    pieces[PIECES - 1].iov_len = ~(size_t)0;
    EXPECT(-EINVAL, CALL(SYS_writev, null, pieces, (long)PIECES));
    munmap(area, bytes);
}

/* What can be done of a call, is. */
static void check_partial(void)
{
    char *area = fresh(2 * PAGE, PROT_READ | PROT_WRITE);
    char *end = area + PAGE;
    struct iovec pieces[2] = {{end - 10, 10}, {end - 20, 40}};
    long null = CALL(SYS_open, "/dev/null", (long)O_RDWR);
    long zero = CALL(SYS_open, "/dev/zero", (long)O_RDONLY);

    munmap(end, PAGE);
    EXPECT(100, CALL(SYS_write, null, end - 30, 100L));
    EXPECT(100, CALL(SYS_write, null, end, 100L));
    EXPECT(50, CALL(SYS_writev, null, pieces, 2L));
    EXPECT(30, CALL(SYS_read, zero, end - 30, 100L));
    EXPECT(30, CALL(SYS_readv, zero, pieces, 2L));
    EXPECT(-EFAULT, CALL(SYS_read, zero, end, 100L));
    EXPECT(-EFAULT, CALL(SYS_write, 1L, end - 30, 100L)); /* a pipe takes whole pieces */
    pieces[0] = (struct iovec){pieces, sizeof(pieces)};   /* the vector itself is written over: too late */
    pieces[1] = (struct iovec){end - 5, 5};
    EXPECT((long)sizeof(pieces) + 5, CALL(SYS_readv, zero, pieces, 2L));
    EXPECT(0, CALL(SYS_close, null));
    EXPECT(0, CALL(SYS_close, zero));
    munmap(area, PAGE);
}

static void check_vectors(void)
{
    long null = CALL(SYS_open, "/dev/null", (long)O_RDWR);
    struct iovec pieces[3] = {{text, 10}, {NULL, 0}, {text, 20}};

    EXPECT(30, CALL(SYS_writev, null, pieces, 3L));
    EXPECT(0, CALL(SYS_writev, null, pieces, 0L));
    EXPECT(0, CALL(SYS_readv, null, pieces, 3L));
    EXPECT(-EINVAL, CALL(SYS_writev, null, pieces, 1025L));
    EXPECT(-EINVAL, CALL(SYS_writev, null, pieces, -1L));
    EXPECT(-EFAULT, CALL(SYS_writev, null, BAD, 1L));
    EXPECT(-EBADF, CALL(SYS_writev, 1000L, BAD, 1L));
    pieces[1].iov_base = BAD;
    pieces[1].iov_len = 1;
    pieces[2].iov_len = ~(size_t)0; /* lengths are asked first; a piece after the other before 5.10.. and since */
    EITHER(-EINVAL, -EFAULT, CALL(SYS_writev, null, pieces, 3L));
    pieces[2].iov_len = 20;
    pieces[1].iov_base = NULL;
    pieces[1].iov_len = ~(size_t)0;
    EXPECT(-EINVAL, CALL(SYS_writev, null, pieces, 3L));
    pieces[1].iov_len = 1;
    pieces[1].iov_base = BAD;
    if (WIDE)
        EXPECT(-EFAULT, CALL(SYS_writev, null, pieces, 3L));
    check_long_vectors(null);
    EXPECT(0, CALL(SYS_close, null));
}

void check_files(void)
{
    struct stat status;

    check_write();
    check_read();
    check_vectors();
    check_partial();
    EXPECT(0, fstat(1, &status));
    EXPECT(1, S_ISFIFO(status.st_mode));
    EXPECT(0, status.st_size);
    EXPECT(-ESPIPE, CALL(SYS_lseek, 1L, 0L, 0L));
    EXPECT(-EBADF, CALL(SYS_lseek, 1000L, 0L, 0L));
    EXPECT(-ENOTTY, CALL(SYS_ioctl, 1L, (long)TCGETS, text));
    EXPECT(-1, fstat(1000, &status));
    EXPECT(EBADF, errno);
}

static char long_name[5000];

static void check_stat(void)
{
    struct stat status;
    char statx_buffer[256];

    EXPECT(0, stat("/dev/null", &status));
    EXPECT(1, S_ISCHR(status.st_mode));
    EXPECT(0x103, status.st_rdev);
    EXPECT(0, stat("/", &status));
    EXPECT(1, S_ISDIR(status.st_mode));
    EXPECT(0, CALL(SYS_statx, 1L, "", (long)AT_EMPTY_PATH, 0x7ffL, statx_buffer));
    EXPECT(S_IFIFO, (*(unsigned short *)(statx_buffer + 28)) & S_IFMT);
    EXPECT(-EINVAL, CALL(SYS_statx, 1L, "", 0x6000L, 0x7ffL, statx_buffer));
    EXPECT(-EINVAL, CALL(SYS_statx, 1L, "", 0x10000L, 0x7ffL, statx_buffer));
    EXPECT(-EINVAL, CALL(SYS_statx, (long)AT_FDCWD, "/", 0L, 0x80000000UL, statx_buffer));
    EXPECT(-EFAULT, CALL(SYS_statx, (long)AT_FDCWD, "/", 0L, 0x7ffL, BAD));
    EXPECT(-EFAULT, CALL(SYS_statx, (long)AT_FDCWD, BAD, 0L, 0x7ffL, statx_buffer));
    EXPECT(-ENOENT, CALL(SYS_statx, (long)AT_FDCWD, "", 0L, 0x7ffL, statx_buffer));
    EXPECT(-ENOENT, CALL(SYS_statx, (long)AT_FDCWD, "/no/such", 0L, 0x7ffL, statx_buffer));
    EXPECT(-EBADF, CALL(SYS_statx, 1000L, "such", 0L, 0x7ffL, statx_buffer));
    EXPECT(-ENOTDIR, CALL(SYS_statx, 1L, "such", 0L, 0x7ffL, statx_buffer));
}

void check_names(void)
{
    char target[256];
    long length;

    for (unsigned i = 0; i + 1 < sizeof(long_name); i++)
        long_name[i] = i % 2 == 0 ? '/' : 'a';
    EXPECT(-ENAMETOOLONG, CALL(SYS_open, long_name, 0L));
    EXPECT(-ENOENT, CALL(SYS_open, "", 0L));
    EXPECT(-ENOENT, CALL(SYS_open, "/no-such-file", 0L));
    EXPECT(-EFAULT, CALL(SYS_open, BAD, 0L));
    EXPECT(-ENOTDIR, CALL(SYS_open, "/dev/null/more", 0L));
    EXPECT(-ENOTDIR, CALL(SYS_open, "/dev/null/", 0L));
    EXPECT(-ENOTDIR, CALL(SYS_open, "/dev/null", (long)O_DIRECTORY));
    EXPECT(-EEXIST, CALL(SYS_open, "/dev/null", (long)(O_CREAT | O_EXCL | O_RDWR), 0600L));
    EXPECT(-EISDIR, CALL(SYS_open, "/", (long)O_RDWR));
    check_stat();
    length = CALL(SYS_readlink, "/proc/self/exe", target, (long)sizeof(target));
    EXPECT(1, length > 0 && length < (long)sizeof(target));
    EXPECT(2, CALL(SYS_readlink, "/proc/self/exe", target, 2L));
    EXPECT(-EINVAL, CALL(SYS_readlink, "/proc/self/exe", target, 0L));
    EXPECT(-EINVAL, CALL(SYS_readlink, "/dev/null", target, 10L));
    EXPECT(-ENOENT, CALL(SYS_readlink, "/no-such-file", target, 10L));
    EXPECT(-EFAULT, CALL(SYS_readlink, "/proc/self/exe", BAD, 10L));
}
