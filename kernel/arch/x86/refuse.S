/* SPDX-License-Identifier: MIT */
/*
 * refuse.S - what the boot code says when this machine cannot run this kernel.
 *
 * Runs before paging, in 32-bit protected mode, for all kernels: so it is 32-bit code even in the 64-bit image, and
 * drives the first serial port itself.
 */
#define LOW_STACK 0x7000 /* RAM in every machine, and nobody's */

    .section .boot, "ax", @progbits
    .code32

/* EAX and EBX as the loader gave them: goes on at EDX if all of the image, .bss and stack included, lies in RAM, as far
   as Multiboot 1 tells (Multiboot 2 loads nothing where there is no RAM). Until then there is no stack: hence no call.
   Keeps EAX, EBX. */
    .globl boot_require_memory
boot_require_memory:
    cmpl $0x2BADB002, %eax
    jne 1f
    testl $1, (%ebx) /* mem_upper is valid: KiB from 1 MiB on */
    jz 1f
    movl 8(%ebx), %ecx
    addl $1024, %ecx
    movl $image_physical_end, %edi
    shrl $10, %edi
    cmpl %edi, %ecx
    jb 2f
1:  jmp *%edx
2:  movl $LOW_STACK, %esp
    movl $no_memory, %esi
    jmp boot_refuse

/* Returns if the CPU has CPUID: bit 21 of EFLAGS can be changed (SDM volume 2, CPUID). Keeps EBX, ESI, EDI. */
    .globl boot_require_cpuid
boot_require_cpuid:
    pushfl
    popl %eax
    movl %eax, %ecx
    xorl $0x200000, %eax
    pushl %eax
    popfl
    pushfl
    popl %eax
    cmpl %ecx, %eax
    je 1f
    ret
1:  movl $no_cpuid, %esi
    jmp boot_refuse

/* ESI: a terminated sentence. Says it on the first serial port and ends the machine. */
    .globl boot_refuse
boot_refuse:
    movl %esi, %ebx
    movl $prefix, %esi
    call say
    movl %ebx, %esi
    call say
    movb $0x11, %al
    outb %al, $0xf4
1:  hlt
    jmp 1b

/* Sends the text at ESI, waiting for the transmitter no longer than a working port ever takes. */
say:
    movl $1000000, %ecx
1:  movw $0x3fd, %dx
    inb %dx, %al
    testb $0x20, %al
    loopz 1b
    lodsb
    testb %al, %al
    jz 2f
    movw $0x3f8, %dx
    outb %al, %dx
    jmp say
2:  ret

prefix:   .asciz "\r\nQuire cannot start: "
no_memory: .asciz "this machine has too little memory to hold the kernel\r\n"
no_cpuid: .asciz "this CPU has no CPUID instruction\r\n"

    .section .note.GNU-stack, "", @progbits
