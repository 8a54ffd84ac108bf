/* SPDX-License-Identifier: MIT */
/*
 * mistakes.c - twelve classic mistakes, one a run, each of which ends it with SIGSEGV.
 *
 *     mistakes 1..12
 *
 * The last two are no page faults. What the kernel says to the others is in docs/TEACHING.md.
 */
#include "linux.h"
#include "runtime.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)

/* Out of the compiler's sight, which knows what some of these addresses mean. */
static uintptr_t hidden(uintptr_t address)
{
    __asm__ volatile("" : "+r"(address));
    return address;
}

static void write_to(uintptr_t address)
{
    *(volatile char *)hidden(address) = 1;
}

static void read_from(uintptr_t address)
{
    (void)*(volatile char *)hidden(address);
}

static void jump_to(uintptr_t address)
{
    ((void (*)(void))hidden(address))();
}

static uintptr_t page(int prot)
{
    return (uintptr_t)linux_mmap(0, PAGE_BYTES, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* Each call takes a page of the stack and needs it afterwards. */
static unsigned bottomless(unsigned depth)
{
    volatile unsigned char room[PAGE_BYTES];

    room[0] = (unsigned char)depth;
    return depth == UINT32_MAX ? 0 : bottomless(depth + 1) + room[0];
}

static void after_unmapping(void)
{
    uintptr_t address = page(READ_WRITE);

    write_to(address);
    linux_munmap(address, PAGE_BYTES);
    read_from(address);
}

static void after_closing(void)
{
    uintptr_t address = page(READ_WRITE);

    write_to(address);
    linux_mprotect(address, PAGE_BYTES, PROT_NONE);
    read_from(address);
}

static void make_without_a_page_fault(size_t mistake)
{
    if (mistake == 11) /* an instruction of the kernel's */
        __asm__ volatile("hlt");
        /* A pointer with a bit too many; where every pointer is an address, a selector. */
#ifdef __x86_64__
    read_from((uintptr_t)1 << 51);
#else
    __asm__ volatile("mov %0, %%es" : : "r"(0x1243));
#endif
}

static void make(size_t mistake)
{
    static const char constant[] = "a constant";
    static unsigned char data[16] = {0xc3}; /* RET, if it were code */

    switch (mistake) {
    case 1: /* a member of what a null pointer points to */
        read_from(24);
        break;
    case 2: /* a call through a function pointer that was never set */
        jump_to(0);
        break;
    case 3: /* an error code used as a pointer */
        read_from((uintptr_t)0 - ENOMEM);
        break;
    case 4: /* a pointer that was never set */
        write_to(0x7a6b5c4d);
        break;
    case 5: /* a constant is written to */
        write_to((uintptr_t)constant);
        break;
    case 6: /* data is executed */
        jump_to((uintptr_t)data);
        break;
    case 7: /* recursion without an end */
        print("%u\n", bottomless(0));
        break;
    case 8: /* memory is used after it was given back */
        after_unmapping();
        break;
    case 9: /* memory is used that was closed to all access */
        after_closing();
        break;
    case 10: /* the kernel's memory */
        write_to(KERNEL_ADDRESS);
        break;
    default:
        make_without_a_page_fault(mistake);
        break;
    }
}

int main(int argc, char **argv)
{
    size_t mistake;

    if (argc != 2 || !text_to_number(argv[1], &mistake) || mistake < 1 || mistake > 12) {
        print_error("usage: mistakes 1..12\n");
        return 2;
    }
    make(mistake);
    return 1;
}
