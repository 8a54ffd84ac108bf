/* SPDX-License-Identifier: MIT */
/*
 * machine.S - what the probe kernel cannot say in C: the entry from multiboot, one access with everything it may end
 * in, and the traps that end it. Assembled for i386 (runs 32-bit and PAE paging), for x86_64, and with LA57 defined for
 * x86_64 with 5-level paging.
 *
 * An access saves its stack pointer in access_stack and jumps to a stub, at CPL 0 or through IRET at CPL 3. It ends in
 * a trap always: the fault it causes, or the INT 80 behind it. The trap writes down what happened, takes the saved
 * stack pointer back, and returns to the caller of access_run.
 */
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE   0x1B
#define USER_DATA   0x23
#define USER_STACK  0xC00800

#ifdef __x86_64__
#define ADDRESS %rax
#else
#define ADDRESS %eax
#endif

    .section .multiboot, "a"
    .balign 4
    .long 0x1BADB002, 0, -0x1BADB002

    .bss
    .balign 4096
boot_tables:
    .skip 4 * 4096
    .skip 16384
stack_top:
    .globl access_stack, trap_vector, trap_error, trap_cr2, trap_value
access_stack: .skip 8
trap_vector:  .skip 8
trap_error:   .skip 8
trap_cr2:     .skip 8
trap_value:   .skip 8

    .text
    .globl _start
#ifdef __x86_64__
    .code32
/* Long mode on tables that map the first 64 MiB one to one. */
_start:
    cli
    mov $stack_top, %esp
    movl $boot_tables + 0x1003, boot_tables
    movl $boot_tables + 0x2003, boot_tables + 0x1000
    mov $boot_tables + 0x2000, %edi
    mov $0x83, %eax
    mov $32, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov %cr4, %eax
    or $0x20, %eax
    mov $boot_tables, %ebx
#ifdef LA57
    movl $boot_tables + 0x0003, boot_tables + 0x3000
    or $0x1000, %eax
    mov $boot_tables + 0x3000, %ebx
#endif
    mov %eax, %cr4
    mov %ebx, %cr3
    mov $0xC0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $KERNEL_CODE, $1f
    .code64
1:  mov $KERNEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $stack_top, %rsp
    call kernel_main
2:  hlt
    jmp 2b

    .balign 8
boot_gdt:
    .quad 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
boot_gdt_pointer:
    .word 23
    .long boot_gdt
#else
_start:
    cli
    mov $stack_top, %esp
    call kernel_main
2:  hlt
    jmp 2b
#endif

/* Reloads every segment register from the GDT. */
    .globl segments_reload
segments_reload:
#ifdef __x86_64__
    push $KERNEL_CODE
    lea 1f(%rip), %rax
    push %rax
    lretq
#else
    ljmp $KERNEL_CODE, $1f
#endif
1:  mov $KERNEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    ret

/* void access_run(uintptr_t stub, uintptr_t user, uintptr_t va, uintptr_t selector, uintptr_t flags) */
    .globl access_run
access_run:
#ifdef __x86_64__
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, access_stack
    mov %rdx, %rax
    xor %edx, %edx
    test %rsi, %rsi
    jnz 1f
    push %r8
    popfq
    jmp *%rdi
1:  pushq $USER_DATA
    pushq $USER_STACK
    push %r8
    pushq $USER_CODE
    push %rdi
    iretq
#else
    pusha
    mov %esp, access_stack
    mov 36(%esp), %ebx
    mov 40(%esp), %esi
    mov 44(%esp), %eax
    mov 48(%esp), %ecx
    mov 52(%esp), %edi
    xor %edx, %edx
    test %esi, %esi
    jnz 1f
    push %edi
    popf
    jmp *%ebx
1:  mov $USER_DATA, %esi
    mov %esi, %ds
    mov %esi, %es
    push $USER_DATA
    push $USER_STACK
    push %edi
    push $USER_CODE
    push %ebx
    iret
#endif

trap:
#ifdef __x86_64__
    mov $KERNEL_DATA, %ebx
    mov %ebx, %fs
    popq trap_vector
    popq trap_error
    mov %cr2, %rbx
    mov %rbx, trap_cr2
    mov %rdx, trap_value
    mov access_stack, %rbx
    test %rbx, %rbx
    jz trap_unexpected
    mov %rbx, %rsp
    pushq $2
    popfq
    movq $0, access_stack
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
#else
    mov $KERNEL_DATA, %ebx
    mov %ebx, %ds
    mov %ebx, %es
    mov %ebx, %fs
    popl trap_vector
    popl trap_error
    mov %cr2, %ebx
    mov %ebx, trap_cr2
    mov %edx, trap_value
    mov access_stack, %ebx
    test %ebx, %ebx
    jz trap_unexpected
    mov %ebx, %esp
    push $2
    popf
    movl $0, access_stack
    popa
    ret
#endif

/* Exceptions 8, 10 to 14 and 17 bring an error code. */
    .balign 16
    .globl trap_entries
trap_entries:
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    .balign 16
    .if !(\number == 8 || (\number >= 10 && \number <= 14) || \number == 17)
    push $0
    .endif
    push $\number
    jmp trap
    .endr
    .globl trap_end
    .balign 16
trap_end:
    push $0
    push $0x80
    jmp trap

/* The stubs are copied to where the user may execute, hence independent of their place. */
    .macro begin name
    .globl stub_\name
stub_\name:
    .endm

    .macro stub name, instruction:vararg
    begin \name
    \instruction
    int $0x80
    .endm

    .globl stubs, stubs_end
stubs:
    stub read1, movzbl (ADDRESS), %edx
    stub read4, mov (ADDRESS), %edx
    stub write1, movb $0xEE, (ADDRESS)
    stub write4, movl $0xEEEEEEEE, (ADDRESS)
    stub execute, jmp *ADDRESS
    stub lldt, lldt %cx
    stub cr0, mov ADDRESS, %cr0
    stub cr3, mov ADDRESS, %cr3
    stub cr4, mov ADDRESS, %cr4
    stub wrmsr, wrmsr
    stub invlpg, invlpg (ADDRESS)

    begin fs_read1
    mov %ecx, %fs
    movzbl %fs:(ADDRESS), %edx
    int $0x80

    begin fs_read4
    mov %ecx, %fs
    mov %fs:(ADDRESS), %edx
    int $0x80

    begin fs_write1
    mov %ecx, %fs
    movb $0xEE, %fs:(ADDRESS)
    int $0x80

    begin ss_read1
#ifdef __x86_64__
    mov ADDRESS, %rbp
    movzbl (%rbp), %edx
#else
    mov %ecx, %ss
    movzbl %ss:(ADDRESS), %edx
#endif
    int $0x80
stubs_end:

    .section .note.GNU-stack, "", @progbits
