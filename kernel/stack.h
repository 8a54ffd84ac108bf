/* SPDX-License-Identifier: MIT */
/* stack.h - what a program finds on its stack when it starts. */
#ifndef KERNEL_STACK_H
#define KERNEL_STACK_H

#include <quire/quire.h>

#define STACK_BYTES         ((size_t)8 << 20)   /* how far it may grow, if nobody sets another limit */
#define STACK_READY_BYTES   ((size_t)128 << 10) /* promised below the first stack pointer, as on Linux */
#define STACK_GUARD_BYTES   ((size_t)1 << 20) /* as Linux has it: a function with large arrays does not jump over it */
#define STACK_CONTENT_BYTES ((size_t)1 << 20) /* at most, of arguments and environment */
#define STACK_RANDOM_BYTES  16

/* The values of the auxiliary vector that are not the same for every process. */
typedef struct stack_facts {
    uintptr_t headers; /* AT_PHDR, AT_PHENT, AT_PHNUM */
    uintptr_t header_bytes;
    uintptr_t header_count;
    uintptr_t entry;
    uintptr_t capabilities; /* AT_HWCAP: EDX of CPUID leaf 1 */
    const char *platform;   /* "i686", "x86_64" */
    const char *path;       /* AT_EXECFN */
    uint8_t random[STACK_RANDOM_BYTES];
} stack_facts_t;

/* What became of it: the program's first stack pointer, the end of what is promised, and of the guard below that. */
typedef struct stack_place {
    quire_va_t pointer;
    quire_va_t low;
    quire_va_t guard;
} stack_place_t;

/* Promises a stack that ends at the end of the space, makes the rest of STACK_BYTES, and STACK_GUARD_BYTES below them,
   guard (kernel/stack_grow.c), and writes argc, argv, envp and the auxiliary vector. argv and envp end with NULL. The
   caller destroys the space when this fails; *reason then says why. */
quire_status_t stack_build(quire_space_t *space, const stack_facts_t *facts, const char *const *argv,
                           const char *const *envp, bool executable, stack_place_t *stack,
                           const char **reason) QUIRE_MUST_CHECK;

#endif
