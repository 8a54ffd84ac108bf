/* SPDX-License-Identifier: MIT */
/*
 * broken.S - somebody else's kernel, whose first page tables are wrong: it switches paging on and resets the machine.
 *
 * -DLEVELS=2 to 5 chooses the format, -DMISTAKE what is wrong:
 *
 *     1  the code is not mapped
 *     2  the stack is not mapped
 *     3  the NX bit, without EFER.NXE (not with two levels)
 *     4  CR3 holds a virtual address
 *     5  large pages, without CR4.PSE (two levels)
 *     6  a selector that the GDT does not have
 *     7  a pointer that is not canonical (four levels)
 */
#define MAGIC 0x1BADB002
#define LARGE 0x83 /* present, writable, large */

    .section .text
    .balign 4
    .long MAGIC
    .long 0
    .long -MAGIC

    .globl start
start:
    cli
    movl $stack_top, %esp
    movl $tables, %edi
#if LEVELS == 5
    movl $tables + 0x1003, (%edi)
    addl $0x1000, %edi
#endif
#if LEVELS >= 4
    leal 0x1003(%edi), %eax
    movl %eax, (%edi)
    addl $0x1000, %edi
#endif
#if LEVELS == 3
    leal 0x1001(%edi), %eax /* a PAE root entry has no rights */
    movl %eax, (%edi)
    addl $0x1000, %edi
#elif LEVELS > 3
    leal 0x1003(%edi), %eax
    movl %eax, (%edi)
    addl $0x1000, %edi
#endif
#if MISTAKE != 1
    movl $LARGE, (%edi)
#endif
#if MISTAKE == 2
    movl $0x800000, %esp
#elif MISTAKE == 3
    movl $0x80000000, 4(%edi)
#endif
    movl %cr4, %eax
#if LEVELS == 2 && MISTAKE == 5
#elif LEVELS == 2
    orl $0x10, %eax
#elif LEVELS == 5
    orl $0x1020, %eax
#else
    orl $0x20, %eax
#endif
    movl %eax, %cr4
    movl $tables, %eax
#if MISTAKE == 4
    addl $0xC0000000, %eax
#endif
    movl %eax, %cr3
#if LEVELS > 3
    movl $0xC0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
#endif
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    pushl %eax
#if MISTAKE == 6
    lgdt gdt_register
    movw $0x48, %ax
    movw %ax, %ds
#elif MISTAKE == 7
    lgdt gdt_register
    ljmp $8, $2f
    .code64
2:  movabs $0x8000000000000, %rbx
    movl (%rbx), %eax
    .code32
#endif
1:  hlt
    jmp 1b

    .balign 8
gdt:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_register:
    .word 23
    .long gdt

    .section .bss
    .balign 4096
tables:
    .skip 5 * 4096
    .skip 4096
stack_top:

    .section .note.GNU-stack, "", @progbits
