/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - the privileged instructions of the reference kernel, and what this CPU can do. Private to kernel/arch.
 *
 * Sources: Intel SDM volume 2 for each instruction, volume 3 chapter 2 for the control registers.
 */
#ifndef KERNEL_ARCH_CPU_H
#define KERNEL_ARCH_CPU_H

#include <quire/types.h>

#define CR0_PROTECTION (1u << 0)
#define CR0_MONITOR    (1u << 1)
#define CR0_EXTENSION  (1u << 4)
#define CR0_NUMERIC    (1u << 5)
#define CR0_WP         (1u << 16)
#define CR0_PAGING     (1u << 31)

#define CR4_PSE        (1u << 4)
#define CR4_PAE        (1u << 5)
#define CR4_PGE        (1u << 7)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_PCIDE      (1u << 17)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)
#define CR4_PKE        (1u << 22)

#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_DEBUGCTL       0x1D9
#define MSR_PAT            0x277
#define MSR_EFER           0xC0000080
#define MSR_STAR           0xC0000081
#define MSR_LSTAR          0xC0000082
#define MSR_CSTAR          0xC0000083
#define MSR_SFMASK         0xC0000084
#define MSR_FS_BASE        0xC0000100
#define MSR_GS_BASE        0xC0000101
#define MSR_KERNEL_GS_BASE 0xC0000102

#define EFER_SCE   1u
#define EFER_LME   (1u << 8)
#define EFER_LMA   (1u << 10)
#define EFER_NXE   (1u << 11)
#define EFER_SVME  (1u << 12)
#define EFER_LMSLE (1u << 13)

#define FLAG_TF (1u << 8)
#define FLAG_IF (1u << 9)
#define FLAG_DF (1u << 10)
#define FLAG_NT (1u << 14)
#define FLAG_AC (1u << 18)

/* What CPUID says. */
typedef struct cpu_features {
    bool fxsr;
    bool sse;
    bool pge;
    bool smep;
    bool smap;
    bool umip;
    bool keys; /* protection keys of users' pages, and a format that has them */
    bool pcid;
    bool gigabyte_pages;
    bool keeps_last_addresses; /* of the floating-point unit, when a state without exceptions is loaded */
    unsigned physical_bits;
} cpu_features_t;

extern cpu_features_t cpu_features;

/* Read by the entry code on every trap: is there an AC flag that opens the user's memory, and must be cleared? */
extern bool cpu_smap_enabled;

/* Fills cpu_features. */
void cpu_detect(void);

/* What needs the kernel's own page tables: global pages, SMEP, SMAP, UMIP, keys, and in long mode PCID. */
void cpu_enable_protections(void);

/* kernel/arch/<arch>/tables.c: GDT, IDT and TSS, and their sizes. It needs nothing but .bss, so that faults are told
   from the first moment on. */
void cpu_tables_init(void);
extern const uint16_t cpu_gdt_bytes, cpu_idt_bytes;

void pic_init(void);
void pit_init(unsigned hertz);

static inline void cpu_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void cpu_out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t cpu_in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uintptr_t cpu_read_cr0(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline void cpu_write_cr0(uintptr_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline uintptr_t cpu_read_cr2(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static inline uintptr_t cpu_read_cr3(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

/* Drops what is not global. */
static inline void cpu_reload_cr3(void)
{
    uintptr_t value = cpu_read_cr3();

    __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline uintptr_t cpu_read_cr4(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cpu_write_cr4(uintptr_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline uint64_t cpu_read_msr(uint32_t msr)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void cpu_write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* PKRU: only where CR4.PKE is set. ECX is 0, and so is EDX of what is written. */
static inline uint32_t cpu_read_pkru(void)
{
    uint32_t value;

    __asm__ volatile("rdpkru" : "=a"(value) : "c"(0) : "edx");
    return value;
}

static inline void cpu_write_pkru(uint32_t value)
{
    __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

typedef struct cpu_id {
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;
} cpu_id_t;

static inline cpu_id_t cpu_identify(uint32_t leaf, uint32_t subleaf)
{
    cpu_id_t id;

    __asm__ volatile("cpuid" : "=a"(id.a), "=b"(id.b), "=c"(id.c), "=d"(id.d) : "a"(leaf), "c"(subleaf));
    return id;
}

/* What LGDT and LIDT read. */
typedef struct cpu_table_pointer {
    uint16_t limit;
    uintptr_t base;
} __attribute__((packed)) cpu_table_pointer_t;

static inline void cpu_load_gdt(const void *table, size_t bytes)
{
    cpu_table_pointer_t pointer = {(uint16_t)(bytes - 1), (uintptr_t)table};

    __asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
}

static inline void cpu_load_idt(const void *table, size_t bytes)
{
    cpu_table_pointer_t pointer = {(uint16_t)(bytes - 1), (uintptr_t)table};

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

static inline void cpu_load_task(uint16_t selector)
{
    __asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

/* 0: no LDT. */
static inline void cpu_load_local(uint16_t selector)
{
    __asm__ volatile("lldt %0" : : "r"(selector) : "memory");
}

/* STI takes effect after the next instruction, so that no interrupt can slip in before HLT. */
static inline void cpu_wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* STI lets nothing in before the instruction after it has ended. */
static inline void cpu_let_interrupts_in(void)
{
    __asm__ volatile("sti; nop; cli" : : : "memory");
}

static inline void cpu_halt(void)
{
    __asm__ volatile("cli; hlt" : : : "memory");
}

static inline uint64_t cpu_timestamp(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

#endif
