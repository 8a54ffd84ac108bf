/* SPDX-License-Identifier: MIT */
/* frame.h - the registers of interrupted 32-bit code, as kernel/arch/i386/entry.S saves them. */
#ifndef KERNEL_ARCH_FRAME_H
#define KERNEL_ARCH_FRAME_H

#include <quire/quire.h>

#include "layout.h"

#if ARCH_PAE
#define ARCH_NAME "i386pae"
#else
#define ARCH_NAME "i386"
#endif
#define ARCH_FORMAT      ARCH_JOIN(quire_format_, QUIRE_FORMAT)
#define ARCH_ELF_CLASS   1
#define ARCH_ELF_MACHINE 3
#define ARCH_SEGMENTED   1

typedef struct trap_frame {
    uint32_t gs;
    uint32_t fs;
    uint32_t es;
    uint32_t ds;
    uint32_t edi;
    uint32_t esi;
    uint32_t ebp;
    uint32_t esp_of_pusha; /* of no use: PUSHA stores it, POPA skips it */
    uint32_t ebx;
    uint32_t edx;
    uint32_t ecx;
    uint32_t eax;
    uint32_t vector;
    uint32_t error;
    uint32_t eip;
    uint32_t cs;
    uint32_t eflags;
    uint32_t esp; /* these two only when ring 3 was interrupted; else what lay on the kernel's stack */
    uint32_t ss;
} trap_frame_t;

static inline uintptr_t frame_instruction(const trap_frame_t *frame)
{
    return frame->eip;
}

static inline bool frame_from_user(const trap_frame_t *frame)
{
    return (frame->cs & 3) == 3;
}

static inline uintptr_t frame_stack(const trap_frame_t *frame)
{
    return frame_from_user(frame) ? frame->esp : (uintptr_t)&frame->esp;
}

static inline unsigned frame_vector(const trap_frame_t *frame)
{
    return frame->vector;
}

static inline uintptr_t frame_error(const trap_frame_t *frame)
{
    return frame->error;
}

static inline uintptr_t frame_syscall_number(const trap_frame_t *frame)
{
    return frame->eax;
}

static inline uintptr_t frame_syscall_argument(const trap_frame_t *frame, unsigned index)
{
    const uint32_t arguments[6] = {frame->ebx, frame->ecx, frame->edx, frame->esi, frame->edi, frame->ebp};

    return index < 6 ? arguments[index] : 0;
}

static inline void frame_set_result(trap_frame_t *frame, uintptr_t value)
{
    frame->eax = value;
}

static inline uintptr_t frame_result(const trap_frame_t *frame)
{
    return frame->eax;
}

static inline void frame_init_user(trap_frame_t *frame, uintptr_t entry, uintptr_t stack)
{
    *frame = (trap_frame_t){
        .es = ARCH_SELECTOR_USER_DATA,
        .ds = ARCH_SELECTOR_USER_DATA,
        .eip = entry,
        .cs = ARCH_SELECTOR_USER_CODE,
        .eflags = 0x202,
        .esp = stack,
        .ss = ARCH_SELECTOR_USER_DATA,
    };
}

#endif
