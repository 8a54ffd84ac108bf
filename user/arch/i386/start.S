/* SPDX-License-Identifier: MIT */
/*
 * start.S - where a program begins, and the one system-call instruction (i386).
 *
 * At entry the stack pointer points at argc, argv, a NULL, the environment, a NULL, the auxiliary vector (System V ABI,
 * Intel386 supplement, 2.3). A system call takes its number in EAX and arguments in EBX, ECX, EDX, ESI, EDI, EBP; it
 * destroys nothing but EAX.
 */
    .text
    .globl _start
    .type _start, @function
_start:
    xor %ebp, %ebp
    mov %esp, %eax
    and $-16, %esp
    sub $12, %esp
    push %eax
    call runtime_start
    ud2
    .size _start, . - _start

/* intptr_t linux_call(number, first, ..., sixth): all on the stack */
    .globl linux_call
    .type linux_call, @function
linux_call:
    push %ebx
    push %esi
    push %edi
    push %ebp
    mov 20(%esp), %eax
    mov 24(%esp), %ebx
    mov 28(%esp), %ecx
    mov 32(%esp), %edx
    mov 36(%esp), %esi
    mov 40(%esp), %edi
    mov 44(%esp), %ebp
    int $0x80
    pop %ebp
    pop %edi
    pop %esi
    pop %ebx
    ret
    .size linux_call, . - linux_call

    .section .note.GNU-stack, "", @progbits
