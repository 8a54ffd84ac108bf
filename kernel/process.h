/* SPDX-License-Identifier: MIT */
/*
 * process.h - processes: a program in ring 3 with an address space of its own.
 *
 * The kernel's main loop runs on the boot stack; each process has a kernel stack. process_run() switches to the next
 * runnable process and comes back when its time slice is over, it blocks, or it ends. Ended processes keep their record
 * until reaped.
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <quire/quire.h>

#include "arch/arch.h"
#include "elf.h"

#define PROCESS_MAX      64
#define PROCESS_NAME_MAX 32

typedef enum process_state {
    PROCESS_UNUSED = 0,
    PROCESS_READY,
    PROCESS_BLOCKED, /* until it is killed: pause() */
    PROCESS_ENDED,
} process_state_t;

typedef struct process {
    process_state_t state;
    unsigned id; /* also its address space's identifier; from 1, never reused in one boot */
    char name[PROCESS_NAME_MAX];
    quire_space_t space;
    quire_va_t stack;      /* kernel stack: bottom, in the kernel's area, a guard page below it */
    uintptr_t saved_stack; /* its kernel stack pointer while it does not run */
    arch_user_state_t user;
    quire_va_t break_start; /* brk */
    quire_va_t break_end;
    quire_va_t stack_start; /* where it began */
    quire_va_t stack_low;   /* where its stack ends by now, and the guard below that: kernel/stack_grow.c */
    quire_va_t stack_guard;
    int exit_status; /* as a shell shows it: the exit code, or 128 + signal */
    uint64_t ticks;
    quire_io_bitmap_t *ports;  /* kernel/ports.c: NULL if it never asked for any */
    uint8_t port_level;        /* as iopl set it */
    struct segments *segments; /* kernel/segments.h: NULL if it lives in pages */
    void *files;               /* the system calls' own: open devices */
} process_t;

/* What programs in pages are made for, and where they may lie. */
extern const elf_machine_t process_machine;

/* Loads a static executable given as bytes and makes it ready to run. argv and envp end with NULL. On failure nothing
 *is left behind; reason (may be NULL) says in words what is wrong with the file or what was missing. */
quire_status_t process_start(const void *image, size_t bytes, const char *name, const char *const *argv,
                             const char *const *envp, process_t **process, const char **reason) QUIRE_MUST_CHECK;

/* Runs the next ready process for one time slice. False: none is ready. */
bool process_run(void);

/* The process whose system call or trap is being handled; NULL on the main loop. */
process_t *process_current(void);

/* Ends the current process; does not return to it. */
_Noreturn void process_exit(int exit_status);

/* From the timer, when it interrupted ring 3: gives the CPU back to the main loop. */
void process_yield(void);

/* Blocks the current process for good; only process_kill() ends it. */
void process_block(void);

/* Ends another process, from the main loop. */
void process_kill(process_t *process, int exit_status);

/* Frees all that an ended process still holds. */
void process_reap(process_t *process);

/* All address spaces together (quire_vmm_check_all): the kernel's and every process's. What processes of segments share
   is held by nobody's page table, so with one of them lost frames are not found. */
quire_status_t process_check_spaces(void) QUIRE_MUST_CHECK;

/* By identifier; NULL if there is none. For iteration: process_at(0 .. PROCESS_MAX - 1), NULL for unused places. */
process_t *process_find(unsigned id);
process_t *process_at(unsigned place);

/* kernel/syscall.c */
void syscall_dispatch(trap_frame_t *frame);

#endif
