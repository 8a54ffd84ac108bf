/* SPDX-License-Identifier: MIT */
/* stack.h - what a program finds on its stack when it starts. */
#ifndef KERNEL_STACK_H
#define KERNEL_STACK_H

#include <quire/quire.h>

#define STACK_BYTES         ((size_t)8 << 20)
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

/* Promises STACK_BYTES that end at the end of the space, with STACK_GUARD_BYTES of guard below, and writes argc, argv,
   envp and the auxiliary vector. argv and envp end with NULL. *stack is the program's first stack pointer. The caller
   destroys the space when this fails; *reason then says why. */
quire_status_t stack_build(quire_space_t *space, const stack_facts_t *facts, const char *const *argv,
                           const char *const *envp, bool executable, quire_va_t *stack,
                           const char **reason) QUIRE_MUST_CHECK;

#endif
