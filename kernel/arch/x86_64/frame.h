/* SPDX-License-Identifier: MIT */
/* frame.h - the registers of interrupted 64-bit code, as kernel/arch/x86_64/entry.S saves them. */
#ifndef KERNEL_ARCH_FRAME_H
#define KERNEL_ARCH_FRAME_H

#include <quire/quire.h>

#include "layout.h"

#define ARCH_NAME        "x86_64"
#define ARCH_FORMAT      quire_format_x86_4level
#define ARCH_ELF_CLASS   2
#define ARCH_ELF_MACHINE 62
#define ARCH_SEGMENTED   0

typedef struct trap_frame {
    uint64_t r15;
    uint64_t r14;
    uint64_t r13;
    uint64_t r12;
    uint64_t rbp;
    uint64_t rbx;
    uint64_t r11;
    uint64_t r10;
    uint64_t r9;
    uint64_t r8;
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rsi;
    uint64_t rdi;
    uint64_t vector;
    uint64_t error;
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
} trap_frame_t;

static inline uintptr_t frame_instruction(const trap_frame_t *frame)
{
    return frame->rip;
}

static inline uintptr_t frame_stack(const trap_frame_t *frame)
{
    return frame->rsp;
}

static inline bool frame_from_user(const trap_frame_t *frame)
{
    return (frame->cs & 3) == 3;
}

static inline unsigned frame_vector(const trap_frame_t *frame)
{
    return (unsigned)frame->vector;
}

static inline uintptr_t frame_error(const trap_frame_t *frame)
{
    return frame->error;
}

static inline uintptr_t frame_syscall_number(const trap_frame_t *frame)
{
    return frame->rax;
}

static inline uintptr_t frame_syscall_argument(const trap_frame_t *frame, unsigned index)
{
    const uint64_t arguments[6] = {frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9};

    return index < 6 ? arguments[index] : 0;
}

static inline void frame_set_result(trap_frame_t *frame, uintptr_t value)
{
    frame->rax = value;
}

static inline uintptr_t frame_result(const trap_frame_t *frame)
{
    return frame->rax;
}

static inline void frame_init_user(trap_frame_t *frame, uintptr_t entry, uintptr_t stack)
{
    *frame = (trap_frame_t){
        .rip = entry,
        .cs = ARCH_SELECTOR_USER_CODE,
        .rflags = 0x202,
        .rsp = stack,
        .ss = ARCH_SELECTOR_USER_DATA,
    };
}

#endif
