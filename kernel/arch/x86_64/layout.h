/* SPDX-License-Identifier: MIT */
/*
 * layout.h - where things lie in the 64-bit kernel's address space. For C, assembler and the linker's symbols alike.
 *
 *     0000000000010000 - 00007FFFFFFFF000   a process
 *     FFFF800000000000 - FFFFC00000000000   the direct map of all RAM
 *     FFFFC00000000000 - FFFFC08000000000   the kernel space's area: one root entry
 *     FFFFFFFF80000000 -                    the kernel's image
 *
 * The order of the selectors is what SYSCALL and SYSRET want (SDM volume 3, 5.8.8): user data at STAR + 8, user 64-bit
 * code at STAR + 16. There is no 32-bit user code segment: nobody can enter compatibility mode.
 */
#ifndef KERNEL_ARCH_LAYOUT_H
#define KERNEL_ARCH_LAYOUT_H

#define ARCH_RAM_BITS     46 /* the direct map's size */
#define ARCH_KERNEL_START 0xFFFF800000000000
#define ARCH_IMAGE_OFFSET 0xFFFFFFFF80000000 /* link address of the image minus its physical address */
#define ARCH_DIRECT_START 0xFFFF800000000000
#define ARCH_DIRECT_BYTES 0x0000400000000000
#define ARCH_DIRECT_END   0xFFFFC00000000000
#define ARCH_BOOT_BYTES   0x0000000100000000 /* physical memory that the boot tables map */
#define ARCH_AREA_START   0xFFFFC00000000000
#define ARCH_AREA_END     0xFFFFC08000000000
#define ARCH_USER_START   0x0000000000010000 /* as vm.mmap_min_addr on Linux */
#define ARCH_USER_END     0x00007FFFFFFFF000

#define ARCH_GATE_STACK_BYTES 1024

#define ARCH_SELECTOR_KERNEL_CODE 0x08
#define ARCH_SELECTOR_KERNEL_DATA 0x10
#define ARCH_SELECTOR_USER_BASE   0x18
#define ARCH_SELECTOR_USER_DATA   0x23
#define ARCH_SELECTOR_USER_CODE   0x2B
#define ARCH_SELECTOR_TASK        0x30

#endif
