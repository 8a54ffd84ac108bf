/* SPDX-License-Identifier: MIT */
/*
 * trespass.c - writes where it may not.
 *
 *     trespass kernel | rodata | null | code
 *
 * kernel: the kernel's part of the address space; rodata: its own page, made read-only; null: page 0; code: its own
 * instructions. Each should end it with SIGSEGV. If it survives, it says so: exit status 1.
 */
#include "linux.h"
#include "runtime.h"

/* A page of its own that was written once, so that there is a frame behind it, and is read-only now. */
static uintptr_t read_only_page(void)
{
    intptr_t page = linux_mmap(0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    if (linux_failed(page))
        return 0;
    *(volatile char *)page = 'Q';
    if (linux_mprotect((uintptr_t)page, PAGE_BYTES, PROT_READ) != 0)
        return 0;
    return (uintptr_t)page;
}

static bool choose(const char *what, uintptr_t *target, const char **description)
{
    if (text_equal(what, "kernel")) {
        *target = KERNEL_ADDRESS;
        *description = "the kernel's memory";
    } else if (text_equal(what, "rodata")) {
        *target = read_only_page();
        *description = "my own read-only page";
    } else if (text_equal(what, "null")) {
        *target = 0;
        *description = "page 0";
    } else if (text_equal(what, "code")) {
        *target = (uintptr_t)&main;
        *description = "my own code";
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *description;
    uintptr_t target;

    if (argc != 2 || !choose(argv[1], &target, &description)) {
        print_error("usage: trespass kernel|rodata|null|code\n");
        return 1;
    }
    print("writing to %s at %p\n", description, (void *)target);
    /* Hides the value, for a compiler that knows page 0 would turn the write into an illegal instruction. */
    __asm__ volatile("" : "+r"(target));
    *(volatile char *)target = 1;
    print("I survived it: memory is not protected\n");
    return 1;
}
