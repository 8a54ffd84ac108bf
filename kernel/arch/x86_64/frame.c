/* SPDX-License-Identifier: MIT */
/* frame.c - making, mending and showing the registers of interrupted 64-bit code. */
#include "../arch.h"

#include "../../print.h"
#include "../x86/registers.h"

/* The instruction of entry.S that loads what belongs to the process. */
extern const char trap_return_iret[];
void arch_leave_to_user(void);

/* What arch_switch_stack() pops. */
typedef struct switch_frame {
    uint64_t r15;
    uint64_t r14;
    uint64_t r13;
    uint64_t r12;
    uint64_t rbx;
    uint64_t rbp;
    uint64_t rip;
} switch_frame_t;

uintptr_t arch_prepare_stack(uintptr_t top, const trap_frame_t *frame)
{
    trap_frame_t *trap = (trap_frame_t *)top - 1;
    switch_frame_t *first = (switch_frame_t *)trap - 1;

    *trap = *frame;
    *first = (switch_frame_t){.rip = (uintptr_t)arch_leave_to_user};
    return (uintptr_t)first;
}

arch_fix_t arch_fix_return(trap_frame_t *frame)
{
    uintptr_t behind = cpu_fix_try(frame->rip);

    if (behind != 0) {
        frame->rip = behind;
        return ARCH_FIX_RETRY;
    }
    return (const char *)frame->rip == trap_return_iret ? ARCH_FIX_END_PROCESS : ARCH_FIX_NONE;
}

void arch_print_registers(const trap_frame_t *frame)
{
    print("  rax %016lx  rbx %016lx  rcx %016lx\n", frame->rax, frame->rbx, frame->rcx);
    print("  rdx %016lx  rsi %016lx  rdi %016lx\n", frame->rdx, frame->rsi, frame->rdi);
    print("  rbp %016lx  rsp %016lx  r8  %016lx\n", frame->rbp, frame->rsp, frame->r8);
    print("  r9  %016lx  r10 %016lx  r11 %016lx\n", frame->r9, frame->r10, frame->r11);
    print("  r12 %016lx  r13 %016lx  r14 %016lx\n", frame->r12, frame->r13, frame->r14);
    print("  r15 %016lx  rip %016lx  rflags %08lx  cs %04lx  ss %04lx\n", frame->r15, frame->rip, frame->rflags,
          frame->cs & 0xffff, frame->ss & 0xffff);
}
