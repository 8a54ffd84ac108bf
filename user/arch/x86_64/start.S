/* SPDX-License-Identifier: MIT */
/*
 * start.S - where a program begins, and the one system-call instruction (x86_64).
 *
 * At entry the stack pointer points at argc, argv, a NULL, the environment, a NULL, the auxiliary vector (System V ABI,
 * AMD64 supplement, 3.4.1). A system call takes its number in RAX and arguments in RDI, RSI, RDX, R10, R8, R9; it
 * destroys RCX and R11.
 */
    .text
    .globl _start
    .type _start, @function
_start:
    xor %ebp, %ebp
    mov %rsp, %rdi
    and $-16, %rsp
    call runtime_start
    ud2
    .size _start, . - _start

/* intptr_t linux_call(number, first, ..., sixth): the sixth argument comes on the stack */
    .globl linux_call
    .type linux_call, @function
linux_call:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    syscall
    ret
    .size linux_call, . - linux_call

    .section .note.GNU-stack, "", @progbits
