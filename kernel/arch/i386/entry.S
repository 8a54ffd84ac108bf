/* SPDX-License-Identifier: MIT */
/*
 * entry.S - the ways into the 32-bit kernel and out of it.
 *
 * Every gate leads to a stub that completes trap_frame_t (frame.h) on the kernel stack and calls trap_dispatch(). The
 * CPU clears TF, NT and IF on the way in; DF and, on a CPU with SMAP, AC are ours to clear.
 *
 * On the way out the process's own selectors are loaded, and a selector that was good when it was saved may have become
 * bad meanwhile (set_thread_area). So each of these instructions may fault, and has a name: trap_fixup() knows them.
 */
#include "layout.h"

    .text

    .macro stub vector
trap_stub_\vector:
    .if \vector == 8 || \vector == 17 || (\vector >= 10 && \vector <= 14)
    .else
    pushl $0
    .endif
    pushl $\vector
    jmp trap_common
    .endm

    .altmacro
    .set vector, 0
    .rept 48
    stub %vector
    .set vector, vector + 1
    .endr

    .globl trap_stub_syscall
trap_stub_syscall:
    pushl $0
    pushl $128
trap_common:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    cld
    movl $ARCH_SELECTOR_KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    cmpb $0, cpu_smap_enabled
    je 1f
    clac
1:  pushl %esp
    call trap_dispatch
    addl $4, %esp
trap_return:
    .globl trap_return_gs, trap_return_fs, trap_return_es, trap_return_ds, trap_return_iret
trap_return_gs:
    popl %gs
trap_return_fs:
    popl %fs
trap_return_es:
    popl %es
trap_return_ds:
    popl %ds
    popal
    addl $8, %esp
trap_return_iret:
    iret

/* void arch_switch_stack(uintptr_t *save, uintptr_t next) */
    .globl arch_switch_stack
arch_switch_stack:
    movl 4(%esp), %eax
    movl 8(%esp), %edx
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl %esp, (%eax)
    movl %edx, %esp
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

/* Where a fresh process's first switch returns to: its frame is on the stack. */
    .globl arch_leave_to_user
arch_leave_to_user:
    jmp trap_return

/* The task that a double fault switches to; its own stack, the error code on it. */
    .globl double_fault_task
double_fault_task:
    call trap_double_fault_task
    ud2

/*
 * The call gate of segmented processes: LCALL with a number in EAX, the answer in EAX; ECX and EDX come back as zeros.
 * A call gate, unlike an interrupt gate, leaves interrupts, TF, DF and AC as they are. It could copy parameters from
 * the caller's stack too, but SMAP may forbid that: the copy is made with the rights of ring 0.
 */
    .globl segment_gate_entry
segment_gate_entry:
    cli
    cld
    pushl %ds
    pushl %es
    movl $ARCH_SELECTOR_KERNEL_DATA, %ecx
    movl %ecx, %ds
    movl %ecx, %es
    cmpb $0, cpu_smap_enabled
    je 1f
    clac
1:  pushl %eax
    call segment_gate
    addl $4, %esp
    xorl %ecx, %ecx
    xorl %edx, %edx
    popl %es
    popl %ds
    sti
    lret

    .section .rodata
    .balign 4
    .globl trap_stubs
trap_stubs:
    .macro address vector
    .long trap_stub_\vector
    .endm
    .set vector, 0
    .rept 48
    address %vector
    .set vector, vector + 1
    .endr

    .section .note.GNU-stack, "", @progbits
