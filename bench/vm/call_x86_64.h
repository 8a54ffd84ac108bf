/* SPDX-License-Identifier: MIT */
/* call_x86_64.h - system calls and the entry of a program, for 64 bits. Read by -include. */
#ifndef BENCH_VM_CALL_H
#define BENCH_VM_CALL_H

#define NUMBER_WRITE    1
#define NUMBER_MMAP     9
#define NUMBER_MPROTECT 10
#define NUMBER_MUNMAP   11
#define NUMBER_MREMAP   25
#define NUMBER_MADVISE  28
#define NUMBER_PAUSE    34
#define NUMBER_GETPID   39
#define NUMBER_FORK     57
#define NUMBER_EXIT     60
#define NUMBER_WAIT4    61
#define NUMBER_KILL     62
#define NUMBER_GETPPID  110
#define NUMBER_REBOOT   169

#define TARGET_OF(bits64, bits32) bits64

static inline long call(long number, long a, long b, long c, long d, long e)
{
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    register long sixth __asm__("r9") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}

/* The entry: what the kernel left on the stack is the program's only argument. */
__asm__(".globl _start\n_start: mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall program\n");

#endif
