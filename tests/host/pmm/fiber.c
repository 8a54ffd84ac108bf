/* SPDX-License-Identifier: MIT */
/*
 * fiber.c - changing stacks, on x86 in 32 and 64 bits.
 *
 * What the ABI wants kept over a call is pushed, stacks are changed, and the same is popped from the other. A new
 * fiber's stack is made to look as if it had been left so, on its way back to begin(). The sanitizer is told before
 * each change where the next stack is, and after it that the change was made; of the first flow of all it tells us the
 * stack then.
 */
#include "fiber.h"

#include <stdint.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifdef __x86_64__
#define KEPT 6 /* registers */
__asm__(".text\nfiber_swap:\n"
        "push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n");
#else
#define KEPT 4
__asm__(".text\nfiber_swap:\n"
        "mov 4(%esp), %eax\n mov 8(%esp), %edx\n"
        "push %ebp\n push %ebx\n push %esi\n push %edi\n"
        "mov %esp, (%eax)\n mov %edx, %esp\n"
        "pop %edi\n pop %esi\n pop %ebx\n pop %ebp\n ret\n");
#endif
void fiber_swap(void **save, void *load);

static fiber_t *left; /* whom the running one came from */
static fiber_t *next;

static void before_change(fiber_t *from, const fiber_t *to)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&from->hidden, to->stack, to->bytes);
#else
    (void)from;
    (void)to;
#endif
}

static void after_change(void *hidden)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(hidden, &left->stack, &left->bytes);
#else
    (void)hidden;
#endif
}

static void begin(void)
{
    after_change(NULL);
    next->entry();
    __builtin_trap();
}

void fiber_make(fiber_t *fiber, void *stack, size_t bytes, void (*entry)(void))
{
    uintptr_t top = ((uintptr_t)stack + bytes) & ~(uintptr_t)15;
    uintptr_t *words = (uintptr_t *)top;

#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(stack, bytes);
#endif
    *--words = 0; /* where begin() would return to: as if called, below a multiple of 16 */
    *--words = (uintptr_t)begin;
    for (unsigned kept = 0; kept < KEPT; kept++)
        *--words = 0;
    *fiber = (fiber_t){.stack_pointer = words, .entry = entry, .stack = stack, .bytes = bytes};
}

void fiber_switch(fiber_t *from, fiber_t *to)
{
    before_change(from, to);
    left = from;
    next = to;
    fiber_swap(&from->stack_pointer, to->stack_pointer);
    after_change(from->hidden);
}
