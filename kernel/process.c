/* SPDX-License-Identifier: MIT */
/*
 * process.c - a table of processes, and one CPU that they take turns on.
 *
 * Problem: several programs, one CPU, and a main loop that wants to stay in charge (it tells events, waits for keys).
 * Idea: the main loop is the scheduler. process_run() switches from the boot stack to the next ready process's kernel
 * stack; whatever ends the time slice switches back. There is never a switch from process to process, so there is one
 * place where everything is saved and one where everything is restored.
 *
 * What a process holds beside its record: an address space, and one block of the kernel's area: a guard page, the
 * kernel stack above it, and what the system calls know of it. Both are given back on the main loop's stack as soon as
 * the process has ended, because the stack it ends on is part of them; its record stays until it is reaped.
 *
 * Invariants: interrupts are off in the kernel, so nothing here is interrupted. The main loop runs in the last
 * process's address space, whose upper half is the kernel's; before a space is destroyed the kernel's own is activated
 * if need be. A process that cannot be started leaves nothing behind: its parts are taken in one order and given back
 * in the other.
 *
 * Rejected: a kernel stack without a guard page (an overflow would silently write into a neighbour), and records in
 * the heap (a table can be walked when everything else is broken).
 */
#include "process.h"

#include "arch/arch.h"
#include "boot.h"
#include "bytes.h"
#include "calls.h"
#include "elf.h"
#include "loader.h"
#include "memory.h"
#include "ports.h"
#include "segments.h"
#include "stack.h"

#define KERNEL_STACK_BYTES (4 * QUIRE_PAGE_BYTES)
#define STATE_BYTES        ((sizeof(linux_state_t) + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK)
#define BLOCK_BYTES        (QUIRE_PAGE_BYTES + KERNEL_STACK_BYTES + STATE_BYTES)

const elf_machine_t process_machine = {ARCH_ELF_CLASS, ARCH_ELF_MACHINE, ARCH_USER_START, ARCH_USER_END, false};

static process_t processes[PROCESS_MAX];
static process_t *current;
static quire_space_t *active = &kernel_space;
static uintptr_t main_stack;
static unsigned last_id;
static unsigned last_place;

static uintptr_t stack_top(const process_t *process)
{
    return process->stack + KERNEL_STACK_BYTES;
}

static void activate(quire_space_t *space)
{
    if (active == space)
        return;
    quire_vmm_activate(space);
    active = space;
}

/* Unmapping what was reserved cannot fail: its ends are where tables are already. */
static void free_block(process_t *process)
{
    if (process->stack == 0)
        return;
    if (quire_vmm_unmap(&kernel_space, process->stack - QUIRE_PAGE_BYTES, BLOCK_BYTES) != QUIRE_OK)
        quire_port_panic("process: its kernel stack cannot be given back");
    process->stack = 0;
    process->files = NULL;
}

static quire_status_t alloc_block(process_t *process)
{
    quire_va_t block;
    quire_va_t guard;
    quire_status_t status =
        quire_vmm_reserve(&kernel_space, 0, BLOCK_BYTES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0, &block);

    if (status != QUIRE_OK)
        return status;
    process->stack = block + QUIRE_PAGE_BYTES;
    status = quire_vmm_reserve(&kernel_space, block, QUIRE_PAGE_BYTES, QUIRE_PROT_NONE,
                               QUIRE_RESERVE_REPLACE | QUIRE_RESERVE_GUARD, &guard);
    if (status == QUIRE_OK)
        status = quire_vmm_populate(&kernel_space, process->stack, BLOCK_BYTES - QUIRE_PAGE_BYTES);
    if (status == QUIRE_OK)
        process->files = (void *)stack_top(process);
    else
        free_block(process);
    return status;
}

/* Everything but the record. */
static void release(process_t *process)
{
    ports_release(process);
    segments_release(process);
    linux_state_release(linux_of(process));
    if (active == &process->space)
        activate(&kernel_space);
    quire_vmm_destroy(&process->space);
    free_block(process);
}

static void set_name(process_t *process, const char *name)
{
    size_t length = 0;

    while (name[length] != '\0' && length + 1 < PROCESS_NAME_MAX)
        length++;
    memcpy(process->name, name, length);
    process->name[length] = '\0';
}

/* What a program is started with. */
typedef struct start {
    const void *file;
    size_t bytes;
    elf_image_t *image;
    const char *path;
    const char *const *argv;
    const char *const *envp;
    bool segmented; /* it wants segments rather than pages */
} start_t;

static bool wants_both(const elf_image_t *image)
{
    const unsigned both = ELF_PROT_WRITE | ELF_PROT_EXEC;
    bool wants = image->executable_stack;

    for (unsigned i = 0; i < image->segment_count; i++)
        wants |= (image->segments[i].prot & both) == both;
    return wants;
}

/* Fills the new address space, and the program's first frame. */
static quire_status_t furnish_pages(process_t *process, const start_t *start, trap_frame_t *frame, const char **reason)
{
    const elf_image_t *image = start->image;
    stack_facts_t facts = {.headers = (uintptr_t)image->headers,
                           .header_bytes = image->header_bytes,
                           .header_count = image->header_count,
                           .entry = (uintptr_t)image->entry,
                           .capabilities = linux_capabilities(),
                           .platform = linux_machine,
                           .path = start->path};
    stack_place_t stack;
    quire_status_t status;

    if (boot_option("wx", NULL, 0) && wants_both(image)) {
        *reason = "it has memory that is both written and executed, and the boot words forbid that";
        return QUIRE_UNSUPPORTED;
    }
    linux_of(process)->readable_is_executable = image->readable_is_executable;
    random_bytes(facts.random, sizeof(facts.random));
    status = loader_load(&process->space, start->file, start->bytes, image, reason);
    if (status == QUIRE_OK)
        status =
            stack_build(&process->space, &facts, start->argv, start->envp, image->executable_stack, &stack, reason);
    if (status != QUIRE_OK)
        return status;
    process->break_start = quire_page_up((quire_va_t)image->end);
    process->break_end = process->break_start;
    process->stack_start = stack.pointer;
    process->stack_low = stack.low;
    process->stack_guard = stack.guard;
    frame_init_user(frame, (uintptr_t)image->entry, stack.pointer);
    return QUIRE_OK;
}

static quire_status_t furnish(process_t *process, const start_t *start, const char **reason)
{
    trap_frame_t frame;
    quire_status_t status;

    linux_state_init(linux_of(process));
    arch_user_state_init(&process->user);
    if (start->segmented)
        status = segments_load(process, start->file, start->image, start->argv, &frame, reason);
    else
        status = furnish_pages(process, start, &frame, reason);
    if (status != QUIRE_OK)
        return status;
    process->saved_stack = arch_prepare_stack(stack_top(process), &frame);
    return QUIRE_OK;
}

/* Acquires the address space and the block, then furnishes both. */
static quire_status_t build(process_t *process, const start_t *start, const char **reason)
{
    quire_status_t status =
        quire_vmm_create(&process->space, &kernel_space, process->id, ARCH_USER_START, ARCH_USER_END);

    *reason = "there is not enough memory for a process";
    if (status != QUIRE_OK)
        return status;
    status = alloc_block(process);
    if (status == QUIRE_OK)
        status = furnish(process, start, reason);
    if (status != QUIRE_OK)
        release(process);
    return status;
}

static process_t *unused_place(void)
{
    for (unsigned place = 0; place < PROCESS_MAX; place++) {
        if (processes[place].state == PROCESS_UNUSED)
            return &processes[place];
    }
    return NULL;
}

/* A file that lies where no page may be is perhaps one for segments; what is wrong with it otherwise is told. */
static quire_status_t judge(start_t *start, const char **reason)
{
    const char *unused;
    quire_status_t status = elf_parse(start->file, start->bytes, &process_machine, start->image, reason);

    if (status == QUIRE_NO_SPACE && segments_parse(start->file, start->bytes, start->image, &unused) == QUIRE_OK) {
        start->segmented = true;
        status = QUIRE_OK;
    }
    return status;
}

quire_status_t process_start(const void *image, size_t bytes, const char *name, const char *const *argv,
                             const char *const *envp, process_t **process, const char **reason)
{
    static elf_image_t judged; /* too large for the stack; one program is started at a time */
    start_t start = {.file = image,
                     .bytes = bytes,
                     .image = &judged,
                     .path = argv[0] != NULL ? argv[0] : name,
                     .argv = argv,
                     .envp = envp};
    process_t *place = unused_place();
    const char *why = "there are too many processes";
    quire_status_t status = QUIRE_NO_MEMORY;

    if (place != NULL)
        status = judge(&start, &why);
    if (status == QUIRE_OK) {
        *place = (process_t){.id = last_id + 1};
        set_name(place, name);
        status = build(place, &start, &why);
    }
    if (status != QUIRE_OK) {
        if (reason != NULL)
            *reason = why;
        return status;
    }
    last_id = place->id;
    place->state = PROCESS_READY;
    *process = place;
    return QUIRE_OK;
}

/* The first ready one after the last that ran. */
static process_t *next_ready(void)
{
    for (unsigned i = 1; i <= PROCESS_MAX; i++) {
        unsigned place = (last_place + i) % PROCESS_MAX;

        if (processes[place].state == PROCESS_READY) {
            last_place = place;
            return &processes[place];
        }
    }
    return NULL;
}

bool process_run(void)
{
    process_t *process = next_ready();

    if (process == NULL)
        return false;
    current = process;
    activate(&process->space);
    arch_set_kernel_stack(stack_top(process));
    arch_set_user_table(&process->space.table);
    ports_switch(process);
    segments_switch(process);
    arch_user_state_load(&process->user);
    arch_switch_stack(&main_stack, process->saved_stack);
    current = NULL;
    if (process->state == PROCESS_ENDED)
        release(process);
    else
        arch_user_state_save(&process->user);
    return true;
}

process_t *process_current(void)
{
    return current;
}

static void leave(void)
{
    arch_switch_stack(&current->saved_stack, main_stack);
}

_Noreturn void process_exit(int exit_status)
{
    current->state = PROCESS_ENDED;
    current->exit_status = exit_status;
    leave();
    quire_port_panic("process: one that has ended runs on");
}

void process_yield(void)
{
    current->ticks++;
    leave();
}

void process_block(void)
{
    current->state = PROCESS_BLOCKED;
    leave();
}

void process_kill(process_t *process, int exit_status)
{
    if (process == current)
        quire_port_panic("process: killed while it runs");
    if (process->state != PROCESS_READY && process->state != PROCESS_BLOCKED)
        return;
    process->state = PROCESS_ENDED;
    process->exit_status = exit_status;
    release(process);
}

void process_reap(process_t *process)
{
    if (process->state != PROCESS_ENDED)
        quire_port_panic("process: reaped before it has ended");
    *process = (process_t){.state = PROCESS_UNUSED};
}

process_t *process_find(unsigned id)
{
    for (unsigned place = 0; place < PROCESS_MAX; place++) {
        if (processes[place].state != PROCESS_UNUSED && processes[place].id == id)
            return &processes[place];
    }
    return NULL;
}

process_t *process_at(unsigned place)
{
    return place < PROCESS_MAX && processes[place].state != PROCESS_UNUSED ? &processes[place] : NULL;
}

quire_status_t process_check_spaces(void)
{
    quire_space_t *spaces[PROCESS_MAX + 1] = {&kernel_space};
    size_t count = 1;
    size_t held = 0;

    for (unsigned place = 0; place < PROCESS_MAX; place++) {
        if (processes[place].state != PROCESS_READY && processes[place].state != PROCESS_BLOCKED)
            continue;
        spaces[count++] = &processes[place].space;
        if (processes[place].segments != NULL)
            held = SIZE_MAX;
    }
    return quire_vmm_check_all(spaces, count, held);
}
