/* SPDX-License-Identifier: MIT */
/*
 * segment-expand.S - a stack of its own that expands down: offsets above the limit are inside, up to 4 GiB.
 *
 *     segment-expand in | out | top
 *
 * The stack has 8 KiB (PT_GNU_STACK). in: touches its lowest byte, exit status 7. out: the byte below, which must end
 * it with SIGSEGV. top: a word across the very top, likewise. In a segment of data the same offsets are nowhere.
 */
    .text
    .globl _start
_start:
    movl 8(%esp), %edx          /* argv[1], an offset in the stack's segment */
    movb %ss:(%edx), %al
    cmpb $'i', %al
    je 1f
    cmpb $'o', %al
    je 2f
    movl %ss:0xfffffffe, %eax
    jmp 3f
1:  movb %ss:0xffffe000, %al
    jmp 3f
2:  movb %ss:0xffffdfff, %al
3:  movl $252, %eax             /* exit_group */
    movl $7, %ebx
    int $0x80

    .section .own_stack, "aw", @nobits
    .skip 8192

    .data
    .long 1

    .section .note.GNU-stack, "", @progbits
