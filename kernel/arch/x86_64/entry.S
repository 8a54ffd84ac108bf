/* SPDX-License-Identifier: MIT */
/*
 * entry.S - the ways into the 64-bit kernel and out of it.
 *
 * Every gate, and SYSCALL, leads to a trap_frame_t (frame.h) on a kernel stack and a call of trap_dispatch(). The
 * kernel never uses GS, so there is no SWAPGS and no window in which it would be the wrong one: with one CPU, SYSCALL
 * finds its stack in a variable. NMI, #DB, #DF and #MC have stacks of their own (IST): they can come when RSP is still
 * the process's.
 *
 * Isolated (gate.h), ring 3 runs on tables that have nothing of the kernel but what lies between gate_text_start and
 * gate_text_end, gate_data_start and gate_data_end. All of this file's ways in and out lie there. On the way in CR3 is
 * changed before anything else of the kernel is touched, and the frame is moved from the gate's stack to the process's
 * kernel stack; on the way out it goes back to the gate's stack, and CR3 is changed last. What has an IST stack may
 * also come between the two, in ring 0 with ring 3's tables: it finds CR3 wrong, and leaves it as it found it.
 *
 * SYSRET to a non-canonical address faults in ring 0 on the process's stack pointer (SDM volume 2, SYSRET), and SYSRET
 * restores neither RCX nor R11: it is used only when the frame is what SYSCALL left and RIP lies in the lower half.
 */
#include "layout.h"

#define FRAME_R11    48
#define FRAME_RCX    88
#define FRAME_RIP    136
#define FRAME_CS     144
#define FRAME_RFLAGS 152
#define FRAME_RSP    160
#define FRAME_WORDS  22
#define FRAME_BYTES  (8 * FRAME_WORDS)

    .section .text.gate, "ax", @progbits

    .macro stub vector
trap_stub_\vector:
    .if \vector == 8 || \vector == 17 || (\vector >= 10 && \vector <= 14)
    .else
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
    .endm

    .macro push_registers
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

    .altmacro
    .set vector, 0
    .rept 48
    stub %vector
    .set vector, vector + 1
    .endr

trap_common:
    push_registers
    cld
    xorl %r12d, %r12d
    cmpb $0, gate_isolated(%rip)
    jne trap_isolated
trap_go:
    cmpb $0, cpu_smap_enabled(%rip)
    je 1f
    clac
1:  movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    call trap_dispatch
    movq %rbx, %rsp
    testq %r12, %r12
    jz trap_return
    testb $3, FRAME_CS(%rsp)
    jnz trap_return
    movq %r12, %cr3
trap_return:
    cmpb $0, gate_isolated(%rip)
    je trap_pop
    testb $3, FRAME_CS(%rsp)
    jz trap_pop
    movq %rsp, %rbx
    andq $-16, %rsp
    call gate_cross
    movq %rbx, %rsi
    leaq gate_stack_top - FRAME_BYTES(%rip), %rdi
    movl $FRAME_WORDS, %ecx
    rep movsq
    leaq gate_stack_top - FRAME_BYTES(%rip), %rsp
    movq gate_user_cr3(%rip), %rax
    movq %rax, %cr3
trap_pop:
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    addq $16, %rsp
    .globl trap_return_iret
trap_return_iret:
    iretq

/* R12 becomes what CR3 has to be again if this returns to ring 0; 0: what it is. Bit 63 of the value that was loaded is
 * not in CR3. Once ring 3 has been left for good its value is forgotten: the frame of that root may get another use. */
trap_isolated:
    movq %cr3, %r12
    movq gate_user_cr3(%rip), %rax
    xorq %r12, %rax
    shlq $1, %rax
    jz 1f
    xorl %r12d, %r12d
    jmp trap_go
1:  movq gate_kernel_cr3(%rip), %rax
    movq %rax, %cr3
    testb $3, FRAME_CS(%rsp)
    jz 2f
    movq $0, gate_user_cr3(%rip)
2:  leaq gate_stack_top(%rip), %rax
    subq %rsp, %rax
    cmpq $ARCH_GATE_STACK_BYTES, %rax
    ja trap_go
    movq $0, gate_user_cr3(%rip)
    movq %rsp, %rsi
    movq syscall_kernel_stack(%rip), %rdi
    subq $FRAME_BYTES, %rdi
    movq %rdi, %rax
    movl $FRAME_WORDS, %ecx
    rep movsq
    movq %rax, %rsp
    jmp trap_go

/* SYSCALL: RCX = RIP, R11 = RFLAGS; IF, TF, DF, NT and AC are cleared by the mask. */
    .globl syscall_entry
syscall_entry:
    movq %rsp, syscall_user_stack(%rip)
    cmpb $0, gate_isolated(%rip)
    je 1f
    movq %rax, syscall_scratch(%rip)
    movq gate_kernel_cr3(%rip), %rax
    movq %rax, %cr3
    movq $0, gate_user_cr3(%rip)
    movq syscall_scratch(%rip), %rax
1:  movq syscall_kernel_stack(%rip), %rsp
    pushq $ARCH_SELECTOR_USER_DATA
    pushq syscall_user_stack(%rip)
    pushq %r11
    pushq $ARCH_SELECTOR_USER_CODE
    pushq %rcx
    pushq $0
    pushq $128
    push_registers
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    call trap_dispatch
    movq %rbx, %rsp
    cmpb $0, gate_isolated(%rip)
    jne trap_return
    movq FRAME_RIP(%rsp), %rcx
    cmpq %rcx, FRAME_RCX(%rsp)
    jne trap_return
    movq FRAME_RFLAGS(%rsp), %r11
    cmpq %r11, FRAME_R11(%rsp)
    jne trap_return
    testq $0x10100, %r11 /* RF and TF are IRET's to restore */
    jnz trap_return
    cmpl $ARCH_SELECTOR_USER_CODE, FRAME_CS(%rsp)
    jne trap_return
    movq %rcx, %rax
    shrq $47, %rax
    jnz trap_return
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    addq $8, %rsp
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    addq $8, %rsp
    popq %rdx
    popq %rsi
    popq %rdi
    movq 40(%rsp), %rsp
    sysretq

    .text

/* void arch_switch_stack(uintptr_t *save, uintptr_t next) */
    .globl arch_switch_stack
arch_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* Where a fresh process's first switch returns to: its frame is on the stack. */
    .globl arch_leave_to_user
arch_leave_to_user:
    jmp trap_return

    .section .rodata
    .balign 8
    .globl trap_stubs
trap_stubs:
    .macro address vector
    .quad trap_stub_\vector
    .endm
    .set vector, 0
    .rept 48
    address %vector
    .set vector, vector + 1
    .endr

    .section .bss.gate, "aw", @nobits
    .balign 4096
    .globl gate_stack_guard
gate_stack_guard:
    .skip 4096
    .skip ARCH_GATE_STACK_BYTES
    .globl gate_stack_top
gate_stack_top:
    .globl syscall_kernel_stack
syscall_kernel_stack:
    .skip 8
syscall_user_stack:
    .skip 8
syscall_scratch:
    .skip 8
    .globl gate_user_cr3
gate_user_cr3:
    .skip 8
    .globl gate_kernel_cr3
gate_kernel_cr3:
    .skip 8
    .globl gate_isolated
gate_isolated:
    .skip 1

    .section .note.GNU-stack, "", @progbits
