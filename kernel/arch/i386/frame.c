/* SPDX-License-Identifier: MIT */
/* frame.c - making, mending and showing the registers of interrupted 32-bit code. */
#include "../arch.h"

#include "../../print.h"
#include "../../trap.h"
#include "../x86/registers.h"
#include "double_fault.h"

/* Instructions of entry.S that load what belongs to the process. */
extern const char trap_return_gs[];
extern const char trap_return_fs[];
extern const char trap_return_es[];
extern const char trap_return_ds[];
extern const char trap_return_iret[];
void arch_leave_to_user(void);

/* What arch_switch_stack() pops. */
typedef struct switch_frame {
    uint32_t edi;
    uint32_t esi;
    uint32_t ebx;
    uint32_t ebp;
    uint32_t eip;
} switch_frame_t;

uintptr_t arch_prepare_stack(uintptr_t top, const trap_frame_t *frame)
{
    trap_frame_t *trap = (trap_frame_t *)top - 1;
    switch_frame_t *first = (switch_frame_t *)trap - 1;

    *trap = *frame;
    *first = (switch_frame_t){.eip = (uintptr_t)arch_leave_to_user};
    return (uintptr_t)first;
}

/* A fault in ring 0 pushes no stack pointer: where the frame's would be lies the very word that POP wanted. FS and GS
   may still hold the bad selector, and this frame, too, will be popped. */
arch_fix_t arch_fix_return(trap_frame_t *frame)
{
    const char *at = (const char *)frame->eip;
    uintptr_t behind = cpu_fix_try(frame->eip);

    if (behind != 0) {
        frame->eip = behind;
        return ARCH_FIX_RETRY;
    }
    if (at == trap_return_iret)
        return ARCH_FIX_END_PROCESS;
    if (at != trap_return_gs && at != trap_return_fs && at != trap_return_es && at != trap_return_ds)
        return ARCH_FIX_NONE;
    frame->esp = 0;
    frame->fs = 0;
    frame->gs = 0;
    return ARCH_FIX_RETRY;
}

/* A double fault's frame is made from the task that was left, and holds its stack pointer whatever the ring. */
static uint32_t stack_pointer(const trap_frame_t *frame)
{
    return frame->vector == 8 ? frame->esp : (uint32_t)frame_stack(frame);
}

void arch_print_registers(const trap_frame_t *frame)
{
    print("  eax %08x  ebx %08x  ecx %08x  edx %08x\n", frame->eax, frame->ebx, frame->ecx, frame->edx);
    print("  esi %08x  edi %08x  ebp %08x  esp %08x\n", frame->esi, frame->edi, frame->ebp, stack_pointer(frame));
    print("  eip %08x  eflags %08x  cs %04x  ds %04x  es %04x  fs %04x  gs %04x\n", frame->eip, frame->eflags,
          frame->cs & 0xffff, frame->ds & 0xffff, frame->es & 0xffff, frame->fs & 0xffff, frame->gs & 0xffff);
}

/* On the double fault's own stack: the fault that could not be delivered left its address in CR2, if it was one. */
void trap_double_fault_task(void)
{
    trap_frame_t frame;

    arch_double_fault_frame(&frame);
    trap_die(&frame, QUIRE_DENIED);
}
