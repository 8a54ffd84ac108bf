/* SPDX-License-Identifier: MIT */
/*
 * gates.c - tries to get into ring 0 by what a CPU, a loader or a firmware may have left behind. argv[1] names the try.
 *
 *     low       asks for memory below 64 KiB in every way there is; 0: it got none
 *     look      looks every selector of an LDT up; 0: there is no LDT
 *     call      puts a call gate wherever it gets memory in the first 64 KiB, and calls through each selector that
 * would lead there: SIGSEGV, if all is well sysenter, syscall   the two instructions of other kernels: SIGSEGV or
 * SIGILL where this kernel has no use for them
 *
 * A program that has been in ring 0 ends with 42. No library: the first instruction is ours.
 */
typedef unsigned long word_t;

#define IN_RING_0 42
#define UNKNOWN   99
#define LOW_END   0x10000ul
#define PAGE      0x1000ul
#define EPERM     1

#define READ_WRITE 3
#define ANYWHERE   0x22 /* private, anonymous */
#define FIXED      0x32
#define NO_REPLACE 0x100022
#define MOVE_THERE 3 /* mremap: may move, fixed */

void attempt(word_t *stack);

#ifdef __x86_64__

__asm__(".globl _start\n_start: mov %rsp, %rdi; and $-16, %rsp; call attempt");

#define CALL_EXIT   60
#define CALL_MMAP   9
#define CALL_MREMAP 25
#define CALL_BRK    12
#define GATE_BYTES  16

static long call(long number, word_t a, word_t b, word_t c, word_t d, word_t e)
{
    register word_t r10 __asm__("r10") = d;
    register word_t r8 __asm__("r8") = e;
    register word_t r9 __asm__("r9") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* In ring 0 if ever: CS tells. Exits from there, if the kernel's gate lets it. */
__asm__("inside: mov %cs, %eax; and $3, %eax; mov $42, %edi; jz 1f; mov $3, %edi; 1: mov $60, %eax; syscall");

#else

__asm__(".globl _start\n_start: mov %esp, %eax; and $-16, %esp; sub $12, %esp; push %eax; call attempt");

#define CALL_EXIT   1
#define CALL_MMAP   192
#define CALL_MREMAP 163
#define CALL_BRK    45
#define GATE_BYTES  8

static long call(long number, word_t a, word_t b, word_t c, word_t d, word_t e)
{
    long result;

    __asm__ volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
                     : "=a"(result)
                     : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory");
    return result;
}

__asm__("inside: mov %cs, %eax; and $3, %eax; mov $42, %ebx; jz 1f; mov $3, %ebx; 1: mov $1, %eax; int $0x80");

#endif

extern char inside[];

static long map(word_t at, word_t flags)
{
    return call(CALL_MMAP, at, PAGE, READ_WRITE, flags, (word_t)-1);
}

static int is_low(long answer)
{
    return answer >= 0 && (word_t)answer < LOW_END;
}

/* How many ways led below 64 KiB, or were refused otherwise than by Linux. */
static word_t ask_for_low_memory(void)
{
    long high = map(0, ANYWHERE);
    word_t wrong = is_low(high);

    for (word_t at = 0; at < LOW_END; at += PAGE) {
        wrong += map(at, FIXED) != -EPERM;
        wrong += map(at, NO_REPLACE) != -EPERM;
        wrong += call(CALL_MREMAP, (word_t)high, PAGE, PAGE, MOVE_THERE, at) != -EPERM;
        wrong += is_low(map(at, ANYWHERE));
        wrong += is_low(map(at + 0x123, ANYWHERE));
    }
    call(CALL_BRK, 0x1000, 0, 0, 0, 0);
    wrong += is_low(call(CALL_BRK, 0, 0, 0, 0, 0));
    wrong += map(LOW_END, FIXED) != (long)LOW_END;
    return wrong;
}

static word_t look_for_a_table(void)
{
    word_t found = 0;

    for (word_t selector = 7; selector < 0x10000; selector += 8) {
        word_t rights = 0;
        unsigned char zero;

        __asm__ volatile("lar %2, %0; setz %1" : "+r"(rights), "=q"(zero) : "r"(selector) : "cc");
        found += zero;
    }
    return found;
}

static void call_gates(void)
{
    word_t target = (word_t)inside;
    word_t selector = 0x1007;
    struct {
        unsigned offset;
        unsigned short selector;
    } __attribute__((packed)) far = {0, 0x1007};

    for (word_t at = PAGE; at < LOW_END; at += PAGE) {
        volatile unsigned *gate = (volatile unsigned *)at;

        if (map(at, FIXED) != (long)at)
            continue;
        gate[0] = 0x00080000 | (target & 0xffff);
        gate[1] = (target & 0xffff0000) | 0xEC00; /* present, ring 3, call gate */
#ifdef __x86_64__
        gate[2] = target >> 32;
        gate[3] = 0;
#endif
        selector = at | 7;
    }
    far.selector = (unsigned short)selector;
    __asm__ volatile("lcall *%0" : : "m"(far) : "memory");
}

static void enter_by_sysenter(void)
{
    __asm__ volatile("mov %0, %%ecx; mov %0, %%edx; sysenter"
                     :
                     : "r"((unsigned)(word_t)inside)
                     : "ecx", "edx", "memory");
}

static void enter_by_syscall(void)
{
    __asm__ volatile(".byte 0x0f, 0x05" : : "a"(-1) : "ecx", "memory");
}

void attempt(word_t *stack)
{
    const char *what = stack[0] > 1 ? (const char *)stack[2] : "";
    word_t status = UNKNOWN;

    if (what[0] == 'l' && what[2] == 'w')
        status = ask_for_low_memory();
    else if (what[0] == 'l')
        status = look_for_a_table();
    else if (what[0] == 'c')
        call_gates();
    else if (what[0] == 's' && what[3] == 'e')
        enter_by_sysenter();
    else if (what[0] == 's')
        enter_by_syscall();
    call(CALL_EXIT, status < UNKNOWN ? status : UNKNOWN, 0, 0, 0, 0);
    for (;;)
        ;
}
