/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what the portable part of the reference kernel needs of the machine.
 *
 * One header for i386 and x86_64: kernel/arch/<arch> and kernel/arch/x86 implement it. The kernel runs with interrupts
 * off; only ring 3 and arch_wait_for_interrupt() are interrupted. One CPU.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <quire/quire.h>

#include "frame.h" /* kernel/arch/<arch>/frame.h: struct trap_frame, ARCH_* layout constants, accessors below as static inline */

/*
 * frame.h defines:
 *   trap_frame_t                      registers as saved by the stubs, lowest address first
 *   ARCH_NAME                         "i386" | "i386pae" | "x86_64"
 *   ARCH_FORMAT                       the quire_format_t of this kernel (quire_format_x86_4level, ...)
 *   ARCH_ELF_CLASS, ARCH_ELF_MACHINE  1/3 (EM_386) or 2/62 (EM_X86_64)
 *   ARCH_USER_START, ARCH_USER_END    what a process may reserve: [0x1000.., ...)
 *   ARCH_KERNEL_START                 where the shared upper half begins
 *   ARCH_DIRECT_START, ARCH_DIRECT_END  the direct map of RAM
 *   ARCH_AREA_START, ARCH_AREA_END    the kernel space's area for reservations (heap, kernel stacks)
 *   uintptr_t frame_instruction(const trap_frame_t *), frame_stack(...)
 *   bool frame_from_user(...)
 *   unsigned frame_vector(...); uintptr_t frame_error(...)
 *   uintptr_t frame_syscall_number(...), frame_syscall_argument(frame, 0..5)
 *   void frame_set_result(trap_frame_t *, uintptr_t value)
 *   void frame_init_user(trap_frame_t *, uintptr_t entry, uintptr_t stack)   a process's first frame: ring 3, IF on
 */

#define VECTOR_PAGE_FAULT 14
#define VECTOR_TIMER      32
#define VECTOR_SYSCALL    128 /* int 0x80; the x86_64 syscall entry builds a frame with this vector too */

/* GDT, IDT, TSS, interrupt controller and timer (100 Hz), control registers (WP, NXE, SMEP, SMAP, UMIP when CPUID has
 * them), FPU. */
void arch_init(void);

/* The stack that ring 3 enters the kernel on. */
void arch_set_kernel_stack(uintptr_t top);

/* Saves callee-saved registers on the present stack, stores the stack pointer in *save, goes on at `next`. */
void arch_switch_stack(uintptr_t *save, uintptr_t next);

/* Prepares a fresh kernel stack so that the first arch_switch_stack() to the returned pointer leaves to ring 3 with
 * `frame`. */
uintptr_t arch_prepare_stack(uintptr_t top, const trap_frame_t *frame);

/* FXSAVE area and thread-local base, switched with the process. 16-byte aligned. */
typedef struct arch_user_state {
    uint8_t fpu[512];
    uintptr_t tls_base;         /* x86_64: FS.base; i386: base of GDT entry 6 */
    uint32_t tls_descriptor[2]; /* i386: GDT entry 6 as set_thread_area asked for it */
} __attribute__((aligned(16))) arch_user_state_t;
void arch_user_state_init(arch_user_state_t *state);
void arch_user_state_save(arch_user_state_t *state);
void arch_user_state_load(const arch_user_state_t *state);

/* Four serial ports: 0 the console, 1 and 2 a program's standard output and error, 3 the event stream. */
enum { SERIAL_CONSOLE, SERIAL_OUTPUT, SERIAL_ERROR, SERIAL_EVENTS };
void serial_init(void);
void serial_write(unsigned port, const void *bytes, size_t count);
int serial_read(unsigned port); /* the next byte, or -1 if none has come */

/* Enables interrupts, halts until one has been served, disables them. */
void arch_wait_for_interrupt(void);

/* The faulting address of the page fault being handled. */
uintptr_t arch_fault_address(void);

/* Ends the machine. `clean` is told apart from a triple fault; `status` (0 to 255) reaches the host through the debug
 * console (port 0xe9, "exit N\n"). */
_Noreturn void arch_exit(bool clean, unsigned status);

uint64_t arch_timestamp(void);

#endif
