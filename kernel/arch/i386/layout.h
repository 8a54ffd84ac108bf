/* SPDX-License-Identifier: MIT */
/*
 * layout.h - where things lie in the 32-bit kernel's address space. For C, assembler and the linker's symbols alike.
 *
 *     0x00010000 - 0xBFFFF000   a process
 *     0xC0000000 - 0xF0000000   the direct map: the first 768 MiB of RAM, the kernel's image among them at 1 MiB
 *     0xF0000000 - 0xFF800000   the kernel space's area, as much of it as this machine's RAM is worth
 *     0xFF800000 - 0xFF808000   windows on frames above the direct map
 *
 * Two kernels are built of these sources: two-level paging (x86_32) and PAE (x86_pae).
 */
#ifndef KERNEL_ARCH_LAYOUT_H
#define KERNEL_ARCH_LAYOUT_H

#define ARCH_JOIN_(a, b)     a##b
#define ARCH_JOIN(a, b)      ARCH_JOIN_(a, b)
#define ARCH_HAS_PAE_x86_32  0
#define ARCH_HAS_PAE_x86_pae 1
#define ARCH_PAE             ARCH_JOIN(ARCH_HAS_PAE_, QUIRE_FORMAT)

#if ARCH_PAE
#define ARCH_RAM_BITS 36 /* RAM beyond 2^36 bytes is not used */
#else
#define ARCH_RAM_BITS 32
#endif

#define ARCH_KERNEL_START 0xC0000000
#define ARCH_IMAGE_OFFSET 0xC0000000 /* link address of the image minus its physical address */
#define ARCH_DIRECT_START 0xC0000000
#define ARCH_DIRECT_BYTES 0x30000000
#define ARCH_DIRECT_END   0xF0000000
#define ARCH_BOOT_BYTES   0x30000000 /* physical memory that the boot tables map */
#define ARCH_AREA_START   0xF0000000
#define ARCH_AREA_END     0xFF800000 /* at the most: kernel_space.end tells */
#define ARCH_WINDOW_START 0xFF800000
#define ARCH_USER_START   0x00010000 /* as vm.mmap_min_addr on Linux */
#define ARCH_USER_END     0xBFFFF000

#define ARCH_SELECTOR_KERNEL_CODE  0x08
#define ARCH_SELECTOR_KERNEL_DATA  0x10
#define ARCH_SELECTOR_USER_CODE    0x1B
#define ARCH_SELECTOR_USER_DATA    0x23
#define ARCH_SELECTOR_TASK         0x28
#define ARCH_SELECTOR_THREAD       0x33 /* entry 6: set_thread_area */
#define ARCH_SELECTOR_DOUBLE_FAULT 0x48
#define ARCH_SELECTOR_LOCAL        0x50 /* the LDT of the process that runs, if it has one */

#endif
