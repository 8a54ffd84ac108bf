/* SPDX-License-Identifier: MIT */
/*
 * segment-limits.c - goes to the edge of its segments, and one byte further.
 *
 *     segment-limits PROBE
 *
 * Whoever survives says so: exit status 7. What is inside must be survived, what is outside must end it with SIGSEGV,
 * unless the machine is an emulator that does not check limits. Status 2: a system call gave a wrong answer.
 */
#include "linux.h"
#include "runtime.h"

#define FLAT_DATA   0x23
#define KERNEL_DATA 0x10
#define OWN_CODE    0x0f
#define OWN_DATA    0x17
#define NO_ENTRY    0x2f

static uintptr_t end(void)
{
    return (uintptr_t)linux_brk(0);
}

static void read_last(void)
{
    (void)*(volatile char *)(end() - 1);
}

static void read_beyond(void)
{
    (void)*(volatile char *)end();
}

static void write_last(void)
{
    *(volatile uint32_t *)(end() - 4) = 1;
}

static void write_beyond(void)
{
    *(volatile char *)end() = 1;
}

/* Three bytes inside, one outside: nothing may be written. */
static void write_across(void)
{
    *(volatile uint32_t *)(end() - 3) = 1;
}

static void read_top(void)
{
    (void)*(volatile char *)UINTPTR_MAX;
}

static void string_beyond(void)
{
    memset((void *)(end() - 64), 0, 65);
}

static void jump_beyond(void)
{
    ((void (*)(void))0x100000)();
}

static void write_code(void)
{
    __asm__ volatile("movb $0, %%cs:0" : : : "memory");
}

static void read_code(void)
{
    __asm__ volatile("movb %%cs:0, %%al" : : : "eax", "memory");
}

static void load(uint16_t selector)
{
    __asm__ volatile("mov %0, %%fs\n\tmovb %%fs:0, %%al" : : "r"(selector) : "eax", "memory");
}

static void own_selector(void)
{
    load(OWN_DATA);
}

static void flat_selector(void)
{
    load(FLAT_DATA);
}

static void kernel_selector(void)
{
    load(KERNEL_DATA);
}

static void null_selector(void)
{
    load(0);
}

static void code_as_data(void)
{
    load(OWN_CODE);
}

static void selector_beyond(void)
{
    load(NO_ENTRY);
}

static void null_stack(void)
{
    __asm__ volatile("mov %0, %%ss" : : "r"(0) : "memory");
}

__attribute__((noinline)) static unsigned sink(unsigned depth)
{
    volatile char frame[64];

    frame[depth % 64] = (char)depth;
    return depth == 0 ? 0 : sink(depth - 1) + (unsigned)frame[depth % 64];
}

static void stack_overflow(void)
{
    (void)sink(1000);
}

static void stack_deep(void)
{
    (void)sink(50);
}

/* After the segment has been made longer the old edge is inside. */
static void after_growth(void)
{
    uintptr_t old = end();

    linux_brk(old + 1);
    *(volatile char *)old = 1;
}

static void after_shrinking(void)
{
    uintptr_t old = end();

    linux_brk(old + 100);
    linux_brk(old + 50);
    (void)*(volatile char *)(old + 50);
}

static void thread_area(void)
{
    if (linux_call(243, (uintptr_t)&end, 0, 0, 0, 0, 0) != -ENOSYS ||
        linux_mmap(0, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1) != -ENOSYS)
        linux_exit(2);
}

/* What the kernel is told to read and write is checked by the same limit. */
static void kernel_copies(void)
{
    if (linux_write(1, end(), 1) != -EFAULT || linux_write(1, end() - 1, 2) > 1 ||
        linux_openat(AT_FDCWD, UINTPTR_MAX, O_RDONLY) != -EFAULT)
        linux_exit(2);
}

typedef struct probe {
    const char *name;
    void (*run)(void);
} probe_t;

static const probe_t probes[] = {
    {"read-last", read_last},
    {"read-beyond", read_beyond},
    {"write-last", write_last},
    {"write-beyond", write_beyond},
    {"write-across", write_across},
    {"read-top", read_top},
    {"string-beyond", string_beyond},
    {"jump-beyond", jump_beyond},
    {"write-code", write_code},
    {"read-code", read_code},
    {"own-selector", own_selector},
    {"flat-selector", flat_selector},
    {"kernel-selector", kernel_selector},
    {"null-selector", null_selector},
    {"code-as-data", code_as_data},
    {"selector-beyond", selector_beyond},
    {"null-stack", null_stack},
    {"stack-overflow", stack_overflow},
    {"stack-deep", stack_deep},
    {"after-growth", after_growth},
    {"after-shrinking", after_shrinking},
    {"thread-area", thread_area},
    {"kernel-copies", kernel_copies},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(probes) / sizeof(probes[0]); i++) {
        if (!text_equal(argv[1], probes[i].name))
            continue;
        probes[i].run();
        print("%s: I survived it\n", argv[1]);
        return 7;
    }
    print_error("usage: segment-limits PROBE\n");
    return 2;
}
