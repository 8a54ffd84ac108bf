/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - the scenarios by real instructions, on QEMU and bochs. Output goes to the first serial port.
 *
 * The i386 build runs the modes 32 and pae, the x86_64 builds long and la57. The kernel lies below 8 MiB and works with
 * physical addresses, which every mode maps one to one; it never needs an interrupt.
 */
#include "scenario.h"

#include <stddef.h>

extern volatile uintptr_t access_stack, trap_vector, trap_error, trap_cr2, trap_value;
extern const char trap_entries[], trap_end[], stubs[], stubs_end[];
extern const char stub_read1[], stub_read4[], stub_write1[], stub_write4[], stub_execute[], stub_fs_read1[],
    stub_fs_read4[], stub_fs_write1[], stub_ss_read1[], stub_lldt[], stub_cr0[], stub_cr3[], stub_cr4[], stub_wrmsr[],
    stub_invlpg[];
void access_run(uintptr_t stub, uintptr_t user, uintptr_t va, uintptr_t selector, uintptr_t flags);
void segments_reload(void);
void kernel_main(void);
void trap_unexpected(void);
void *memset(void *to, int value, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes);

enum { SERIAL = 0x3F8, MSR_EFER = 0xC0000080u, MSR_PAT = 0x277, EFER_LME = 0x100, EFER_NXE = 0x800 };
enum {
    CR0_PE = 1,
    CR0_WP = 0x10000,
    CR4_PSE = 0x10,
    CR4_PAE = 0x20,
    CR4_PGE = 0x80,
    CR4_PKE = 0x400000,
    CR4_LA57 = 0x1000
};
#define CR0_PG UINT32_C(0x80000000)

static struct {
    uint32_t words[26];
} tss __attribute__((aligned(128)));
static uint64_t idt[2 * 0x81];
static char trap_stack[4096] __attribute__((aligned(16)));

void *memset(void *to, int value, size_t bytes)
{
    for (volatile char *at = to; bytes > 0; bytes--)
        *at++ = (char)value;
    return to;
}

void *memcpy(void *to, const void *from, size_t bytes)
{
    const char *source = from;

    for (volatile char *at = to; bytes > 0; bytes--)
        *at++ = *source++;
    return to;
}

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void backend_print(char c)
{
    while (!(in8(SERIAL + 5) & 0x20))
        ;
    out8(SERIAL, (uint8_t)c);
}

static void print(const char *text)
{
    while (*text)
        backend_print(*text++);
}

/* QEMU's isa-debug-exit, then bochs' shutdown port. */
static _Noreturn void leave(uint8_t status)
{
    while (!(in8(SERIAL + 5) & 0x40))
        ;
    out8(0xF4, status);
    for (const char *c = "Shutdown"; *c; c++)
        out8(0x8900, (uint8_t)*c);
    for (;;)
        __asm__ volatile("hlt");
}

void trap_unexpected(void)
{
    print("trap outside an access: vector ");
    backend_print((char)('0' + trap_vector / 10));
    backend_print((char)('0' + trap_vector % 10));
    print("\n");
    leave(1);
}

#define REGISTER(name)                                                                                                 \
    static uintptr_t get_##name(void)                                                                                  \
    {                                                                                                                  \
        uintptr_t value;                                                                                               \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                                         \
        return value;                                                                                                  \
    }                                                                                                                  \
    static void set_##name(uintptr_t value)                                                                            \
    {                                                                                                                  \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                                                \
    }
REGISTER(cr0)
REGISTER(cr4)

static void set_cr3(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"((uintptr_t)value) : "memory");
}

static uint32_t get_efer(void)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
    return low;
}

static void set_efer(uint64_t value)
{
    __asm__ volatile("wrmsr" : : "a"((uint32_t)value), "d"(0), "c"(MSR_EFER) : "memory");
}

static void set_pkru(uint64_t value)
{
    __asm__ volatile("wrpkru" : : "a"((uint32_t)value), "d"(0), "c"(0) : "memory");
}

static void cpuid(uint32_t leaf, uint32_t result[4])
{
    __asm__ volatile("cpuid" : "=a"(result[0]), "=b"(result[1]), "=c"(result[2]), "=d"(result[3]) : "a"(leaf), "c"(0));
}

bool backend_has(unsigned needs)
{
    uint32_t one[4], seven[4], extended[4], hypervisor[4];
    unsigned there = 0;

    cpuid(1, one);
    cpuid(7, seven);
    cpuid(0x80000001u, extended);
    cpuid(0x40000000u, hypervisor);
    there |= seven[1] & 1u << 7 ? NEEDS_SMEP : 0;
    there |= seven[1] & 1u << 20 ? NEEDS_SMAP : 0;
    there |= seven[1] & 1u << 10 ? NEEDS_INVPCID : 0;
    there |= seven[2] & 1u << 3 ? NEEDS_PKU : 0;
    there |= one[2] & 1u << 17 ? NEEDS_PCID : 0;
    there |= extended[3] & 1u << 26 ? NEEDS_1GIB : 0;
    there |= one[2] >> 31 && hypervisor[1] == 0x54474354 /* "TCGT" */ ? 0 : NEEDS_CHECKS;
    return (needs & ~there) == 0;
}

void backend_poke(uint32_t pa, uint64_t value, unsigned bytes)
{
    if (bytes == 1)
        *(volatile uint8_t *)(uintptr_t)pa = (uint8_t)value;
    else if (bytes == 4)
        *(volatile uint32_t *)(uintptr_t)pa = (uint32_t)value;
    else
        *(volatile uint64_t *)(uintptr_t)pa = value;
}

uint64_t backend_peek(uint32_t pa, unsigned bytes)
{
    if (bytes == 1)
        return *(volatile uint8_t *)(uintptr_t)pa;
    if (bytes == 4)
        return *(volatile uint32_t *)(uintptr_t)pa;
    return *(volatile uint64_t *)(uintptr_t)pa;
}

static void load_tables(unsigned mode)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uintptr_t base;
    } pointer = {GDT_LIMIT, TEST_GDT};
    uint64_t base = (uintptr_t)&tss, low = base & 0xFFFFFF, high = base >> 24 & 0xFF;

    backend_poke(TEST_GDT + TSS, (sizeof tss - 1) | low << 16 | UINT64_C(0x89) << 40 | high << 56, 8);
    if (mode & MODE_LONG)
        backend_poke(TEST_GDT + TSS + 8, base >> 32, 8);
    __asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
    segments_reload();
    __asm__ volatile("lldt %w0" : : "r"(0) : "memory");
    __asm__ volatile("ltr %w0" : : "r"(TSS) : "memory");
    pointer.limit = (uint16_t)(mode & MODE_LONG ? 16 * 0x81 - 1 : 8 * 0x81 - 1);
    pointer.base = (uintptr_t)idt;
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

void backend_reset(unsigned mode)
{
    uintptr_t cr4 = CR4_PSE | (mode == MODE_32 ? 0 : CR4_PAE);

    if (mode == MODE_5_LEVEL)
        cr4 |= CR4_LA57;
    load_tables(mode);
    if (!(mode & MODE_LONG) && !(get_cr0() & CR0_PG))
        set_cr4(cr4);
    set_cr3(ROOT);
    if (mode != MODE_32)
        set_efer(get_efer() | EFER_NXE);
    set_cr0((get_cr0() & CR0_PE) | 0x10 | CR0_PG | CR0_WP);
    if (backend_has(NEEDS_PKU)) {
        set_cr4(cr4 | CR4_PKE);
        set_pkru(0);
    }
    set_cr4(cr4);
    set_cr4(cr4 | CR4_PGE);
}

static void invalidate(const step_t *step, uint64_t va)
{
    uint64_t descriptor[2] = {step->value, va};

    if (step->operation == INVLPG)
        __asm__ volatile("invlpg (%0)" : : "r"((uintptr_t)va) : "memory");
    else
        __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"((uintptr_t)step->entry) : "memory");
}

void backend_control(const step_t *step, unsigned mode)
{
    switch (step->operation) {
    case CR0:
        set_cr0((uintptr_t)((get_cr0() | step->value) & ~step->offset));
        break;
    case CR4:
        set_cr4((uintptr_t)((get_cr4() | step->value) & ~step->offset));
        break;
    case EFER:
        set_efer((get_efer() | step->value) & ~step->offset);
        break;
    case CR3:
        set_cr3(ROOT | step->value);
        break;
    case INVLPG:
    case INVPCID:
        invalidate(step, test_va(mode) + step->offset);
        break;
    default: /* PKRU; the other operations do not come here */
        set_pkru(step->value);
        break;
    }
}

static const char *stub_of(const step_t *step)
{
    static const char *const one_byte[] = {
        [READ] = stub_read1,         [WRITE] = stub_write1,     [EXECUTE] = stub_execute, [FS_READ] = stub_fs_read1,
        [FS_WRITE] = stub_fs_write1, [SS_READ] = stub_ss_read1, [LOAD_LDT] = stub_lldt,   [TRY_CR0] = stub_cr0,
        [TRY_CR3] = stub_cr3,        [TRY_CR4] = stub_cr4,      [TRY_EFER] = stub_wrmsr,  [TRY_PAT] = stub_wrmsr,
        [TRY_INVLPG] = stub_invlpg,
    };

    if (step->bytes != 4)
        return one_byte[step->operation];
    if (step->operation == READ)
        return stub_read4;
    return step->operation == WRITE ? stub_write4 : stub_fs_read4;
}

/* What the stub finds in EAX or RAX: an address, or a register's new value. */
static uint64_t operand_of(const step_t *step, unsigned mode)
{
    switch (step->operation) {
    case TRY_CR0:
        return (get_cr0() | step->value) & ~step->offset;
    case TRY_CR3:
        return ROOT | step->value;
    case TRY_CR4:
        return (get_cr4() | step->value) & ~step->offset;
    case TRY_EFER:
        return (get_efer() | step->value) & ~step->offset;
    case TRY_PAT:
        return step->value;
    case FS_READ:
    case FS_WRITE:
    case SS_READ:
        return step->offset + (mode & MODE_LONG ? test_va(mode) : 0);
    default:
        return step->offset + test_va(mode);
    }
}

/* What it finds in ECX: a selector, or the number of an MSR. */
static uintptr_t selector_of(const step_t *step)
{
    if (step->operation == TRY_EFER)
        return MSR_EFER;
    return step->operation == TRY_PAT ? MSR_PAT : (uintptr_t)step->value;
}

outcome_t backend_access(const step_t *step, unsigned mode, bool ac)
{
    const char *stub = stub_of(step);
    uintptr_t at = step->entry ? USER_AREA + (uintptr_t)(stub - stubs) : (uintptr_t)stub;

    access_run(at, step->entry, (uintptr_t)operand_of(step, mode), selector_of(step), 2 | (ac ? 1u << 18 : 0));

    outcome_t outcome = {.vector = (uint8_t)trap_vector, .value = (uint32_t)trap_value};
    if (outcome.vector != 0x80)
        outcome.error_code = (uint32_t)trap_error;
    if (outcome.vector == 14)
        outcome.cr2 = trap_cr2;
    return outcome;
}

static void set_gate(unsigned vector, const char *entry, unsigned dpl)
{
    uint64_t offset = (uintptr_t)entry;
    uint64_t gate = (offset & 0xFFFF) | (uint64_t)KERNEL_CODE << 16 | UINT64_C(0x8E) << 40 | (uint64_t)dpl << 45 |
                    (offset >> 16 & 0xFFFF) << 48;

    if (sizeof(uintptr_t) == 8) {
        idt[2 * vector] = gate;
        idt[2 * vector + 1] = offset >> 32;
    } else {
        idt[vector] = gate;
    }
}

static void run(unsigned mode)
{
    if (!(mode & MODE_LONG))
        set_cr0(get_cr0() & ~(uintptr_t)CR0_PG);
    for (uint32_t pa = ROOT; pa < LOW_PML4 + 0x1000; pa += 8)
        backend_poke(pa, 0, 8);
    run_scenarios(mode);
}

void kernel_main(void)
{
    uintptr_t stack = (uintptr_t)(trap_stack + sizeof trap_stack);

    out8(SERIAL + 3, 3); /* eight data bits; after a reset there are five */
    print("\n");
    for (unsigned i = 0; i < 32; i++)
        set_gate(i, trap_entries + 16 * i, 0);
    set_gate(0x80, trap_end, 3);
    tss.words[1] = (uint32_t)stack;
    tss.words[2] = sizeof(uintptr_t) == 8 ? 0 : KERNEL_DATA;
    memset((void *)(uintptr_t)USER_AREA, 0, 0x1000);
    memcpy((void *)(uintptr_t)USER_AREA, stubs, (size_t)(stubs_end - stubs));
    if (sizeof(uintptr_t) == 8) {
        run(get_cr4() & CR4_LA57 ? MODE_5_LEVEL : MODE_4_LEVEL);
    } else {
        run(MODE_32);
        run(MODE_PAE);
    }
    print("end\n");
    leave(0);
}
