/* SPDX-License-Identifier: MIT */
/* start.c - from the stack as the kernel laid it out to main(), and from its result to the end of the program. */
#include "linux.h"
#include "runtime.h"

_Noreturn void runtime_start(uintptr_t *stack);

_Noreturn void runtime_start(uintptr_t *stack)
{
    malloc_init();
    linux_exit(main((int)stack[0], (char **)&stack[1]));
}
