/* SPDX-License-Identifier: MIT */
/*
 * trap.c - every way into the kernel: system calls, the timer, faults.
 *
 * A page fault is three hops: here, quire_vmm_fault(), the cursor. When the VMM says no, the process ends as Linux
 * would end it, after a report in words: what it wanted, why it was refused, and the page-table walk. All other faults
 * of ring 3 end the process too. Nothing a process does may end the kernel; a fault of the kernel's own does, with the
 * same report and the registers. With the word "stop" the machine stands still after either report, for somebody to
 * save its memory and ask ./quire explain.
 *
 * Single-step traps that arrive in ring 0 are a process's trace flag, or its breakpoint on the instruction before a
 * system call, arriving late: they are ignored.
 */
#include "trap.h"

#include "arch/arch.h"
#include "boot.h"
#include "calls.h"
#include "limits.h"
#include "memory.h"
#include "port.h"
#include "ports.h"
#include "print.h"
#include "process.h"
#include "random.h"
#include "segments.h"
#include "show.h"
#include "stack_grow.h"

#define VECTORS_OF_EXCEPTIONS 32
#define VECTOR_DEBUG          1
#define VECTOR_NMI            2
#define VECTOR_DOUBLE_FAULT   8
#define VECTOR_SEGMENT        11
#define VECTOR_STACK          12
#define VECTOR_PROTECTION     13
#define VECTOR_MACHINE_CHECK  18

#define EXPLANATION_BYTES 1024
#define INSTRUCTION_BYTES 15
#define SIGNALLED         128

typedef struct exception {
    const char *name;
    uint8_t signal; /* Linux's number */
} exception_t;

static const exception_t exceptions[VECTORS_OF_EXCEPTIONS] = {
    [0] = {"division error", 8},
    [1] = {"debug trap", 5},
    [2] = {"non-maskable interrupt", 11},
    [3] = {"breakpoint", 5},
    [4] = {"overflow", 11},
    [5] = {"bound range exceeded", 11},
    [6] = {"invalid instruction", 4},
    [7] = {"no floating-point unit", 8},
    [8] = {"double fault", 11},
    [9] = {"coprocessor segment overrun", 8},
    [10] = {"invalid task state", 11},
    [11] = {"segment not present", 7},
    [12] = {"stack segment fault", 7},
    [13] = {"general protection fault", 11},
    [14] = {"page fault", 11},
    [16] = {"floating-point error", 8},
    [17] = {"unaligned access", 7},
    [18] = {"machine check", 7},
    [19] = {"SIMD floating-point error", 8},
    [21] = {"control protection fault", 11},
};

static const char *exception_name(unsigned vector)
{
    return vector < VECTORS_OF_EXCEPTIONS && exceptions[vector].name != NULL ? exceptions[vector].name
                                                                             : "unknown exception";
}

static int exception_status(unsigned vector)
{
    unsigned signal = vector < VECTORS_OF_EXCEPTIONS ? exceptions[vector].signal : 0;

    return SIGNALLED + (int)(signal != 0 ? signal : 11);
}

static unsigned access_of(uintptr_t error)
{
    unsigned access = QUIRE_ACCESS_READ;

    access |= error & QUIRE_FAULT_WRITE ? QUIRE_ACCESS_WRITE : 0;
    access |= error & QUIRE_FAULT_FETCH ? QUIRE_ACCESS_EXEC : 0;
    access |= error & QUIRE_FAULT_USER ? QUIRE_ACCESS_USER : 0;
    access |= error & QUIRE_FAULT_KEY ? QUIRE_ACCESS_KEY : 0;
    return access;
}

/* The space whose tables are in use. */
static quire_space_t *present_space(void)
{
    process_t *process = process_current();

    return process != NULL ? &process->space : &kernel_space;
}

/* Which stack ends at the guard page that an address lies in, if one does. */
static void report_stack(uintptr_t va)
{
    quire_va_t page = quire_page_down(va);
    quire_va_t guard;
    const char *name;

    for (unsigned i = 0; (name = arch_stack_guard(i, &guard)) != NULL; i++) {
        if (page == guard)
            print("  %s is used up: that is its guard page\n", name);
    }
    for (unsigned place = 0; place < PROCESS_MAX; place++) {
        const process_t *process = process_at(place);

        if (process != NULL && process->stack != 0 && page == process->stack - QUIRE_PAGE_BYTES)
            print("  the kernel stack of process %u (%s) is used up: that is its guard page\n", process->id,
                  process->name);
    }
}

/* While the boot tables are in use there is no tree to explain it by, and what they lack is empty. */
static void report_page_fault(uintptr_t va, uintptr_t error, quire_status_t status)
{
    static char words[EXPLANATION_BYTES];

    if (present_space()->table.format == NULL) {
        print("  page fault at 0x%zx, error code 0x%zx, in the boot page tables\n", (size_t)va, (size_t)error);
        return;
    }
    quire_explain_fault(&present_space()->table, (quire_va_t)va, (uint32_t)error, status, words, sizeof(words));
    print("  %s", words);
    report_stack(va);
}

/* What is no page fault: the error code, and what it may mean. */
static void report_exception(const trap_frame_t *frame)
{
    static char words[EXPLANATION_BYTES];
    quire_exception_t exception = {.vector = (uint8_t)frame_vector(frame),
                                   .error_code = (uint32_t)frame_error(frame),
                                   .ring = frame_from_user(frame) ? 3 : 0};
    uint8_t code[INSTRUCTION_BYTES];
    const quire_table_t *table = &present_space()->table;
    const quire_explain_t explain = {
        .format = table->format, .cr3 = quire_table_root(table).value, .pmm = table->pmm, .promises = true};

    /* Through the tables, not by its address: whoever reports must not fault. At a page's end, what is there. */
    for (size_t count = sizeof(code); table->format != NULL && count > 0 && exception.code_bytes == 0; count--)
        if (quire_explain_read(&explain, (quire_va_t)frame_instruction(frame), code, count))
            exception.code_bytes = count;
    exception.code = code;
    arch_describe_exception(frame, &exception);
    if (quire_exception_explain(&exception, words, sizeof(words)) != 0)
        print("  error code 0x%zx\n%s%s", (size_t)frame_error(frame), words[0] == ' ' ? "" : "  ", words);
    else if (frame_error(frame) != 0)
        print("  error code 0x%zx\n", (size_t)frame_error(frame));
}

/* A fault whose handler could not even be entered. Most often the stack is at its end: then CR2 tells where. */
static void report_double_fault(uintptr_t va)
{
    print("  a fault could not be delivered; the last page fault was at address 0x%zx:\n", (size_t)va);
    if (present_space()->table.format != NULL)
        show_page_walk(present_space(), (quire_va_t)va);
    report_stack(va);
}

static void report_registers(const trap_frame_t *frame, quire_status_t status)
{
    arch_print_registers(frame);
    /* tools/explain reads these names. */
    print("  error %zx  answer %x\n", (size_t)frame_error(frame), (unsigned)status);
    arch_print_control_registers();
    if (boot_option("stop", NULL, 0))
        arch_stop();
}

/* Where segments are all the protection there is, breaking their rules is what a page fault is elsewhere: SIGSEGV. */
static int process_status(const process_t *process, unsigned vector)
{
    bool segment_fault = vector == VECTOR_SEGMENT || vector == VECTOR_STACK;

    return exception_status(process->segments != NULL && segment_fault ? VECTOR_PROTECTION : vector);
}

/* The processor asks for the key of what is present only; the VMM also for that of what is promised. */
static uintptr_t error_with_key(process_t *process, uintptr_t error)
{
    bool forbids = quire_vmm_key_forbids(&process->space, (quire_va_t)arch_fault_address(), access_of(error));

    return forbids ? error | QUIRE_FAULT_KEY : error;
}

static _Noreturn void end_process(trap_frame_t *frame, quire_status_t status)
{
    unsigned vector = frame_vector(frame);
    process_t *process = process_current();

    print("\nquire: process %u (%s): %s at instruction 0x%zx\n", process->id, process->name, exception_name(vector),
          (size_t)frame_instruction(frame));
    if (vector == VECTOR_PAGE_FAULT)
        report_page_fault(arch_fault_address(), error_with_key(process, frame_error(frame)), status);
    else if (!segments_explain(process, frame))
        report_exception(frame);
    report_registers(frame, status);
    print("  the process ends with status %d; the kernel goes on\n\n", process_status(process, vector));
    process_exit(process_status(process, vector));
}

void trap_die(trap_frame_t *frame, quire_status_t status)
{
    static bool again;
    unsigned vector = frame_vector(frame);

    kernel_is_dying();
    print("\nquire: the kernel has failed: %s at instruction 0x%zx\n", exception_name(vector),
          (size_t)frame_instruction(frame));
    if (again)
        arch_exit(false, 255);
    again = true;
    if (vector == VECTOR_PAGE_FAULT)
        report_page_fault(arch_fault_address(), frame_error(frame), status);
    else if (vector == VECTOR_DOUBLE_FAULT)
        report_double_fault(arch_fault_address());
    else
        report_exception(frame);
    report_registers(frame, status);
    arch_exit(false, 255);
}

/* What the kernel itself may fault on is a promise in its own area. */
static void kernel_page_fault(trap_frame_t *frame)
{
    uintptr_t va = arch_fault_address();
    quire_status_t status = QUIRE_NOT_FOUND;

    if (va >= kernel_space.start && va < kernel_space.end)
        status = quire_vmm_fault(&kernel_space, (quire_va_t)va, access_of(frame_error(frame)));
    if (status != QUIRE_OK)
        trap_die(frame, status);
}

static void kernel_exception(trap_frame_t *frame)
{
    unsigned vector = frame_vector(frame);

    switch (arch_fix_return(frame)) {
    case ARCH_FIX_RETRY:
        return;
    case ARCH_FIX_END_PROCESS:
        print("quire: the registers of a process cannot be loaded\n");
        end_process(frame, QUIRE_DENIED);
    case ARCH_FIX_NONE:
        break;
    }
    if (vector == VECTOR_DEBUG)
        return;
    if (vector == VECTOR_PAGE_FAULT)
        kernel_page_fault(frame);
    else
        trap_die(frame, QUIRE_DENIED);
}

static quire_status_t page_fault(process_t *process, unsigned access)
{
    quire_va_t va = (quire_va_t)arch_fault_address();
    quire_status_t status = quire_vmm_fault(&process->space, va, access);

    if ((status == QUIRE_NOT_FOUND || status == QUIRE_DENIED) && stack_grow(process, va))
        status = quire_vmm_fault(&process->space, va, access);
    return status;
}

static void user_exception(trap_frame_t *frame)
{
    process_t *process = process_current();
    quire_status_t status = QUIRE_DENIED;

    if (process == NULL || frame_vector(frame) == VECTOR_MACHINE_CHECK || frame_vector(frame) == VECTOR_DOUBLE_FAULT)
        trap_die(frame, status);
    process->space.key_rights = arch_key_rights();
    if (frame_vector(frame) == VECTOR_PAGE_FAULT)
        status = page_fault(process, access_of(frame_error(frame)));
    if (frame_vector(frame) == VECTOR_PROTECTION && frame_error(frame) == 0 && ports_fault(process))
        return;
    if (status != QUIRE_OK)
        end_process(frame, status);
}

static void exception(trap_frame_t *frame)
{
    unsigned vector = frame_vector(frame);
    bool user = frame_from_user(frame);
    uint32_t space = user && process_current() != NULL ? process_current()->id : 0;

    if (vector == VECTOR_NMI) {
        print("quire: a non-maskable interrupt\n");
        return;
    }
    quire_event(.kind = QUIRE_EVENT_TRAP, .space = space,
                .address = vector == VECTOR_PAGE_FAULT ? arch_fault_address() : frame_instruction(frame),
                .detail = vector, .before = frame_error(frame), .after = frame_instruction(frame));
    if (user)
        user_exception(frame);
    else
        kernel_exception(frame);
    quire_event(.kind = QUIRE_EVENT_TRAP_DONE, .space = space, .detail = vector);
}

static bool ticked;

bool trap_ticked(void)
{
    bool was = ticked;

    ticked = false;
    return was;
}

static void interrupt(trap_frame_t *frame)
{
    unsigned vector = frame_vector(frame);

    random_note_moment();
    if (!arch_interrupt_begin(vector) || vector != VECTOR_TIMER)
        return;
    ticked = true;
    if (!frame_from_user(frame))
        return;
    ticked = false;
    process_yield();
    limits_tick(process_current());
    signal_deliver(process_current());
}

void trap_dispatch(trap_frame_t *frame)
{
    unsigned vector = frame_vector(frame);

    if (vector == VECTOR_SYSCALL)
        syscall_dispatch(frame);
    else if (vector < VECTORS_OF_EXCEPTIONS)
        exception(frame);
    else
        interrupt(frame);
}
