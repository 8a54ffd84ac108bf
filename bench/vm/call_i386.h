/* SPDX-License-Identifier: MIT */
/* call_i386.h - system calls and the entry of a program, for 32 bits. Read by -include. */
#ifndef BENCH_VM_CALL_H
#define BENCH_VM_CALL_H

#define NUMBER_EXIT     1
#define NUMBER_FORK     2
#define NUMBER_WRITE    4
#define NUMBER_GETPID   20
#define NUMBER_PAUSE    29
#define NUMBER_KILL     37
#define NUMBER_GETPPID  64
#define NUMBER_REBOOT   88
#define NUMBER_MUNMAP   91
#define NUMBER_WAIT4    114
#define NUMBER_MPROTECT 125
#define NUMBER_MREMAP   163
#define NUMBER_MMAP     192 /* mmap2 */
#define NUMBER_MADVISE  219

#define TARGET_OF(bits64, bits32) bits32

/* The sixth argument, an offset that is always 0 here, is passed in EBP, which the compiler does not lend. */
static inline long call(long number, long a, long b, long c, long d, long e)
{
    long result;

    __asm__ volatile("push %%ebp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%ebp"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory");
    return result;
}

/* The entry: what the kernel left on the stack is the program's only argument. */
__asm__(".globl _start\n_start: mov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall program\n");

#endif
