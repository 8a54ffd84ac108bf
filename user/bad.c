/* SPDX-License-Identifier: MIT */
/*
 * bad.c - hostile and careless system calls, and the exact error that Linux gives each.
 *
 * A kernel that trusts a length, a pointer or an alignment dies of one of these; one that is merely strict answers with
 * another number than Linux does. The output is TAP, and the same on Linux and on Quire. Exit status: 0 if every answer
 * was the expected one.
 *
 * Standard output should be a file, a pipe or a terminal: /dev/null accepts bytes without reading them.
 */
#include "linux.h"
#include "runtime.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS  (MAP_PRIVATE | MAP_ANONYMOUS)
#define TOP_PAGE   ((uintptr_t)0 - PAGE_BYTES)
#define NO_FILE    77
#define NO_CALL    9999
#define NO_ADVICE  9999

enum remap { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2 };

static unsigned checks;
static unsigned failures;

static void check(const char *name, intptr_t actual, intptr_t expected)
{
    checks++;
    if (actual == expected) {
        print("ok %u - %s\n", checks, name);
        return;
    }
    failures++;
    print("not ok %u - %s # %d, expected %d\n", checks, name, (int)actual, (int)expected);
}

/* Fresh zeroed pages; a program that gets none cannot go on. */
static uintptr_t pages(size_t count)
{
    intptr_t result = linux_mmap(0, count * PAGE_BYTES, READ_WRITE, ANONYMOUS, -1);

    if (linux_failed(result)) {
        print("Bail out! mmap: error %d\n", (int)-result);
        linux_exit(1);
    }
    return (uintptr_t)result;
}

/* A page with a hole behind it. */
static uintptr_t page_before_hole(void)
{
    uintptr_t page = pages(2);

    linux_munmap(page + PAGE_BYTES, PAGE_BYTES);
    return page;
}

/* What the kernel says to a path at this address: ENOENT if it can read it and finds the empty string. */
static intptr_t probe(uintptr_t address)
{
    return linux_openat(AT_FDCWD, address, O_RDONLY);
}

static intptr_t remap(uintptr_t address, size_t old_bytes, size_t new_bytes, unsigned flags)
{
    return linux_call(LINUX_MREMAP, address, old_bytes, new_bytes, flags, 0, 0);
}

static intptr_t advise(uintptr_t address, size_t bytes, int advice)
{
    return linux_call(LINUX_MADVISE, address, bytes, (uintptr_t)advice, 0, 0, 0);
}

static intptr_t read_link(int directory, uintptr_t path, uintptr_t buffer, intptr_t bytes)
{
    return linux_call(LINUX_READLINKAT, (uintptr_t)directory, path, buffer, (uintptr_t)bytes, 0, 0);
}

static void check_mmap_lengths(void)
{
    intptr_t odd = linux_mmap(0, 1, READ_WRITE, ANONYMOUS, -1);

    check("mmap: length 0", linux_mmap(0, 0, READ_WRITE, ANONYMOUS, -1), -EINVAL);
    check("mmap: length that wraps when rounded", linux_mmap(0, SIZE_MAX, READ_WRITE, ANONYMOUS, -1), -ENOMEM);
    check("mmap: length that rounds to the top", linux_mmap(0, SIZE_MAX - PAGE_BYTES, READ_WRITE, ANONYMOUS, -1),
          -ENOMEM);
    check("mmap: more than the address space", linux_mmap(0, SIZE_MAX / 16 * 15, READ_WRITE, ANONYMOUS, -1), -ENOMEM);
    check("mmap: length 1 gives a page", (intptr_t)((uintptr_t)odd % PAGE_BYTES), 0);
    check("mmap: the page's last byte is there", probe((uintptr_t)odd + PAGE_BYTES - 1), -ENOENT);
    check("munmap: length 1 takes the page", linux_munmap((uintptr_t)odd, 1), 0);
    check("munmap: the page is gone", probe((uintptr_t)odd), -EFAULT);
}

static void check_mmap_places(void)
{
    uintptr_t page = pages(1);

    check("mmap: fixed, unaligned", linux_mmap(page + 1, PAGE_BYTES, READ_WRITE, ANONYMOUS | MAP_FIXED, -1), -EINVAL);
    check("mmap: fixed, the topmost page", linux_mmap(TOP_PAGE, PAGE_BYTES, READ_WRITE, ANONYMOUS | MAP_FIXED, -1),
          -ENOMEM);
    check("mmap: fixed, up into the kernel", linux_mmap(page, TOP_PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1),
          -ENOMEM);
    check("mmap: fixed without replacing, taken",
          linux_mmap(page, PAGE_BYTES, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1), -EEXIST);
    *(volatile char *)page = 'x';
    check("mmap: fixed, replaces", linux_mmap(page, PAGE_BYTES, READ_WRITE, ANONYMOUS | MAP_FIXED, -1), (intptr_t)page);
    check("mmap: what was replaced is zero", *(volatile char *)page, 0);
    check("mmap: neither private nor shared", linux_mmap(0, PAGE_BYTES, READ_WRITE, MAP_ANONYMOUS, -1), -EINVAL);
    check("mmap: a file that is not open", linux_mmap(0, PAGE_BYTES, PROT_READ, MAP_PRIVATE, NO_FILE), -EBADF);
    check("mmap: file -1, not anonymous", linux_mmap(0, PAGE_BYTES, PROT_READ, MAP_PRIVATE, -1), -EBADF);
    linux_munmap(page, PAGE_BYTES);
}

static void check_munmap(void)
{
    uintptr_t page = pages(4);

    check("munmap: length 0", linux_munmap(page, 0), -EINVAL);
    check("munmap: unaligned", linux_munmap(page + 1, PAGE_BYTES), -EINVAL);
    check("munmap: unaligned by half a page", linux_munmap(page + PAGE_BYTES / 2, PAGE_BYTES), -EINVAL);
    check("munmap: length that wraps", linux_munmap(page, SIZE_MAX), -EINVAL);
    check("munmap: up into the kernel", linux_munmap(page, TOP_PAGE), -EINVAL);
    check("munmap: the topmost page", linux_munmap(TOP_PAGE, PAGE_BYTES), -EINVAL);
    check("munmap: one page of four", linux_munmap(page + PAGE_BYTES, PAGE_BYTES), 0);
    check("munmap: the page below is still there", probe(page), -ENOENT);
    check("munmap: the page itself is not", probe(page + PAGE_BYTES), -EFAULT);
    check("munmap: the page above is still there", probe(page + 2 * PAGE_BYTES), -ENOENT);
    check("munmap: a hole", linux_munmap(page + PAGE_BYTES, PAGE_BYTES), 0);
    check("munmap: pages around a hole", linux_munmap(page, 4 * PAGE_BYTES), 0);
    check("munmap: all of them are gone", probe(page + 3 * PAGE_BYTES), -EFAULT);
}

static void check_mprotect(void)
{
    uintptr_t page = page_before_hole();

    check("mprotect: unaligned", linux_mprotect(page + 1, PAGE_BYTES, PROT_READ), -EINVAL);
    check("mprotect: length 0", linux_mprotect(page, 0, PROT_READ), 0);
    check("mprotect: no such protection", linux_mprotect(page, PAGE_BYTES, 0x1000), -EINVAL);
    check("mprotect: length that wraps when rounded", linux_mprotect(page, SIZE_MAX, PROT_READ), -ENOMEM);
    check("mprotect: the topmost page", linux_mprotect(TOP_PAGE, PAGE_BYTES, PROT_READ), -ENOMEM);
    check("mprotect: a hole", linux_mprotect(page + PAGE_BYTES, PAGE_BYTES, PROT_READ), -ENOMEM);
    /* Under a 64-bit kernel the length above does not wrap, and the page before the hole has changed. */
    linux_mprotect(page, PAGE_BYTES, READ_WRITE);
    *(volatile char *)page = 0;
    *(volatile char *)(page + 1) = 'x';
    check("mprotect: no access", linux_mprotect(page, PAGE_BYTES, PROT_NONE), 0);
    check("mprotect: the kernel respects that", probe(page), -EFAULT);
    check("mprotect: access again", linux_mprotect(page, PAGE_BYTES, READ_WRITE), 0);
    check("mprotect: the content was kept", *(volatile char *)(page + 1), 'x');
    check("mprotect: a page and a hole", linux_mprotect(page, 2 * PAGE_BYTES, PROT_NONE), -ENOMEM);
    check("mprotect: the page before the hole changed", probe(page), -EFAULT);
    linux_munmap(page, PAGE_BYTES);
}

static void check_brk(void)
{
    uintptr_t start = (uintptr_t)linux_brk(0);
    uintptr_t page = (start + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);

    check("brk: into page 0", linux_brk(1), (intptr_t)start);
    check("brk: the topmost address", linux_brk(UINTPTR_MAX), (intptr_t)start);
    check("brk: the topmost page", linux_brk(TOP_PAGE), (intptr_t)start);
    check("brk: below its start", linux_brk(start - 4 * PAGE_BYTES), (intptr_t)start);
    check("brk: not yet grown", probe(page), -EFAULT);
    check("brk: two pages and a byte", linux_brk(page + 2 * PAGE_BYTES + 1), (intptr_t)(page + 2 * PAGE_BYTES + 1));
    *(volatile char *)(page + 3 * PAGE_BYTES - 1) = 'x';
    check("brk: the third page is whole", *(volatile char *)(page + 3 * PAGE_BYTES - 1), 'x');
    check("brk: back", linux_brk(start), (intptr_t)start);
    check("brk: the pages are gone", probe(page), -EFAULT);
}

static void check_pointers(void)
{
    uintptr_t page = page_before_hole();
    char *end = (char *)page + PAGE_BYTES;

    check("write: from the kernel", linux_write(1, KERNEL_ADDRESS, 1), -EFAULT);
    check("write: from the topmost byte", linux_write(1, UINTPTR_MAX, 1), -EFAULT);
    check("write: from page 0", linux_write(1, 0, 1), -EFAULT);
    check("write: from a hole", linux_write(1, (uintptr_t)end, 1), -EFAULT);
    check("write: nothing", linux_write(1, page, 0), 0);
    check("write: a file that is not open", linux_write(NO_FILE, page, 1), -EBADF);
    check("write: file -1", linux_write(-1, page, 1), -EBADF);
    check("openat: a path in the kernel", probe(KERNEL_ADDRESS), -EFAULT);
    check("openat: a path at the topmost byte", probe(UINTPTR_MAX), -EFAULT);
    check("openat: a path in page 0", probe(0), -EFAULT);
    check("openat: the empty path", probe((uintptr_t) ""), -ENOENT);
    check("openat: no such file", probe((uintptr_t) "/no/such/file"), -ENOENT);
    memset((void *)page, 'a', PAGE_BYTES);
    check("openat: a path that runs into a hole", probe((uintptr_t)end - 100), -EFAULT);
    end[-1] = '\0';
    check("openat: a path that ends at a hole", probe((uintptr_t)end - 1), -ENOENT);
    check("openat: no such directory", linux_openat(NO_FILE, (uintptr_t) "x", O_RDONLY), -EBADF);
    check("close: a file that is not open", linux_close(NO_FILE), -EBADF);
    check("close: file -1", linux_close(-1), -EBADF);
    linux_munmap(page, PAGE_BYTES);
}

static void check_paths(void)
{
    uintptr_t path = pages(2);
    uintptr_t buffer = pages(1);

    memset((void *)path, 'a', 2 * PAGE_BYTES);
    check("openat: a path without end", probe(path), -ENAMETOOLONG);
    check("readlinkat: a path without end", read_link(AT_FDCWD, path, buffer, 100), -ENAMETOOLONG);
    check("readlinkat: a path in the kernel", read_link(AT_FDCWD, KERNEL_ADDRESS, buffer, 100), -EFAULT);
    check("readlinkat: room 0", read_link(AT_FDCWD, (uintptr_t) "/", buffer, 0), -EINVAL);
    check("readlinkat: room -1", read_link(AT_FDCWD, (uintptr_t) "/", buffer, -1), -EINVAL);
    check("readlinkat: not a link", read_link(AT_FDCWD, (uintptr_t) "/", buffer, 100), -EINVAL);
    check("readlinkat: no such file", read_link(AT_FDCWD, (uintptr_t) "/no/such/file", buffer, 100), -ENOENT);
    check("readlinkat: the empty path", read_link(AT_FDCWD, (uintptr_t) "", buffer, 100), -ENOENT);
    check("readlinkat: no such directory", read_link(NO_FILE, (uintptr_t) "x", buffer, 100), -EBADF);
    linux_munmap(path, 2 * PAGE_BYTES);
    linux_munmap(buffer, PAGE_BYTES);
}

static void check_madvise(void)
{
    uintptr_t page = page_before_hole();

    *(volatile char *)page = 'x';
    check("madvise: unaligned", advise(page + 1, PAGE_BYTES, MADV_DONTNEED), -EINVAL);
    check("madvise: no such advice", advise(page, PAGE_BYTES, NO_ADVICE), -EINVAL);
    check("madvise: length 0", advise(page, 0, MADV_DONTNEED), 0);
    check("madvise: a hole", advise(page + PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED), -ENOMEM);
    check("madvise: nothing of that was done", *(volatile char *)page, 'x');
    check("madvise: not needed", advise(page, PAGE_BYTES, MADV_DONTNEED), 0);
    check("madvise: it is zero now", *(volatile char *)page, 0);
    linux_munmap(page, PAGE_BYTES);
}

static void check_mremap(void)
{
    uintptr_t page = pages(3);
    intptr_t moved;

    *(volatile char *)page = 'x';
    check("mremap: unaligned", remap(page + 1, PAGE_BYTES, PAGE_BYTES, 0), -EINVAL);
    check("mremap: to nothing", remap(page, PAGE_BYTES, 0, 0), -EINVAL);
    check("mremap: no such flag", remap(page, PAGE_BYTES, PAGE_BYTES, 0x80), -EINVAL);
    check("mremap: fixed without leave to move", remap(page, PAGE_BYTES, PAGE_BYTES, MREMAP_FIXED), -EINVAL);
    check("mremap: the neighbour is in the way", remap(page, PAGE_BYTES, 2 * PAGE_BYTES, 0), -ENOMEM);
    check("mremap: as it is", remap(page, PAGE_BYTES, PAGE_BYTES, 0), (intptr_t)page);
    check("mremap: smaller", remap(page, 3 * PAGE_BYTES, 2 * PAGE_BYTES, 0), (intptr_t)page);
    check("mremap: what was cut off is gone", probe(page + 2 * PAGE_BYTES), -EFAULT);
    check("mremap: a hole", remap(page + 2 * PAGE_BYTES, PAGE_BYTES, 2 * PAGE_BYTES, MREMAP_MAYMOVE), -EFAULT);
    moved = remap(page, PAGE_BYTES, 5 * PAGE_BYTES, MREMAP_MAYMOVE);
    check("mremap: moved", linux_failed(moved) || moved == (intptr_t)page, 0);
    if (linux_failed(moved))
        return;
    check("mremap: the content came along", *(volatile char *)moved, 'x');
    check("mremap: the old place is empty", probe(page), -EFAULT);
    linux_munmap((uintptr_t)moved, 5 * PAGE_BYTES);
    linux_munmap(page + PAGE_BYTES, PAGE_BYTES);
}

static void check_numbers(void)
{
    uintptr_t me = (uintptr_t)linux_call(LINUX_GETPID, 0, 0, 0, 0, 0, 0);

    check("no such system call", linux_call(NO_CALL, 0, 0, 0, 0, 0, 0), -ENOSYS);
    check("system call -1", linux_call(-1, 0, 0, 0, 0, 0, 0), -ENOSYS);
    check("kill: no such signal", linux_call(LINUX_KILL, me, 65, 0, 0, 0, 0), -EINVAL);
    check("kill: signal 0 only asks", linux_call(LINUX_KILL, me, 0, 0, 0, 0, 0), 0);
    check("sched_yield", linux_sched_yield(), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print("TAP version 13\n");
    check_mmap_lengths();
    check_mmap_places();
    check_munmap();
    check_mprotect();
    check_brk();
    check_pointers();
    check_paths();
    check_madvise();
    check_mremap();
    check_numbers();
    print("1..%u\n", checks);
    return failures == 0 ? 0 : 1;
}
