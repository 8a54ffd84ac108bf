/* SPDX-License-Identifier: MIT */
/*
 * provoke.c - does to the CPU, from ring 3, what a kernel must survive. argv[1] names the provocation.
 *
 * Ends with 7 if the program lives on, as it should after the harmless ones; the others end by a signal. No library, so
 * that every register is ours to spoil.
 */
typedef unsigned long word_t;

#define SURVIVED 7
#define NOT_DEAD 50
#define UNKNOWN  99

#define FLAG_TRACE     0x100
#define FLAG_DIRECTION 0x400
#define FLAG_IOPL      0x3000
#define FLAG_NESTED    0x4000
#define FLAG_ALIGN     0x40000

void provoke(word_t *stack);

#ifdef __x86_64__

__asm__(".globl _start\n_start: mov %rsp, %rdi; and $-16, %rsp; call provoke");

#define CALL_EXIT   60
#define CALL_GETPID 39

static long call(long number, long argument)
{
    long result;

    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
    return result;
}

#define SET_FLAGS(flags) __asm__ volatile("pushfq; orq %0, (%%rsp); popfq; nop; nop" : : "i"(flags) : "memory", "cc")

#else

__asm__(".globl _start\n_start: mov %esp, %eax; and $-16, %esp; sub $12, %esp; push %eax; call provoke");

#define CALL_EXIT            1
#define CALL_GETPID          20
#define CALL_SET_THREAD_AREA 243

static long call(long number, long argument)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(argument) : "memory");
    return result;
}

#define SET_FLAGS(flags) __asm__ volatile("pushfl; orl %0, (%%esp); popfl; nop; nop" : : "i"(flags) : "memory", "cc")

#endif

/* Long enough for the timer to interrupt, and system calls for the other way in. */
static void live_on(void)
{
    for (volatile int i = 0; i < 3000000; i++)
        ;
    for (int i = 0; i < 100; i++)
        call(CALL_GETPID, 0);
    call(CALL_EXIT, SURVIVED);
}

static void nothing(void)
{
    live_on();
}

static void trace_flag(void)
{
    SET_FLAGS(FLAG_TRACE);
}

static void trace_flag_into_the_kernel(void)
{
#ifdef __x86_64__
    __asm__ volatile("mov $39, %%eax; pushfq; orq $0x100, (%%rsp); popfq; syscall" : : : "rax", "rcx", "r11", "memory");
#else
    __asm__ volatile("mov $20, %%eax; pushfl; orl $0x100, (%%esp); popfl; int $0x80" : : : "eax", "memory");
#endif
}

static void nested_task_flag(void)
{
    SET_FLAGS(FLAG_NESTED);
    live_on();
}

static void alignment_flag(void)
{
    SET_FLAGS(FLAG_ALIGN);
    live_on();
}

static void direction_flag(void)
{
    SET_FLAGS(FLAG_DIRECTION);
    call(CALL_GETPID, 0);
    live_on();
}

static void input_output_privilege(void)
{
    SET_FLAGS(FLAG_IOPL);
    __asm__ volatile("cli");
}

static void halt(void)
{
    __asm__ volatile("hlt");
}

static void write_a_port(void)
{
    __asm__ volatile("outb %%al, $0xf4" : : "a"(0x10));
}

static void load_cr3(void)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"((word_t)0));
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void interrupt_of_the_kernel(void)
{
    __asm__ volatile("int $14");
}

static void double_fault_gate(void)
{
    __asm__ volatile("int $8");
}

static void kernel_stack_segment(void)
{
    __asm__ volatile("mov %0, %%ss" : : "r"(0x10));
}

static void null_stack_segment(void)
{
    __asm__ volatile("mov %0, %%ss" : : "r"(0));
}

static void odd_data_segments(void)
{
    __asm__ volatile("mov %0, %%fs; mov %0, %%gs; mov %1, %%es" : : "r"(0), "r"(0x23));
    live_on();
}

static void unmasked_division_by_zero(void)
{
    unsigned short control = 0x300;

    __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait; fnop" : : "m"(control));
}

static void stack_in_the_kernel(void)
{
#ifdef __x86_64__
    __asm__ volatile("mov %0, %%rsp; mov $39, %%eax; syscall; push %%rax" : : "r"(0xffffffff80200000));
#else
    __asm__ volatile("mov %0, %%esp; mov $20, %%eax; int $0x80; push %%eax" : : "r"(0xc0200000));
#endif
}

#ifdef __x86_64__

static void system_call_of_another_kind(void)
{
    __asm__ volatile("int $0x80" : : "a"(1), "b"(0));
}

static void jump_to_no_address(void)
{
    __asm__ volatile("jmp *%0" : : "r"(0x800000000000));
}

static void return_to_no_address(void)
{
    word_t frame[5] = {0x800000000000, 0x2b, 0x202, (word_t)frame, 0x23};

    __asm__ volatile("mov %0, %%rsp; iretq" : : "r"(frame) : "memory");
}

static void stack_at_no_address(void)
{
    __asm__ volatile("mov %0, %%rsp\n"
                     "mov $39, %%eax\n"
                     "syscall\n"
                     "mov $20000000, %%ecx\n"
                     "1: loop 1b\n"
                     "mov $60, %%eax\n"
                     "mov $7, %%edi\n"
                     "syscall"
                     :
                     : "r"(0x800000000000));
}

static void swap_gs(void)
{
    __asm__ volatile("swapgs");
}

static void compatibility_mode(void)
{
    struct {
        unsigned offset;
        unsigned short selector;
    } __attribute__((packed)) target = {0x401000, 0x1b};

    __asm__ volatile("ljmp *%0" : : "m"(target));
}

#else

typedef struct area {
    unsigned entry;
    unsigned base;
    unsigned limit;
    unsigned flags;
} area_t;

/* A flat segment of ring 3 in the entry that set_thread_area gives; its selector. */
static int flat_segment(void)
{
    area_t area = {-1u, 0, 0xfffff, 0x51};

    if (call(CALL_SET_THREAD_AREA, (long)&area) != 0)
        call(CALL_EXIT, UNKNOWN);
    return (int)(area.entry * 8 + 3);
}

static void forget_segment(int selector)
{
    area_t area = {(unsigned)selector / 8, 0, 0, 0x28};

    if (call(CALL_SET_THREAD_AREA, (long)&area) != 0)
        call(CALL_EXIT, UNKNOWN);
}

static void segment_that_is_gone(void)
{
    int selector = flat_segment();

    __asm__ volatile("mov %0, %%gs; mov %0, %%fs" : : "r"(selector));
    forget_segment(selector);
    live_on();
}

static void stack_segment_that_is_gone(void)
{
    int selector = flat_segment();

    __asm__ volatile("mov %0, %%ss" : : "r"(selector));
    forget_segment(selector);
}

static void return_from_no_task(void)
{
    SET_FLAGS(FLAG_NESTED);
    __asm__ volatile("pushfl; push $0x1b; push $1f; iret; 1: nop" : : : "memory");
}

static void jump_to_a_task(void)
{
    __asm__ volatile("ljmp $0x48, $0");
}

static void overflow(void)
{
    __asm__ volatile("mov $0x7fffffff, %%eax; add $1, %%eax; into" : : : "eax", "cc");
}

static void write_a_window_of_the_kernel(void)
{
    *(volatile int *)0xff800000 = 1;
}

#endif

static const struct {
    const char *name;
    void (*run)(void);
} provocations[] = {
    {"nothing", nothing},
    {"trace-flag", trace_flag},
    {"trace-flag-into-the-kernel", trace_flag_into_the_kernel},
    {"nested-task-flag", nested_task_flag},
    {"alignment-flag", alignment_flag},
    {"direction-flag", direction_flag},
    {"input-output-privilege", input_output_privilege},
    {"halt", halt},
    {"write-a-port", write_a_port},
    {"load-cr3", load_cr3},
    {"breakpoint", breakpoint},
    {"interrupt-of-the-kernel", interrupt_of_the_kernel},
    {"double-fault-gate", double_fault_gate},
    {"kernel-stack-segment", kernel_stack_segment},
    {"null-stack-segment", null_stack_segment},
    {"odd-data-segments", odd_data_segments},
    {"unmasked-division-by-zero", unmasked_division_by_zero},
    {"stack-in-the-kernel", stack_in_the_kernel},
#ifdef __x86_64__
    {"system-call-of-another-kind", system_call_of_another_kind},
    {"jump-to-no-address", jump_to_no_address},
    {"return-to-no-address", return_to_no_address},
    {"stack-at-no-address", stack_at_no_address},
    {"swap-gs", swap_gs},
    {"compatibility-mode", compatibility_mode},
#else
    {"segment-that-is-gone", segment_that_is_gone},
    {"stack-segment-that-is-gone", stack_segment_that_is_gone},
    {"return-from-no-task", return_from_no_task},
    {"jump-to-a-task", jump_to_a_task},
    {"overflow", overflow},
    {"write-a-window-of-the-kernel", write_a_window_of_the_kernel},
#endif
};

static int same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

void provoke(word_t *stack)
{
    char **argv = (char **)(stack + 1);

    for (unsigned i = 0; stack[0] > 1 && i < sizeof(provocations) / sizeof(provocations[0]); i++) {
        if (same(argv[1], provocations[i].name)) {
            provocations[i].run();
            call(CALL_EXIT, NOT_DEAD);
        }
    }
    call(CALL_EXIT, UNKNOWN);
    for (;;)
        ;
}
