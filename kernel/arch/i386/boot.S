/* SPDX-License-Identifier: MIT */
/*
 * boot.S - from the boot loader to C, 32 bits.
 *
 * The loader leaves us in flat protected mode without paging, EAX and EBX as Multiboot 1 says. We see that the CPU can
 * do what this kernel needs, note the time, map the first 768 MiB of RAM at 3 GiB with large pages, keep an identity
 * mapping just for the jump, and go up. The loader has zeroed .bss.
 */
#include "layout.h"

#define MAGIC 0x1BADB002
#define FLAGS 3 /* modules on page boundaries, and a memory map */

#define PHYSICAL(symbol) (symbol - ARCH_IMAGE_OFFSET)

#define CR0_VALUE   0x80010033 /* paging, WP, NE, ET, MP, PE, and nothing that the loader left */
#define CR4_PSE     0x10
#define CR4_PAE     0x20
#define MSR_EFER    0xC0000080
#define EFER_NXE    0x800
#define LARGE_PAGE  0x83 /* present, writable, large */

    .section .boot.header, "a", @progbits
    .balign 4
    .long MAGIC
    .long FLAGS
    .long -(MAGIC + FLAGS)

    .section .boot, "ax", @progbits
    .globl boot_start
boot_start:
    cli
    cld
    movl $1f, %edx
    jmp boot_require_memory
1:  movl $PHYSICAL(boot_stack_top) - 16, %esp
    movl %eax, 0(%esp) /* arch_start(magic, info, entry_time) */
    movl %ebx, 4(%esp)
    pushl $2
    popfl
    call boot_require_cpuid
    call require_features
    rdtsc
    movl %eax, 8(%esp)
    movl %edx, 12(%esp)
#if ARCH_PAE
    call require_pae_and_nx
#endif
    call fill_tables
    call switch_paging_on
    movl $boot_high, %eax
    jmp *%eax

/* Compilers take CMOV for granted. */
require_features:
    movl $1, %eax
    cpuid
    movl $too_old, %esi
    btl $15, %edx
    jnc boot_refuse
    movl $no_large_pages, %esi
    btl $3, %edx
    jnc boot_refuse
    movl $no_counter, %esi
    btl $4, %edx
    jnc boot_refuse
    ret

too_old:        .asciz "this CPU is older than the Pentium Pro: it has no CMOV\r\n"
no_large_pages: .asciz "this CPU has no pages of 4 MiB (PSE)\r\n"
no_counter:     .asciz "this CPU has no time-stamp counter\r\n"

#if ARCH_PAE

require_pae_and_nx:
    movl $no_pae, %esi
    movl $1, %eax
    cpuid
    btl $6, %edx
    jnc boot_refuse
    movl $no_nx, %esi
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb boot_refuse
    movl $0x80000001, %eax
    cpuid
    btl $20, %edx
    jnc boot_refuse
    ret

/* One directory serves the identity mapping and the kernel's GiB. */
fill_tables:
    movl $PHYSICAL(boot_directory), %edi
    movl $LARGE_PAGE, %eax
    movl $(ARCH_BOOT_BYTES >> 21), %ecx
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    loop 1b
    movl $PHYSICAL(boot_directory) + 1, %eax
    movl %eax, PHYSICAL(boot_root)
    movl %eax, PHYSICAL(boot_root) + 24
    ret

switch_paging_on:
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    movl $EFER_NXE, %eax
    xorl %edx, %edx
    wrmsr
    movl $PHYSICAL(boot_root), %eax
    movl %eax, %cr3
    movl $CR0_VALUE, %eax
    movl %eax, %cr0
    ret

no_pae: .asciz "this CPU has no PAE; take the i386 kernel\r\n"
no_nx:  .asciz "this CPU cannot forbid execution (NX); take the i386 kernel\r\n"

#else

fill_tables:
    movl $PHYSICAL(boot_root) + (ARCH_KERNEL_START >> 22) * 4, %edi
    movl $LARGE_PAGE, %eax
    movl %eax, PHYSICAL(boot_root)
    movl $(ARCH_BOOT_BYTES >> 22), %ecx
1:  movl %eax, (%edi)
    addl $4, %edi
    addl $0x400000, %eax
    loop 1b
    ret

switch_paging_on:
    movl $CR4_PSE, %eax
    movl %eax, %cr4
    movl $PHYSICAL(boot_root), %eax
    movl %eax, %cr3
    movl $CR0_VALUE, %eax
    movl %eax, %cr0
    ret

#endif

    .text
boot_high:
    movl $0, boot_root
    movl %cr3, %eax
    movl %eax, %cr3
    addl $ARCH_IMAGE_OFFSET, %esp
    xorl %ebp, %ebp
    call arch_start
    ud2

    .section .bss.page, "aw", @nobits
    .balign 4096
boot_root:
    .skip 4096
#if ARCH_PAE
boot_directory:
    .skip 4096
#endif
    .globl boot_stack_guard
boot_stack_guard:
    .skip 4096
    .skip 16384
    .globl boot_stack_top
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
