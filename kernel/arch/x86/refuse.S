/* SPDX-License-Identifier: MIT */
/*
 * refuse.S - what the boot code says when this CPU cannot run this kernel.
 *
 * Runs before paging, in 32-bit protected mode, for all kernels: so it is 32-bit code even in the 64-bit image, and
 * drives the first serial port itself.
 */
    .section .boot, "ax", @progbits
    .code32

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
no_cpuid: .asciz "this CPU has no CPUID instruction\r\n"

    .section .note.GNU-stack, "", @progbits
