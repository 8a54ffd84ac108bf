/* SPDX-License-Identifier: MIT */
/*
 * boot.S - from the boot loader to C, 64 bits.
 *
 * The loader leaves us in flat 32-bit protected mode without paging, EAX and EBX as Multiboot 1 or 2 says. We note the
 * time, see that the CPU has long mode and NX, map the first 4 GiB of physical memory where the direct map will be and
 * the first GiB at -2 GiB with large pages, keep an identity mapping just for the jump, and go up. The loader has
 * zeroed .bss.
 */
#include "layout.h"

#define MAGIC1       0x1BADB002
#define FLAGS1       0x00010003 /* modules on page boundaries, a memory map; the address fields are valid */
#define MAGIC2       0xE85250D6
#define MAGIC2_BYTES (multiboot2_end - multiboot2_start)

#define PHYSICAL(symbol) (symbol - ARCH_IMAGE_OFFSET)

#define CR0_VALUE  0x80010033 /* paging, WP, NE, ET, MP, PE, and nothing that the loader left */
#define CR4_PAE    0x20
#define MSR_EFER   0xC0000080
#define EFER_LME   0x100
#define EFER_NXE   0x800
#define LARGE_PAGE 0x83 /* present, writable, large */
#define TABLE      0x03 /* present, writable */

    .section .boot.header, "a", @progbits
    .balign 8
multiboot1:
    .long MAGIC1
    .long FLAGS1
    .long -(MAGIC1 + FLAGS1)
    .long multiboot1
    .long image_physical_start
    .long image_physical_load_end
    .long image_physical_end
    .long boot_start
    .balign 8
multiboot2_start:
    .long MAGIC2
    .long 0 /* i386 protected mode */
    .long MAGIC2_BYTES
    .long -(MAGIC2 + MAGIC2_BYTES)
    .word 6, 0 /* modules on page boundaries */
    .long 8
    .word 0, 0
    .long 8
multiboot2_end:

    .section .boot, "ax", @progbits
    .code32
    .globl boot_start
boot_start:
    cli
    cld
    movl $1f, %edx
    jmp boot_require_memory
1:  movl %eax, %esi
    rdtsc
    movl $PHYSICAL(boot_stack_top) - 16, %esp
    movl %esi, 0(%esp)
    movl %ebx, 4(%esp)
    movl %eax, 8(%esp)
    movl %edx, 12(%esp)
    pushl $2
    popfl
    call boot_require_cpuid
    call require_features
    call fill_tables
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYSICAL(boot_root), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl $(EFER_LME | EFER_NXE), %eax
    xorl %edx, %edx
    wrmsr
    movl $CR0_VALUE, %eax
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $ARCH_SELECTOR_KERNEL_CODE, $boot_long

require_features:
    movl $no_long_mode, %esi
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb boot_refuse
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc boot_refuse
    movl $no_nx, %esi
    btl $20, %edx
    jnc boot_refuse
    ret

fill_tables:
    movl $PHYSICAL(boot_directories), %edi
    xorl %edx, %edx
    movl $LARGE_PAGE, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    loop 1b
    movl $PHYSICAL(boot_directories) + TABLE, %eax
    movl %eax, PHYSICAL(boot_image_pointers) + 510 * 8
    movl $PHYSICAL(boot_direct_pointers), %edi
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $8, %edi
    addl $4096, %eax
    loop 2b
    movl $PHYSICAL(boot_direct_pointers) + TABLE, %eax
    movl %eax, PHYSICAL(boot_root)
    movl %eax, PHYSICAL(boot_root) + 256 * 8
    movl $PHYSICAL(boot_image_pointers) + TABLE, %eax
    movl %eax, PHYSICAL(boot_root) + 511 * 8
    ret

no_long_mode: .asciz "this CPU has no 64-bit mode; take the i386 kernel\r\n"
no_nx:        .asciz "this CPU cannot forbid execution (NX)\r\n"

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00209B0000000000 /* 64-bit code; arch_start loads the real table */
    .quad 0x00CF93000000FFFF
boot_gdt_pointer:
    .word 23
    .long boot_gdt

    .code64
boot_long:
    movabsq $boot_high, %rax
    jmp *%rax

    .text
boot_high:
    movl $ARCH_SELECTOR_KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq $0, boot_root
    movq %cr3, %rax
    movq %rax, %cr3
    movq $boot_stack_top, %rsp
    movl -16(%rsp), %edi
    movl -12(%rsp), %esi
    movq -8(%rsp), %rdx
    xorl %ebp, %ebp
    call arch_start
    ud2

    .section .bss.page, "aw", @nobits
    .balign 4096
boot_root:
    .skip 4096
boot_direct_pointers:
    .skip 4096
boot_image_pointers:
    .skip 4096
boot_directories:
    .skip 4 * 4096
    .globl boot_stack_guard
boot_stack_guard:
    .skip 4096
    .skip 16384
    .globl boot_stack_top
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
