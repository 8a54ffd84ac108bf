/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what the portable part of the reference kernel needs of the machine.
 *
 * One header for i386 and x86_64: kernel/arch/<arch> and kernel/arch/x86 implement it. The kernel runs with interrupts
 * off; only ring 3, arch_wait_for_interrupt() and arch_let_interrupts_in() are interrupted. One CPU.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <quire/quire.h>

/* kernel/arch/<arch>/frame.h: struct trap_frame, ARCH_* layout constants, accessors below as static inline. */
#include "frame.h"

/*
 * frame.h defines:
 *   trap_frame_t                      registers as saved by the stubs, lowest address first
 *   ARCH_NAME                         "i386" | "i386pae" | "x86_64"
 *   ARCH_FORMAT                       the quire_format_t of this kernel (quire_format_x86_4level, ...)
 *   ARCH_ELF_CLASS, ARCH_ELF_MACHINE  1/3 (EM_386) or 2/62 (EM_X86_64)
 *   ARCH_SEGMENTED                    whether processes can live by segments (kernel/segments.h)
 *   ARCH_USER_START, ARCH_USER_END    what a process may reserve: [64 KiB, ...)
 *   ARCH_KERNEL_START                 where the shared upper half begins
 *   ARCH_DIRECT_START, ARCH_DIRECT_END  the direct map of RAM
 *   ARCH_AREA_START, ARCH_AREA_END    room for the kernel space's area (heap, kernel stacks); what it is: kernel_space
 *   ARCH_RAM_BITS                     RAM at or beyond 2 to that power is not used
 *   ARCH_BOOT_BYTES                   physical memory that the boot tables map at ARCH_DIRECT_START
 *   uintptr_t frame_instruction(const trap_frame_t *), frame_stack(...)
 *   bool frame_from_user(...)
 *   unsigned frame_vector(...); uintptr_t frame_error(...)
 *   uintptr_t frame_syscall_number(...), frame_syscall_argument(frame, 0..5)
 *   void frame_set_result(trap_frame_t *, uintptr_t value); uintptr_t frame_result(...)
 *   void frame_init_user(trap_frame_t *, uintptr_t entry, uintptr_t stack)   a process's first frame: ring 3, IF on
 */

#define VECTOR_PAGE_FAULT 14
#define VECTOR_TIMER      32
#define VECTOR_SYSCALL    128 /* int 0x80; the x86_64 syscall entry builds a frame with this vector too */

/*
 * The order of things: the boot code (boot.S, then kernel/arch/x86/start.c) has set up the serial ports, the GDT, IDT
 * and TSS, and boot_info when it calls kernel_main(), so that a fault is reported from the first line of C.
 * kernel_main() calls memory_init(), which loads the kernel's own tables and calls arch_memory_ready(), and then
 * arch_init().
 */

/* Interrupt controller and timer (100 Hz), FPU, the SYSCALL instruction. After memory_init(). */
void arch_init(void);

/* kernel/main.c */
_Noreturn void kernel_main(void);

/* --- for kernel/memory.c --- */

/* The addresses that the linker script gives. */
extern char text_start[], rodata_start[], data_start[], image_end[];
extern char image_physical_start[], image_physical_end[];

/* The page below each stack of the machine's own, which is never mapped, and the stack's name; NULL: there are no more
   of that number. */
const char *arch_stack_guard(unsigned number, quire_va_t *guard);

/* Whether this CPU has pages of that level (1 GiB pages are not everywhere), and how many bits a physical address has.
 */
bool arch_maps_at(unsigned level);
unsigned arch_physical_bits(void);

/* Makes the windows work for frames beyond the direct map, in a tree that is not yet sealed. The tables must lie in the
   direct map. */
quire_status_t arch_windows_init(quire_table_t *table) QUIRE_MUST_CHECK;

/* Fills in what this CPU holds now: descriptor tables, control registers, and where it executes. */
void arch_preflight(quire_preflight_t *preflight);

/* The kernel's own tree is in CR3: switches on what needs it: global pages, SMEP, SMAP, UMIP, keys, PCID, where CPUID
   has them; the word "nopcid" leaves out the last. Decides whether processes made from now on are isolated from the
   kernel. */
void arch_memory_ready(quire_table_t *table);

/* Whether ring 3 runs on tables without the kernel (x86_64 only). */
bool arch_is_isolated(void);

/* Prints what of that this CPU uses, as its control registers have it. */
void arch_show_cpu(void);

/* --- for kernel/trap.c --- */

/* Acknowledges an interrupt; false if it was spurious. */
bool arch_interrupt_begin(unsigned vector);

/* A fault in ring 0 on an instruction that loads a process's registers on the way out is the process's fault. */
typedef enum arch_fix {
    ARCH_FIX_NONE,        /* it was none of these: the kernel's own */
    ARCH_FIX_RETRY,       /* mended: return and try again */
    ARCH_FIX_END_PROCESS, /* its registers cannot be loaded */
} arch_fix_t;
arch_fix_t arch_fix_return(trap_frame_t *frame);

void arch_print_registers(const trap_frame_t *frame);

/* The tables that this CPU goes by, and the general registers as they were. */
void arch_describe_exception(const trap_frame_t *frame, quire_exception_t *exception);

/* Two lines: CR0 to CR4 and EFER, and where the descriptor tables lie. With the lines above them, all that
   ./quire explain needs beside a dump of the memory. */
void arch_print_control_registers(void);

/* Called by the entry code on every way into the kernel. */
void trap_dispatch(trap_frame_t *frame);

/* The stack that ring 3 enters the kernel on. */
void arch_set_kernel_stack(uintptr_t top);

/* The tree of the process that will run in ring 3, loaded already. */
void arch_set_user_table(const quire_table_t *table);

/* Which ports ring 3 may use: none; again those of the bitmap loaded last; those of a bitmap, which is copied.
 */
void arch_ports_deny(void);
void arch_ports_resume(void);
void arch_ports_load(const quire_io_bitmap_t *bitmap);

/* Saves callee-saved registers on the present stack, stores the stack pointer in *save, goes on at `next`. */
void arch_switch_stack(uintptr_t *save, uintptr_t next);

/* Prepares a fresh kernel stack so that the first arch_switch_stack() to the returned pointer leaves to ring 3 with
 * `frame`. */
uintptr_t arch_prepare_stack(uintptr_t top, const trap_frame_t *frame);

/* Protection keys (SDM volume 3, 4.6.2): whether there are any, and PKRU as ring 3 has it now, which changes it without
   asking; 0 without keys. A process begins with key 0 open and all others closed, as on Linux. */
#define ARCH_KEY_RIGHTS_DEFAULT 0x55555554u
bool arch_has_keys(void);
uint32_t arch_key_rights(void);
void arch_set_key_rights(uint32_t rights);

/* FXSAVE area, thread-local base and the rights of keys, switched with the process. 16-byte aligned. */
typedef struct arch_user_state {
    uint8_t fpu[512];
    uintptr_t tls_base;         /* x86_64: FS.base; i386: base of GDT entry 6 */
    uint32_t tls_descriptor[2]; /* i386: GDT entry 6 as set_thread_area asked for it */
    uint32_t key_rights;        /* x86_64: PKRU */
    uint16_t selectors[4];      /* x86_64: DS, ES, FS, GS, which i386 has in the frame */
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

/* Serves the interrupts that wait, and returns at once. The timer (100 Hz) is one of them: trap_ticked() tells. */
void arch_let_interrupts_in(void);

/* The faulting address of the page fault being handled. */
uintptr_t arch_fault_address(void);

/* A line for the host that started the machine, through the debug console. */
void arch_tell_host(const char *line);

/* Ends the machine. `clean` is told apart from a triple fault, which is QEMU's exit code 0: it exits with 33 if clean,
   35 if not. `status` (0 to 255) reaches the host through the debug console (port 0xe9, "exit N\n"). */
_Noreturn void arch_exit(bool clean, unsigned status);

/* Stands still for good, so that the machine's memory can be saved from outside. */
_Noreturn void arch_stop(void);

uint64_t arch_timestamp(void);

/* --- for kernel/random.c --- */

/* Fills `words` from the CPU's own source of random numbers, and names it; NULL: it has none, or none now. */
const char *arch_random_words(uint32_t *words, size_t count);

/* The interval timer's counter as it is now: a clock that is not the CPU's. */
uint16_t arch_timer_count(void);

#endif
